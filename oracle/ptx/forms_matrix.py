"""Small matrix products of a warp: `ldmatrix` and `mma.sync` in half and double precision.

A fragment is the part of a matrix that one thread holds. Which elements those are is PTX's to say (PTX ISA, "Matrix
Fragments for mma"): below as functions of the thread's lane and the element's number in the fragment. Products of
halves are summed in double precision and rounded once, which is more than PTX promises; those of doubles are added
with one rounding each, in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from . import arithmetic, conversions
from .decode import Form, Modifiers, emitter
from .errors import Unsupported
from .program import Emitter, Gate, Program
from .types import TYPES, Array, Type
from .warps import WARP

if TYPE_CHECKING:
    from .machine import Machine

_SCRATCH = "%ldmatrix."
"""Registers that no program can name; their type is that of the name without its number."""

_LANES = np.arange(WARP)
_GROUP, _PLACE = _LANES // 4, _LANES % 4

Position = Callable[[int], tuple[Array, Array]]
"""Row and column, each for every lane, of a fragment's i-th element."""


@dataclass(frozen=True)
class _Shape:
    """Extents of a product m x k times k x n, elements in each fragment, and where they belong."""

    m: int
    n: int
    k: int
    counts: tuple[int, int, int]
    a: Position
    b: Position
    c: Position


def _pair(i: int) -> Array:
    return 2 * _PLACE + (i & 1)


def _sum_of_halves(i: int) -> tuple[Array, Array]:
    return _GROUP + 8 * (i >> 1), _pair(i)


_SHAPES = {
    ("m16n8k16", 16): _Shape(
        *(16, 8, 16, (8, 4, 4)),
        a=lambda i: (_GROUP + 8 * (i >> 1 & 1), _pair(i) + 8 * (i >> 2)),
        b=lambda i: (_pair(i) + 8 * (i >> 1), _GROUP),
        c=_sum_of_halves,
    ),
    ("m16n8k8", 16): _Shape(
        *(16, 8, 8, (4, 2, 4)),
        a=lambda i: (_GROUP + 8 * (i >> 1), _pair(i)),
        b=lambda i: (_pair(i), _GROUP),
        c=_sum_of_halves,
    ),
    ("m8n8k4", 64): _Shape(
        *(8, 8, 4, (1, 1, 2)),
        a=lambda i: (_GROUP, _PLACE),
        b=lambda i: (_PLACE, _GROUP),
        c=lambda i: (_GROUP, _pair(i)),
    ),
}
"""By name and bits of an element of the first matrix."""


def _mma(m: Modifiers) -> Emitter:
    if not (m.flag("sync") and m.flag("aligned") and m.flag("row") and m.flag("col")):
        raise m.unsupported()
    names = {name for name, _ in _SHAPES}
    size = m.one_of(*names)
    d, a, b, c = (m.type() for _ in range(4))
    shape = _SHAPES.get((size, a.bits))
    if shape is None or a.kind != "f" or a != b or c != d or (a.bits == 64) != (d.bits == 64) or d.name == "bf16":
        raise m.unsupported()

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        program.gate = _whole_warps(program, m.opcode)
        left, right, old = (
            _fragment(program, operand, type_, count)
            for operand, type_, count in zip(operands[1:], (a, b, c), shape.counts, strict=True)
        )
        results = _registers(program, operands[0], d)

        def multiply() -> None:
            product = _product(shape, a, left(), right(), old())
            for i in range(shape.counts[2]):
                rows, columns = shape.c(i)
                found = product[:, rows, columns].reshape(machine.lanes).astype(d.dtype)
                np.copyto(results[i], found, where=machine.mask)

        program.effect(multiply)

    return emit


def _product(shape: _Shape, type_: Type, left: list[Array], right: list[Array], old: list[Array]) -> Array:
    """A float64 array, warp by m by n, of a * b + c."""
    a, b, c = (
        _matrix(extents, position, elements)
        for extents, position, elements in (
            ((shape.m, shape.k), shape.a, left),
            ((shape.k, shape.n), shape.b, right),
            ((shape.m, shape.n), shape.c, old),
        )
    )
    for k in range(shape.k):
        x, y = np.broadcast_arrays(a[:, :, k : k + 1], b[:, k : k + 1, :])
        c = arithmetic.fma(x, y, c) if type_.bits == 64 else x * y + c
    return c


def _matrix(extents: tuple[int, int], position: Position, elements: list[Array]) -> Array:
    whole = np.zeros((len(elements[0]) // WARP, *extents))
    for i, values in enumerate(elements):
        rows, columns = position(i)
        whole[:, rows, columns] = values.reshape(-1, WARP)
    return whole


def _registers(program: Program, operand: str, type_: Type) -> list[Array]:
    """The elements of a vector operand, the parts of its registers where elements are narrower than those."""
    found: list[Array] = []
    for name in operand.strip("{}").split(","):
        row = program.row(name)
        if row is None:
            raise ValueError(f"{name} is no register")
        parts = row.dtype.itemsize // type_.size
        found += [row.view(type_.dtype)[i::parts] for i in range(parts)]
    return found


def _fragment(program: Program, operand: str, type_: Type, count: int) -> Callable[[], list[Array]]:
    """What gives a fragment's elements as float64."""
    registers = _registers(program, operand, type_)
    if len(registers) != count:
        raise ValueError(f"{count} elements needed")
    if type_.name == "bf16":
        return lambda: [conversions.bf16_to_f32(values).astype(np.float64) for values in registers]
    return lambda: [values.astype(np.float64) for values in registers]


def _whole_warps(program: Program, opcode: str) -> Gate:
    machine = program.machine
    if machine.threads % WARP:
        raise Unsupported(f"{opcode} in a block of {machine.threads} threads")
    return Gate(program.site, members=np.full(machine.lanes, 0xFFFFFFFF, np.uint32))


def _ldmatrix(m: Modifiers) -> Emitter:
    """Eight rows of 16 bytes for each of one, two or four matrices, whose addresses as many lanes give."""
    if not (m.flag("sync") and m.flag("aligned") and m.flag("m8n8")):
        raise m.unsupported()
    count = int((m.one_of("x1", "x2", "x4") or "x0")[1:])
    transposed = m.flag("trans")
    m.drop("shared")
    if m.type() is not TYPES["b16"] or not count:
        raise m.unsupported()

    def emit(program: Program, operands: list[str]) -> None:
        machine = program.machine
        program.gate = _whole_warps(program, m.opcode)
        program.code.registers[_SCRATCH] = "b32"
        names = [f"{_SCRATCH}{i}" for i in range(4)]
        program.guard, program.negated = machine.warps.lane < 8 * count, False
        emitter("ld.shared.v4.u32")(program, ["{" + ",".join(names) + "}", operands[1]])
        program.guard = None
        words = [program.operands["u32"][name] for name in names]
        results = [program.operands["u32"][name] for name in operands[0].strip("{}").split(",")]
        program.effect(partial(_distribute, machine, words, results, transposed))

    return emit


def _distribute(machine: Machine, words: list[Array], results: list[Array], transposed: bool) -> None:
    rows = np.stack(words, -1).view(np.uint16).reshape(-1, WARP, 8)
    for i, result in enumerate(results):
        matrix = rows[:, 8 * i : 8 * i + 8]
        if transposed:
            matrix = matrix.transpose(0, 2, 1)
        low, high = (matrix[:, _GROUP, _pair(half)].astype(np.uint32) for half in (0, 1))
        np.copyto(result, (low | high << np.uint32(16)).reshape(machine.lanes), where=machine.mask)


FORMS: dict[str, Form] = {"mma": _mma, "ldmatrix": _ldmatrix}
"""Base opcode to the function that decodes its modifiers."""
