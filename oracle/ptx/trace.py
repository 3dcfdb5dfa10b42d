"""What one thread executes, instruction by instruction, with the active mask of its warp and the values it computes.

tracer = Tracer(block=0, thread=5, sink=print)
launch(module, "scale", (1, 1, 1), (64, 1, 1), params, memory, trace=tracer)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import Malformed
from .lines import Site, source_line
from .parse import Block, Statement, split_operands
from .program import BoundBlock, Program, view_as
from .steps import Call
from .types import TYPES, Array, Type
from .warps import WARP

if TYPE_CHECKING:
    from .frames import Frame
    from .machine import Machine

_ADDRESSLESS = ("param", "const")
_HEX_FROM = 1 << 32


@dataclass(frozen=True)
class Traced:
    """One instruction that the thread executed.

    `line` is its line in the PTX text, `source` the place that the line table gives (`kernel.py:7`) or empty, `depth`
    the number of calls around it. Bit i of `mask` says whether thread i of the warp was active. `notes` are what is
    known besides: `%r4 = 7`, `at 0x1000`, `taken by 0000ffff`.
    """

    line: int
    source: str
    depth: int
    mask: int
    text: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        notes = f"  // {', '.join(self.notes)}" if self.notes else ""
        return f"{self.line:6d}  {self.mask:08x}  {'  ' * self.depth}{self.text}{notes}"


class Tracer:
    """Follows thread number `thread` of block number `block`, both linear, and hands what it executes to `sink`.

    An instruction is handed over when it has been executed; `finish` hands over one that the launch stopped in.
    """

    def __init__(self, block: int, thread: int, sink: Callable[[Traced], None]) -> None:
        self.block = block
        self.thread = thread
        self.sink = sink
        self._started: Traced | None = None
        self._owners: dict[tuple[BoundBlock, bool], list[int]] = {}

    def finish(self) -> None:
        """Hand over the instruction that was being executed when the launch stopped, if it did."""
        if self._started is not None:
            self._done("stopped here")

    def follow(self, machine: Machine, frame: Frame, block: BoundBlock, calls: Sequence[Call]) -> Iterator[Call]:
        """Yield `calls`, those that the active threads are about to make; tell what becomes of the thread meanwhile."""
        lane = machine.lane_of(self.block, self.thread)
        if lane is None or not machine.mask[lane]:
            yield from calls
            return
        start = lane - self.thread % WARP
        self._warp = slice(start, min(start + WARP, lane - self.thread + machine.threads))
        self._lane, self._machine, self._frame = lane, machine, frame
        owners = self._owners_of(block, calls)
        made = 0
        end = () if block.block.end is None else (block.block.end,)
        for position, statement in enumerate((*block.block.body, *end)):
            self._start(block.block, position, statement)
            while made < len(calls) and owners[made] == position:
                yield calls[made]
                made += 1
            if self._started is not None:
                self._done(*self._values(statement))

    def _owners_of(self, block: BoundBlock, calls: Sequence[Call]) -> list[int]:
        key = block, calls is block.whole
        if key not in self._owners:
            self._owners[key] = [block.owner(call) for call in calls]
        return self._owners[key]

    def _start(self, block: Block, position: int, statement: Statement) -> None:
        bang, guard, opcode, operands = statement
        program = self._frame.program
        mask = self._machine.mask[self._warp]
        holds = np.ones(mask.shape, np.bool_)
        if guard:
            holds = program.operands["pred"][guard][self._warp] ^ bool(bang)
        here = self._lane - self._warp.start
        notes = []
        if operands.startswith(" "):  # a branch around a guarded call or gate, which the text does not have
            if not holds[here]:
                return
            _, _, opcode, operands = _skipped(program, operands)
            bang, notes = "" if bang else "!", ["skipped"]
        elif guard and position == len(block.body):
            notes.append(f"{'taken' if holds[here] else 'not taken'}, by {_bits(mask & holds):08x}")
        elif guard and not holds[here]:
            notes.append("skipped")
        site = Site(program.function, block, position)
        self._started = Traced(
            line=site.line,
            source=source_line(site, self._frame, self._machine.index.files),
            depth=len(self._frame.path),
            mask=_bits(mask),
            text=" ".join([f"@{bang}{guard} {opcode}" if guard else opcode, *operands.split()]),
            notes=(*notes, *self._address(opcode, operands)),
        )

    def _done(self, *notes: str) -> None:
        done, self._started = self._started, None
        assert done is not None
        self.sink(Traced(done.line, done.source, done.depth, done.mask, done.text, (*done.notes, *notes)))

    def _address(self, opcode: str, operands: str) -> list[str]:
        """The address of an access, from registers as they are before it."""
        bracket = next((part for part in split_operands(operands) if part[0] == "["), "")
        if not bracket or any(space in opcode.split(".") for space in _ADDRESSLESS):
            return []
        program = self._frame.program
        try:
            base, displacement = program.memory_operand(bracket)
            address = program.full(program.operands["u64"][base])[self._lane]
        except Malformed:  # an address of 32 bits, or a form without one
            return []
        return [f"at 0x{int(address) + displacement & 0xFFFF_FFFF_FFFF_FFFF:x}"]

    def _values(self, statement: Statement) -> list[str]:
        """The registers that the instruction wrote, or stored, with their values for the thread."""
        _, _, opcode, operands = statement
        types = [TYPES[name] for name in opcode.split(".")[1:] if name in TYPES]
        named = next((part for part in split_operands(operands) if part[0] != "["), "")
        values = []
        for name in named.strip("{}").replace("|", ",").split(","):
            row = self._frame.program.row(name) if name.startswith("%") else None
            if row is not None:
                values.append(f"{name} = {_shown(row, types[0] if types else None, self._lane)}")
        return values


def _skipped(program: Program, label: str) -> Statement:
    """The instruction that the branch to a `label` of the parser's own goes around."""
    end = program.code.blocks[program.label(label) - 1].end
    assert end is not None
    return end


def _bits(holds: Array) -> int:
    return sum(1 << int(i) for i in np.flatnonzero(holds))


def _shown(row: Array, type_: Type | None, lane: int) -> str:
    """A register's value, read as what the instruction says it is if it says so."""
    if row.dtype == np.bool_:
        return str(bool(row[lane]))
    if type_ is not None and type_.kind == "f" and type_.size == row.dtype.itemsize and type_.dtype.kind == "f":
        return str(view_as(row, type_)[lane])
    signed = type_ is not None and type_.signed
    value = int(row.view(f"i{row.dtype.itemsize}")[lane]) if signed else int(row[lane])
    return hex(value) if abs(value) >= _HEX_FROM or (type_ is not None and type_.name[0] == "b") else str(value)
