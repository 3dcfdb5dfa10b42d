"""Tiles from arrays and to arrays: each block of the launch has a part of the array that is its own.

A part is reached by an offset that the block's indices give, or is the subarray that they select. Arrays that all
blocks read whole are the third way of loading.
"""

from __future__ import annotations

from dataclasses import dataclass

from grammar import names
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.scope import ArrayParameter, Frame
from grammar.tiles import values
from grammar.tiles.values import Tile, define, emit, new_contents
from grammar.types import Array, Scalar, ValueType, scalar_of

_FILLED = {"lower": Interval(-1, 4), "upper": Interval(-1, 4), "definite": Interval(-16, 32)}
"""Where the whole numbers of triangular and definite matrices lie."""

_BYTES_ALIGNED = 16
"""What `aligned=True` promises of a row's address."""


@dataclass(frozen=True)
class Part:
    """How a block reaches its part of an array: the array's shape, the text that selects, and the offset's entries."""

    shape: tuple[int, ...]
    select: str = ""
    offset: tuple[str, ...] = ()
    exact: bool = True

    def keyword(self) -> str:
        """Return `, offset=…` as one entry for one dimension and a tuple for more; nothing where all entries are 0."""
        if not any(entry != "0" for entry in self.offset):
            return ""
        text = self.offset[0] if len(self.offset) == 1 else f"({', '.join(self.offset)})"
        return f", offset={text}"


def block_part(frame: Frame, shape: tuple[int, ...], shared: bool, select: bool = True) -> Part:
    """Choose how each block reaches a part of an array of its own; with `shared` all may read one part."""
    blocks, extents = block_indices(frame), block_extents(frame)
    ways: list[tuple[str, float]] = [("offset", 5.0)]
    if select and len(shape) + len(blocks) <= 4:
        ways.append(("select", 4.0))
    if shared:
        ways.append(("shared", 2.0))
    way = pick_weighted(frame.choices, ways)
    if way == "shared":
        return Part(shape)
    if way == "select":
        return Part((*extents, *shape), f"[{', '.join(blocks)}]")
    return _offset_part(frame, shape)


def _offset_part(frame: Frame, shape: tuple[int, ...]) -> Part:
    """Lay the blocks' parts side by side: along the first axis, or with two indices along two."""
    blocks, extents = block_indices(frame), block_extents(frame)
    if len(blocks) > len(shape):
        row = f"({blocks[0]} * {extents[1]} + {blocks[1]})"
        return Part((extents[0] * extents[1] * shape[0],), "", (_times(row, shape[0]),))
    whole = list(shape)
    offset = ["0"] * len(shape)
    for axis, (index, extent) in enumerate(zip(blocks, extents, strict=True)):
        whole[axis] *= extent
        offset[axis] = _times(index, shape[axis])
    return Part(tuple(whole), "", tuple(offset))


def _times(index: str, extent: int) -> str:
    return index if extent == 1 else f"{index} * {extent}"


def block_indices(frame: Frame) -> list[str]:
    """Return the names of the indices that count blocks."""
    return [thread.name for thread in frame.threads if thread is not frame.lane]


def block_extents(frame: Frame) -> list[int]:
    """Return how many blocks there are along each index."""
    found = [thread.interval for thread in frame.threads if thread is not frame.lane]
    return [interval.high + 1 for interval in found if interval is not None]


# Inputs


def input_array(
    frame: Frame, dtype: ValueType, shape: tuple[int, ...], whole: bool = True, fill: str = ""
) -> ArrayParameter:
    """Add an array to read, of small whole numbers unless any number will do."""
    bank = names.element_names(dtype)
    free = [pair for pair in bank if pair[0] not in frame.taken]
    plural, singular = (
        pick(frame.choices, free) if free else (names.free_name(frame.choices, ["data"], frame.taken), "")
    )
    scalar = scalar_of(dtype)
    interval = None
    if scalar is not None and scalar.is_integer:
        interval = values.inputs_interval(scalar)
    elif scalar is not None and scalar.is_float and whole:
        fill = fill or "whole"
    array = ArrayParameter(plural, Array(dtype, len(shape)), shape, singular, interval=interval, fill=fill)
    return frame.add_array_parameter(array)


def load(
    frame: Frame,
    dtype: ValueType,
    shape: tuple[int, ...],
    whole: bool = True,
    fill: str = "",
    storage: str = "",
    names_: tuple[str, ...] = (),
) -> Tile:
    """Emit `t = wp.tile_load(...)` of a new array."""
    part = block_part(frame, shape, shared=not fill or chance(frame.choices, 50))
    if fill and part.offset:  # the fill speaks of the array's own last axes
        part = Part(shape)
    array_shape = part.shape
    if part.offset and chance(frame.choices, 8) and array_shape[0] > 1:
        array_shape = (array_shape[0] - 1, *array_shape[1:])
        part = Part(array_shape, part.select, part.offset, exact=False)
    array = input_array(frame, dtype, array_shape, whole, fill)
    keywords = _load_keywords(frame, dtype, shape, part, storage)
    bank = names_ or (f"{array.element}_tile", "tile", "block", "chunk", "t", "x", "patch", "part")
    text = f"wp.tile_load({{array}}{part.select}, shape={values.spelled_shape(shape)}{part.keyword()}{keywords})"
    scalar = scalar_of(dtype)
    known = whole or (scalar is not None and scalar.is_integer)
    interval = values.inputs_interval(scalar) if scalar is not None and known and scalar.name != "bool" else None
    interval = _FILLED.get(fill, interval)
    contents = new_contents(interval, clean=known)
    frame.unit.note(f"array:{array.type}")
    return define(frame, bank, text, dtype, shape, contents, array=array)


def _load_keywords(frame: Frame, dtype: ValueType, shape: tuple[int, ...], part: Part, storage: str) -> str:
    """Choose storage and what the author promises about the access, as far as that is true."""
    text = ""
    if not storage and chance(frame.choices, 35):
        storage = pick(frame.choices, ("shared", "register"))
    if storage:
        text += f', storage="{storage}"'
    if part.exact and chance(frame.choices, 10):
        text += ", bounds_check=False"
    scalar = scalar_of(dtype)
    row = shape[-1] * (scalar.bits // 8 if scalar else 0)
    aligned = storage == "shared" and len(shape) > 1 and isinstance(dtype, Scalar) and row % _BYTES_ALIGNED == 0
    if aligned and part.exact and chance(frame.choices, 30):
        text += ", aligned=True"
    return text


# Outputs


def output_array(frame: Frame, dtype: ValueType, shape: tuple[int, ...], use: str = "write") -> ArrayParameter:
    """Add an array to write; gradients that come from one of floats are whole."""
    if use == "write":
        bank = names.OUTPUTS
        if any(array.use == "write" for array in frame.arrays):
            bank = names.MORE_OUTPUTS[names.kind_of(dtype)]
    else:
        bank = dict(names.ATOMIC_OUTPUTS)[use]
    scalar = scalar_of(dtype)
    is_float = scalar is not None and scalar.is_float
    interval = Interval(0, 15) if use != "write" and scalar is not None and scalar.is_integer else None
    array = ArrayParameter(
        names.free_name(frame.choices, bank, frame.taken),
        Array(dtype, len(shape)),
        shape,
        "",
        use,
        interval,
        fill="whole" if is_float else "",
    )
    frame.unit.note(f"array:{array.type}")
    return frame.add_array_parameter(array)


def store(frame: Frame, tile: Tile) -> None:
    """Emit `wp.tile_store(...)` to each block's part of a new array."""
    part = block_part(frame, tile.shape, shared=False)
    array = output_array(frame, tile.dtype, part.shape)
    keywords = ", bounds_check=False" if chance(frame.choices, 6) else ""
    emit(frame, f"wp.tile_store({{array}}{part.select}, {{tile}}{part.keyword()}{keywords})", array=array, tile=tile)
    frame.unit.note("builtin:tile_store")


def atomic_add(frame: Frame, tile: Tile) -> None:
    """Emit `wp.tile_atomic_add(...)` of whole numbers, to a part that the blocks share or one of their own."""
    part = block_part(frame, tile.shape, shared=True)
    array = output_array(frame, tile.dtype, part.shape, "atomic_add")
    text = f"wp.tile_atomic_add({{array}}{part.select}, {{tile}}{part.keyword()})"
    emit(frame, text, array=array, tile=tile)
    frame.unit.note("builtin:tile_atomic_add")
    frame.unit.events.append("atomic_add")
