"""Tiles made from nothing but a shape: filled, counted, drawn at random, or from one thread's value."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import access, names
from grammar.choices import chance, pick
from grammar.intervals import Interval, point
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.scope import Frame, Variable
from grammar.tiles import arithmetic, arrays, launch, values
from grammar.tiles.sources import Wanted, choose_dtype, choose_shape
from grammar.tiles.values import Tile, define, new_contents
from grammar.types import FLOAT32, INT32, UINT32, Scalar, ValueType

_STORAGES = ("", "", ', storage="shared"', ', storage="register"')
_ACCUMULATORS = ("acc", "total", "accum", "sums", "running")
_CONSTANTS = ("base", "offsets", "bias", "constants", "ones", "init", "filled")


def _shape(frame: Frame, one: Registered, wanted: Wanted) -> tuple[tuple[int, ...], str]:
    """Choose a shape and its spelling: a number where the overload takes one, else a tuple."""
    flat = dict(one.parameters).get("shape") == "int32"
    ndims = (1,) if flat else (1, 2, 2, 3, 4)
    shape = choose_shape(frame, Wanted(ndims=ndims, most=wanted.most))
    return shape, str(shape[0]) if flat else f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _storage(frame: Frame) -> str:
    return pick(frame.choices, _STORAGES)


def filled(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_zeros`, `wp.tile_ones` or `wp.tile_full`, and mostly a use of the result."""
    name = one.name.removeprefix("tile_")
    dtype = choose_dtype(frame, Wanted())
    shape, text = _shape(frame, one, Wanted())
    tile = fill(frame, name, dtype, shape, text)
    if chance(frame.choices, 75):
        arithmetic.combine(frame, tile)
    return True


def fill(frame: Frame, name: str, dtype: ValueType, shape: tuple[int, ...], text: str = "") -> Tile:
    """Emit a tile of zeros, ones, or one other number, and return it; `text` spells the shape."""
    text = text or values.spelled_shape(shape)
    spelling, storage = dtype.spelling, _storage(frame)
    if name != "full":
        number = 0 if name == "zeros" else 1
        bank = _ACCUMULATORS if name == "zeros" else _CONSTANTS
        made = f"wp.tile_{name}(shape={text}, dtype={spelling}{storage})"
        return define(frame, bank, made, dtype, shape, new_contents(point(number), True))
    value, interval = _filling(frame, dtype)
    keyword = f", dtype={spelling}" if isinstance(dtype, Scalar) else ""
    made = f"wp.tile_full(shape={text}, value={value}{keyword}{storage})"
    return define(frame, _CONSTANTS, made, dtype, shape, new_contents(interval, True))


def _filling(frame: Frame, dtype: ValueType) -> tuple[str, Interval]:
    """Return a value for `wp.tile_full`: a literal, or a parameter of whole numbers."""
    scalar = dtype if isinstance(dtype, Scalar) else FLOAT32
    if chance(frame.choices, 40):
        name = names.free_name(frame.choices, names.PARAMETERS[values.kind(dtype)], frame.taken)
        interval = values.inputs_interval(scalar)
        is_float = scalar.is_float
        variable = Variable(
            name, scalar, None if is_float else interval, unread=False, fill="whole" if is_float else ""
        )
        frame.add_value_parameter(variable)
        frame.mentioned.add(name)
        return name, interval
    number = frame.choices.integer(1, 9)
    text = f"{number}.0" if scalar.is_float else str(number)
    if scalar not in (FLOAT32, INT32) and chance(frame.choices, 50):
        text = f"{scalar.spelling}({text})"
    return text, point(number)


def empty(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_empty`, and an assignment of a whole tile to it."""
    dtype = choose_dtype(frame, Wanted())
    shape, text = _shape(frame, one, Wanted())
    source = arrays.load(frame, dtype, shape)
    made = f"wp.tile_empty(shape={text}, dtype={dtype.spelling}{_storage(frame)})"
    tile = define(frame, ("scratch", "buffer", "work", "tmp"), made, dtype, shape, new_contents(None, True))
    values.emit(frame, "wp.tile_assign({tile}, {source})", tile=tile, source=source)
    values.changed(frame, tile, source.interval, source.contents.clean)
    return True


def from_thread(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_from_thread` of an integer that one of the block's threads computed."""
    lane = launch.lane(frame)
    shape, text = _shape(frame, one, Wanted())
    block = arrays.block_indices(frame)[0]
    factor, added = frame.choices.integer(2, 9), frame.choices.integer(1, 20)
    value = pick(frame.choices, (f"{lane.name} * {factor} + {block}", f"{lane.name} + {added}"))
    thread = frame.choices.integer(0, frame.unit.block_dim - 1)
    made = f"wp.tile_from_thread(shape={text}, value={value}, thread_idx={thread}{_storage(frame)})"
    interval = Interval(0, 10 * frame.unit.block_dim + 20)
    tile = define(
        frame, ("shared_value", "leader", "chosen", "spread"), made, INT32, shape, new_contents(interval, True)
    )
    if chance(frame.choices, 60):
        arithmetic.combine(frame, tile)
    return True


def random(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_randi` or `wp.tile_randf` with a state that differs from block to block."""
    shape, text = _shape(frame, one, Wanted())
    seed = access.count_parameter(frame, 1000)
    frame.mentioned.add(seed.name)
    rng = names.free_name(frame.choices, ("rng", "state", "generator"), frame.taken)
    frame.taken.add(rng)
    block = arrays.block_indices(frame)[0]
    values.emit(frame, f"{rng} = wp.rand_init({{seed}}, {block})", seed=seed)
    integers = one.name == "tile_randi"
    bounds, interval = "", None
    if "min" in dict(one.parameters):
        low, high = -frame.choices.integer(0, 50), frame.choices.integer(1, 100)
        bounds = f", min={low}, max={high}" if integers else f", min={low}.0, max={high}.0"
        interval = Interval(low, high - 1) if integers else None
    made = f"wp.{one.name}(shape={text}, rng={rng}{bounds}{_storage(frame)})"
    contents = new_contents(interval, clean=integers)
    tile = define(frame, ("noise", "samples", "draws", "jitter"), made, INT32 if integers else FLOAT32, shape, contents)
    if interval is not None and chance(frame.choices, 50):
        arithmetic.combine(frame, tile)
    return True


def arange(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_arange` with one to three bounds."""
    tile = counted(frame, frame.choices.integer(4, 64), pick(frame.choices, (INT32, INT32, FLOAT32, UINT32)))
    if chance(frame.choices, 70):
        arithmetic.combine(frame, tile)
    return True


def counted(frame: Frame, count: int, dtype: Scalar, simple: bool = False) -> Tile:
    """Emit a tile of `count` evenly spaced whole numbers, and return it; a `simple` one counts from 0."""
    start = frame.choices.integer(0, 8) if not simple and chance(frame.choices, 50) else 0
    step = frame.choices.integer(1, 4) if not simple and chance(frame.choices, 40) else 1
    stop = start + count * step
    words = [str(stop)] if (start, step) == (0, 1) else [str(start), str(stop)]
    if step != 1:
        words.append(str(step))
    if dtype == FLOAT32 and chance(frame.choices, 60):
        words, keyword = [f"{word}.0" for word in words], pick(frame.choices, ("", ", dtype=float"))
    else:
        keyword = f", dtype={dtype.spelling}"
    made = f"wp.tile_arange({', '.join(words)}{keyword}{_storage(frame)})"
    contents = new_contents(Interval(start, stop), True)
    tile = define(frame, ("steps", "positions", "ramp", "order", "idx"), made, dtype, (count,), contents)
    tile.distinct = True
    return tile


RECIPES: Mapping[str, Recipe] = {
    "tile_zeros": filled,
    "tile_ones": filled,
    "tile_full": filled,
    "tile_empty": empty,
    "tile_from_thread": from_thread,
    "tile_randi": random,
    "tile_randf": random,
    "tile_arange": arange,
}
