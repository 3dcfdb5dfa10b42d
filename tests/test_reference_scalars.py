"""Operators and functions of scalars in the reference: exact where the language is, within the bound elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracle import fills
from oracle.floats import BFLOAT16, numbers, rounded
from oracle.reference.arrays import zeros
from oracle.reference.definitions import DEFINITIONS, library, random_numbers
from oracle.reference.deviations import DEVIATIONS, NEGATED_ZERO
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import EXACT, ScalarType, Undefined

INTEGERS = [EXACT[f"{sign}int{bits}"] for sign in ("", "u") for bits in (8, 16, 32, 64)]
FLOATS = [EXACT[name] for name in ("float16", "bfloat16", "float32", "float64")]
WORDS = st.integers(-(2**64), 2**64)
ANY_FLOAT = st.floats(width=64) | st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan])


def call(name: str, *arguments: Any, run: Run | None = None) -> Any:
    return DEFINITIONS[name](run or Run(definitions=DEFINITIONS), *arguments)


def wrapped(value: int, scalar: ScalarType) -> int:
    """Two's complement, by arithmetic alone."""
    low = -(2 ** (scalar.bits - 1)) if scalar.name.startswith("int") else 0
    return (value - low) % 2**scalar.bits + low


def truncated(a: int, b: int) -> int:
    return math.trunc(Fraction(a, b))


EXACT_INTEGERS: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": truncated,
    "floordiv": lambda a, b: math.floor(Fraction(a, b)),
    "mod": lambda a, b: a - truncated(a, b) * b,
    "bit_and": lambda a, b: a & b,
    "bit_or": lambda a, b: a | b,
    "bit_xor": lambda a, b: a ^ b,
    "min": min,
    "max": max,
}


@pytest.mark.parametrize("name", EXACT_INTEGERS)
@settings(deadline=None, max_examples=60)
@given(st.sampled_from(INTEGERS), WORDS, WORDS)
def test_integers_are_exact_and_wrap_around(name, scalar, a, b):
    x, y = scalar(a), scalar(b)
    if name in ("div", "floordiv", "mod") and (y == 0 or (int(y) == -1 and int(x) == -(2 ** (scalar.bits - 1)))):
        with pytest.raises(Undefined):
            call(name, x, y)
        return
    with np.errstate(all="ignore"):
        result = call(name, x, y)
    assert type(result) is scalar.make
    assert int(result) == wrapped(EXACT_INTEGERS[name](int(x), int(y)), scalar)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(INTEGERS), WORDS, st.integers(-2, 70))
def test_shifts_wrap_around_and_too_wide_ones_have_no_meaning(scalar, a, by):
    x = scalar(a)
    for name, exact in (("lshift", lambda v: v << by), ("rshift", lambda v: v >> by)):
        if 0 <= by < scalar.bits:
            assert int(call(name, x, scalar(by))) == wrapped(exact(int(x)), scalar)
        elif scalar(by) == by:
            with pytest.raises(Undefined):
                call(name, x, scalar(by))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(INTEGERS), WORDS)
def test_functions_of_one_integer(scalar, a):
    x = scalar(a)
    n = int(x)
    with np.errstate(all="ignore"):
        assert int(call("neg", x)) == wrapped(-n, scalar)
        assert int(call("abs", x)) == wrapped(abs(n), scalar)
    assert int(call("invert", x)) == wrapped(~n, scalar)
    assert int(call("sign", x)) == (wrapped(-1, scalar) if n < 0 else 1)
    assert int(call("bit_count", x)) == sum(n >> place & 1 for place in range(scalar.bits))
    assert (int(call("step", x)), int(call("nonzero", x))) == (int(n < 0), int(n != 0))


def correctly_rounded(value: Fraction, scalar: ScalarType) -> float:
    """Round a fraction to a float type, to nearest and ties to even, by bisection on the exact values."""
    limits = scalar.limits
    if not value:
        return 0.0
    exponent = math.floor(math.log2(abs(value.numerator)) - math.log2(value.denominator))
    exponent += (abs(value) >= Fraction(2) ** (exponent + 1)) - (abs(value) < Fraction(2) ** exponent)
    exponent = max(exponent, round(math.log2(limits.smallest_normal)))
    unit = Fraction(2) ** (exponent - limits.nmant)
    result = round(value / unit) * unit
    if abs(result) > Fraction(limits.max):
        return math.inf if value > 0 else -math.inf
    return float(result)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(FLOATS), ANY_FLOAT, ANY_FLOAT)
def test_float_operators_are_correctly_rounded(scalar, a, b):
    with np.errstate(all="ignore"):
        x, y = scalar(a), scalar(b)
        assume(math.isfinite(float(x)) and math.isfinite(float(y)))
        results = {name: float(call(name, x, y)) for name in ("add", "sub", "mul", "div")}
    exact_x, exact_y = Fraction(float(x)), Fraction(float(y))
    assert results["add"] == correctly_rounded(exact_x + exact_y, scalar)
    assert results["sub"] == correctly_rounded(exact_x - exact_y, scalar)
    assert results["mul"] == correctly_rounded(exact_x * exact_y, scalar)
    if exact_y:
        assert results["div"] == correctly_rounded(exact_x / exact_y, scalar)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(FLOATS), ANY_FLOAT)
def test_roundings_to_whole_numbers(scalar, a):
    with np.errstate(all="ignore"):
        x = scalar(a)
        assume(math.isfinite(float(x)))
        got = {name: float(call(name, x)) for name in ("floor", "ceil", "trunc", "rint", "round", "frac")}
    exact = Fraction(float(x))
    assert (got["floor"], got["ceil"], got["trunc"]) == (math.floor(exact), math.ceil(exact), math.trunc(exact))
    assert got["rint"] == round(exact)
    assert got["round"] == math.copysign(math.floor(abs(exact) + Fraction(1, 2)), exact)
    assert got["frac"] == exact - math.trunc(exact)
    assert all(math.copysign(1.0, got[name]) == math.copysign(1.0, a) for name in ("trunc", "rint", "round"))


@settings(deadline=None, max_examples=150)
@given(st.floats(width=32))
def test_bfloat16_rounds_as_the_targets_numbers_do(a):
    with np.errstate(all="ignore"):
        expected = float(numbers(rounded(np.array([a], np.float32), BFLOAT16))[0])
    got = float(EXACT["bfloat16"](a))
    assert got == expected or (got != got and expected != expected)


def test_minima_of_nan_and_of_zeros_are_as_documented():
    one, nan = np.float32(1), np.float32("nan")
    assert call("min", nan, one) == call("max", one, nan) == 1
    assert math.isnan(call("min", nan, nan))
    assert call("clamp", nan, np.float32(2), np.float32(5)) == 2
    signs = {
        math.copysign(1.0, call("min", np.float32(0), np.float32(-0.0), run=Run(noise=seed))) for seed in range(20)
    }
    assert signs == {1.0, -1.0}


def test_known_deviations_are_followed_on_request():
    follow = Run(known=frozenset({NEGATED_ZERO}), definitions=DEFINITIONS)
    assert math.copysign(1.0, call("neg", np.float32(0.0))) == -1.0
    assert math.copysign(1.0, call("neg", np.float32(0.0), run=follow)) == 1.0
    assert call("neg", np.float32(2.5), run=follow) == -2.5
    erf = Run(known=frozenset({"erfinv-small-arguments"}), definitions=DEFINITIONS)
    with pytest.raises(LackingError):
        call("erfinv", np.float32(0.5), run=erf)
    assert set(DEVIATIONS) >= follow.known | erf.known


LIBRARY = [name for name in library.FUNCTIONS if name not in ("atan2", "pow")]


@pytest.mark.parametrize("name", LIBRARY)
@settings(deadline=None, max_examples=40)
@given(st.floats(-30.0, 30.0, width=32), st.integers(0, 1000))
def test_noise_stays_within_the_library_bound(name, a, seed):
    for scalar in (EXACT["float16"], EXACT["float32"], EXACT["float64"]):
        with np.errstate(all="ignore"):
            x = scalar(a)
            accurate = float(call(name, x))
            moved = float(call(name, x, run=Run(noise=seed, definitions=DEFINITIONS)))
        if not math.isfinite(accurate) or not math.isfinite(moved):
            continue
        ulp = max(abs(accurate) * scalar.limits.eps, scalar.limits.smallest_subnormal)
        assert abs(moved - accurate) <= (library.ulps_of(name, scalar) + 1.0) * ulp


@settings(deadline=None, max_examples=60)
@given(st.floats(1e-300, 1.0, exclude_max=True))
def test_inverse_error_functions_undo_the_error_functions(y):
    assert math.erf(library.inverse_erf(y)) == pytest.approx(y, rel=4e-16, abs=5e-324)
    x = library.inverse_erfc(y)
    conditioning = max(1.0, 2.0 * x * x)
    assert math.erfc(x) == pytest.approx(y, rel=conditioning * 1e-15)


def test_library_functions_are_accurate():
    """Against 40 digits of the series of the exponential."""
    with localcontext() as context:
        context.prec = 40
        for value in (1e-3, 0.5, 1.0, 7.25, -3.75):
            expected = float(Decimal(value).exp())
            assert abs(float(call("exp", np.float64(value))) - expected) <= 2.3e-16 * expected


def hash_by_blocks(state: int) -> int:
    """The PCG hash once more, on lists of bits."""

    def bits(value: int) -> list[int]:
        return [value // 2**place % 2 for place in range(32)]

    def number(found: list[int]) -> int:
        return sum(bit * 2**place for place, bit in enumerate(found))

    def shifted(found: list[int], by: int) -> list[int]:
        return found[by:] + [0] * by

    step = bits((state * 747796405 + 2891336453) % 2**32)
    mixed = [a ^ b for a, b in zip(shifted(step, number(step[28:]) + 4), step, strict=True)]
    word = bits(number(mixed) * 277803737 % 2**32)
    return number([a ^ b for a, b in zip(shifted(word, 22), word, strict=True)])


@settings(deadline=None, max_examples=100)
@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_the_generator_steps_as_big_integers_do(seed, offset):
    state = call("rand_init", np.int32(seed), np.int32(offset))
    assert int(state) == hash_by_blocks((seed + hash_by_blocks(offset % 2**32)) % 2**32)
    for _ in range(3):
        expected = hash_by_blocks(int(state))
        drawn, after = call("randu", state)
        assert int(drawn) == int(after) == expected
        assert int(call("randi", state)[0]) == (expected ^ 2**31) - 2**31
        assert float(call("randf", state)[0]) == (expected // 256) / 2**24
        assert int(call("randi", state, np.int32(-5), np.int32(6))[0]) == expected % 11 - 5
        state = after


def test_random_numbers_are_those_that_the_users_guide_prints():
    def drawn(seed: int, offset: int, count: int) -> list[float]:
        state = call("rand_init", np.int32(seed), np.int32(offset))
        found = []
        for _ in range(count):
            value, state = call("randf", state)
            found.append(round(float(value), 7))
        return found

    assert drawn(42, 0, 2) == pytest.approx([0.86597514, 0.1859147], abs=6e-8)
    assert [drawn(123, i, 1)[0] for i in range(3)] == pytest.approx([0.1415146, 0.9632247, 0.6449367], abs=6e-8)
    assert [drawn(124, i, 1)[0] for i in range(3)] == pytest.approx([0.37815237, 0.68619, 0.7548081], abs=6e-8)


def test_normal_numbers_have_mean_zero_and_variance_one():
    state, found = np.uint32(random_numbers.hashed(5)), []
    for _ in range(4000):
        value, state = call("randn", state)
        found.append(float(value))
    assert abs(np.mean(found)) < 0.06 and abs(np.var(found) - 1.0) < 0.1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=12), st.integers(-25, 20))
def test_lower_bound_finds_the_first_element_that_is_not_below(values, wanted):
    array = zeros(EXACT["int32"], (len(values),))
    for place, value in enumerate(sorted(values)):
        array[place] = value
    found = int(call("lower_bound", array, np.int32(wanted)))
    above = [place for place, value in enumerate(sorted(values)) if value >= wanted]
    assert found == (above[0] if above else len(values) - 1)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40), st.integers(0, 2**31 - 1))
def test_the_cumulative_inputs_are_what_sample_cdf_asks_for(words, seed):
    values = fills.cumulative(np.array(words, np.uint64), np.dtype(np.float32), (len(words),))
    assert values[-1] == 1 and values[0] > 0 and (np.diff(values) >= 0).all()
    cdf = zeros(EXACT["float32"], (len(words),))
    for place, value in enumerate(values):
        cdf[place] = value
    state = call("rand_init", np.int32(seed))
    unit, after = call("randf", state)
    index, moved = call("sample_cdf", state, cdf)
    assert moved == after
    assert values[index] >= unit and (index == 0 or values[index - 1] < unit)


def test_a_cumulative_distribution_that_falls_has_no_meaning():
    cdf = zeros(EXACT["float32"], (2,))
    with pytest.raises(Undefined):
        call("sample_cdf", np.uint32(1), cdf)
