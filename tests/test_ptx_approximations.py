"""PTX approximations stay within the manual's error bounds and give its special values."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exact_rounding import F16, F32, F64, array, patterns, power, rows, same
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.ptx import approximations

SUBNORMAL = float(power(F32.smallest))
NORMAL = float(power(F32.smallest + F32.precision - 1))
INF, NAN = math.inf, math.nan

many = settings(deadline=None, max_examples=150)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def finite(table: list[tuple[int, ...]]) -> np.ndarray[Any, Any]:
    """The finite float32 values of some bit patterns."""
    lanes = array(F32, [pattern for (pattern,) in table])
    return lanes[np.isfinite(lanes)]


def decimal(compute: Callable[[Decimal], Decimal], x: float) -> Fraction:
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 60, -999999, 999999
        return Fraction(compute(Decimal(x)))


SPECIAL = {
    # Per instruction: value at -inf, -1, -subnormal, -0, +0, +subnormal, +inf, NaN; None where no table covers it.
    "ex2": (0.0, 0.5, 1.0, 1.0, 1.0, 1.0, INF, NAN),
    "lg2": (NAN, NAN, NAN, -INF, -INF, -149.0, INF, NAN),
    "sin": (NAN, None, -SUBNORMAL, -0.0, 0.0, SUBNORMAL, NAN, NAN),
    "cos": (NAN, None, 1.0, 1.0, 1.0, 1.0, NAN, NAN),
    "tanh": (-1.0, None, -SUBNORMAL, -0.0, 0.0, SUBNORMAL, 1.0, NAN),
    "sqrt": (NAN, NAN, NAN, -0.0, 0.0, None, INF, NAN),
    "rcp": (-0.0, -1.0, -INF, -INF, INF, INF, 0.0, NAN),
    "rsqrt": (NAN, NAN, NAN, -INF, INF, None, 0.0, NAN),
}
FLUSHED = {
    # With .ftz, at -subnormal and +subnormal: as at the zero of the same sign.
    name: (row[3], row[4])
    for name, row in SPECIAL.items()
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_operands_give_what_the_manual_tables(name: str) -> None:
    operands = np.array([-INF, -1.0, -SUBNORMAL, -0.0, 0.0, SUBNORMAL, INF, NAN], np.float32)
    instruction = getattr(approximations, name)
    plain, flushed = instruction(operands), instruction(operands, True)
    assert plain.dtype == flushed.dtype == np.float32
    expected = list(SPECIAL[name])
    for got, want in zip(plain.tolist(), expected, strict=True):
        assert want is None or same(got, want)
    expected[2], expected[5] = FLUSHED[name]
    for got, want in zip(flushed.tolist(), expected, strict=True):
        assert want is None or same(got, want)


@given(rows(F32, 1))
@many
def test_ex2_stays_within_two_ulp(table: list[tuple[int, ...]]) -> None:
    operands = finite(table)
    for got, x in zip(approximations.ex2(operands).tolist(), operands.tolist(), strict=True):
        if abs(x) > 200:
            assert got == (INF if x > 0 else 0.0)
            continue
        exact = decimal(lambda d: (d * Decimal(2).ln()).exp(), x)
        nearest = F32.round(exact, "rn")
        assert got == nearest or abs(Fraction(got) - exact) <= 2 * F32.unit(exact)


@given(rows(F32, 1))
@many
def test_lg2_stays_within_its_bounds(table: list[tuple[int, ...]]) -> None:
    operands = np.abs(finite(table))
    operands = operands[operands > 0]
    for got, x in zip(approximations.lg2(operands).tolist(), operands.tolist(), strict=True):
        exact = decimal(lambda d: d.ln() / Decimal(2).ln(), x)
        bound = power(-22) * (1 if 0.5 < x < 2 else abs(exact))
        assert abs(Fraction(got) - exact) <= bound


@given(st.lists(st.floats(-314, 314, width=32), min_size=1, max_size=8))
@many
def test_sine_and_cosine_stay_within_their_bounds(angles: list[float]) -> None:
    operands = np.array(angles, np.float32)
    for instruction, reference in ((approximations.sin, math.sin), (approximations.cos, math.cos)):
        for got, x in zip(instruction(operands).tolist(), operands.tolist(), strict=True):
            bound = 2**-20.5 if abs(x) <= 2 * math.pi else 2**-14.7
            assert abs(got - reference(x)) <= bound


@given(rows(F32, 1))
@many
def test_tanh_stays_within_its_relative_bound(table: list[tuple[int, ...]]) -> None:
    operands = finite(table)
    for got, x in zip(approximations.tanh(operands).tolist(), operands.tolist(), strict=True):
        assert abs(got - math.tanh(x)) <= 2**-11 * abs(math.tanh(x)) + SUBNORMAL / 2


@given(rows(F32, 1))
@many
def test_reciprocals_and_roots_stay_within_their_bounds(table: list[tuple[int, ...]]) -> None:
    operands = finite(table)
    operands = operands[operands != 0]
    for got, x in zip(approximations.rcp(operands).tolist(), operands.tolist(), strict=True):
        exact = 1 / Fraction(x)
        assert got == F32.round(exact, "rn") or abs(Fraction(got) - exact) <= F32.unit(exact)
    operands = np.abs(operands)
    roots, inverse = approximations.sqrt(operands).tolist(), approximations.rsqrt(operands).tolist()
    for root, reciprocal, x in zip(roots, inverse, operands.tolist(), strict=True):
        # A relative error e of the root is one of (1 + e)**2 - 1 of its square.
        assert (1 - power(-23)) ** 2 <= Fraction(root) ** 2 / Fraction(x) <= (1 + power(-23)) ** 2
        limit = Fraction(2**-22.9)
        assert (1 - limit) ** 2 <= Fraction(reciprocal) ** 2 * Fraction(x) <= (1 + limit) ** 2


@given(st.lists(patterns(F32), min_size=1, max_size=8))
@many
def test_flushing_results_too_leaves_no_subnormals(column: list[int]) -> None:
    operands = array(F32, column)
    for name in SPECIAL:
        result = np.abs(getattr(approximations, name)(operands, True))
        assert not ((result > 0) & (result < NORMAL)).any()


@given(rows(F32, 2))
@many
def test_approximate_division_is_within_two_ulp_and_loses_large_divisors(table: list[tuple[int, ...]]) -> None:
    a, b = (array(F32, column) for column in zip(*table, strict=True))
    lanes = zip(approximations.div(a, b).tolist(), approximations.div_full(a, b).tolist(), strict=True)
    for (got, full), x, y in zip(lanes, a.tolist(), b.tolist(), strict=True):
        sign = math.copysign(1, x) * math.copysign(1, y)
        if 2.0**126 < abs(y) < INF and not math.isnan(x):
            assert same(got, NAN if math.isinf(x) else 0.0 * sign)
        if not all(map(math.isfinite, (x, y))) or y == 0 or x == 0:
            continue
        exact = Fraction(x) / Fraction(y)
        nearest = F32.round(exact, "rn")
        assert full == nearest or abs(Fraction(full) - exact) <= 2 * F32.unit(exact)
        if NORMAL <= abs(y) <= 2.0**126:
            assert got == nearest or abs(Fraction(got) - exact) <= 2 * F32.unit(exact)


@given(rows(F64, 1))
@many
def test_the_gross_double_approximations_use_and_give_upper_words_only(table: list[tuple[int, ...]]) -> None:
    column = [pattern for (pattern,) in table]
    operands = array(F64, column)
    reciprocals, inverse_roots = approximations.rcp_ftz_f64(operands), approximations.rsqrt_ftz_f64(operands)
    normal = float(power(F64.smallest + F64.precision - 1))
    for results in (reciprocals, inverse_roots):
        assert not (results.view(np.uint64) & np.uint64(0xFFFFFFFF)).any()
    for pattern, got, root in zip(column, reciprocals.tolist(), inverse_roots.tolist(), strict=True):
        x = F64.value(pattern & 0xFFFFFFFF00000000)
        if math.isnan(x):
            assert math.isnan(got) and math.isnan(root)
        elif math.isinf(x):
            assert same(got, math.copysign(0.0, x)) and same(root, 0.0 if x > 0 else NAN)
        elif abs(x) < normal:
            assert got == root == math.copysign(INF, x)
        else:
            exact = 1 / Fraction(x)
            flushed = abs(exact) < Fraction(normal)
            assert same(got, math.copysign(0.0, x)) if flushed else abs(Fraction(got) / exact - 1) <= power(-20)
            assert math.isnan(root) if x < 0 else abs(Fraction(root) ** 2 * Fraction(x) - 1) <= power(-19)


def test_half_precision_forms_give_half_precision_results() -> None:
    operands = np.arange(65536, dtype=np.uint16).view(np.float16)
    operands = operands[np.isfinite(operands) & (np.abs(operands) < 10)]
    for instruction, reference in ((approximations.tanh, math.tanh), (approximations.ex2, lambda x: 2.0**x)):
        results = instruction(operands)
        assert results.dtype == np.float16
        for got, x in zip(results.tolist(), operands.tolist(), strict=True):
            exact = Fraction(reference(x))
            assert abs(Fraction(got) - exact) <= F16.unit(exact)
