"""Many elements of a tile become one, or a run of partial results; sorting."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.definitions.tiles_sums import exact, moved, products, total
from oracle.reference.run import Run
from oracle.reference.scalars import Undefined
from oracle.reference.tiles import Tile, settled, stored


def flat(tile: Tile) -> np.ndarray:
    """Return the elements along one axis, in row-major order."""
    return tile.data.reshape(-1, *tile.inner)


def along(tile: Tile, axis: Any) -> np.ndarray:
    """Return the elements with an axis first; a tile of one dimension leaves one element behind."""
    data = np.moveaxis(tile.data, int(axis), 0)
    return data if tile.rank > 1 else data.reshape(-1, 1, *tile.inner)


def sum_(run: Run, tile: Tile, axis: Any = None) -> Tile:
    """Return the sum of all elements, or along an axis."""
    terms = flat(tile)[:, None] if axis is None else along(tile, axis)
    return tile.with_data(total(run, "tile_sum", terms, tile.scalar))


def dot(run: Run, a: Tile, b: Tile) -> Tile:
    """Return the sum of the products of all components."""
    terms = products(a.data.ravel(), b.data.ravel(), a.scalar)
    return Tile(run, a.scalar, total(run, "tile_dot", terms[:, None], a.scalar, extra=2.0))


# Extremes


def _extreme(lowest: bool) -> Callable[..., Tile]:
    """Return `tile_min` or `tile_max`: NaNs count as missing; of zeros with two signs either is right."""

    def define(run: Run, tile: Tile) -> Tile:
        name = "tile_min" if lowest else "tile_max"
        result = (np.fmin if lowest else np.fmax).reduce(tile.data.ravel())
        if tile.scalar.is_float and not result and (np.signbit(tile.data[tile.data == 0])).any():
            result = run.either(name, result, -result)
        return tile.with_data(np.asarray([result], tile.data.dtype))

    return define


def _place(lowest: bool) -> Callable[..., Tile]:
    """Return `tile_argmin` or `tile_argmax`: of equal elements any; a NaN leaves the result open."""

    def define(run: Run, tile: Tile) -> Tile:
        values = tile.data.ravel()
        if tile.scalar.is_float and np.isnan(values).any():
            raise Undefined("the place of an extreme among NaNs")
        best = values.min() if lowest else values.max()
        found = run.either("tile_argmin" if lowest else "tile_argmax", *np.flatnonzero(values == best).tolist())
        return Tile(run, run.scalars["int32"], np.array([found], np.int32))

    return define


def reduce(run: Run, function: Callable[..., Any], tile: Tile, axis: Any = None) -> Tile:
    """Return what a function of two makes of all elements, or of those along an axis, in any order."""
    if function is run.block.built_in("add"):
        return sum_(run, tile, axis)
    columns = flat(tile)[:, None] if axis is None else along(tile, axis)
    shape = columns.shape[1 : columns.ndim - len(tile.inner)]
    data = np.empty(columns.shape[1:], tile.data.dtype)
    for place in np.ndindex(*shape):
        parts = [tile.with_data(columns[(slice(None), *place)]).at((row,)) for row in range(columns.shape[0])]
        data[place] = stored(tile.element, _folded(run, function, parts))
    return tile.with_data(data)


def _folded(run: Run, function: Callable[..., Any], values: Sequence[Any]) -> Any:
    """Fold values: from the first to the last, or with noise by pairs in some other order."""
    rest = list(values)
    if run.noise is None:
        result = rest[0]
        for value in rest[1:]:
            result = function(result, value)
        return result
    order = random.Random(f"{run.noise} tile_reduce {len(rest)}")
    order.shuffle(rest)
    while len(rest) > 1:
        rest = [function(*rest[at : at + 2]) if at + 1 < len(rest) else rest[at] for at in range(0, len(rest), 2)]
    return rest[0]


# Scans


def _scan_sum(exclusive: bool) -> Callable[..., Tile]:
    """Return prefix sums, with or without the element itself, over all elements in row-major order."""

    def define(run: Run, tile: Tile) -> Tile:
        terms = flat(tile)
        if tile.scalar.is_float:
            name = "tile_scan_exclusive" if exclusive else "tile_scan_inclusive"
            wide = terms.astype(np.longdouble)
            sums = settled(tile.scalar, np.cumsum(wide))
            sizes = np.cumsum(np.abs(wide)).astype(np.float64)
            fixed = np.array([bool(exact(terms, tile.scalar))] * len(terms))
            sums = moved(run, name, sums, tile.scalar, (len(terms) + 1) / 2.0, sizes, fixed)
        else:
            sums = np.cumsum(terms, dtype=terms.dtype)
        if exclusive:
            sums = np.concatenate([np.zeros(1, sums.dtype), sums[:-1]])
        return tile.with_data(sums.reshape(tile.data.shape))

    return define


def _scan_extreme(function: np.ufunc) -> Callable[..., Tile]:
    """Return prefix minima or maxima, in which NaNs count as missing."""

    def define(run: Run, tile: Tile) -> Tile:
        values = function.accumulate(flat(tile))
        if tile.scalar.is_float and ((flat(tile) == 0) & np.signbit(flat(tile))).any():
            values = np.array([_either_zero(run, value) for value in values], values.dtype)
        return tile.with_data(values.reshape(tile.data.shape))

    return define


def _either_zero(run: Run, value: Any) -> Any:
    return value if value else run.either("a zero", value, -value)


# Sorting


def sort(run: Run, keys: Tile, values: Tile) -> None:
    """Sort keys, and values with them; the order of equal keys is open."""
    if keys.scalar.is_float and np.isnan(keys.data).any():
        raise Undefined("a NaN among the keys of tile_sort")
    own = keys.data.reshape(-1)
    ties = np.arange(len(own))
    if run.noise is not None:
        order = random.Random(f"{run.noise} tile_sort {len(own)}")
        ties = np.array(order.sample(range(len(own)), len(own)))
    places = np.lexsort((ties, own))
    payload = values.data.reshape(-1, *values.inner)[places]
    keys.data[...] = own[places].reshape(keys.data.shape)
    values.data[...] = payload.reshape(values.data.shape)


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "tile_sum": sum_,
        "tile_dot": dot,
        "tile_min": _extreme(lowest=True),
        "tile_max": _extreme(lowest=False),
        "tile_argmin": _place(lowest=True),
        "tile_argmax": _place(lowest=False),
        "tile_reduce": reduce,
        "tile_scan_inclusive": _scan_sum(exclusive=False),
        "tile_scan_exclusive": _scan_sum(exclusive=True),
        "tile_scan_min_inclusive": _scan_extreme(np.fmin),
        "tile_scan_max_inclusive": _scan_extreme(np.fmax),
        "tile_sort": sort,
    }
)
