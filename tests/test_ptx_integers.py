"""Integer arithmetic beyond single instructions: longer numbers, and what PTX leaves open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.ptx import integers

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
def test_division_truncates_and_the_remainder_has_the_sign_of_the_dividend(dtype: Any, data: Any) -> None:
    table = data.draw(lanes(element(dtype), st.one_of(element(dtype), st.integers(0, 3))))
    a, b = columns(table, dtype, dtype)
    check(integers.div(a, b), dtype, table, lambda a, b: truncated(a, b) if b else -1)
    check(integers.rem(a, b), dtype, table, lambda a, b: a - truncated(a, b) * b if b else -1)


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
