"""Which values stem from registers or memory that nothing wrote, and whether the program lets them matter.

A copy of such a value is no error: compilers move the padding of structures about and let registers that they know to
be unused hold anything. So every register and every byte of memory carries a mark beside its value, instructions pass
the marks on as they pass on values, and a report is made only where a marked value decides a branch, is an address, or
is stored where others read it. That takes several times as long as running without, so a launch is repeated with it
only where there is a reason for suspicion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .lines import Caller, Site
from .memory import Locator, MixedSegments
from .parse import Statement, split_operands
from .reports import Kind
from .steps import Call
from .types import TYPES, Array

if TYPE_CHECKING:
    from .machine import Machine
    from .program import Program

DEFINED = 0
NEVER = -1
"""A mark of what nothing wrote and nothing has read so far; when it is read, it becomes the number of its origin."""

_NAME = re.compile(r"[%$\w.]+")
_MERGING = ("and", "or", "xor", "lop3", "prmt", "bfi", "shf", "shl", "shr")
"""Instructions that put values together from parts: their result is marked only if all their registers are."""

_WITHOUT_RESULT = ("bar", "barrier", "membar", "fence", "prefetch", "trap", "brkpt", "nanosleep", "discard")


@dataclass(frozen=True)
class Origin:
    """Where something that nothing wrote was read."""

    site: Site
    caller: Caller | None
    what: str
    lane: int
    address: int | None


class Definedness:
    """The marks (int32) of a launch: one for each thread and register, one for each byte of memory."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._registers: dict[tuple[int, str], Array] = {}
        self._memory: dict[str, Array] = {}
        self._origins: list[Origin] = []
        self._reported: set[int] = set()

    # What `program` and `execute` call.

    def follow(self, program: Program, statement: Statement, site: Site) -> Call:
        """A call that passes marks on as the instruction is about to pass on values."""
        bang, guard, opcode, operands = statement
        base, parts = opcode.partition(".")[0], split_operands(operands)
        handler = {"ld": self._ld, "ldu": self._ld, "st": self._st, "atom": self._atomic, "red": self._atomic}.get(base)
        if base in _WITHOUT_RESULT:
            return _nothing
        if handler is not None:
            run = handler(program, opcode, parts, site)
        elif base == "shfl":
            run = self._shuffle(program, opcode, parts, site)
        elif base == "selp":
            run = self._select(program, parts, site)
        else:
            run = self._plain(program, base, parts, site)
        return self._guarded(program, run, guard, bool(bang), site) if guard else run

    def decide(self, program: Program, guard: str, site: Site) -> Call:
        """A call that reports a branch that a marked predicate decides."""
        marks = self._register(program, guard)
        return lambda: self._sink(self._named(marks, site), self._active(), "decides where the thread goes on", site)

    def copy(self, caller: Program, outer: str, callee: Program, inner: str, into_callee: bool) -> None:
        """Pass on the marks of an argument or a result, as its bytes are copied between two frames."""
        outside, inside = self._storage(caller, outer), self._storage(callee, inner)
        target, source = (inside, outside) if into_callee else (outside, inside)
        mask = self.machine.mask
        np.copyto(target, source, where=mask[:, None] if target.ndim == 2 else mask)

    def define(self, program: Program, names: list[str]) -> None:
        """These parameter variables were written by what is no code of the program."""
        for name in names:
            self._storage(program, name)[self.machine.mask] = DEFINED

    # Registers.

    def _register(self, program: Program, name: str) -> Array:
        key = id(program), name
        if key not in self._registers:
            self._registers[key] = np.full(self.machine.lanes, NEVER, np.int32)
        return self._registers[key]

    def _names(self, program: Program, text: str) -> list[str]:
        return [name for name in _NAME.findall(text) if program.is_register(name)]

    def _marks(self, program: Program, text: str) -> list[Array]:
        return [self._register(program, name) for name in self._names(program, text)]

    def _set(self, targets: list[Array], marks: Array) -> None:
        for target in targets:
            np.copyto(target, marks, where=self.machine.mask)

    def _active(self) -> Array:
        return np.flatnonzero(self.machine.mask)

    def _named(self, marks: Array, site: Site) -> Array:
        """The marks with an origin where they had none: a register is used here that nothing wrote."""
        never = (marks == NEVER) & self.machine.mask
        if not never.any():
            return marks
        number = self._origin(site, "a register that nothing wrote", int(np.flatnonzero(never)[0]), None)
        return np.where(marks == NEVER, np.int32(number), marks)

    def _origin(self, site: Site, what: str, lane: int, address: int | None) -> int:
        for number, origin in enumerate(self._origins, 1):
            if origin.site.block is site.block and origin.site.position == site.position:
                return number
        self._origins.append(Origin(site, self.machine.frame, what, lane, address))
        return len(self._origins)

    def _either(self, marks: list[Array], site: Site) -> Array:
        """Marked where any of them is."""
        result = np.zeros(self.machine.lanes, np.int32)
        for each in marks:
            result = np.where(result == DEFINED, self._named(each, site), result)
        return result

    def _all(self, marks: list[Array], site: Site) -> Array:
        """Marked where all of them are."""
        if not marks:
            return np.zeros(self.machine.lanes, np.int32)
        marked = np.logical_and.reduce([each != DEFINED for each in marks])
        return (
            np.where(marked, self._either(marks, site), np.int32(DEFINED)) if marked.any() else marked.astype(np.int32)
        )

    # Instructions.

    def _plain(self, program: Program, base: str, parts: list[str], site: Site) -> Call:
        targets = self._marks(program, parts[0]) if parts else []
        sources = [mark for text in parts[1:] for mark in self._marks(program, text)]
        packs = base == "mov" and len(parts) > 1 and parts[1][0] == "{"
        combine = self._all if packs or base in _MERGING else self._either
        # The sources are read before any target changes, which may be among them.
        return lambda: self._set(targets, combine(sources, site))

    def _select(self, program: Program, parts: list[str], site: Site) -> Call:
        target, a, b, predicate = parts
        chosen = program.operands["pred"][predicate]

        def run() -> None:
            first, second = (self._either(self._marks(program, text), site) for text in (a, b))
            which = self._either(self._marks(program, predicate), site)
            self._set(self._marks(program, target), np.where(which, which, np.where(chosen, first, second)))

        return run

    def _shuffle(self, program: Program, opcode: str, parts: list[str], site: Site) -> Call:
        targets, a, b, c, _ = parts
        mode = next(name for name in opcode.split(".") if name in ("up", "down", "bfly", "idx"))
        read = program.operands["u32"]
        result, _, valid = targets.partition("|")

        def run() -> None:
            marks = self._either(self._marks(program, a), site)
            moved, _ = self.machine.warps.shuffle(mode, marks, program.full(read[b]), program.full(read[c]))
            self._set(self._marks(program, result), moved)
            self._set(self._marks(program, valid), np.zeros_like(moved))

        return run

    def _guarded(self, program: Program, run: Call, guard: str, negated: bool, site: Site) -> Call:
        decide = self.decide(program, guard, site)
        only = self.machine.guarded(run, program.operands["pred"][guard], negated)

        def both() -> None:
            decide()
            only()

        return both

    # Memory.

    def _storage(self, program: Program, name: str) -> Array:
        """The marks of a parameter variable: one row for each thread, or those of a register."""
        place = program.place(name)
        if place is None:
            return self._register(program, name)
        return self._local_rows()[:, place[0] : place[0] + place[1]]

    def _local_rows(self) -> Array:
        return self.machine.rows_of_local(self._bytes("local"))

    def _bytes(self, name: str) -> Array:
        """The marks of a segment's bytes."""
        segment = self.machine.segments[name]
        marks = self._memory.get(name)
        if marks is None:
            marks = np.zeros(len(segment.data), np.int32)
            if segment.unwritten is not None:
                marks[segment.unwritten[np.dtype(np.uint8)] != 0] = NEVER
            self._memory[name] = marks
        return marks

    def _ld(self, program: Program, opcode: str, parts: list[str], site: Site) -> Call:
        names = parts[0].strip("{}").split(",")
        base, displacement = program.memory_operand(parts[1])
        targets = [self._marks(program, name) for name in names]
        columns = self._columns(program, base, displacement, opcode, len(names))
        if columns is not None:
            return lambda: self._load_columns(targets, columns)
        return self._access(program, opcode, base, displacement, len(names), site, partial(self._load, targets))

    def _load_columns(self, targets: list[list[Array]], columns: list[Array]) -> None:
        for target, column in zip(targets, columns, strict=True):
            self._set(target, _of_bytes(column))

    def _load(self, targets: list[list[Array]], locate: Locator, offsets: Array, lanes: Array, site: Site) -> None:
        marks, size = self._bytes(locate.segment.name), 1 << locate.shift
        for i, target in enumerate(targets):
            places = offsets + i * size
            found = _of_bytes(marks[places[:, None] + np.arange(size)])
            never = found == NEVER
            if never.any():
                first = int(np.flatnonzero(never)[0])
                address = int(places[first]) + locate.segment.base
                what = f"{locate.segment.name} memory at 0x{address:x}, which nothing wrote"
                found = np.where(never, np.int32(self._origin(site, what, int(lanes[first]), address)), found)
            for row in target:
                row[lanes] = found

    def _st(self, program: Program, opcode: str, parts: list[str], site: Site) -> Call:
        names = parts[1].strip("{}").split(",")
        base, displacement = program.memory_operand(parts[0])
        columns = self._columns(program, base, displacement, opcode, len(names))
        if columns is not None:
            return lambda: self._store_columns(program, names, columns, site)
        return self._access(
            program, opcode, base, displacement, len(names), site, partial(self._store, program, names), writes=True
        )

    def _store_columns(self, program: Program, names: list[str], columns: list[Array], site: Site) -> None:
        for name, column in zip(names, columns, strict=True):
            marks = self._either(self._marks(program, name), site)
            np.copyto(column, marks[:, None], where=self.machine.mask[:, None])

    def _store(
        self, program: Program, names: list[str], locate: Locator, offsets: Array, lanes: Array, site: Site
    ) -> None:
        memory, size = self._bytes(locate.segment.name), 1 << locate.shift
        for i, name in enumerate(names):
            marks = self._either(self._marks(program, name), site)[lanes]
            if locate.segment.name in ("global", "module"):
                addresses = offsets + (locate.segment.base + i * size)
                self._sink_at(marks, lanes, f"is stored in {locate.segment.name} memory", site, addresses)
                marks = np.zeros_like(marks)
            memory[(offsets + i * size)[:, None] + np.arange(size)] = marks[:, None]

    def _atomic(self, program: Program, opcode: str, parts: list[str], site: Site) -> Call:
        returns = opcode.startswith("atom")
        targets, address, *sources = parts if returns else ["", *parts]
        base, displacement = program.memory_operand(address)

        def update(locate: Locator, offsets: Array, lanes: Array, site: Site) -> None:
            marks = self._either([m for s in sources for m in self._marks(program, s)], site)[lanes]
            self._sink_at(marks, lanes, "is the operand of an atomic", site, offsets + locate.segment.base)
            self._load([self._marks(program, targets)], locate, offsets, lanes, site)
            size = 1 << locate.shift
            self._bytes(locate.segment.name)[offsets[:, None] + np.arange(size)] = DEFINED

        return self._access(program, opcode, base, displacement, 1, site, update, writes=True)

    def _columns(self, program: Program, base: str, displacement: int, opcode: str, count: int) -> list[Array] | None:
        """The marks of each element of a parameter that is accessed by name, one row of bytes for each thread."""
        size = _element(opcode)
        if program.machine.entry_parameter(program, base) is not None:
            return [np.zeros((self.machine.lanes, size), np.int32) for _ in range(count)]
        place = program.place(base)
        if place is None or program.is_local(base):
            return None
        first = place[0] + displacement
        rows = self._local_rows()
        return [rows[:, first + i * size : first + (i + 1) * size] for i in range(count)]

    def _access(
        self,
        program: Program,
        opcode: str,
        base: str,
        displacement: int,
        count: int,
        site: Site,
        act: Callable[[Locator, Array, Array, Site], None],
        writes: bool = False,
    ) -> Call:
        from .forms_memory import address_row, space_named

        locate = program.machine.locator(space_named(opcode), displacement, _element(opcode), count, writes)
        addresses, pointer = address_row(program, base), self._marks(program, base)

        def run() -> None:
            lanes = self._active()
            self._sink(self._either(pointer, site), lanes, "is used as an address", site)
            try:
                offsets = locate(addresses[lanes], self.machine.segments)
            except MixedSegments as mixed:
                self.machine.for_each_group(mixed.groups, run_again)
                return
            act(locate, offsets, lanes, site)

        def run_again() -> None:
            active = self.machine.active
            assert active is not None
            act(locate, locate(addresses[active], self.machine.segments), active, site)

        return run

    # Reports.

    def _sink(self, marks: Array, lanes: Array, how: str, site: Site) -> None:
        self._sink_at(marks[lanes], lanes, how, site, None)

    def _sink_at(self, marks: Array, lanes: Array, how: str, site: Site, addresses: Array | None) -> None:
        """Report the origins among the marks of these lanes, each once."""
        sanitizer = self.machine.sanitizer
        assert sanitizer is not None
        for number in np.unique(marks[marks > DEFINED]).tolist():
            if number in self._reported:
                continue
            self._reported.add(number)
            origin, first = self._origins[number - 1], int(np.flatnonzero(marks == number)[0])
            address = origin.address if addresses is None else int(addresses[first])
            what = f"uninitialised value, read from {origin.what}, {how}"
            read, used = (origin.site, origin.caller), (site, self.machine.frame)
            if origin.site.position != site.position or origin.site.block is not site.block:
                # Of a register it says more where its value is used than which copy came first.
                what += f" (at {sanitizer.where(*(read if origin.address is None else used))})"
            where, caller = used if origin.address is None else read
            sanitizer.report(Kind.UNINITIALISED, what, where, int(lanes[first]), caller, address)


def _element(opcode: str) -> int:
    """Bytes of one element of an access."""
    return next(TYPES[name].size for name in reversed(opcode.split(".")) if name in TYPES)


def _of_bytes(marks: Array) -> Array:
    """The mark of each row's element: that of its bytes if all of them are marked."""
    return np.where((marks != DEFINED).all(axis=1), marks.max(axis=1), np.int32(DEFINED))


def _nothing() -> None:
    pass
