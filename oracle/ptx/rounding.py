"""Round exact results once: error-free sums and products, rounding to odd, and narrowing in a given direction.

A result is first held as a float64 rounded *to odd* (inexact values take the neighbour whose last bit is
one), which keeps enough of what was lost that a second rounding to a format at least two bits narrower, in any
direction, gives what rounding the exact value once would have given (Boldo & Melquiond, "Emulation of FMA and
correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on Computers 57(4), 2008).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

UNSIGNED = {
    np.dtype(np.float16): np.uint16,
    np.dtype(np.float32): np.uint32,
    np.dtype(np.float64): np.uint64,
}
"""The unsigned integer type with the bits of a floating type."""

_SPLITTER = 134217729.0  # 2**27 + 1: Veltkamp's constant for a 53-bit significand
_ONE = np.uint64(1)
_ABOVE_SIGN = np.int64(63)


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The sum of two floats rounded to nearest, and exactly what the rounding lost (Knuth, TAOCP 2, 4.2.2)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """The float64 product rounded to nearest, and exactly what the rounding lost (Dekker, 1971).

    Exact while no operand reaches 2**996 and the product is zero or at least 2**-968 in magnitude.
    """
    product = a * b
    scaled = a * _SPLITTER
    a_high = scaled - (scaled - a)
    a_low = a - a_high
    scaled = b * _SPLITTER
    b_high = scaled - (scaled - b)
    b_low = b - b_high
    low = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, low


def to_odd(nearest: Array, lost: Array) -> Array:
    """The float64 value of `nearest + lost` rounded to odd.

    `nearest` is the exact value rounded to nearest; `lost` has the sign of exact minus nearest, and is zero (or NaN)
    where nothing was lost.
    """
    bits = nearest.view(np.int64)
    # From an even last bit, one up in magnitude if `lost` has the sign of `nearest`, otherwise one down.
    differ = (bits ^ lost.view(np.int64)) >> _ABOVE_SIGN
    step = (np.abs(lost) > 0) & ~bits
    return (bits + (step & 1) * (differ | 1)).view(np.float64)


def narrow(value: Array, dtype: Any, mode: str = "rn") -> Array:
    """float64 rounded to a narrower float type in the direction `mode` ("rn", "rz", "rm" or "rp")."""
    nearest = value.astype(dtype)
    return nearest if mode == "rn" else step_towards(nearest, value - nearest, mode)


def step_towards(nearest: Array, lost: Array, mode: str) -> Array:
    """Turn a result rounded to nearest into one rounded in the direction `mode`.

    `lost` has the sign of the exact result minus `nearest`, and is zero or NaN where nothing was lost.
    """
    if mode == "rz":
        # A zero that stands for something tiny counts on the side of what it stands for.
        negative = np.where(nearest == 0, lost < 0, nearest < 0)
        wrong, target = np.where(negative, lost > 0, lost < 0), 0.0
    elif mode == "rm":
        wrong, target = lost < 0, -np.inf
    elif mode == "rp":
        wrong, target = lost > 0, np.inf
    else:
        raise ValueError(f"no rounding mode {mode!r}")
    return np.where(wrong, np.nextafter(nearest, nearest.dtype.type(target)), nearest)


def decompose(value: float) -> tuple[int, int]:
    """Integer `m` and exponent `e` with `value == m * 2**e`, for a finite float."""
    fraction, exponent = math.frexp(value)
    return int(fraction * 9007199254740992.0), exponent - 53


def round_scaled(integer: int, exponent: int, mode: str) -> float:
    """`integer * 2**exponent` rounded once to a float64 in the direction `mode`; `integer` is not zero."""
    negative, magnitude = integer < 0, abs(integer)
    drop = max(magnitude.bit_length() - 53, -1074 - exponent)
    if drop > 0:
        kept, rest = magnitude >> drop, magnitude & ((1 << drop) - 1)
        half = 1 << (drop - 1)
        if mode == "rn":
            up = rest > half or (rest == half and kept & 1 == 1)
        else:
            up = rest != 0 and mode == ("rm" if negative else "rp")
        magnitude, exponent = kept + up, exponent + drop
    try:
        result = math.ldexp(magnitude, exponent)
    except OverflowError:
        away = mode == "rn" or mode == ("rm" if negative else "rp")
        result = math.inf if away else math.nextafter(math.inf, 0)
    return -result if negative else result
