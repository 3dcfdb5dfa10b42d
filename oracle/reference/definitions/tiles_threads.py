"""What threads of a block do with tiles one by one, all at the same place: single elements, values, shared stacks.

These definitions are called once with every thread's positional and named arguments, and return every thread's result.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound
from oracle.reference.definitions.tiles_sums import exact, moved
from oracle.reference.deviations import TILE_ELEMENT_RACE
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import Undefined
from oracle.reference.tiles import Index, Tile, plain_key, same_type, settled, stored, tile_of

Calls = Sequence[tuple[tuple[Any, ...], Mapping[str, Any]]]
"""The positional and the named arguments of every thread."""


def per_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a definition that sees every thread's arguments."""
    function.per_thread = True  # type: ignore[attr-defined]
    return function


def _changes_elements(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a definition that changes single elements of its first argument, a tile."""

    @functools.wraps(function)
    def define(run: Run, calls: Calls) -> Any:
        if TILE_ELEMENT_RACE in run.known and run.block.has_read(calls[0][0][0]):
            raise LackingError("a tile that is changed right after it was read, a known finding")
        return function(run, calls)

    define.changes_elements = True  # type: ignore[attr-defined]
    return per_thread(define)


def _by_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn `f(run, lists of arguments)` into a definition: every parameter gets the list of the threads' arguments."""

    @functools.wraps(function)
    def define(run: Run, calls: Calls) -> Any:
        positional = [[call[0][place] for call in calls] for place in range(len(calls[0][0]))]
        named = {name: [call[1][name] for call in calls] for name in calls[0][1]}
        return function(run, *positional, **named)

    return per_thread(define)


@_by_parameters
def tile(run: Run, values: list[Any], preserve_type: Sequence[bool] = (False,)) -> list[Tile]:
    """Return the tile of the threads' values; components of vectors and matrices get axes before the threads'."""
    owned = [run.own(value) for value in values]
    made = tile_of(run, run.type_of(owned[0]), owned, (len(owned),))
    if isinstance(owned[0], Compound) and not preserve_type[0]:
        axes = (*range(1, made.data.ndim), 0)
        made = Tile(run, made.scalar, np.ascontiguousarray(made.data.transpose(axes)))
    return [made] * len(values)


@_by_parameters
def untile(run: Run, tiles: list[Tile]) -> list[Any]:
    """Return each thread's element of a tile, or its column as a vector."""
    given, count = tiles[0], len(tiles)
    if given.extents[-1] != count or given.rank > 2:
        raise LackingError(f"untile of {given} in a block of {count} threads")
    if given.rank == 1:
        return [given.at((lane,)) for lane in range(count)]
    vector = run.vector(given.extents[0], given.scalar)
    return [vector.of([given.at((row, lane)) for row in range(given.extents[0])]) for lane in range(count)]


@_by_parameters
def from_thread(
    run: Run, shape: list[Any], value: list[Any], thread_idx: list[Any], storage: Sequence[str] = ()
) -> list[Tile]:
    """Return a tile of one thread's value."""
    chosen = int(thread_idx[0])
    if not 0 <= chosen < len(value) or any(int(one) != chosen for one in thread_idx):
        raise Undefined(f"the value of thread {chosen} of {len(value)}")
    own = run.own(value[chosen])
    extents = tuple(map(int, shape[0])) if isinstance(shape[0], tuple) else (int(shape[0]),)
    made = tile_of(run, run.type_of(own), [own] * int(np.prod(extents)), extents)
    return [made] * len(value)


# Single elements


@_changes_elements
@_by_parameters
def assign(run: Run, tiles: list[Tile], keys: list[Any], values: list[Any]) -> list[None]:
    """Store each thread's value; raises Undefined where two threads store different ones to an element."""
    _write(tiles[0], [(tiles[0].index(key), value) for key, value in zip(keys, values, strict=True)])
    return [None] * len(keys)


def _write(target: Tile, writes: Sequence[tuple[Index, Any]]) -> None:
    seen: dict[Index, Any] = {}
    for index, value in writes:
        number = stored(target.component_type(len(index)), value)
        if index in seen and not np.array_equal(seen[index], number, equal_nan=True):
            raise Undefined(f"threads store different values to element {index} of a tile")
        seen[index] = number
        target.data[index] = number


def assign_part(run: Run, target: Tile, key: Any, source: Tile) -> None:
    """Copy a tile into what a subscript with slices selects of another, as NumPy does where they overlap."""
    keys = key if isinstance(key, tuple) else (key,)
    part = target.data[tuple(map(plain_key, keys))]
    if part.shape[: source.rank] != source.extents:
        raise Undefined(f"a tile of shape {source.extents} does not fit")
    if same_type(source.element, target.element):
        part[...] = source.data.copy()
    else:
        part[...] = tile_of(run, target.element, list(source.values()), source.extents).data


@_changes_elements
@_by_parameters
def change(run: Run, tiles: list[Tile], keys: list[Any], names: list[str], values: list[Any]) -> list[None]:
    """Carry out each thread's `t[...] += x`, or its like: in any order, none of which is lost."""
    if isinstance(values[0], Tile):
        raise LackingError("an operator in place on a part of a tile")
    _combine(run, tiles[0], names[0], list(zip(keys, values, strict=True)))
    return [None] * len(keys)


_IN_PLACE = {
    "add": operator.add,
    "sub": operator.sub,
    "bit_and": operator.and_,
    "bit_or": operator.or_,
    "bit_xor": operator.xor,
}


def _combine(run: Run, target: Tile, name: str, changes: Sequence[tuple[Any, Any]]) -> None:
    if name not in _IN_PLACE:
        raise LackingError(f"{name} in place on an element of a tile")
    before = target.data.copy()
    terms: dict[Index, list[np.ndarray]] = {}
    for key, value in changes:
        index = target.index(key)
        kind = target.component_type(len(index))
        operand = stored(kind, value)
        target.data[index] = settled(kind, np.asarray(_IN_PLACE[name](target.data[index], operand)))
        terms.setdefault(index, [np.asarray(before[index])]).append(np.asarray(operand))
    if target.scalar.is_float and run.noise is not None:
        for index, added in terms.items():
            _move(run, target, index, np.stack(added))


def _move(run: Run, target: Tile, index: Index, terms: np.ndarray) -> None:
    values = np.asarray(target.data[index])
    sizes = np.abs(terms.astype(np.float64)).sum(axis=0)
    fixed = exact(terms, target.scalar)
    target.data[index] = moved(run, f"sum in place {index}", values, target.scalar, len(terms), sizes, fixed)


@_changes_elements
def scatter_add(run: Run, calls: Calls) -> list[None]:
    """Add the values of the threads that have one: `(t, i, ..., value, has_value, atomic)`."""
    target, given = _scattered(calls)
    atomic = calls[0][1].get("atomic", True)
    indices = [key for key, _ in given]
    if not atomic and len(set(indices)) < len(indices):
        raise Undefined("threads add to one element without atomics")
    _combine(run, target, "add", given)
    return [None] * len(calls)


@_changes_elements
def scatter_masked(run: Run, calls: Calls) -> list[None]:
    """Store the values of the threads that have one, each to an element of its own."""
    target, given = _scattered(calls)
    if len({key for key, _ in given}) < len(given):
        raise Undefined("threads store to one element of a tile")
    _write(target, given)
    return [None] * len(calls)


def _scattered(calls: Calls) -> tuple[Tile, list[tuple[Index, Any]]]:
    """Return the tile, and index and value of each thread that takes part."""
    target = calls[0][0][0]
    found = []
    for arguments, _ in calls:
        _, *rest = arguments
        index, value, takes_part = rest[: target.rank], rest[target.rank], rest[target.rank + 1]
        if takes_part:
            found.append((target.index(tuple(index)), value))
    return target, found


# Stacks


class Stack:
    """A stack that the threads of a block share. Which thread gets which slot is open: noise changes the order."""

    def __init__(self, capacity: int, dtype: Any) -> None:
        self.capacity = capacity
        self.dtype = dtype
        self.values: list[Any] = []


def stack(run: Run, capacity: Any, dtype: Any) -> Stack:
    """Return an empty stack."""
    return Stack(int(capacity), dtype)


@_by_parameters
def push(run: Run, stacks: list[Stack], value: list[Any], has_value: list[Any]) -> list[Any]:
    """Push the values of the threads that have one, as far as there is room; returns slots, -1 for none."""
    own = stacks[0]
    slots = [np.int32(-1)] * len(value)
    for lane in _order(run, len(value)):
        if has_value[lane] and len(own.values) < own.capacity:
            slots[lane] = np.int32(len(own.values))
            own.values.append(run.convert(value[lane], own.dtype))
    return slots


@_by_parameters
def pop(run: Run, stacks: list[Stack]) -> list[Any]:
    """Pop up to one value for each thread; a thread that gets none has slot -1."""
    own = stacks[0]
    nothing = run.convert(0, own.dtype) if not hasattr(own.dtype, "zero") else own.dtype.zero
    found: list[Any] = [(nothing, np.int32(-1))] * len(stacks)
    for lane in _order(run, len(stacks)):
        if own.values:
            value = own.values.pop()
            found[lane] = (value, np.int32(len(own.values)))
    return found


def _order(run: Run, count: int) -> Sequence[int]:
    order = tuple(range(count))
    return run.either("tile_stack", order, order[::-1], (*order[1::2], *order[::2]))


def clear(run: Run, own: Stack) -> None:
    """Empty a stack."""
    own.values.clear()


def count(run: Run, own: Stack) -> Any:
    """Return how many values a stack has."""
    return np.int32(len(own.values))


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "tile": tile,
        "untile": untile,
        "tile_from_thread": from_thread,
        "tile_scatter_add": scatter_add,
        "tile_scatter_masked": scatter_masked,
        "tile_stack": stack,
        "tile_stack_push": push,
        "tile_stack_pop": pop,
        "tile_stack_clear": clear,
        "tile_stack_count": count,
    }
)
