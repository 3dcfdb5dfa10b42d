"""Warp's built-ins with their concrete overloads, read from the installed Warp's own registry.

This is the only module of the package that touches the private registry. It hands out plain values, so a new Warp's new
built-ins arrive here without an edit; what may be generated from them is for `grammar.domains` to say.

A generic overload (`transpose` of any matrix) is registered by Warp for square matrices and named vectors only. For the
other types of the grammar the overload's own result function is asked, so that rectangular matrices are found too.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import warp as wp

from grammar.types import (
    BOOL,
    FLOAT32,
    FLOATS,
    INT32,
    INTEGERS,
    SCALARS,
    Matrix,
    Quaternion,
    Scalar,
    ValueType,
    Vector,
)

VECTORS = tuple(Vector(length, scalar) for scalar in FLOATS + INTEGERS for length in (2, 3, 4))
MATRICES = tuple(
    Matrix(rows, columns, scalar) for scalar in (*FLOATS, INT32) for rows in (2, 3, 4) for columns in (2, 3, 4)
)
QUATERNIONS = tuple(Quaternion(scalar) for scalar in FLOATS)

_SCALARS = {scalar.name: scalar for scalar in SCALARS}
_PYTHON = {int: INT32, float: FLOAT32, bool: BOOL}


class RegistryError(Exception):
    """The installed Warp keeps its built-ins elsewhere than this module knows."""


@dataclass(frozen=True)
class Overload:
    """One signature of a built-in whose argument and result types all belong to the grammar."""

    name: str
    group: str
    parameters: tuple[tuple[str, ValueType], ...]
    results: tuple[ValueType, ...]
    differentiable: bool

    @functools.cached_property
    def types(self) -> tuple[ValueType, ...]:
        """The argument types alone."""
        return tuple(type_ for _, type_ in self.parameters)

    @functools.cached_property
    def signature(self) -> str:
        """A short text for statistics, such as `dot(vec3[float32], vec3[float32])`."""
        return f"{self.name}({', '.join(map(str, self.types))})"


@dataclass(frozen=True)
class Builtin:
    """One name of the registry. `registered` counts Warp's own overloads, generic ones included.

    `concrete` are those of them that fit the grammar's types; `specialised` are further signatures that a generic
    overload takes on for them.
    """

    name: str
    group: str
    registered: int
    concrete: tuple[Overload, ...]
    specialised: tuple[Overload, ...]

    @property
    def overloads(self) -> tuple[Overload, ...]:
        """Every signature within the grammar's types."""
        return self.concrete + self.specialised


@functools.cache
def builtins() -> Mapping[str, Builtin]:
    """Return all built-ins of the installed Warp by name; raises RegistryError where its registry is unknown."""
    try:
        from warp._src.context import builtin_functions
    except ImportError:
        raise RegistryError(
            f"Warp {wp.__version__} has no warp._src.context.builtin_functions; this grammar knows Warp 1.14 to 1.19"
        ) from None
    return {name: _read(name, function) for name, function in builtin_functions.items()}


def builtin_names() -> frozenset[str]:
    """Return the names of all built-ins of the installed Warp."""
    return frozenset(builtins())


def _read(name: str, function: Any) -> Builtin:
    raw = list(getattr(function, "overloads", [function]))
    concrete = {found.types: found for found in (_concrete(name, function.group, one) for one in raw) if found}
    specialised: dict[tuple[ValueType, ...], Overload] = {}
    for one in raw:
        for overload in _specialise(name, function.group, one):
            if overload.types not in concrete:
                specialised.setdefault(overload.types, overload)
    return Builtin(name, function.group, len(raw), tuple(concrete.values()), tuple(specialised.values()))


def _concrete(name: str, group: str, one: Any) -> Overload | None:
    types = [from_warp(type_) for type_ in one.input_types.values()]
    result = one.value_type
    if result is None and None not in types:
        result = _result(one, one.input_types)
    return _overload(name, group, one, types, result)


def _overload(name: str, group: str, one: Any, types: Iterable[ValueType | None], result: Any) -> Overload | None:
    """Return the overload when all its types belong to the grammar."""
    results = result if isinstance(result, (tuple, list)) else (result,)
    converted = [from_warp(type_) for type_ in results]
    types = list(types)
    if None in types or None in converted or any(key.startswith("*") for key in one.input_types):
        return None
    parameters = tuple(zip(one.input_types, (type_ for type_ in types if type_), strict=True))
    return Overload(name, group, parameters, tuple(t for t in converted if t), bool(one.is_differentiable))


def _result(one: Any, arguments: Mapping[str, Any]) -> Any:
    """Ask an overload what it returns for these Warp types; None when it refuses them.

    A refusal has no type of its own in Warp, and some result functions fail on types that they do not expect.
    """
    try:
        return one.value_func(arguments, None)
    except (RuntimeError, TypeError, AttributeError, KeyError, ValueError):
        return None


_GENERIC_COMPOSITES: Mapping[str, tuple[Any, ...]] = {"vec_t": VECTORS, "mat_t": MATRICES, "quat_t": QUATERNIONS}


def _specialise(name: str, group: str, one: Any) -> Iterable[Overload]:
    """Yield the signatures that a generic overload over vectors or matrices has for the grammar's types."""
    if not one.generic or one.defaults or one.value_func is None or any(k.startswith("*") for k in one.input_types):
        return
    candidates = [_candidates(type_) for type_ in one.input_types.values()]
    if not all(candidates) or not any(len(found) > len(SCALARS) for found in candidates):
        return
    for types in _same_dtype(candidates):
        result = _result(one, dict(zip(one.input_types, map(to_warp, types), strict=True)))
        overload = _overload(name, group, one, types, result) if result is not None else None
        if overload:
            yield overload


def _candidates(type_: Any) -> tuple[ValueType, ...]:
    """Return the grammar's types that a parameter of this Warp type may stand for."""
    generic = {"Scalar": FLOATS + INTEGERS, "Float": FLOATS, "Int": INTEGERS}.get(getattr(type_, "__name__", ""))
    if generic:
        return generic
    kind = getattr(type_, "_wp_generic_type_str_", "")
    if kind not in _GENERIC_COMPOSITES:
        converted = from_warp(type_)
        return (converted,) if converted else ()
    allowed = _candidates(type_._wp_scalar_type_)
    shape = tuple(type_._shape_)
    composites: tuple[Vector | Matrix | Quaternion, ...] = _GENERIC_COMPOSITES[kind]
    return tuple(
        candidate
        for candidate in composites
        if candidate.scalar in allowed and _matches(shape, to_warp(candidate)._shape_)
    )


def _matches(pattern: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(wanted in (0, extent) for wanted, extent in zip(pattern, shape, strict=True))


def _same_dtype(candidates: list[tuple[ValueType, ...]]) -> Iterable[tuple[ValueType, ...]]:
    """Yield the combinations in which every argument has the same dtype, which is what Warp's generics ask for."""
    for scalar in FLOATS + INTEGERS:
        fitting = [[type_ for type_ in found if getattr(type_, "scalar", type_) == scalar] for found in candidates]
        yield from itertools.product(*fitting)


def from_warp(type_: Any) -> ValueType | None:
    """Return the grammar's type for one of Warp's, None when it has none."""
    if isinstance(type_, type) and type_ in _PYTHON:
        return _PYTHON[type_]
    kind = getattr(type_, "_wp_generic_type_str_", None)
    if kind is None:
        return _SCALARS.get(type_.__name__) if isinstance(type_, type) else None
    scalar = from_warp(type_._wp_scalar_type_)
    if not isinstance(scalar, Scalar):
        return None
    return _composite(kind, tuple(type_._shape_), scalar)


def _composite(kind: str, shape: tuple[int, ...], scalar: Scalar) -> ValueType | None:
    if kind == "quat_t":
        return Quaternion(scalar) if scalar.is_float else None
    if any(extent not in (2, 3, 4) for extent in shape) or scalar == BOOL:
        return None
    if kind == "vec_t":
        return Vector(shape[0], scalar)
    return Matrix(shape[0], shape[1], scalar) if kind == "mat_t" else None


@functools.cache
def to_warp(type_: ValueType) -> Any:
    """Return Warp's own type object for a scalar, vector, matrix or quaternion."""
    match type_:
        case Scalar():
            return getattr(wp, type_.name)
        case Vector():
            return wp.types.vector(length=type_.length, dtype=to_warp(type_.scalar))
        case Matrix():
            return wp.types.matrix(shape=(type_.rows, type_.columns), dtype=to_warp(type_.scalar))
        case Quaternion():
            return wp.types.quaternion(dtype=to_warp(type_.scalar))
        case _:
            raise TypeError(f"{type_} has no type object of Warp's")
