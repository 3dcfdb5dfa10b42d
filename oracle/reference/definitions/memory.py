"""Arrays in kernels: local ones, views, arrays from pointers, searches in sorted ones; bits read as another type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.arrays import Array, zeros
from oracle.reference.compounds import Compound, CompoundType
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import BFloat16, ScalarType


def local_zeros(run: Run, shape: Any, dtype: Any) -> Array:
    """Make an array of zeros of a constant shape, the thread's own."""
    extents = shape if isinstance(shape, tuple) else (shape,)
    return zeros(dtype, tuple(map(int, extents)))


local_zeros.takes_literals = True  # type: ignore[attr-defined]


def lower_bound(run: Run, array: Array, *arguments: Any) -> Any:
    """Find the first element of a sorted array, or of its part [begin, end), that is not below a value.

    Where all are below, the documentation leaves open whether that is the last element or the place behind it.
    """
    *part, value = arguments
    low, high = map(int, part) if part else (0, len(array))
    if value != value:
        raise LackingError("lower_bound of a NaN")
    end = high
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if array[middle] < value else (low, middle)
    return np.int32(low if low < end else run.either("lower_bound", end - 1, end))


def cast(run: Run, value: Any, dtype: Any) -> Any:
    """Read the bits of a scalar, a vector or a matrix as another type's."""
    wanted = dtype.scalar if isinstance(dtype, CompoundType) else dtype
    items = value.items if isinstance(value, Compound) else [value]
    if not isinstance(wanted, ScalarType) or isinstance(items[0], BFloat16) or wanted.make is BFloat16:
        raise LackingError("cast of this type")
    if run.wide and any(run.type_of(one).is_float for one in (items[0], wanted())):
        raise LackingError("the bits of a float, when floats are evaluated in float64")
    read = list(np.array(items).view(np.dtype(wanted.make)))
    return dtype.of(read) if isinstance(dtype, CompoundType) else read[0]


@dataclass(frozen=True)
class Component:
    """What `wp.index(v, i)` stands for: a component, or a row, that can be stored to."""

    whole: Any
    key: Any


def component(run: Run, whole: Any, *indices: Any) -> Component:
    """Return the place of a component."""
    return Component(whole, indices if len(indices) > 1 else indices[0])


def store(run: Run, place: Component, value: Any) -> None:
    """Change a component."""
    place.whole[place.key] = value


def assign_copy(run: Run, whole: Any, *arguments: Any) -> Any:
    """Return a copy of which one component is another: `assign_copy(v, i, ..., value)`."""
    *indices, value = arguments
    changed = run.own(whole)
    changed[tuple(indices) if len(indices) > 1 else indices[0]] = value
    return changed


component.takes_literals = True  # type: ignore[attr-defined]
store.takes_literals = True  # type: ignore[attr-defined]
assign_copy.takes_literals = True  # type: ignore[attr-defined]


def length(run: Run, value: Any) -> Any:
    """Return the number of components, rows, or elements along the first axis."""
    return np.int32(len(value))


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "zeros": local_zeros,
        "lower_bound": lower_bound,
        "cast": cast,
        "len": length,
        "view": lambda run, array, *indices: array[indices],
        "address": lambda run, array, *indices: array[indices],
        "index": component,
        "store": store,
        "assign_copy": assign_copy,
        "load": lambda run, value: value,
        "block_dim": lambda run: np.int32(run.block.size if run.block else run.either("block_dim", 1, 256)),
    }
)
