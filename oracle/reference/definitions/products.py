"""Products of vectors, matrices, quaternions and transformations, by the families of the two factors."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from oracle.reference.compounds import Compound
from oracle.reference.definitions.bounds import bounded, moves_open, near, undetermined
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import ScalarType


def sum_of_products(run: Run, name: str, scalar: ScalarType, first: Sequence[Any], second: Sequence[Any]) -> Any:
    """Return the sum of `first[i] * second[i]`: each term takes part in at most as many roundings as there are."""
    total = first[0] * second[0]
    for a, b in zip(first[1:], second[1:], strict=True):
        total = total + a * b
    if run.noise is None:
        return total
    return bounded(run, name, total, scalar, len(first) / 2, zip(first, second, strict=True))


def rows_of(matrix: Compound) -> list[list[Any]]:
    """Return a matrix' rows."""
    columns = matrix.type.shape[1]
    return [matrix.items[start : start + columns] for start in range(0, len(matrix.items), columns)]


def columns_of(matrix: Compound) -> list[list[Any]]:
    """Return a matrix' columns."""
    columns = matrix.type.shape[1]
    return [matrix.items[start::columns] for start in range(columns)]


def hamilton(run: Run, scalar: ScalarType, a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """Return the Hamilton product of quaternions given as x, y, z, w."""
    (ax, ay, az, aw), (bx, by, bz, bw) = a, b
    values = (
        aw * bx + bw * ax + ay * bz - by * az,
        aw * by + bw * ay + az * bx - bz * ax,
        aw * bz + bw * az + ax * by - bx * ay,
        aw * bw - ax * bx - ay * by - az * bz,
    )
    if run.noise is None:
        return list(values)
    partners = ((bw, bz, by, bx), (bz, bw, bx, by), (by, bx, bw, bz), (bx, by, bz, bw))
    factors = [list(zip((ax, ay, az, aw), row, strict=True)) for row in partners]
    return [
        bounded(run, f"quaternion product {place}", value, scalar, 2.0, terms)
        for place, (value, terms) in enumerate(zip(values, factors, strict=True))
    ]


def crossed(run: Run, scalar: ScalarType, a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """Return the cross product of two lists of three numbers."""
    result = []
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        value = a[j] * b[k] - a[k] * b[j]
        result.append(bounded(run, f"cross {i}", value, scalar, 1.0, ((a[j], b[k]), (a[k], b[j]))))
    return result


def rotated(run: Run, scalar: ScalarType, q: Sequence[Any], v: Sequence[Any]) -> list[Any]:
    """Return a vector rotated by a unit quaternion.

    For others the documentation's two formulas, `quat_to_matrix(q) @ v` and the product `q v q*` that quaternions are
    for, differ by as much as the squared length does from one: by so much the result is open.
    """
    x, y, z, w = q
    one, two = scalar(1), scalar(2)
    along = x * v[0] + y * v[1] + z * v[2]
    around = (y * v[2] - z * v[1], z * v[0] - x * v[2], x * v[1] - y * v[0])
    values = [v[place] * (two * w * w - one) + q[place] * along * two + around[place] * w * two for place in range(3)]
    if run.noise is None:
        return values
    p, u = [abs(float(item)) for item in q], [abs(float(item)) for item in v]
    squares = sum(item * item for item in p)
    reach = sum(a * b for a, b in zip(p, u, strict=False))
    sizes = (p[1] * u[2] + p[2] * u[1], p[2] * u[0] + p[0] * u[2], p[0] * u[1] + p[1] * u[0])
    ulps = 4.0 + (abs(squares - 1.0) / scalar.limits.eps if moves_open(run) else 0.0)
    if not (1.0 + squares) * sum(u) < scalar.limits.max / 8.0:  # what one formula adds up, another does not
        return [undetermined(run, f"rotation {place}", value, scalar) for place, value in enumerate(values)]
    return [
        near(
            run,
            f"rotation {place}",
            value,
            scalar,
            ulps,
            (1.0 + 2.0 * squares) * u[place] + 2.0 * p[3] * sizes[place] + 2.0 * p[place] * reach,
        )
        for place, value in enumerate(values)
    ]


def conjugated(q: Sequence[Any]) -> list[Any]:
    """Return a quaternion with its vector part turned round."""
    return [-q[0], -q[1], -q[2], q[3]]


def _matrix_by_vector(run: Run, a: Compound, b: Compound) -> Compound:
    scalar, rows = a.type.scalar, rows_of(a)
    values = [sum_of_products(run, "matrix by vector", scalar, row, b.items) for row in rows]
    return run.vector(len(rows), scalar).of(values)


def _vector_by_matrix(run: Run, a: Compound, b: Compound) -> Compound:
    scalar, columns = a.type.scalar, columns_of(b)
    values = [sum_of_products(run, "vector by matrix", scalar, a.items, column) for column in columns]
    return run.vector(len(columns), scalar).of(values)


def _matrix_by_matrix(run: Run, a: Compound, b: Compound) -> Compound:
    scalar, columns = a.type.scalar, columns_of(b)
    values = [sum_of_products(run, "matrix product", scalar, row, column) for row in rows_of(a) for column in columns]
    return run.matrix(a.type.shape[0], len(columns), scalar).of(values)


def _quaternions(run: Run, a: Compound, b: Compound) -> Compound:
    return a.like(hamilton(run, a.type.scalar, a.items, b.items))


def composed(run: Run, a: Compound, b: Compound) -> Compound:
    """Return the transformation that applies `b`, then `a`: `a.p + quat_rotate(a.q, b.p)` and `a.q * b.q`."""
    scalar = a.type.scalar
    turned = rotated(run, scalar, a.items[3:], b.items[:3])
    position = list(map(operator.add, a.items[:3], turned))
    return a.like(position + hamilton(run, scalar, a.items[3:], b.items[3:]))


PRODUCTS: Mapping[tuple[str, str], Callable[[Run, Compound, Compound], Compound]] = MappingProxyType(
    {
        ("matrix", "vector"): _matrix_by_vector,
        ("vector", "matrix"): _vector_by_matrix,
        ("matrix", "matrix"): _matrix_by_matrix,
        ("quaternion", "quaternion"): _quaternions,
        ("transform", "transform"): composed,
    }
)
"""The products that are no scaling, by the families of their factors."""


def multiply(run: Run, a: Any, b: Any) -> Any:
    """Return `a * b` where one factor at least is a compound: scaled by a scalar, or one of `PRODUCTS`."""
    if not isinstance(b, Compound):
        return a.like([item * b for item in a.items]) if isinstance(a, Compound) else a * b
    if not isinstance(a, Compound):
        return b.like([a * item for item in b.items])
    product = PRODUCTS.get((a.type.family, b.type.family))
    if product is None:
        raise LackingError(f"the product of {a.type.family} and {b.type.family}")
    return product(run, a, b)


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType({"mul": multiply, "matmul": multiply})
