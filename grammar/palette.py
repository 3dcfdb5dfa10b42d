"""Which types one kernel works with: a few that belong together, as in a program that a person wrote."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from grammar import domains, registry
from grammar.choices import Choices, chance, pick, pick_weighted
from grammar.registry import Overload
from grammar.types import (
    BOOL,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    Matrix,
    Quaternion,
    Scalar,
    ValueType,
    Vector,
)

_FLOAT_WEIGHTS = ((FLOAT32, 70), (FLOAT64, 18), (FLOAT16, 12))
_INTEGER_WEIGHTS = (
    (INT32, 40), (UINT32, 14), (INT64, 14), (UINT8, 8), (UINT64, 8), (INT16, 6), (UINT16, 6), (INT8, 6),
)  # fmt: skip

_INTEGER_SHARE = {
    "arithmetic": 45, "control_flow": 35, "atomic": 40, "nested_loop": 25, "multi_conditional": 35,
    "scalar_param": 25, "combined": 15, "vector": 25, "matrix": 8, "math": 0,
}  # fmt: skip
"""Percent of a category's kernels whose main dtype is an integer."""


@dataclass(frozen=True)
class Palette:
    """The types of one kernel. `main` are those that results have, by weight; `types` adds what may occur besides."""

    scalar: Scalar
    main: tuple[tuple[ValueType, float], ...]
    types: frozenset[ValueType]

    def calls(self, result: ValueType) -> dict[str, tuple[Overload, ...]]:
        """Return the overloads that give a type from types of the palette alone, by name."""
        return _calls(result, self.types)


@functools.cache
def _by_result() -> dict[ValueType, tuple[Overload, ...]]:
    found: dict[ValueType, list[Overload]] = {}
    for builtin in registry.builtins().values():
        for overload in builtin.concrete:
            if domains.generable(overload):
                found.setdefault(overload.results[0], []).append(overload)
    return {result: tuple(overloads) for result, overloads in found.items()}


@functools.lru_cache(maxsize=4096)
def _calls(result: ValueType, types: frozenset[ValueType]) -> dict[str, tuple[Overload, ...]]:
    fitting: dict[str, list[Overload]] = {}
    for overload in (*_by_result().get(result, ()), *_specialised(types).get(result, ())):
        if types.issuperset(overload.types) and overload not in fitting.get(overload.name, ()):
            fitting.setdefault(overload.name, []).append(overload)
    return {name: tuple(overloads) for name, overloads in fitting.items()}


@functools.lru_cache(maxsize=4096)
def _specialised(types: frozenset[ValueType]) -> dict[ValueType, tuple[Overload, ...]]:
    """Return what generic overloads make of the types, by result."""
    ordered = sorted(types, key=str)
    found: dict[ValueType, list[Overload]] = {}
    for name in domains.DOMAINS:
        for overload in registry.specialise(name, ordered) if name in registry.builtins() else ():
            if domains.generable(overload):
                found.setdefault(overload.results[0], []).append(overload)
    return {result: tuple(overloads) for result, overloads in found.items()}


def choose_palette(choices: Choices, category: str, wanted: Iterable[ValueType] = ()) -> Palette:
    """Choose the types of a kernel of a category; those that are `wanted` may occur as well."""
    real = pick_weighted(choices, _FLOAT_WEIGHTS)
    integer = pick_weighted(choices, _INTEGER_WEIGHTS)
    scalar = integer if chance(choices, _INTEGER_SHARE[category]) else real
    composites = _composites(choices, category, scalar, real)
    types: set[ValueType] = {BOOL, INT32, scalar, *composites, *wanted}
    if chance(choices, 35):
        types.add(real)
    if chance(choices, 25):
        types.add(integer)
    main: list[tuple[ValueType, float]] = [(scalar, 6.0)]
    main.extend((type_, 5.0 if category in ("vector", "matrix") else 2.5) for type_ in composites)
    main.extend((type_, 0.8) for type_ in _extras(types, scalar))
    return Palette(scalar, tuple(main), frozenset(types))


def _extras(types: set[ValueType], scalar: Scalar) -> list[ValueType]:
    extras = [type_ for type_ in types if isinstance(type_, Scalar) and type_ not in (scalar, BOOL)]
    return sorted(extras, key=str)


def _composites(choices: Choices, category: str, scalar: Scalar, real: Scalar) -> list[ValueType]:
    """Choose the vectors, matrices and quaternions, those that the category is about first."""
    if category == "matrix":
        return _matrix_types(choices, scalar)
    if category == "vector":
        return _vector_types(choices, scalar, real)
    found: list[ValueType] = []
    if chance(choices, 70 if category == "combined" else 22):
        found.append(Vector(pick_weighted(choices, ((3, 5), (2, 3), (4, 2))), scalar))
    if category == "combined" and scalar.is_float and chance(choices, 45):
        length = found[0].length if found and isinstance(found[0], Vector) else 3
        found.append(Matrix(length, length, scalar))
    if scalar.is_float and chance(choices, 15 if category == "combined" else 4):
        found.extend(type_ for type_ in (Quaternion(scalar), Vector(3, scalar)) if type_ not in found)
    return found


def _vector_types(choices: Choices, scalar: Scalar, real: Scalar) -> list[ValueType]:
    length = pick_weighted(choices, ((3, 5), (2, 3), (4, 2)))
    found: list[ValueType] = [Vector(length, scalar)]
    if chance(choices, 20):
        found.append(Vector(pick(choices, [n for n in (2, 3, 4) if n != length]), scalar))
    if scalar.is_float and chance(choices, 20):
        found.extend(type_ for type_ in (Quaternion(scalar), Vector(3, scalar)) if type_ not in found)
    elif scalar.is_float and chance(choices, 15):
        found.append(Matrix(length, length, scalar))
    return found


def _matrix_types(choices: Choices, scalar: Scalar) -> list[ValueType]:
    scalar = scalar if scalar.is_float else INT32
    rows = pick_weighted(choices, ((3, 5), (2, 4), (4, 2)))
    columns = rows if chance(choices, 65) else pick(choices, [n for n in (2, 3, 4) if n != rows])
    found: list[ValueType] = [Matrix(rows, columns, scalar), Vector(rows, scalar)]
    if columns != rows:
        found.extend((Matrix(columns, rows, scalar), Vector(columns, scalar)))
        if chance(choices, 50):
            found.append(Matrix(rows, rows, scalar))
    elif rows == 3 and scalar.is_float and chance(choices, 20):
        found.append(Quaternion(scalar))
    return found
