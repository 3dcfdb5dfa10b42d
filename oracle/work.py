"""How much work a kernel does, counted on the emulator: instructions, bytes, and how many threads of a warp take part.

Nothing is guessed: the forward pass runs once more on its inputs, without the sanitizer, and every block of
instructions is counted with the threads that are active in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from extractor.compiling import Compiled
from extractor.ptx_classes import bytes_moved, count_instructions, instruction_class, operations
from oracle import ptx
from oracle.backends import emulator
from oracle.backends.emulator import MAX_BLOCK, TILE_SHARED_BYTES, WARP_SIZE, DeviceMemory, recorded_launch
from oracle.backends.launching import prepare
from oracle.inputs import Inputs

if TYPE_CHECKING:
    from oracle.ptx.frames import Frame
    from oracle.ptx.machine import Machine
    from oracle.ptx.program import BoundBlock
    from oracle.ptx.steps import Call

_MOST_LANES = 1 << 15
_DIGITS = 4


@dataclass(frozen=True)
class Work:
    """What the forward pass executed, over all `threads` of the launch.

    `instructions` are thread-instructions by class, `flops` floating-point operations, `read` and `written` bytes of
    global memory. `active` is the share of a warp's threads that take part in an instruction, on average over what the
    warps execute: 1 where threads never part. `static` counts the instructions of the PTX by class.
    """

    threads: int
    instructions: dict[str, int]
    flops: int
    read: int
    written: int
    active: float
    static: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return it as metadata holds it: means per thread, and floating-point operations for each byte."""
        moved = self.read + self.written
        return {
            "ptx_instructions": dict(sorted(self.static.items())),
            "executed_per_thread": {
                name: _rounded(count / self.threads) for name, count in sorted(self.instructions.items())
            },
            "flops_per_thread": _rounded(self.flops / self.threads),
            "bytes_read_per_thread": _rounded(self.read / self.threads),
            "bytes_written_per_thread": _rounded(self.written / self.threads),
            "arithmetic_intensity": _rounded(self.flops / moved) if moved else None,
            "active_lanes": _rounded(self.active),
        }


def measure_work(compiled: Compiled, dims: Sequence[int], inputs: Inputs) -> Work | None:
    """Run the forward pass over `dims` and count; None for what the emulator cannot run, or too large a launch."""
    tiled: dict[str, int] = {}
    if compiled.block_dim:
        dims, tiled = (*dims, compiled.block_dim), {"block_dim": compiled.block_dim}
    threads = math.prod(dims)
    block = compiled.block_dim or min(MAX_BLOCK, -(-threads // WARP_SIZE) * WARP_SIZE)
    if threads > _MOST_LANES:
        return None
    arguments = prepare(compiled.kernel, inputs, "cpu", False)
    memory = DeviceMemory(arguments)
    launch = recorded_launch(compiled.kernel, dims, arguments, **tiled)
    counter = _Counter(threads)
    try:
        ptx.launch(
            emulator._module(compiled.ptx),  # that of the judge: it need not be decoded again
            compiled.forward_entry,
            grid=(-(-threads // block), 1, 1),
            block=(block, 1, 1),
            params=[memory.relocated(value) for value in launch.params[: 1 + len(compiled.kernel.adj.args)]],
            memory=memory.memory,
            shared_bytes=TILE_SHARED_BYTES if compiled.block_dim else 0,
            sanitize=False,
            trace=counter,
        )
    except ptx.PtxError:
        return None
    text = compiled.ptx.cut([compiled.forward_entry], compiled.forward_entry)
    return counter.work(dict(count_instructions(text)))


class _Counter(ptx.Tracer):
    """Counts, for every block of instructions, the active threads and how many of their warps' there are."""

    def __init__(self, threads: int) -> None:
        super().__init__(0, 0, _nowhere)
        self._threads = threads
        self._active: Counter[BoundBlock] = Counter()
        self._possible: Counter[BoundBlock] = Counter()
        self._starts = np.zeros(0, np.int64)
        self._sizes = np.zeros(0, np.int64)

    def follow(self, machine: Machine, frame: Frame, block: BoundBlock, calls: Sequence[Call]) -> Iterator[Call]:
        """Count the threads that are about to make the calls; those beyond the launch's end do not count."""
        if not len(self._starts):
            starts = [
                start + warp
                for start in range(0, machine.lanes, machine.threads)
                for warp in range(0, machine.threads, WARP_SIZE)
            ]
            self._starts = np.array([start for start in starts if start < self._threads])
            self._sizes = np.diff(self._starts, append=self._threads)
        of_warp = np.add.reduceat(machine.mask[: self._threads], self._starts, dtype=np.int64)
        self._active[block] += int(of_warp.sum())
        self._possible[block] += int(self._sizes[of_warp > 0].sum())
        return iter(calls)

    def work(self, static: dict[str, int]) -> Work:
        """Return what was counted."""
        instructions: Counter[str] = Counter()
        flops = read = written = executed = possible = 0
        for block, lanes in self._active.items():
            for opcode in block.opcodes():
                instructions[instruction_class(opcode)] += lanes
                moved = bytes_moved(opcode)
                flops += operations(opcode) * lanes
                read += moved[0] * lanes
                written += moved[1] * lanes
                executed += lanes
                possible += self._possible[block]
        active = executed / possible if possible else 1.0
        return Work(self._threads, dict(instructions), flops, read, written, active, static)


def _nowhere(traced: ptx.Traced) -> None:
    """Nobody wants the single instructions."""


def _rounded(value: float) -> float:
    """Return a value with as many digits as mean something, the same on every machine."""
    return float(f"{value:.{_DIGITS}g}")
