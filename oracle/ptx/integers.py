"""PTX's integer arithmetic on NumPy arrays.

Operands have the instruction's type, and results have it too unless said otherwise. Arithmetic wraps. Carries are
boolean arrays: CC.CF after an addition, and the borrow after a subtraction. What PTX leaves open is fixed here:
division by zero gives all ones, quotient and remainder alike, which is what NVIDIA's assembler folds 32-bit ones to;
MIN / -1 gives MIN (the remainder: 0).
"""

from __future__ import annotations

import numpy as np

from .rounding import Array

_UNSIGNED = {np.dtype(f"i{n}"): np.dtype(f"u{n}") for n in (1, 2, 4, 8)}
_UNSIGNED |= {np.dtype(f"u{n}"): np.dtype(f"u{n}") for n in (1, 2, 4, 8)}
_WIDER = {np.dtype(f"{k}{n}"): np.dtype(f"{k}{2 * n}") for k in "iu" for n in (1, 2, 4)}
_MASK32 = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def width(a: Array) -> int:
    """Bits in an element."""
    return 8 * a.dtype.itemsize


def as_unsigned(a: Array) -> Array:
    """The same bits as unsigned integers."""
    return a.view(_UNSIGNED[a.dtype])


def add_sat(a: Array, b: Array) -> Array:
    """`add.sat.s32`: a + b clamped to the range of int32."""
    return np.clip(a.astype(np.int64) + b, -(2**31), 2**31 - 1).astype(np.int32)


def sub_sat(a: Array, b: Array) -> Array:
    """`sub.sat.s32`: a - b clamped to the range of int32."""
    return np.clip(a.astype(np.int64) - b, -(2**31), 2**31 - 1).astype(np.int32)


def mul_lo(a: Array, b: Array) -> Array:
    """The low half of the product."""
    return a * b


def mul_wide(a: Array, b: Array) -> Array:
    """The whole product, in a type twice as wide."""
    wide = _WIDER[a.dtype]
    return a.astype(wide) * b.astype(wide)


def mul_hi(a: Array, b: Array) -> Array:
    """The high half of the product."""
    if a.dtype.itemsize < 8:
        return (mul_wide(a, b) >> width(a)).astype(a.dtype)
    x, y = a.view(np.uint64), b.view(np.uint64)
    x0, x1, y0, y1 = x & _MASK32, x >> _HALF, y & _MASK32, y >> _HALF
    middle = x1 * y0 + (x0 * y0 >> _HALF)
    other = x0 * y1 + (middle & _MASK32)
    high = x1 * y1 + (middle >> _HALF) + (other >> _HALF)
    if a.dtype.kind == "u":
        return high
    # Read as signed, each negative factor counts 2**64 less: take the other factor off the high half.
    return high.view(np.int64) - np.where(a < 0, b, 0) - np.where(b < 0, a, 0)


def mad_lo(a: Array, b: Array, c: Array) -> Array:
    """The low half of a * b, plus c."""
    return a * b + c


def mad_hi(a: Array, b: Array, c: Array) -> Array:
    """The high half of a * b, plus c."""
    return mul_hi(a, b) + c


def mad_hi_sat(a: Array, b: Array, c: Array) -> Array:
    """`mad.hi.sat.s32`: the high half of a * b, plus c, clamped."""
    return add_sat(mul_hi(a, b), c)


def mad_wide(a: Array, b: Array, c: Array) -> Array:
    """The whole product, plus c of the wider type."""
    return mul_wide(a, b) + c


def mul24_lo(a: Array, b: Array) -> Array:
    """The low 32 bits of the product of the operands' low 24 bits."""
    return _low24(a) * _low24(b)


def mul24_hi(a: Array, b: Array) -> Array:
    """Bits 16 to 47 of the product of the operands' low 24 bits."""
    return (mul_wide(_low24(a), _low24(b)) >> 16).astype(a.dtype)


def add_carry(a: Array, b: Array, carry: Array | bool = False) -> tuple[Array, Array]:
    """`add.cc` and `addc.cc`: the wrapped sum with the carry added, and the carry out."""
    x = as_unsigned(a)
    partial = x + as_unsigned(b)
    total = partial + _as_number(carry, partial)
    return total.view(a.dtype), (partial < x) | (total < partial)


def sub_borrow(a: Array, b: Array, borrow: Array | bool = False) -> tuple[Array, Array]:
    """`sub.cc` and `subc.cc`: a - (b + borrow) wrapped, and the borrow out."""
    x, y = as_unsigned(a), as_unsigned(b)
    partial = x - y
    total = partial - _as_number(borrow, partial)
    return total.view(a.dtype), (x < y) | (total > partial)


def mad_lo_carry(a: Array, b: Array, c: Array, carry: Array | bool = False) -> tuple[Array, Array]:
    """`mad.lo.cc` and `madc.lo.cc`: low half of a * b, plus c and the carry; and the carry out of that addition."""
    return add_carry(mul_lo(a, b), c, carry)


def mad_hi_carry(a: Array, b: Array, c: Array, carry: Array | bool = False) -> tuple[Array, Array]:
    """`mad.hi.cc` and `madc.hi.cc`: high half of a * b, plus c and the carry; and the carry out of that addition."""
    return add_carry(mul_hi(a, b), c, carry)


def div(a: Array, b: Array) -> Array:
    """Quotient truncated towards zero. Division by zero gives all ones, MIN / -1 gives MIN."""
    quotient, _ = _divide(a, b)
    return quotient


def rem(a: Array, b: Array) -> Array:
    """Remainder with the sign of a. By zero it is all ones, MIN rem -1 is 0."""
    _, remainder = _divide(a, b)
    return remainder


def sad(a: Array, b: Array, c: Array) -> Array:
    """c plus the absolute difference of a and b."""
    x, y = as_unsigned(a), as_unsigned(b)
    return np.where(a < b, y - x, x - y).view(a.dtype) + c


def dp4a(a: Array, b: Array, c: Array) -> Array:
    """c plus the dot product of four bytes; a and b (int32 or uint32) tell the signedness of their bytes."""
    products = _parts(a, 1) * _parts(b, 1)
    return (products.sum(-1) + c).astype(c.dtype)


def dp2a(a: Array, b: Array, c: Array, high: bool) -> Array:
    """c plus a's two 16-bit halves times two bytes of b: the upper two (`.hi`) or the lower two (`.lo`)."""
    octets = _parts(b, 1)
    products = _parts(a, 2) * (octets[..., 2:] if high else octets[..., :2])
    return (products.sum(-1) + c).astype(c.dtype)


def _parts(a: Array, size: int) -> Array:
    """The pieces of `size` bytes of each element, lowest first along a new last axis, as int64."""
    return a[..., None].view(f"{a.dtype.kind}{size}").astype(np.int64)


def _as_number(carry: Array | bool, like: Array) -> Array:
    return np.asarray(carry).astype(like.dtype)


def _divide(a: Array, b: Array) -> tuple[Array, Array]:
    zero = b == 0
    if a.dtype.kind == "u":
        safe = np.where(zero, a.dtype.type(1), b)
        quotient = a // safe
    else:
        # MIN / -1 overflows: divide magnitudes as unsigned and put the sign back.
        magnitude = as_unsigned(np.abs(np.where(zero, a.dtype.type(1), b)))
        quotient = (as_unsigned(np.abs(a)) // magnitude).view(a.dtype)
        quotient = np.where((a < 0) != (b < 0), -quotient, quotient)
    remainder = a - quotient * b
    ones = ~a.dtype.type(0)
    return np.where(zero, ones, quotient), np.where(zero, ones, remainder)


def _low24(a: Array) -> Array:
    eight = a.dtype.type(8)
    return a << eight >> eight
