"""PTX's shifts, bit fields, permutations and logic on NumPy arrays.

Operands have the instruction's type (`.b32` as uint32 or int32), shift amounts, positions and lengths are uint32;
results have the instruction's type unless said otherwise. Operands are arrays of at least one dimension, of shapes that
broadcast. Bytes are viewed as on a little-endian machine, like all that CUDA runs on.
"""

from __future__ import annotations

import numpy as np

from .integers import as_unsigned, width
from .rounding import Array

_HALF = np.uint64(32)

_ONES = np.array([i.bit_count() for i in range(256)], np.uint8)
_REVERSED = np.array([int(f"{i:08b}"[::-1], 2) for i in range(256)], np.uint8)

_PRMT = {
    "f4e": np.array([[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]]),
    "b4e": np.array([[0, 7, 6, 5], [1, 0, 7, 6], [2, 1, 0, 7], [3, 2, 1, 0]]),
    "rc8": np.array([[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]]),
    "ecl": np.array([[0, 1, 2, 3], [1, 1, 2, 3], [2, 2, 2, 3], [3, 3, 3, 3]]),
    "ecr": np.array([[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 2, 2], [0, 1, 2, 3]]),
    "rc16": np.array([[0, 1, 0, 1], [2, 3, 2, 3], [0, 1, 0, 1], [2, 3, 2, 3]]),
}
"""By `prmt` mode: for each value of the selector's low two bits, the source byte of each result byte, lowest first."""
_NIBBLES = np.array([0, 4, 8, 12], np.uint32)


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


def bmsk(position: Array, length: Array, wrap: bool) -> Array:
    """uint32 mask of `length` ones from `position` on; both mod 32 (`.wrap`) or at most 32 (`.clamp`)."""
    start, size = (_funnel_amount(x, wrap) for x in (position, length))
    ones = (np.uint64(1) << size) - np.uint64(1)
    return (ones << start).astype(np.uint32)


def szext(a: Array, length: Array, wrap: bool) -> Array:
    """The low `length` bits of a (mod 32 for `.wrap`, at most 32 for `.clamp`), extended by a's type."""
    size = _funnel_amount(length, wrap)
    up = np.minimum(np.uint64(32) - size, np.uint64(31)).astype(a.dtype)
    return np.where(size == 0, a.dtype.type(0), a << up >> up)


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
    return _ONES[_octets(a)].sum(-1, dtype=np.uint32)


def clz(a: Array) -> Array:
    """uint32 count of leading zeros; the width for 0."""
    x = as_unsigned(a)
    # With the bit below the top one cleared, conversion cannot round up to the next power of two.
    _, length = np.frexp((x & ~(x >> x.dtype.type(1))).astype(np.float64))
    return (width(a) - length).astype(np.uint32)


def brev(a: Array) -> Array:
    """a with its bits in reverse order."""
    return _REVERSED[_octets(a)[..., ::-1]].view(a.dtype)[..., 0]


def prmt(a: Array, b: Array, selector: Array, mode: str = "") -> Array:
    """Byte permutation of (b:a); `mode` is "", "f4e", "b4e", "rc8", "ecl", "ecr" or "rc16"."""
    source = _octets(_join(a, b))
    select = as_unsigned(selector)
    if mode:
        return _take(source, _PRMT[mode][select & np.uint32(3)]).view(a.dtype)[..., 0]
    control = select[..., None] >> _NIBBLES
    picked = _take(source, (control & np.uint32(7)).astype(np.intp))
    signs = (picked.view(np.int8) >> 7).view(np.uint8)
    return np.where(control & np.uint32(8), signs, picked).view(a.dtype)[..., 0]


def lop3(a: Array, b: Array, c: Array, table: int) -> Array:
    """Any function of three bits: bit (a << 2 | b << 1 | c) of the 8-bit `table`."""
    result = np.zeros_like(a)
    for row in range(8):
        if table >> row & 1:
            result = result | (a if row & 4 else ~a) & (b if row & 2 else ~b) & (c if row & 1 else ~c)
    return result


def fns(mask: Array, base: Array, offset: Array) -> Array:
    """uint32 position of the `offset`-th set bit from `base` on, downwards if negative; 0xffffffff if there is none."""
    found = np.full(mask.shape, 0xFFFFFFFF, np.uint32)
    for lane in np.ndindex(mask.shape):
        bits, start, count = int(as_unsigned(mask)[lane]), int(base[lane]), int(offset[lane])
        places = range(start, start + 1) if count == 0 else range(start, 32) if count > 0 else range(start, -1, -1)
        hits = [place for place in places if bits >> place & 1]
        wanted = max(abs(count), 1)
        if len(hits) >= wanted:
            found[lane] = hits[wanted - 1]
    return found


def _octets(a: Array) -> Array:
    """The bytes of each element, lowest first along a new last axis."""
    return a[..., None].view(np.uint8)


def _join(low: Array, high: Array) -> Array:
    return as_unsigned(high).astype(np.uint64) << _HALF | as_unsigned(low)


def _take(source: Array, index: Array) -> Array:
    shape = np.broadcast_shapes(source.shape[:-1], index.shape[:-1])
    source = np.broadcast_to(source, (*shape, source.shape[-1]))
    return np.take_along_axis(source, np.broadcast_to(index, (*shape, index.shape[-1])), -1)


def _funnel_amount(amount: Array, wrap: bool) -> Array:
    x = as_unsigned(amount)
    return (x & np.uint32(31) if wrap else np.minimum(x, np.uint32(32))).astype(np.uint64)
