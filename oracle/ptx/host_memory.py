"""Global memory that the host sees too: a kernel's pointers are the addresses of a buffer in this process."""

from __future__ import annotations

from .memory import ALIGNMENT, GUARD, Extent, GlobalMemory, Segment, _raw
from .types import Array


class HostMemory(GlobalMemory):
    """Global memory in a buffer of the caller's, at the buffer's own address.

    `buffer` is a writable uint8 array, 256-byte aligned in address and size.
    """

    def __init__(self, buffer: Array) -> None:
        self.textures = {}
        base = buffer.ctypes.data
        if base % ALIGNMENT or len(buffer) % ALIGNMENT:
            raise ValueError(f"the buffer of {len(buffer)} bytes at 0x{base:x} is not {ALIGNMENT}-byte aligned")
        self.segment = Segment("global", base, len(buffer), data=buffer)
        self._holes = [(ALIGNMENT, len(buffer) - ALIGNMENT)]
        self._allocated: dict[int, tuple[Extent, int]] = {}

    def allocate(self, contents: bytes | Array | int) -> int:
        """See `GlobalMemory`, but a number of bytes keep what the buffer holds. MemoryError if the buffer is full."""
        size = contents if isinstance(contents, int) else len(_raw(contents))
        room = -(-(size + GUARD) // ALIGNMENT) * ALIGNMENT
        start = self._take(room)
        extent = Extent(start, size)
        self._allocated[start] = extent, room
        self.segment.add(extent)
        if not isinstance(contents, int):
            self.write(self.segment.base + start, contents)
        return self.segment.base + start

    def _take(self, room: int) -> int:
        """The first hole with enough room, made smaller: where it began."""
        for i, (start, end) in enumerate(self._holes):
            if start + room <= end:
                self._holes[i : i + 1] = [(start + room, end)] if start + room < end else []
                return start
        raise MemoryError(f"no {room} bytes in a row are free of {len(self.segment.data)}")

    def free(self, address: int) -> None:
        """Give back what `allocate` returned; KeyError if it is nothing allocated."""
        start = address - self.segment.base
        extent, room = self._allocated.pop(start)
        self.segment.remove(extent)
        joined: list[tuple[int, int]] = []
        for hole in sorted([*self._holes, (start, start + room)]):
            if joined and joined[-1][1] == hole[0]:
                joined[-1] = joined[-1][0], hole[1]
            else:
                joined.append(hole)
        self._holes = joined
