"""`atom` and `red`: read-modify-write, colliding threads in the order of their numbers.

Where no two active threads meet at an address, one gather and one scatter do. Where they meet, their operands are
chained with the ufunc's `accumulate`, which applies them one after another as the threads in order would.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from . import arithmetic, conversions, forms_float
from .decode import Form, Modifiers
from .forms_memory import address_row, space_of
from .lines import Site
from .memory import Locator, MixedSegments
from .program import Emitter, Program
from .types import TYPES, Array, Type

if TYPE_CHECKING:
    from .machine import Machine

_ACCUMULATED: dict[str, Any] = {
    "add": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
_ORDERING = ("relaxed", "acquire", "release", "acq_rel", "cta", "cluster", "gpu", "sys", "noftz")

Update = Callable[[Array, list[Array]], Array]


def _exchange(old: Array, operands: list[Array]) -> Array:
    return operands[0]


def _compare_and_swap(old: Array, operands: list[Array]) -> Array:
    return np.where(old == operands[0], operands[1], old)


def _increment(old: Array, operands: list[Array]) -> Array:
    return np.where(old >= operands[0], old.dtype.type(0), old + old.dtype.type(1))


def _decrement(old: Array, operands: list[Array]) -> Array:
    return np.where((old == 0) | (old > operands[0]), operands[0], old - old.dtype.type(1))


_UPDATES: dict[str, Update] = {
    "exch": _exchange,
    "cas": _compare_and_swap,
    "inc": _increment,
    "dec": _decrement,
}


def _flushed_add(old: Array, operands: list[Array]) -> Array:
    return arithmetic.flush(arithmetic.flush(old) + arithmetic.flush(operands[0]))


def _any_subnormal(values: Array) -> bool:
    return bool(np.any((values != 0) & (np.abs(values) < arithmetic.SMALLEST_NORMAL[values.dtype])))


def _bf16_add(old: Array, operands: list[Array]) -> Array:
    total = conversions.bf16_to_f32(old).astype(np.float64) + conversions.bf16_to_f32(operands[0])
    return conversions.f64_to_bf16(total)


def _packed_add(old: Array, operands: list[Array]) -> Array:
    return (np.ascontiguousarray(old).view(np.float16) + operands[0].view(np.float16)).view(np.uint32)


def _packed_bf16_add(old: Array, operands: list[Array]) -> Array:
    halves = np.ascontiguousarray(old).view(np.uint16), [np.ascontiguousarray(operands[0]).view(np.uint16)]
    return _bf16_add(*halves).view(np.uint32)


_PACKED_ADDS: dict[str, Update] = {"bf16": _bf16_add, "f16x2": _packed_add, "bf16x2": _packed_bf16_add}


def _extremum(function: Callable[[Array, Array], Array], type_: Type) -> Update:
    lifted = forms_float.lifted(function, type_)
    return lambda old, operands: lifted(np.ascontiguousarray(old), np.ascontiguousarray(operands[0]))


_EXTREMA = {"min": arithmetic.minimum, "max": arithmetic.maximum}


def _atomic(m: Modifiers) -> Emitter:
    space = space_of(m)
    m.drop(*_ORDERING)
    vector = m.one_of("v2", "v4", "v8")
    count = int(vector[1:]) if vector else 1
    operation = m.one_of(*_ACCUMULATED, *_UPDATES)
    type_ = m.type()
    returns = m.base == "atom"
    floats = ("add", "exch", "min", "max") if vector and type_.name != "f32" else ("add", "exch")
    if not operation or (type_.kind == "f" and operation not in floats):
        raise m.unsupported()

    def emit(program: Program, operands: list[str]) -> None:
        targets = operands.pop(0).strip("{}").split(",") if returns else []
        base, displacement = program.memory_operand(operands[0])
        columns = [operand.strip("{}").split(",") for operand in operands[1:]]
        read = program.operands[type_.name]
        addresses = address_row(program, base)
        for i, names in enumerate(zip(*columns, strict=True)):
            # The first element's locator checks the whole vector.
            length = count if i == 0 else 1
            locate = program.machine.locator(space, displacement + i * type_.size, type_.size, length, writes=True)
            atomic = _Atomic(program.machine, program.site, locate, type_, operation)
            target = read[targets[i]] if returns else None
            program.effect(partial(atomic, addresses, [program.full(read[name]) for name in names], target))

    return emit


class _Atomic:
    """One atomic instruction of a program."""

    def __init__(self, machine: Machine, site: Site, locate: Locator, type_: Type, operation: str) -> None:
        self.machine = machine
        self.site = site
        self.locate = locate
        self.type = type_
        self.ufunc = _ACCUMULATED.get(operation) if type_.name not in _PACKED_ADDS else None
        self.update = _UPDATES.get(operation) or _PACKED_ADDS.get(type_.name)
        if type_.kind == "f" and operation in _EXTREMA:
            self.ufunc, self.update = None, _extremum(_EXTREMA[operation], type_)
        self.sums_floats = type_.kind == "f" and operation == "add"
        self.may_sum_bf16 = operation == "cas" and type_.size == 2

    def __call__(self, addresses: Array, sources: list[Array], target: Array | None) -> None:
        active = self.machine.active
        everyone = slice(None) if active is None else active
        operands = [source[everyone] for source in sources]
        try:
            offsets = self.locate(addresses[everyone], self.machine.segments)
        except MixedSegments as mixed:
            self.machine.for_each_group(mixed.groups, partial(self, addresses, sources, target))
            return
        if self.sums_floats:
            self.machine.log_float_sum(offsets + self.locate.segment.base, operands[0], self.type)
        old, new = self._apply(offsets >> self.locate.shift, operands)
        if self.machine.sanitizer is not None:
            self.machine.sanitizer.updated(self.site, self.locate, offsets, active, np.asarray(new != old))
        if self.may_sum_bf16:
            self._log_bf16_sums(offsets + self.locate.segment.base, old, operands)
        if target is None:
            return
        target[everyone] = old

    def _log_bf16_sums(self, addresses: Array, old: Array, operands: list[Array]) -> None:
        """Remember by how much swaps changed what may be a bfloat16: below sm_90 those are summed in such loops."""
        swapped = old == operands[0]
        if swapped.any():
            with np.errstate(invalid="ignore"):
                added = conversions.bf16_to_f32(operands[1]) - conversions.bf16_to_f32(old)
            self.machine.log_float_sum(addresses[swapped], added[swapped], TYPES["f32"], swapped)

    def _apply(self, index: Array, operands: list[Array]) -> tuple[Array, Array]:
        """Update memory at `index`; the values that each thread found, and those that it left."""
        view = self.locate.segment.views[self.type.dtype]
        old = view[index]
        ordered = np.sort(index)
        if not np.count_nonzero(ordered[1:] == ordered[:-1]):
            new = self._updated(old, operands)
            view[index] = new
            return old, new
        new = old.copy()
        order = np.argsort(index, kind="stable")
        ordered = index[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        for run in np.split(order, starts[1:]):
            place = index[run[0]]
            chain = self._chain(view[place : place + 1], [operand[run] for operand in operands])
            old[run], new[run] = chain[:-1], chain[1:]
            view[place] = chain[-1]
        return old, new

    def _updated(self, old: Array, operands: list[Array]) -> Array:
        if self._flushes():
            return _flushed_add(old, operands)
        if self.ufunc is not None:
            return self.ufunc(old, operands[0])
        assert self.update is not None
        return self.update(old, operands)

    def _chain(self, first: Array, operands: list[Array]) -> Array:
        """Memory's contents before the first update, after it, after the second, and so on."""
        if self.ufunc is not None:
            values = np.concatenate((first, operands[0]))
            accumulated = self.ufunc.accumulate(values, dtype=values.dtype)
            if not self._flushes() or not _any_subnormal(values) | _any_subnormal(accumulated):
                return accumulated
        chain = [first]
        for i in range(len(operands[0])):
            chain.append(self._updated(chain[-1], [operand[i : i + 1] for operand in operands]))
        return np.concatenate(chain)

    def _flushes(self) -> bool:
        """Sums of float32 in global memory flush subnormal operands and results (PTX ISA 9.7.13, `atom` and `red`)."""
        return self.sums_floats and self.type is TYPES["f32"] and self.locate.segment.name != "shared"


FORMS: dict[str, Form] = {"atom": _atomic, "red": _atomic}
"""Base opcode to the function that decodes its modifiers."""
