"""PTX floating-point arithmetic agrees to the bit with exact fractions rounded once."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exact_rounding import (
    FORMATS,
    MODES,
    Format,
    array,
    fused,
    power,
    quotient,
    root,
    rows,
    same,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.ptx import arithmetic

every_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
every_mode = pytest.mark.parametrize("mode", MODES)
some = settings(deadline=None, max_examples=40)
many = settings(deadline=None, max_examples=80)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def check(form: Format, result: np.ndarray[Any, Any], expected: list[float], *operands: Any) -> None:
    assert result.dtype == form.dtype
    for got, want, *lane in zip(result.tolist(), expected, *operands, strict=True):
        assert same(got, want), f"{lane}: got {got!r}, expected {want!r}"


def values(form: Format, table: list[tuple[int, ...]]) -> list[tuple[float, ...]]:
    return [tuple(map(form.value, row)) for row in table]


def columns(form: Format, table: list[tuple[int, ...]]) -> list[np.ndarray[Any, Any]]:
    return [array(form, column) for column in zip(*table, strict=True)]


@every_format
@every_mode
@given(data=st.data())
@many
def test_fma_rounds_once_when_the_sum_cancels_or_lies_next_to_a_tie(form: Format, mode: str, data: Any) -> None:
    """The addend is what is missing from the product to a float or to a midpoint, or one step beside that."""
    table = []
    for a, b, target in values(form, data.draw(rows(form, 3))):
        if not all(map(math.isfinite, (a, b, target))):
            continue
        half = form.unit(Fraction(target)) / 2
        missing = Fraction(target) + data.draw(st.sampled_from((0, half, -half))) - Fraction(a) * Fraction(b)
        c = form.round(missing, data.draw(st.sampled_from(MODES))) if missing else 0.0
        table.append((a, b, c))
    if table:
        operands = [np.array(column, form.dtype) for column in zip(*table, strict=True)]
        check(form, arithmetic.fma(*operands, mode), [fused(*row, form, mode) for row in table], table)


@every_format
@pytest.mark.parametrize("sign", (1, -1))
def test_a_tiny_addend_decides_a_tie_of_the_product(form: Format, sign: int) -> None:
    """Rounding the product first, or through a wider format, would lose the addend and round to even."""
    odd = 1 + 2.0 ** (1 - form.precision)
    tiny = sign * float(power(form.smallest))
    operands = [np.array([x], form.dtype) for x in (odd, 1.5, tiny)]
    exact = Fraction(odd) * Fraction(3, 2)
    expected = form.round(exact + Fraction(tiny), "rn")
    assert arithmetic.fma(*operands).tolist() == [expected]
    assert expected == float(exact + sign * power(-form.precision))


@every_format
@every_mode
@given(data=st.data())
@some
def test_quotients_and_roots_of_products_round_once(form: Format, mode: str, data: Any) -> None:
    """Exact quotients and roots, and their neighbours, are where a sticky bit goes wrong."""
    table = data.draw(rows(form, 2))
    for x, y in values(form, table):
        if not all(map(math.isfinite, (x, y))):
            continue
        a, b = fused(x, y, 0.0, form, "rn"), fused(x, x, 0.0, form, "rn")
        column, divisor = np.array([a, b], form.dtype), np.array([y, x], form.dtype)
        check(form, arithmetic.div(column, divisor, mode), [quotient(a, y, form, mode), quotient(b, x, form, mode)])
        check(form, arithmetic.sqrt(column, mode), [root(a, form, mode), root(b, form, mode)])


@every_format
@every_mode
def test_the_largest_numbers_overflow_in_the_right_direction(form: Format, mode: str) -> None:
    largest = float(np.finfo(form.dtype).max)
    beside = float(np.nextafter(form.dtype.type(largest), form.dtype.type(0)))
    half = float(np.spacing(form.dtype.type(beside))) / 2
    for a in (largest, -largest, beside):
        for b in (largest, half, half / 2, -half, -half / 2, -largest, float(power(form.smallest))):
            operands = [np.array([x], form.dtype) for x in (a, b)]
            check(form, arithmetic.add(*operands, mode), [fused(a, 1.0, b, form, mode)], [(a, b)])
            ones = np.ones(1, form.dtype)
            check(form, arithmetic.fma(ones, *operands, mode), [fused(1.0, a, b, form, mode)], [(a, b)])


def test_operands_of_different_shapes_broadcast() -> None:
    for form in FORMATS:
        lanes = np.array([3.0, math.inf, 0.0, 2.0**-14], form.dtype)
        one = np.array([1.5], form.dtype)
        for mode in MODES:
            check(form, arithmetic.fma(lanes, one, one, mode), [fused(x, 1.5, 1.5, form, mode) for x in lanes.tolist()])
