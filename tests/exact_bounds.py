"""The approximate instructions: how far from the exact value the PTX ISA lets each result be.

Figures are those of the PTX ISA (version 9.0), sections 9.7.3 (float32, float64) and 9.7.4 (half precision); where it
states none, `source` says what stands in. Exact values come twice: as fractions from decimals of 120 digits, and for
many operands at once in NumPy's long double (64 bits on x86-64), which is also what defines the special operands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np
from exact_forms import FLOATS, OPEN, PACKED, Form
from exact_rounding import Format, power

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Bound:
    """The error may be `ulps` units in the last place of the correctly rounded result, plus `relative` times the exact
    value, plus `absolute`; where `within` is given, only for operands of at most that magnitude."""

    source: str
    ulps: float = 0.0
    relative: float = 0.0
    absolute: float = 0.0
    within: float = math.inf


@dataclass(frozen=True)
class Approximation:
    """An approximate opcode: the first of `bounds` that covers an operand holds; none covers the others."""

    opcode: str
    type: str
    function: str
    bounds: tuple[Bound, ...]
    minimum: int = 75

    @property
    def form(self) -> Form:
        """Its operands and results, for running it."""
        count = 2 if self.function == "div" else 1
        return Form(self.opcode, (self.type,), (self.type,) * count, lambda *_: OPEN, minimum=self.minimum)

    @property
    def format(self) -> Format:
        """The format of an operand, or of one half of it."""
        return FLOATS[PACKED.get(self.type, self.type)]

    @property
    def flushes(self) -> bool:
        """Whether subnormal operands and results become zeros."""
        return ".ftz" in self.opcode


def _bounds(*bounds: Bound) -> tuple[Bound, ...]:
    return bounds


_TWO_ULP = "9.7.3 {}: maximum ulp error 2 from the correctly rounded result across the full range"
_LG2 = "9.7.3 lg2: maximum absolute error 2^-22 in (0.5, 2), otherwise maximum relative error 2^-22"
_SINE = (
    Bound("9.7.3 sin, cos: maximum absolute error 2^-20.5 in [-2 pi, 2 pi]", absolute=2**-20.5, within=2 * math.pi),
    Bound("9.7.3 sin, cos: 2^-14.7 in [-100 pi, 100 pi]", absolute=2**-14.7, within=100 * math.pi),
)
_EX2 = _bounds(Bound(_TWO_ULP.format("ex2"), ulps=2))
_LOGARITHM = _bounds(Bound(_LG2, relative=2.0**-22))
_SQRT = _bounds(Bound("9.7.3 sqrt.approx.f32: maximum relative error 2^-23", relative=2.0**-23))
_RCP = _bounds(Bound("9.7.3 rcp.approx.f32: maximum ulp error 1 across the full range", ulps=1))
_RSQRT = _bounds(Bound("9.7.3 rsqrt.f32: maximum relative error 2^-22.9", relative=2**-22.9))
_DIVISION = _bounds(Bound(_TWO_ULP.format("div.approx.f32 (|b| in [2^-126, 2^126]) and div.full.f32"), ulps=2))
_TANH = _bounds(Bound("9.7.3 tanh.approx.f32: maximum relative error 2^-11", relative=2.0**-11))
_TANH_F16 = _bounds(Bound("9.7.4 tanh: maximum absolute error 2^-10.987 for .f16", absolute=2**-10.987))
_TANH_BF16 = _bounds(Bound("9.7.4 tanh: maximum absolute error 2^-8 for .bf16", absolute=2.0**-8))
_EX2_F16 = _bounds(Bound("9.7.4 ex2: maximum relative error 2^-9.9 for .f16", relative=2**-9.9))
_EX2_BF16 = _bounds(Bound("9.7.4 ex2: maximum relative error 2^-7 for .bf16", relative=2.0**-7))
_RSQRT_F64 = _bounds(Bound("none in the PTX ISA; CUDA C++ Programming Guide, rsqrt(): maximum ulp error 1", ulps=1))
_GROSS = _bounds(
    Bound("none in the PTX ISA: one unit of the 20 fraction bits of its 1.11.20 format", relative=2.0**-20)
)

APPROXIMATIONS = (
    *(Approximation(f"ex2.approx{ftz}.f32", "f32", "ex2", _EX2) for ftz in ("", ".ftz")),
    *(Approximation(f"lg2.approx{ftz}.f32", "f32", "lg2", _LOGARITHM) for ftz in ("", ".ftz")),
    *(Approximation(f"sin.approx{ftz}.f32", "f32", "sin", _SINE) for ftz in ("", ".ftz")),
    *(Approximation(f"cos.approx{ftz}.f32", "f32", "cos", _SINE) for ftz in ("", ".ftz")),
    *(Approximation(f"sqrt.approx{ftz}.f32", "f32", "sqrt", _SQRT) for ftz in ("", ".ftz")),
    *(Approximation(f"rcp.approx{ftz}.f32", "f32", "rcp", _RCP) for ftz in ("", ".ftz")),
    *(Approximation(f"rsqrt.approx{ftz}.f32", "f32", "rsqrt", _RSQRT) for ftz in ("", ".ftz")),
    *(Approximation(f"div.{name}.f32", "f32", "div", _DIVISION) for name in ("approx", "approx.ftz")),
    *(Approximation(f"div.{name}.f32", "f32", "div", _DIVISION) for name in ("full", "full.ftz")),
    Approximation("tanh.approx.f32", "f32", "tanh", _TANH),
    *(Approximation(f"tanh.approx.{t}", t, "tanh", _TANH_F16) for t in ("f16", "f16x2")),
    *(Approximation(f"tanh.approx.{t}", t, "tanh", _TANH_BF16, 90) for t in ("bf16", "bf16x2")),
    *(Approximation(f"ex2.approx.{t}", t, "ex2", _EX2_F16) for t in ("f16", "f16x2")),
    *(Approximation(f"ex2.approx.ftz.{t}", t, "ex2", _EX2_BF16, 90) for t in ("bf16", "bf16x2")),
    Approximation("rsqrt.approx.f64", "f64", "rsqrt", _RSQRT_F64),
    Approximation("rsqrt.approx.ftz.f64", "f64", "rsqrt", _GROSS),
    Approximation("rcp.approx.ftz.f64", "f64", "rcp", _GROSS),
)

WIDE: dict[str, Callable[..., Array]] = {
    "ex2": np.exp2,
    "lg2": np.log2,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sqrt": np.sqrt,
    "rcp": np.reciprocal,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "div": np.divide,
}
"""The function in long double."""

_PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651"
)


def exact(function: str, *operands: float) -> Fraction:
    """The function of finite operands inside its domain, right to some 60 digits beyond any format."""
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 120, -999999, 999999
        return Fraction(_DECIMAL[function](*map(Decimal, operands)))


def _sine(x: Decimal) -> Decimal:
    x = x % (2 * _PI)
    term = total = x
    n = 1
    while abs(term) > Decimal(10) ** -110:
        n += 2
        term = -term * x * x / (n * (n - 1))
        total += term
    return total


_DECIMAL: dict[str, Callable[..., Decimal]] = {
    "ex2": lambda x: (x * Decimal(2).ln()).exp(),
    "lg2": lambda x: x.ln() / Decimal(2).ln(),
    "sin": _sine,
    "cos": lambda x: _sine(x + _PI / 2),
    "tanh": lambda x: 1 - 2 / ((2 * x).exp() + 1),
    "sqrt": lambda x: x.sqrt(),
    "rcp": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / x.sqrt(),
    "div": lambda a, b: a / b,
}


def allowed(approximation: Approximation, operand: Array, value: Array) -> Array:
    """The largest error of results whose exact values are `value`, all long double; infinity where none is promised.

    Ulps count from the correctly rounded result, half a unit away. Where the format's last place is larger than the
    relative or absolute error, at subnormal results, rounding itself is allowed.
    """
    form = approximation.format
    largest = np.full(value.shape, np.inf, np.longdouble)
    for bound in reversed(approximation.bounds):
        error = (bound.ulps + 0.5) * _units(form, value) if bound.ulps else np.zeros_like(value)
        scale = np.abs(value)
        if approximation.function == "lg2":
            scale = np.where((operand > 0.5) & (operand < 2), 1, scale)
        rounding = 0 if bound.ulps else np.ldexp(np.longdouble(0.5), form.smallest)
        error = error + bound.relative * scale + bound.absolute + rounding
        largest = np.where(np.abs(operand) <= bound.within, error, largest)
    return largest


def _units(form: Format, value: Array) -> Array:
    _, exponent = np.frexp(value)
    return np.ldexp(np.longdouble(1), np.maximum(exponent - form.precision, form.smallest))


def floats(approximation: Approximation, patterns: Array) -> Array:
    """Patterns (uint64) as long double; of packed operands both halves, along a new last axis."""
    form = approximation.format
    if approximation.type in PACKED:
        patterns = np.stack([patterns & np.uint64(0xFFFF), patterns >> np.uint64(16)], -1)
    if form.name == "bfloat16":
        return (patterns.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.longdouble)
    return patterns.astype(form.unsigned).view(form.dtype).astype(np.longdouble)


def violations(approximation: Approximation, operands: Array, results: Array) -> Array:
    """Where results (uint64 patterns, one a row) are farther from those of operands (a column each) than allowed."""
    form = approximation.format
    columns = [operands[:, i] for i in range(operands.shape[1])]
    if approximation.type == "f64" and approximation.flushes:
        columns = [column & np.uint64(0xFFFFFFFF00000000) for column in columns]
    with np.errstate(all="ignore"):
        numbers = [floats(approximation, column) for column in columns]
        normal = np.longdouble(float(power(form.smallest + form.precision - 1)))
        if approximation.flushes:
            numbers = [np.where(np.abs(x) < normal, np.copysign(0, x), x) for x in numbers]
        value = WIDE[approximation.function](*numbers)
        got = floats(approximation, results)
        error = allowed(approximation, numbers[0], value)
        if approximation.opcode.startswith("div.approx"):
            value, error = _divided(numbers, value, error, normal)
        return ~_close(got, value, error, form, normal if approximation.flushes else None)


def _divided(numbers: list[Array], value: Array, error: Array, normal: Any) -> tuple[Array, Array]:
    """`div.approx.f32` multiplies by a reciprocal: from 2**126 on that is lost, below 2**-126 nothing is promised."""
    a, b = numbers
    lost = (np.abs(b) > 2.0**126) & np.isfinite(b)
    value = np.where(lost, np.where(np.isfinite(a), np.copysign(0, value), np.nan), value)
    return value, np.where((np.abs(b) < normal) & (b != 0), np.inf, error)


def _close(got: Array, value: Array, error: Array, form: Format, normal: Any) -> Array:
    """Whether results are numbers, infinities and zeros where they must, and else near enough.

    Infinity stands for the power of two that is too large for the format. With flushing, whose bound is `normal`, no
    result is subnormal, and one whose exact value may have been taken for subnormal may be zero.
    """
    limit = np.ldexp(np.longdouble(1), form.largest + 1)
    near = np.abs(np.clip(got, -limit, limit) - np.clip(value, -limit, limit)) <= error
    same_sign = np.signbit(got) == np.signbit(value)
    if normal is not None:
        zero = (got == 0) & same_sign & (np.abs(value) - error < normal)
        near = near & ((got == 0) & (value == 0) | (np.abs(got) >= normal)) | zero
    near = np.where(value == 0, (got == 0) & same_sign, near)
    near = np.where(np.isinf(value), got == value, near)
    return np.where(np.isnan(value), np.isnan(got), near | np.isinf(error))
