"""Functions of one number or a few that are exact: choice, sign, rounding to integers, tests, conversions, mixtures.

What the documentation leaves open, the sign of `min(-0.0, +0.0)`, is `Run.either`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound
from oracle.reference.definitions.operators import each
from oracle.reference.run import Run
from oracle.reference.scalars import FLOATS, BFloat16


def smaller(run: Run, a: Any, b: Any) -> Any:
    """Return the smaller number; a NaN counts as missing, and which zero is smaller is open."""
    if a < b:
        return a
    if b < a:
        return b
    return _of_equals(run, "min", a, b)


def larger(run: Run, a: Any, b: Any) -> Any:
    """Return the larger number; a NaN counts as missing, and which zero is larger is open."""
    if a > b:
        return a
    if b > a:
        return b
    return _of_equals(run, "max", a, b)


def _of_equals(run: Run, name: str, a: Any, b: Any) -> Any:
    """Choose between numbers of which none is smaller: equal ones, or NaNs."""
    if a == b:
        zeros = type(a) in FLOATS and not a and math.copysign(1.0, float(a)) != math.copysign(1.0, float(b))
        return run.either(name, a, b) if zeros else a
    return b if a != a else a


def choice(pick: Callable[[Run, Any, Any], Any]) -> Callable[..., Any]:
    """Return `min` or `max`: of two values component by component, of one over its components."""

    def define(run: Run, a: Any, *others: Any) -> Any:
        if not others:
            return reduce(lambda x, y: pick(run, x, y), a.items)
        return each(run, lambda x, y: pick(run, x, y), a, others[0])

    return define


def clamp(run: Run, x: Any, low: Any, high: Any) -> Any:
    """Return `min(max(low, x), high)`."""
    return smaller(run, larger(run, low, x), high)


def of_components(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the definition that applies a function of a number to it, or to each component."""
    return lambda run, x: x.like([function(item) for item in x.items]) if isinstance(x, Compound) else function(x)


def sign(x: Any) -> Any:
    """Return -1 below zero and 1 otherwise, as the documentation says: also of zero and NaN."""
    return type(x)(-1 if x < 0 else 1)


def in_single(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function of NumPy's floats that takes bfloat16 as well; its results need no more digits."""
    return lambda x: BFloat16(function(x.single)) if isinstance(x, BFloat16) else function(x)


def nearest(x: Any) -> Any:
    """Round to the nearest integer, halves away from zero."""
    whole = np.trunc(x)
    return whole + np.copysign(type(x)(1), x) if abs(x - whole) >= 0.5 else whole


def copied_sign(run: Run, x: Any, y: Any) -> Any:
    """Return the size of `x` with the sign of `y`, component by component."""
    return each(run, lambda a, b: type(a)(math.copysign(float(a), float(b))), x, y)


def test(function: Callable[[float], bool], combine: Callable[[Any], bool]) -> Callable[..., Any]:
    """Return a test of a number, or of the components, all or any of them."""

    def define(run: Run, x: Any) -> bool:
        return combine(function(float(item)) for item in (x.items if isinstance(x, Compound) else [x]))

    return define


def scaled(name: str, factor: float) -> Callable[..., Any]:
    """Return the product with a constant, which is itself rounded: two roundings, and one for a third."""

    def define(run: Run, x: Any) -> Any:
        scalar = run.type_of(x)
        return run.rounded(name, x * scalar(factor), scalar, 2.0)

    return define


def lerp(run: Run, a: Any, b: Any, t: Any) -> Any:
    """Return `a * (1 - t) + b * t`, which the documentation gives as the way to compute it."""
    rest = type(t)(1) - t
    return each(run, lambda x, y: x * rest + y * t, a, b)


def smoothstep(run: Run, a: Any, b: Any, x: Any) -> Any:
    """Return the cubic 3t^2 - 2t^3 of the clamped position between `a` and `b`."""
    scalar = run.type_of(x)
    place = clamp(run, (x - a) / (b - a), scalar(0), scalar(1))
    return run.rounded("smoothstep", place * place * (scalar(3) - scalar(2) * place), scalar, 3.0)


def where(run: Run, condition: Any, if_true: Any, if_false: Any) -> Any:
    """Return one of two values; literals among them get the other's type, whatever the condition's is."""
    if_true, if_false = run.settle((if_true, if_false))
    return run.own(if_true if getattr(condition, "is_array", False) or condition else if_false)


where.takes_literals = True  # type: ignore[attr-defined]


def bit_count(run: Run, x: Any) -> Any:
    """Return how many bits are set in the two's complement: an int32, whatever the argument's type."""
    scalar = run.type_of(x)
    return np.int32((int(x) & ((1 << scalar.bits) - 1)).bit_count())


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "min": choice(smaller),
        "max": choice(larger),
        "clamp": clamp,
        "abs": of_components(abs),
        "sign": of_components(sign),
        "copysign": copied_sign,
        "step": of_components(lambda x: type(x)(1 if x < 0 else 0)),
        "nonzero": of_components(lambda x: type(x)(1 if x != 0 else 0)),
        "bit_count": bit_count,
        "sqrt": of_components(in_single(np.sqrt)),
        "degrees": scaled("degrees", 180.0 / math.pi),
        "radians": scaled("radians", math.pi / 180.0),
        "round": of_components(in_single(nearest)),
        "rint": of_components(in_single(np.rint)),
        "trunc": of_components(in_single(np.trunc)),
        "floor": of_components(in_single(np.floor)),
        "ceil": of_components(in_single(np.ceil)),
        "frac": of_components(in_single(lambda x: x - np.trunc(x))),
        "isfinite": test(math.isfinite, all),
        "isnan": test(math.isnan, any),
        "isinf": test(math.isinf, any),
        "lerp": lerp,
        "smoothstep": smoothstep,
        "where": where,
    }
)
