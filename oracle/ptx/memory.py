"""State spaces as segments of one 64-bit address space, and the check that every access passes.

Each space has its own range of generic addresses, and within it every thread's local and every block's shared memory
has its own place, so that `cvta` changes nothing and a generic access needs no cases. A segment knows what was
allocated in it: between allocations lie guard bytes, and an access must lie inside one allocation and be aligned to
its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import Fault
from .reports import Kind
from .types import TYPES, Array

SHARED_BASE = 0x0100_0000
PARAM_BASE = 0x0010_0000_0000
LOCAL_BASE = 0x0020_0000_0000
FUNCTION_BASE = 0x0040_0000_0000
TEXTURE_BASE = 0x0050_0000_0000
MODULE_BASE = 0x7E00_0000_0000
GLOBAL_BASE = 0x7F00_0000_0000
"""Where each space's generic addresses begin. Shared addresses fit into 32 bits, as PTX allows to assume."""

ALIGNMENT = 256
GUARD = 4096

POISON = np.array([0xFA, 0x7F], np.uint8)
"""What bytes hold that nothing wrote, over and over: NaN as every floating-point type, an index far out of bounds."""


@dataclass(frozen=True)
class Extent:
    """`count` allocations of `size` bytes, `stride` bytes apart, the first at offset `start` of a segment."""

    start: int
    size: int
    count: int = 1
    stride: int = 0


class Segment:
    """One state space's bytes, in a buffer of its own or in `data`. The first and the last 16 are never allocated."""

    def __init__(self, name: str, base: int, size: int, writable: bool = True, data: Array | None = None) -> None:
        self.name = name
        self.base = base
        self.writable = writable
        own = -(-size // ALIGNMENT) * ALIGNMENT + 2 * ALIGNMENT
        self.data: Array = np.zeros(own, np.uint8) if data is None else data
        self.extents: list[Extent] = []
        self.views = _views(self.data)
        self._starts: dict[int, Array] = {}
        self.unwritten: dict[np.dtype[Any], Array] | None = None

    def add(self, extent: Extent) -> None:
        """Make an allocation accessible."""
        self.extents.append(extent)
        for size, starts in self._starts.items():
            _mark(starts, extent, size)

    def remove(self, extent: Extent) -> None:
        """Make an allocation inaccessible; `extent` is one that was added, and its `count` is 1."""
        self.extents.remove(extent)
        for starts in self._starts.values():
            starts[extent.start : extent.start + extent.size] = False

    def starts(self, size: int) -> Array:
        """Per byte offset, whether an aligned access of `size` bytes may start there (bool array)."""
        starts = self._starts.get(size)
        if starts is None:
            starts = self._starts[size] = np.zeros(len(self.data), np.bool_)
            for extent in self.extents:
                _mark(starts, extent, size)
        return starts

    def forget(self, start: int = 0, stop: int | None = None, watched: bool = True) -> None:
        """Let the bytes from `start` to `stop` hold values that nobody expects.

        If they are `watched`, `unwritten` has all bits of a byte set until something is stored there.
        """
        if watched:
            if self.unwritten is None:
                self.unwritten = _views(np.zeros(len(self.data), np.uint8))
            self.unwritten[np.dtype(np.uint8)][start:stop] = 0xFF
        chunk = self.data[start:stop]
        chunk[0::2], chunk[1::2] = POISON

    def grow(self, size: int) -> None:
        """Have room for at least `size` bytes."""
        if size + ALIGNMENT > len(self.data):
            larger = np.zeros(2 * (size + ALIGNMENT), np.uint8)
            larger[: len(self.data)] = self.data
            self.data = larger
            self.views = _views(larger)
            self._starts.clear()
            if self.unwritten is not None:
                marks = np.zeros(len(larger), np.uint8)
                marks[: len(self.unwritten[marks.dtype])] = self.unwritten[marks.dtype]
                self.unwritten = _views(marks)

    def describe(self, offset: int) -> str:
        """What lies at an offset, for a fault's text."""
        nearest = ""
        for extent in self.extents:
            index = (offset - extent.start) // extent.stride if extent.stride else 0
            start = extent.start + max(0, min(index, extent.count - 1)) * extent.stride
            if start <= offset < start + extent.size:
                return f"in a {extent.size}-byte allocation at 0x{self.base + start:x}"
            past = offset - start - extent.size
            if 0 <= past < GUARD:
                nearest = f"{past} bytes past the end of a {extent.size}-byte allocation"
            elif 0 < start - offset <= GUARD and not nearest:
                nearest = f"{start - offset} bytes before a {extent.size}-byte allocation"
        return nearest or "in no allocation"


def _views(data: Array) -> dict[np.dtype[Any], Array]:
    """The same bytes as arrays of every type that can be loaded."""
    return {type_.dtype: data.view(type_.dtype) for type_ in TYPES.values()}


def _mark(starts: Array, extent: Extent, size: int) -> None:
    if extent.size < size:
        return
    first = -(-extent.start // size) * size
    last = extent.start + extent.size - size + 1
    rows = np.lib.stride_tricks.as_strided(
        starts[extent.start :], (extent.count, extent.size), (extent.stride, 1), writeable=True
    )
    rows[:, first - extent.start : last - extent.start : size] = True


class GlobalMemory:
    """Global memory that outlives launches: allocate, launch, read back.

    `textures` holds what texture objects stand for: texels by object, the axes from the slowest to the channels.
    """

    def __init__(self) -> None:
        self.textures: dict[int, Array] = {}
        self.segment = Segment("global", GLOBAL_BASE, 1 << 16)
        self._next = ALIGNMENT

    def allocate(self, contents: bytes | Array | int) -> int:
        """The address of new memory, 256-byte aligned, with these contents or this many zero bytes.

        At least 4096 guard bytes, which no access may touch, separate it from its neighbours.
        """
        raw = _raw(contents)
        start = self._next
        self._next = -(-(start + len(raw) + GUARD) // ALIGNMENT) * ALIGNMENT
        self.segment.grow(self._next)
        self.segment.data[start : start + len(raw)] = raw
        self.segment.add(Extent(start, len(raw)))
        return GLOBAL_BASE + start

    def add_texture(self, texels: Array) -> int:
        """The object of a new texture of four float32 channels, which is read at the nearest texel and clamped."""
        if texels.dtype != np.float32 or not 2 <= texels.ndim <= 4 or texels.shape[-1] != 4:
            raise ValueError(f"{texels.dtype} texels of shape {texels.shape}: not four channels of float32")
        handle = TEXTURE_BASE + len(self.textures)
        self.textures[handle] = texels.copy()
        return handle

    def watch(self, address: int, nbytes: int) -> None:
        """Let allocated bytes count as never written, though they keep their contents."""
        place = self._slice(address, nbytes)
        kept = place.copy()
        start = address - self.segment.base
        self.segment.forget(start, start + nbytes)
        place[:] = kept

    def read(self, address: int, nbytes: int) -> bytes:
        """A copy of allocated bytes; ValueError where they are not all inside one allocation."""
        return self._slice(address, nbytes).tobytes()

    def write(self, address: int, contents: bytes | Array) -> None:
        """Overwrite allocated bytes; ValueError where they are not all inside one allocation."""
        raw = _raw(contents)
        self._slice(address, len(raw))[:] = raw

    def _slice(self, address: int, nbytes: int) -> Array:
        offset = address - self.segment.base
        for extent in self.segment.extents:
            if extent.start <= offset and offset + nbytes <= extent.start + extent.size:
                return self.segment.data[offset : offset + nbytes]
        raise ValueError(f"{nbytes} bytes at 0x{address:x} are not inside one allocation")


def _raw(contents: bytes | Array | int) -> Array:
    if isinstance(contents, int):
        return np.zeros(contents, np.uint8)
    if isinstance(contents, np.ndarray):
        return np.ascontiguousarray(contents).reshape(-1).view(np.uint8)
    return np.frombuffer(contents, np.uint8)


class MixedSegments(Exception):  # noqa: N818
    """The lanes of one access point into different segments: `groups` holds their positions, per segment."""

    def __init__(self, groups: list[Array]) -> None:
        super().__init__()
        self.groups = groups


SPACES = {
    "generic": ("global", "module", "local", "shared", "param"),
    "global": ("global", "module"),
    "const": ("module",),
    "shared": ("shared",),
    "local": ("local",),
    "param": ("param", "local"),
}
"""State space of an instruction to the segments that its addresses may lie in, likeliest first."""


class Locator:
    """Turns one instruction's addresses into offsets in a segment, or faults.

    It remembers the segment that the instruction last used, since nearly all instructions use one only. An access is
    to `count` elements of `element` bytes, at `displacement` bytes from the address. Offsets shifted right by `shift`
    are indices of elements.
    """

    __slots__ = (
        "_all_bits",
        "_base",
        "_count",
        "_element",
        "_elements",
        "_starts",
        "_take",
        "allowed",
        "displacement",
        "segment",
        "shift",
        "size",
        "writes",
    )

    def __init__(self, space: str, displacement: int, element: int, count: int, writes: bool) -> None:
        self.allowed = SPACES[space]
        self.displacement = displacement
        self.size = element * count
        self.shift = element.bit_length() - 1
        self.writes = writes
        self._count = np.count_nonzero
        self._elements = count
        self._element = np.dtype(f"u{element}")
        self._all_bits = self._element.type(2 ** (8 * element) - 1)

    def aim(self, segment: Segment) -> None:
        """Expect addresses in this segment from now on."""
        self.segment = segment
        self._base = np.array(segment.base - self.displacement, np.int64)
        self._take = segment.starts(self.size).take

    def __call__(self, addresses: Array, segments: dict[str, Segment]) -> Array:
        """Offsets (int64) of the accesses at `addresses` (int64); afterwards `segment` is what they refer to.

        MixedSegments if they are in more than one segment; Fault if one is not accessible.
        """
        offsets = addresses - self._base
        if self._count(self._take(offsets, mode="clip")) == offsets.size and self._permitted():
            return offsets
        return self._search(addresses, segments)

    def any_unwritten(self, offsets: Array) -> bool:
        """Whether one of the elements at these offsets has nothing but bytes that were never written."""
        assert self.segment.unwritten is not None
        marks = self.segment.unwritten[self._element]
        index = offsets >> self.shift
        return any(bool((marks.take(index + i) == self._all_bits).any()) for i in range(self._elements))

    def mark_written(self, offsets: Array) -> None:
        """From now on the elements at these offsets have been written."""
        assert self.segment.unwritten is not None
        marks = self.segment.unwritten[self._element]
        index = offsets >> self.shift
        for i in range(self._elements):
            marks[index + i] = 0

    def _permitted(self) -> bool:
        return self.segment.writable or not self.writes

    def _search(self, addresses: Array, segments: dict[str, Segment]) -> Array:
        left = np.ones(addresses.shape, np.bool_)
        groups = []
        for name in self.allowed:
            self.aim(segments[name])
            offsets = addresses - self._base
            here = self._take(offsets, mode="clip")
            if not self._permitted() or not here.any():
                continue
            if here.all():
                return offsets
            groups.append(np.flatnonzero(here & left))
            left &= ~here
        if left.any():
            self._fault(addresses, int(np.flatnonzero(left)[0]), segments)
        raise MixedSegments(groups)

    def _fault(self, addresses: Array, position: int, segments: dict[str, Segment]) -> None:
        address = (int(addresses[position]) + self.displacement) & 0xFFFF_FFFF_FFFF_FFFF
        verb = "write" if self.writes else "read"
        where, segment = self._owner(address, segments)
        if segment is not None and segment.starts(1)[address - segment.base]:
            if address % self.size:
                why = "misaligned"
            elif segment.name not in self.allowed:
                why = f"a {segment.name} address in an access to {self.allowed[0]} memory:"
            elif self.writes and not segment.writable:
                why = "read-only"
            else:
                why = "partly out-of-bounds"
        else:
            why = "out-of-bounds"
        kind = Kind.MISALIGNED if why == "misaligned" else Kind.OUT_OF_BOUNDS
        raise Fault(kind, f"{why} {self.size}-byte {verb} at 0x{address:x}, {where}", address, position)

    @staticmethod
    def _owner(address: int, segments: dict[str, Segment]) -> tuple[str, Segment | None]:
        for segment in segments.values():
            offset = address - segment.base
            if 0 <= offset < len(segment.data):
                return f"{segment.describe(offset)} of {segment.name} memory", segment
        return "a null pointer" if address < 65536 else "in no state space", None
