"""Load PTX and launch its kernels."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .definedness import Definedness
from .errors import Fault, Malformed
from .execute import Executor
from .machine import Machine
from .memory import GlobalMemory
from .module_space import ModuleSpace
from .parse import ModuleIndex
from .program import BoundBlock
from .reports import Report, Triple
from .trace import Tracer
from .types import Array
from .writers import Writers

_KEPT = 8
_BYTE = np.dtype(np.uint8)


class Module:
    """A PTX module. Nothing but the places of its functions is read until a kernel is launched.

    Its `.global` variables keep their contents from launch to launch.
    """

    def __init__(self, text: str) -> None:
        self.index = ModuleIndex(text)
        self._space = ModuleSpace(self.index)
        self._executors: dict[tuple[str, int, Triple], Executor] = {}

    @property
    def entries(self) -> tuple[str, ...]:
        """The kernels' names, in the order of the text."""
        return tuple(f.name for f in self.index.functions.values() if f.is_entry)

    def parameter_sizes(self, entry: str) -> tuple[int, ...]:
        """Bytes of each of a kernel's parameters."""
        return tuple(p.size for p in self.index.functions[entry].parameters)

    def _executor(self, entry: str, blocks: int, block: Triple, definedness: bool) -> Executor:
        """What runs `blocks` blocks of a kernel; kept, since a second launch need not decode again.

        One that follows marks as well is decoded differently, and for one launch only.
        """
        key = (entry, blocks, block)
        executor = None if definedness else self._executors.pop(key, None)
        if executor is None:
            function = self.index.functions.get(entry)
            if function is None or not function.is_entry or not function.is_defined:
                raise Malformed(f"the module has no kernel {entry!r}")
            executor = Executor(Machine(self.index, self._space, function, blocks, block))
            if definedness:
                return executor
        self._executors[key] = executor
        if len(self._executors) > _KEPT:
            self._executors.pop(next(iter(self._executors)))
        return executor


class FloatSum(NamedTuple):
    """What floating-point atomic additions did to one address.

    `additions` says how many there were, `magnitude` is the sum of the summands' absolute values. `summands` are in the
    order in which they were added, as float64, `threads` the linear numbers of the threads that added them.
    Sums of float32 in global memory also lose subnormal summands and results, each less than 2**-126. A 16-bit
    `atom.cas` that swaps counts as an addition of bfloat16s, which is for the reader to know by the address.
    """

    additions: int
    magnitude: float
    summands: Array
    threads: Array


@dataclass(frozen=True)
class Execution:
    """What a launch did.

    `steps` is the number of emulated steps, `float_atomics` says by address what floating-point `atom.add` and
    `red.add` summed there, whose order a GPU leaves open. `reports` say what was wrong without stopping the
    launch. `printed` holds what each call of `printf` printed, in the order of execution. `suspicious`: something read
    memory that nothing wrote.
    """

    steps: int
    float_atomics: Mapping[int, FloatSum]
    reports: tuple[Report, ...]
    printed: tuple[str, ...]
    suspicious: bool
    _executed: list[tuple[BoundBlock, int]] = field(repr=False)

    @cached_property
    def instructions(self) -> dict[str, int]:
        """Thread-instructions by opcode."""
        totals: dict[str, int] = {}
        for block, lanes in self._executed:
            for opcode in block.opcodes():
                totals[opcode] = totals.get(opcode, 0) + lanes
        return totals


def launch(
    module: Module,
    entry: str,
    grid: Triple,
    block: Triple,
    params: Sequence[bytes],
    memory: GlobalMemory,
    *,
    shared_bytes: int = 0,
    max_steps: int = 5_000_000,
    max_lanes: int = 1 << 15,
    sanitize: bool = True,
    definedness: bool = False,
    trace: Tracer | None = None,
    writers: Writers | None = None,
) -> Execution:
    """Run a kernel on `grid` blocks of `block` threads to its end; results are in `memory`.

    `params` holds each parameter's bytes as in C, `shared_bytes` is the size of dynamic shared memory. Blocks run
    together as far as they have at most `max_lanes` threads, the rest after them. `trace` is told what one thread
    executes. `writers` of the same memory is told who stores where, by a launch that is sanitized.

    With `sanitize`, reads of what nothing wrote, races and divergent barriers are reported; `definedness` does not wait
    for suspicion to follow the values of unwritten memory and registers (see the module of that name).

    Raises Unsupported for what the emulator cannot run, Fault for what would stop a GPU, StepLimit after `max_steps`
    steps, Malformed for text that is not PTX, ValueError for parameters that do not fit the kernel's.
    """
    run = partial(_run, module, entry, grid, block, params, memory, shared_bytes, max_steps, max_lanes, trace, writers)
    # A launch that is repeated would be traced twice.
    definedness = sanitize and (definedness or trace is not None)
    if definedness or not sanitize:
        return run(sanitize=sanitize, definedness=definedness)
    before = _Contents.of(memory, module)
    try:
        execution = run(sanitize=True, definedness=False)
    except Fault:
        if before is None:
            raise
    else:
        if before is None or not execution.suspicious:
            return execution
    before.restore(memory, module)
    return run(sanitize=True, definedness=True)


def _run(
    module: Module,
    entry: str,
    grid: Triple,
    block: Triple,
    params: Sequence[bytes],
    memory: GlobalMemory,
    shared_bytes: int,
    max_steps: int,
    max_lanes: int,
    trace: Tracer | None,
    writers: Writers | None,
    *,
    sanitize: bool,
    definedness: bool,
) -> Execution:
    blocks = grid[0] * grid[1] * grid[2]
    together = max(1, min(blocks, max_lanes // max(1, block[0] * block[1] * block[2])))
    executor = module._executor(entry, together, block, definedness)
    executor.tracer = trace
    machine = executor.machine
    executed: list[tuple[BoundBlock, int]] = []
    sums: dict[int, FloatSum] = {}
    printed: list[str] = []
    reports: list[Report] = []
    steps, suspicious = 0, False
    with np.errstate(all="ignore"), _no_garbage_collection():
        for first in range(0, blocks, together):
            present = min(together, blocks - first)
            machine.prepare(grid, first, present, list(params), memory, shared_bytes, sanitize)
            if definedness:
                machine.definedness = Definedness(machine)
            sanitizer = machine.sanitizer
            if sanitizer is not None:
                sanitizer.writers = writers
            try:
                steps += executor.run(max_steps - steps)
            except Fault as fault:
                fault.earlier = tuple(reports) if sanitizer is None else (*reports, *sanitizer.finish())
                fault.printed = (*printed, *machine.printed)
                raise
            finally:
                machine.sanitizer = machine.definedness = machine.frame = None
            if sanitizer is not None:
                reports += sanitizer.finish()
                suspicious |= sanitizer.saw_unwritten
            executed += executor.executed()
            printed += machine.printed
            _add_sums(sums, machine)
    return Execution(steps, sums, tuple(reports), tuple(printed), suspicious, executed)


_MOST_KEPT = 1 << 26


@dataclass(frozen=True)
class _Contents:
    """What memory held before a launch, so that it can be repeated."""

    allocations: list[tuple[int, Array]]
    unwritten: Array | None
    variables: Array

    @classmethod
    def of(cls, memory: GlobalMemory, module: Module) -> _Contents | None:
        """The contents; None if they are too large to be worth copying."""
        segment = memory.segment
        if sum(extent.size for extent in segment.extents) > _MOST_KEPT:
            return None
        slices = [slice(extent.start, extent.start + extent.size) for extent in segment.extents]
        marks = None if segment.unwritten is None else segment.unwritten[_BYTE].copy()
        copies = [(each.start, segment.data[each].copy()) for each in slices]
        return cls(copies, marks, module._space.contents())

    def restore(self, memory: GlobalMemory, module: Module) -> None:
        """Make memory as it was."""
        for start, contents in self.allocations:
            memory.segment.data[start : start + len(contents)] = contents
        if self.unwritten is not None and memory.segment.unwritten is not None:
            memory.segment.unwritten[_BYTE][:] = self.unwritten
        module._space.restore(self.variables)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Binding makes many small objects and no cycles: looking for garbage meanwhile took a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _add_sums(sums: dict[int, FloatSum], machine: Machine) -> None:
    logged = machine.float_sums()
    if not logged:
        return
    addresses, summands, threads = (np.concatenate(column) for column in zip(*logged, strict=True))
    order = np.argsort(addresses, kind="stable")
    places, starts = np.unique(addresses[order], return_index=True)
    summands, threads = summands[order], threads[order]
    for place, (start, end) in zip(places.tolist(), pairwise([*starts.tolist(), len(order)]), strict=True):
        added, by = summands[start:end], threads[start:end]
        before = sums.get(place)
        if before is not None:
            added, by = np.concatenate((before.summands, added)), np.concatenate((before.threads, by))
        sums[place] = FloatSum(len(added), float(np.abs(added).sum()), added, by)
