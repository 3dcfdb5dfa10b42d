"""Something for an operation to work on: a tile in scope that suits it, or a new one loaded from an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grammar.choices import chance, pick, pick_weighted
from grammar.scope import Frame
from grammar.tiles import arrays
from grammar.tiles.values import MOST_ELEMENTS, Tile, room
from grammar.types import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    Matrix,
    Scalar,
    ValueType,
    Vector,
)

DTYPES: Sequence[tuple[ValueType, float]] = (
    (FLOAT32, 10), (INT32, 5), (FLOAT64, 2.5), (UINT32, 1), (INT64, 1), (FLOAT16, 1), (UINT64, 0.4), (INT16, 0.4),
    (UINT8, 0.4), (INT8, 0.3), (UINT16, 0.3), (BFLOAT16, 0.3),
)  # fmt: skip
COMPOSITES: Sequence[tuple[ValueType, float]] = (
    (Vector(3, FLOAT32), 3), (Vector(2, FLOAT32), 2), (Vector(4, FLOAT32), 1), (Vector(3, INT32), 1),
    (Vector(3, FLOAT64), 1), (Matrix(2, 2, FLOAT32), 1), (Matrix(3, 3, FLOAT32), 1),
)  # fmt: skip

FLOATING = (FLOAT32, FLOAT64)
NUMBERS = tuple(dtype for dtype, _ in DTYPES)
INTEGRAL = tuple(dtype for dtype, _ in DTYPES if isinstance(dtype, Scalar) and dtype.is_integer)
SUMMABLE = (FLOAT32, INT32, FLOAT64, UINT32, INT64, UINT64)
"""Dtypes with room for sums over a whole tile, and with atomics."""

_SHAPES: dict[int, Sequence[tuple[tuple[int, ...], float]]] = {
    1: (((32,), 3), ((64,), 5), ((16,), 3), ((128,), 2), ((8,), 2), ((100,), 1), ((33,), 1), ((7,), 1), ((256,), 1)),
    2: (((8, 8), 4), ((4, 16), 4), ((16, 16), 3), ((8, 4), 3), ((16, 4), 2), ((3, 5), 1), ((2, 32), 2), ((5, 12), 1),
        ((1, 16), 1), ((4, 4), 3), ((16, 8), 2)),
    3: (((2, 4, 8), 3), ((4, 4, 4), 3), ((3, 2, 5), 1), ((2, 3, 4), 2), ((1, 8, 4), 1), ((2, 2, 16), 1)),
    4: (((2, 2, 4, 4), 3), ((1, 2, 3, 4), 2), ((2, 3, 2, 2), 1), ((2, 1, 4, 8), 1)),
}  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What an operation needs of a tile. `reach` is how many whole numbers of it are added, times a factor.

    `whole` asks for whole numbers, `clean` also for no negative zero, `owner` for one that is no view and has none,
    `rough` for one to which any gradient may flow.
    """

    dtypes: Sequence[ValueType] = NUMBERS
    ndims: Sequence[int] = (1, 2, 3, 4)
    shape: tuple[int, ...] | None = None
    whole: bool = False
    clean: bool = False
    owner: bool = False
    rough: bool = False
    most: int = MOST_ELEMENTS
    least: int = 1

    def accepts(self, frame: Frame, tile: Tile) -> bool:
        """Whether a tile in scope will do."""
        return (
            tile.dtype in self.dtypes
            and len(tile.shape) in self.ndims
            and self.shape in (None, tile.shape)
            and self.least <= tile.size <= self.most
            and (tile.is_whole or not self.whole)
            and (tile.contents.clean or not self.clean)
            and not (self.rough and tile.contents.summed)
            and not (self.owner and tile.contents.unguarded)
            and not (self.owner and any(t.is_view and t.contents is tile.contents for t in frame.tiles))
        )


_FRESH = (45, 30, 12, 4)
"""The percentage of new tiles where others would do, by how many arrays are read already."""


def source(frame: Frame, wanted: Wanted, other: Sequence[Tile] = (), fresh: int | None = None) -> Tile:
    """Return a tile in scope, but none of `other`, or load a new one; `fresh` is the percentage of new ones."""
    if fresh is None:
        fresh = _FRESH[min(sum(array.use == "read" for array in frame.arrays), len(_FRESH) - 1)]
    found = [tile for tile in frame.tiles if wanted.accepts(frame, tile) and tile not in other]
    pending = [tile for tile in found if tile.name not in frame.committed]
    found = pending or found
    if found and not chance(frame.choices, fresh):
        return pick(frame.choices, found)
    whole = wanted.whole or wanted.clean or chance(frame.choices, 75)
    return arrays.load(frame, choose_dtype(frame, wanted), choose_shape(frame, wanted), whole)


def choose_dtype(frame: Frame, wanted: Wanted) -> ValueType:
    """Choose a dtype, that of the kernel's other tiles if it will do."""
    used = [tile.dtype for tile in frame.tiles if tile.dtype in wanted.dtypes]
    if used and chance(frame.choices, 90):
        return used[0]
    weights = dict((*DTYPES, *COMPOSITES))
    return pick_weighted(frame.choices, [(dtype, weights.get(dtype, 0.5)) for dtype in wanted.dtypes])


def choose_shape(frame: Frame, wanted: Wanted) -> tuple[int, ...]:
    """Choose a shape, that of the kernel's other tiles if it will do."""
    if wanted.shape is not None:
        return wanted.shape
    used = [t.shape for t in frame.tiles if len(t.shape) in wanted.ndims and wanted.least <= t.size <= wanted.most]
    if used and chance(frame.choices, 85):
        return pick(frame.choices, used)
    ndims = [(ndim, (4.0, 5.0, 1.0, 0.7)[ndim - 1]) for ndim in wanted.ndims]
    table = _SHAPES[pick_weighted(frame.choices, ndims)]
    table = [(shape, w) for shape, w in table if wanted.least <= _size(shape) <= wanted.most] or list(table)
    return pick_weighted(frame.choices, table)


def _size(shape: tuple[int, ...]) -> int:
    product = 1
    for extent in shape:
        product *= extent
    return product


def addends(dtype: ValueType, tile: Tile | None = None) -> int:
    """Return how many whole inputs of a dtype, or elements of a tile, may be added up."""
    scalar = dtype if isinstance(dtype, Scalar) else getattr(dtype, "scalar", FLOAT32)
    space = room(scalar)
    interval = tile.interval if tile is not None else None
    largest = max(abs(interval.low), abs(interval.high), 1) if interval is not None else 15
    return max(1, (space.high if space else 1) // largest)
