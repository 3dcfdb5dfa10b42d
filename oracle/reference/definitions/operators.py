"""Operators: exact on scalars, element by element on compounds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound
from oracle.reference.run import Run
from oracle.reference.scalars import INTEGERS, BFloat16, Undefined


def each(run: Run, function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """Apply a function of two scalars to scalars, or to each pair of components."""
    if isinstance(a, Compound):
        others = b.items if isinstance(b, Compound) else [b] * len(a.items)
        return a.like([function(x, y) for x, y in zip(a.items, others, strict=True)])
    if isinstance(b, Compound):
        return b.like([function(a, y) for y in b.items])
    return function(a, b)


def quotient(a: Any, b: Any) -> Any:
    """Divide: floats as IEEE 754 says, integers with truncation towards zero, as the documentation has it for C."""
    kind = type(a)
    if kind not in INTEGERS:
        return a / b
    if b == 0:
        raise Undefined("an integer is divided by zero")
    magnitude = abs(int(a)) // abs(int(b))
    return kind(magnitude if (a < 0) == (b < 0) else -magnitude)


def floor_quotient(a: Any, b: Any) -> Any:
    """Divide and round down."""
    if type(a) in INTEGERS:
        return quotient(a, b)
    ratio = a / b
    return BFloat16(np.floor(ratio.single)) if isinstance(ratio, BFloat16) else np.floor(ratio)


def remainder(a: Any, b: Any) -> Any:
    """Return what is left of a truncated division, with the sign of `a`, as the documentation says."""
    kind = type(a)
    if kind in INTEGERS:
        if b == 0:
            raise Undefined("an integer is divided by zero")
        magnitude = abs(int(a)) % abs(int(b))
        return kind(-magnitude if a < 0 else magnitude)
    if isinstance(a, BFloat16):
        return BFloat16(np.fmod(a.single, b.single))
    return np.fmod(a, b)


def negated(value: Any) -> Any:
    """Return the number with the other sign."""
    return -value


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "add": lambda run, a, b: each(run, operator.add, a, b),
        "sub": lambda run, a, b: each(run, operator.sub, a, b),
        "mul": lambda run, a, b: each(run, operator.mul, a, b),
        "div": lambda run, a, b: each(run, quotient, a, b),
        "floordiv": lambda run, a, b: each(run, floor_quotient, a, b),
        "mod": lambda run, a, b: each(run, remainder, a, b),
        "lshift": lambda run, a, b: each(run, lambda x, y: run.type_of(x)(int(x) << int(y)), a, b),
        "rshift": lambda run, a, b: each(run, lambda x, y: run.type_of(x)(int(x) >> int(y)), a, b),
        "bit_and": lambda run, a, b: each(run, operator.and_, a, b),
        "bit_or": lambda run, a, b: each(run, operator.or_, a, b),
        "bit_xor": lambda run, a, b: each(run, operator.xor, a, b),
        "neg": lambda run, a: negated(a),
        "pos": lambda run, a: +a,
        "invert": lambda run, a: a.like([~item for item in a.items]) if isinstance(a, Compound) else ~a,
        "abs": lambda run, a: a.like([abs(item) for item in a.items]) if isinstance(a, Compound) else abs(a),
    }
)
