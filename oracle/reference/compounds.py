"""Vectors, matrices, quaternions and transformations: flat lists of scalars that are copied when assigned.

Element-wise operations stand here; products and everything with a rounding of its own are definitions of built-ins.
A value that was read out of something larger (an element of an array, a row, a field) knows its `home`, which is called
when the value is changed in place, so that `a[i].v[1] = x` reaches the array.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from oracle.reference.scalars import SCALARS, ScalarType, Undefined

Home = Callable[["Compound"], None]


@dataclass(frozen=True, eq=False)
class CompoundType:
    """A type such as vec3 or mat22d; `shape` is `(3,)` or `(2, 2)`, `(4,)` for quaternions, `(7,)` for transforms.

    Called, it constructs a value from nothing (zeros), one scalar (that everywhere), or scalars for all components, or
    converts a value of the same shape. Other constructors are definitions of built-ins, found through `construct`.
    """

    family: str
    scalar: ScalarType
    shape: tuple[int, ...]
    construct: Callable[..., Compound]

    @cached_property
    def size(self) -> int:
        """The number of components."""
        return math.prod(self.shape)

    def __call__(self, *arguments: Any, **options: Any) -> Compound:
        """Construct a value."""
        return self.construct(self, *arguments, **options)

    def of(self, items: Sequence[Any]) -> Compound:
        """Return a value of these components, which are of the type's scalar type already."""
        return _FAMILIES[self.family](self, list(items))

    def converted(self, items: Sequence[Any]) -> Compound:
        """Return a value of these numbers, each converted to the type's scalar type."""
        return self.of([self.scalar(item) for item in items])

    @property
    def zero(self) -> Compound:
        """The value that nothing was assigned to."""
        return self.of([self.scalar(0)] * self.size)

    def __repr__(self) -> str:
        return f"{self.family}{self.shape}[{self.scalar.name}]"


class Compound:
    """A value of several components in row-major order."""

    __slots__ = ("home", "items", "type")

    is_value = True

    def __init__(self, type_: CompoundType, items: list[Any], home: Home | None = None) -> None:
        self.type = type_
        self.items = items
        self.home = home

    @property
    def dtype(self) -> ScalarType:
        """The type of the components, which generic functions ask for."""
        return self.type.scalar

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"parts of {self.type}")

    def copy(self) -> Compound:
        """Return a value of its own."""
        return type(self)(self.type, self.items[:])

    def like(self, items: list[Any]) -> Any:
        """Return a value of the same type with other components."""
        return type(self)(self.type, items)

    def changed(self) -> None:
        """Tell what this value is part of that it was changed in place."""
        if self.home is not None:
            self.home(self)

    def __len__(self) -> int:
        return self.type.shape[0]

    def __iter__(self) -> Any:
        return iter([self[place] for place in range(len(self))])

    def _zip(self, other: Any, function: Callable[[Any, Any], Any]) -> Any:
        if not isinstance(other, Compound) or other.type.shape != self.type.shape:
            return NotImplemented
        return self.like([function(a, b) for a, b in zip(self.items, other.items, strict=True)])

    def __add__(self, other: Any) -> Any:
        return self._zip(other, operator.add)

    def __sub__(self, other: Any) -> Any:
        return self._zip(other, operator.sub)

    def __neg__(self) -> Any:
        return self.like([-item for item in self.items])

    def __pos__(self) -> Any:
        return self.copy()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Compound) or other.type.shape != self.type.shape:
            return NotImplemented
        return all(bool(a == b) for a, b in zip(self.items, other.items, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def place(self, index: Any, extent: int) -> int:
        """Return a component's index counted from the front; negative ones count from the end."""
        position = int(index)
        if not -extent <= position < extent:
            raise Undefined(f"component {position} of {self.type}")
        return position % extent

    def __repr__(self) -> str:
        return f"{self.type!r}({', '.join(map(str, self.items))})"


def _component(place: int) -> Any:
    """Return the property of the component at a place."""

    def read(vector: Compound) -> Any:
        if place >= len(vector.items):
            raise AttributeError("xyzw"[place])
        return vector.items[place]

    def write(vector: Vector, value: Any) -> None:
        vector[place] = value

    return property(read, write)


class Vector(Compound):
    """A vector: components by index, slice, or the names x, y, z, w."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return part_of(self, self.items[_plain(index)], lambda items: self.__setitem__(index, items))
        return self.items[self.place(index, len(self.items))]

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            positions = range(*_plain(index).indices(len(self.items)))
            values = list(value.items if isinstance(value, Compound) else value)  # it may be this very vector
            for position, item in zip(positions, values, strict=True):
                self.items[position] = self.type.scalar(item)
        else:
            self.items[self.place(index, len(self.items))] = self.type.scalar(value)
        self.changed()

    x, y, z, w = (_component(place) for place in range(4))


class Quaternion(Vector):
    """A quaternion, whose components are x, y, z and w."""

    __slots__ = ()


class Transform(Compound):
    """A transformation: a position `p` (three components) and a rotation `q` (a quaternion)."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return part_of(self, self.items[_plain(index)], lambda items: self.__setitem__(index, items))
        return self.items[self.place(index, 7)]

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            positions = range(*_plain(index).indices(7))
            for position, item in zip(positions, value.items, strict=True):
                self.items[position] = self.type.scalar(item)
        else:
            self.items[self.place(index, 7)] = self.type.scalar(value)
        self.changed()

    def _part(self, family: str, where: slice) -> Any:
        def write_back(part: Compound) -> None:
            self.items[where] = part.items
            self.changed()

        items = self.items[where]
        kind = CompoundType(family, self.type.scalar, (len(items),), self.type.construct)
        return _FAMILIES[family](kind, items, write_back)

    def _replace(self, where: slice, value: Compound) -> None:
        self.items[where] = [self.type.scalar(item) for item in value.items]
        self.changed()

    @property
    def p(self) -> Any:
        """The position."""
        return self._part("vector", slice(0, 3))

    @p.setter
    def p(self, value: Compound) -> None:
        self._replace(slice(0, 3), value)

    @property
    def q(self) -> Any:
        """The rotation."""
        return self._part("quaternion", slice(3, 7))

    @q.setter
    def q(self, value: Compound) -> None:
        self._replace(slice(3, 7), value)


class Matrix(Compound):
    """A matrix: elements by `m[i, j]`, rows by `m[i]`, parts by slices."""

    __slots__ = ()

    def positions(self, index: Any) -> Any:
        """Return the flat positions that a subscript picks, as an integer array of the picked shape."""
        rows, columns = self.type.shape
        keys = index if isinstance(index, tuple) else (index,)
        extents = (rows, columns)
        plain = tuple(
            _plain(key) if isinstance(key, slice) else self.place(key, extents[axis]) for axis, key in enumerate(keys)
        )
        return np.arange(rows * columns).reshape(rows, columns)[plain]

    def _cell(self, index: tuple[Any, Any]) -> int:
        """Return the flat position of the element in a row and a column."""
        rows, columns = self.type.shape
        return self.place(index[0], rows) * columns + self.place(index[1], columns)

    def __getitem__(self, index: Any) -> Any:
        if _is_cell(index):
            return self.items[self._cell(index)]
        positions = self.positions(index)
        picked = [self.items[position] for position in positions.ravel().tolist()]
        return part_of(self, picked, lambda part: self.__setitem__(index, part), positions.shape)

    def __setitem__(self, index: Any, value: Any) -> None:
        if _is_cell(index):
            self.items[self._cell(index)] = self.type.scalar(value)
        else:
            positions = self.positions(index).ravel().tolist()
            values = list(value.items) if isinstance(value, Compound) else [value] * len(positions)
            for position, item in zip(positions, values, strict=True):
                self.items[position] = self.type.scalar(item)
        self.changed()


def _is_cell(index: Any) -> bool:
    """Whether a subscript of a matrix names one element."""
    return type(index) is tuple and not any(isinstance(key, slice) for key in index)


def part_of(whole: Compound, items: list[Any], home: Home, shape: tuple[int, ...] | None = None) -> Any:
    """Return a vector or matrix of components that belong to `whole`; changing it in place calls `home` with it."""
    shape = shape or (len(items),)
    family = "vector" if len(shape) == 1 else "matrix"
    return _FAMILIES[family](CompoundType(family, whole.type.scalar, shape, whole.type.construct), items, home)


_FAMILIES: dict[str, type[Compound]] = {
    "vector": Vector,
    "matrix": Matrix,
    "quaternion": Quaternion,
    "transform": Transform,
}


def _plain(index: slice) -> slice:
    """Return a slice whose bounds are Python's integers."""
    bounds = (index.start, index.stop, index.step)
    return slice(*(None if bound is None else int(bound) for bound in bounds))


def is_scalar(value: Any) -> bool:
    """Whether a value is a scalar that has a type."""
    return type(value) in SCALARS
