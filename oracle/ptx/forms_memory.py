"""Loads and stores of all widths in all state spaces, and questions about addresses.

Parameters accessed by name stand at a fixed place in every thread's frame: such an access is a copy of a column,
checked once when its block is bound. All other accesses gather or scatter through `memory.Locator`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .decode import Form, Modifiers
from .errors import Fault
from .lines import Site
from .memory import Locator, MixedSegments, Segment
from .program import Emitter, Program, view_as
from .reports import Kind
from .types import TYPES, Array, Type

if TYPE_CHECKING:
    from .machine import Machine

_SPACES = ("global", "shared", "local", "const", "param")
_IGNORED = (
    *("weak", "relaxed", "acquire", "release", "volatile", "mmio", "cta", "cluster", "gpu", "sys"),
    *("ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc", "L1", "L2", "level"),
)
"""Ordering, scope and cache modifiers: the emulator's memory is sequentially consistent."""


def space_of(m: Modifiers) -> str:
    """The state space of an access."""
    for name in m.left:
        base = name.partition("::")[0]
        if base in _SPACES:
            m.left.remove(name)
            return base
    return "generic"


def space_named(opcode: str) -> str:
    """The state space of an opcode that accesses memory."""
    return space_of(Modifiers(opcode))


def _access(m: Modifiers) -> tuple[str, int, Type]:
    space = space_of(m)
    vector = m.one_of("v2", "v4", "v8")
    m.drop(*_IGNORED)
    return space, int(vector[1:]) if vector else 1, m.type()


def _ld(m: Modifiers) -> Emitter:
    space, count, type_ = _access(m)

    def emit(program: Program, operands: list[str]) -> None:
        names = operands[0].strip("{}").split(",")
        if len(names) != count:
            raise ValueError(f"{count} targets needed")
        targets = [_target(program, name, type_) for name in names]
        base, displacement = program.memory_operand(operands[1])
        columns = fixed_columns(program, base, displacement, type_, count)
        if columns is not None:
            for target, column in zip(targets, columns, strict=True):
                if target is not None:
                    program.move(target, column)
            return
        locate = program.machine.locator(space, displacement, type_.size, count, writes=False)
        wanted = [(i, target) for i, target in enumerate(targets) if target is not None]
        program.effect(partial(_load, program.machine, program.site, locate, address_row(program, base), type_, wanted))

    return emit


def _st(m: Modifiers) -> Emitter:
    space, count, type_ = _access(m)

    def emit(program: Program, operands: list[str]) -> None:
        base, displacement = program.memory_operand(operands[0])
        names = operands[1].strip("{}").split(",")
        if len(names) != count:
            raise ValueError(f"{count} sources needed")
        sources = [program.operands[type_.name][name] for name in names]
        columns = fixed_columns(program, base, displacement, type_, count, writes=True)
        if columns is not None:
            for source, column in zip(sources, columns, strict=True):
                program.move(column, source)
            return
        locate = program.machine.locator(space, displacement, type_.size, count, writes=True)
        program.effect(
            partial(_store, program.machine, program.site, locate, address_row(program, base), type_, sources)
        )

    return emit


def _target(program: Program, name: str, type_: Type) -> Array | None:
    """A register as the type that a loaded value is extended to; None for `_`."""
    if name == "_":
        return None
    row = program.row(name)
    if row is None:
        raise ValueError(f"{name} is no register")
    if row.dtype.itemsize == type_.size:
        return view_as(row, type_)
    return view_as(row, TYPES[f"{'s' if type_.signed else 'u'}{8 * row.dtype.itemsize}"])


def address_row(program: Program, base: str) -> Array:
    """One address (int64) per thread, whatever the operand is."""
    row = program.row(base)
    if row is None:
        return program.full(program.resolve(base, TYPES["s64"]))
    if row.dtype.itemsize == 8:
        return row.view(np.int64)
    # A 32-bit register holds a shared address; widening is left to the moment of the access.
    return row


def fixed_columns(
    program: Program, base: str, displacement: int, type_: Type, count: int, writes: bool = False
) -> list[Array] | None:
    """The places of a named parameter's elements, one array each; None if they are not fixed."""
    parameter = program.machine.entry_parameter(program, base)
    if parameter is not None:
        start, size = parameter
        data = program.machine.parameters.data
        if writes:
            raise Fault(Kind.OUT_OF_BOUNDS, f"write to the kernel parameter {base}")
    else:
        place = program.place(base)
        if place is None or program.is_local(base):
            return None
        start, size = place
        data = program.machine.local_rows
    if displacement < 0 or displacement + type_.size * count > size:
        raise Fault(
            Kind.OUT_OF_BOUNDS, f"out-of-bounds access to {base}, which has {size} bytes, at byte {displacement}"
        )
    if displacement % (type_.size * count):
        raise Fault(Kind.MISALIGNED, f"misaligned {type_.size * count}-byte access to {base} at byte {displacement}")
    typed, first = data.view(type_.dtype), (start + displacement) // type_.size
    if parameter is not None:
        return [typed[first + i : first + i + 1].reshape(()) for i in range(count)]
    return [typed[:, first + i] for i in range(count)]


def _load(
    machine: Machine, site: Site, locate: Locator, addresses: Array, type_: Type, targets: list[tuple[int, Array]]
) -> None:
    """Gather for the active threads: target number i gets the i-th element after its thread's address."""
    active = machine.active
    try:
        offsets = locate(addresses if active is None else addresses[active], machine.segments)
    except MixedSegments as mixed:
        again = partial(_load, machine, site, locate, addresses, type_, targets)
        machine.for_each_group(mixed.groups, again)
        return
    if machine.sanitizer is not None:
        machine.sanitizer.read(site, locate, offsets, active)
    index = offsets >> locate.shift
    take = locate.segment.views[type_.dtype].take
    where = slice(None) if active is None else active
    for i, target in targets:
        target[where] = take(index + i) if i else take(index)


def _store(machine: Machine, site: Site, locate: Locator, addresses: Array, type_: Type, sources: list[Array]) -> None:
    """Scatter for the active threads; where addresses coincide, the last thread's value stays."""
    active = machine.active
    try:
        offsets = locate(addresses if active is None else addresses[active], machine.segments)
    except MixedSegments as mixed:
        again = partial(_store, machine, site, locate, addresses, type_, sources)
        machine.for_each_group(mixed.groups, again)
        return
    values = tuple(source if active is None or not source.ndim else source[active] for source in sources)
    if machine.sanitizer is not None:
        machine.sanitizer.written(site, locate, offsets, active, values)
    index = offsets >> locate.shift
    view = locate.segment.views[type_.dtype]
    for i, value in enumerate(values):
        view[index + i] = value


def _isspacep(m: Modifiers) -> Emitter:
    space = space_of(m)

    def emit(program: Program, operands: list[str]) -> None:
        target, source = operands
        machine = program.machine

        def inside(addresses: Array) -> Array:
            return _inside(addresses.view(np.int64), machine.segments, space)

        program.compute(program.operands["pred"][target], inside, program.operands["u64"][source])

    return emit


def _inside(addresses: Array, segments: dict[str, Segment], space: str) -> Array:
    names = {"global": ("global", "module")}.get(space, (space,))
    result = np.zeros(addresses.shape, np.bool_)
    for name in names:
        offsets = addresses - segments[name].base
        result |= (offsets >= 0) & (offsets < len(segments[name].data))
    return result


def _nothing(m: Modifiers) -> Emitter:
    """Fences, prefetches and hints: memory is sequentially consistent and all at hand."""
    m.left.clear()
    return lambda program, operands: None


FORMS: dict[str, Form] = {
    "ld": _ld,
    "ldu": _ld,
    "st": _st,
    "isspacep": _isspacep,
    "membar": _nothing,
    "fence": _nothing,
    "prefetch": _nothing,
    "prefetchu": _nothing,
    "discard": _nothing,
    "applypriority": _nothing,
    "nanosleep": _nothing,
}
"""Base opcode to the function that decodes its modifiers."""
