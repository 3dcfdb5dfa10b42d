"""Gates: where threads wait for each other, from `bar.sync` to the shuffles of a warp, and when they may go on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import Fault
from .frames import Key, Place
from .machine import Machine
from .program import Gate
from .reports import Kind
from .sanitizer import Arrival
from .types import Array


@dataclass
class _Parked:
    """Threads that wait at a gate."""

    place: Place
    gate: Gate
    mask: Array


class Gates:
    """The threads of a launch that wait for others; false if there are none."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._parked: dict[tuple[Key, Gate], _Parked] = {}

    def __bool__(self) -> bool:
        return bool(self._parked)

    def clear(self) -> None:
        """Nobody waits."""
        self._parked.clear()

    def park(self, place: Place, gate: Gate, lanes: Array) -> None:
        """These lanes (bool array) arrive."""
        key = (place.key, gate)
        if key in self._parked:
            self._parked[key].mask = self._parked[key].mask | lanes
        else:
            self._parked[key] = _Parked(place, gate, lanes.copy())

    def take_ready(self, place: Place, gate: Gate) -> Array | None:
        """The lanes parked at one gate that need wait no longer, who then wait no longer; None if all must."""
        key = (place.key, gate)
        ready = self._ready(self._parked[key])
        if not ready.any():
            return None
        self._unpark(key, ready)
        return ready

    def release(self) -> list[tuple[Place, Array]] | None:
        """Where lanes go on whose gates have opened, who then wait no longer; None if no gate has opened."""
        opened = [(key, self._ready(parked)) for key, parked in self._parked.items()]
        opened = [(key, ready) for key, ready in opened if ready.any()]
        barriers: dict[int, list[Arrival]] = {}
        going = []
        for key, ready in opened:
            parked = self._parked[key]
            self._unpark(key, ready)
            runs_there = parked.gate.members is not None or parked.gate.together
            if not runs_there:
                barriers.setdefault(parked.gate.barrier, []).append((parked.gate, ready, parked.place.frame))
            if not parked.gate.arrive_only:
                going.append((parked.place if runs_there else parked.place.after, ready))
        for arrivals in barriers.values():
            self.passed(arrivals)
        return going if opened else None

    def _unpark(self, key: tuple[Key, Gate], ready: Array) -> None:
        left = self._parked[key].mask & ~ready
        if left.any():
            self._parked[key].mask = left
        else:
            del self._parked[key]

    def _ready(self, parked: _Parked) -> Array:
        """Which of the threads parked at one gate need wait no longer."""
        machine, gate = self._machine, parked.gate
        if gate.members is not None:
            here = machine.warps.ballot(parked.mask)
            missing = machine.warps.ballot(machine.live) & gate.members & ~here
            return parked.mask & (missing == 0)
        if gate.together:
            return parked.mask & (machine.per_block(parked.mask) == machine.per_block(machine.live))
        arrived = np.zeros(machine.lanes, np.bool_)
        for other in self._parked.values():
            if other.gate.members is None and other.gate.barrier == gate.barrier:
                arrived |= other.mask
        needed = machine.per_block(machine.live)
        if gate.count:
            needed = np.minimum(needed, gate.count)
        return parked.mask & (machine.per_block(arrived) >= needed)

    def passed(self, arrivals: list[Arrival]) -> None:
        """Tell the sanitizer which threads passed a gate together, and where each of them stood."""
        machine = self._machine
        if machine.sanitizer is None or not arrivals[0][0].orders:
            return
        if arrivals[0][0].members is not None:
            machine.sanitizer.passed_warp_barrier(arrivals[0][1])
        else:
            machine.sanitizer.passed_barrier(arrivals, machine.present, machine.warps)

    def deadlock(self) -> Fault:
        """What to say when all threads that are left wait."""
        parked = next(iter(self._parked.values()))
        block = parked.place.frame.program.code.blocks[parked.place.block]
        lane = int(np.flatnonzero(parked.mask)[0])
        self._machine.active = None
        self._machine.frame = parked.place.frame
        fault = Fault(Kind.BARRIER, "divergent barrier: threads wait for others that never arrive", lane=lane)
        return self._machine.explain(fault, parked.place.frame.program, block, len(block.body))
