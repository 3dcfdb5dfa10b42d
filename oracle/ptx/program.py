"""A function bound to a launch: registers as arrays, operands resolved to them, blocks turned into steps on demand."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import Fault, Malformed, Unsupported
from .lines import Site
from .literals import SYMBOL_SUM, immediate
from .memory import POISON
from .parse import Block, Function, Statement, split_operands
from .steps import Call, Compute, Effect, Move, Scratch, Step, Write
from .types import TYPES, Array, Type

if TYPE_CHECKING:
    from .machine import Machine

_ADDRESS = re.compile(r"\[([%$\w.]+?)(?:\+(-?\w+))?(-\w+)?\]$")

_FILE_ROWS = 32
_STORAGE = {name: type_.dtype if type_.kind == "p" else np.dtype(f"u{type_.size}") for name, type_ in TYPES.items()}

Emitter = Callable[["Program", list[str]], None]


@dataclass(frozen=True, eq=False)
class Gate:
    """Where threads wait for others before they go on together.

    Warp instructions name in `members` (uint32, one mask per thread) the threads of the warp that must arrive. Barriers
    have None there: all threads of the block must arrive at barrier number `barrier`, or `count` of them if not 0;
    with `arrive_only`, this thread itself does not wait. `together`: they must all be at this same instruction.
    `aligned`: the threads of a warp may not arrive at different ones. `orders`: accesses to memory before it come
    before those after it, which shuffles and votes do not promise.
    """

    site: Site

    members: Array | None = None
    barrier: int = 0
    count: int = 0
    arrive_only: bool = False
    together: bool = False
    aligned: bool = False
    orders: bool = False


class Operands(dict[str, Array]):
    """Operand text to its array, read as one type: a register, a special register, or an immediate (0-d)."""

    def __init__(self, program: Program, type_: Type) -> None:
        super().__init__()
        # No reference cycle: a program holds many arrays, and should go when its last user does.
        self.program = weakref.ref(program)
        self.type = type_

    def __missing__(self, text: str) -> Array:
        program = self.program()
        assert program is not None
        found = self[text] = program.resolve(text, self.type)
        return found


class BoundBlock:
    """One basic block as steps, and how often it ran: `runs` times, by `lanes` threads in all."""

    __slots__ = (
        "_masked",
        "_masked_owners",
        "block",
        "gate",
        "kind",
        "lanes",
        "owners",
        "runs",
        "size",
        "steps",
        "whole",
    )

    def __init__(self, block: Block, steps: list[Step], owners: list[int], gate: Gate | None) -> None:
        self.block = block
        self.gate = gate
        self.kind = block.kind
        self.steps = steps
        self.owners = owners
        self.whole: list[Call] = [step.whole() for step in steps]
        self._masked: list[Call] | None = None
        self._masked_owners: list[int] = []
        self.size = len(steps) + 1
        self.runs = 0
        self.lanes = 0

    def masked(self, mask: Array) -> list[Call]:
        """The steps' calls for the threads in `mask` only."""
        if self._masked is None:
            self._masked = []
            for step, owner in zip(self.steps, self.owners, strict=True):
                calls = step.masked(mask)
                self._masked += calls
                self._masked_owners += [owner] * len(calls)
        return self._masked

    def owner(self, call: Call) -> int:
        """The position in the block of the instruction that `call` belongs to."""
        for calls, owners in ((self.whole, self.owners), (self._masked or [], self._masked_owners)):
            for candidate, owner in zip(calls, owners, strict=True):
                if candidate is call:
                    return owner
        return 0

    def opcodes(self) -> list[str]:
        """The block's instructions."""
        statements = self.block.body if self.block.end is None else [*self.block.body, self.block.end]
        return [opcode for _, _, opcode, _ in statements]


class Program:
    """One activation of a function, for all threads: `base` is where its frame starts in each thread's local memory.

    The same program serves every call site that calls at this `base`, since a thread is in one call at a time.
    """

    def __init__(self, machine: Machine, function: Function, base: int) -> None:
        self.machine = machine
        self.function = function
        self.code = function.code
        self.lanes = machine.lanes
        same = {(type_.kind, type_.dtype): Operands(self, type_) for type_ in TYPES.values()}
        self.operands = {name: same[type_.kind, type_.dtype] for name, type_ in TYPES.items()}
        self.blocks: list[BoundBlock | None] = [None] * len(self.code.blocks)
        self.bound: list[BoundBlock] = []
        self.rows: dict[str, Array] = {}
        self._files: list[Array] = []
        self._spare: dict[np.dtype[Any], list[Array]] = {}
        self.temporaries: dict[tuple[np.dtype[Any], int], Array] = {}
        self.steps: list[Step] = []
        self.gate: Gate | None = None
        self.site: Site
        self.guard: Array | None = None
        self.negated = False
        self.places: dict[str, tuple[int, int]] = {}
        self._variables = dict(self.code.variables)
        self.frame_end = base
        for variable in (*function.results, *(() if function.is_entry else function.parameters)):
            self._variables[variable.name] = variable
            if variable.space == "reg":
                self.code.registers[variable.name] = variable.type
        self.frame_end += sum(v.size + 32 for v in self._variables.values() if v.space in ("local", "param"))
        self._next_place = base

    # Registers and operands.

    def resolve(self, text: str, type_: Type) -> Array:
        """The array that an operand stands for, read as `type_`. Malformed if it is nothing known."""
        if text == "_":
            return np.zeros(self.lanes, type_.dtype)
        row = self.row(text)
        if row is not None:
            return view_as(row, type_, text)
        value = immediate(text, type_)
        if value is not None:
            return value
        return self._symbol(text, type_)

    def row(self, name: str) -> Array | None:
        """A register's array, unsigned or bool; None if no register has that name."""
        row = self.rows.get(name)
        if row is not None:
            return row
        registers = self.code.registers
        type_name = registers.get(name) or registers.get(name.rstrip("0123456789"))
        if type_name is not None:
            row = self._new_register(type_name)
        elif name[0] == "%":
            row = self.machine.special(name)
        if row is not None:
            self.rows[name] = row
        return row

    def _new_register(self, type_name: str) -> Array:
        """A row of a register file."""
        dtype = _STORAGE.get(type_name)
        if dtype is None:
            raise Unsupported(f".reg .{type_name}")
        spare = self._spare.setdefault(dtype, [])
        if not spare:
            self._files.append(np.empty((_FILE_ROWS, self.lanes), dtype))
            poison(self._files[-1])
            spare.extend(self._files[-1])
        return spare.pop()

    def _symbol(self, text: str, type_: Type) -> Array:
        match = SYMBOL_SUM.match(text)
        name, offset = (match[1], int(match[2])) if match else (text, 0)
        address = self.address_of(name)
        if address is None:
            raise Malformed(f"{text!r} is no register, number or symbol in {self.function.name}")
        return (address + offset).astype(type_.dtype)

    def address_of(self, name: str) -> Array | None:
        """Generic addresses (int64, one per thread or 0-d) of a variable; None if there is none of that name."""
        place = self.place(name)
        if place is not None:
            return self.machine.local_addresses(place[0])
        return self.machine.symbol_address(name)

    def place(self, name: str) -> tuple[int, int] | None:
        """Offset and size in the thread's local memory of a local or parameter variable."""
        if name in self.places:
            return self.places[name]
        variable = self._variables.get(name)
        if variable is None or variable.space not in ("local", "param"):
            return None
        start = -(-self._next_place // 16) * 16
        self._next_place = start + variable.size + 16
        self.machine.allow_local(start, variable.size, written=variable.space == "param")
        self.places[name] = (start, variable.size)
        return self.places[name]

    def is_local(self, name: str) -> bool:
        """Whether a variable of that name is the thread's own, but no parameter."""
        variable = self._variables.get(name)
        return variable is not None and variable.space == "local"

    def is_register(self, name: str) -> bool:
        """Whether a register is declared by that name."""
        registers = self.code.registers
        return name in registers or name.rstrip("0123456789") in registers

    def storage(self, name: str) -> Array:
        """A parameter variable's bytes, one row per thread; the register itself for a `.reg` parameter."""
        place = self.place(name)
        if place is not None:
            return self.machine.local_rows[:, place[0] : place[0] + place[1]]
        row = self.row(name)
        if row is None:
            raise Malformed(f"{name!r} is passed to a call, but is no parameter variable")
        return row

    def label(self, name: str) -> int:
        """The number of the block that a label starts."""
        try:
            return self.code.labels[name.strip() if name[0] != " " else name]
        except KeyError:
            raise Malformed(f"no label {name.strip()!r} in {self.function.name}") from None

    def memory_operand(self, text: str) -> tuple[str, int]:
        """Base (register, symbol or number) and displacement of `[base+displacement]`."""
        match = _ADDRESS.match(text)
        if match is None:
            raise Malformed(f"cannot read the address {text!r}")
        return match[1], int(match[2] or "0", 0) + int(match[3] or "0", 0)

    def full(self, array: Array) -> Array:
        """An operand with one element per thread even if it is an immediate."""
        return np.full(self.lanes, array) if array.ndim == 0 else array

    def temporary(self, dtype: Any, index: int = 0) -> Array:
        """Scratch space for one instruction."""
        key = (np.dtype(dtype), index)
        if key not in self.temporaries:
            self.temporaries[key] = np.empty(self.lanes, dtype)
        return self.temporaries[key]

    # What emitters call to add steps.

    def scratch(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Add a step that only writes a temporary."""
        self.steps.append(Scratch(function, *arguments))

    def write(self, ufunc: Callable[..., Any], *sources_and_target: Array) -> None:
        """Add `ufunc(*sources, target)`."""
        self._add(Write(ufunc, *sources_and_target))

    def move(self, target: Array, source: Array) -> None:
        """Add `target[:] = source`."""
        self._add(Move(target, source))

    def compute(self, target: Array | tuple[Array, ...], function: Callable[..., Any], *sources: Array) -> None:
        """Add `target[:] = function(*sources)`; the function sees one element per thread of every source."""
        targets = target if isinstance(target, tuple) else (target,)
        self._add(Compute(targets, function, *map(self.full, sources)))

    def effect(self, call: Call) -> None:
        """Add a call that asks the machine for the active threads."""
        if self.guard is not None:
            call = self.machine.guarded(call, self.guard, self.negated)
        self.steps.append(Effect(call))

    def _add(self, step: Step) -> None:
        if self.guard is None:
            self.steps.append(step)
        else:
            self.steps.append(_Guarded(step, self.guard, self.negated))

    # Binding blocks.

    def bound_block(self, index: int) -> BoundBlock:
        """The block of that number as steps, bound the first time; raises what `bind` raises."""
        return self.blocks[index] or self.bind(index)

    def bind(self, index: int) -> BoundBlock:
        """The block of that number as steps. Unsupported, Malformed as its instructions demand."""
        from .decode import emitter

        block = self.code.blocks[index]
        self.steps, self.gate = [], None
        owners: list[int] = []
        definedness = self.machine.definedness
        statements = block.body if block.kind != "gate" else [*block.body, _gate(block)]
        for position, statement in enumerate(statements):
            self.site = Site(self.function, block, position)
            try:
                if definedness is not None:
                    self.steps.append(Effect(definedness.follow(self, statement, self.site)))
                self._emit(statement, emitter(statement[2]))
            except (KeyError, ValueError) as error:
                raise Malformed(f"cannot read {' '.join(statement)}: {error!r}") from error
            except Fault as fault:
                raise self.machine.explain(fault, self, block, position) from None
            owners += [position] * (len(self.steps) - len(owners))
        if definedness is not None and block.end is not None and block.end[1]:
            end = Site(self.function, block, len(block.body))
            self.steps.append(Effect(definedness.decide(self, block.end[1], end)))
            owners.append(len(block.body))
        bound = BoundBlock(block, self.steps, owners, self.gate)
        self.blocks[index] = bound
        self.bound.append(bound)
        return bound

    def _emit(self, statement: Statement, emit: Emitter) -> None:
        bang, guard, _, operands = statement
        if not guard:
            emit(self, split_operands(operands))
            return
        self.guard = self.operands["pred"][guard]
        self.negated = bool(bang)
        emit(self, split_operands(operands))
        self.guard = None

    def reset(self) -> None:
        """Registers as nobody wrote them, counts to none, for another launch."""
        for file in self._files:
            poison(file)
        for block in self.bound:
            block.runs = block.lanes = 0


class _Guarded(Step):
    """A step for the threads whose guard predicate holds."""

    __slots__ = ("guard", "negated", "step")

    def __init__(self, step: Step, guard: Array, negated: bool) -> None:
        self.step = step
        self.guard = guard
        self.negated = negated

    def whole(self) -> Call:
        return self._sequence(None)

    def masked(self, mask: Array) -> list[Call]:
        return [self._sequence(mask)]

    def _sequence(self, mask: Array | None) -> Call:
        chosen = np.empty(self.guard.shape, np.bool_)
        calls = self.step.masked(chosen)

        def run() -> None:
            if self.negated:
                np.logical_not(self.guard, chosen)
            else:
                np.copyto(chosen, self.guard)
            if mask is not None:
                np.logical_and(chosen, mask, chosen)
            for call in calls:
                call()

        return run


def _gate(block: Block) -> Statement:
    assert block.end is not None
    return block.end


def poison(rows: Array) -> None:
    """Fill registers with what nobody expects, so that a read before the first write shows."""
    if rows.dtype == np.bool_:
        rows.fill(True)
    else:
        rows.fill(np.resize(POISON, rows.dtype.itemsize).view(rows.dtype)[0])


def view_as(row: Array, type_: Type, text: str = "") -> Array:
    """A register's low bits as a type; writable. Malformed if the register is too narrow."""
    if row.dtype == type_.dtype:
        return row
    if row.dtype.itemsize == type_.dtype.itemsize:
        if (row.dtype == np.bool_) != (type_.kind == "p"):
            raise Malformed(f"{text} is used as .{type_.name}")
        return row.view(type_.dtype)
    if row.dtype.itemsize < type_.dtype.itemsize or row.dtype == np.bool_ or type_.kind == "p":
        raise Malformed(f"{text} is used as .{type_.name}")
    return row.view(type_.dtype)[:: row.dtype.itemsize // type_.dtype.itemsize]
