"""What a kernel exercises, as features: short texts in groups, of which coverage is made.

A feature is a number of 64 bits: its group in the upper four, a hash of its text in the rest. So features of all
groups live in one set, the same in every process, and every run can tell what an older corpus has covered.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from extractor import branches
from extractor.calls import NativeCall, call_sites
from extractor.compiling import Compiled
from extractor.feeds import called, feeds
from extractor.overloads_used import overload_keys
from extractor.record import Record
from grammar import focus
from grammar.constructs import construct_pairs
from grammar.contexts import CONTEXTS
from grammar.kernel import Kernel

_GROUP_BITS = 60


@dataclass(frozen=True)
class Group:
    """A kind of feature: its number from 0 to 15, its name, what it counts, and how many there are.

    `total` returns None for a group that is open-ended, or cannot be told with the installed Warp.
    """

    number: int
    name: str
    title: str
    total: Callable[[], int | None]


def _open_ended() -> None:
    return None


@functools.cache
def _generable_keys() -> frozenset[str]:
    return frozenset(one.key for one in focus.everything())


@functools.cache
def _differentiable_keys() -> frozenset[str]:
    return frozenset(one.key for one in focus.everything() if one.differentiable)


def _placed() -> int:
    return len(_known_signatures()) * len(CONTEXTS)


GROUPS: Mapping[str, Group] = {
    group.name: group
    for group in (
        Group(0, "branch", "branches of Warp's code generator", branches.known_branches),
        Group(1, "overload", "generable overloads called", lambda: len(_generable_keys())),
        Group(2, "adjoint", "generable overloads whose adjoint is called", lambda: len(_differentiable_keys())),
        Group(3, "call", "native functions with the types of their arguments", _open_ended),
        Group(4, "pair", "who feeds whom", _open_ended),
        Group(5, "ptx", "PTX opcodes with their modifiers", _open_ended),
        Group(6, "context", "overloads in the places of a program", _placed),
        Group(7, "production", "constructs in constructs", _open_ended),
    )
}
"""The groups by name. The total of `context` is an upper bound: not every overload may stand in every place."""

_BY_NUMBER = {group.number: group.name for group in GROUPS.values()}


@functools.lru_cache(maxsize=1 << 17)
def feature(group: str, text: str) -> int:
    """Return the number of a feature; raises KeyError for a group that is none.

    In the groups `overload` and `adjoint` an overload's text is its key, `grammar.registry.Registered.key`.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return GROUPS[group].number << _GROUP_BITS | int.from_bytes(digest, "big") & (1 << _GROUP_BITS) - 1


def group_of(number: int) -> str:
    """Return the name of a feature's group; raises KeyError for what is no feature."""
    return _BY_NUMBER[number >> _GROUP_BITS]


def features_of(kernel: Kernel, compiled: Compiled, taken: Collection[str] = ()) -> tuple[int, ...]:
    """Return the features of a kernel that was compiled, sorted; `taken` are the branches that it took."""
    entries = [entry for entry in (compiled.forward_entry, compiled.backward_entry) if entry]
    texts = {
        "branch": taken,
        "ptx": compiled.ptx.opcodes(entries),
        "context": filter(None, map(_context_text, kernel.contexts)),
        **_of_texts(kernel.source, compiled.artifacts.cpp_forward, compiled.artifacts.cpp_backward),
    }
    return _numbers(texts)


def features_of_record(record: Record) -> tuple[int, ...]:
    """Return what a record alone shows of its kernel's features, sorted: no branches, no contexts, no PTX."""
    return _numbers(_of_texts(record.python_source, record.artifacts.cpp_forward, record.artifacts.cpp_backward))


def _numbers(texts: Mapping[str, Iterable[str]]) -> tuple[int, ...]:
    return tuple(sorted({feature(group, text) for group, found in texts.items() for text in found}))


def _of_texts(source: str, forward: str, backward: str) -> dict[str, Iterable[str]]:
    sites = [site for site in call_sites(forward) if called(site)]
    calls = {site.call for site in sites}
    adjoints = {site.call for site in call_sites(backward) if site.native and site.call.function.startswith("adj_")}
    natives = {site.call for site in sites if called(site) != "function"}
    return {
        "overload": overload_keys(calls) & _generable_keys(),
        "adjoint": overload_keys(adjoints) & _differentiable_keys(),
        "call": map(_call_text, natives | adjoints),
        "pair": feeds(sites),
        "production": construct_pairs(source),
    }


_OWN_TYPE = re.compile(r"\b\w+_[0-9a-f]{8}\b")
_TILE_SHAPE = re.compile(r"tile_(shape|coord|stride)_t<([\d,-]*)>")


@functools.lru_cache(maxsize=1 << 14)
def _call_text(call: NativeCall) -> str:
    """Return `dot(wp::vec_t<3,wp::float32>, …)`: the module's own types, literals and the extents of tiles left out."""
    return f"{call.function}({', '.join(map(_type_text, call.arguments))})"


@functools.lru_cache(maxsize=1 << 14)
def _type_text(type_: str) -> str:
    if not type_.startswith("wp::") and type_ != "bool":
        return "struct" if _OWN_TYPE.fullmatch(type_) else "literal"
    type_ = _TILE_SHAPE.sub(lambda match: f"tile_{match[1]}_t<{match[2].count(',') + 1}d>", type_)
    return _OWN_TYPE.sub("struct", type_)


@functools.cache
def _known_signatures() -> frozenset[str]:
    """Return the texts that generable overloads have in `Kernel.contexts`, a generic one's being `name(*)`."""
    return frozenset(one.concrete.signature if one.concrete else f"{one.name}(*)" for one in focus.everything())


@functools.lru_cache(maxsize=1 << 16)
def _context_text(text: str) -> str | None:
    """Return a kernel's context with its overload as registered: one of a generic overload loses its types.

    None for what is no registered overload's name, like the dimensions of `wp.tid`.
    """
    builtin, _, place = text.removeprefix("builtin:").partition(" @ ")
    generic = f"{builtin.partition('(')[0]}(*)"
    signature = next((each for each in (builtin, generic) if each in _known_signatures()), None)
    return signature and f"{signature} @ {place}"
