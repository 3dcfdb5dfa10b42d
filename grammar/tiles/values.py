"""Tiles as productions see them: what one holds, what may still be done with it, and how it is written down.

The two targets, and blocks of different sizes, add a tile's elements in different orders. Only sums of small whole
numbers are the same in any order, so a tile remembers whether it holds such numbers, in which interval, and whether
gradients that reach it are summed on their way on: only whole ones may be sent there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grammar import names, snippets
from grammar.intervals import Interval, type_range
from grammar.scope import Frame
from grammar.snippets import Hole
from grammar.types import BOOL, FLOAT32, INT32, Scalar, ValueType, scalar_of

WHOLE = Interval(-8, 8)
"""What inputs with the fill `whole` hold."""

_LARGEST = {"float16": 256, "bfloat16": 64, "float32": 1 << 14, "float64": 1 << 30}
"""Up to which magnitude whole numbers, and then the gradients that products with them make, stay exact."""

MOST_ELEMENTS = 1024
"""The largest tile: with 8 bytes an element, several and their gradients fit the shared memory of a block."""


@dataclass(eq=False)
class Contents:
    """What the elements of a tile and of all its views have in common, and the name of the tile that owns them.

    Every component lies in `interval` and is a whole number, or is any number of its type where that is None. Without
    `clean`, a zero may be negative. `summed` says that gradients are added up between here and the inputs, `unguarded`
    that a reduction along an axis read the elements, after which Warp 1.19 has no barrier before a change in place.
    """

    owner: str
    interval: Interval | None = None
    clean: bool = True
    summed: bool = False
    unguarded: bool = False


@dataclass(eq=False)
class Tile:
    """A tile of 1 to 4 dimensions in scope. Views of one tile share its contents."""

    name: str
    dtype: ValueType
    shape: tuple[int, ...]
    contents: Contents
    is_view: bool = False
    distinct: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def scalar(self) -> Scalar:
        """The dtype of its elements' components."""
        return scalar_of(self.dtype) or FLOAT32

    @property
    def interval(self) -> Interval | None:
        """Where its whole numbers lie, None for other contents."""
        return self.contents.interval

    @property
    def is_whole(self) -> bool:
        """Whether its components are whole numbers, so that sums of few of them are exact."""
        return self.contents.interval is not None


def room(scalar: Scalar) -> Interval | None:
    """Return where whole numbers of a dtype are exact, with room for gradients; None for bool."""
    if scalar == BOOL:
        return None
    if scalar.is_float:
        return Interval(-_LARGEST[scalar.name], _LARGEST[scalar.name])
    whole = type_range(scalar)
    return Interval(max(whole.low, -(1 << 30)), min(whole.high, 1 << 30))


def fits(scalar: Scalar, interval: Interval | None) -> bool:
    """Whether every whole number of the interval is exact in the dtype."""
    space = room(scalar)
    return interval is not None and space is not None and interval.within(space)


def inputs_interval(scalar: Scalar) -> Interval:
    """Return where inputs of a dtype lie that are to be whole."""
    if scalar.is_float or scalar.is_signed:
        return WHOLE
    return Interval(0, 15)


def define(
    frame: Frame,
    bank: Sequence[str],
    text: str,
    dtype: ValueType,
    shape: tuple[int, ...],
    contents: Contents | None = None,
    **holes: Hole | Tile,
) -> Tile:
    """Emit `name = text` with the holes filled, and return the new tile.

    Without `contents` nothing is known of its elements; with those of another tile it is a view of that.
    """
    name = names.free_name(frame.choices, bank, frame.taken)
    frame.taken.add(name)
    emit(frame, f"{name} = {text}", **holes)
    frame.committed.discard(name)
    is_view = contents is not None and bool(contents.owner)
    if contents is None:
        contents = Contents(name, clean=False)
    contents.owner = contents.owner or name
    tile = Tile(name, dtype, shape, contents, is_view)
    frame.tiles.append(tile)
    return tile


def emit(frame: Frame, text: str, **holes: Hole | Tile) -> None:
    """Emit statements whose holes may be tiles as well."""
    snippets.emit(frame, text, **{key: hole.name if isinstance(hole, Tile) else hole for key, hole in holes.items()})


def new_contents(interval: Interval | None = None, clean: bool = False, *sources: Tile) -> Contents:
    """Return the contents of a tile that is made from others: gradients are summed where those of a source are."""
    return Contents("", interval, clean, any(source.contents.summed for source in sources))


def changed(frame: Frame, tile: Tile, interval: Interval | None, clean: bool = False, summed: bool = False) -> None:
    """Note that a tile was changed in place: its owner holds something that nothing has read."""
    tile.contents.interval, tile.contents.clean = interval, clean
    tile.contents.summed = tile.contents.summed or summed
    frame.committed.discard(tile.contents.owner)


def unread(frame: Frame) -> list[Tile]:
    """Return the tiles whose contents nothing has read since they were made or changed."""
    return [tile for tile in frame.tiles if tile.name not in frame.committed]


def spelled_shape(shape: tuple[int, ...]) -> str:
    """Return a shape as people write it: `64`, `(8, 16)`."""
    return str(shape[0]) if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def kind(dtype: ValueType) -> str:
    """Return the word for the banks of names that a dtype's tiles draw from."""
    return "integer" if dtype == INT32 or (isinstance(dtype, Scalar) and dtype.is_integer) else "float"
