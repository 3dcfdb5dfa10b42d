"""Which overloads of Warp's registry a kernel's generated C++ exercises, forward and with their adjoints.

Warp registers generic overloads, which kernels resolve to, and concrete ones for named types. A call counts for each
overload of the called built-in whose parameters take the C++ types of the call's arguments.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping

import warp as wp

from extractor.calls import NativeCall, native_calls
from grammar.registry import Registered, builtins, from_warp
from grammar.types import Matrix, Quaternion, Scalar, Transform, ValueType, Vector

_SCALAR = r"(?:wp::(?:u?int(?:8|16|32|64)|b?float(?:16|32|64)))"
_INTEGER = r"(?:wp::u?int(?:8|16|32|64))"
_FLOAT = r"(?:wp::b?float(?:16|32|64))"
_WORDS: Mapping[str, str] = {
    "Any": r".*",
    "Scalar": _SCALAR,
    "Int": _INTEGER,
    "Float": _FLOAT,
    "int": r"wp::int32",
    "float": r"wp::float32",
    "bool": r"(?:wp::)?bool",
}


def overloads_used(cpp: str, adjoint: bool = False) -> frozenset[Registered]:
    """Return the registered overloads that a C++ text calls; with `adjoint` those whose adjoint it calls."""
    found: set[Registered] = set()
    for call in set(native_calls(cpp)):
        is_adjoint = call.function.startswith("adj_")
        if is_adjoint == adjoint:
            found.update(_matching(call.function.removeprefix("adj_"), call))
    return frozenset(found)


def overload_keys(calls: Iterable[NativeCall]) -> frozenset[str]:
    """Return the keys of the registered overloads that calls are of, or that their adjoints belong to."""
    return frozenset(one.key for call in calls for one in _matching(call.function.removeprefix("adj_"), call))


@functools.lru_cache(maxsize=1 << 16)
def _matching(native: str, call: NativeCall) -> tuple[Registered, ...]:
    """Return the overloads that a call may be of; an adjoint's arguments begin with those of the forward call."""
    candidates = _by_native().get(native, ())
    return candidates if len(candidates) == 1 else tuple(one for one in candidates if _takes(one, call))


@functools.cache
def _by_native() -> Mapping[str, tuple[Registered, ...]]:
    found: dict[str, list[Registered]] = {}
    for builtin in builtins().values():
        for one in builtin.overloads:
            found.setdefault(one.native, []).append(one)
    return {native: tuple(overloads) for native, overloads in found.items()}


def _takes(one: Registered, call: NativeCall) -> bool:
    """Whether the overload's parameters take the call's arguments.

    Parameters that Warp turns into template arguments or leaves out (dtypes, shapes, flags) make the numbers differ;
    then the types that are there decide as far as they go.
    """
    arguments = call.arguments
    if not call.result and _has_several_results(one.name):
        arguments = arguments[: len(one.types)]  # the results follow by reference
    if one.parameters and one.parameters[0][0].startswith("*"):
        return all(_accepts(one.types[0], type_) for type_ in arguments)
    required = len(one.types) - len(one.optional)
    if not call.function.startswith("adj_") and not required <= len(arguments) <= len(one.types):
        return one.concrete is None and _is_rewritten(one)
    if len(arguments) < required:
        return False
    return all(map(_accepts, one.types, arguments))


@functools.cache
def _has_several_results(name: str) -> bool:
    concrete = (one.concrete for one in builtins()[name].overloads)
    return any(overload is not None and len(overload.results) > 1 for overload in concrete)


def _is_rewritten(one: Registered) -> bool:
    """Whether Warp writes calls of an overload with other arguments than it was called with."""
    return any(re.search(r"\b(?:Tile|str|tuple|Callable)\b", text) for text in one.types)


@functools.lru_cache(maxsize=1 << 16)
def _accepts(pattern: str, type_: str) -> bool:
    return re.fullmatch(_regex(pattern), type_) is not None


@functools.cache
def _regex(pattern: str) -> str:
    """Return an expression for the C++ types that a parameter takes, from Warp's words for it."""
    if pattern in _WORDS:
        return _WORDS[pattern]
    generic = re.fullmatch(r"(\w+)\[(.*)\]", pattern)
    if generic is None:
        return _named(pattern) or r".*"
    kind, inner = generic[1], re.split(r",\s*(?![^\[\]]*\])", generic[2])
    match kind:
        case "Array":
            return rf"wp::(?:array|fixedarray)_t<(?:\d+,)?{_regex(inner[0])}>"
        case "FixedArray":
            return rf"wp::fixedarray_t<\d+,{_regex(inner[0])}>"
        case "IndexedArray":
            return rf"wp::indexedarray_t<{_regex(inner[0])}>"
        case "FabricArray" | "IndexedFabricArray":
            return rf"wp::{kind.lower()}_t<.*>"
        case "Vector":
            return rf"wp::vec_t<{_extent(inner[1])},{_regex(inner[0])}>"
        case "Matrix":
            return rf"wp::mat_t<{_extent(inner[1])},{_extent(inner[2])},{_regex(inner[0])}>"
        case "Quaternion":
            return rf"wp::quat_t<{_regex(inner[0])}>"
        case "Transformation":
            return rf"wp::transform_t<{_regex(inner[0])}>"
        case "Tile":
            return r"wp::tile_\w+<.*>"
        case _:
            return r".*"


def _extent(word: str) -> str:
    number = re.search(r"\d+", word)
    return number[0] if number else r"\d+"


def _named(name: str) -> str | None:
    """Return the C++ type of what Warp calls `vec3f` or `int8`, None for another name."""
    type_ = from_warp(getattr(wp, name, None))
    return cpp_type(type_) if type_ is not None else None


def cpp_type(type_: ValueType) -> str:
    """Return how Warp writes a type in C++, without spaces."""
    match type_:
        case Scalar():
            return "bool" if type_.name == "bool" else f"wp::{type_.name}"
        case Vector():
            return f"wp::vec_t<{type_.length},{cpp_type(type_.scalar)}>"
        case Matrix():
            return f"wp::mat_t<{type_.rows},{type_.columns},{cpp_type(type_.scalar)}>"
        case Quaternion():
            return f"wp::quat_t<{cpp_type(type_.scalar)}>"
        case Transform():
            return f"wp::transform_t<{cpp_type(type_.scalar)}>"
        case _:
            raise TypeError(f"{type_} has a name of its own in every module")
