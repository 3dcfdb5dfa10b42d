"""A kernel's arrays: views of NumPy arrays, one per leaf, whose every access is checked.

An array of n vec3 has one leaf of shape (n, 3); an array of structs has one for each plain field. Floats stand in the
leaves as the reference computes with them: bfloat16 as float32, and all as float64 when floats are evaluated so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound, CompoundType
from oracle.reference.scalars import BFloat16, ScalarType
from oracle.reference.structs import Struct, StructType

Leaves = Mapping[str, np.ndarray]
"""The leaves of an array by the path of the field inside an element, the empty text for an element that has none."""


class OutOfBounds(Exception):  # noqa: N818
    """An index outside its array."""


class Array:
    """An array, or a part of one, of `rank` dimensions with elements of type `element`.

    `audit`, shared with every part, is told what is read and stored, where anybody asks.
    """

    is_array = True

    def __init__(self, element: Any, leaves: Leaves, rank: int, audit: Audit | None = None) -> None:
        self.element = element
        self.leaves = leaves
        self.rank = rank
        self.audit = audit
        self.extents = next(iter(leaves.values())).shape[:rank] if leaves else (0,) * rank
        self._plain = leaves.get("") if isinstance(element, ScalarType) else None

    @property
    def dtype(self) -> Any:
        """The type of the elements."""
        return self.element

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.rank

    @property
    def shape(self) -> Any:
        """The extents, as int32 values; Warp's arrays have four of them, zero beyond the rank."""
        return tuple(np.int32(extent) for extent in (*self.extents, *[0] * (4 - self.rank)))

    @property
    def size(self) -> Any:
        """The number of elements."""
        return np.int32(int(np.prod(self.extents)))

    @property
    def ptr(self) -> Array:
        """What stands for the address of the first element: the array itself."""
        return self

    def __len__(self) -> int:
        return self.extents[0]

    def __bool__(self) -> bool:
        return True

    def index(self, key: Any) -> tuple[int, ...]:
        """Return a subscript of integers as a tuple; raises OutOfBounds for what lies outside."""
        indices = tuple(map(int, key)) if type(key) is tuple else (int(key),)
        for place, extent in zip(indices, self.extents, strict=False):
            if not 0 <= place < extent:
                return self._from_the_end(indices)
        return indices

    def _from_the_end(self, indices: tuple[int, ...]) -> tuple[int, ...]:
        """Return indices of which some count from the end."""
        for place, extent in zip(indices, self.extents, strict=False):
            if not -extent <= place < extent:
                raise OutOfBounds(f"index {indices} of an array of shape {self.extents}")
        return tuple(place % extent for place, extent in zip(indices, self.extents, strict=False))

    def __getitem__(self, key: Any) -> Any:
        if _has_slice(key):
            return self.part(_plain_key(key))
        indices = self.index(key)
        if len(indices) < self.rank:
            return self.part(indices)
        if self.audit is not None:
            self.audit.note_load(self.leaves, indices)
        return self._element(indices)

    def old(self, key: Any) -> Any:
        """Return an element that is about to be replaced by what becomes of it, which counts as no reading."""
        return self._element(self.index(key))

    def _element(self, indices: tuple[int, ...]) -> Any:
        if self._plain is not None:
            value = self._plain[indices]
            return value if type(value) is self.element.make else self.element.make(value)
        return self.load(indices)

    def __setitem__(self, key: Any, value: Any) -> None:
        indices = self.index(key)
        if len(indices) < self.rank:
            raise TypeError(f"{len(indices)} indices for an array of {self.rank} dimensions")
        if self._plain is not None:
            converted = self.element(value)
            self._plain[indices] = getattr(converted, "single", converted)
            if self.audit is not None:
                self.audit.note("", self._plain, indices)
        else:
            self.store(indices, value)

    def part(self, key: Any) -> Array:
        """Return the array that fewer indices, or slices, pick."""
        leaves = {path: leaf[key] for path, leaf in self.leaves.items()}
        keys = key if type(key) is tuple else (key,)
        gone = sum(1 for one in keys if not isinstance(one, slice))
        return Array(self.element, leaves, self.rank - gone, self.audit)

    def reshaped(self, element: Any, shape: tuple[int, ...]) -> Array:
        """Return an array of other extents over the same memory; raises LookupError where that is no view of ours."""
        count = int(np.prod(shape))
        if element is not self.element or count > int(self.size):
            raise LookupError("another element type, or more elements")
        leaves = {}
        for path, leaf in self.leaves.items():
            if not leaf.flags.c_contiguous:
                raise LookupError("elements that do not lie side by side")
            inner = leaf.shape[self.rank :]
            leaves[path] = leaf.reshape(-1, *inner)[:count].reshape(*shape, *inner)
        return Array(element, leaves, len(shape), self.audit)

    def load(self, indices: tuple[int, ...]) -> Any:
        """Return an element as a value that tells the array when it is changed in place."""

        def write_back(value: Any) -> None:
            self.store(indices, value)

        value = self._load(self.element, "", indices)
        if isinstance(value, Struct):
            return Struct(value._type, value._values, write_back)
        if isinstance(value, Compound):
            value.home = write_back
        return value

    def _load(self, kind: Any, path: str, indices: tuple[int, ...]) -> Any:
        if isinstance(kind, StructType):
            fields = {
                name: self._load(field, f"{path}.{name}".lstrip("."), indices) for name, field in kind.fields.items()
            }
            return Struct(kind, fields)
        if isinstance(kind, CompoundType):
            items, make = list(self.leaves[path][indices].ravel()), kind.scalar.make
            return kind.of(items if type(items[0]) is make else list(map(make, items)))
        if isinstance(kind, ScalarType):
            return kind.make(self.leaves[path][indices])
        return None  # an array inside an array's element: nobody can pass one

    def store(self, indices: tuple[int, ...], value: Any) -> None:
        """Store an element, converted to the array's type."""
        self._store(self.element, "", indices, value)

    def _store(self, kind: Any, path: str, indices: tuple[int, ...], value: Any) -> None:
        if isinstance(kind, StructType):
            for name, field in kind.fields.items():
                self._store(field, f"{path}.{name}".lstrip("."), indices, value._values[name])
            return
        if isinstance(kind, CompoundType):
            items = [kind.scalar(item) for item in value.items] if isinstance(value, Compound) else [kind.scalar(value)]
            numbers = np.array([getattr(item, "single", item) for item in items])
            self.leaves[path][indices] = numbers.reshape(kind.shape) if len(items) > 1 or kind.size == 1 else numbers[0]
        elif isinstance(kind, ScalarType):
            converted = kind(value)
            self.leaves[path][indices] = getattr(converted, "single", converted)
        else:
            return
        if self.audit is not None:
            self.audit.note(path, self.leaves[path], indices)

    def elements(self) -> Iterator[tuple[int, ...]]:
        """Yield the index of every element."""
        return np.ndindex(*self.extents)


def zeros(element: Any, shape: tuple[int, ...]) -> Array:
    """Make an array of zeros."""
    leaves = {path: np.zeros(shape + inner, dtype) for path, inner, dtype in _plain_fields(element, "")}
    return Array(element, leaves, len(shape))


def _plain_fields(kind: Any, path: str) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """Yield path, inner shape and NumPy's dtype of each leaf of an element."""
    if isinstance(kind, StructType):
        for name, field in kind.fields.items():
            yield from _plain_fields(field, f"{path}.{name}".lstrip("."))
    elif isinstance(kind, CompoundType | ScalarType):
        scalar, inner = (kind.scalar, kind.shape) if isinstance(kind, CompoundType) else (kind, ())
        yield path, inner, np.float32 if scalar.make is BFloat16 else scalar.make


class Audit:
    """Which elements of the arrays were read by subscripts, and which were stored to."""

    def __init__(self) -> None:
        self._loaded: set[tuple[str, int]] = set()
        self._stored: set[tuple[str, int]] = set()

    def note(self, path: str, leaf: np.ndarray, indices: tuple[int, ...]) -> None:
        """Note that an element was stored to."""
        self._stored.add((path, _address(leaf, indices)))

    def note_load(self, leaves: Leaves, indices: tuple[int, ...]) -> None:
        """Note that an element was read."""
        self._loaded.update((path, _address(leaf, indices)) for path, leaf in leaves.items())

    @property
    def overwrites(self) -> bool:
        """Whether some element was read and stored to."""
        return not self._loaded.isdisjoint(self._stored)


def _address(leaf: np.ndarray, indices: tuple[int, ...]) -> int:
    address = int(leaf.__array_interface__["data"][0])
    return address + sum(place * stride for place, stride in zip(indices, leaf.strides, strict=False))


def _has_slice(key: Any) -> bool:
    return isinstance(key, slice) or (type(key) is tuple and any(isinstance(one, slice) for one in key))


def _plain_key(key: Any) -> Any:
    keys: Sequence[Any] = key if type(key) is tuple else (key,)
    return tuple(
        slice(*(None if bound is None else int(bound) for bound in (one.start, one.stop, one.step)))
        if isinstance(one, slice)
        else int(one)
        for one in keys
    )
