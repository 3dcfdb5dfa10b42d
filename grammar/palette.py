"""Which types one kernel works with: a few that belong together, as in a program that a person wrote."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from grammar import domains, registry
from grammar.choices import Choices, chance, pick, pick_weighted
from grammar.registry import Overload
from grammar.swarm import EVERYTHING, Swarm
from grammar.types import (
    BFLOAT16,
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
    Transform,
    ValueType,
    Vector,
)

FLOAT_WEIGHTS = ((FLOAT32, 68), (FLOAT64, 17), (FLOAT16, 10), (BFLOAT16, 5))
INTEGER_WEIGHTS = (
    (INT32, 40), (UINT32, 14), (INT64, 14), (UINT8, 8), (UINT64, 8), (INT16, 6), (UINT16, 6), (INT8, 6),
)  # fmt: skip

_LENGTHS = ((3, 50), (2, 30), (4, 20), (6, 4), (5, 3), (8, 2), (7, 1), (1, 1))
"""Components of a kernel's main vector, by weight."""
_EXTENTS = ((3, 50), (2, 40), (4, 20), (6, 4), (5, 3), (1, 2))
"""Rows, and columns, of a kernel's main matrix, by weight."""
_ROTATED = (FLOAT32, FLOAT64, FLOAT16)
"""The dtypes of which Warp has quaternions and transformations."""


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
        wanted = types.issuperset(overload.types) and not domains.is_idle_conversion(overload)
        if wanted and overload not in fitting.get(overload.name, ()):
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


Composites = Callable[[Choices, Scalar, Scalar], list[ValueType]]
"""Chooses the vectors, matrices and quaternions of a kernel, given its main dtype and a float dtype."""


def few_types(choices: Choices, scalar: Scalar, real: Scalar) -> list[ValueType]:
    """Choose a vector now and then, a quaternion rarely."""
    return _some_types(choices, scalar, vector=22, matrix=0, quaternion=4)


def many_types(choices: Choices, scalar: Scalar, real: Scalar) -> list[ValueType]:
    """Choose a vector mostly, often a matrix, at times a quaternion."""
    return _some_types(choices, scalar, vector=70, matrix=45, quaternion=15)


def _some_types(choices: Choices, scalar: Scalar, vector: int, matrix: int, quaternion: int) -> list[ValueType]:
    found: list[ValueType] = []
    if chance(choices, vector):
        found.append(Vector(pick_weighted(choices, _LENGTHS), scalar))
    if matrix and scalar.is_float and chance(choices, matrix):
        length = found[0].length if found and isinstance(found[0], Vector) else 3
        found.append(Matrix(length, length, scalar) if length <= 6 else Matrix(3, 3, scalar))
    if scalar in _ROTATED and chance(choices, quaternion):
        _add(found, *_rotation_types(choices, scalar))
    return found


def _rotation_types(choices: Choices, scalar: Scalar) -> tuple[ValueType, ...]:
    """Return a quaternion with the vector that it rotates, or a transformation with both."""
    plain = (Quaternion(scalar), Vector(3, scalar))
    return (Transform(scalar), *plain) if chance(choices, 30) else plain


def _add(found: list[ValueType], *types: ValueType) -> None:
    found.extend(type_ for type_ in types if type_ not in found)


def vector_types(choices: Choices, scalar: Scalar, real: Scalar) -> list[ValueType]:
    """Choose a vector or two, at times a quaternion or a matrix with it."""
    length = pick_weighted(choices, _LENGTHS)
    found: list[ValueType] = [Vector(length, scalar)]
    if chance(choices, 20):
        found.append(Vector(pick(choices, [n for n in (2, 3, 4) if n != length]), scalar))
    if scalar in _ROTATED and chance(choices, 20):
        _add(found, *_rotation_types(choices, scalar))
    elif length <= 6 and scalar.is_float and chance(choices, 15):
        found.append(Matrix(length, length, scalar))
    return found


def matrix_types(choices: Choices, scalar: Scalar, real: Scalar) -> list[ValueType]:
    """Choose a matrix, square or not, with the vectors that it multiplies."""
    rows = pick_weighted(choices, _EXTENTS)
    columns = rows if chance(choices, 65) else pick_weighted(choices, [(n, w) for n, w in _EXTENTS if n != rows])
    found: list[ValueType] = [Matrix(rows, columns, scalar), Vector(rows, scalar)]
    if columns != rows:
        found.extend((Matrix(columns, rows, scalar), Vector(columns, scalar)))
        if chance(choices, 50):
            found.append(Matrix(rows, rows, scalar))
    elif rows == 3 and scalar in _ROTATED and chance(choices, 20):
        found.append(Quaternion(scalar))
    return found


@dataclass(frozen=True)
class Taste:
    """Which types a category is about: `integers` percent of its kernels have an integer for their main dtype.

    `weight` is how often a result is a composite, where a scalar of the main dtype has 6.
    """

    integers: int
    composites: Composites = few_types
    weight: float = 2.5


KINDS = ("vector", "matrix", "quaternion", "transform")
"""The kinds of composites, as a swarm may switch them off where the category does without."""


def _kind(type_: ValueType) -> str:
    return type(type_).__name__.lower()


def choose_palette(
    choices: Choices, taste: Taste, wanted: Iterable[ValueType] = (), swarm: Swarm = EVERYTHING
) -> Palette:
    """Choose the types of a kernel to a category's taste; those that are `wanted` may occur as well."""
    real = pick_weighted(choices, swarm.thinned("type", FLOAT_WEIGHTS))
    integer = pick_weighted(choices, swarm.thinned("type", INTEGER_WEIGHTS))
    scalar = integer if chance(choices, taste.integers) else real
    composites = taste.composites(choices, scalar, real)
    if taste.composites in (few_types, many_types):
        composites = [type_ for type_ in composites if f"composite:{_kind(type_)}" not in swarm.off]
    types: set[ValueType] = {BOOL, INT32, scalar, *composites, *wanted}
    if chance(choices, 35):
        types.add(real)
    if chance(choices, 25):
        types.add(integer)
    main: list[tuple[ValueType, float]] = [(scalar, 6.0)]
    main.extend((type_, taste.weight) for type_ in composites)
    main.extend((type_, 0.8) for type_ in _extras(types, scalar))
    return Palette(scalar, tuple(main), frozenset(types))


def _extras(types: set[ValueType], scalar: Scalar) -> list[ValueType]:
    extras = [type_ for type_ in types if isinstance(type_, Scalar) and type_ not in (scalar, BOOL)]
    return sorted(extras, key=str)
