"""Warp's built-ins with their overloads, read from the installed Warp's own registry.

This is the only module of the package that touches the private registry. It hands out plain values, so a new Warp's new
built-ins arrive here without an edit; what may be generated from them is for `grammar.domains` to say.

Warp registers most signatures twice: a generic overload (`dot` of any two vectors), which kernels resolve to, and
concrete ones for the vectors that have names. A generic one is asked for its result type for the types at hand
(`specialise`), so that a `vec5` or a rectangular matrix is as good as a `vec3`.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import warp as wp

from grammar.types import (
    BOOL,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    FLOATS,
    INT32,
    INTEGERS,
    SCALARS,
    Matrix,
    Quaternion,
    Scalar,
    Transform,
    ValueType,
    Vector,
    scalar_of,
)

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
class Registered:
    """One overload as Warp registers it: `place` counts the built-in's overloads from 0.

    The parameters' types are Warp's own words for them (`vec3f`, `Array[Any]`, `Int`); `concrete` is the overload in
    the grammar's types where all of them belong to it. `optional` names the parameters that have a default.
    """

    name: str
    group: str
    place: int
    parameters: tuple[tuple[str, str], ...]
    optional: frozenset[str]
    native: str
    differentiable: bool
    concrete: Overload | None

    @functools.cached_property
    def types(self) -> tuple[str, ...]:
        """The argument types alone, in Warp's words."""
        return tuple(type_ for _, type_ in self.parameters)

    @functools.cached_property
    def signature(self) -> str:
        """A short text such as `atomic_add(Array[Any], int16, Any)`; overloads of one built-in may share it."""
        return f"{self.name}({', '.join(self.types)})"

    @functools.cached_property
    def key(self) -> str:
        """A text that names this overload alone, `add(Scalar, Scalar) #3`, the same wherever this Warp is installed."""
        return f"{self.signature} #{self.place}"


@dataclass(frozen=True)
class Builtin:
    """One name of the registry, with its overloads in the order in which Warp tries them."""

    name: str
    group: str
    overloads: tuple[Registered, ...]

    @functools.cached_property
    def concrete(self) -> tuple[Overload, ...]:
        """The overloads whose types all belong to the grammar, each signature once."""
        found = {one.concrete.types: one.concrete for one in self.overloads if one.concrete}
        return tuple(found.values())


@functools.cache
def builtins() -> Mapping[str, Builtin]:
    """Return all built-ins of the installed Warp by name; raises RegistryError where its registry is unknown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecated built-ins, when they are asked for their results
        return {name: _read(name, overloads) for name, overloads in _raw().items()}


def builtin_names() -> frozenset[str]:
    """Return the names of all built-ins of the installed Warp."""
    return frozenset(_raw())


@functools.cache
def _raw() -> Mapping[str, Sequence[Any]]:
    """Return Warp's own function objects by name."""
    try:
        from warp._src.context import builtin_functions
    except ImportError:
        raise RegistryError(
            f"Warp {wp.__version__} has no warp._src.context.builtin_functions; this grammar knows Warp 1.14 to 1.19"
        ) from None
    return {name: list(getattr(function, "overloads", [function])) for name, function in builtin_functions.items()}


@functools.cache
def _type_text(type_: Any) -> str:
    """Return Warp's own words for a parameter's type, as its documentation prints them.

    Local arrays are told from others, `FixedArray[Any]`, which Warp prints alike.
    """
    try:
        from warp._src.context import type_str
    except ImportError:
        raise RegistryError(f"Warp {wp.__version__} has no warp._src.context.type_str") from None
    return f"{'Fixed' if type(type_).__name__ == 'fixedarray' else ''}{type_str(type_)}"


def _read(name: str, raw: Sequence[Any]) -> Builtin:
    overloads = []
    for place, one in enumerate(raw):
        parameters = tuple((key, _type_text(_hashable(type_))) for key, type_ in one.input_types.items())
        optional = frozenset(one.defaults or {})
        concrete = _concrete(name, one)
        native = one.native_func or name
        differentiable = bool(one.is_differentiable)
        overloads.append(Registered(name, one.group, place, parameters, optional, native, differentiable, concrete))
    return Builtin(name, raw[0].group, tuple(overloads))


def _hashable(type_: Any) -> Any:
    return tuple(type_) if isinstance(type_, list) else type_


def _concrete(name: str, one: Any) -> Overload | None:
    types = [from_warp(type_) for type_ in one.input_types.values()]
    if None in types:
        return None
    result = one.value_type if one.value_type is not None else _result(one, one.input_types)
    return _overload(name, one, [type_ for type_ in types if type_], result)


def _overload(name: str, one: Any, types: Sequence[ValueType], result: Any) -> Overload | None:
    """Return the overload when all its types belong to the grammar."""
    results = result if isinstance(result, (tuple, list)) else (result,)
    converted = [from_warp(type_) for type_ in results]
    if None in converted or any(key.startswith("*") for key in one.input_types):
        return None
    parameters = tuple(zip(one.input_types, types, strict=True))
    return Overload(name, one.group, parameters, tuple(t for t in converted if t), bool(one.is_differentiable))


def _result(one: Any, arguments: Mapping[str, Any]) -> Any:
    """Ask an overload what it returns for these Warp types; None when it refuses them.

    A refusal has no type of its own in Warp, and some result functions fail on types that they do not expect.
    """
    if one.value_func is None:
        return None
    try:
        return one.value_func(arguments, None)
    except (RuntimeError, TypeError, AttributeError, KeyError, ValueError):
        return None


_GENERIC_COMPOSITES: Mapping[str, type] = {
    "vec_t": Vector,
    "mat_t": Matrix,
    "quat_t": Quaternion,
    "transform_t": Transform,
}


@functools.cache
def _generic(name: str) -> tuple[int, ...]:
    """Return the places of a built-in's overloads that stand for any vector, matrix, quaternion or transformation."""
    return tuple(
        place
        for place, one in enumerate(_raw()[name])
        if _is_generic_call(one)
        and any(getattr(type_, "_wp_generic_type_str_", "") for type_ in one.input_types.values())
    )


def _is_generic_call(one: Any) -> bool:
    starred = any(key.startswith("*") for key in one.input_types)
    return bool(one.generic and not one.defaults and one.value_func is not None and not starred)


def is_specialised(one: Registered) -> bool:
    """Whether an overload stands for any of several types, and is called with values of them."""
    return _is_generic_call(_raw()[one.name][one.place])


def specialise(name: str, types: Sequence[ValueType], only: int | None = None) -> Iterable[Overload]:
    """Yield the signatures that a built-in's generic overloads take on for arguments of these types alone.

    `only` is the place of the one overload to ask; without it all are asked.
    """
    for place in _generic(name) if only is None else (only,):
        candidates = [
            tuple(type_ for type_ in types if _takes(name, place, parameter, type_))
            for parameter in _raw()[name][place].input_types
        ]
        if all(candidates):
            for arguments in _same_dtype(candidates):
                overload = _specialised(name, place, arguments)
                if overload is not None:
                    yield overload


@functools.cache
def _specialised(name: str, place: int, types: tuple[ValueType, ...]) -> Overload | None:
    one = _raw()[name][place]
    result = _result(one, dict(zip(one.input_types, map(to_warp, types), strict=True)))
    return None if result is None else _overload(name, one, types, result)


@functools.cache
def _takes(name: str, place: int, parameter: str, type_: ValueType) -> bool:
    """Whether a value of a type may be passed for an overload's parameter."""
    return _stands_for(_raw()[name][place].input_types[parameter], type_)


def _stands_for(pattern: Any, type_: ValueType) -> bool:
    """Whether a value of a type may be passed for a parameter of this Warp type, generic or not."""
    generic = {"Scalar": FLOATS + INTEGERS, "Float": FLOATS, "Int": INTEGERS}.get(getattr(pattern, "__name__", ""))
    if generic:
        return type_ in generic
    kind = _GENERIC_COMPOSITES.get(getattr(pattern, "_wp_generic_type_str_", ""))
    if kind is None:
        return from_warp(pattern) == type_
    if not isinstance(type_, (Vector, Matrix, Quaternion, Transform)) or not isinstance(type_, kind):
        return False
    shape = zip(pattern._shape_, to_warp(type_)._shape_, strict=True)
    return _stands_for(pattern._wp_scalar_type_, type_.scalar) and all(
        wanted in (0, extent) for wanted, extent in shape
    )


def _same_dtype(candidates: Sequence[Sequence[ValueType]]) -> Iterable[tuple[ValueType, ...]]:
    """Yield the combinations in which every argument has the same dtype, which is what Warp's generics ask for."""
    by_scalar = [_by_scalar(found) for found in candidates]
    for scalar in FLOATS + INTEGERS:
        if all(scalar in fitting for fitting in by_scalar):
            yield from itertools.product(*(fitting[scalar] for fitting in by_scalar))


def _by_scalar(types: Iterable[ValueType]) -> dict[Scalar | None, list[ValueType]]:
    found: dict[Scalar | None, list[ValueType]] = {}
    for type_ in types:
        found.setdefault(scalar_of(type_), []).append(type_)
    return found


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
    if kind in ("quat_t", "transform_t"):
        named = scalar in (FLOAT16, FLOAT32, FLOAT64)
        return (Quaternion(scalar) if kind == "quat_t" else Transform(scalar)) if named else None
    if kind == "vec_t":
        return Vector(shape[0], scalar) if 1 <= shape[0] <= 8 else None
    if kind == "mat_t":
        return Matrix(shape[0], shape[1], scalar) if all(1 <= extent <= 6 for extent in shape) else None
    return None


@functools.cache
def to_warp(type_: ValueType) -> Any:
    """Return Warp's own type object for a scalar, vector, matrix, quaternion or transformation."""
    match type_:
        case Scalar():
            return getattr(wp, type_.name)
        case Vector():
            return wp.types.vector(length=type_.length, dtype=to_warp(type_.scalar))
        case Matrix():
            return wp.types.matrix(shape=(type_.rows, type_.columns), dtype=to_warp(type_.scalar))
        case Quaternion():
            return wp.types.quaternion(dtype=to_warp(type_.scalar))
        case Transform():
            return wp.types.transformation(dtype=to_warp(type_.scalar))
        case _:
            raise TypeError(f"{type_} has no type object of Warp's")
