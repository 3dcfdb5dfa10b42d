"""PTX conversions next to ties, and of every bfloat16."""

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
    MODES,
    converted,
    patterns,
    same,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.ptx import conversions


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("mode", MODES)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
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


def test_every_bfloat16_widens_exactly_and_comes_back() -> None:
    bits = np.arange(65536, dtype=np.uint16)
    wide = conversions.bf16_to_f32(bits)
    assert wide.dtype == np.float32
    assert all(same(got, BF16.value(pattern)) for pattern, got in enumerate(wide.tolist()))
    number = ~np.isnan(wide)
    for mode in MODES:
        assert np.array_equal(conversions.f32_to_bf16(wide, mode)[number], bits[number])
