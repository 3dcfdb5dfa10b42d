"""PTX's `cvt` on NumPy arrays: between float formats, float and integer, and integer widths.

`mode` is "rn", "rz", "rm" or "rp" where a float results, and "rni", "rzi", "rmi" or "rpi" where a value
becomes integral. bfloat16 values are held as their bits in uint16 arrays. `.ftz` and `.sat` for float results are
`arithmetic.flush` and `arithmetic.saturate` around these functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .rounding import Array, narrow, step_towards, to_odd, two_sum

_FLOAT64 = np.dtype(np.float64)
_LOW_HALF = 0xFFFFFFFF
_TO_INTEGRAL: dict[str, Callable[[Array], Array]] = {
    "rni": np.rint,
    "rzi": np.trunc,
    "rmi": np.floor,
    "rpi": np.ceil,
}


def float_to_float(a: Array, dtype: Any, mode: str = "rn") -> Array:
    """`cvt` between float16, float32 and float64; widening is exact whatever the mode."""
    if mode == "rn" or np.dtype(dtype).itemsize >= a.dtype.itemsize:
        return a.astype(dtype)
    return narrow(a.astype(np.float64), dtype, mode)


def float_to_integral(a: Array, mode: str) -> Array:
    """`cvt.rni.f32.f32` and its like: the next integral value in the direction `mode`, in a's type."""
    return _TO_INTEGRAL[mode](a)


def float_to_int(a: Array, dtype: Any, mode: str = "rzi") -> Array:
    """`cvt` from float to an integer type: values out of range become the nearest end of the range.

    NaN becomes 0, except from float64 or to a 64-bit integer: then only the top bit of the result is set
    (PTX ISA 9.0, `cvt`).
    """
    target = np.dtype(dtype)
    info = np.iinfo(target)
    integral = _TO_INTEGRAL[mode](a.astype(np.float64))
    # 2**31 - 1 is a float64, 2**63 - 1 is not: from `above` on, everything is out of range.
    above = float(info.max + 1)
    wide = np.uint64 if target == np.uint64 else np.int64
    inside = (integral >= float(info.min)) & (integral < above)
    result = np.where(inside, integral, 0.0).astype(wide).astype(target)
    if inside.all():
        return result
    result = np.where(integral >= above, target.type(info.max), result)
    result = np.where(integral < float(info.min), target.type(info.min), result)
    return np.where(np.isnan(a), nan_as_int(a.dtype, target), result)


def nan_as_int(source: Any, target: Any) -> Any:
    """The integer of type `target` that a NaN of type `source` converts to."""
    target = np.dtype(target)
    if np.dtype(source) != _FLOAT64 and target.itemsize < 8:
        return target.type(0)
    return np.array(1 << (8 * target.itemsize - 1), f"u{target.itemsize}").view(target)[()]


def int_to_float(a: Array, dtype: Any, mode: str = "rn") -> Array:
    """`cvt` from an integer to a float type, rounded once."""
    target = np.dtype(dtype)
    if mode == "rn" and target.itemsize >= 4:
        return a.astype(target)
    nearest = a.astype(np.float64)
    # Integers that float64 cannot hold lie far beyond float16's range.
    if a.dtype.itemsize < 8 or target.itemsize == 2:
        return nearest if target == _FLOAT64 else narrow(nearest, target, mode)
    high = (a >> a.dtype.type(32)).astype(np.float64) * 4294967296.0
    nearest, lost = two_sum(high, (a & a.dtype.type(_LOW_HALF)).astype(np.float64))
    if target != _FLOAT64:
        return narrow(to_odd(nearest, lost), target, mode)
    return step_towards(nearest, lost, mode)


def int_to_bf16(a: Array, mode: str = "rn") -> Array:
    """`cvt` from an integer type to bfloat16 bits, rounded once."""
    if a.dtype.itemsize == 8:
        # Where float64 cannot hold all bits, the low 11 become one that only says whether they were 0.
        shift = a.dtype.type(11)
        kept = a >> shift
        sticky = (kept | (kept << shift != a).astype(a.dtype)) << shift
        top = a >> a.dtype.type(53)
        a = np.where((top == 0) | (top == ~a.dtype.type(0)), a, sticky)
    return f64_to_bf16(a.astype(np.float64), mode)


def int_to_int_sat(a: Array, dtype: Any) -> Array:
    """`cvt.sat` between integer types: values out of range become the nearest end of the range."""
    source, target = np.iinfo(a.dtype), np.iinfo(dtype)
    low, high = max(source.min, target.min), min(source.max, target.max)
    return np.clip(a, a.dtype.type(low), a.dtype.type(high)).astype(dtype)


def bf16_to_f32(bits: Array) -> Array:
    """The float32 values of bfloat16 bits; exact."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def f32_to_bf16(a: Array, mode: str = "rn") -> Array:
    """The bfloat16 bits of float32 values, rounded once; NaN becomes 0x7fff."""
    bits = a.view(np.uint32)
    rest = bits & np.uint32(0xFFFF)
    kept = bits >> np.uint32(16)
    negative = np.signbit(a)
    if mode == "rn":
        up = (rest > 0x8000) | ((rest == 0x8000) & (kept & np.uint32(1)).astype(bool))
    elif mode == "rz":
        up = np.zeros(a.shape, bool)
    elif mode in ("rm", "rp"):
        up = (rest != 0) & (negative if mode == "rm" else ~negative)
    else:
        raise ValueError(f"no rounding mode {mode!r}")
    return np.where(np.isnan(a), np.uint16(0x7FFF), (kept + up).astype(np.uint16))


def f64_to_bf16(a: Array, mode: str = "rn") -> Array:
    """The bfloat16 bits of float64 values, rounded once."""
    nearest = a.astype(np.float32)
    lost = a - nearest
    truncated = step_towards(nearest, lost, "rz")
    # float32 rounded to odd: 24 bits are more than bfloat16's 8 + 2.
    odd = np.where(np.abs(lost) > 0, (truncated.view(np.uint32) | np.uint32(1)).view(np.float32), nearest)
    return f32_to_bf16(odd, mode)
