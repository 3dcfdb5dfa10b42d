"""Vectors: constructors, products, lengths, norms, and the places of extremes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound, CompoundType
from oracle.reference.definitions.bounds import finite, moves_open, near, root, undetermined
from oracle.reference.definitions.operators import each, quotient
from oracle.reference.definitions.products import crossed, sum_of_products
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import ScalarType


def dtype_of(run: Run, values: Sequence[Any], dtype: Any = None) -> ScalarType:
    """Return the scalar type that a constructor's result has: the one asked for, or that of the arguments."""
    if isinstance(dtype, ScalarType):
        return dtype
    for value in values:
        scalar = run.scalar_of(value)
        if scalar is not None:
            return scalar
    return run.scalars["float32"]


def make_vector(run: Run, *values: Any, length: Any = None, dtype: Any = None) -> Compound:
    """Return `wp.vector(...)`: zeros, one number everywhere, a number for each component, or a copy."""
    if length is None:
        length = len(values[0]) if len(values) == 1 and isinstance(values[0], Compound) else len(values)
    return run.vector(int(length), dtype_of(run, values, dtype))(*values)


def _construct(run: Run, type_: CompoundType, *values: Any, **named: Any) -> Compound:
    """Return a vector made of other vectors: `wp.spatial_vector(w, v)` is documented, nothing else is."""
    values = (*values, *(named[name] for name in ("w", "v", "wx", "wy", "wz", "vx", "vy", "vz") if name in named))
    if type_.size == 6 and len(values) == 2 and all(isinstance(value, Compound) for value in values):
        return type_.converted(values[0].items + values[1].items)
    if len(values) in (0, type_.size):
        return type_(*values)
    raise LackingError("a vector made of other vectors")


def dot(run: Run, a: Compound, b: Compound) -> Any:
    """Return the sum of the products of components, of quaternions too."""
    return sum_of_products(run, "dot", a.type.scalar, a.items, b.items)


def _outer(run: Run, a: Compound, b: Compound) -> Compound:
    values = [x * y for x in a.items for y in b.items]
    return run.matrix(len(a.items), len(b.items), a.type.scalar).of(values)


def _cross(run: Run, a: Compound, b: Compound) -> Compound:
    return a.like(crossed(run, a.type.scalar, a.items, b.items))


def length(run: Run, a: Compound) -> Any:
    """Return the root of the squared length; where that overflows, a formula that scales first would not."""
    scalar = a.type.scalar
    squared = sum_of_products(run, "length", scalar, a.items, a.items)
    found = root(scalar, abs(squared))
    if not math.isfinite(float(found)) and finite(a.items):
        return undetermined(run, "length", found, scalar)
    return near(run, "length", found, scalar, 0.5, float(found))


def normalized(run: Run, a: Compound) -> Compound:
    """Return the value over its length; of length 0 the zero vector, or the identity quaternion.

    What becomes of a NaN is not documented: open.
    """
    scalar = a.type.scalar
    size = length(run, a)
    if size > 0:
        # a quotient, or a product with the reciprocal, which is rounded twice
        reciprocal = scalar(1) / size
        is_quaternion = a.type.family == "quaternion"
        values = [item * reciprocal if is_quaternion else item / size for item in a.items]
        return a.like([near(run, "normalize", value, scalar, 1.0, float(value)) for value in values])
    unit = a.type.converted([0, 0, 0, 1]) if a.type.family == "quaternion" else a.type.zero
    if size == 0:
        return unit
    return a.like([undetermined(run, f"normalize {place}", item, scalar) for place, item in enumerate(unit.items)])


def _place_of_extreme(better: Callable[[Any, Any], bool]) -> Callable[[Run, Compound], Any]:
    """Return `argmin` or `argmax`: NaNs are skipped, and of equal components the first one counts.

    Which of two equal ones counts is not documented: that is open.
    """

    def define(run: Run, a: Compound) -> Any:
        places = [place for place, item in enumerate(a.items) if item == item] or [0]
        best = places[0]
        for place in places[1:]:
            if better(a.items[place], a.items[best]):
                best = place
        equal = [place for place in places if a.items[place] == a.items[best]] or [best]
        return np.uint32(equal[(run.noise or 0) % len(equal)] if moves_open(run) else best)

    return define


def _norm_l1(run: Run, v: Compound) -> Any:
    ones = [v.type.scalar(1)] * len(v.items)
    return sum_of_products(run, "norm_l1", v.type.scalar, [abs(item) for item in v.items], ones)


def _norm_huber(run: Run, v: Compound, delta: Any = 1.0) -> Any:
    """Return `|v|² / 2` up to a length of delta, and `delta (|v| - delta / 2)` beyond."""
    scalar = v.type.scalar
    delta, half = scalar(delta), scalar(0.5)
    squared = dot(run, v, v)
    if squared <= delta * delta:
        return half * squared
    value = delta * (root(scalar, squared) - half * delta)
    return near(run, "norm_huber", value, scalar, 3.0, float(delta) * (float(root(scalar, squared)) + float(delta)))


def _norm_pseudo_huber(run: Run, v: Compound, delta: Any = 1.0) -> Any:
    """Return `delta sqrt(1 + |v|² / delta²)`."""
    scalar = v.type.scalar
    delta, one = scalar(delta), scalar(1)
    squared = dot(run, v, v)
    value = delta * root(scalar, one + squared / (delta * delta))
    return near(run, "norm_pseudo_huber", value, scalar, 3.0, float(value))


def _smooth_normalize(run: Run, v: Compound, delta: Any = 1.0) -> Compound:
    """Return the vector over its pseudo-Huber norm."""
    size = _norm_pseudo_huber(run, v, delta)
    scalar = v.type.scalar
    return v.like([near(run, "smooth_normalize", item / size, scalar, 1.0, float(item / size)) for item in v.items])


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "vector": make_vector,
        "construct vector": _construct,
        "dot": dot,
        "outer": _outer,
        "cross": _cross,
        "length": length,
        "length_sq": lambda run, a: sum_of_products(run, "length_sq", a.type.scalar, a.items, a.items),
        "normalize": normalized,
        "argmin": _place_of_extreme(operator.lt),
        "argmax": _place_of_extreme(operator.gt),
        "cw_mul": lambda run, a, b: each(run, operator.mul, a, b),
        "cw_div": lambda run, a, b: each(run, quotient, a, b),
        "norm_l1": _norm_l1,
        "norm_l2": length,
        "norm_huber": _norm_huber,
        "norm_pseudo_huber": _norm_pseudo_huber,
        "smooth_normalize": _smooth_normalize,
    }
)
