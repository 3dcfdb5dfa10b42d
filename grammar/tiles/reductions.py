"""Many elements become one, or a run of partial results: sums, extremes, scans, and sorting.

What depends on an order of equal elements (which of them is the smallest, which payload follows which key) is left
open by Warp, so keys are made distinct where that could be seen.
"""

from __future__ import annotations

from collections.abc import Mapping

from grammar import intervals
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.tiles import arrays, creation, values
from grammar.tiles.arithmetic import combine
from grammar.tiles.sources import COMPOSITES, NUMBERS, SUMMABLE, Wanted, addends, source
from grammar.tiles.values import Tile, changed, define, fits, new_contents
from grammar.types import FLOAT32, INT32, INT64, UINT32, UINT64, Matrix, Scalar, ValueType, Vector

_TOTALS = ("total", "sums", "summed", "row_sums", "norm")
_EXTREMES = {"min": ("lowest", "smallest", "low"), "max": ("highest", "largest", "peak")}
_SCANNED = (FLOAT32, INT32, UINT32)
_SORTED = (FLOAT32, INT32, UINT32, INT64, UINT64)


def sum_(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_sum` of all elements, or along an axis."""
    dtypes: tuple[ValueType, ...] = SUMMABLE
    if chance(frame.choices, 20):
        dtypes = tuple(dtype for dtype, _ in COMPOSITES)
    tile = source(frame, Wanted(dtypes, whole=True, clean=True))
    axis = frame.choices.integer(0, len(tile.shape) - 1) if one.place == 0 else None
    return summed(frame, tile, axis) is not None


def summed(frame: Frame, tile: Tile, axis: int | None) -> Tile | None:
    """Emit the sum of a tile, along an axis if one is given; None where whole numbers would not fit."""
    count = tile.size if axis is None else tile.shape[axis]
    if tile.interval is None or not fits(tile.scalar, intervals.scale(tile.interval, count)):
        return None
    contents = new_contents(intervals.scale(tile.interval, count), True, tile)
    word = "" if axis is None else f", axis={axis}" if chance(frame.choices, 60) else f", {axis}"
    made = f"wp.tile_sum({{tile}}{word})"
    tile.contents.unguarded = tile.contents.unguarded or axis is not None
    return define(frame, _TOTALS, made, tile.dtype, _without(tile.shape, axis), contents, tile=tile)


def _without(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """Return a shape without an axis, without any for None; nothing left is one element."""
    rest = () if axis is None else (*shape[:axis], *shape[axis + 1 :])
    return rest or (1,)


def accumulate(frame: Frame, tile: Tile) -> bool:
    """Add the sum of a tile's elements to an array that blocks may share; False where it would not be exact."""
    if tile.dtype not in SUMMABLE or not tile.contents.clean:
        return False
    total = summed(frame, tile, None) if tile.size > 1 else tile
    if total is None or total.interval is None or not tile.is_whole:
        return False
    arrays.atomic_add(frame, total)
    return True


def dot(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_dot(a, b)` of scalars, vectors or matrices."""
    if "builtin:tile_dot" in frame.unit.features and not chance(frame.choices, 5):
        return False  # two race in the backward pass (`tile-sum-adjoint-race` in the findings)
    composites = (Vector(3, FLOAT32), Vector(2, FLOAT32), Matrix(2, 2, FLOAT32))
    dtypes = composites if chance(frame.choices, 25) else (FLOAT32, INT32, *SUMMABLE[2:4])
    left = source(frame, Wanted(dtypes, whole=True, clean=True, most=128))
    right = source(frame, Wanted((left.dtype,), (len(left.shape),), left.shape, whole=True, clean=True), [left])
    if left.interval is None or right.interval is None:
        return False
    parts = 1 if isinstance(left.dtype, Scalar) else 4
    interval = intervals.scale(intervals.mul(left.interval, right.interval), left.size * parts)
    if not fits(left.scalar, interval):
        return False
    contents = new_contents(interval, False, left, right)
    frame.unit.note("builtin:tile_dot")
    define(frame, ("projection", "energy", "inner", "similarity"), "wp.tile_dot({left}, {right})", left.scalar, (1,),
           contents, left=left, right=right)  # fmt: skip
    return True


def extreme(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_min` or `wp.tile_max`."""
    kind = one.name.removeprefix("tile_")
    tile = source(frame, Wanted(NUMBERS[:-1], whole=True, clean=True))
    contents = new_contents(tile.interval, True, tile)
    define(frame, _EXTREMES[kind], f"wp.{one.name}({{tile}})", tile.dtype, (1,), contents, tile=tile)
    return True


def place(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_argmin` or `wp.tile_argmax` of a tile in which no element occurs twice."""
    tile = distinct(frame, pick(frame.choices, (INT32, INT32, FLOAT32)))
    contents = new_contents(Interval(0, tile.size - 1), True)
    define(
        frame, ("best", "winner", "place_of", "nearest"), f"wp.{one.name}({{tile}})", INT32, (1,), contents, tile=tile
    )
    return True


def distinct(frame: Frame, dtype: Scalar, count: int = 0) -> Tile:
    """Return a new one-dimensional tile whose elements all differ: multiples of what is loaded, and their places."""
    size = count or pick(frame.choices, (16, 32, 64, 40, 27))
    places = creation.counted(frame, size, dtype, simple=True)
    loaded = arrays.load(frame, dtype, (size,))
    literal = f"{size}.0" if dtype.is_float else str(size)
    if dtype not in (FLOAT32, INT32):
        literal = f"{dtype.spelling}({literal})"
    low, high = (-8, 8) if dtype.is_float or dtype.is_signed else (0, 15)
    contents = new_contents(Interval(low * size, high * size + size), True)
    tile = define(frame, ("keys", "ranked", "scores", "priority"), f"{{loaded}} * {literal} + {{places}}", dtype,
                  (size,), contents, loaded=loaded, places=places)  # fmt: skip
    tile.distinct = True
    return tile


def sort(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_sort(keys, values)`."""
    dtype = pick(frame.choices, _SORTED)
    keys = distinct(frame, dtype)
    if chance(frame.choices, 50):
        payload = creation.counted(frame, keys.size, pick(frame.choices, (INT32, FLOAT32)))
    else:
        payload = source(frame, Wanted((FLOAT32, INT32), (1,), keys.shape, whole=True, owner=True), [keys], fresh=60)
    values.emit(frame, "wp.tile_sort({keys}, {payload})", keys=keys, payload=payload)
    changed(frame, keys, keys.interval, True)
    changed(frame, payload, payload.interval, payload.contents.clean)
    return True


def reduce(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_reduce` with a commutative operation, the module's own or Warp's."""
    tile = source(frame, Wanted((FLOAT32, INT32), whole=True, clean=True, most=256))
    axis = frame.choices.integer(0, len(tile.shape) - 1) if one.place == 1 else None
    count = tile.size if axis is None else tile.shape[axis]
    if tile.interval is None:
        return False
    name, interval = pick(frame.choices, ("wp.add", "wp.min", "wp.max")), tile.interval
    if name == "wp.add":
        interval = intervals.scale(interval, count)
        if not fits(tile.scalar, interval):
            return False
    word = "" if axis is None else f", axis={axis}"
    contents = new_contents(interval, True)
    tile.contents.unguarded = tile.contents.unguarded or axis is not None
    define(frame, ("reduced", "folded", "extent", "span"), f"wp.tile_reduce({name}, {{tile}}{word})", tile.dtype,
           _without(tile.shape, axis), contents, tile=tile)  # fmt: skip
    return True


def scan(frame: Frame, one: Registered) -> bool:
    """Emit a prefix sum, minimum or maximum."""
    tile = source(frame, Wanted(_SCANNED, whole=True, clean=True, most=min(512, addends(FLOAT32))))
    if tile.interval is None:
        return False
    interval = tile.interval
    if "min" not in one.name and "max" not in one.name:
        interval = intervals.scale(interval, tile.size).hull(interval).hull(intervals.point(0))
        if not fits(tile.scalar, interval):
            return False
    contents = new_contents(interval, True)
    made = define(frame, ("prefix", "offsets", "cumulative", "running"), f"wp.{one.name}({{tile}})", tile.dtype,
                  tile.shape, contents, tile=tile)  # fmt: skip
    if chance(frame.choices, 40):
        combine(frame, made)
    return True


RECIPES: Mapping[str, Recipe] = {
    "tile_sum": sum_,
    "tile_dot": dot,
    "tile_min": extreme,
    "tile_max": extreme,
    "tile_argmin": place,
    "tile_argmax": place,
    "tile_sort": sort,
    "tile_reduce": reduce,
    "tile_scan_inclusive": scan,
    "tile_scan_exclusive": scan,
    "tile_scan_max_inclusive": scan,
    "tile_scan_min_inclusive": scan,
}
