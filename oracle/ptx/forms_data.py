"""Moves, conversions, comparisons and selections."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import arithmetic, conversions
from .comparisons import COMPARE
from .decode import Form, Modifiers
from .program import Emitter, Program, view_as
from .types import INTEGRAL_ROUNDINGS, TYPES, Array, Type

_BY_BITS = {8: TYPES["u8"], 16: TYPES["u16"], 32: TYPES["u32"], 64: TYPES["u64"]}


def _mov(m: Modifiers) -> Emitter:
    type_ = m.type()

    def emit(program: Program, operands: list[str]) -> None:
        target, source = operands
        if target[0] == "{":
            _unpack(program, target[1:-1].split(","), source, type_)
        elif source[0] == "{":
            _pack(program, target, source[1:-1].split(","), type_)
        else:
            read = program.operands[type_.name]
            program.move(read[target], read[source])

    return emit


def _unpack(program: Program, targets: list[str], source: str, type_: Type) -> None:
    """Element i of the vector gets the i-th lowest part of the source."""
    part = _BY_BITS[type_.bits // len(targets)]
    parts = program.full(program.operands[_BY_BITS[type_.bits].name][source]).view(part.dtype)
    for i, target in enumerate(targets):
        if target != "_":
            program.move(program.operands[part.name][target], parts[i :: len(targets)])


def _pack(program: Program, target: str, sources: list[str], type_: Type) -> None:
    part = _BY_BITS[type_.bits // len(sources)]
    parts = program.operands[_BY_BITS[type_.bits].name][target].view(part.dtype)
    for i, source in enumerate(sources):
        program.move(parts[i :: len(sources)], program.operands[part.name][source])


def _cvt(m: Modifiers) -> Emitter:
    if m.flag("pack"):
        raise m.unsupported()
    target, source = m.type(), m.type()
    saturate, flush = m.flag("sat"), m.flag("ftz")
    integral = m.one_of(*INTEGRAL_ROUNDINGS)
    mode = m.rounding()
    if source.name.endswith("x2") or target.name.endswith("x2"):
        if target.name.endswith("x2") and source.name == "f32":
            return _cvt_pair(target, mode, m.flag("relu"), m)
        raise m.unsupported()
    if source.kind != "f" and target.kind != "f":
        return _cvt_integers(target, source, saturate)
    function = _conversion(target, source, integral, mode, m)
    if flush and source.name == "f32":
        function = partial(_after, function, arithmetic.flush)
    if flush and target.name == "f32":
        function = partial(_after, arithmetic.flush, function)
    if saturate and target.kind == "f":
        function = partial(_after, _saturation(target), function)
    return _convert(function, target, source)


def _after(second: Callable[[Array], Array], first: Callable[[Array], Array], a: Array) -> Array:
    return second(first(a))


def _saturation(target: Type) -> Callable[[Array], Array]:
    if target.name != "bf16":
        return arithmetic.saturate
    return lambda a: conversions.f32_to_bf16(arithmetic.saturate(conversions.bf16_to_f32(a)))


def _conversion(target: Type, source: Type, integral: str, mode: str, m: Modifiers) -> Callable[[Array], Array]:
    if source.name == "bf16":
        wide = _conversion(target, TYPES["f32"], integral, mode, m) if target.name != "f32" else _identity
        return partial(_after, wide, conversions.bf16_to_f32)
    if target.name == "bf16":
        if source.kind != "f":
            raise m.unsupported()
        narrow = conversions.f64_to_bf16 if source.name == "f64" else conversions.f32_to_bf16
        widen = (lambda a: a.astype(np.float32)) if source.name == "f16" else _identity
        relu = m.flag("relu")
        function = partial(_after, partial(narrow, mode=mode), widen)
        return partial(_after, function, _relu) if relu else function
    if source.kind == "f" and target.kind == "f":
        if integral and source.bits == target.bits:
            return partial(conversions.float_to_integral, mode=integral)
        return partial(conversions.float_to_float, dtype=target.dtype, mode=mode)
    if source.kind == "f":
        return partial(conversions.float_to_int, dtype=target.dtype, mode=integral or "rzi")
    return partial(conversions.int_to_float, dtype=target.dtype, mode=mode)


def _identity(a: Array) -> Array:
    return a


def _relu(a: Array) -> Array:
    return np.where(np.isnan(a) | (a > 0), a, a.dtype.type(0))


def _cvt_pair(target: Type, mode: str, relu: bool, m: Modifiers) -> Emitter:
    """`cvt.rn.f16x2.f32 d, a, b`: a into the upper half, b into the lower."""
    to_half = _conversion(TYPES[target.name[:-2]], TYPES["f32"], "", mode, m)

    def join(a: Array, b: Array) -> Array:
        if relu:
            a, b = _relu(a), _relu(b)
        high, low = to_half(a).view(np.uint16), to_half(b).view(np.uint16)
        return high.astype(np.uint32) << np.uint32(16) | low

    def emit(program: Program, operands: list[str]) -> None:
        d, a, b = operands
        read = program.operands["f32"]
        program.compute(program.operands["u32"][d], join, read[a], read[b])

    return emit


def _cvt_integers(target: Type, source: Type, saturate: bool) -> Emitter:
    if saturate:
        return _convert(partial(conversions.int_to_int_sat, dtype=target.dtype), target, source)
    return _convert(None, target, source)


def _convert(function: Callable[[Array], Array] | None, target: Type, source: Type) -> Emitter:
    """Results narrower than their register are sign- or zero-extended into it."""

    def emit(program: Program, operands: list[str]) -> None:
        target_name, source_name = operands
        value = program.operands[source.name][source_name]
        register = program.row(target_name)
        if register is None:
            raise ValueError(f"{target_name} is no register")
        if register.dtype.itemsize == target.size:
            _put(program, view_as(register, target), function, value)
            return
        kind = "s" if target.signed else "u"
        narrow = target if target.kind != "f" else _BY_BITS[target.bits]
        temporary = program.temporary(narrow.dtype)
        program.scratch(_copy_unsafe, temporary, function or _identity, program.full(value), narrow.dtype)
        program.move(view_as(register, TYPES[f"{kind}{8 * register.dtype.itemsize}"]), temporary)

    return emit


def _put(program: Program, target: Array, function: Callable[[Array], Array] | None, value: Array) -> None:
    if function is None:
        program.move(target, value)
    else:
        program.compute(target, function, value)


def _copy_unsafe(target: Array, function: Callable[[Array], Array], value: Array, dtype: Any) -> None:
    result = function(value)
    if result.dtype != dtype and result.dtype.itemsize == dtype.itemsize:
        result = result.view(dtype)
    np.copyto(target, result, casting="unsafe")


def _cvta(m: Modifiers) -> Emitter:
    """Nothing to convert: see `memory`."""
    m.flag("to")
    m.one_of("global", "shared", "local", "const", "param", "shared::cta")
    return _plain_move(m.type())


def _plain_move(type_: Type) -> Emitter:
    def emit(program: Program, operands: list[str]) -> None:
        target, source = operands
        read = program.operands[type_.name]
        program.move(read[target], read[source])

    return emit


def _comparison(m: Modifiers, type_: Type) -> Callable[[Array, Array], Array]:
    found = COMPARE[m.one_of(*COMPARE)]
    if type_.name.endswith("x2"):
        raise m.unsupported()
    if type_.name == "bf16":
        plain = found
        found = lambda a, b: plain(conversions.bf16_to_f32(a), conversions.bf16_to_f32(b))  # noqa: E731
    if m.flag("ftz"):
        kept = found
        found = lambda a, b: kept(arithmetic.flush(a), arithmetic.flush(b))  # noqa: E731
    return found


_BOOLEAN: dict[str, Callable[[Array, Array], Array]] = {
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}


def _setp(m: Modifiers) -> Emitter:
    type_ = m.type()
    combine = _BOOLEAN.get(m.one_of(*_BOOLEAN))
    compare = _comparison(m, type_)

    def emit(program: Program, operands: list[str]) -> None:
        targets, a, b, *third = operands
        read, predicates = program.operands[type_.name], program.operands["pred"]
        x, y = read[a], read[b]
        if combine is None and "|" not in targets:
            if isinstance(compare, np.ufunc):
                program.write(compare, x, y, predicates[targets])
            else:
                program.compute(predicates[targets], compare, x, y)
            return
        outs = tuple(predicates[t] for t in targets.split("|"))
        mixed = partial(_combined, compare, combine, len(outs))
        if third:
            program.compute(outs, mixed, x, y, negatable(program, third[0]))
        else:
            program.compute(outs, mixed, x, y)

    return emit


def negatable(program: Program, text: str) -> Array:
    """A predicate operand, `!p` negated into a temporary."""
    if text[0] != "!":
        return program.operands["pred"][text]
    temporary = program.temporary(np.bool_, 1)
    program.scratch(np.logical_not, program.operands["pred"][text[1:]], temporary)
    return temporary


def _combined(compare: Any, combine: Any, count: int, a: Array, b: Array, c: Array | None = None) -> Any:
    holds = compare(a, b)
    results = (holds, ~holds) if count == 2 else (holds,)
    if combine is not None:
        results = tuple(combine(r, c) for r in results)
    return results if count == 2 else results[0]


def _set(m: Modifiers) -> Emitter:
    target = m.type()
    type_ = m.type()
    combine = _BOOLEAN.get(m.one_of(*_BOOLEAN))
    compare = _comparison(m, type_)
    true = np.float32(1) if target.name == "f32" else target.dtype.type(-1 if target.signed else 2**target.bits - 1)

    def emit(program: Program, operands: list[str]) -> None:
        d, a, b, *third = operands
        read = program.operands[type_.name]
        sources = [read[a], read[b]] + [negatable(program, t) for t in third]

        def choose(*values: Array) -> Array:
            return np.where(_combined(compare, combine, 1, *values), true, target.dtype.type(0))

        program.compute(program.operands[target.name][d], choose, *sources)

    return emit


def _selp(m: Modifiers) -> Emitter:
    type_ = m.type()

    def emit(program: Program, operands: list[str]) -> None:
        d, a, b, p = operands
        read = program.operands[type_.name]
        predicate = program.operands["pred"][p]
        program.compute(read[d], _select, predicate, read[a], read[b])

    return emit


def _select(predicate: Array, a: Array, b: Array) -> Array:
    return np.where(predicate, a, b)


def _slct(m: Modifiers) -> Emitter:
    flush = m.flag("ftz")
    type_, by = m.type(), m.type()

    def emit(program: Program, operands: list[str]) -> None:
        d, a, b, c = operands
        read = program.operands[type_.name]
        program.compute(read[d], choose, read[a], read[b], program.operands[by.name][c])

    def choose(a: Array, b: Array, c: Array) -> Array:
        return np.where((arithmetic.flush(c) if flush else c) >= 0, a, b)

    return emit


FORMS: dict[str, Form] = {
    "mov": _mov,
    "cvt": _cvt,
    "cvta": _cvta,
    "setp": _setp,
    "set": _set,
    "selp": _selp,
    "slct": _slct,
}
"""Base opcode to the function that decodes its modifiers."""
