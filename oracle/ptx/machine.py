"""A launch's state that steps work on: memory segments, special registers, and which threads are active."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from .definedness import Definedness
from .errors import Fault
from .lines import Caller, Site, source_line
from .memory import (
    ALIGNMENT,
    LOCAL_BASE,
    PARAM_BASE,
    SHARED_BASE,
    Extent,
    GlobalMemory,
    Locator,
    Segment,
)
from .module_space import ModuleSpace
from .parse import Block, Function, ModuleIndex, Variable
from .program import Program
from .reports import Kind, Report, Triple
from .sanitizer import Sanitizer
from .types import Array, Type
from .warps import WARP, Warps

_ONE_AXIS = re.compile(r"%(tid|ntid|ctaid|nctaid)\.([xyz])$")
_CONSTANTS = {
    "%nwarpid": 64,
    "%smid": 0,
    "%nsmid": 1,
    "%gridid": 0,
    "%clock": 0,
    "%clock_hi": 0,
    "%clock64": 0,
    "%globaltimer": 0,
    "%globaltimer_lo": 0,
    "%globaltimer_hi": 0,
    "%cluster_ctarank": 0,
    "%cluster_nctarank": 1,
}
_RECURSION_BYTES = 16384


class Machine:
    """All threads of a launch (or of a run of its blocks) and everything that they can reach.

    `lanes` is the number of threads; thread `t` of block `b` is lane `b * threads + t`. `mask` holds the active
    threads (always the same array), `active` their positions, or None if they are all.
    """

    def __init__(self, index: ModuleIndex, space: ModuleSpace, entry: Function, blocks: int, block: Triple) -> None:
        self.index = index
        self.space = space
        self.entry = entry
        self.blocks = blocks
        self.block = block
        self.threads = block[0] * block[1] * block[2]
        self.lanes = blocks * self.threads
        self.mask = np.ones(self.lanes, np.bool_)
        self.live = np.ones(self.lanes, np.bool_)
        self.active: Array | None = None
        self.sanitizer: Sanitizer | None = None
        self.frame: Caller | None = None
        self.definedness: Definedness | None = None
        self.carry = np.zeros(self.lanes, np.bool_)
        self._thread = np.arange(self.lanes) % self.threads
        self._cta = np.arange(self.lanes) // self.threads
        self._specials: dict[str, Array] = {}
        self._locators: list[Locator] = []
        self._warps: Warps | None = None
        self._float_sums: list[tuple[Array, Array, Array]] = []
        self.printed: list[str] = []
        self._make_local()
        self._make_shared()
        self._make_parameters()
        self.segments: dict[str, Segment] = {}
        self.textures: Mapping[int, Array] = {}
        self._grid: Triple = (1, 1, 1)
        self._first_block = 0

    # Memory.

    def _make_local(self) -> None:
        functions = [f for f in self.index.functions.values() if not f.is_entry and f.is_defined]
        size = self.entry.local_bytes + sum(f.local_bytes for f in functions)
        if any(f.calls for f in functions):
            size += _RECURSION_BYTES
        self.local_bytes = -(-size // 256) * 256
        self._columns: list[slice] = []
        self._local = Segment("local", LOCAL_BASE, self.lanes * self.local_bytes)
        self.local_rows = self.rows_of_local(self._local.data)
        self._local_starts = np.arange(self.lanes) * self.local_bytes + (LOCAL_BASE + ALIGNMENT)

    def rows_of_local(self, per_byte: Array) -> Array:
        """A view of what an array holds for each byte of the local segment: one row for each thread."""
        return per_byte[ALIGNMENT : ALIGNMENT + self.lanes * self.local_bytes].reshape(self.lanes, self.local_bytes)

    def allow_local(self, start: int, size: int, written: bool) -> None:
        """Make `size` bytes at `start` of every thread's local memory accessible.

        With `written`, nobody is told when they are read before they are written: those of parameters, which are
        accessed by name.
        """
        if start + size > self.local_bytes:
            raise Fault(
                Kind.CALL, f"local memory exhausted: a call needs more than {self.local_bytes} bytes per thread"
            )
        extent = Extent(ALIGNMENT + start, size, self.lanes, self.local_bytes)
        if extent not in self._local.extents:
            self._local.add(extent)
            if written:
                self._columns.append(slice(start, start + size))
                self._mark_columns(self._columns[-1:])

    def _mark_columns(self, columns: list[slice]) -> None:
        if self._local.unwritten is not None:
            rows = self.rows_of_local(self._local.unwritten[np.dtype(np.uint8)])
            for column in columns:
                rows[:, column] = 0

    def local_addresses(self, start: int) -> Array:
        """Each thread's generic address of byte `start` of its local memory."""
        return self._local_starts + start

    def _make_shared(self) -> None:
        self._shared_variables: dict[str, Variable] = {
            n: v for n, v in self.index.variables.items() if v.space == "shared"
        }
        self._shared_places: dict[str, int] = {}
        self._shared_next = 0
        self._set_dynamic_shared(0)

    def _set_dynamic_shared(self, size: int) -> None:
        self._dynamic_shared = size
        room = sum(v.size + v.align + 256 for v in self._shared_variables.values()) + size + 512
        self.shared_bytes = -(-room // 256) * 256
        self._shared = Segment("shared", SHARED_BASE, self.blocks * self.shared_bytes)
        self._shared_starts = self._cta * self.shared_bytes + (SHARED_BASE + ALIGNMENT)
        for name, place in self._shared_places.items():
            self._allow_shared(place, self._shared_size(name))

    def _shared_size(self, name: str) -> int:
        return self._shared_variables[name].size or self._dynamic_shared

    def _shared_address(self, name: str) -> Array | None:
        variable = self._shared_variables.get(name)
        if variable is None:
            return None
        if name not in self._shared_places:
            align = max(16, variable.align)
            place = -(-self._shared_next // align) * align
            self._shared_places[name] = place
            self._shared_next = place + self._shared_size(name) + 64
            self._allow_shared(place, self._shared_size(name))
        return self._shared_starts + self._shared_places[name]

    def _allow_shared(self, place: int, size: int) -> None:
        self._shared.add(Extent(ALIGNMENT + place, size, self.blocks, self.shared_bytes))

    def _make_parameters(self) -> None:
        self._parameter_places: dict[str, tuple[int, int]] = {}
        start = ALIGNMENT
        for parameter in self.entry.parameters:
            start = -(-start // max(16, parameter.align)) * max(16, parameter.align)
            self._parameter_places[parameter.name] = (start, parameter.size)
            start += parameter.size + 16
        self.parameters = Segment("param", PARAM_BASE, start, writable=False)
        for place, size in self._parameter_places.values():
            self.parameters.add(Extent(place, size))

    def entry_parameter(self, program: Program, name: str) -> tuple[int, int] | None:
        """Offset and size of a kernel parameter, if `name` is one and `program` is the kernel."""
        return self._parameter_places.get(name) if program.function.is_entry else None

    def symbol_address(self, name: str) -> Array | None:
        """Generic addresses of a module variable, shared variable or kernel parameter."""
        address = self.space.address(name)
        if address is not None:
            return np.array(address, np.int64)
        if name in self._parameter_places:
            return np.array(PARAM_BASE + self._parameter_places[name][0], np.int64)
        return self._shared_address(name)

    def locator(self, space: str, displacement: int, element: int, count: int, writes: bool) -> Locator:
        """A new instruction's locator. It expects the likeliest segment, now and at the start of every launch."""
        locator = Locator(space, displacement, element, count, writes)
        locator.aim(self.segments[locator.allowed[0]])
        self._locators.append(locator)
        return locator

    def for_each_group(self, groups: list[Array], access: Callable[[], None]) -> None:
        """Repeat an access for each group of positions among the active threads."""
        everyone = self.active
        try:
            for group in groups:
                self.active = group if everyone is None else everyone[group]
                access()
        finally:
            self.active = everyone

    def guarded(self, call: Callable[[], None], guard: Array, negated: bool) -> Callable[[], None]:
        """`call` for those active threads only whose guard predicate holds."""

        def run() -> None:
            everyone, mask = self.active, self.mask.copy()
            np.logical_and(mask, ~guard if negated else guard, self.mask)
            self.active = np.flatnonzero(self.mask)
            try:
                if len(self.active):
                    call()
            finally:
                self.mask[:] = mask
                self.active = everyone

        return run

    def log_float_sum(self, addresses: Array, summands: Array, type_: Type, chosen: Array | None = None) -> None:
        """Remember what a floating-point `atom.add`, or a loop in its place, added, and where.

        `chosen` marks those of the active threads that did, if not all of them.
        """
        if type_.dtype.kind == "f" and not SHARED_BASE <= addresses[0] < PARAM_BASE:
            numbers = np.broadcast_to(summands, addresses.shape).astype(np.float64)
            lanes = np.arange(self.lanes) if self.active is None else self.active
            threads = (lanes if chosen is None else lanes[chosen]) + self._first_block * self.threads
            self._float_sums.append((addresses, numbers, threads))

    # Threads.

    @property
    def warps(self) -> Warps:
        """How the threads form warps."""
        if self._warps is None:
            self._warps = Warps(self.blocks, self.threads)
        return self._warps

    def per_block(self, holds: Array) -> Array:
        """For each thread, how many threads of its block satisfy `holds`."""
        return holds.reshape(self.blocks, self.threads).sum(axis=1)[self._cta]

    def thread_of(self, lane: int) -> tuple[Triple, Triple]:
        """A lane's block index and thread index."""
        return (
            _unravel(self._first_block + lane // self.threads, self._grid),
            _unravel(lane % self.threads, self.block),
        )

    @property
    def first_thread(self) -> int:
        """The linear number, in the launch, of the thread that is lane 0 now."""
        return self._first_block * self.threads

    def lane_of(self, block: int, thread: int) -> int | None:
        """The lane of a thread, both numbers linear; None if it is not among the threads that run together now."""
        lane = (block - self._first_block) * self.threads + thread
        return lane if 0 <= lane < self.lanes and 0 <= thread < self.threads else None

    def special(self, name: str) -> Array | None:
        """A special register, one element per thread or 0-d; None if the name is none."""
        if name not in self._specials:
            found = self._special(name)
            if found is None:
                return None
            self._specials[name] = np.array(np.broadcast_to(found, self.lanes))
        return self._specials[name]

    def _special(self, name: str) -> Array | None:
        match = _ONE_AXIS.match(name)
        if match is not None:
            axis = "xyz".index(match[2])
            position = {"tid": self._thread, "ctaid": self._cta + self._first_block}.get(match[1])
            extent = self.block if match[1] in ("tid", "ntid") else self._grid
            if position is None:
                return np.array(extent[axis], np.uint32)
            below = int(np.prod(extent[:axis], dtype=np.int64))
            return (position // below % extent[axis]).astype(np.uint32)
        lane = (self._thread % WARP).astype(np.uint32)
        if name == "%laneid":
            return lane
        if name == "%warpid":
            return (self._thread // WARP).astype(np.uint32)
        if name.startswith("%lanemask_"):
            return _lane_mask(name.removeprefix("%lanemask_"), lane)
        if name in _CONSTANTS:
            wide = name in ("%clock64", "%globaltimer", "%gridid")
            return np.array(_CONSTANTS[name], np.uint64 if wide else np.uint32)
        if name in ("%dynamic_smem_size", "%total_smem_size"):
            return np.array(self._dynamic_shared, np.uint32)
        return None

    # Launches.

    def prepare(
        self,
        grid: Triple,
        first_block: int,
        present: int,
        parameters: list[bytes],
        memory: GlobalMemory,
        dynamic_shared: int,
        sanitize: bool,
    ) -> None:
        """Make everything as at the start of a launch, `present` blocks of it beginning at `first_block`."""
        self._grid, self._first_block = grid, first_block
        for name, row in self._specials.items():
            row[:] = self._special(name)
        self._store_parameters(parameters)
        if dynamic_shared != self._dynamic_shared:
            self._set_dynamic_shared(dynamic_shared)
        self._forget_memory(sanitize)
        self.segments = {
            "global": memory.segment,
            "module": self.space.segment,
            "local": self._local,
            "shared": self._shared,
            "param": self.parameters,
        }
        self.textures = memory.textures
        for locator in self._locators:
            locator.aim(self.segments[locator.allowed[0]])
        self.live[:] = self._cta < present
        self.present = self.live.copy()
        self.sanitizer = Sanitizer(self) if sanitize else None
        self.carry.fill(False)
        self._float_sums.clear()
        self.printed.clear()

    def _forget_memory(self, sanitize: bool) -> None:
        """Local and shared memory as at the start of a launch; nothing tells what nobody wrote unless `sanitize`."""
        for segment in (self._local, self._shared):
            if not sanitize:
                segment.unwritten = None
            segment.forget(watched=sanitize)
        self._mark_columns(self._columns)

    def _store_parameters(self, parameters: list[bytes]) -> None:
        declared = self.entry.parameters
        if len(parameters) != len(declared):
            raise ValueError(f"{self.entry.name} has {len(declared)} parameters, {len(parameters)} were given")
        for parameter, value in zip(declared, parameters, strict=True):
            if len(value) != parameter.size:
                raise ValueError(f"{parameter.name} has {parameter.size} bytes, {len(value)} were given")
            place, size = self._parameter_places[parameter.name]
            self.parameters.data[place : place + size] = np.frombuffer(value, np.uint8)

    def float_sums(self) -> list[tuple[Array, Array, Array]]:
        """Of each floating-point `atom.add` so far: addresses, summands (float64), and the threads' numbers."""
        return list(self._float_sums)

    def explain(self, fault: Fault, program: Program, block: Block, position: int) -> Fault:
        """The fault with the instruction, thread and source line where it happened."""
        lane = fault.lane
        if lane is not None and self.active is not None:
            lane = int(self.active[lane])
        fault.report = self.located(fault.report, Site(program.function, block, position), lane, self.frame)
        return fault

    def located(self, report: Report, site: Site, lane: int | None, caller: Caller | None) -> Report:
        """The report with the instruction, its lines, and the thread that a lane is.

        `caller` is the call in which the instruction was executed.
        """
        return replace(
            report,
            opcode=site.opcode,
            thread=None if lane is None else self.thread_of(lane),
            line=site.line,
            source=source_line(site, caller, self.index.files),
        )


def _unravel(index: int, extent: Triple) -> Triple:
    x, y, _ = extent
    return index % x, index // x % y, index // (x * y)


def _lane_mask(relation: str, lane: Array) -> Array | None:
    bit = np.uint64(1) << lane.astype(np.uint64)
    masks = {"eq": bit, "lt": bit - 1, "le": 2 * bit - 1, "gt": ~(2 * bit - 1), "ge": ~(bit - 1)}
    found = masks.get(relation)
    return None if found is None else (found & np.uint64(0xFFFFFFFF)).astype(np.uint32)
