"""Integer arithmetic instructions; `add`, `min` and their like go on to the float forms by type."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import forms_float, integers
from .decode import Form, Modifiers
from .program import Emitter, Program
from .types import TYPES, Array, Type

_U32 = TYPES["u32"]
_HALVES = {"u16x2": np.dtype(np.uint16), "s16x2": np.dtype(np.int16)}
_WIDE = {f"{kind}{bits}": TYPES[f"{kind}{2 * bits}"] for kind in "us" for bits in (8, 16, 32)}


def ufunc(function: np.ufunc, type_: Type) -> Emitter:
    """Emits `target = function(sources...)` for a NumPy ufunc on one type."""

    def emit(program: Program, operands: list[str]) -> None:
        read = program.operands[type_.name]
        target, *sources = operands
        if len(sources) != function.nin:
            raise ValueError(f"{function.nin} sources needed")
        program.write(function, *[read[s] for s in sources], read[target])

    return emit


def compute(function: Callable[..., Any], target_type: Type, *source_types: Type) -> Emitter:
    """Emits `target = function(sources...)` for any function, each operand with its own type."""

    def emit(program: Program, operands: list[str]) -> None:
        target, *sources = operands
        arrays = [program.operands[t.name][s] for t, s in zip(source_types, sources, strict=True)]
        program.compute(program.operands[target_type.name][target], function, *arrays)

    return emit


def uniform(function: Callable[..., Any], type_: Type, count: int) -> Emitter:
    """`compute` with all operands of one type."""
    return compute(function, type_, *[type_] * count)


def carrying(function: Callable[..., Any], type_: Type, count: int, carry_in: bool, carry_out: bool) -> Emitter:
    """Emits an extended-precision instruction: the last source is CC.CF if `carry_in`."""

    def emit(program: Program, operands: list[str]) -> None:
        read = program.operands[type_.name]
        target, *sources = operands
        if len(sources) != count:
            raise ValueError(f"{count} sources needed")
        carry = program.machine.carry
        arrays = [read[s] for s in sources] + ([carry] if carry_in else [])
        result = read[target]
        program.compute((result, carry if carry_out else np.empty_like(carry)), function, *arrays)

    return emit


def _add(m: Modifiers) -> Emitter:
    return _sum(m, np.add, integers.add_carry, integers.add_sat)


def _sub(m: Modifiers) -> Emitter:
    return _sum(m, np.subtract, integers.sub_borrow, integers.sub_sat)


def _sum(m: Modifiers, plain: Any, with_carry: Any, saturating: Any) -> Emitter:
    type_ = m.type()
    if type_.kind == "f":
        return forms_float.binary(m, type_)
    if type_.name in _HALVES:
        return uniform(_by_halves(plain, type_), type_, 2)
    if m.flag("cc"):
        return carrying(with_carry, type_, 2, carry_in=False, carry_out=True)
    if m.flag("sat"):
        return uniform(saturating, type_, 2)
    return ufunc(plain, type_)


def _extended_sum(m: Modifiers) -> Emitter:
    """`addc` and `subc`, with or without `.cc`."""
    type_ = m.type()
    function = integers.add_carry if m.base == "addc" else integers.sub_borrow
    return carrying(function, type_, 2, carry_in=True, carry_out=m.flag("cc"))


def _mul(m: Modifiers) -> Emitter:
    type_ = m.type()
    if type_.kind == "f":
        return forms_float.binary(m, type_)
    part = m.one_of("lo", "hi", "wide")
    if part == "wide":
        return compute(integers.mul_wide, _WIDE[type_.name], type_, type_)
    if part == "hi":
        return uniform(integers.mul_hi, type_, 2)
    if part == "lo":
        return ufunc(np.multiply, type_)
    raise m.unsupported()


def _mad(m: Modifiers) -> Emitter:
    type_ = m.type()
    if type_.kind == "f":
        return forms_float.fused(m, type_)
    part = m.one_of("lo", "hi", "wide")
    if m.base == "madc" or m.flag("cc"):
        function = {"lo": integers.mad_lo_carry, "hi": integers.mad_hi_carry}[part]
        carry_in = m.base == "madc"
        return carrying(function, type_, 3, carry_in, carry_out=not carry_in or m.flag("cc"))
    if part == "wide":
        wide = _WIDE[type_.name]
        return compute(integers.mad_wide, wide, type_, type_, wide)
    if part == "hi":
        return uniform(integers.mad_hi_sat if m.flag("sat") else integers.mad_hi, type_, 3)
    return uniform(integers.mad_lo, type_, 3)


def _mul24(m: Modifiers) -> Emitter:
    type_ = m.type()
    high = m.one_of("lo", "hi") == "hi"
    multiply = integers.mul24_hi if high else integers.mul24_lo
    if m.base == "mul24":
        return uniform(multiply, type_, 2)
    if m.flag("sat"):
        return uniform(lambda a, b, c: integers.add_sat(multiply(a, b), c), type_, 3)
    return uniform(lambda a, b, c: multiply(a, b) + c, type_, 3)


def _either(
    plain: Callable[..., Any], floating: Callable[[Modifiers, Type], Emitter], count: int
) -> Callable[[Modifiers], Emitter]:
    """A form whose integer and float versions share a name."""

    def form(m: Modifiers) -> Emitter:
        type_ = m.type()
        if type_.kind == "f":
            return floating(m, type_)
        return ufunc(plain, type_) if isinstance(plain, np.ufunc) else uniform(plain, type_, count)

    return form


def _extremum(plain: np.ufunc) -> Callable[[Modifiers], Emitter]:
    """`min` and `max`; with `.relu` nothing below 0."""

    def form(m: Modifiers) -> Emitter:
        type_ = m.type()
        if type_.kind == "f":
            return forms_float.binary(m, type_)
        function: Callable[..., Any] = plain
        if m.flag("relu"):
            function = partial(_not_negative, plain)
        elif type_.name not in _HALVES:
            return ufunc(plain, type_)
        return uniform(_by_halves(function, type_) if type_.name in _HALVES else function, type_, 2)

    return form


def _not_negative(function: Callable[..., Any], a: Array, b: Array) -> Array:
    result: Array = np.maximum(function(a, b), a.dtype.type(0))
    return result


def _by_halves(function: Callable[..., Any], type_: Type) -> Callable[..., Any]:
    half = _HALVES[type_.name]
    return lambda a, b: function(a.view(half), b.view(half)).view(a.dtype)


def _dot(m: Modifiers) -> Emitter:
    first, second = m.type(), m.type()
    result = TYPES["s32"] if "s32" in (first.name, second.name) else _U32
    if m.base == "dp4a":
        return compute(integers.dp4a, result, first, second, result)
    function = partial(integers.dp2a, high=m.one_of("lo", "hi") == "hi")
    return compute(function, result, first, second, result)


FORMS: dict[str, Form] = {
    "add": _add,
    "sub": _sub,
    "addc": _extended_sum,
    "subc": _extended_sum,
    "mul": _mul,
    "mad": _mad,
    "madc": _mad,
    "mul24": _mul24,
    "mad24": _mul24,
    "div": _either(integers.div, forms_float.binary, 2),
    "rem": lambda m: uniform(integers.rem, m.type(), 2),
    "sad": lambda m: uniform(integers.sad, m.type(), 3),
    "abs": _either(np.absolute, forms_float.unary, 1),
    "neg": _either(np.negative, forms_float.unary, 1),
    "min": _extremum(np.minimum),
    "max": _extremum(np.maximum),
    "dp4a": _dot,
    "dp2a": _dot,
}
"""Base opcode to the function that decodes its modifiers."""
