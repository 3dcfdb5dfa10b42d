"""PTX integer, shift, bit-field and logic instructions agree with Python's integers and the manual's pseudocode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.ptx import bits, integers

ARITHMETIC = tuple(np.dtype(f"{kind}{size}") for size in (2, 4, 8) for kind in "iu")
WORDS = ARITHMETIC[2:]

every_type = pytest.mark.parametrize("dtype", ARITHMETIC, ids=str)
every_word = pytest.mark.parametrize("dtype", WORDS, ids=str)
some = settings(deadline=None, max_examples=60)

Lanes = list[tuple[int, ...]]


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def element(dtype: Any) -> st.SearchStrategy[int]:
    """Any value, the ends of the range, and neighbours of powers of two."""
    info = np.iinfo(dtype)
    near = st.builds(
        lambda k, d, s: s * (1 << k) + d, st.integers(0, info.bits), st.integers(-2, 2), st.sampled_from((1, -1))
    )
    ends = st.sampled_from((info.min, info.min + 1, 0, 1, info.max - 1, info.max))
    return st.one_of(st.integers(info.min, info.max), ends, near.map(lambda n: wrap(n, dtype)))


AMOUNT = st.one_of(st.integers(0, 70), st.integers(0, 2**32 - 1))


def lanes(*elements: st.SearchStrategy[int]) -> st.SearchStrategy[Lanes]:
    return st.lists(st.tuples(*elements), min_size=1, max_size=8)


def columns(table: Lanes, *dtypes: Any) -> list[np.ndarray[Any, Any]]:
    return [np.array(column, dtype) for column, dtype in zip(zip(*table, strict=True), dtypes, strict=True)]


def wrap(number: int, dtype: Any) -> int:
    info = np.iinfo(dtype)
    return (number - info.min) % (1 << info.bits) + info.min


def check(result: np.ndarray[Any, Any], dtype: Any, table: Lanes, expected: Callable[..., int]) -> None:
    """Compare with what `expected` gives for each lane's Python integers, wrapped to the result's type."""
    assert result.dtype == dtype
    for got, lane in zip(result.tolist(), table, strict=True):
        assert got == wrap(expected(*lane), dtype), f"{lane}: got {got}"


def truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def test_helpers_truncate_and_wrap() -> None:
    assert [truncated(a, b) for a, b in ((7, 2), (-7, 2), (7, -2), (-7, -2))] == [3, -3, -3, 3]
    assert wrap(200, np.int8) == -56 and wrap(-1, np.uint16) == 65535


@every_type
@given(data=st.data())
@some
def test_arithmetic_wraps(dtype: Any, data: Any) -> None:
    table = data.draw(lanes(*[element(dtype)] * 3))
    a, b, c = columns(table, *[dtype] * 3)
    width = 8 * dtype.itemsize
    check(integers.add(a, b), dtype, table, lambda a, b, c: a + b)
    check(integers.sub(a, b), dtype, table, lambda a, b, c: a - b)
    check(integers.mul_lo(a, b), dtype, table, lambda a, b, c: a * b)
    check(integers.mul_hi(a, b), dtype, table, lambda a, b, c: a * b >> width)
    check(integers.mad_lo(a, b, c), dtype, table, lambda a, b, c: a * b + c)
    check(integers.mad_hi(a, b, c), dtype, table, lambda a, b, c: (a * b >> width) + c)
    check(integers.sad(a, b, c), dtype, table, lambda a, b, c: c + abs(a - b))
    check(integers.minimum(a, b), dtype, table, lambda a, b, c: min(a, b))
    check(integers.maximum(a, b), dtype, table, lambda a, b, c: max(a, b))
    check(integers.absolute(a), dtype, table, lambda a, b, c: abs(a))
    check(integers.negate(a), dtype, table, lambda a, b, c: -a)


@pytest.mark.parametrize("dtype", ARITHMETIC[:4], ids=str)
@given(data=st.data())
@some
def test_wide_products_are_whole(dtype: Any, data: Any) -> None:
    wide = np.dtype(f"{dtype.kind}{2 * dtype.itemsize}")
    table = data.draw(lanes(element(dtype), element(dtype), element(wide)))
    a, b, c = columns(table, dtype, dtype, wide)
    check(integers.mul_wide(a, b), wide, table, lambda a, b, c: a * b)
    check(integers.mad_wide(a, b, c), wide, table, lambda a, b, c: a * b + c)


@every_type
@given(data=st.data())
@some
def test_division_truncates_and_the_remainder_has_the_sign_of_the_dividend(dtype: Any, data: Any) -> None:
    table = data.draw(lanes(element(dtype), st.one_of(element(dtype), st.integers(0, 3))))
    a, b = columns(table, dtype, dtype)
    check(integers.div(a, b), dtype, table, lambda a, b: truncated(a, b) if b else -1)
    check(integers.rem(a, b), dtype, table, lambda a, b: a - truncated(a, b) * b if b else a)


@given(data=st.data())
@some
def test_saturating_arithmetic_clamps_to_int32(data: Any) -> None:
    table = data.draw(lanes(*[element(np.int32)] * 3))
    a, b, c = columns(table, *[np.int32] * 3)

    def clamp(n: int) -> int:
        return min(max(n, -(2**31)), 2**31 - 1)

    check(integers.add_sat(a, b), np.int32, table, lambda a, b, c: clamp(a + b))
    check(integers.sub_sat(a, b), np.int32, table, lambda a, b, c: clamp(a - b))
    check(integers.mad_hi_sat(a, b, c), np.int32, table, lambda a, b, c: clamp((a * b >> 32) + c))


@pytest.mark.parametrize("dtype", (np.int32, np.uint32))
@given(data=st.data())
@some
def test_24_bit_products_ignore_the_upper_bytes(dtype: Any, data: Any) -> None:
    table = data.draw(lanes(element(dtype), element(dtype)))
    a, b = columns(table, dtype, dtype)

    def low(n: int) -> int:
        field = n & 0xFFFFFF
        return field - (1 << 24) if dtype is np.int32 and field >> 23 else field

    check(integers.mul24_lo(a, b), dtype, table, lambda a, b: low(a) * low(b))
    check(integers.mul24_hi(a, b), dtype, table, lambda a, b: low(a) * low(b) >> 16)


@every_word
@given(data=st.data())
@some
def test_carry_chains_add_subtract_and_multiply_longer_numbers(dtype: Any, data: Any) -> None:
    """Three words each, lowest first; the number they form must come out right, with the carry out of the top."""
    width = 8 * dtype.itemsize
    table = data.draw(lanes(*[element(dtype)] * 6))
    words = columns(table, *[dtype] * 6)
    a, b = words[:3], words[3:]

    def joined(parts: list[np.ndarray[Any, Any]], lane: int) -> int:
        return sum(int(part[lane]) % (1 << width) << width * i for i, part in enumerate(parts))

    for step, sign in ((integers.add_carry, 1), (integers.sub_borrow, -1)):
        carry: Any = False
        result = []
        for x, y in zip(a, b, strict=True):
            word, carry = step(x, y, carry)
            assert word.dtype == dtype and carry.dtype == np.bool_
            result.append(word)
        for lane in range(len(table)):
            exact = joined(a, lane) + sign * joined(b, lane)
            assert joined(result, lane) == exact % (1 << 3 * width)
            assert bool(carry[lane]) == (exact != exact % (1 << 3 * width))


@every_word
@given(data=st.data())
@some
def test_multiplying_with_carry_adds_after_the_product_is_cut(dtype: Any, data: Any) -> None:
    width = 8 * dtype.itemsize
    table = data.draw(lanes(*[element(dtype)] * 3, st.integers(0, 1)))
    a, b, c, carry = columns(table, *[dtype] * 3, np.bool_)
    for multiply, shift in ((integers.mad_lo_carry, 0), (integers.mad_hi_carry, width)):
        result, out = multiply(a, b, c, carry)
        check(result, dtype, table, lambda a, b, c, carry, shift=shift: (a * b >> shift) + c + carry)
        for lane, (x, y, z, carry_in) in enumerate(table):
            exact = (x * y >> shift) % (1 << width) + z % (1 << width) + carry_in
            assert bool(out[lane]) == (exact >> width == 1)


@every_type
@given(data=st.data())
@some
def test_shifts_clamp_at_the_width(dtype: Any, data: Any) -> None:
    table = data.draw(lanes(element(dtype), AMOUNT))
    a, amount = columns(table, dtype, np.uint32)
    check(bits.shl(a, amount), dtype, table, lambda a, n: a << min(n, 64))
    check(bits.shr(a, amount), dtype, table, lambda a, n: a >> min(n, 64))


@pytest.mark.parametrize("wrapping", (True, False))
@given(data=st.data())
@some
def test_funnel_shifts_and_masks_wrap_or_clamp_their_amount(wrapping: bool, data: Any) -> None:
    table = data.draw(lanes(element(np.uint32), element(np.uint32), AMOUNT, AMOUNT))
    low, high, amount, length = columns(table, *[np.uint32] * 4)

    def limit(n: int) -> int:
        return n % 32 if wrapping else min(n, 32)

    def extended(a: int, n: int, signed: bool) -> int:
        field = a & (1 << limit(n)) - 1
        return field - (1 << limit(n)) if signed and limit(n) and field >> limit(n) - 1 else field

    check(
        bits.shf_l(low, high, amount, wrapping),
        np.uint32,
        table,
        lambda lo, hi, n, _: ((hi << 32 | lo) << limit(n)) >> 32,
    )
    check(bits.shf_r(low, high, amount, wrapping), np.uint32, table, lambda lo, hi, n, _: (hi << 32 | lo) >> limit(n))
    check(bits.bmsk(amount, length, wrapping), np.uint32, table, lambda _, __, n, k: ((1 << limit(k)) - 1) << limit(n))
    check(bits.szext(low, amount, wrapping), np.uint32, table, lambda a, _, n, __: extended(a, n, False))
    signed = low.view(np.int32)
    check(bits.szext(signed, amount, wrapping), np.int32, table, lambda a, _, n, __: extended(a, n, True))


@every_word
@given(data=st.data())
@some
def test_bit_fields_are_extracted_and_inserted_as_the_manual_says(dtype: Any, data: Any) -> None:
    table = data.draw(lanes(element(dtype), element(dtype), AMOUNT, AMOUNT))
    a, b, position, length = columns(table, dtype, dtype, np.uint32, np.uint32)
    msb = 8 * dtype.itemsize - 1

    def bfe(a: int, _: int, pos: int, size: int) -> int:
        pos, size = pos & 0xFF, size & 0xFF
        fill = 0 if dtype.kind == "u" or size == 0 else a >> min(pos + size - 1, msb) & 1
        return sum((a >> pos + i & 1 if i < size and pos + i <= msb else fill) << i for i in range(msb + 1))

    def bfi(a: int, b: int, pos: int, size: int) -> int:
        pos, size = pos & 0xFF, size & 0xFF
        for i in range(size):
            if pos + i <= msb:
                b = b & ~(1 << pos + i) | (a >> i & 1) << pos + i
        return b

    check(bits.bfe(a, position, length), dtype, table, bfe)
    check(bits.bfi(a, b, position, length), dtype, table, bfi)


@every_word
@given(data=st.data())
@some
def test_bits_are_counted_found_and_reversed(dtype: Any, data: Any) -> None:
    table = data.draw(lanes(element(dtype)))
    (a,) = columns(table, dtype)
    width = 8 * dtype.itemsize

    def field(n: int) -> int:
        return n % (1 << width)

    def found(n: int) -> int:
        return (~n if n < 0 else n).bit_length() - 1

    check(bits.popc(a), np.uint32, table, lambda n: field(n).bit_count())
    check(bits.clz(a), np.uint32, table, lambda n: width - field(n).bit_length())
    check(bits.brev(a), dtype, table, lambda n: int(f"{field(n):0{width}b}"[::-1], 2))
    check(bits.bfind(a), np.uint32, table, found)
    check(bits.bfind(a, True), np.uint32, table, lambda n: width - 1 - found(n) if found(n) >= 0 else -1)


PERMUTATIONS = {
    "f4e": ("3210", "4321", "5432", "6543"),
    "b4e": ("5670", "6701", "7012", "0123"),
    "rc8": ("0000", "1111", "2222", "3333"),
    "ecl": ("3210", "3211", "3222", "3333"),
    "ecr": ("0000", "1110", "2210", "3210"),
    "rc16": ("1010", "3232", "1010", "3232"),
}
"""The manual's table of `prmt` modes: by selector value, the source bytes of the result, highest first."""


@given(data=st.data())
@some
def test_permutations_pick_bytes_as_the_manual_says(data: Any) -> None:
    table = data.draw(lanes(*[element(np.uint32)] * 3))
    a, b, selector = columns(table, *[np.uint32] * 3)

    def general(a: int, b: int, select: int) -> int:
        result = 0
        for place in range(4):
            control = select >> 4 * place & 15
            byte = (b << 32 | a) >> 8 * (control & 7) & 0xFF
            result |= (byte >> 7) * 0xFF << 8 * place if control & 8 else byte << 8 * place
        return result

    check(bits.prmt(a, b, selector), np.uint32, table, general)
    for mode, choices in PERMUTATIONS.items():

        def special(a: int, b: int, select: int, choices: tuple[str, ...] = choices) -> int:
            source = (b << 32 | a).to_bytes(8, "little")
            return int.from_bytes(bytes(source[int(place)] for place in choices[select & 3]), "big")

        check(bits.prmt(a, b, selector, mode), np.uint32, table, special)


@every_word
@given(data=st.data())
@some
def test_lop3_is_any_function_of_three_bits(dtype: Any, data: Any) -> None:
    operands = data.draw(lanes(*[element(dtype)] * 3))
    table = data.draw(st.integers(0, 255))

    def looked_up(a: int, b: int, c: int) -> int:
        rows = ((a >> i & 1) << 2 | (b >> i & 1) << 1 | c >> i & 1 for i in range(8 * dtype.itemsize))
        return sum((table >> row & 1) << i for i, row in enumerate(rows))

    check(bits.lop3(*columns(operands, *[dtype] * 3), table), dtype, operands, looked_up)


@pytest.mark.parametrize("signs", ("ii", "iu", "ui", "uu"))
@given(data=st.data())
@some
def test_dot_products_add_up_signed_or_unsigned_parts(signs: str, data: Any) -> None:
    dtypes = [np.dtype(f"{kind}4") for kind in signs]
    total = np.dtype("u4" if signs == "uu" else "i4")
    table = data.draw(lanes(element(dtypes[0]), element(dtypes[1]), element(total)))
    a, b, c = columns(table, *dtypes, total)

    def part(n: int, place: int, size: int, kind: str) -> int:
        field = n >> place * size & (1 << size) - 1
        return field - (1 << size) if kind == "i" and field >> size - 1 else field

    def four(a: int, b: int, c: int) -> int:
        return c + sum(part(a, i, 8, signs[0]) * part(b, i, 8, signs[1]) for i in range(4))

    check(integers.dp4a(a, b, c), total, table, four)
    for high in (False, True):

        def two(a: int, b: int, c: int, first: int = 2 * high) -> int:
            return c + sum(part(a, i, 16, signs[0]) * part(b, first + i, 8, signs[1]) for i in range(2))

        check(integers.dp2a(a, b, c, high), total, table, two)


@given(data=st.data())
@some
def test_fns_finds_the_nth_set_bit_in_either_direction(data: Any) -> None:
    table = data.draw(lanes(element(np.uint32), st.integers(0, 31), st.integers(-33, 33)))

    def pseudocode(mask: int, base: int, offset: int) -> int:
        place, left = base, abs(offset) - 1
        if offset == 0:
            return base if mask >> base & 1 else -1
        while 0 <= place < 32:
            if mask >> place & 1:
                if left == 0:
                    return place
                left -= 1
            place += int(math.copysign(1, offset))
        return -1

    check(bits.fns(*columns(table, np.uint32, np.uint32, np.int32)), np.uint32, table, pseudocode)
