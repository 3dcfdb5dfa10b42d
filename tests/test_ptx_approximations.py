"""PTX approximations stay within the manual's error bounds over their whole range, and give its special values."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exact_bounds import APPROXIMATIONS, WIDE, Approximation, allowed, exact, floats, violations
from exact_forms import PACKED, SEEDED, agrees, execute, operands, value
from hypothesis import given, settings
from hypothesis import strategies as st

Array = np.ndarray[Any, Any]

INF, NAN = math.inf, math.nan
STRIDE = 1 << 12
BY_OPCODE = {approximation.opcode: approximation for approximation in APPROXIMATIONS}
SINGLE = [a for a in APPROXIMATIONS if a.type == "f32"]
HALF = [a for a in APPROXIMATIONS if a.format.bits == 16]
DOUBLE = [a for a in APPROXIMATIONS if a.type == "f64"]


def named(approximations: list[Approximation] | tuple[Approximation, ...]) -> Any:
    return pytest.mark.parametrize("approximation", approximations, ids=lambda a: a.opcode)


def check(approximation: Approximation, rows: Array) -> None:
    """Run on operand patterns, one row a thread, and compare."""
    results = execute(approximation.form, rows, "everywhere")[:, 0]
    wrong = np.unique(np.argwhere(violations(approximation, rows, results))[:, 0])
    found = [([value(approximation.type, int(p)) for p in rows[i]], hex(results[i])) for i in wrong[:5]]
    assert not found, f"{approximation.opcode}: {len(wrong)} results beyond the bound, as {found}"


@named(SINGLE)
@settings(SEEDED, max_examples=2)
@given(offset=st.integers(0, STRIDE - 1), seed=st.integers(0, 2**32))
def test_every_4096th_float32_is_within_the_bound(approximation: Approximation, offset: int, seed: int) -> None:
    columns = [np.arange(offset, 1 << 32, STRIDE, dtype=np.uint64)]
    if approximation.function == "div":
        columns.append(np.random.default_rng(seed).permutation(columns[0]))
    check(approximation, np.stack(columns, -1))


@named(HALF)
def test_every_16_bit_float_is_within_the_bound(approximation: Approximation) -> None:
    pattern = np.arange(1 << 16, dtype=np.uint64)
    if approximation.type in PACKED:
        pattern = pattern | pattern[::-1] << np.uint64(16)
    check(approximation, pattern[:, None])


@named(DOUBLE)
@settings(SEEDED, max_examples=2)
@given(low=st.integers(0, 2**32 - 1), offset=st.integers(0, STRIDE - 1))
def test_every_4096th_upper_word_of_a_float64_is_within_the_bound(
    approximation: Approximation, low: int, offset: int
) -> None:
    high = np.arange(offset, 1 << 32, STRIDE, dtype=np.uint64)
    check(approximation, (high << np.uint64(32) | np.uint64(low))[:, None])


@named([a for a in APPROXIMATIONS if a.type not in PACKED])
@settings(SEEDED, max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_results_are_within_the_bound_of_120_digit_decimals(approximation: Approximation, seed: int) -> None:
    """The long double of some platforms is no wider than float64; this reference is wide everywhere."""
    rows = operands(approximation.form, seed)
    results = execute(approximation.form, rows, "everywhere")[:, 0]
    with np.errstate(all="ignore"):
        numbers = [floats(approximation, column) for column in rows.T]
        bounds = allowed(approximation, numbers[0], WIDE[approximation.function](*numbers))
    for row, result, bound in zip(rows.tolist(), results.tolist(), bounds.tolist(), strict=True):
        numbers = [value(approximation.type, pattern) for pattern in row]
        if _is_ordinary(approximation, numbers):
            got = value(approximation.type, result)
            error = abs(Fraction(got) - exact(approximation.function, *numbers))
            assert error <= Fraction(float(bound)), f"{approximation.opcode} of {numbers}: {got}"


def _is_ordinary(approximation: Approximation, numbers: list[float]) -> bool:
    """Neither special nor near the ends of any range, where other rules hold than that of the error."""
    function, x = approximation.function, numbers[0]
    if not all(2.0**-14 <= abs(number) <= 2.0**14 for number in numbers):
        return False
    limits = {"ex2": 14.0, "sin": 100 * math.pi, "cos": 100 * math.pi, "tanh": 100.0}
    if function in limits:
        return abs(x) <= limits[function]
    gross = approximation.type == "f64" and approximation.flushes
    return (x > 0 or function in ("rcp", "div")) and not gross


TINY = {"f32": 2.0**-149, "f16": 2.0**-24, "bf16": 2.0**-133, "f64": 2.0**-1074}
OPERANDS = (-INF, -1.0, "-subnormal", -0.0, 0.0, "+subnormal", INF, NAN)
SPECIAL: dict[str, tuple[Any, ...]] = {
    # By function, the result of each of those operands; None where the manual's tables have no row.
    "ex2": (0.0, 0.5, 1.0, 1.0, 1.0, 1.0, INF, NAN),
    "lg2": (NAN, NAN, NAN, -INF, -INF, None, INF, NAN),
    "sin": (NAN, None, "-subnormal", -0.0, 0.0, "+subnormal", NAN, NAN),
    "cos": (NAN, None, 1.0, 1.0, 1.0, 1.0, NAN, NAN),
    "tanh": (-1.0, None, "-subnormal", -0.0, 0.0, "+subnormal", 1.0, NAN),
    "sqrt": (NAN, NAN, NAN, -0.0, 0.0, None, INF, NAN),
    "rcp": (-0.0, -1.0, None, -INF, INF, None, 0.0, NAN),
    "rsqrt": (NAN, NAN, NAN, -INF, INF, None, 0.0, NAN),
}


@named([a for a in APPROXIMATIONS if a.function in SPECIAL and a.type not in PACKED])
def test_special_operands_give_what_the_manual_tables(approximation: Approximation) -> None:
    tiny = TINY[approximation.type]
    names = {"-subnormal": -tiny, "+subnormal": tiny}
    numbers = np.array([names.get(x, x) if isinstance(x, str) else x for x in OPERANDS] * 8)
    results = execute(approximation.form, _patterns(approximation, numbers)[:, None], "everywhere")[:, 0]
    expected = list(SPECIAL[approximation.function])
    if approximation.flushes:
        # A subnormal operand is the zero of its sign.
        expected[2], expected[5] = expected[3], expected[4]
    for operand, result, wanted in zip(OPERANDS, results.tolist(), expected, strict=False):
        wanted = names.get(wanted, wanted) if isinstance(wanted, str) else wanted
        got = value(approximation.type, result)
        assert wanted is None or agrees(approximation.type, result, wanted), f"{operand}: {got}, not {wanted}"


def _patterns(approximation: Approximation, numbers: Array) -> Array:
    form = approximation.format
    if form.name == "bfloat16":
        return (numbers.astype(np.float32).view(np.uint32) >> np.uint32(16)).astype(np.uint64)
    return numbers.astype(form.dtype).view(form.unsigned).astype(np.uint64)


@pytest.mark.parametrize("opcode", ("rcp.approx.ftz.f64", "rsqrt.approx.ftz.f64"))
@settings(SEEDED, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_gross_doubles_depend_on_upper_words_only_and_have_one_nan(opcode: str, seed: int) -> None:
    approximation = BY_OPCODE[opcode]
    rows = operands(approximation.form, seed)
    upper = rows & np.uint64(0xFFFFFFFF00000000)
    results, same = (execute(approximation.form, x, "everywhere")[:, 0] for x in (rows, upper))
    assert np.array_equal(results, same)
    assert not (results & np.uint64(0xFFFFFFFF)).any()
    nan = np.isnan(results.view(np.float64))
    assert set(results[nan].tolist()) <= {0x7FFFFFFF00000000}
