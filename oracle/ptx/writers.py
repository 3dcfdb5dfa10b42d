"""Which thread stored last to a place in global memory: the author of the value that a launch leaves there."""

from __future__ import annotations

import numpy as np

from .memory import GlobalMemory, Segment
from .types import Array

NOBODY = -1


class Writers:
    """The linear number of the thread that last stored to each byte of `memory`, in all launches that are told of it.

    Threads are counted through the blocks of a launch, and both from the x axis on. An atomic counts as a store where
    it changed the value. What is allocated after this was made is nobody's.
    """

    def __init__(self, memory: GlobalMemory) -> None:
        self._segment = memory.segment
        self._threads = np.full(len(memory.segment.data), NOBODY, np.int64)

    def stored(self, segment: Segment, offsets: Array, size: int, threads: Array) -> None:
        """Threads stored `size` bytes at these offsets of a segment, in this order where they meet."""
        if segment is self._segment:
            for byte in range(size):
                self._threads[offsets + byte] = threads

    def at(self, addresses: Array) -> Array:
        """The threads (int64) that stored to these addresses of global memory last, `NOBODY` where none did."""
        return self._threads[addresses - self._segment.base]
