"""Tiles that are made, loaded, stored, and seen in other shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.arrays import Array, OutOfBounds
from oracle.reference.compounds import CompoundType
from oracle.reference.definitions import tiles_algebra, tiles_reductions, tiles_threads
from oracle.reference.definitions.tiles_sums import exact, moved
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import Undefined
from oracle.reference.tiles import Tile, plain, plain_key, settled, storage, stored, tile_of


def extents_of(shape: Any) -> tuple[int, ...]:
    """Return a shape, or an offset, that is one number or a tuple."""
    return tuple(map(int, shape)) if isinstance(shape, tuple) else (int(shape),)


# Made from nothing


def full(run: Run, shape: Any, value: Any, dtype: Any = None, storage: str = "") -> Tile:
    """Return a tile of one value, whose type is the value's if none is asked for."""
    kind = run.type_of(value) if dtype is None else dtype
    extents = extents_of(shape)
    inner = kind.shape if isinstance(kind, CompoundType) else ()
    return Tile(run, kind, np.tile(np.asarray(stored(kind, value)), (*extents, *[1] * len(inner))))


def _filled(value: int) -> Callable[..., Tile]:
    def define(run: Run, shape: Any, dtype: Any = None, storage: str = "") -> Tile:
        return full(run, shape, value, run.scalars["float32"] if dtype is None else dtype)

    return define


def empty(run: Run, shape: Any, dtype: Any = None, storage: str = "") -> Tile:
    """Return a tile of which nothing is known: zeros, or with noise anything."""
    value = run.either("tile_empty", 0, 77)
    return full(run, shape, value, run.scalars["float32"] if dtype is None else dtype)


def arange(run: Run, *bounds: Any, dtype: Any = None, storage: str = "") -> Tile:
    """Return evenly spaced numbers from `start` up to `stop`, counted in the tile's own type."""
    kind = run.type_of(bounds[0]) if dtype is None else dtype
    start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    first, last, by = (float(kind(number)) for number in (start, stop, step))
    places = np.arange(math.ceil((last - first) / by))
    terms = np.stack([np.full(places.shape, first), places * by])
    values = settled(kind, terms.sum(axis=0))
    magnitudes = np.abs(terms).sum(axis=0)
    return Tile(run, kind, moved(run, "tile_arange", values, kind, 1.5, magnitudes, _fixed(terms, kind)))


def _fixed(terms: np.ndarray, kind: Any) -> np.ndarray | bool:
    return exact(terms, kind) if kind.is_float else True


def random(run: Run, *arguments: Any, **named: Any) -> Tile:
    """Say that the numbers are open: they depend on the device and the size of a block, nobody says how."""
    raise LackingError("random tiles, whose numbers are open")


# Arrays


def load(
    run: Run,
    array: Array,
    shape: Any,
    offset: Any = None,
    storage: str = "",
    bounds_check: bool = True,
    aligned: bool = False,
) -> Tile:
    """Return a part of an array; what lies past its end is zero, if that is checked."""
    return _gathered(run, array, _places(array, extents_of(shape), offset), bounds_check, lower=False)


def load_indexed(
    run: Run, array: Array, indices: Tile, shape: Any, offset: Any = None, axis: int = 0, storage: str = ""
) -> Tile:
    """Return parts of an array along an axis that indices pick; zeros for those outside."""
    places = _picked_places(array, extents_of(shape), offset, indices, axis)
    return _gathered(run, array, places, True, lower=True)


def store(
    run: Run, array: Array, tile: Tile, offset: Any = None, bounds_check: bool = True, aligned: bool = False
) -> None:
    """Store a tile to a part of an array; what lies past its end is left out, if that is checked."""
    _scattered(array, tile, _places(array, tile.extents, offset), bounds_check, lower=False)


def store_indexed(run: Run, array: Array, indices: Tile, tile: Tile, offset: Any = None, axis: int = 0) -> None:
    """Store a tile's parts along an axis where indices say; those outside are left out."""
    places = _picked_places(array, tile.extents, offset, indices, axis)
    if len(set(places[axis].tolist())) < len(places[axis]):
        raise Undefined("tile_store_indexed with an index that occurs twice")
    _scattered(array, tile, places, True, lower=True)


def atomic_add(run: Run, array: Array, tile: Tile, offset: Any = None, bounds_check: bool = True) -> Tile:
    """Add a tile to a part of an array, and return what was there."""
    return _added(run, array, tile, _places(array, tile.extents, offset), bounds_check, lower=False)


def atomic_add_indexed(run: Run, array: Array, indices: Tile, tile: Tile, offset: Any = None, axis: int = 0) -> Tile:
    """Add a tile's parts along an axis where indices say, and return what was there."""
    return _added(run, array, tile, _picked_places(array, tile.extents, offset, indices, axis), True, lower=True)


def _places(array: Array, shape: tuple[int, ...], offset: Any) -> list[np.ndarray]:
    """Return the array's indices along each axis."""
    if len(shape) != array.rank:
        raise LackingError("a tile of other dimensions than its array's")
    first = (0,) * array.rank if offset is None else extents_of(offset)
    return [start + np.arange(extent) for start, extent in zip(first, shape, strict=True)]


def _picked_places(array: Array, shape: tuple[int, ...], offset: Any, indices: Tile, axis: int) -> list[np.ndarray]:
    places = _places(array, shape, offset)
    places[axis] = places[axis][0] + indices.data.astype(np.int64)[: shape[axis]]
    return places


def _inside(array: Array, places: list[np.ndarray], checked: bool, lower: bool) -> tuple[list[np.ndarray], Any]:
    """Return the places inside the array, and where they are among all; raises OutOfBounds where nobody checks."""
    masks = []
    for where, extent in zip(places, array.extents, strict=True):
        mask = (where >= 0) & (where < extent)
        if not checked and not mask.all():
            raise OutOfBounds("a part of an array that lies outside it")
        if not lower and (where < 0).any():
            raise OutOfBounds("a part that starts before its array")
        masks.append(mask)
    return [where[mask] for where, mask in zip(places, masks, strict=True)], np.ix_(*masks)


def _gathered(run: Run, array: Array, places: list[np.ndarray], checked: bool, lower: bool) -> Tile:
    inside, where = _inside(array, places, checked, lower)
    inner = array.element.shape if isinstance(array.element, CompoundType) else ()
    data = np.zeros((*map(len, places), *inner), storage(array.element))
    data[where] = array.leaves[""][np.ix_(*inside)]
    if array.audit is not None:
        for index in _each(inside):
            array.audit.note_load(array.leaves, index)
    return Tile(run, array.element, data)


def _scattered(array: Array, tile: Tile, places: list[np.ndarray], checked: bool, lower: bool) -> None:
    inside, where = _inside(array, places, checked, lower)
    _put(array, tile.data[where], inside)


def _put(array: Array, data: np.ndarray, inside: list[np.ndarray]) -> None:
    leaf = array.leaves[""]
    leaf[np.ix_(*inside)] = data
    if array.audit is not None:
        for index in _each(inside):
            array.audit.note("", leaf, index)


def _added(run: Run, array: Array, tile: Tile, places: list[np.ndarray], checked: bool, lower: bool) -> Tile:
    old = _gathered(run, array, places, checked, lower)
    inside, where = _inside(array, places, checked, lower)
    axes = [len(set(axis.tolist())) == len(axis) for axis in inside]
    if all(axes):
        _put(array, settled(array.element, old.data[where] + tile.data[where]), inside)
        return old
    selected = tile.data[where]
    for place, index in zip(np.ndindex(*map(len, inside)), _each(inside), strict=True):
        leaf = array.leaves[""]
        leaf[index] = settled(array.element, np.asarray(leaf[index] + selected[place]))
    return old


def _each(places: list[np.ndarray]) -> list[tuple[int, ...]]:
    """Return every index of the product of indices along each axis, in row-major order."""
    grids = np.meshgrid(*places, indexing="ij")
    return list(zip(*(grid.ravel().tolist() for grid in grids), strict=True))


# Views and copies


def view(run: Run, tile: Tile, offset: Any, shape: Any = None) -> Tile:
    """Return a view: a rectangle of a shape, or what integers and slices select."""
    keys = offset if isinstance(offset, tuple) else (offset,)
    if shape is not None:
        first = (*map(int, keys), *[0] * (tile.rank - len(keys)))
        keys = tuple(slice(start, start + extent) for start, extent in zip(first, extents_of(shape), strict=True))
        if any(key.start < 0 or key.stop > extent for key, extent in zip(keys, tile.extents, strict=True)):
            raise OutOfBounds("a view that lies outside its tile")
    for key, extent in zip(keys, tile.extents, strict=False):
        if not isinstance(key, slice) and not 0 <= int(key) < extent:
            raise OutOfBounds("a view that lies outside its tile")
    return tile.with_data(tile.data[tuple(map(plain_key, keys))])


def squeeze(run: Run, tile: Tile, axis: Any = None) -> Tile:
    """Return a view without axes of one element: those that are named, or all."""
    ones = [place for place, extent in enumerate(tile.extents) if extent == 1]
    axes = ones if axis is None else [place % tile.rank for place in extents_of(axis)]
    return tile.with_data(np.squeeze(tile.data, tuple(axes)))


def reshape(run: Run, tile: Tile, shape: Any) -> Tile:
    """Return the elements, in their order, in another shape; one extent may be -1."""
    extents = list(extents_of(shape))
    if -1 in extents:
        known = math.prod(extent for extent in extents if extent != -1)
        extents[extents.index(-1)] = math.prod(tile.extents) // known
    return tile.with_data(tile.data.reshape(*extents, *tile.inner))


def transpose(run: Run, tile: Tile) -> Tile:
    """Return a view with two axes swapped."""
    return tile.with_data(np.swapaxes(tile.data, 0, 1))


def broadcast(run: Run, tile: Tile, shape: Any) -> Tile:
    """Return a view in which axes of one element, and new leading ones, repeat."""
    extents = extents_of(shape)
    missing = len(extents) - tile.rank
    strides = [0] * missing + [
        0 if own == 1 and wanted > 1 else stride
        for own, wanted, stride in zip(tile.extents, extents[missing:], tile.data.strides, strict=False)
    ]
    inner = tile.data.strides[tile.rank :]
    data = np.lib.stride_tricks.as_strided(tile.data, (*extents, *tile.inner), (*strides, *inner))
    return tile.with_data(data)


def astype(run: Run, tile: Tile, dtype: Any) -> Tile:
    """Return the elements converted to another scalar type, as casts convert."""
    return tile_of(run, dtype, list(tile.values()), tile.extents)


def assign(run: Run, target: Tile, source: Tile, offset: Any = None) -> None:
    """Copy a tile into a part of another."""
    first = (0,) * target.rank if offset is None else extents_of(offset)
    tiles_threads.assign_part(
        run,
        target,
        tuple(slice(start, start + size) for start, size in zip(first, source.extents, strict=True)),
        source,
    )


def extract(run: Run, tile: Tile, *index: Any) -> Any:
    """Return one element, or a part of one, to a thread."""
    return tile[tuple(index)]


def mapped(run: Run, function: Callable[..., Any], *operands: Any) -> Tile:
    """Return what a function makes of the elements of tiles, and of values that go with all of them."""
    tiles = [one for one in operands if isinstance(one, Tile)]
    count = math.prod(tiles[0].extents)
    columns = [one.values() if isinstance(one, Tile) else [one] * count for one in operands]
    values = [run.own(function(*row)) for row in zip(*columns, strict=True)]
    return tile_of(run, run.type_of(values[0]), values, tiles[0].extents)


def axpy(run: Run, alpha: Any, source: Tile, target: Tile) -> None:
    """Add a multiple of a tile to another; whether the product is rounded is open."""
    scalar = target.scalar
    factor = plain(scalar(alpha))
    product = settled(target.element, np.asarray(factor * source.data))
    result = settled(target.element, target.data + product)
    if scalar.is_float:
        terms = np.stack([target.data.astype(np.float64), np.float64(factor) * source.data.astype(np.float64)])
        result = moved(run, "tile_axpy", result, scalar, 1.0, np.abs(terms).sum(axis=0), exact(terms, scalar))
    target.data[...] = result


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "tile_zeros": _filled(0),
        "tile_ones": _filled(1),
        "tile_full": full,
        "tile_empty": empty,
        "tile_arange": arange,
        "tile_randi": random,
        "tile_randf": random,
        "tile_load": load,
        "tile_load_indexed": load_indexed,
        "tile_store": store,
        "tile_store_indexed": store_indexed,
        "tile_atomic_add": atomic_add,
        "tile_atomic_add_indexed": atomic_add_indexed,
        "tile_view": view,
        "tile_squeeze": squeeze,
        "tile_reshape": reshape,
        "tile_transpose": transpose,
        "tile_broadcast": broadcast,
        "tile_astype": astype,
        "tile_assign": assign,
        "tile_extract": extract,
        "tile_map": mapped,
        "tile_axpy": axpy,
        **tiles_threads.DEFINITIONS,
        **tiles_reductions.DEFINITIONS,
        **tiles_algebra.DEFINITIONS,
    }
)
for _definition in DEFINITIONS.values():
    _definition.takes_literals = True  # type: ignore[attr-defined]
