"""Logic, shifts, bit fields, permutations and counts of bits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from . import bits
from .decode import Form, Modifiers
from .forms_data import negatable
from .forms_integer import compute, ufunc, uniform
from .program import Emitter, Program
from .types import TYPES, Array

U32 = TYPES["u32"]


def _logic(function: Any) -> Form:
    def form(m: Modifiers) -> Emitter:
        type_ = m.type()
        if type_.kind == "p":
            boolean = {np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.invert: np.logical_not}
            return ufunc(boolean.get(function, np.logical_xor), type_)
        return ufunc(function, type_)

    return form


def _cnot(m: Modifiers) -> Emitter:
    return uniform(lambda a: (a == 0).astype(a.dtype), m.type(), 1)


def _shift(m: Modifiers) -> Emitter:
    """Shifts by an immediate below the width, which nearly all are, need no clamping."""
    type_ = m.type()
    clamped = bits.shl if m.base == "shl" else bits.shr
    direct = np.left_shift if m.base == "shl" else np.right_shift

    def emit(program: Program, operands: list[str]) -> None:
        target, value, amount = operands
        read = program.operands[type_.name]
        shift = program.operands["u32"][amount]
        if shift.ndim == 0 and int(shift) < type_.bits:
            program.write(direct, read[value], shift.astype(type_.dtype), read[target])
        else:
            program.compute(read[target], clamped, read[value], shift)

    return emit


def _shf(m: Modifiers) -> Emitter:
    function = bits.shf_l if m.one_of("l", "r") == "l" else bits.shf_r
    wrap = m.one_of("wrap", "clamp") == "wrap"
    return compute(partial(_shf_call, function, wrap), m.type(), U32, U32, U32)


def _shf_call(function: Any, wrap: bool, low: Array, high: Array, amount: Array) -> Array:
    return function(low, high, amount, wrap)


def _bfe(m: Modifiers) -> Emitter:
    type_ = m.type()
    return compute(bits.bfe, type_, type_, U32, U32)


def _bfi(m: Modifiers) -> Emitter:
    type_ = m.type()
    return compute(bits.bfi, type_, type_, type_, U32, U32)


def _bmsk(m: Modifiers) -> Emitter:
    wrap = m.one_of("wrap", "clamp") == "wrap"
    return compute(partial(bits.bmsk, wrap=wrap), m.type(), U32, U32)


def _szext(m: Modifiers) -> Emitter:
    wrap = m.one_of("wrap", "clamp") == "wrap"
    type_ = m.type()
    return compute(partial(bits.szext, wrap=wrap), type_, type_, U32)


def _bfind(m: Modifiers) -> Emitter:
    return compute(partial(bits.bfind, shift_amount=m.flag("shiftamt")), U32, m.type())


def _count(function: Any) -> Form:
    return lambda m: compute(function, U32, m.type())


def _brev(m: Modifiers) -> Emitter:
    return uniform(bits.brev, m.type(), 1)


def _prmt(m: Modifiers) -> Emitter:
    mode = m.one_of("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")
    return uniform(partial(bits.prmt, mode=mode), m.type(), 3)


def _lop3(m: Modifiers) -> Emitter:
    """With `.and` or `.or` also a predicate: whether the result is not 0, combined with another one."""
    type_ = m.type()
    combine = {"and": np.logical_and, "or": np.logical_or}.get(m.one_of("and", "or"))

    def emit(program: Program, operands: list[str]) -> None:
        read = program.operands[type_.name]
        targets, a, b, c, table, *others = operands
        function = partial(bits.lop3, table=int(read[table]))
        target, _, holds = targets.partition("|")
        if combine is None:
            program.compute(read[target], function, read[a], read[b], read[c])
            return

        def with_predicate(a: Array, b: Array, c: Array, other: Array) -> tuple[Array, Array]:
            found = function(a, b, c)
            return found, combine(found != 0, other)

        outs = (read[target], program.operands["pred"][holds])
        program.compute(outs, with_predicate, read[a], read[b], read[c], negatable(program, others[0]))

    return emit


def _fns(m: Modifiers) -> Emitter:
    m.type()
    return compute(bits.fns, U32, U32, U32, TYPES["s32"])


FORMS: dict[str, Form] = {
    "and": _logic(np.bitwise_and),
    "or": _logic(np.bitwise_or),
    "xor": _logic(np.bitwise_xor),
    "not": _logic(np.invert),
    "cnot": _cnot,
    "shl": _shift,
    "shr": _shift,
    "shf": _shf,
    "bfe": _bfe,
    "bfi": _bfi,
    "bmsk": _bmsk,
    "szext": _szext,
    "bfind": _bfind,
    "popc": _count(bits.popc),
    "clz": _count(bits.clz),
    "brev": _brev,
    "prmt": _prmt,
    "lop3": _lop3,
    "fns": _fns,
}
"""Base opcode to the function that decodes its modifiers."""
