"""Runs a launch: which threads go on where, how they part, meet again, and wait for each other.

Threads that stand at the same place in the same call form a group. The group whose place comes first in layout order
runs, so that the others are caught up with and rejoined where the paths meet; every so often the last one runs
for a while, so that a thread spinning on a lock cannot starve its holder. A place is the call path and a block number.
While all threads are together, blocks run without masks.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import Fault, StepLimit, Unsupported
from .frames import Frame, Key, Place
from .gates import Gates
from .machine import Machine
from .parse import Function, Statement, split_operands
from .program import BoundBlock, Gate, Program
from .reports import Kind
from .steps import Call
from .system_calls import SYSTEM_CALLS
from .trace import Tracer
from .types import Array

_FAIRNESS = 1024
_BURST = 32
"""Of so many turns, so many go to the last group: enough of them in a row for what is usually done under a lock."""

_RETURN_ADDRESS = 16
"""Bytes of local memory that every call needs, so that endless recursion ends."""


@dataclass
class _Waiting:
    """Groups that could run, by place."""

    masks: dict[Key, Array] = field(default_factory=dict)
    places: dict[Key, Place] = field(default_factory=dict)
    heap: list[Key] = field(default_factory=list)

    def add(self, place: Place, mask: Array) -> None:
        key = place.key
        if key in self.masks:
            self.masks[key] = self.masks[key] | mask
        else:
            self.masks[key] = mask
            self.places[key] = place
            heapq.heappush(self.heap, key)

    def take(self, key: Key) -> tuple[Place, Array]:
        if self.heap[0] == key:
            heapq.heappop(self.heap)
        else:
            self.heap.remove(key)
            heapq.heapify(self.heap)
        return self.places.pop(key), self.masks.pop(key)


class Executor:
    """Runs a machine's threads from the entry to their end."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.programs: dict[tuple[str, int], Program] = {}
        self.root = Frame(self._program(machine.entry.name, 0), None, ())
        self.frames: dict[Key, Frame] = {}
        self.waiting = _Waiting()
        self.gates = Gates(machine)
        self.together = True
        self.count = 0
        self.tracer: Tracer | None = None

    def executed(self) -> list[tuple[BoundBlock, int]]:
        """Blocks that ran since `run` began, and by how many threads in all, counting each time."""
        blocks = (block for program in self.programs.values() for block in program.bound)
        return [(block, block.lanes) for block in blocks if block.lanes]

    def run(self, limit: int) -> int:
        """Run to the end of all threads. Steps executed; StepLimit beyond `limit` of them."""
        machine = self.machine
        for program in self.programs.values():
            program.reset()
        self.waiting = _Waiting()
        self.gates.clear()
        self.together = True
        self._activate(machine.live.copy())
        frame: Frame | None = self.root
        number, steps, turns = 0, 0, 0
        while frame is not None:
            block = frame.program.bound_block(number)
            if block.gate is not None and not (self.together and not self.gates):
                place = self._arrive(Place(frame, number), block.gate)
                if place is None or place.block != number or place.frame is not frame:
                    frame, number = (None, 0) if place is None else (place.frame, place.block)
                    if frame is None:
                        frame, number = self._next(None, 0)
                    continue
            self._run_block(frame, block)
            if block.gate is not None:
                self.gates.passed([(block.gate, machine.mask, frame)])
            steps += block.size
            if steps > limit:
                raise StepLimit(limit)
            frame, number = self._leave(frame, number, block)
            if not self.together or frame is None:
                turns += 1
                frame, number = self._next(frame, number, fair=turns % _FAIRNESS >= _FAIRNESS - _BURST)
        return steps

    def _run_block(self, frame: Frame, block: BoundBlock) -> None:
        machine = self.machine
        steps = block.whole if self.together else block.masked(machine.mask)
        calls: Iterable[Call] = steps if self.tracer is None else self.tracer.follow(machine, frame, block, steps)
        block.runs += 1
        block.lanes += self.count
        call: Any = None
        machine.frame = frame
        try:
            for call in calls:
                call()
        except Fault as fault:
            raise machine.explain(fault, frame.program, block.block, block.owner(call)) from None

    # Groups.

    def _activate(self, mask: Array) -> None:
        machine = self.machine
        machine.mask[:] = mask
        self.count = int(np.count_nonzero(mask))
        machine.active = None if self.count == machine.lanes else np.flatnonzero(mask)

    def _next(self, frame: Frame | None, number: int, fair: bool = False) -> tuple[Frame | None, int]:
        """Which group runs next: the current one, which stands at `frame` and `number`, or one that waits."""
        waiting = self.waiting
        if frame is not None:
            if not waiting.heap:
                self.together = not self.gates
                return frame, number
            place = Place(frame, number)
            key = place.key
            if not fair and key < waiting.heap[0]:
                return frame, number
            waiting.add(place, self.machine.mask.copy())
        elif not waiting.heap and not self._release():
            if self.gates:
                raise self.gates.deadlock()
            return None, 0
        chosen, mask = waiting.take(max(waiting.heap) if fair else waiting.heap[0])
        self._activate(mask)
        self.together = not waiting.heap and not self.gates
        return chosen.frame, chosen.block

    # Ends of blocks.

    def _leave(self, frame: Frame, number: int, block: BoundBlock) -> tuple[Frame | None, int]:
        """Where the active group goes after a block; threads that part from it are put among those that wait."""
        kind, end = block.kind, block.block.end
        if kind in ("fall", "gate"):
            return frame, number + 1
        assert end is not None
        _, guard, _, operands = end
        if kind == "call":
            return self._call(frame, number, end)
        if kind == "table":
            return self._jump_by_table(frame, end)
        if not guard:
            if kind == "branch":
                return frame, frame.program.label(operands)
            return self._end(frame, kind)
        return self._part(frame, number, kind, end)

    def _part(self, frame: Frame, number: int, kind: str, end: Statement) -> tuple[Frame | None, int]:
        """A guarded branch, return or exit."""
        bang, name, _, label = end
        guard = frame.program.operands["pred"][name]
        everyone = self.machine.mask
        if self.machine.active is not None:
            guard = everyone & ~guard if bang else guard & everyone
        elif bang:
            guard = ~guard
        taken = int(np.count_nonzero(guard))
        if taken == 0:
            return frame, number + 1
        if taken == self.count:
            if kind == "branch":
                return frame, frame.program.label(label)
            return self._end(frame, kind)
        stay = everyone & ~guard
        self.together = False
        if kind == "branch":
            self.waiting.add(Place(frame, frame.program.label(label)), np.array(guard))
            self._activate(stay)
            return frame, number + 1
        self.waiting.add(Place(frame, number + 1), stay)
        self._activate(np.array(guard))
        return self._end(frame, kind)

    def _jump_by_table(self, frame: Frame, end: Statement) -> tuple[Frame | None, int]:
        _, _, opcode, operands = end
        index, table = split_operands(operands)
        labels = [frame.program.label(name) for name in frame.program.code.tables[table]]
        chosen = frame.program.full(frame.program.operands["u32"][index])
        mask = self.machine.mask.copy()
        for i, label in enumerate(labels):
            here = mask & (chosen == i)
            if here.any():
                self.waiting.add(Place(frame, label), here)
                mask &= ~here
        if mask.any():
            raise Fault(Kind.CALL, f"{opcode} beyond its table")
        self.together = False
        return None, 0

    def _end(self, frame: Frame, kind: str) -> tuple[Frame | None, int]:
        """The active group returns from a call or exits."""
        if kind == "return" and frame.parent is not None:
            caller = frame.parent
            statement = caller.program.code.blocks[frame.call].end
            assert statement is not None
            results, _, _ = read_call(statement)
            self._copy(caller.program, results, frame.program, [v.name for v in frame.program.function.results], False)
            return caller, frame.call + 1
        self.machine.live &= ~self.machine.mask
        if self.gates:
            self._release()
        return None, 0

    def _call(self, frame: Frame, number: int, end: Statement) -> tuple[Frame | None, int]:
        results, name, arguments = read_call(end)
        try:
            if name[0] == "%":
                return self._call_indirect(frame, number, name, arguments)
            function = self.machine.index.functions.get(name)
            if function is not None and function.is_defined:
                return self._enter(frame, (*frame.path, number), function, arguments), 0
            self._call_system(frame, name, results, arguments)
            if self.machine.definedness is not None:
                self.machine.definedness.define(frame.program, results)
        except Fault as fault:
            block = frame.program.code.blocks[number]
            raise self.machine.explain(fault, frame.program, block, len(block.body)) from None
        return frame, number + 1

    def _enter(self, frame: Frame, path: Key, function: Function, arguments: list[str]) -> Frame:
        """The frame of a call of `function` by the active group, its arguments passed."""
        if path not in self.frames:
            program = self._program(function.name, frame.program.frame_end + _RETURN_ADDRESS)
            self.frames[path] = Frame(program, frame, path)
        callee = self.frames[path]
        self._copy(frame.program, arguments, callee.program, [v.name for v in function.parameters], True)
        return callee

    def _call_indirect(
        self, frame: Frame, number: int, register: str, arguments: list[str]
    ) -> tuple[Frame | None, int]:
        """A call through a register: the active group parts by the functions that its threads call."""
        machine = self.machine
        targets = frame.program.operands["u64"][register]
        everyone = machine.mask.copy()
        functions = {address: self._function_at(address) for address in dict.fromkeys(targets[everyone].tolist())}
        for address, function in functions.items():
            if function is None:
                lane = int(np.argmax(targets[everyone] == address))
                raise Fault(Kind.CALL, f"call of 0x{address:x}, where no function is", address, lane)
        for address, function in functions.items():
            assert function is not None
            if len(functions) > 1:
                self.together = False
                self._activate(everyone & (targets == address))
            callee = self._enter(frame, (*frame.path, number, address), function, arguments)
            if len(functions) == 1:
                return callee, 0
            self.waiting.add(Place(callee, 0), machine.mask.copy())
        return None, 0

    def _function_at(self, address: int) -> Function | None:
        function = self.machine.space.function_at(address)
        return function if function is not None and function.is_defined else None

    def _call_system(self, frame: Frame, name: str, results: list[str], arguments: list[str]) -> None:
        """A call of a function that the device's runtime defines."""
        call = SYSTEM_CALLS.get(name)
        if call is None:
            raise Unsupported(f"call {name}")
        active = np.flatnonzero(self.machine.mask)
        columns = [_integers(frame.program.storage(argument)[active]) for argument in arguments]
        returned = call(self.machine, list(zip(*columns, strict=True)))
        if results:
            storage = frame.program.storage(results[0])
            size = storage.itemsize * (storage.shape[1] if storage.ndim == 2 else 1)
            values = np.array(returned, f"i{size}").view(storage.dtype)
            storage[active] = values.reshape(len(active), *storage.shape[1:])

    def _copy(self, caller: Program, outer: list[str], callee: Program, inner: list[str], into_callee: bool) -> None:
        """Pass arguments or results by copying parameter variables between two frames."""
        if len(outer) != len(inner):
            raise Fault(Kind.CALL, f"call of {callee.function.name} with {len(outer)} for {len(inner)} values")
        mask = None if self.together else self.machine.mask
        for out, own in zip(outer, inner, strict=True):
            outside, inside = caller.storage(out), callee.storage(own)
            target, source = (inside, outside) if into_callee else (outside, inside)
            if mask is not None and target.ndim == 2:
                np.copyto(target, source, where=mask[:, None])
            elif mask is not None:
                np.copyto(target, source, where=mask)
            else:
                np.copyto(target, source)
            if self.machine.definedness is not None:
                self.machine.definedness.copy(caller, out, callee, own, into_callee)

    def _program(self, name: str, base: int) -> Program:
        base = -(-base // 16) * 16
        program = self.programs.get((name, base))
        if program is None:
            program = Program(self.machine, self.machine.index.functions[name], base)
            self.programs[name, base] = program
        return program

    # Gates.

    def _arrive(self, place: Place, gate: Gate) -> Place | None:
        """The active group arrives at a gate: where the threads that may go on stand, None if all must wait."""
        self.gates.park(place, gate, self.machine.mask)
        if gate.members is None and not gate.together:
            self._run_block(place.frame, place.frame.program.bound_block(place.block))
            if gate.arrive_only:
                return place.after
            self._release()
            return None
        ready = self.gates.take_ready(place, gate)
        if ready is None:
            return None
        self._activate(ready)
        return place

    def _release(self) -> bool:
        """Let threads go on whose gates have opened; whether there were any."""
        opened = self.gates.release()
        for place, ready in opened or ():
            self.waiting.add(place, ready)
        return opened is not None


def read_call(statement: Statement) -> tuple[list[str], str, list[str]]:
    """Names of the result variables, the function, and the argument variables of a `call`."""
    operands = split_operands(statement[3])
    results: list[str] = []
    if operands[0][0] == "(":
        results = _names(operands.pop(0))
    arguments = _names(operands[1]) if len(operands) > 1 and operands[1][0] == "(" else []
    return results, operands[0], arguments


def _integers(rows: Array) -> list[int]:
    """Parameters' bytes, one row per thread, as unsigned integers."""
    if rows.ndim == 2:
        rows = np.ascontiguousarray(rows).view(f"u{rows.shape[1]}")[:, 0]
    found: list[int] = rows.tolist()
    return found


def _names(text: str) -> list[str]:
    return [name for name in text.strip("()").split(",") if name]
