"""Watches a launch: reads of memory that nothing wrote, data races, and barriers that not all threads reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .lines import Caller, Site, source_line
from .memory import Locator
from .races import BARRIER, Access, Race, find_races
from .races import Kind as Does
from .reports import Kind, Report
from .types import Array
from .warps import Warps
from .writers import Writers

if TYPE_CHECKING:
    from .machine import Machine
    from .program import Gate

Arrival = tuple["Gate", Array, Caller | None]
"""A barrier's instruction, the lanes (bool array) that arrived there, and the call in which they did."""

_WINDOW = 1 << 20
"""How many accesses of single threads are kept; races between accesses further apart than that are not seen."""

_SEEN_BY_OTHERS = ("shared", "global", "module")


class Sanitizer:
    """What one launch (or one run of its blocks) did wrong without being stopped for it.

    `saw_unwritten`: some thread read a whole element of memory that nothing had written. By itself that is no
    error, since compilers copy the padding of structures; `definedness` finds out whether the value mattered. If there
    are `writers`, they are told who stores where.
    """

    def __init__(self, machine: Machine) -> None:
        self.reports: list[Report] = []
        self.saw_unwritten = False
        self.writers: Writers | None = None
        self._machine = machine
        self._threads = machine.threads
        self._everyone = np.arange(machine.lanes)
        self._epochs = np.zeros(machine.lanes, np.int64)
        self._logs: dict[str, list[Access]] = {}
        self._bases: dict[str, int] = {}
        self._logged = 0
        self._busy = np.zeros(machine.lanes, np.bool_)
        self._known: set[tuple[int, int, Kind]] = set()

    def report(
        self, kind: Kind, what: str, site: Site, lane: int | None, caller: Caller | None, address: int | None = None
    ) -> None:
        """Add a report, unless this kind was reported for this instruction before.

        `caller` is the call in which the instruction was executed.
        """
        key = (id(site.block), site.position, kind)
        if key not in self._known:
            self._known.add(key)
            self.reports.append(self._machine.located(Report(kind, what, address=address), site, lane, caller))

    def where(self, site: Site, caller: Caller | None) -> str:
        """The source line of an instruction, or if that is unknown the PTX line."""
        return source_line(site, caller, self._machine.index.files) or f"PTX line {site.line}"

    # Accesses.

    def read(self, site: Site, locator: Locator, offsets: Array, active: Array | None) -> None:
        """The active threads load at these offsets of the locator's segment."""
        unwritten = locator.segment.unwritten
        if unwritten is not None and not self.saw_unwritten:
            self.saw_unwritten = locator.any_unwritten(offsets)
        self._log(site, Does.READ, locator, offsets, active)

    def written(
        self, site: Site, locator: Locator, offsets: Array, active: Array | None, values: tuple[Array, ...]
    ) -> None:
        """The active threads store `values`, one array for each element of a vector."""
        if locator.segment.unwritten is not None:
            locator.mark_written(offsets)
        lanes = self._everyone if active is None else active
        self._tell_writers(locator, offsets, lanes)
        self._log(site, Does.WRITE, locator, offsets, active, values)

    def updated(self, site: Site, locator: Locator, offsets: Array, active: Array | None, changed: Array) -> None:
        """The active threads read, modify and write atomically; `changed` marks those that leave another value."""
        if locator.segment.unwritten is not None:
            self.saw_unwritten |= locator.any_unwritten(offsets)
            locator.mark_written(offsets)
        lanes = self._everyone if active is None else active
        self._tell_writers(locator, offsets[changed], lanes[changed])
        for kind, mask in ((Does.ATOMIC, changed), (Does.IDLE_ATOMIC, ~changed)):
            if mask.all():
                self._log(site, kind, locator, offsets, active)
            elif mask.any():
                self._log(site, kind, locator, offsets[mask], lanes[mask])

    def _tell_writers(self, locator: Locator, offsets: Array, lanes: Array) -> None:
        if self.writers is not None:
            threads = self._machine.first_thread + lanes
            self.writers.stored(locator.segment, offsets, locator.size, threads)

    def _log(
        self,
        site: Site,
        kind: Does,
        locator: Locator,
        offsets: Array,
        active: Array | None,
        values: tuple[Array, ...] = (),
    ) -> None:
        name = locator.segment.name
        if name not in _SEEN_BY_OTHERS:
            return
        lanes = self._everyone if active is None else active
        values = tuple(value.copy() for value in values)
        access = Access(site, self._machine.frame, kind, offsets, locator.size, lanes, self._epochs, values)
        self._logs.setdefault(name, []).append(access)
        self._bases[name] = locator.segment.base
        self._logged += len(offsets)
        if self._logged > _WINDOW:
            self.search_races()

    def search_races(self) -> None:
        """Report the races among the accesses since the last search."""
        for name, accesses in self._logs.items():
            for race in find_races(accesses, self._threads):
                self._report_race(name, race)
        self._busy |= self._took_part()
        self._logs.clear()
        self._logged = 0

    def finish(self) -> list[Report]:
        """All reports, now that the launch is over."""
        self.search_races()
        return self.reports

    def _took_part(self) -> Array:
        """Which lanes (bool array) have accessed global memory so far."""
        busy = self._busy.copy()
        for access in self._logs.get("global", ()):
            busy[access.lanes] = True
        return busy

    def _report_race(self, segment: str, race: Race) -> None:
        where = self.where(race.first.site, race.first.caller)
        other = "{} {}".format(*self._machine.thread_of(race.first_lane))
        verb = {Does.READ: "read", Does.WRITE: "written", Does.ATOMIC: "updated", Does.IDLE_ATOMIC: "updated"}
        address = self._bases[segment] + race.offset
        what = (
            f"race for {segment} memory at 0x{address:x}: {verb[race.first.kind]} at {where} by block {other} and, "
            f"with no barrier between, {verb[race.second.kind]}"
        )
        self.report(Kind.RACE, what, race.second.site, race.second_lane, race.second.caller, address)

    # Order.

    def passed_barrier(self, arrivals: Sequence[Arrival], present: Array, warps: Warps) -> None:
        """Lanes (bool arrays) passed a barrier of their block together, each coming from one instruction.

        `present` are the lanes that the launch has. Those missing have exited, so no GPU since Volta waits for them
        (CUDA C++ Programming Guide, "Synchronization Functions" and "Independent Thread Scheduling"). That is in order
        for threads beyond the bounds of a launch, which have nothing to do, and otherwise a barrier passed by.
        """
        lanes = np.logical_or.reduce([arrived for _, arrived, _ in arrivals])
        self._epochs = self._epochs + np.where(lanes, BARRIER, 0)
        gate, arrived, caller = arrivals[0]
        waiting = int(np.flatnonzero(arrived)[0])
        passing = np.isin(self._everyone // self._threads, np.unique(np.flatnonzero(lanes) // self._threads))
        missing = np.flatnonzero(passing & present & ~lanes & self._took_part())
        if len(missing) and not gate.count:
            thread = int(missing[0]) % self._threads
            what = f"divergent barrier: thread {thread} of the block, which has exited, does not reach it"
            self.report(Kind.BARRIER, what, gate.site, waiting, caller)
        if gate.aligned and len(arrivals) > 1:
            self._report_apart(arrivals, warps)

    def _report_apart(self, arrivals: Sequence[Arrival], warps: Warps) -> None:
        """Report threads of one warp that came to the same barrier at different instructions.

        PTX ISA, "barrier": for the aligned form, all threads of the warp must execute the same instruction.
        """
        owners = [np.unique(warps.index[arrived]) for _, arrived, _ in arrivals]
        for (gate, arrived, caller), warp in zip(arrivals[1:], owners[1:], strict=True):
            apart = np.isin(warp, owners[0])
            if apart.any():
                lane = int(np.flatnonzero(arrived & (warps.index == warp[apart][0]))[0])
                where = self.where(arrivals[0][0].site, arrivals[0][2])
                what = f"divergent barrier: other threads of the warp wait at {where}"
                self.report(Kind.BARRIER, what, gate.site, lane, caller)

    def passed_warp_barrier(self, lanes: Array) -> None:
        """These lanes (bool array) passed `bar.warp.sync` with the others of their warp."""
        self._epochs = self._epochs + lanes
