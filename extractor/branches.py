"""Which branches of Warp's code generator a kernel takes on its way through it.

Kernels that take a branch which none has taken before exercise code of Warp's that was never tried. What counts is the
translation of Python to C++: the adjoint builder, the choice of overloads, the built-ins' result types and dispatch.
It is followed while Warp works on one kernel, or on a function that belongs to it, so that a kernel's branches are its
own: the same alone, in any batch, in any process. What Warp does once for a whole module is left out, and what depends
on what it remembers.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

import warp as wp

from extractor.probes import ENTER, LEAVE, TAKEN, Wanted, probed

_FILES = ("codegen", "context", "builtins")
"""The modules of Warp's that translate kernels, with `warp._src` before each."""

_FOLLOWED: Mapping[str, tuple[str, ...]] = {
    "codegen": ("",),
    "context": (
        "Function.add_overload",
        "Function.is_simple",
        "Function.mangle",
        "ModuleBuilder.build_",
        "ModuleBuilder._collect_native_types",
        "ModuleBuilder._kernel_has",
    ),
    "builtins": ("",),
}
"""How the qualified names of the functions begin that are followed, by module."""

_LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "it runs when a source is loaded, or when a struct is filled": (
        "Adjoint.__init__",
        "Adjoint._inspect_extract_function_source",
        "Adjoint._try_extract_function_source",
        "Adjoint.extract_",
        "Adjoint.replace_static_expressions",
        "Struct.",
        "StructInstance.",
        "_SharedFunctionSource",
        "_make_struct_field",
        "_shared_source_for_code",
        "_store_shared_source",
        "_substitute_nodes",
        "make_full_qualified_name",
        "struct_instance_repr_recursive",
    ),
    "it runs when Warp starts": ("_add_hash_grid_query_builtins",),
    "it finds what an earlier pass over the module has made": (
        "Function.build",
        "Function.get_overload",
        "specialize_callable_func",
    ),
    "it hashes a module, more than once for those with one `wp.static` among their kernels": (
        "Adjoint.assigned_name_ids",
        "Adjoint.assignment_call_metadata",
        "Adjoint.get_references",
        "Adjoint.reference_nodes",
        "iter_ast_nodes_of_types",
        "resolve_reference_",
    ),
    "it runs once for a module, or for what its kernels share": ("codegen_struct", "codegen_module"),
}
"""Functions that are not followed, by the reason."""

_LAZY = frozenset(("value_func",))
"""Attributes that Warp fills in at the first use: branches that ask for them are not followed."""

_ENTERS: Mapping[str, Mapping[str, str]] = {
    "codegen": {"codegen_func": "adj", "codegen_snippet": "adj", "codegen_kernel": "kernel"},
    "context": {
        "ModuleBuilder.build_kernel": "kernel",
        "ModuleBuilder.build_function": "func",
    },
}
"""The functions during which Warp works on one kernel or function, each with the parameter that tells which."""


class FollowingError(RuntimeError):
    """The installed Warp translates kernels elsewhere than this module knows."""


@dataclass
class Followed:
    """The branches that are being taken: one list of flags for each source, by the file names of the sources."""

    sources: Mapping[str, int]
    flags: dict[int, list[int]] = field(default_factory=dict)

    def flags_of(self, source: int, count: int) -> list[int]:
        """Return the flags of a source, of which there are so many."""
        return self.flags.setdefault(source, [0] * count)

    def taken(self) -> dict[int, frozenset[str]]:
        """Return the names of the branches that each source took so far."""
        ways = _probes().ways
        return {
            source: frozenset(way for way, flag in zip(ways, flags, strict=True) if flag)
            for source, flags in self.flags.items()
        }


@contextmanager
def following(sources: Mapping[str, int]) -> Iterator[Followed]:
    """Follow Warp's code generator meanwhile, for sources by the names that their code's file has.

    Raises FollowingError where the installed Warp translates kernels elsewhere.
    """
    probes = _probes()
    followed = Followed(sources)
    probes.begin(followed)
    try:
        yield followed
    finally:
        probes.end()


def known_branches() -> int | None:
    """Return how many branches there are, None where the installed Warp's code generator cannot be followed."""
    try:
        return len(_probes().ways)
    except FollowingError:
        return None


class _Probes:
    """Warp's functions with probes in them, which stay for as long as the process."""

    def __init__(self) -> None:
        self._modules = [_module(name) for name in _FILES]
        ways: list[str] = []
        for name, module in zip(_FILES, self._modules, strict=True):
            ways += _put_into(module, name, len(ways))
        self.ways = tuple(ways)
        self._waste = [0] * len(ways)
        self._followed: Followed | None = None
        self._current = self._waste
        self._outer: list[list[int]] = []
        for module in self._modules:
            vars(module).update({ENTER: self._enter, LEAVE: self._leave, TAKEN: self._waste})

    def begin(self, followed: Followed) -> None:
        """Keep what is taken from now on."""
        if self._followed is not None:
            raise RuntimeError("branches are followed already")
        self._followed = followed

    def end(self) -> None:
        """Keep nothing any more."""
        self._followed = None

    def _store_in(self, flags: list[int]) -> None:
        if flags is not self._current:
            for module in self._modules:
                vars(module)[TAKEN] = flags
            self._current = flags

    def _enter(self, subject: Any) -> None:
        """Store what is taken from now on for the source that a kernel, function or adjoint comes from."""
        self._outer.append(self._current)
        flags = self._waste
        if self._followed is not None:
            code = getattr(getattr(subject, "func", None), "__code__", None)
            source = self._followed.sources.get(code.co_filename) if code else None
            flags = flags if source is None else self._followed.flags_of(source, len(self.ways))
        self._store_in(flags)

    def _leave(self) -> None:
        """Go on with what was there before."""
        self._store_in(self._outer.pop())


@functools.cache
def _probes() -> _Probes:
    return _Probes()


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"warp._src.{name}")
    except ImportError as error:
        raise FollowingError(f"Warp {wp.config.version} has no warp._src.{name}: {error}") from error


def _put_into(module: ModuleType, name: str, first: int) -> list[str]:
    """Give the functions of one of Warp's modules their code with probes, and return the names of the ways."""
    file = str(module.__file__)
    enters = _ENTERS.get(name, {})
    sets = {key for key, value in vars(module).items() if isinstance(value, (set, frozenset))}
    wanted = Wanted(functools.partial(_is_followed, name), enters, _LAZY, sets)
    found = probed(Path(file).read_text(encoding="utf-8"), file, wanted, first)
    functions = list(_functions(module))
    missing = set(enters) - {function.__code__.co_qualname for function in functions}
    if missing:
        raise FollowingError(f"Warp {wp.config.version} translates kernels otherwise: {name} has no {min(missing)}")
    for function in functions:
        old = function.__code__
        new = found.codes.get((old.co_qualname, old.co_firstlineno))
        if new is not None and new.co_freevars == old.co_freevars:
            function.__code__ = new
    return [f"{name}.{way}" for way in found.ways]


def _is_followed(module: str, function: str) -> bool:
    left_out = any(function.startswith(names) for names in _LEFT_OUT.values())
    return function.startswith(_FOLLOWED[module]) and not left_out


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the functions that were written in a module's file: its own, its classes', and those of the built-ins."""
    waiting: list[Any] = [*vars(module).values()]
    if hasattr(module, "builtin_functions"):
        for builtin in module.builtin_functions.values():
            for overload in (builtin, *getattr(builtin, "overloads", ())):
                waiting += vars(overload).values()
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, FunctionType):
            if value.__code__.co_filename == module.__file__:
                yield value
            waiting += [value.__wrapped__] if hasattr(value, "__wrapped__") else []
            waiting += [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        elif isinstance(value, (staticmethod, classmethod)):
            waiting.append(value.__func__)
        elif isinstance(value, property):
            waiting += [value.fget, value.fset]
        elif isinstance(value, type) and value.__module__ == module.__name__:
            waiting += vars(value).values()


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
