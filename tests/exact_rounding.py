"""Rounding as IEEE 754 defines it, on exact fractions, and values that tend to break it: the tests' ground truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

MODES = ("rn", "rz", "rm", "rp")


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: significand bits, exponent of the largest and of the smallest power of two."""

    name: str
    bits: int
    precision: int
    largest: int
    smallest: int

    @property
    def dtype(self) -> Any:
        return np.dtype(self.name)

    @property
    def unsigned(self) -> Any:
        return np.dtype(f"u{self.bits // 8}")

    def value(self, pattern: int) -> float:
        """The number that a bit pattern stands for, from the definition of the encoding."""
        field = self.precision - 1
        fraction, exponent = pattern & (1 << field) - 1, pattern >> field & (1 << self.bits - self.precision) - 1
        if exponent == (1 << self.bits - self.precision) - 1:
            result = math.nan if fraction else math.inf
        elif exponent == 0:
            result = float(fraction * power(self.smallest))
        else:
            result = float((fraction + (1 << field)) * power(self.smallest + exponent - 1))
        return -result if pattern >> self.bits - 1 else result

    def unit(self, value: Fraction) -> Fraction:
        """The distance between the format's numbers around `value`, were its range unlimited above."""
        magnitude = abs(value)
        top = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
        top -= magnitude < power(top)
        return power(max(top - self.precision + 1, self.smallest))

    def round(self, value: Fraction, mode: str) -> float:
        """The fraction, not zero, rounded once in the direction `mode`."""
        unit = self.unit(value)
        count, rest = divmod(abs(value), unit)
        away = {"rz": False, "rm": value < 0, "rp": value > 0}
        if mode == "rn":
            count += 2 * rest > unit or (2 * rest == unit and count % 2 == 1)
        else:
            count += rest > 0 and away[mode]
        result = count * unit
        limit = power(self.largest + 1)
        if result < limit:
            number = float(result)
        else:
            number = math.inf if mode == "rn" or away[mode] else float(limit - power(self.largest + 1 - self.precision))
        return number if value > 0 else -number


def power(exponent: int) -> Fraction:
    """Two to a whole power, exactly."""
    return Fraction(2) ** exponent


def integral(value: float, mode: str) -> int:
    """A finite float as an integer: rni to nearest even, rzi towards zero, rmi down, rpi up."""
    return {"rni": round, "rzi": math.trunc, "rmi": math.floor, "rpi": math.ceil}[mode](value)


F16 = Format("float16", 16, 11, 15, -24)
BF16 = Format("bfloat16", 16, 8, 127, -133)
F32 = Format("float32", 32, 24, 127, -149)
F64 = Format("float64", 64, 53, 1023, -1074)
FORMATS = (F16, F32, F64)


def patterns(form: Format) -> st.SearchStrategy[int]:
    """Bit patterns of a format: any, few significant bits, neighbours of powers of two, and the edges of the range."""
    field = form.precision - 1
    top = (1 << form.bits - form.precision) - 1
    one = top >> 1
    signs = st.sampled_from((0, 1 << form.bits - 1))
    ends = [0, 1, 2, 3, (1 << field) - 1, 1 << field, (1 << field) + 1, (top << field) - 1, (top << field) - 2]
    special = [top << field, (top << field) + 1, (top << field) + (1 << field - 1)]
    exponents = st.one_of(st.integers(one - 4, one + 4), st.integers(0, top - 1))
    fractions = st.one_of(
        st.integers(0, (1 << field) - 1),
        st.sampled_from((0, 1, 2, 3, (1 << field) - 1, (1 << field) - 2, 1 << field - 1, (1 << field - 1) + 1)),
        st.integers(0, 7).map(lambda few: few << field - 3),
    )
    ordinary = st.tuples(exponents, fractions).map(lambda pair: pair[0] << field | pair[1])
    magnitudes = st.one_of(ordinary, ordinary, ordinary, st.sampled_from(ends), st.sampled_from(special))
    return st.tuples(signs, magnitudes).map(sum)


def rows(form: Format, columns: int, size: int = 8) -> st.SearchStrategy[list[tuple[int, ...]]]:
    """Some operand tuples, as bit patterns."""
    return st.lists(st.tuples(*[patterns(form)] * columns), min_size=1, max_size=size)


def array(form: Format, column: Any) -> np.ndarray[Any, Any]:
    """Bit patterns as an array of the format's type."""
    return np.array(column, form.unsigned).view(form.dtype)


def same(actual: float, expected: float) -> bool:
    """Equal as data: any NaN equals any NaN, and zeros differ by sign."""
    if math.isnan(expected):
        return math.isnan(actual)
    return actual == expected and math.copysign(1, actual) == math.copysign(1, expected)


def fused(a: float, b: float, c: float, form: Format, mode: str) -> float:
    """a * b + c rounded once, with IEEE 754's rules for infinities, NaN and the signs of zeros."""
    if math.isfinite(a) and math.isfinite(b) and not math.isfinite(c):
        return c
    if not (math.isfinite(a) and math.isfinite(b)):
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact:
        return form.round(exact, mode)
    minus_product = math.copysign(1, a) * math.copysign(1, b) < 0
    minus_c = math.copysign(1, c) < 0
    if c == 0 and minus_product == minus_c:
        return c
    return -0.0 if mode == "rm" else 0.0


def product(a: float, b: float, form: Format, mode: str) -> float:
    """a * b rounded once."""
    return fused(a, b, math.copysign(0.0, a) * math.copysign(1, b), form, mode)


def quotient(a: float, b: float, form: Format, mode: str) -> float:
    """a / b rounded once, with IEEE 754's rules for zeros, infinities and NaN."""
    sign = math.copysign(1, a) * math.copysign(1, b)
    if math.isnan(a) or math.isnan(b) or a == b == 0 or (math.isinf(a) and math.isinf(b)):
        return math.nan
    if math.isinf(a) or b == 0:
        return sign * math.inf
    if a == 0 or math.isinf(b):
        return sign * 0.0
    return form.round(Fraction(a) / Fraction(b), mode)


def root(a: float, form: Format, mode: str) -> float:
    """The square root of a rounded once; -0 of -0, NaN below."""
    if a == 0 or math.isnan(a) or a == math.inf:
        return a
    if a < 0:
        return math.nan
    # A root of so many more bits than the format that one sticky bit below them settles every rounding.
    scale = 2 * (form.precision + 16 - form.smallest)
    whole = Fraction(a) * power(scale)
    floor = math.isqrt(math.floor(whole))
    return form.round((floor + Fraction(floor * floor != whole, 2)) / power(scale // 2), mode)


def converted(value: float | int, target: Format, mode: str) -> float:
    """A number rounded once to another format; zeros keep their sign, infinities and NaN stay."""
    return value if value == 0 or not math.isfinite(value) else target.round(Fraction(value), mode)
