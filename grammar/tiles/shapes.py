"""Views of tiles and copies of parts of them: other shapes, other axes, other dtypes."""

from __future__ import annotations

from collections.abc import Mapping

from grammar.choices import chance, pick
from grammar.intervals import point
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.tiles import creation, values
from grammar.tiles.arithmetic import combine
from grammar.tiles.sources import DTYPES, NUMBERS, Wanted, source
from grammar.tiles.values import Tile, changed, define, fits, new_contents
from grammar.types import FLOAT32, INT32, Scalar

_PARTS = ("part", "window", "sub", "rows", "corner", "piece")


def view(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_view(t, …)`, or a slice or row by subscript, which is the same."""
    tile = source(frame, Wanted(least=4))
    spellings = [_view_call]
    if len(tile.shape) > 1:
        spellings += [_row, _slices]
    else:
        spellings += [_slices]
    text, shape = pick(frame.choices, spellings)(frame, tile)
    define(frame, _PARTS, text, tile.dtype, shape, tile.contents, tile=tile)
    if chance(frame.choices, 50):
        combine(frame, frame.tiles[-1])
    return True


def _view_call(frame: Frame, tile: Tile) -> tuple[str, tuple[int, ...]]:
    """Return `wp.tile_view` with an offset and a shape, or of a row."""
    if len(tile.shape) > 1 and chance(frame.choices, 35):
        row = frame.choices.integer(0, tile.shape[0] - 1)
        return f"wp.tile_view({{tile}}, offset=({row},))", tile.shape[1:]
    shape = tuple(frame.choices.integer(1, extent) for extent in tile.shape)
    offset = tuple(frame.choices.integer(0, extent - size) for extent, size in zip(tile.shape, shape, strict=True))
    return f"wp.tile_view({{tile}}, offset={_tuple(offset)}, shape={_tuple(shape)})", shape


def _row(frame: Frame, tile: Tile) -> tuple[str, tuple[int, ...]]:
    row = frame.choices.integer(0, tile.shape[0] - 1)
    return f"{{tile}}[{row}]", tile.shape[1:]


def _slices(frame: Frame, tile: Tile) -> tuple[str, tuple[int, ...]]:
    """Return a subscript of slices, with a step or backwards at times."""
    words, shape = [], []
    for extent in tile.shape:
        low = frame.choices.integer(0, extent - 1)
        high = frame.choices.integer(low + 1, extent)
        step = pick(frame.choices, (1, 1, 1, 2, -1))
        if extent == 1 or chance(frame.choices, 40):
            words.append(":")
            shape.append(extent)
        elif step == -1:
            words.append("::-1")
            shape.append(extent)
        else:
            words.append(f"{low or ''}:{high if high < extent else ''}" + (f":{step}" if step > 1 else ""))
            shape.append(len(range(low, high, step)))
    if all(word == ":" for word in words):
        words[-1] = "::-1"
    return f"{{tile}}[{', '.join(words)}]", tuple(shape)


def _tuple(entries: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, entries))}{',' if len(entries) == 1 else ''})"


def slice_indexed(frame: Frame, one: Registered) -> bool:
    """Emit `t[indices, :]` with a tile of indices, which may repeat."""
    tile = source(frame, Wanted(ndims=(1, 2, 3), whole=True, least=4))
    axis = frame.choices.integer(0, len(tile.shape) - 1)
    extent = tile.shape[axis]
    indices = creation.counted(frame, frame.choices.integer(1, extent), INT32, simple=True)
    words = [":"] * len(tile.shape)
    words[axis] = "{indices}"
    subscript = ", ".join(words[: axis + 1] if chance(frame.choices, 40) else words)
    shape = (*tile.shape[:axis], indices.size, *tile.shape[axis + 1 :])
    contents = new_contents(tile.interval, tile.contents.clean, tile)
    contents.summed = True
    text = f"{{tile}}[{subscript}]"
    define(frame, ("gathered", "picked", "reordered"), text, tile.dtype, shape, contents, tile=tile, indices=indices)
    return True


def squeeze(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_squeeze(t)` or with the axes to drop."""
    shape = pick(frame.choices, ((1, 16), (8, 1), (1, 4, 8), (1, 8, 1), (4, 1, 4), (2, 1, 3, 4)))
    tile = source(frame, Wanted(ndims=(len(shape),), shape=shape), fresh=100)
    ones = [axis for axis, extent in enumerate(shape) if extent == 1]
    dropped, keyword = ones, ""
    if chance(frame.choices, 50):
        dropped = [pick(frame.choices, ones)]
        axis = dropped[0] - (len(shape) if chance(frame.choices, 25) else 0)
        keyword = f", axis=({axis},)"
    kept = tuple(extent for axis, extent in enumerate(shape) if axis not in dropped)
    define(frame, ("flat", "squeezed", "row", "column"), f"wp.tile_squeeze({{tile}}{keyword})", tile.dtype, kept,
           tile.contents, tile=tile)  # fmt: skip
    return True


def reshape(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_reshape(t, shape)` of a tile whose elements lie in their order."""
    found = [tile for tile in frame.tiles if not tile.is_view and tile.size > 1]
    tile = (
        pick(frame.choices, found) if found and chance(frame.choices, 60) else source(frame, Wanted(least=4), fresh=100)
    )
    shape = _other_shape(frame, tile)
    words = list(map(str, shape))
    if chance(frame.choices, 30):
        words[frame.choices.integer(0, len(shape) - 1)] = "-1"
    text = f"({', '.join(words)}{',' if len(words) == 1 else ''})"
    define(frame, ("reshaped", "grid_view", "flat", "table", "folded"), f"wp.tile_reshape({{tile}}, shape={text})",
           tile.dtype, shape, tile.contents, tile=tile)  # fmt: skip
    return True


def _other_shape(frame: Frame, tile: Tile) -> tuple[int, ...]:
    """Choose a shape with as many elements."""
    divisors = [n for n in range(2, tile.size) if tile.size % n == 0]
    if len(tile.shape) > 1 and (not divisors or chance(frame.choices, 30)):
        return (tile.size,)
    if not divisors:
        return (1, tile.size)
    first = pick(frame.choices, divisors)
    rest = tile.size // first
    halves = [n for n in range(2, rest) if rest % n == 0]
    if halves and chance(frame.choices, 30):
        second = pick(frame.choices, halves)
        return (first, second, rest // second)
    return (first, rest)


def transpose(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_transpose(t)`."""
    tile = source(frame, Wanted(ndims=(2,)))
    define(frame, ("transposed", "flipped", "columns"), "wp.tile_transpose({tile})", tile.dtype, tile.shape[::-1],
           tile.contents, tile=tile)  # fmt: skip
    return True


def broadcast(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_broadcast(t, shape)`, and an operation with a tile of that shape."""
    shape = pick(frame.choices, ((4, 8), (8, 4), (2, 16), (2, 4, 8), (16,), (8, 8), (2, 2, 2, 4)))
    small = shape[frame.choices.integer(0, len(shape) - 1) :]
    small = tuple(1 if chance(frame.choices, 35) else extent for extent in small)
    if small == shape:
        small = (*small[:-1], 1)
    tile = source(frame, Wanted(ndims=(len(small),), shape=small, whole=True))
    spread = spread_to(frame, tile, shape)
    if chance(frame.choices, 80):
        combine(frame, spread)
    return True


def spread_to(frame: Frame, tile: Tile, shape: tuple[int, ...]) -> Tile:
    """Emit `wp.tile_broadcast` and return its result, a view, of whose gradients many make one."""
    tile.contents.summed = True
    return define(frame, ("spread", "expanded", "repeated"), f"wp.tile_broadcast({{tile}}, shape={_tuple(shape)})",
                  tile.dtype, shape, tile.contents, tile=tile)  # fmt: skip


def astype(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_astype(t, dtype)` of whole numbers that the dtype holds."""
    tile = source(frame, Wanted(tuple(d for d in NUMBERS if isinstance(d, Scalar)), whole=True))
    targets = [d for d, _ in DTYPES if isinstance(d, Scalar) and d != tile.dtype and fits(d, tile.interval)]
    if not targets or tile.interval is None:
        return False
    dtype = pick(frame.choices, targets)
    contents = new_contents(tile.interval, tile.contents.clean, tile)
    define(frame, ("converted", "as_type", "cast"), f"wp.tile_astype({{tile}}, dtype={dtype.spelling})", dtype,
           tile.shape, contents, tile=tile)  # fmt: skip
    if chance(frame.choices, 50):
        combine(frame, frame.tiles[-1])
    return True


def assign(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_assign(dst, src, offset)`, or `dst[a:b] = src`."""
    dst = source(frame, Wanted(owner=True, whole=True, least=4))
    shape = tuple(max(1, extent // pick(frame.choices, (1, 2, 2))) for extent in dst.shape)
    src = source(frame, Wanted((dst.dtype,), (len(shape),), shape, whole=True), [dst])
    if src.contents is dst.contents or dst.interval is None or src.interval is None:
        return False
    offset = tuple(frame.choices.integer(0, extent - size) for extent, size in zip(dst.shape, shape, strict=True))
    if chance(frame.choices, 35):
        words = (f"{low or ''}:{low + size}" for low, size in zip(offset, shape, strict=True))
        values.emit(frame, f"{{dst}}[{', '.join(words)}] = {{src}}", dst=dst, src=src)
    else:
        keyword = f", offset={_tuple(offset)}" if any(offset) or chance(frame.choices, 30) else ""
        values.emit(frame, f"wp.tile_assign({{dst}}, {{src}}{keyword})", dst=dst, src=src)
    clean = dst.contents.clean and src.contents.clean
    changed(frame, dst, dst.interval.hull(src.interval), clean, src.contents.summed)
    return True


def length(frame: Frame, one: Registered) -> bool:
    """Emit `len(t)` as a factor of the tile's own elements."""
    tile = source(frame, Wanted((INT32, FLOAT32), whole=True, most=256))
    extent = tile.shape[0]
    value = "len({tile})" if tile.dtype == INT32 else "float(len({tile}))"
    if tile.interval is None:
        return False
    interval = tile.interval.hull(point(0))
    largest = max(abs(interval.low), abs(interval.high)) * extent
    product = type(interval)(-largest, largest)
    if not fits(tile.scalar, product):
        return False
    contents = new_contents(product, tile.scalar.is_integer, tile)
    define(frame, ("scaled", "weighted"), f"{{tile}} * {value}", tile.dtype, tile.shape, contents, tile=tile)
    return True


RECIPES: Mapping[str, Recipe] = {
    "tile_view": view,
    "tile_slice_indexed": slice_indexed,
    "tile_squeeze": squeeze,
    "tile_reshape": reshape,
    "tile_transpose": transpose,
    "tile_broadcast": broadcast,
    "tile_astype": astype,
    "tile_assign": assign,
    "len": length,
}
