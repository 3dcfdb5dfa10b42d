"""Operators: exact on scalars, element by element on compounds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound
from oracle.reference.deviations import NEGATED_ZERO
from oracle.reference.run import Run
from oracle.reference.scalars import INTEGERS, SCALARS, BFloat16, Undefined
from oracle.ulp import INSTRUCTIONS


def each(run: Run, function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """Apply a function of two scalars to scalars, or to each pair of components."""
    if isinstance(a, Compound):
        others = b.items if isinstance(b, Compound) else [b] * len(a.items)
        return a.like([function(x, y) for x, y in zip(a.items, others, strict=True)])
    if isinstance(b, Compound):
        return b.like([function(a, y) for y in b.items])
    return function(a, b)


def _divided(function: Callable[[int, int], int], a: Any, b: Any) -> Any:
    """Apply an integer division; by zero, and where the quotient does not fit, C leaves the result open."""
    kind = type(a)
    dividend, divisor = int(a), int(b)
    if divisor == 0:
        raise Undefined("an integer is divided by zero")
    if divisor == -1 and dividend and dividend == np.iinfo(kind).min:
        raise Undefined("the lowest integer is divided by -1")
    return kind(function(dividend, divisor))


def _truncated(a: int, b: int) -> int:
    magnitude = abs(a) // abs(b)
    return magnitude if (a < 0) == (b < 0) else -magnitude


def quotient(a: Any, b: Any) -> Any:
    """Divide: floats as IEEE 754 says, integers towards zero, as C does."""
    return _divided(_truncated, a, b) if type(a) in INTEGERS else a / b


def floor_quotient(a: Any, b: Any) -> Any:
    """Divide and round down; of floats, the quotient that was rounded already."""
    if type(a) in INTEGERS:
        return _divided(int.__floordiv__, a, b)
    ratio = a / b
    return BFloat16(np.floor(ratio.single)) if isinstance(ratio, BFloat16) else np.floor(ratio)


def remainder(a: Any, b: Any) -> Any:
    """Return what is left of a truncated division, with the sign of `a`, as the documentation says."""
    if type(a) in INTEGERS:
        return _divided(lambda x, y: x - _truncated(x, y) * y, a, b)
    return BFloat16(np.fmod(a.single, b.single)) if isinstance(a, BFloat16) else np.fmod(a, b)


def _approximate(run: Run, a: Any, b: Any) -> Any:
    """Divide as the GPU's approximate instructions may; the cpu is said to divide exactly."""
    scalar = run.scalar_of(a)
    assert scalar is not None
    bound = {32: INSTRUCTIONS["approx_divf"].cuda, 64: INSTRUCTIONS["approx_div"].cuda}.get(scalar.bits, 1)
    return each(run, lambda x, y: run.rounded("div_approx", x / y, scalar, bound), a, b)


def _shift(function: Callable[[int, int], int]) -> Callable[..., Any]:
    """Return a shift of the exact number, which wraps around; one that is too wide is open in C."""

    def define(run: Run, a: Any, b: Any) -> Any:
        scalar = run.scalar_of(a)
        assert scalar is not None

        def shifted(x: Any, y: Any) -> Any:
            if not 0 <= y < scalar.bits:
                raise Undefined(f"a shift by {y} of {scalar.bits} bits")
            return scalar(function(int(x), int(y)))

        return each(run, shifted, a, b)

    return define


def negated(run: Run, value: Any) -> Any:
    """Return the number, or every component, with the other sign."""
    return 0 - value if NEGATED_ZERO in run.known and type(value) in SCALARS else -value


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": lambda run, a, b: each(run, operator.add, a, b),
        "sub": lambda run, a, b: each(run, operator.sub, a, b),
        "mul": lambda run, a, b: each(run, operator.mul, a, b),
        "div": lambda run, a, b: each(run, quotient, a, b),
        "div_approx": _approximate,
        "floordiv": lambda run, a, b: each(run, floor_quotient, a, b),
        "mod": lambda run, a, b: each(run, remainder, a, b),
        "lshift": _shift(operator.lshift),
        "rshift": _shift(operator.rshift),
        "bit_and": lambda run, a, b: each(run, operator.and_, a, b),
        "bit_or": lambda run, a, b: each(run, operator.or_, a, b),
        "bit_xor": lambda run, a, b: each(run, operator.xor, a, b),
        "neg": negated,
        "pos": lambda run, a: +a,
        "invert": lambda run, a: a.like([~item for item in a.items]) if isinstance(a, Compound) else ~a,
    }
)
