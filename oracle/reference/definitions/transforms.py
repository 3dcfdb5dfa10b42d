"""Transformations: constructors, parts, composition, and conversion to and from matrices."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from oracle.reference.compounds import Compound, CompoundType
from oracle.reference.definitions.bounds import near, undetermined
from oracle.reference.definitions.products import composed, conjugated, rotated, rows_of, sum_of_products
from oracle.reference.definitions.quaternions import matrix_of_rotation, open_ulps, rotation_of_matrix
from oracle.reference.definitions.vectors import dtype_of
from oracle.reference.run import LackingError, Run


def _construct(run: Run, type_: CompoundType, *values: Any, **named: Any) -> Compound:
    """Return a transformation of a position and a rotation, the identity if that is left out, or of one number."""
    values = (*values, *(named[name] for name in ("p", "q") if name in named))
    if not values or len(values) == 7:
        return type_(*values)
    if len(values) == 1 and not isinstance(values[0], Compound):
        return type_.converted([values[0]] * 7)
    first = values[0]
    if isinstance(first, Compound) and first.type.shape == (7,):
        return type_.converted(first.items)
    if isinstance(first, Compound) and first.type.shape == (3,) and len(values) <= 2:
        return type_.converted(first.items + (values[1].items if len(values) == 2 else [0, 0, 0, 1]))
    raise LackingError("a transformation of other parts")


def make_transformation(run: Run, *values: Any, dtype: Any = None, **named: Any) -> Compound:
    """Return `wp.transformation(...)`."""
    return _construct(run, run.transform(dtype_of(run, (*values, *named.values()), dtype)), *values, **named)


def identity(run: Run, dtype: Any = None) -> Compound:
    """Return the transformation that changes nothing."""
    return run.transform(dtype_of(run, (), dtype)).converted([0, 0, 0, 0, 0, 0, 1])


def _put(part: slice) -> Callable[[Run, Compound, Compound], None]:
    """Return what sets a part in place: of an array's element that is passed directly a copy, as documented."""

    def define(run: Run, xform: Compound, value: Compound) -> None:
        xform.items[part] = [xform.type.scalar(item) for item in value.items]

    return define


def _apply_to_position(function: Callable[[Any, Any], Any]) -> Callable[[Run, Compound, Compound], None]:
    """Return what adds to the position in place, or subtracts from it."""

    def define(run: Run, a: Compound, value: Compound) -> None:
        a.items[:3] = map(function, a.items[:3], value.items)

    return define


def _linear(run: Run, matrix: Compound, vec: Compound, last: int) -> Compound:
    """Return the first three components of a matrix' product with a vector and a fourth component."""
    scalar = vec.type.scalar
    column = [*vec.items, scalar(last)]
    return vec.like([sum_of_products(run, "transform", scalar, row, column) for row in rows_of(matrix)[:3]])


def _point(run: Run, a: Compound, point: Compound) -> Compound:
    if a.type.family == "matrix":
        return _linear(run, a, point, 1)
    return point.like(list(map(operator.add, _vector(run, a, point).items, a.items[:3])))


def _vector(run: Run, a: Compound, vec: Compound) -> Compound:
    if a.type.family == "matrix":
        return _linear(run, a, vec, 0)
    return vec.like(rotated(run, vec.type.scalar, a.items[3:], vec.items))


def _inverse(run: Run, xform: Compound) -> Compound:
    """Return the rotation turned round, and the position turned by it and negated."""
    rotation = conjugated(xform.items[3:])
    turned = rotated(run, xform.type.scalar, rotation, xform.items[:3])
    return xform.like([-item for item in turned] + rotation)


def _compose(run: Run, position: Compound, rotation: Compound, scale: Compound | None = None) -> Compound:
    """Return the 4x4 matrix of a position, a rotation, and a scale of the columns."""
    scalar = position.type.scalar
    columns = matrix_of_rotation(run, scalar, rotation.items)
    if scale is not None:
        columns = [[item * factor for item in column] for column, factor in zip(columns, scale.items, strict=True)]
    items = [value for row in range(3) for value in (*(column[row] for column in columns), position.items[row])]
    return run.matrix(4, 4, scalar).of(items + [scalar(0)] * 3 + [scalar(1)])


def _to_matrix(run: Run, xform: Compound) -> Compound:
    scalar = xform.type.scalar
    position = run.vector(3, scalar).of(xform.items[:3])
    return _compose(run, position, run.quaternion(scalar).of(xform.items[3:]))


def _from_matrix(run: Run, mat: Compound) -> Compound:
    scalar, rows = mat.type.scalar, rows_of(mat)
    rotation = rotation_of_matrix(run, scalar, [row[:3] for row in rows[:3]])
    return run.transform(scalar).of([row[3] for row in rows[:3]] + rotation)


def _decompose(run: Run, m: Compound) -> tuple[Compound, Compound, Compound]:
    """Return position, rotation and scale: the lengths of the columns, which are open where those are not orthogonal.

    A matrix that mirrors has a negative scale; on which axis is open.
    """
    scalar, rows = m.type.scalar, rows_of(m)
    vector = run.vector(3, scalar)
    columns = [[float(row[column]) for row in rows[:3]] for column in range(3)]
    sizes = [math.hypot(*column) for column in columns]
    if not all(0.0 < size < math.inf for size in sizes) or not _is_right_handed(columns):
        open_scale = [undetermined(run, f"scale {place}", scalar(size), scalar) for place, size in enumerate(sizes)]
        open_turn = [undetermined(run, f"rotation {place}", scalar(place // 3), scalar) for place in range(4)]
        return vector.of([row[3] for row in rows[:3]]), run.quaternion(scalar).of(open_turn), vector.of(open_scale)
    units = [[item / size for item in column] for column, size in zip(columns, sizes, strict=True)]
    overlap = max(
        abs(sum(map(operator.mul, units[first], units[second]))) for first, second in ((0, 1), (0, 2), (1, 2))
    )
    ulps = 3.0 + open_ulps(run, scalar, overlap)
    scale = [near(run, f"scale {place}", scalar(size), scalar, ulps, size) for place, size in enumerate(sizes)]
    rotation = rotation_of_matrix(run, scalar, [[unit[row] for unit in units] for row in range(3)])
    return vector.of([row[3] for row in rows[:3]]), run.quaternion(scalar).of(rotation), vector.of(scale)


def _is_right_handed(columns: Sequence[Sequence[float]]) -> bool:
    (a, b, c), (d, e, f), (g, h, i) = columns
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) > 0.0


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "construct transform": _construct,
        "transformation": make_transformation,
        "transform_identity": identity,
        "transform_get_translation": lambda run, xform: run.vector(3, xform.type.scalar).of(xform.items[:3]),
        "transform_get_rotation": lambda run, xform: run.quaternion(xform.type.scalar).of(xform.items[3:]),
        "transform_set_translation": _put(slice(0, 3)),
        "transform_set_rotation": _put(slice(3, 7)),
        "transform_add_inplace": _apply_to_position(operator.add),
        "transform_sub_inplace": _apply_to_position(operator.sub),
        "transform_multiply": composed,
        "transform_point": _point,
        "transform_vector": _vector,
        "transform_inverse": _inverse,
        "transform_from_matrix": _from_matrix,
        "transform_to_matrix": _to_matrix,
        "transform_compose": _compose,
        "transform_decompose": _decompose,
    }
)
