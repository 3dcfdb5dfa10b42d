"""Interval arithmetic holds every concrete result, for operands of every sign."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar import intervals
from grammar.intervals import Interval
from grammar.types import INT8, INT32, INTEGERS, UINT8

NUMBERS = st.integers(-300, 300) | st.integers(-(2**31), 2**31)


@st.composite
def members(draw: st.DrawFn, numbers: st.SearchStrategy[int] = NUMBERS) -> tuple[Interval, int]:
    low, value, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    return Interval(low, high), value


def _truncated_div(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


BINARY: list[tuple[Callable[[Interval, Interval], Interval], Callable[[int, int], int]]] = [
    (intervals.add, lambda a, b: a + b),
    (intervals.sub, lambda a, b: a - b),
    (intervals.mul, lambda a, b: a * b),
    (intervals.minimum, min),
    (intervals.maximum, max),
    (intervals.bit_and, lambda a, b: a & b),
    (intervals.bitwise, lambda a, b: a | b),
    (intervals.bitwise, lambda a, b: a ^ b),
    (intervals.bitwise, lambda a, b: a & b),
]


@pytest.mark.parametrize("rule", BINARY, ids=lambda rule: rule[0].__name__)
@given(members(), members())
def test_a_binary_result_lies_in_its_interval(rule, first, second):
    bound, concrete = rule
    assert concrete(first[1], second[1]) in bound(first[0], second[0])


DIVISIONS = [
    (intervals.truncated_div, _truncated_div),
    (intervals.floor_div, lambda a, b: a // b),
    (intervals.truncated_mod, lambda a, b: int(math.fmod(a, b))),
]


@pytest.mark.parametrize("rule", DIVISIONS, ids=lambda rule: rule[0].__name__)
@given(members(), members().filter(lambda member: 0 not in member[0]))
def test_a_division_lies_in_its_interval(rule, first, second):
    bound, concrete = rule
    assert concrete(first[1], second[1]) in bound(first[0], second[0])


@given(members(), members(st.integers(0, 31)))
def test_a_shift_lies_in_its_interval(first, second):
    assert first[1] << second[1] in intervals.shift_left(first[0], second[0])
    assert first[1] >> second[1] in intervals.shift_right(first[0], second[0])


@given(members())
def test_a_unary_result_lies_in_its_interval(member):
    interval, value = member
    assert -value in intervals.neg(interval)
    assert ~value in intervals.invert(interval)
    assert abs(value) in intervals.absolute(interval)
    assert 5 * value in intervals.scale(interval, 5)


@given(members(), members(), members())
def test_a_clamp_lies_in_its_interval_even_with_its_bounds_swapped(x, low, high):
    assert min(max(low[1], x[1]), high[1]) in intervals.clamp(x[0], low[0], high[0])


@given(members(), st.sampled_from(INTEGERS))
@settings(deadline=None)
def test_what_fits_a_dtype_lies_in_its_range(member, scalar):
    interval, value = member
    whole = intervals.type_range(scalar)
    assert not intervals.fits(interval, scalar) or value in whole
    assert intervals.wrapped(interval, scalar).within(whole)


def test_ranges_of_dtypes():
    assert intervals.type_range(INT8) == Interval(-128, 127)
    assert intervals.type_range(UINT8) == Interval(0, 255)
    assert intervals.type_range(INT32) == Interval(-(2**31), 2**31 - 1)
    assert intervals.wrapped(Interval(-1, 3), UINT8) == Interval(0, 255)
