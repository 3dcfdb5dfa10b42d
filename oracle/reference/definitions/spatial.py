"""Spatial vectors, of an angular and a linear half, and spatial matrices."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from oracle.reference.compounds import Compound
from oracle.reference.definitions.bounds import bounded
from oracle.reference.definitions.products import crossed, rotated, rows_of
from oracle.reference.definitions.vectors import dot
from oracle.reference.run import Run
from oracle.reference.scalars import ScalarType

PAIRS = ((1, 2), (2, 0), (0, 1))
"""Which components a component of a cross product is made of."""


def _sum_of_crosses(
    run: Run, scalar: ScalarType, first: tuple[list[Any], list[Any]], second: tuple[list[Any], list[Any]]
) -> list[Any]:
    """Return `a x b + c x d` of two pairs of lists of three numbers."""
    (a, b), (c, d) = first, second
    result = []
    for place, (j, k) in enumerate(PAIRS):
        value = (a[j] * b[k] - a[k] * b[j]) + (c[j] * d[k] - c[k] * d[j])
        factors = ((a[j], b[k]), (a[k], b[j]), (c[j], d[k]), (c[k], d[j]))
        result.append(bounded(run, f"crosses {place}", value, scalar, 2.0, factors))
    return result


def _halves(vector: Compound) -> tuple[list[Any], list[Any]]:
    return vector.items[:3], vector.items[3:]


def _cross(run: Run, a: Compound, b: Compound) -> Compound:
    """Return `(w_a x w_b, v_a x w_b + w_a x v_b)`."""
    scalar = a.type.scalar
    (wa, va), (wb, vb) = _halves(a), _halves(b)
    return a.like(crossed(run, scalar, wa, wb) + _sum_of_crosses(run, scalar, (va, wb), (wa, vb)))


def _cross_dual(run: Run, a: Compound, b: Compound) -> Compound:
    """Return the wrench `(w x n + v x f, w x f)`."""
    scalar = a.type.scalar
    (w, v), (n, f) = _halves(a), _halves(b)
    return a.like(_sum_of_crosses(run, scalar, (w, n), (v, f)) + crossed(run, scalar, w, f))


def _adjoint(run: Run, r: Compound, s: Compound) -> Compound:
    """Return the blocks `[[r, 0], [s, r]]`."""
    scalar = r.type.scalar
    zero = [scalar(0)] * 3
    items = [item for row in rows_of(r) for item in (*row, *zero)]
    items += [item for left, right in zip(rows_of(s), rows_of(r), strict=True) for item in (*left, *right)]
    return run.matrix(6, 6, scalar).of(items)


def _half(start: int) -> Callable[[Run, Compound], Compound]:
    return lambda run, svec: run.vector(3, svec.type.scalar).of(svec.items[start : start + 3])


def _make(run: Run, *values: Any, dtype: Any = None, **named: Any) -> Compound:
    scalar = dtype if isinstance(dtype, ScalarType) else run.scalars["float32"]
    return run.vector(6, scalar)(*values, **named)


def _velocity_at_point(run: Run, qd: Compound, r: Compound) -> Compound:
    """Return `v + w x r`."""
    w, v = _halves(qd)
    return r.like(list(map(operator.add, crossed(run, r.type.scalar, w, r.items), v)))


def _moved(run: Run, t: Compound, x: Compound, arm: int) -> list[list[Any]]:
    """Return both halves turned, and to the other one the cross product of the position with half `arm` added."""
    scalar = x.type.scalar
    halves = [rotated(run, scalar, t.items[3:], half) for half in _halves(x)]
    turned = crossed(run, scalar, t.items[:3], halves[arm])
    halves[1 - arm] = list(map(operator.add, halves[1 - arm], turned))
    return halves


def _transform_twist(run: Run, t: Compound, x: Compound) -> Compound:
    """Return `w' = R w`, `v' = R v + p x w'`."""
    angular, linear = _moved(run, t, x, 0)
    return x.like(angular + linear)


def _transform_wrench(run: Run, t: Compound, x: Compound) -> Compound:
    """Return `f' = R f`, `torque' = R torque + p x f'`."""
    torque, force = _moved(run, t, x, 1)
    return x.like(torque + force)


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "spatial_vector": _make,
        "spatial_adjoint": _adjoint,
        "spatial_dot": dot,
        "spatial_cross": _cross,
        "spatial_cross_dual": _cross_dual,
        "spatial_top": _half(0),
        "spatial_bottom": _half(3),
        "velocity_at_point": _velocity_at_point,
        "transform_twist": _transform_twist,
        "transform_wrench": _transform_wrench,
    }
)
