"""Floating-point arithmetic forms and what they compute, from PTX ISA sections 9.7.3 and 9.7.4."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product as combinations
from typing import Any

from exact_forms import ANY_ZERO, FLOATS, PACKED, Form
from exact_rounding import MODES, Format, fused, power, product, quotient, root

Exact = Callable[..., Any]

_ROUND = {"": "rn", ".rn": "rn", ".rz": "rz", ".rm": "rm", ".rp": "rp"}
_FTZ, _SAT, _NAN = ("", ".ftz"), ("", ".sat"), ("", ".NaN")


def forms() -> Iterator[Form]:
    """Every form."""
    yield from _sums()
    yield from _fused()
    yield from _ieee()
    yield from _signs()
    yield from _extrema()
    yield from _tests()
    yield from _newer()


# Modifiers.


def subnormal(number: float, form: Format) -> bool:
    """Whether it lies between zero and the smallest normal number."""
    return 0 < abs(number) < power(form.smallest + form.precision - 1)


def flushed(number: Any, form: Format) -> Any:
    """`.ftz` on an operand or result: a subnormal becomes the zero of its sign."""
    if number is ANY_ZERO or not subnormal(number, form):
        return number
    return math.copysign(0.0, number)


def saturated(number: float) -> float:
    """`.sat`: clamped to [0, 1]; NaN becomes +0, and so does -0, as NVIDIA's assembler folds it."""
    return min(number, 1.0) if number > 0 else 0.0


def rounding_format(type_: str, ftz: str = "") -> Format:
    """The format to round to; with `.ftz`, one that has no subnormal numbers where the type has."""
    form = FLOATS[type_]
    return replace(form, smallest=form.smallest - 200) if ftz else form


def relu(number: float) -> Any:
    """`.relu`: 0 if negative."""
    return 0.0 if number < 0 else ANY_ZERO if number == 0 else number


def modified(exact: Exact, type_: str, ftz: str = "", sat: str = "") -> Exact:
    """`exact` with flushed operands and result, and the result clamped."""
    form = FLOATS[type_]

    def with_modifiers(*operands: float) -> Any:
        if ftz:
            operands = tuple(flushed(x, form) for x in operands)
        result = exact(*operands)
        if ftz:
            result = flushed(result, form)
        return saturated(result) if sat == ".sat" else relu(result) if sat == ".relu" else result

    return with_modifiers


def packed(exact: Exact) -> Exact:
    """A function of numbers as one of pairs of numbers."""
    return lambda *pairs: tuple(exact(*numbers) for numbers in zip(*pairs, strict=True))


def arithmetic(opcode: str, type_: str, count: int, exact: Exact, **options: Any) -> Form:
    """A form with operands and result of one type; `exact` is on numbers, also for a packed type."""
    return Form(opcode, (type_,), (type_,) * count, packed(exact) if type_ in PACKED else exact, **options)


def _minimum(type_: str, others: int = 75) -> int:
    return 90 if type_.startswith("bf16") else others


# Families.


def _sums() -> Iterator[Form]:
    """`add`, `sub` and `mul`."""
    exact: dict[str, Callable[..., float]] = {
        "add": lambda a, b, form, mode: fused(a, 1.0, b, form, mode),
        "sub": lambda a, b, form, mode: fused(a, 1.0, -b, form, mode),
        "mul": product,
    }
    for name, function in exact.items():
        for type_ in ("f32", "f64", "f16", "f16x2", "bf16", "bf16x2"):
            scalar = PACKED.get(type_, type_)
            roundings = _ROUND if type_ in ("f32", "f64") else ("", ".rn")
            ftzs = _FTZ if scalar in ("f32", "f16") else ("",)
            sats = _SAT if scalar in ("f32", "f16") else ("",)
            for rounding, ftz, sat in combinations(roundings, ftzs, sats):
                plain = partial(function, form=rounding_format(scalar, ftz), mode=_ROUND[rounding])
                opcode = f"{name}{rounding}{ftz}{sat}.{type_}"
                yield arithmetic(opcode, type_, 2, modified(plain, scalar, ftz, sat), minimum=_minimum(type_))


def _fused() -> Iterator[Form]:
    """`fma`, and `mad` of floats, which is the same."""
    for mode, ftz, sat in combinations(MODES, _FTZ, _SAT):
        exact = modified(partial(fused, form=rounding_format("f32", ftz), mode=mode), "f32", ftz, sat)
        for name in ("fma", "mad"):
            yield arithmetic(f"{name}.{mode}{ftz}{sat}.f32", "f32", 3, exact)
    for mode in MODES:
        exact = partial(fused, form=FLOATS["f64"], mode=mode)
        for name in ("fma", "mad"):
            yield arithmetic(f"{name}.{mode}.f64", "f64", 3, exact)
    for type_ in ("f16", "f16x2", "bf16", "bf16x2"):
        scalar = PACKED.get(type_, type_)
        choices = combinations(_FTZ, ("", ".sat", ".relu")) if scalar == "f16" else [("", ""), ("", ".relu")]
        for ftz, sat in choices:
            exact = modified(partial(fused, form=rounding_format(scalar, ftz), mode="rn"), scalar, ftz, sat)
            clamped = sat == ".relu"
            yield arithmetic(
                f"fma.rn{ftz}{sat}.{type_}",
                type_,
                3,
                exact,
                canonical=clamped,
                minimum=80 if clamped or scalar == "bf16" else 75,
            )


def _ieee() -> Iterator[Form]:
    """`div`, `rcp` and `sqrt` with a rounding mode."""
    for type_, mode in combinations(("f32", "f64"), MODES):
        for ftz in _FTZ if type_ == "f32" else ("",):
            form, name = rounding_format(type_, ftz), f"{mode}{ftz}.{type_}"
            divide = partial(quotient, form=form, mode=mode)
            yield arithmetic(f"div.{name}", type_, 2, modified(divide, type_, ftz))
            yield arithmetic(f"rcp.{name}", type_, 1, modified(partial(divide, 1.0), type_, ftz))
            yield arithmetic(f"sqrt.{name}", type_, 1, modified(partial(root, form=form, mode=mode), type_, ftz))


def _signs() -> Iterator[Form]:
    """`abs`, `neg` and `copysign`."""
    for name, exact in (("abs", math.fabs), ("neg", lambda a: -a)):
        for type_ in ("f32", "f64", "f16", "f16x2", "bf16", "bf16x2"):
            scalar = PACKED.get(type_, type_)
            for ftz in _FTZ if scalar in ("f32", "f16") else ("",):
                opcode = f"{name}{ftz}.{type_}"
                minimum = 80 if scalar == "bf16" else 75
                yield arithmetic(opcode, type_, 1, modified(exact, scalar, ftz), minimum=minimum)
    for type_ in ("f32", "f64"):
        yield arithmetic(f"copysign.{type_}", type_, 2, lambda a, b: math.copysign(b, a))


def _extrema() -> Iterator[Form]:
    """`min` and `max` of two operands, and of three."""
    for name, type_ in combinations(("min", "max"), ("f32", "f16", "f16x2", "bf16", "bf16x2")):
        scalar = PACKED.get(type_, type_)
        ftzs = _FTZ if scalar != "bf16" else ("",)
        for ftz, nan, signs in combinations(ftzs, _NAN, ("", ".xorsign.abs")):
            exact = modified(partial(extremum, name, nan, signs), scalar, ftz)
            minimum = 86 if signs else 80 if nan or type_ != "f32" else 75
            opcode = f"{name}{ftz}{nan}{signs}.{type_}"
            yield arithmetic(opcode, type_, 2, exact, canonical=bool(nan), minimum=minimum)
    for name in ("min", "max"):
        yield arithmetic(f"{name}.f64", "f64", 2, partial(extremum, name, "", ""))
        for ftz, nan, signs in combinations(_FTZ, _NAN, ("", ".abs")):
            exact = modified(partial(extremum, name, nan, signs), "f32", ftz)
            opcode = f"{name}{ftz}{nan}{signs}.f32"
            text = opcode + " {d}, {a}, {b}, {c};"
            yield arithmetic(opcode, "f32", 3, exact, text=text, canonical=bool(nan), minimum=100)


def extremum(name: str, nan: str, signs: str, *operands: float) -> float:
    """The manual's `min` and `max`: +0 is above -0; a NaN operand loses, or with `.NaN` makes the result NaN."""
    numbers = [x for x in operands if not math.isnan(x)]
    if not numbers or (nan and len(numbers) < len(operands)):
        return math.nan
    if signs:
        numbers = [abs(x) for x in numbers]
    chosen = (min if name == "min" else max)(numbers, key=lambda x: (x, math.copysign(1, x)))
    if "xorsign" in signs:
        return math.copysign(chosen, math.prod(math.copysign(1, x) for x in operands))
    return chosen


def _tests() -> Iterator[Form]:
    """`testp`."""
    for type_ in ("f32", "f64"):
        form = FLOATS[type_]
        holds: dict[str, Callable[..., bool]] = {
            "finite": math.isfinite,
            "infinite": math.isinf,
            "number": lambda a: not math.isnan(a),
            "notanumber": math.isnan,
            "normal": lambda a, form=form: math.isfinite(a) and not subnormal(a, form),
            "subnormal": lambda a, form=form: subnormal(a, form),
        }
        for name, exact in holds.items():
            yield Form(f"testp.{name}.{type_}", ("pred",), (type_,), exact)


def _newer() -> Iterator[Form]:
    """Pairs of f32, and sums in f32 of which some operands are narrower: from compute capability 10.0 on."""
    single = FLOATS["f32"]
    exact: dict[str, tuple[int, Callable[..., float]]] = {
        "add": (1, lambda a, b, form, mode: fused(a, 1.0, b, form, mode)),
        "sub": (1, lambda a, b, form, mode: fused(a, 1.0, -b, form, mode)),
        "fma": (2, fused),
    }
    for name, (count, function) in exact.items():
        roundings = _ROUND if name != "fma" else [f".{mode}" for mode in MODES]
        for narrow, rounding, sat in combinations(("f16", "bf16"), roundings, _SAT):
            plain = partial(function, form=single, mode=_ROUND[rounding])
            opcode = f"{name}{rounding}{sat}.f32.{narrow}"
            sources = (narrow,) * count + ("f32",)
            yield Form(opcode, ("f32",), sources, modified(plain, "f32", "", sat), minimum=100)
    pairs = (("add", 2, exact["add"][1]), ("sub", 2, exact["sub"][1]), ("mul", 2, product), ("fma", 3, fused))
    for name, count, function in pairs:
        for rounding, ftz in combinations(_ROUND if name != "fma" else [f".{mode}" for mode in MODES], _FTZ):
            plain = partial(function, form=rounding_format("f32", ftz), mode=_ROUND[rounding])
            opcode = f"{name}{rounding}{ftz}.f32x2"
            yield arithmetic(opcode, "f32x2", count, modified(plain, "f32", ftz), minimum=100)
