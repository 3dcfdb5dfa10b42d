"""Floating-point arithmetic of PTX on NumPy arrays: every operation rounds the exact result once.

Operands are float16, float32 or float64 arrays of one type, of at least one dimension and of shapes that broadcast;
results have that type. `mode` is PTX's rounding modifier: "rn" to nearest even, "rz" towards zero, "rm" down, "rp" up.
A NaN result is some NaN: payloads and signs of NaNs mean nothing here, except where PTX says that the result is the
canonical NaN, all bits below the sign. Callers silence NumPy's floating-point warnings.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .rounding import (
    UNSIGNED,
    Array,
    decompose,
    narrow,
    round_scaled,
    step_towards,
    to_odd,
    two_product,
    two_sum,
)

_FLOAT64 = np.dtype(np.float64)
SMALLEST_NORMAL = {np.dtype(t): np.finfo(t).smallest_normal for t in (np.float16, np.float32, np.float64)}
_CANONICAL_NAN = {
    np.dtype(f"f{size}"): np.array((1 << 8 * size - 1) - 1, f"u{size}").view(f"f{size}") for size in (2, 4, 8)
}

# The bits of a float64 that a float32 of normal size lacks, and their value halfway between two float32.
_BELOW_FLOAT32 = np.array(0x1FFFFFFF, np.uint64)
_HALFWAY = np.array(0x10000000, np.uint64)

# A float64 product below this, with room to spare, may have a part that underflows.
_TINY = 2.0**-900


def add(a: Array, b: Array, mode: str = "rn") -> Array:
    """a + b."""
    if mode == "rn":
        return a + b
    if a.dtype == _FLOAT64:
        return _add_f64(a, b, mode)
    total, lost = two_sum(a.astype(np.float64), b.astype(np.float64))
    return _fix_zero_sum(narrow(to_odd(total, lost), a.dtype, mode), total, a, b, mode)


def sub(a: Array, b: Array, mode: str = "rn") -> Array:
    """a - b."""
    return a - b if mode == "rn" else add(a, -b, mode)


def mul(a: Array, b: Array, mode: str = "rn") -> Array:
    """a * b."""
    if mode == "rn":
        return a * b
    if a.dtype == _FLOAT64:
        return fma(a, b, np.copysign(0.0, a * b), mode)
    return narrow(a.astype(np.float64) * b.astype(np.float64), a.dtype, mode)


def fma(a: Array, b: Array, c: Array, mode: str = "rn") -> Array:
    """a * b + c, rounded once."""
    if a.dtype == _FLOAT64:
        return fma_f64(a, b, c, mode)
    return fma_narrow(a, b, c, mode)


def div(a: Array, b: Array, mode: str = "rn") -> Array:
    """a / b."""
    if mode == "rn":
        return a / b
    if a.dtype == _FLOAT64:
        quotient = a / b
        _replace(quotient, np.isfinite(a) & np.isfinite(b) & (a != 0) & (b != 0), _exact_quotient, mode, a, b)
        return quotient
    # An inexact quotient of 24-bit numbers is too far from any 25-bit number for float64 to round to one; so are roots.
    return narrow(a.astype(np.float64) / b.astype(np.float64), a.dtype, mode)


def sqrt(a: Array, mode: str = "rn") -> Array:
    """The square root of a; NaN below zero, -0 for -0."""
    if mode == "rn":
        return np.sqrt(a)
    if a.dtype == _FLOAT64:
        root = np.sqrt(a)
        _replace(root, np.isfinite(root) & (a != 0), _exact_root, mode, a)
        return root
    return narrow(np.sqrt(a.astype(np.float64)), a.dtype, mode)


def rcp(a: Array, mode: str = "rn") -> Array:
    """1 / a."""
    return div(np.ones_like(a), a, mode)


def saturate(a: Array) -> Array:
    """`.sat`: clamp to [0, 1]; NaN and -0 become +0."""
    return np.where(a > 0, np.minimum(a, a.dtype.type(1)), a.dtype.type(0))


def relu(a: Array) -> Array:
    """`.relu`: negative values and -0 become +0, a NaN the canonical one."""
    return np.where(a > 0, a, np.where(a != a, _CANONICAL_NAN[a.dtype], a.dtype.type(0)))


def flush(a: Array) -> Array:
    """`.ftz`: subnormal values become zeros of the same sign."""
    return a * (np.abs(a) >= SMALLEST_NORMAL[a.dtype])


_DOUBLING: dict[str, tuple[float, ...]] = {
    "mul": (2, 1),
    "div": (2, 1),
    "fma": (2, 1, 2),
    "mad": (2, 1, 2),
    "rcp": (0.5,),
    "cvt": (2,),
}
"""By operation, what its operands are multiplied by to double its result. Sums that are subnormal are never rounded."""


def flush_result(operation: str, function: Callable[..., Array], *operands: Array) -> Array:
    """`function(*operands)` with `.ftz` on the result: zero if below the smallest normal number once it is rounded to
    the format's precision, as if exponents had no end.

    So a value that only a subnormal's fewer bits would round up to the smallest normal number is flushed. PTX ISA
    says no more than "subnormal results"; this is how NVIDIA's assembler (CUDA 13.4) folds `mul.ftz` and `cvt.ftz`.
    """
    result = function(*operands)
    smallest = SMALLEST_NORMAL[result.dtype]
    lowest = np.abs(result) == smallest
    if operation in _DOUBLING and np.count_nonzero(lowest):
        factors = _DOUBLING[operation]
        double = function(*[a * a.dtype.type(k) for a, k in zip(operands, factors, strict=True)])
        result = np.where(lowest & (np.abs(double) < 2 * smallest), np.copysign(result.dtype.type(0), result), result)
    return flush(result)


def minimum(a: Array, b: Array) -> Array:
    """The smaller one; a NaN operand loses, and -0 is below +0."""
    return _merge_equal(np.where((a < b) | (b != b), a, b), a, b, np.bitwise_or)


def maximum(a: Array, b: Array) -> Array:
    """The larger one; a NaN operand loses, and +0 is above -0."""
    return _merge_equal(np.where((a > b) | (b != b), a, b), a, b, np.bitwise_and)


def minimum_nan(a: Array, b: Array) -> Array:
    """`min.NaN`: like `minimum`, but the canonical NaN if either is NaN."""
    return np.where((a != a) | (b != b), _CANONICAL_NAN[a.dtype], minimum(a, b))


def maximum_nan(a: Array, b: Array) -> Array:
    """`max.NaN`: like `maximum`, but the canonical NaN if either is NaN."""
    return np.where((a != a) | (b != b), _CANONICAL_NAN[a.dtype], maximum(a, b))


def xorsign(result: Array, a: Array, b: Array) -> Array:
    """`.xorsign.abs`: `result` (of the absolute values) with the product of the operands' signs, unless it is NaN."""
    return np.where((np.signbit(a) ^ np.signbit(b)) & (result == result), -result, result)


def absolute(a: Array) -> Array:
    """a with its sign bit cleared."""
    return np.abs(a)


def negate(a: Array) -> Array:
    """a with its sign bit flipped."""
    return -a


def copysign(sign: Array, magnitude: Array) -> Array:
    """PTX's operand order: the sign of the first with the magnitude of the second."""
    return np.copysign(magnitude, sign)


TESTS: dict[str, Callable[[Array], Array]] = {
    "finite": np.isfinite,
    "infinite": np.isinf,
    "number": lambda a: a == a,
    "notanumber": np.isnan,
    "normal": lambda a: np.isfinite(a) & ((np.abs(a) >= SMALLEST_NORMAL[a.dtype]) | (a == 0)),
    "subnormal": lambda a: (a != 0) & (np.abs(a) < SMALLEST_NORMAL[a.dtype]),
}
"""`testp`: property name to predicate over an array. Zeros count as normal."""


def fma_narrow(a: Array, b: Array, c: Array, mode: str = "rn") -> Array:
    """`fma` of float16 or float32: the product is exact in float64, the sum is rounded to odd before narrowing."""
    product = a.astype(np.float64) * b.astype(np.float64)
    if mode == "rn" and a.dtype == np.float32:
        total = product + c
        nearest = total.astype(np.float32)
        if not _may_round_twice(total, nearest):
            return nearest
    total, lost = two_sum(product, c.astype(np.float64))
    if mode == "rn":
        return to_odd(total, lost).astype(a.dtype)
    return _fix_zero_sum(narrow(to_odd(total, lost), a.dtype, mode), total, product, c, mode)


def _may_round_twice(total: Array, nearest: Array) -> bool:
    """Whether a float64 may lie halfway between two float32 only because it was rounded; `nearest` is it as float32."""
    halfway = (total.view(np.uint64) & _BELOW_FLOAT32) == _HALFWAY
    # Subnormal float32 have fewer bits, and the halves of their last places are elsewhere.
    tiny = np.abs(nearest) <= SMALLEST_NORMAL[nearest.dtype]
    if np.count_nonzero(tiny):
        halfway |= tiny & (total != 0)
    return bool(np.count_nonzero(halfway))


def fma_f64(a: Array, b: Array, c: Array, mode: str = "rn") -> Array:
    """`fma` of float64: Boldo & Melquiond's algorithm where nothing over- or underflows, otherwise exact integers."""
    product, low = two_product(a, b)
    middle, tail = two_sum(c, low)
    high, rest = two_sum(product, middle)
    last = to_odd(*two_sum(tail, rest))
    result = high + last
    if mode != "rn":
        result = _fix_zero_sum(step_towards(result, (high - result) + last, mode), result, product, c, mode)
    risky = ~(np.isfinite(result) & (np.abs(product) >= _TINY))
    if risky.any():
        factors = np.isfinite(a) & np.isfinite(b)
        finite = factors & np.isfinite(c)
        inexact = finite & (a != 0) & (b != 0)
        total = product + c
        simple = np.where(factors & ~finite, c, _fix_zero_sum(total, total, product, c, mode))
        result = np.where(inexact, result, simple)
        _replace(result, risky & inexact, _exact_fma, mode, a, b, c)
    return result


def _add_f64(a: Array, b: Array, mode: str) -> Array:
    nearest, lost = two_sum(a, b)
    result = _fix_zero_sum(step_towards(nearest, lost, mode), nearest, a, b, mode)
    overflowed = np.isnan(lost) & np.isfinite(a) & np.isfinite(b)
    if overflowed.any():
        _replace(result, overflowed, _exact_sum, mode, a, b)
    return result


def _replace(result: Array, lanes: Array, exact: Callable[..., float], mode: str, *operands: Array) -> None:
    """Put what `exact` gives for plain floats, none of them zero or infinite, into the `lanes` of `result`."""
    columns = [np.broadcast_to(operand, result.shape)[lanes].tolist() for operand in operands]
    result[lanes] = [exact(mode, *values) for values in zip(*columns, strict=True)]


def _exact_sum(mode: str, a: float, b: float) -> float:
    return _exact_fma(mode, a, 1.0, b)


def _exact_fma(mode: str, a: float, b: float, c: float) -> float:
    (ma, ea), (mb, eb), (mc, ec) = decompose(a), decompose(b), decompose(c)
    exponent = min(ea + eb, ec)
    total = (ma * mb << (ea + eb - exponent)) + (mc << (ec - exponent))
    if total:
        return round_scaled(total, exponent, mode)
    return -0.0 if mode == "rm" else 0.0


def _exact_quotient(mode: str, a: float, b: float) -> float:
    (ma, ea), (mb, eb) = decompose(a), decompose(b)
    negative = (ma < 0) != (mb < 0)
    quotient, rest = divmod(abs(ma) << 120, abs(mb))
    sticky = quotient << 1 | (rest != 0)
    return round_scaled(-sticky if negative else sticky, ea - eb - 121, mode)


def _exact_root(mode: str, a: float) -> float:
    m, e = decompose(a)
    if e & 1:
        m, e = m << 1, e - 1
    root = math.isqrt(m << 120)
    return round_scaled(root << 1 | (root * root != m << 120), (e - 120) // 2 - 1, mode)


def _fix_zero_sum(rounded: Array, exact: Array, a: Array, b: Array, mode: str) -> Array:
    """Rounding down, a sum that is exactly zero is -0 unless both terms are +0."""
    if mode != "rm":
        return rounded
    minus = (exact == 0) & (np.signbit(a) | np.signbit(b))
    return np.where(minus, rounded.dtype.type(-0.0), rounded)


def _merge_equal(chosen: Array, a: Array, b: Array, merge: Callable[..., Array]) -> Array:
    """Operands that compare equal differ at most in the sign of zero: merging their bits picks the right sign."""
    bits = UNSIGNED[a.dtype]
    return np.where(a == b, merge(a.view(bits), b.view(bits)).view(a.dtype), chosen)
