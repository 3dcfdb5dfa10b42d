"""Floating-point arithmetic and approximations in all formats, with `.ftz`, `.sat` and rounding modes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import approximations, arithmetic, conversions
from .decode import Form, Modifiers
from .program import Emitter, Program
from .rounding import to_odd, two_sum
from .types import Array, Type

Function = Callable[..., Array]

_UFUNCS: dict[str, Any] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "sqrt": np.sqrt,
    "abs": np.absolute,
    "neg": np.negative,
}
"""Operations that NumPy's own ufunc performs exactly as `.rn` without further modifiers does."""


def binary(m: Modifiers, type_: Type) -> Emitter:
    """`add`, `sub`, `mul`, `div`, `min` and `max`."""
    if m.base in ("min", "max"):
        return _extremum(m, type_)
    if m.base == "div":
        if m.flag("approx"):
            return _emit(partial(approximations.div, ftz=m.flag("ftz")), type_, 2)
        if m.flag("full"):
            return _emit(partial(approximations.div_full, ftz=m.flag("ftz")), type_, 2)
    if m.base in ("add", "sub") and _is_mixed(m, type_):
        return _mixed(m, getattr(arithmetic, m.base), 1)
    return _rounded(m, type_, getattr(arithmetic, m.base), 2)


def _is_mixed(m: Modifiers, type_: Type) -> bool:
    """Whether a second type follows: `add.f32.f16`, whose last source alone is a float32."""
    return type_.name == "f32" and any(name in ("f16", "bf16") for name in m.left)


def _mixed(m: Modifiers, function: Function, count: int) -> Emitter:
    """Arithmetic in float32 whose first `count` sources are of a narrower format."""
    narrow = m.type()
    widen = conversions.bf16_to_f32 if narrow.name == "bf16" else (lambda a: a.astype(np.float32))
    moded = partial(_with_mode, function, m.rounding())
    if m.flag("sat"):
        moded = partial(_saturating, moded)

    def widened(*operands: Array) -> Array:
        return moded(*map(widen, operands[:count]), *operands[count:])

    def emit(program: Program, operands: list[str]) -> None:
        target, *sources = operands
        types = [narrow.name] * count + ["f32"] * (len(sources) - count)
        arrays = [program.operands[name][source] for name, source in zip(types, sources, strict=True)]
        program.compute(program.operands["f32"][target], widened, *arrays)

    return emit


def unary(m: Modifiers, type_: Type) -> Emitter:
    """`abs` and `neg`: on the sign bit alone, so that every format is a plain one."""
    if type_.name in ("bf16", "bf16x2"):
        m.drop("ftz")
        sign = np.uint32(0x80008000) if type_.bits == 32 else np.uint16(0x8000)
        function: Function = np.bitwise_xor if m.base == "neg" else (lambda a, s: a & ~s)
        return _emit_plain(lambda a: function(a, sign), type_, 1)
    function = arithmetic.absolute if m.base == "abs" else arithmetic.negate
    return _rounded(m, type_, lambda a, mode: function(a), 1)


def fused(m: Modifiers, type_: Type) -> Emitter:
    """`fma`, and `mad` of floats, which is the same."""
    if _is_mixed(m, type_):
        return _mixed(m, arithmetic.fma, 2)
    relu = m.flag("relu")
    function: Function = _fma_bf16_in_f64 if type_.name in ("bf16", "bf16x2") else arithmetic.fma
    if relu:
        return _rounded(m, type_, lambda a, b, c, mode: arithmetic.relu(function(a, b, c, mode)), 3)
    return _rounded(m, type_, function, 3)


def _fma_bf16_in_f64(a: Array, b: Array, c: Array, mode: str) -> Array:
    # a * b is exact; rounding the sum to odd keeps what the final rounding to bfloat16 needs.
    return to_odd(*two_sum(a * b, c))


def _rounded(m: Modifiers, type_: Type, function: Function, count: int) -> Emitter:
    mode = m.rounding()
    flush, saturate = m.flag("ftz"), m.flag("sat")
    plain = mode == "rn" and not flush and not saturate and type_.dtype.kind == "f"
    if plain and m.base in _UFUNCS:
        return _emit_ufunc(_UFUNCS[m.base], type_)
    moded = partial(_with_mode, function, mode)
    if flush:
        moded = partial(_flushing, m.base, moded)
    if saturate:
        moded = partial(_saturating, moded)
    return _emit(moded, type_, count)


def _with_mode(function: Function, mode: str, *operands: Array) -> Array:
    return function(*operands, mode=mode)


def _flushing(operation: str, function: Function, *operands: Array) -> Array:
    return arithmetic.flush_result(operation, function, *map(arithmetic.flush, operands))


def _saturating(function: Function, *operands: Array) -> Array:
    return arithmetic.saturate(function(*operands))


def _extremum(m: Modifiers, type_: Type) -> Emitter:
    smaller = m.base == "min"
    if m.flag("NaN"):
        function: Function = arithmetic.minimum_nan if smaller else arithmetic.maximum_nan
    else:
        function = arithmetic.minimum if smaller else arithmetic.maximum
    if m.flag("xorsign"):
        m.flag("abs")
        function = partial(_xorsign, function)
    elif m.flag("abs"):
        function = partial(_of_magnitudes, function)
    if m.flag("ftz"):
        function = partial(_flushing, m.base, function)
    return _emit(function, type_, 2, count_may_grow=True)


def _xorsign(function: Function, a: Array, b: Array) -> Array:
    return arithmetic.xorsign(function(np.abs(a), np.abs(b)), a, b)


def _of_magnitudes(function: Function, *operands: Array) -> Array:
    return function(*map(np.abs, operands))


def _emit_ufunc(function: Any, type_: Type) -> Emitter:
    def emit(program: Program, operands: list[str]) -> None:
        read = program.operands[type_.name]
        target, *sources = operands
        if len(sources) != function.nin:
            raise ValueError(f"{function.nin} sources needed")
        program.write(function, *[read[s] for s in sources], read[target])

    return emit


def _emit(function: Function, type_: Type, count: int, count_may_grow: bool = False) -> Emitter:
    return _emit_plain(lifted(function, type_), type_, count, count_may_grow)


def _emit_plain(function: Function, type_: Type, count: int, count_may_grow: bool = False) -> Emitter:
    def emit(program: Program, operands: list[str]) -> None:
        read = program.operands[type_.name]
        target, *sources = operands
        whole = function
        if len(sources) == 3 and count == 2 and count_may_grow:
            whole = _three_way(function)
        elif len(sources) != count:
            raise ValueError(f"{count} sources needed")
        program.compute(read[target], whole, *[read[s] for s in sources])

    return emit


def _three_way(function: Function) -> Function:
    return lambda a, b, c: function(function(a, b), c)


def lifted(function: Function, type_: Type) -> Function:
    """A function on float arrays as one on the arrays that hold values of `type_`."""
    if type_.name == "f16x2":
        return lambda *operands: function(*[a.view(np.float16) for a in operands]).view(np.uint32)
    if type_.name == "f32x2":
        return lambda *operands: function(*[a.view(np.float32) for a in operands]).view(np.uint64)
    if type_.name == "bf16":
        return lambda *operands: _through_bf16(function, operands)
    if type_.name == "bf16x2":
        return lambda *operands: _through_bf16(function, [a.view(np.uint16) for a in operands]).view(np.uint32)
    return function


def _through_bf16(function: Function, operands: Any) -> Array:
    # float64 keeps sums, products and quotients of bfloat16 close enough to be rounded a second time.
    wide = [conversions.bf16_to_f32(a).astype(np.float64) for a in operands]
    return conversions.f64_to_bf16(function(*wide))


def _approximation(name: str) -> Form:
    def form(m: Modifiers) -> Emitter:
        type_ = m.type()
        m.flag("approx")
        flush = m.flag("ftz")
        if type_.bits == 64 and flush:
            return _emit(getattr(approximations, f"{name}_ftz_f64"), type_, 1)
        approximate = partial(getattr(approximations, name), ftz=flush)
        if type_.name in ("bf16", "bf16x2"):
            # float32 has the same subnormal range.
            return _emit(lambda a: approximate(a.astype(np.float32)), type_, 1)
        return _emit(approximate, type_, 1)

    return form


def _root_or_reciprocal(m: Modifiers) -> Emitter:
    """`sqrt` and `rcp`, which are exact with a rounding mode and approximate with `.approx`."""
    if "approx" in m.left:
        return _approximation(m.base)(m)
    return _rounded(m, m.type(), getattr(arithmetic, m.base), 1)


def _copysign(m: Modifiers) -> Emitter:
    return _emit(arithmetic.copysign, m.type(), 2)


def _testp(m: Modifiers) -> Emitter:
    test = arithmetic.TESTS[m.one_of(*arithmetic.TESTS)]
    type_ = m.type()

    def emit(program: Program, operands: list[str]) -> None:
        target, source = operands
        program.compute(program.operands["pred"][target], test, program.operands[type_.name][source])

    return emit


FORMS: dict[str, Form] = {
    "fma": lambda m: fused(m, m.type()),
    "sqrt": _root_or_reciprocal,
    "rcp": _root_or_reciprocal,
    "rsqrt": _approximation("rsqrt"),
    "sin": _approximation("sin"),
    "cos": _approximation("cos"),
    "ex2": _approximation("ex2"),
    "lg2": _approximation("lg2"),
    "tanh": _approximation("tanh"),
    "copysign": _copysign,
    "testp": _testp,
}
"""Base opcode to the function that decodes its modifiers; those shared with integers are in `forms_integer`."""
