"""Recipes for loads, stores and atomics of tiles, also through a tile of indices."""

from __future__ import annotations

from collections.abc import Mapping

from grammar.choices import chance, pick
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.tiles import arrays, creation, values
from grammar.tiles.arithmetic import combine
from grammar.tiles.sources import COMPOSITES, DTYPES, FLOATING, SUMMABLE, Wanted, choose_dtype, choose_shape, source
from grammar.tiles.values import Tile, define, new_contents
from grammar.types import FLOAT32, INT32, ValueType, scalar_of

_ANY = tuple(dtype for dtype, _ in (*DTYPES, *COMPOSITES))


def load(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_load`."""
    wanted = Wanted(_ANY, ndims=(1,) if one.place == 1 else (2, 2, 3, 4))
    whole = chance(frame.choices, 60)
    tile = arrays.load(frame, choose_dtype(frame, wanted), choose_shape(frame, wanted), whole)
    if whole and chance(frame.choices, 60):
        combine(frame, tile)
    return True


def store(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_store`."""
    arrays.store(frame, source(frame, Wanted(_ANY, ndims=(1,) if one.place == 1 else (2, 3, 4))))
    return True


def atomic_add(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_atomic_add`."""
    ndims = (1,) if one.place == 1 else (2, 3, 4)
    arrays.atomic_add(frame, source(frame, Wanted(SUMMABLE, ndims=ndims, whole=True)))
    return True


def load_indexed(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_load_indexed` with indices in any order, or such that the kernel loads."""
    shape = choose_shape(frame, Wanted(ndims=(2, 2, 3)))
    axis = frame.choices.integer(0, len(shape) - 1)
    indices, extent = _indices(frame, shape[axis])
    dtype = choose_dtype(frame, Wanted((*FLOATING, INT32)))
    array = arrays.input_array(frame, dtype, (*shape[:axis], extent, *shape[axis + 1 :]))
    storage = pick(frame.choices, ("", "", ', storage="shared"'))
    axis_word = f", axis={axis}" if axis or chance(frame.choices, 50) else ""
    text = f"wp.tile_load_indexed({{array}}, {{indices}}, shape={values.spelled_shape(shape)}{axis_word}{storage})"
    contents = new_contents(values.inputs_interval(scalar_of(dtype) or FLOAT32), True)
    define(frame, ("gathered", "rows", "picked"), text, dtype, shape, contents, array=array, indices=indices)
    frame.unit.note(f"array:{array.type}")
    return True


def _indices(frame: Frame, count: int) -> tuple[Tile, int]:
    """Return a tile of indices and the extent of the axis that they go along; some indices may be past its end."""
    if chance(frame.choices, 50):
        tile = arrays.load(frame, INT32, (count,), names_=("indices", "ids", "order", "slots"))
        return tile, frame.choices.integer(4, 12)
    tile = creation.counted(frame, count, INT32)
    return tile, 4 * count + frame.choices.integer(0, 8)


def store_indexed(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_store_indexed`, each index once, to the block's own part of an array."""
    return _scattered(frame, "tile_store_indexed", (*FLOATING, INT32))


def atomic_add_indexed(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_atomic_add_indexed`."""
    return _scattered(frame, "tile_atomic_add_indexed", SUMMABLE)


def _scattered(frame: Frame, name: str, dtypes: tuple[ValueType, ...]) -> bool:
    tile = source(frame, Wanted(dtypes, ndims=(2, 3), whole=True))
    axis = frame.choices.integer(0, len(tile.shape) - 1)
    indices = creation.counted(frame, tile.shape[axis], INT32)
    assert indices.interval is not None
    shape = list(tile.shape)
    shape[axis] = indices.interval.high + frame.choices.integer(0, 4)
    blocks = arrays.block_indices(frame)
    part = arrays.block_part(frame, tuple(shape), shared=False)
    use = "write" if name == "tile_store_indexed" else "atomic_add"
    array = arrays.output_array(frame, tile.dtype, part.shape, use)
    axis_word = f", axis={axis}" if axis or chance(frame.choices, 50) else ""
    if len(blocks) > len(shape):
        return False
    text = f"wp.{name}({{array}}{part.select}, {{indices}}, {{tile}}{part.keyword()}{axis_word})"
    values.emit(frame, text, array=array, indices=indices, tile=tile)
    return True


RECIPES: Mapping[str, Recipe] = {
    "tile_load": load,
    "tile_store": store,
    "tile_atomic_add": atomic_add,
    "tile_load_indexed": load_indexed,
    "tile_store_indexed": store_indexed,
    "tile_atomic_add_indexed": atomic_add_indexed,
}
