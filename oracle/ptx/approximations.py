"""PTX's `.approx` and `.full` instructions, answered more accurately than any GPU need.

The PTX ISA bounds their error but does not define their bits. Here the value is computed in float64 and rounded to the
operand's type, which lies within every bound; special operands follow the manual's tables. With `ftz`, subnormal
operands and results become zeros of the same sign. Half-precision forms take and give float16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arithmetic import flush
from .rounding import Array

_LARGE_DIVISOR = 2.0**126
_HIGH_WORD = np.uint64(0xFFFFFFFF00000000)
_GROSS_NAN = np.uint64(0x7FFFFFFF00000000)


def _through_float64(function: Callable[[Any], Any], a: Array, ftz: bool) -> Array:
    if not ftz:
        return function(a.astype(np.float64)).astype(a.dtype)
    return flush(function(flush(a).astype(np.float64)).astype(a.dtype))


def ex2(a: Array, ftz: bool = False) -> Array:
    """2**a."""
    return _through_float64(np.exp2, a, ftz)


def lg2(a: Array, ftz: bool = False) -> Array:
    """Base-2 logarithm; -inf at either zero, NaN below."""
    return _through_float64(np.log2, a, ftz)


def sin(a: Array, ftz: bool = False) -> Array:
    """Sine; NaN at infinities."""
    return _through_float64(np.sin, a, ftz)


def cos(a: Array, ftz: bool = False) -> Array:
    """Cosine; NaN at infinities."""
    return _through_float64(np.cos, a, ftz)


def tanh(a: Array, ftz: bool = False) -> Array:
    """Hyperbolic tangent."""
    return _through_float64(np.tanh, a, ftz)


def sqrt(a: Array, ftz: bool = False) -> Array:
    """Square root; -0 at -0, NaN below."""
    return _through_float64(np.sqrt, a, ftz)


def rcp(a: Array, ftz: bool = False) -> Array:
    """Reciprocal of float32; infinity at zeros, with their sign."""
    return _through_float64(np.reciprocal, a, ftz)


def rsqrt(a: Array, ftz: bool = False) -> Array:
    """Reciprocal square root of float32 or float64; infinity at zeros, with their sign; NaN below."""
    return _through_float64(_rsqrt, a, ftz)


def div(a: Array, b: Array, ftz: bool = False) -> Array:
    """`div.approx.f32`: a / b, but for 2**126 < |b| < 2**128 zero, or NaN if a is infinite."""
    if ftz:
        a, b = flush(a), flush(b)
    quotient = a / b
    magnitude = np.abs(b)
    large = (magnitude > _LARGE_DIVISOR) & (magnitude < np.inf)
    # Times one or zero: a zero keeps the quotient's sign, and infinity becomes NaN.
    quotient = quotient * ~large
    return flush(quotient) if ftz else quotient


def div_full(a: Array, b: Array, ftz: bool = False) -> Array:
    """`div.full.f32`: a / b over the whole range."""
    if ftz:
        return flush(flush(a) / flush(b))
    return a / b


def rcp_ftz_f64(a: Array) -> Array:
    """`rcp.approx.ftz.f64`: the reciprocal of a's upper 32 bits, its own lower 32 bits zero."""
    return _gross(np.reciprocal, a)


def rsqrt_ftz_f64(a: Array) -> Array:
    """`rsqrt.approx.ftz.f64`: reciprocal square root of a's upper 32 bits, its own lower 32 bits zero."""
    return _gross(_rsqrt, a)


def _rsqrt(a: Array) -> Array:
    return 1.0 / np.sqrt(a)


def _gross(function: Callable[[Any], Any], a: Array) -> Array:
    high = (a.view(np.uint64) & _HIGH_WORD).view(np.float64)
    result = flush(function(flush(high)))
    bits = np.where(np.isnan(result), _GROSS_NAN, result.view(np.uint64) & _HIGH_WORD)
    return bits.view(np.float64)
