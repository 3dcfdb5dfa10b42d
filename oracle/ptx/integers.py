"""PTX's integer, logic, shift and bit-field instructions on NumPy arrays.

Operands have the instruction's type (`.b32` as uint32 or int32) and results have it too unless said otherwise.
Arithmetic wraps. Carries are boolean arrays: CC.CF after an addition, and the borrow after a subtraction.
"""

from __future__ import annotations

from typing import Any

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


def add(a: Array, b: Array) -> Array:
    """a + b, wrapping."""
    return a + b


def sub(a: Array, b: Array) -> Array:
    """a - b, wrapping."""
    return a - b


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
    """Quotient truncated towards zero. Division by zero gives all ones, MIN / -1 gives MIN (PTX leaves both open)."""
    quotient, _ = _divide(a, b)
    return quotient


def rem(a: Array, b: Array) -> Array:
    """Remainder with the sign of a. By zero it is a, MIN rem -1 is 0 (PTX leaves both open)."""
    _, remainder = _divide(a, b)
    return remainder


def absolute(a: Array) -> Array:
    """|a|; MIN stays MIN."""
    return np.abs(a)


def negate(a: Array) -> Array:
    """-a; MIN stays MIN."""
    return -a


def minimum(a: Array, b: Array) -> Array:
    """The smaller one."""
    return np.minimum(a, b)


def maximum(a: Array, b: Array) -> Array:
    """The larger one."""
    return np.maximum(a, b)


def sad(a: Array, b: Array, c: Array) -> Array:
    """c plus the absolute difference of a and b."""
    x, y = as_unsigned(a), as_unsigned(b)
    return np.where(a < b, y - x, x - y).view(a.dtype) + c


def shl(a: Array, amount: Array) -> Array:
    """a shifted left by `amount` (uint32); from the width on, 0."""
    bits = width(a)
    return np.where(amount < bits, a << np.minimum(amount, bits - 1).astype(a.dtype), a.dtype.type(0))


def shr(a: Array, amount: Array) -> Array:
    """a shifted right by `amount` (uint32): filled with the sign if signed, with zeros if not; clamped at the width."""
    bits = width(a)
    shifted = a >> np.minimum(amount, bits - 1).astype(a.dtype)
    return shifted if a.dtype.kind == "i" else np.where(amount < bits, shifted, a.dtype.type(0))


def shf_l(low: Array, high: Array, amount: Array, wrap: bool) -> Array:
    """`shf.l`: the upper 32 bits of (high:low) shifted left by amount mod 32 (`.wrap`) or at most 32 (`.clamp`)."""
    joined = _join(low, high)
    return (joined << _funnel_amount(amount, wrap) >> _HALF).astype(np.uint32).view(low.dtype)


def shf_r(low: Array, high: Array, amount: Array, wrap: bool) -> Array:
    """`shf.r`: the lower 32 bits of (high:low) shifted right by amount mod 32 (`.wrap`) or at most 32 (`.clamp`)."""
    joined = _join(low, high)
    return (joined >> _funnel_amount(amount, wrap)).astype(np.uint32).view(low.dtype)


def bfe(a: Array, position: Array, length: Array) -> Array:
    """The field of `length` bits at `position` (each taken mod 256), zero- or sign-extended by a's type.

    Bits past the top repeat the sign bit of a when signed and are zero otherwise.
    """
    bits = width(a)
    pos = (position & 0xFF).astype(np.int64)
    size = (length & 0xFF).astype(np.int64)
    top = np.minimum(pos + size, bits)
    count = np.maximum(top - pos, 0)
    # Push the field to the top, then down again, extending with the type's own shift.
    up = np.where(count > 0, bits - top, 0).astype(a.dtype)
    down = np.where(count > 0, bits - count, 0).astype(a.dtype)
    field = (a << up) >> down
    outside = a >> a.dtype.type(bits - 1) if a.dtype.kind == "i" else np.zeros_like(a)
    field = np.where(count > 0, field, outside)
    return np.where(size == 0, a.dtype.type(0), field)


def bfi(a: Array, b: Array, position: Array, length: Array) -> Array:
    """b with the low `length` bits of a put in at `position` (each taken mod 256)."""
    bits = width(a)
    pos = (position & 0xFF).astype(np.int64)
    size = np.minimum((length & 0xFF).astype(np.int64), bits)
    x, y = as_unsigned(a), as_unsigned(b)
    one = x.dtype.type(1)
    ones = np.where(size == bits, ~x.dtype.type(0), (one << np.minimum(size, bits - 1).astype(x.dtype)) - one)
    shift = np.minimum(pos, bits - 1).astype(x.dtype)
    mask = np.where(pos < bits, ones << shift, x.dtype.type(0))
    return ((y & ~mask) | ((x << shift) & mask)).view(a.dtype)


def bfind(a: Array, shift_amount: bool = False) -> Array:
    """uint32 position of the highest bit that differs from the sign; 0xffffffff if none.

    With `shift_amount`, how far left to shift to bring that bit to the top instead.
    """
    bits = width(a)
    x = as_unsigned(np.where(a < 0, ~a, a)) if a.dtype.kind == "i" else a
    position = np.uint32(bits - 1) - clz(x)
    return np.where(x == 0, position, np.uint32(bits - 1) - position) if shift_amount else position


def popc(a: Array) -> Array:
    """uint32 count of one bits."""
    return np.bitwise_count(as_unsigned(a)).astype(np.uint32)


def clz(a: Array) -> Array:
    """uint32 count of leading zeros; the width for 0."""
    x = as_unsigned(a)
    step = width(a) // 2
    while step:
        x = x | x >> x.dtype.type(step)
        step //= 2
    return np.uint32(width(a)) - np.bitwise_count(x).astype(np.uint32)


def brev(a: Array) -> Array:
    """a with its bits in reverse order."""
    octets = np.ascontiguousarray(as_unsigned(a)).view(np.uint8)
    return _REVERSED[octets].view(a.dtype).byteswap()


def prmt(a: Array, b: Array, selector: Array, mode: str = "") -> Array:
    """Byte permutation of (b:a); `mode` is "", "f4e", "b4e", "rc8", "ecl", "ecr" or "rc16"."""
    joined = _join(a, b)
    select = as_unsigned(selector)
    result = np.zeros(joined.shape, np.uint32)
    for place in range(4):
        if mode:
            index = _PRMT[mode][:, place][select & np.uint32(3)]
            byte = _byte(joined, index)
        else:
            nibble = select >> np.uint32(4 * place)
            byte = _byte(joined, nibble & np.uint32(7))
            sign = (nibble & np.uint32(8)).astype(bool)
            byte = np.where(sign, np.where(byte & np.uint32(0x80), np.uint32(0xFF), np.uint32(0)), byte)
        result |= byte << np.uint32(8 * place)
    return result.view(a.dtype)


def lop3(a: Array, b: Array, c: Array, table: int) -> Array:
    """Any function of three bits: bit (a << 2 | b << 1 | c) of the 8-bit `table`."""
    result = np.zeros_like(a)
    for row in range(8):
        if table >> row & 1:
            result = result | (a if row & 4 else ~a) & (b if row & 2 else ~b) & (c if row & 1 else ~c)
    return result


def dp4a(a: Array, b: Array, c: Array) -> Array:
    """c plus the dot product of four bytes; a and b (int32 or uint32) tell the bytes' signedness."""
    total = c.astype(np.int64)
    for place in range(4):
        total = total + _part(a, place, 8) * _part(b, place, 8)
    return total.astype(c.dtype)


def dp2a(a: Array, b: Array, c: Array, high: bool) -> Array:
    """c plus a's two 16-bit halves times two bytes of b: the upper two (`.hi`) or the lower two (`.lo`)."""
    total = c.astype(np.int64)
    for place in range(2):
        total = total + _part(a, place, 16) * _part(b, place + 2 * high, 8)
    return total.astype(c.dtype)


def fns(mask: Array, base: Array, offset: Array) -> Array:
    """Position of the `offset`-th set bit of mask counted from `base` (backward if negative), or 0xffffffff."""
    found = np.full(mask.shape, 0xFFFFFFFF, np.uint32)
    for lane in np.ndindex(mask.shape):
        bits, start, count = int(mask[lane]) & 0xFFFFFFFF, int(base[lane]), int(offset[lane])
        places = range(start, 32) if count >= 0 else range(start, -1, -1)
        if count == 0:
            places = range(start, start + 1)
        hits = [p for p in places if bits >> p & 1]
        wanted = max(abs(count), 1)
        if len(hits) >= wanted:
            found[lane] = hits[wanted - 1]
    return found


_REVERSED = np.array([int(f"{i:08b}"[::-1], 2) for i in range(256)], np.uint8)

_PRMT = {
    "f4e": np.array([[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]], np.uint32),
    "b4e": np.array([[0, 7, 6, 5], [1, 0, 7, 6], [2, 1, 0, 7], [3, 2, 1, 0]], np.uint32),
    "rc8": np.array([[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]], np.uint32),
    "ecl": np.array([[0, 1, 2, 3], [1, 1, 2, 3], [2, 2, 2, 3], [3, 3, 3, 3]], np.uint32),
    "ecr": np.array([[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 2, 2], [0, 1, 2, 3]], np.uint32),
    "rc16": np.array([[0, 1, 0, 1], [2, 3, 2, 3], [0, 1, 0, 1], [2, 3, 2, 3]], np.uint32),
}
"""Source byte of each result byte (lowest first) for each selector value, by `prmt` mode."""


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
    return np.where(zero, ~a.dtype.type(0), quotient), np.where(zero, a, remainder)


def _low24(a: Array) -> Array:
    eight = a.dtype.type(8)
    return a << eight >> eight


def _join(low: Array, high: Array) -> Array:
    return as_unsigned(high).astype(np.uint64) << _HALF | as_unsigned(low)


def _funnel_amount(amount: Array, wrap: bool) -> Array:
    x = as_unsigned(amount)
    return (x & np.uint32(31) if wrap else np.minimum(x, np.uint32(32))).astype(np.uint64)


def _byte(joined: Array, index: Array) -> Array:
    return (joined >> (index.astype(np.uint64) * np.uint64(8)) & np.uint64(0xFF)).astype(np.uint32)


def _part(a: Array, place: int, bits: int) -> Array:
    part: Any = as_unsigned(a) >> np.uint32(place * bits)
    kind = "i" if a.dtype.kind == "i" else "u"
    return part.astype(f"u{bits // 8}").view(f"{kind}{bits // 8}").astype(np.int64)
