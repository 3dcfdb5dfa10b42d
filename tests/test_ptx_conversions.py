"""PTX conversions agree to the bit with exact fractions and integers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exact_rounding import (
    BF16,
    F16,
    F32,
    F64,
    FORMATS,
    MODES,
    Format,
    array,
    converted,
    integral,
    patterns,
    rows,
    same,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.ptx import conversions

INTEGERS = tuple(np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8))

every_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
every_mode = pytest.mark.parametrize("mode", MODES)
every_integer = pytest.mark.parametrize("dtype", INTEGERS, ids=str)
some = settings(deadline=None, max_examples=40)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


def integers(dtype: Any) -> st.SearchStrategy[list[int]]:
    info = np.iinfo(dtype)
    powers = st.integers(0, info.bits - 1).flatmap(lambda k: st.integers((1 << k) - 2, (1 << k) + 2))
    # A few significant bits, then a gap, then a little more: ties and what decides them.
    ties = st.builds(lambda a, k, b: (a << k) + b, st.integers(1, 1 << 25), st.integers(0, 40), st.integers(-1, 1))
    signed = st.one_of(powers, ties, st.integers(0, info.max)).flatmap(lambda n: st.sampled_from((n, -n)))
    element = st.one_of(signed.filter(lambda n: info.min <= n <= info.max), st.sampled_from((info.min, info.max)))
    return st.lists(element, min_size=1, max_size=8)


@every_mode
@given(data=st.data())
@some
def test_floats_convert_to_floats_rounded_once(mode: str, data: Any) -> None:
    for source in FORMATS:
        (column,) = zip(*data.draw(rows(source, 1)), strict=True)
        numbers = [source.value(pattern) for pattern in column]
        for target in FORMATS:
            result = conversions.float_to_float(array(source, column), target.dtype, mode)
            assert result.dtype == target.dtype
            expected = [converted(x, target, mode) for x in numbers]
            for got, want, x in zip(result.tolist(), expected, numbers, strict=True):
                assert same(got, want), f"{source.name} {x!r} to {target.name}: got {got!r}, expected {want!r}"


@every_mode
@given(data=st.data())
@some
def test_doubles_next_to_ties_of_narrower_formats_are_rounded_once(mode: str, data: Any) -> None:
    for target in (F16, F32, BF16):
        number = target.value(data.draw(patterns(target)))
        if not math.isfinite(number):
            continue
        middle = float(Fraction(number) + target.unit(Fraction(number)) / 2)
        numbers = [middle, math.nextafter(middle, math.inf), math.nextafter(middle, -math.inf)]
        column = np.array(numbers)
        if target is BF16:
            results = [BF16.value(int(x)) for x in conversions.f64_to_bf16(column, mode)]
        else:
            results = conversions.float_to_float(column, target.dtype, mode).tolist()
        for got, x in zip(results, numbers, strict=True):
            assert same(got, converted(x, target, mode)), f"{x!r} to {target.name}: got {got!r}"


@every_mode
@given(data=st.data())
@some
def test_floats_convert_to_bfloat16_rounded_once(mode: str, data: Any) -> None:
    for source, convert in ((F32, conversions.f32_to_bf16), (F64, conversions.f64_to_bf16)):
        (column,) = zip(*data.draw(rows(source, 1)), strict=True)
        result = convert(array(source, column), mode)
        assert result.dtype == np.uint16
        for got, pattern in zip(result.tolist(), column, strict=True):
            assert same(BF16.value(got), converted(source.value(pattern), BF16, mode))


def test_every_bfloat16_widens_exactly_and_comes_back() -> None:
    bits = np.arange(65536, dtype=np.uint16)
    wide = conversions.bf16_to_f32(bits)
    assert wide.dtype == np.float32
    assert all(same(got, BF16.value(pattern)) for pattern, got in enumerate(wide.tolist()))
    number = ~np.isnan(wide)
    for mode in MODES:
        assert np.array_equal(conversions.f32_to_bf16(wide, mode)[number], bits[number])


@every_format
@pytest.mark.parametrize("mode", ("rni", "rzi", "rmi", "rpi"))
@given(data=st.data())
@some
def test_floats_become_integral_keeping_their_sign(form: Format, mode: str, data: Any) -> None:
    (column,) = zip(*data.draw(rows(form, 1)), strict=True)
    result = conversions.float_to_integral(array(form, column), mode)
    assert result.dtype == form.dtype
    for got, pattern in zip(result.tolist(), column, strict=True):
        x = form.value(pattern)
        expected = math.copysign(integral(x, mode), x) if math.isfinite(x) else x
        assert same(got, expected), f"{x!r}: got {got!r}"


@every_format
@every_integer
@pytest.mark.parametrize("mode", ("rni", "rzi", "rmi", "rpi"))
@given(data=st.data())
@settings(deadline=None, max_examples=15)
def test_floats_convert_to_integers_clamped_to_the_range(form: Format, dtype: Any, mode: str, data: Any) -> None:
    info = np.iinfo(dtype)
    limits = [form.round(Fraction(n), m) for n in (info.max, info.max + 1) for m in MODES]
    limits += [form.round(Fraction(n), m) for n in (info.min - 1, info.min or -1) for m in MODES]
    halves = [n + 0.5 for n in data.draw(st.lists(st.integers(-300, 300), max_size=8))]
    (column,) = zip(*data.draw(rows(form, 1)), strict=True)
    operand = np.concatenate([array(form, column), np.array(limits + halves + [math.inf, -math.inf], form.dtype)])
    result = conversions.float_to_int(operand, dtype, mode)
    assert result.dtype == dtype
    for got, x in zip(result.tolist(), operand.tolist(), strict=True):
        if math.isnan(x):
            wanted = int(conversions.nan_as_int(form.dtype, dtype))
        elif math.isinf(x):
            wanted = info.max if x > 0 else info.min
        else:
            wanted = min(max(integral(x, mode), info.min), info.max)
        assert got == wanted, f"{x!r}: got {got}, expected {wanted}"


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("float32", "int32", 0),
        ("float32", "uint32", 0),
        ("float16", "int16", 0),
        ("float32", "int64", -(2**63)),
        ("float32", "uint64", 2**63),
        ("float16", "int64", -(2**63)),
        ("float64", "int32", -(2**31)),
        ("float64", "uint32", 2**31),
        ("float64", "int16", -(2**15)),
        ("float64", "uint8", 2**7),
        ("float64", "int64", -(2**63)),
    ],
)
def test_nan_converts_to_zero_or_to_the_top_bit(source: str, target: str, expected: int) -> None:
    """PTX ISA, `cvt`: zero if the source is not .f64 and the destination not 64 bits wide, else 1 << (width - 1)."""
    lanes = np.array([math.nan, 1.0, -math.nan], source)
    assert conversions.float_to_int(lanes, np.dtype(target)).tolist() == [expected, 1, expected]


@every_format
@every_integer
@every_mode
@given(data=st.data())
@settings(deadline=None, max_examples=15)
def test_integers_convert_to_floats_rounded_once(form: Format, dtype: Any, mode: str, data: Any) -> None:
    numbers = data.draw(integers(dtype))
    result = conversions.int_to_float(np.array(numbers, dtype), form.dtype, mode)
    assert result.dtype == form.dtype
    for got, n in zip(result.tolist(), numbers, strict=True):
        wanted = form.round(Fraction(n), mode) if n else 0.0
        assert same(got, wanted), f"{n}: got {got!r}, expected {wanted!r}"


def test_pairs_of_halves_are_taken_apart_lowest_first_and_packed_again() -> None:
    packed = np.array([0x3C00_4000, 0x0000_8000], np.uint32)
    halves = conversions.unpack_halves(packed)
    assert halves.dtype == np.float16 and halves.tolist() == [[2.0, 1.0], [-0.0, 0.0]]
    assert conversions.pack_halves(halves).tolist() == packed.tolist()
    assert conversions.pack_halves(halves[:, ::-1]).tolist() == [0x4000_3C00, 0x8000_0000]


@every_integer
@given(data=st.data())
@some
def test_integers_convert_to_integers_by_extension_truncation_or_clamping(dtype: Any, data: Any) -> None:
    numbers = data.draw(integers(dtype))
    operand = np.array(numbers, dtype)
    for target in INTEGERS:
        info = np.iinfo(target)
        span = 1 << info.bits
        wrapped = [(n - info.min) % span + info.min for n in numbers]
        plain, clamped = conversions.int_to_int(operand, target), conversions.int_to_int_sat(operand, target)
        assert plain.dtype == clamped.dtype == target
        assert plain.tolist() == wrapped
        assert clamped.tolist() == [min(max(n, info.min), info.max) for n in numbers]
