"""Data races: two threads at the same bytes, one of them writing, with nothing that orders them.

Threads of a block are ordered by its barriers, threads of a warp also by `bar.warp.sync`, threads of different blocks
by nothing. Two atomics never race with each other, and neither does the read that begins a compare-and-swap loop. Two
plain writes of the same value are let pass, since no order of them changes anything, and so are reads beside an atomic
that leaves the value as it was, as when Warp's backward pass repeats a maximum. Programs that order threads by
atomics alone, such as locks, are outside what this can see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from .lines import Caller, Site
from .types import Array
from .warps import WARP

BARRIER = 1 << 32
"""What passing a block's barrier adds to a thread's epoch; passing a warp's adds 1."""

_MOST_CELLS = 256
"""How many places in memory are looked at closely: the first of them show every cause."""

_MOST_WRITERS = 32


class Kind(IntEnum):
    """What an access does."""

    READ = 0
    WRITE = 1
    ATOMIC = 2
    IDLE_ATOMIC = 3


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """One instruction that threads executed together.

    `caller` is the call in which they did. `offsets` (int64) are places in a segment, one for each of `lanes`, each of
    `size` bytes and aligned to that. `epochs` holds each lane's epoch (int64, for all lanes of the machine). `values`
    are what a write stored, one array per element of a vector.
    """

    site: Site
    caller: Caller | None
    kind: Kind
    offsets: Array
    size: int
    lanes: Array
    epochs: Array
    values: tuple[Array, ...] = ()

    def bytes_at(self, position: int, offset: int, count: int) -> bytes:
        """`count` of the bytes that lane number `position` wrote, beginning at `offset` of the segment."""
        whole = b"".join(
            np.ascontiguousarray(value if value.ndim == 0 else value[position]).tobytes() for value in self.values
        )
        start = offset - int(self.offsets[position])
        return whole[start : start + count]


class Race(NamedTuple):
    """Two accesses with their lanes, and the offset of the bytes that they meet at."""

    first: Access
    first_lane: int
    second: Access
    second_lane: int
    offset: int


def find_races(accesses: Sequence[Access], threads: int) -> list[Race]:
    """The races among accesses to one segment, in the order of execution; one for each pair of instructions.

    `threads` is the number of threads in a block; thread `t` of block `b` is lane `b * threads + t`.
    """
    if all(access.kind is Kind.READ for access in accesses):
        return []
    cell = min(access.size for access in accesses)
    table = _Table(accesses, cell, _written(accesses, cell))
    found: dict[tuple[int, int], Race] = {}
    for rows in table.contested(threads)[:_MOST_CELLS]:
        for race in table.races(rows, threads):
            found.setdefault((id(race.first.site), id(race.second.site)), race)
    return list(found.values())


def _cells(access: Access, cell: int) -> Array:
    """Numbers of the cells that an access touches: one row for each lane."""
    return (access.offsets // cell)[:, None] + np.arange(access.size // cell)


def _written(accesses: Sequence[Access], cell: int) -> Array:
    """For each cell up to the last one that is written whether it is."""
    written = np.concatenate([_cells(a, cell).ravel() for a in accesses if a.kind is not Kind.READ])
    flags = np.zeros(int(written.max()) + 2, np.bool_)
    flags[written] = True
    return flags


class _Table:
    """Accesses to cells that somebody writes, one row for each cell and lane, sorted by cell and then by time."""

    def __init__(self, accesses: Sequence[Access], cell: int, written: Array) -> None:
        self.accesses = accesses
        self.cell_bytes = cell
        parts: list[tuple[Array, ...]] = []
        for number, access in enumerate(accesses):
            cells = _cells(access, cell)
            lanes, places = np.nonzero(written.take(cells, mode="clip"))
            if len(lanes):
                whole = np.full(len(lanes), number)
                owners = access.lanes[lanes]
                parts.append((cells[lanes, places], whole, lanes, owners, access.epochs[owners]))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        self.cell, self.access, self.position, self.lane, self.epoch = (column[order] for column in columns)
        self.kind = np.array([access.kind for access in accesses], np.int8)[self.access]
        self._excuse_compare_and_swap()
        self._excuse_idle_atomics()

    def _excuse_idle_atomics(self) -> None:
        """Keep the atomics that change nothing only where somebody writes plainly: there they are as good as others."""
        idle = self.kind == Kind.IDLE_ATOMIC
        if not idle.any():
            return
        kept = ~idle | np.isin(self.cell, self.cell[self.kind == Kind.WRITE])
        self.kind[idle] = Kind.ATOMIC
        columns = (self.cell, self.access, self.position, self.lane, self.epoch, self.kind)
        self.cell, self.access, self.position, self.lane, self.epoch, self.kind = (column[kept] for column in columns)

    def _excuse_compare_and_swap(self) -> None:
        """Let the reads count as idle atomics with which compare-and-swap loops begin.

        The swap fails if the value that was read is no longer there. An instruction begins such loops if some thread
        follows it with a swap at the same place, or the program could; another may find that it has nothing to swap.
        """
        swaps = np.array([".cas" in access.site.opcode for access in self.accesses])[self.access]
        if not swaps.any():
            return
        pair = self.cell * (int(self.lane.max()) + 1) + self.lane
        places, group = np.unique(pair, return_inverse=True)
        last_swap = np.full(len(places), -1)
        np.maximum.at(last_swap, group[swaps], self.access[swaps])
        begins = np.unique(self.access[(self.kind == Kind.READ) & (self.access < last_swap[group])])
        sites = {id(self.accesses[number].site) for number in begins}
        excused = np.array([access.kind is Kind.READ and _begins(access.site, sites) for access in self.accesses])
        self.kind[excused[self.access]] = Kind.IDLE_ATOMIC

    def contested(self, threads: int) -> list[Array]:
        """The rows of the first cells at which two lanes meet in a way that may be a race."""
        if not len(self.cell):
            return []
        between_blocks = self._mixed(self.cell) & self._varies(self.lane // threads, self.cell)
        stage = self.epoch // BARRIER
        order = np.lexsort((stage, self.cell))
        key = self.cell * (int(stage.max()) + 1) + stage
        within = self._mixed(key, order) & self._varies(self.lane, key, order)
        suspect = np.zeros(len(self.cell), np.bool_)
        suspect[order] = within
        cells = np.unique(self.cell[suspect | between_blocks])[:_MOST_CELLS]
        return [np.arange(*np.searchsorted(self.cell, [cell, cell + 1])) for cell in cells]

    def _mixed(self, key: Array, order: Array | None = None) -> Array:
        """For each row, in the given order, whether its key's accesses are neither all reads nor all atomics."""
        low, high = _extremes(self.kind, key, order)
        return (high != Kind.READ) & (low != Kind.ATOMIC)

    def _varies(self, value: Array, key: Array, order: Array | None = None) -> Array:
        low, high = _extremes(value, key, order)
        return low != high

    def races(self, rows: Array, threads: int) -> list[Race]:
        """The races among the accesses to one cell."""
        lane, kind, epoch = self.lane[rows], self.kind[rows], self.epoch[rows]
        found = []
        for writer in np.flatnonzero(kind != Kind.READ)[:_MOST_WRITERS]:
            conflict = (lane != lane[writer]) & ~((kind == Kind.ATOMIC) & (kind[writer] == Kind.ATOMIC))
            conflict &= _unordered(lane, epoch, int(lane[writer]), int(epoch[writer]), threads)
            for other in np.flatnonzero(conflict):
                first, second = sorted((int(rows[writer]), int(rows[other])))
                if not self._same_value(first, second):
                    found.append(self._race(first, second))
                    break
        return found

    def _same_value(self, first: int, second: int) -> bool:
        if self.kind[first] != Kind.WRITE or self.kind[second] != Kind.WRITE:
            return False
        offset = int(self.cell[first]) * self.cell_bytes
        one, other = (
            self.accesses[self.access[row]].bytes_at(int(self.position[row]), offset, self.cell_bytes)
            for row in (first, second)
        )
        return one == other

    def _race(self, first: int, second: int) -> Race:
        offset = int(self.cell[first]) * self.cell_bytes
        one, other = self.accesses[self.access[first]], self.accesses[self.access[second]]
        return Race(one, int(self.lane[first]), other, int(self.lane[second]), offset)


def _begins(site: Site, seen: set[int]) -> bool:
    """Whether a load begins compare-and-swap loops: it was seen to, or its address is that of a swap."""
    return id(site) in seen or site.begins_swap


def _extremes(value: Array, key: Array, order: Array | None) -> tuple[Array, Array]:
    """For each row in the given order the least and the greatest value among the rows with its key.

    Rows with the same key are neighbours in that order.
    """
    if order is not None:
        value, key = value[order], key[order]
    changes = np.concatenate(([True], key[1:] != key[:-1]))
    starts, group = np.flatnonzero(changes), np.cumsum(changes) - 1
    return np.minimum.reduceat(value, starts)[group], np.maximum.reduceat(value, starts)[group]


def _unordered(lanes: Array, epochs: Array, lane: int, epoch: int, threads: int) -> Array:
    """Which of the lanes at their epochs nothing orders before or after `lane` at `epoch`."""
    same_block = lanes // threads == lane // threads
    same_warp = same_block & (lanes % threads // WARP == lane % threads // WARP)
    same_stage = epochs // BARRIER == epoch // BARRIER
    return ~same_block | (same_stage & (~same_warp | (epochs == epoch)))
