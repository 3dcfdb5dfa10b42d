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
        elif source.startswith(_CLOCKS):
            _look_at_clock(program, program.operands[type_.name][target], source)
        else:
            read = program.operands[type_.name]
            program.move(read[target], read[source])

    return emit


_CLOCKS = ("%clock", "%globaltimer")
_TICKS = 1 << 14


def _look_at_clock(program: Program, target: Array, name: str) -> None:
    """A look at a clock moves it on, so that a thread which waits for a moment sees it come."""
    machine = program.machine
    now = program.row(name)
    if now is None:
        raise ValueError(f"{name} is no clock")

    def look() -> None:
        np.add(now, now.dtype.type(_TICKS), now)
        np.copyto(target, now, where=machine.mask, casting="unsafe")

    program.effect(look)


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
        if target.name in ("f16x2", "bf16x2") and source.name == "f32":
            return _cvt_pair(target, mode, m)
        raise m.unsupported()
    if source.kind != "f" and target.kind != "f":
        return _cvt_integers(target, source, saturate)
    function = _conversion(target, source, integral, mode, m)
    if flush and source.name == "f32":
        function = partial(_after, function, arithmetic.flush)
    if flush and target.name == "f32":
        function = partial(arithmetic.flush_result, m.base if source.kind == "f" else "", function)
    if saturate and target.kind == "f":
        function = partial(_after, _saturation(target), function)
    return _convert(function, target, source)


def _after(second: Callable[[Array], Array], first: Callable[[Array], Array], a: Array) -> Array:
    return second(first(a))


def _saturation(target: Type) -> Callable[[Array], Array]:
    if target.name != "bf16":
        return arithmetic.saturate
    return lambda a: conversions.f32_to_bf16(arithmetic.saturate(conversions.bf16_to_f32(a)))


_LARGEST: dict[str, Callable[[Array], Array]] = {
    "f16": lambda a: np.where(np.isinf(a), np.copysign(np.float16(65504), a), a),
    "bf16": lambda a: np.where(a & np.uint16(0x7FFF) == np.uint16(0x7F80), a - np.uint16(1), a),
}
"""`.satfinite`: infinities become the largest finite value of their sign."""


def _conversion(target: Type, source: Type, integral: str, mode: str, m: Modifiers) -> Callable[[Array], Array]:
    if target.name in _LARGEST and m.flag("satfinite"):
        return partial(_after, _LARGEST[target.name], _conversion(target, source, integral, mode, m))
    if source.name == "bf16":
        wide = _conversion(target, TYPES["f32"], integral, mode, m) if target.name != "f32" else _identity
        if integral and target.name == "bf16":
            wide = partial(_after, wide, partial(conversions.float_to_integral, mode=integral))
        return partial(_after, wide, conversions.bf16_to_f32)
    if target.name == "bf16" and source.kind != "f":
        return partial(conversions.int_to_bf16, mode=mode)
    if target.name == "bf16":
        narrow = conversions.f64_to_bf16 if source.name == "f64" else conversions.f32_to_bf16
        widen = (lambda a: a.astype(np.float32)) if source.name == "f16" else _identity
        function = partial(_after, partial(narrow, mode=mode), widen)
        return partial(_after, function, arithmetic.relu) if m.flag("relu") else function
    if source.kind == "f" and target.kind == "f":
        if integral and source.bits == target.bits:
            return partial(conversions.float_to_integral, mode=integral)
        function = partial(conversions.float_to_float, dtype=target.dtype, mode=mode)
        return partial(_after, arithmetic.relu, function) if target.name == "f16" and m.flag("relu") else function
    if source.kind == "f":
        return partial(conversions.float_to_int, dtype=target.dtype, mode=integral or "rzi")
    return partial(conversions.int_to_float, dtype=target.dtype, mode=mode)


def _identity(a: Array) -> Array:
    return a


def _cvt_pair(target: Type, mode: str, m: Modifiers) -> Emitter:
    """`cvt.rn.f16x2.f32 d, a, b`: a into the upper half, b into the lower."""
    to_half = _conversion(TYPES[target.name[:-2]], TYPES["f32"], "", mode, m)

    def join(a: Array, b: Array) -> Array:
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
    if type_.name.startswith("bf16"):
        plain = found
        found = lambda a, b: plain(conversions.bf16_to_f32(a), conversions.bf16_to_f32(b))  # noqa: E731
    if m.flag("ftz"):
        kept = found
        found = lambda a, b: kept(arithmetic.flush(a), arithmetic.flush(b))  # noqa: E731
    if type_.name.endswith("x2"):
        half, each = TYPES[type_.name[:-2]].dtype, found
        found = lambda a, b: each(a.view(half), b.view(half))  # noqa: E731
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
        if type_.name.endswith("x2"):
            mixed = partial(_combined_halves, compare, combine)
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


_ONE: dict[str, Any] = {"f16": np.float16(1), "bf16": np.uint16(0x3F80), "f32": np.float32(1)}
_HALF_ONE = {"f16x2": 0x3C00, "bf16x2": 0x3F80}


def _combined_halves(compare: Any, combine: Any, a: Array, b: Array, c: Array | None = None) -> tuple[Array, Array]:
    """Both halves' results, the lower one first."""
    holds = compare(a, b)
    low, high = holds[::2], holds[1::2]
    return (low, high) if combine is None else (combine(low, c), combine(high, c))


def _set(m: Modifiers) -> Emitter:
    """True is 1 in the target's float format, all ones in an integer type; of packed operands, for either half."""
    target = m.type()
    type_ = m.type()
    combine = _BOOLEAN.get(m.one_of(*_BOOLEAN))
    compare = _comparison(m, type_)
    ones = np.array((1 << target.bits) - 1, f"u{target.size}").view(target.dtype)
    true = _ONE.get(target.name, ones)
    packed = type_.name.endswith("x2")
    half = np.array(_HALF_ONE.get(target.name, 0xFFFF), np.uint16)

    def emit(program: Program, operands: list[str]) -> None:
        d, a, b, *third = operands
        read = program.operands[type_.name]
        sources = [read[a], read[b]] + [negatable(program, t) for t in third]

        def choose(*values: Array) -> Array:
            if packed:
                halves = _combined_halves(compare, combine, *values)
                return np.where(np.stack(halves, -1), half, np.uint16(0)).view(target.dtype)[..., 0]
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
