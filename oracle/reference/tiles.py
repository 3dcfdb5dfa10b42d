"""Tiles as values: arrays that all threads of a block hold together, and views of them.

A tile's elements lie in one NumPy array, components of vectors and matrices along its last axes. Views alias the tile
that they are taken of, as Warp documents it. Operators apply element by element and give a new tile.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.arrays import OutOfBounds
from oracle.reference.compounds import CompoundType
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import BFloat16, ScalarType

Index = tuple[int, ...]

_BY_ARRAYS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "bit_and": operator.and_,
        "bit_or": operator.or_,
        "bit_xor": operator.xor,
    }
)
"""Operators on scalars whose results NumPy rounds and wraps in arrays as it does in scalars."""


class Tile:
    """A tile with elements of type `element`; `data` has the tile's shape, followed by that of an element."""

    __slots__ = ("data", "element", "run")

    __array_ufunc__ = None

    def __init__(self, run: Run, element: Any, data: np.ndarray) -> None:
        self.run = run
        self.element = element
        self.data = data

    @property
    def inner(self) -> tuple[int, ...]:
        """The shape of an element: none for scalars."""
        return self.element.shape if isinstance(self.element, CompoundType) else ()

    @property
    def scalar(self) -> ScalarType:
        """The scalar type of the elements' components."""
        return self.element.scalar if isinstance(self.element, CompoundType) else self.element

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return self.data.ndim - len(self.inner)

    @property
    def extents(self) -> tuple[int, ...]:
        """The shape as plain numbers."""
        return self.data.shape[: self.rank]

    @property
    def memory(self) -> Any:
        """The array that owns the elements, the same for all views of a tile."""
        owner: Any = self.data
        while getattr(owner, "base", None) is not None:
            owner = owner.base
        return owner

    @property
    def shape(self) -> tuple[Any, ...]:
        """The shape as int32 values."""
        return tuple(map(np.int32, self.extents))

    @property
    def dtype(self) -> Any:
        """The type of the elements."""
        return self.element

    def __len__(self) -> int:
        return self.extents[0]

    def with_data(self, data: np.ndarray) -> Tile:
        """Return a tile of the same element type."""
        return Tile(self.run, self.element, data)

    def at(self, index: Index) -> Any:
        """Return an element."""
        return typed(self.element, self.data[index])

    def values(self) -> Iterator[Any]:
        """Yield all elements in row-major order."""
        return map(self.at, np.ndindex(*self.extents))

    def index(self, key: Any) -> Index:
        """Return a subscript of integers as plain numbers; raises OutOfBounds for what lies outside."""
        index = tuple(map(int, key)) if type(key) is tuple else (int(key),)
        if any(not 0 <= place < extent for place, extent in zip(index, self.data.shape, strict=False)):
            raise OutOfBounds(f"index {index} of a tile of shape {self.extents}")
        return index

    def component_type(self, count: int) -> Any:
        """Return the type of what `count` indices select, within an element where they are more than dimensions."""
        within = count - self.rank
        if not within:
            return self.element
        rest = self.inner[within:]
        return self.run.vector(rest[0], self.scalar) if rest else self.scalar

    def __getitem__(self, key: Any) -> Any:
        keys = key if type(key) is tuple else (key,)
        if any(isinstance(one, slice | Tile) for one in keys) or len(keys) < self.rank:
            return self.run.block.shared("item", (self, key), lambda: self._part(keys))
        index = self.index(keys)
        return typed(self.component_type(len(index)), self.data[index])

    def _part(self, keys: tuple[Any, ...]) -> Tile:
        """Return a view, or where a tile of indices picks along one axis a copy."""
        if any(isinstance(one, Tile) for one in keys):
            plain = tuple(one.data.astype(np.int64) if isinstance(one, Tile) else plain_key(one) for one in keys)
            try:
                return self.with_data(self.data[plain].copy())
            except IndexError as error:
                raise OutOfBounds(str(error)) from None
        for one, extent in zip(keys, self.extents, strict=False):
            if not isinstance(one, slice) and not 0 <= int(one) < extent:
                raise OutOfBounds(f"index {int(one)} of an axis of {extent}")
        return self.with_data(self.data[tuple(map(plain_key, keys))])

    def __repr__(self) -> str:
        return f"tile{self.extents}[{self.element!r}]"


def plain_key(key: Any) -> Any:
    """Return an index or a slice with Python's numbers."""
    if not isinstance(key, slice):
        return int(key)
    return slice(*(None if bound is None else int(bound) for bound in (key.start, key.stop, key.step)))


def typed(kind: Any, data: Any) -> Any:
    """Return a value of a type from the numbers that a tile holds of it."""
    if isinstance(kind, CompoundType):
        return kind.of([kind.scalar.make(item) for item in data.ravel()])
    return kind.make(data)


def stored(kind: Any, value: Any) -> Any:
    """Return the numbers that a tile holds of a value, after its conversion to a type."""
    if isinstance(kind, CompoundType):
        items = value.items if hasattr(value, "items") else [value] * kind.size
        return np.array([plain(kind.scalar(item)) for item in items], storage(kind)).reshape(kind.shape)
    return plain(kind(value))


def plain(number: Any) -> Any:
    """Return a scalar as NumPy's arrays hold it."""
    return getattr(number, "single", number)


def storage(kind: Any) -> Any:
    """Return NumPy's dtype for the components of a type; bfloat16 lies in float32."""
    if not isinstance(kind, ScalarType | CompoundType):
        raise LackingError("tiles of structs")
    make = kind.scalar.make if isinstance(kind, CompoundType) else kind.make
    return np.float32 if make is BFloat16 else make


def settled(kind: Any, data: np.ndarray) -> np.ndarray:
    """Round numbers to what a type holds: those of bfloat16 to eight bits, others to their dtype."""
    scalar = kind.scalar if isinstance(kind, CompoundType) else kind
    if scalar.make is not BFloat16:
        return data.astype(scalar.make)
    single = data.astype(np.float32)
    bits = single.view(np.uint32)
    shortened = (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(single), single, shortened.view(np.float32))


def tile_of(run: Run, kind: Any, values: Sequence[Any], shape: tuple[int, ...]) -> Tile:
    """Make a tile of elements in row-major order, each converted to the type."""
    inner = kind.shape if isinstance(kind, CompoundType) else ()
    data = np.empty((len(values), *inner), storage(kind))
    for place, value in enumerate(values):
        data[place] = stored(kind, value)
    return Tile(run, kind, data.reshape(*shape, *inner))


def combined(run: Run, name: str, a: Any, b: Any, plain_operator: Callable[[Any, Any], Any]) -> Tile:
    """Apply a binary operator to two tiles of one shape, or a tile and a value."""
    tiles = [one for one in (a, b) if isinstance(one, Tile)]
    if len(tiles) == 2 and tiles[0].extents != tiles[1].extents:
        raise LackingError("operators on tiles of different shapes")
    first = tiles[0]
    if name in _BY_ARRAYS or (name == "div" and first.scalar.is_float):
        operands = [_operand(one, first) for one in (a, b)]
        alike = len(tiles) == 1 or same_type(tiles[0].element, tiles[1].element)
        if alike and all(one is not None for one in operands) and _plain(name, tiles):
            function = _BY_ARRAYS.get(name, operator.truediv)
            return Tile(run, first.element, settled(first.element, function(*operands)))
    values = [_elements(one, first) for one in (a, b)]
    return mapped(run, [plain_operator(x, y) for x, y in zip(*values, strict=True)], first.extents)


def mapped(run: Run, values: Sequence[Any], shape: tuple[int, ...]) -> Tile:
    """Make a tile of values that have their type already."""
    return tile_of(run, run.type_of(values[0]), values, shape)


def same_type(a: Any, b: Any) -> bool:
    """Whether elements of two types are kept alike."""
    if isinstance(a, CompoundType) and isinstance(b, CompoundType):
        return a.shape == b.shape and a.scalar.make is b.scalar.make
    return isinstance(a, ScalarType) and isinstance(b, ScalarType) and a.make is b.make


def _plain(name: str, tiles: Sequence[Tile]) -> bool:
    """Whether an operator acts on the components one by one, with nothing else to it."""
    if all(isinstance(tile.element, ScalarType) for tile in tiles):
        return not tiles[0].scalar.is_bool
    return name in ("add", "sub") and len(tiles) == 2


def _operand(one: Any, first: Tile) -> Any:
    """Return the array, or the number of the tile's scalar type, to compute with; None where it has another type."""
    if isinstance(one, Tile):
        return one.data
    if type(one) in (int, float) or type(one) is first.scalar.make:
        return plain(first.scalar(one))
    return None


def _elements(one: Any, first: Tile) -> Sequence[Any]:
    if isinstance(one, Tile):
        return list(one.values())
    value = first.scalar(one) if type(one) in (int, float) else one
    return [value] * int(np.prod(first.extents))
