"""PTX floating-point arithmetic agrees to the bit with exact fractions rounded once."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exact_rounding import (
    F32,
    FORMATS,
    MODES,
    Format,
    array,
    fused,
    patterns,
    power,
    product,
    quotient,
    root,
    rows,
    same,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.ptx import arithmetic
from oracle.ptx.comparisons import COMPARE

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
def test_fma_rounds_once(form: Format, mode: str, data: Any) -> None:
    table = data.draw(rows(form, 3))
    expected = [fused(a, b, c, form, mode) for a, b, c in values(form, table)]
    check(form, arithmetic.fma(*columns(form, table), mode), expected, values(form, table))


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
def test_sums_products_quotients_and_roots_round_once(form: Format, mode: str, data: Any) -> None:
    table = data.draw(rows(form, 2))
    a, b = columns(form, table)
    pairs = values(form, table)
    check(form, arithmetic.add(a, b, mode), [fused(x, 1.0, y, form, mode) for x, y in pairs], pairs)
    check(form, arithmetic.sub(a, b, mode), [fused(x, 1.0, -y, form, mode) for x, y in pairs], pairs)
    check(form, arithmetic.mul(a, b, mode), [product(x, y, form, mode) for x, y in pairs], pairs)
    check(form, arithmetic.div(a, b, mode), [quotient(x, y, form, mode) for x, y in pairs], pairs)
    check(form, arithmetic.rcp(b, mode), [quotient(1.0, y, form, mode) for _, y in pairs], pairs)
    check(form, arithmetic.sqrt(a, mode), [root(x, form, mode) for x, _ in pairs], pairs)


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


@every_format
@given(data=st.data())
@some
def test_saturation_clamps_and_flushing_keeps_signs(form: Format, data: Any) -> None:
    table = data.draw(rows(form, 1))
    numbers = [x for (x,) in values(form, table)]
    (a,) = columns(form, table)
    normal = float(power(form.smallest + form.precision - 1))
    check(form, arithmetic.saturate(a), [min(x, 1.0) if x > 0 else 0.0 for x in numbers], numbers)
    check(form, arithmetic.flush(a), [math.copysign(0.0, x) if abs(x) < normal else x for x in numbers], numbers)
    expected = {
        "finite": [math.isfinite(x) for x in numbers],
        "infinite": [math.isinf(x) for x in numbers],
        "number": [not math.isnan(x) for x in numbers],
        "notanumber": [math.isnan(x) for x in numbers],
        "normal": [math.isfinite(x) and (x == 0 or abs(x) >= normal) for x in numbers],
        "subnormal": [0 < abs(x) < normal for x in numbers],
    }
    assert {name: test(a).tolist() for name, test in arithmetic.TESTS.items()} == expected


@every_format
@given(data=st.data())
@some
def test_minimum_and_maximum_drop_nan_and_order_zeros(form: Format, data: Any) -> None:
    table = [*data.draw(rows(form, 2)), (0, 1 << form.bits - 1), (1 << form.bits - 1, 0)]
    a, b = columns(form, table)
    pairs = values(form, table)

    def pick(chosen: Any, x: float, y: float) -> float:
        numbers = [z for z in (x, y) if not math.isnan(z)]
        return chosen(numbers, key=lambda z: (z, math.copysign(1, z))) if numbers else math.nan

    least = [pick(min, x, y) for x, y in pairs]
    most = [pick(max, x, y) for x, y in pairs]
    spoilt = [math.isnan(x + 0 * y) or math.isnan(y) for x, y in [(x, 0.0 if math.isinf(y) else y) for x, y in pairs]]
    check(form, arithmetic.minimum(a, b), least, pairs)
    check(form, arithmetic.maximum(a, b), most, pairs)
    check(form, arithmetic.minimum_nan(a, b), [math.nan if n else x for n, x in zip(spoilt, least, strict=True)], pairs)
    check(form, arithmetic.maximum_nan(a, b), [math.nan if n else x for n, x in zip(spoilt, most, strict=True)], pairs)


def test_xorsign_takes_the_sign_of_the_product() -> None:
    a, b = np.array([1.0, -3.0, -0.0], np.float32), np.array([-2.0, -2.0, 5.0], np.float32)
    smaller = arithmetic.minimum(np.abs(a), np.abs(b))
    check(F32, arithmetic.xorsign(smaller, a, b), [-1.0, 2.0, -0.0])


@every_format
@given(data=st.data())
@some
def test_signs_are_copied_cleared_and_flipped(form: Format, data: Any) -> None:
    table = data.draw(rows(form, 2))
    a, b = columns(form, table)
    pairs = values(form, table)
    check(form, arithmetic.copysign(a, b), [math.copysign(y, x) for x, y in pairs], pairs)
    check(form, arithmetic.absolute(a), [abs(x) for x, _ in pairs], pairs)
    check(form, arithmetic.negate(a), [-x for x, _ in pairs], pairs)


@every_format
@given(data=st.data())
@some
def test_ordered_comparisons_fail_and_unordered_ones_hold_for_nan(form: Format, data: Any) -> None:
    nan = (1 << form.bits - 1) - 1
    pattern = data.draw(patterns(form))
    table = [*data.draw(rows(form, 2)), (nan, pattern), (pattern, nan), (pattern, pattern), (0, 1 << form.bits - 1)]
    a, b = columns(form, table)
    pairs = values(form, table)
    unordered = [math.isnan(x) or math.isnan(y) for x, y in pairs]
    holds = {
        "eq": [x == y for x, y in pairs],
        "ne": [x != y for x, y in pairs],
        "lt": [x < y for x, y in pairs],
        "le": [x <= y for x, y in pairs],
        "gt": [x > y for x, y in pairs],
        "ge": [x >= y for x, y in pairs],
    }
    for name, results in holds.items():
        lanes = list(zip(results, unordered, strict=True))
        assert COMPARE[name](a, b).tolist() == [holds and not nan for holds, nan in lanes]
        assert COMPARE[name + "u"](a, b).tolist() == [holds or nan for holds, nan in lanes]
    assert COMPARE["nan"](a, b).tolist() == unordered
    assert COMPARE["num"](a, b).tolist() == [not nan for nan in unordered]


@pytest.mark.parametrize("dtype", ("int16", "int32", "int64", "uint16", "uint32", "uint64"))
def test_integer_comparisons_follow_the_type(dtype: str) -> None:
    info = np.iinfo(dtype)
    numbers = [info.min, info.min + 1, 0, 1, info.max - 1, info.max]
    pairs = [(x, y) for x in numbers for y in numbers]
    a, b = (np.array(column, dtype) for column in zip(*pairs, strict=True))
    expected = {
        "eq": int.__eq__,
        "ne": int.__ne__,
        "lt": int.__lt__,
        "le": int.__le__,
        "gt": int.__gt__,
        "ge": int.__ge__,
    }
    expected |= {"lo": int.__lt__, "ls": int.__le__, "hi": int.__gt__, "hs": int.__ge__}
    for name, compare in expected.items():
        assert COMPARE[name](a, b).tolist() == [compare(int(x), int(y)) for x, y in pairs]
