"""What the driver knows of a launch: its grid, and the limits that a kernel must keep; and a limit on its time."""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from oracle import ptx

from .tables import MAX_THREADS


class OutOfTime(Exception):  # noqa: N818
    """Launches together took longer than `VirtualDevice.seconds_left` allowed."""


def static_shared(module: ptx.Module, entry: str) -> int:
    """Bytes of the shared variables that a kernel or a function of its module names."""
    functions = module.index.functions.values()
    bodies = [f.body for f in functions if f.is_defined and (f.name == entry or not f.is_entry)]
    variables = [v for v in module.index.variables.values() if v.space == "shared"]
    return sum(v.size for v in variables if any(re.search(rf"\b{re.escape(v.name)}\b", body) for body in bodies))


def max_threads(module: ptx.Module, entry: str) -> int:
    """Threads that a block of a kernel may have: 1024, or what the kernel's `.maxntid` says."""
    function = module.index.functions[entry]
    header = function.text[: function.start].rpartition(".entry")[2]
    bound = re.search(r"\.maxntid\s+(\d+)", header)
    return min(MAX_THREADS, int(bound[1])) if bound else MAX_THREADS


def grid_of(dim: int, block: int, max_blocks: int, grid_stride: bool) -> tuple[int, int, int]:
    """The grid of a launch, as `wp_cuda_launch_kernel` in `warp/native/warp.cu` computes it, without clusters."""
    blocks = -(-dim // block)
    if grid_stride:
        return min(blocks, max_blocks if max_blocks > 0 else 2**31 - 1), 1, 1
    x = min(blocks, (1 << 24) // block)
    y = min(-(-blocks // x), 65535)
    return x, y, min(-(-blocks // (x * y)), 65535)


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise OutOfTime once the time is over."""
    if seconds == math.inf:
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTime("launches took too long")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
