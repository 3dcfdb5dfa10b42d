"""Single elements of tiles, read and written by single threads, and tiles made of what each thread holds.

Each thread of the block is at every such operation. Where several would write one element, they add whole numbers or
combine bits, which no order changes; plain writes go to elements that the lane tells apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grammar import intervals, names
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.scope import Frame, Variable
from grammar.tiles import arrays, launch, values
from grammar.tiles.arithmetic import combine
from grammar.tiles.sources import Wanted, source
from grammar.tiles.values import Tile, changed, define, fits, new_contents
from grammar.types import FLOAT32, FLOAT64, INT32, UINT32, Matrix, Quaternion, Scalar, ValueType, Vector, scalar_of

_GATHERED: tuple[ValueType, ...] = (
    FLOAT32, INT32, FLOAT32, FLOAT64, Vector(3, FLOAT32), Vector(2, INT32), Matrix(2, 2, FLOAT32), Quaternion(FLOAT32),
)  # fmt: skip
_UNTILED: tuple[ValueType, ...] = (FLOAT32, INT32, FLOAT32, Vector(3, FLOAT32), FLOAT64)
_MASKED: tuple[ValueType, ...] = (FLOAT32, INT32, Vector(3, FLOAT32))
_ATOMIC = (FLOAT32, INT32, FLOAT64, UINT32)
_HELD = ("value", "item", "sample", "mine", "x")


@dataclass(frozen=True)
class Held:
    """What each thread holds: the source text, its type, and where its whole numbers lie."""

    text: str
    type: ValueType
    interval: Interval | None


def held(frame: Frame, dtype: ValueType, named: bool = False) -> Held:
    """Return a whole number, or a vector or matrix of some, that depends on the thread: computed or loaded.

    One that is `named` is no element of an array, which Warp takes, but not in `wp.tile(a[i])`
    (`tile-of-array-element` in the findings).
    """
    lane = launch.lane(frame)
    if dtype == INT32 and chance(frame.choices, 40):
        block = arrays.block_indices(frame)[0]
        factor, modulus = frame.choices.integer(2, 7), frame.choices.integer(5, 16)
        return Held(f"({lane.name} * {factor} + {block}) % {modulus}", dtype, Interval(0, modulus - 1))
    array = arrays.input_array(frame, dtype, frame.unit.dims)
    indices = ", ".join(thread.name for thread in frame.threads)
    scalar = scalar_of(dtype) or FLOAT32
    text = f"{array.name}[{indices}]"
    if named or chance(frame.choices, 50):
        name = names.free_name(frame.choices, (array.element or "value", *_HELD), frame.taken)
        values.emit(frame, f"{name} = {text}")
        frame.taken.add(name)
        text = name
    else:
        frame.commit(text)
    return Held(text, dtype, values.inputs_interval(scalar))


def _declare(frame: Frame, text: str, type_: ValueType, interval: Interval | None, **holes: Tile) -> Variable:
    """Emit `name = text`, a variable that each thread has for itself."""
    name = names.free_name(frame.choices, names.LOCALS[names.kind_of(type_)], frame.taken)
    values.emit(frame, f"{name} = {text}", **holes)
    frame.committed.discard(name)
    scalar = scalar_of(type_)
    bounds = interval if scalar is not None and scalar.is_integer else None
    return frame.declare(Variable(name, type_, bounds, bounds))


# Tiles of what the threads hold


def tile(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile(x)` of a value, vector, matrix or quaternion of each thread."""
    dtype = pick(frame.choices, _GATHERED)
    gathered = gather(frame, dtype)
    if chance(frame.choices, 60) and isinstance(gathered.dtype, Scalar):
        combine(frame, gathered)
    return True


def gather(frame: Frame, dtype: ValueType) -> Tile:
    """Emit `wp.tile(x)` and return the tile."""
    value = held(frame, dtype, named=True)
    preserve = isinstance(dtype, Quaternion) or (not isinstance(dtype, Scalar) and chance(frame.choices, 40))
    element: ValueType = dtype if preserve else scalar_of(dtype) or FLOAT32
    leading: tuple[int, ...] = ()
    if not preserve:
        leading = {Vector: lambda d: (d.length,), Matrix: lambda d: (d.rows, d.columns)}.get(type(dtype), lambda d: ())(
            dtype
        )
    text = f"wp.tile({value.text}{', preserve_type=True' if preserve else ''})"
    contents = new_contents(value.interval, True)
    return define(frame, ("gathered", "lanes", "block_values", "t"), text, element,
                  (*leading, frame.unit.block_dim), contents)  # fmt: skip


def untile(frame: Frame, one: Registered) -> bool:
    """Emit `x = wp.untile(t)` of a tile with an element, or a column, for each thread."""
    dtype = pick(frame.choices, _UNTILED)
    launch.lane(frame)
    found = [t for t in frame.tiles if t.shape == (frame.unit.block_dim,) and isinstance(t.dtype, Scalar)]
    given = pick(frame.choices, found) if found and chance(frame.choices, 60) else gather(frame, dtype)
    if (given.contents.summed and given.scalar.is_float) or len(given.shape) > 2:
        return False
    type_: ValueType = given.dtype
    if len(given.shape) == 2:
        type_ = Vector(given.shape[0], given.scalar)
    _declare(frame, "wp.untile({given})", type_, given.interval, given=given)
    return True


# Elements by index


def _spread(frame: Frame, count: int) -> tuple[tuple[int, ...], list[str]]:
    """Return a shape of so many axes with an element for each thread, and indices that tell the threads apart."""
    lane = launch.lane(frame).name
    block = frame.unit.block_dim
    if count > 1 and chance(frame.choices, 50):
        rows = pick(frame.choices, (2, 4, 8))
        columns = block // rows
        inner: tuple[int, ...] = (rows, columns)
        tail = [f"{lane} // {columns}", f"{lane} % {columns}"]
    else:
        inner, tail = (block,), [lane]
    leading = tuple(frame.choices.integer(1, 2) for _ in range(count - len(inner)))
    first = [str(frame.choices.integer(0, extent - 1)) for extent in leading]
    return (*leading, *inner), [*first, *tail]


def _element_types(count: int) -> list[tuple[ValueType, int]]:
    """Return dtypes of a tile's elements with how many of the indices select within one, for so many indices."""
    found: list[tuple[ValueType, int]] = [(FLOAT32, 0), (INT32, 0), (Vector(3, FLOAT32), 0), (FLOAT64, 0)]
    if count >= 2:
        found += [(Vector(3, FLOAT32), 1), (Matrix(2, 2, FLOAT32), 1)]
    if count >= 3:
        found += [(Matrix(2, 2, FLOAT32), 2)]
    return [(dtype, inner) for dtype, inner in found if count - inner <= 4]


def _chosen(frame: Frame, count: int) -> tuple[ValueType, ValueType, tuple[int, ...], list[str]]:
    """Choose a tile's dtype and shape, and indices into it with the type that they select."""
    dtype, inner = pick(frame.choices, _element_types(count))
    shape, indices = _spread(frame, count - inner)
    element: ValueType = dtype
    if isinstance(dtype, Vector) and inner:
        element = dtype.scalar
        indices.append(str(frame.choices.integer(0, dtype.length - 1)))
    elif isinstance(dtype, Matrix) and inner:
        element = Vector(dtype.columns, dtype.scalar) if inner == 1 else dtype.scalar
        indices += [str(frame.choices.integer(0, 1)) for _ in range(inner)]
    return dtype, element, shape, indices


def _index_count(one: Registered) -> int:
    return sum(name in "ijklmn" and type_ == "int32" for name, type_ in one.parameters)


def extract(frame: Frame, one: Registered) -> bool:
    """Emit `x = wp.tile_extract(t, …)` or `x = t[…]`, an element for each thread."""
    dtype, element, shape, indices = _chosen(frame, _index_count(one))
    given = source(frame, Wanted((dtype,), (len(shape),), shape, rough=True))
    text = f"wp.tile_extract({{given}}, {', '.join(indices)})"
    if chance(frame.choices, 45) and not (isinstance(dtype, Matrix) and element != dtype):
        text = f"{{given}}[{', '.join(indices)}]"
    frame.commit(*indices)
    _declare(frame, text, element, given.interval, given=given)
    return True


def assign(frame: Frame, one: Registered) -> bool:
    """Emit `t[…] = x`, an element for each thread."""
    dtype, element, shape, indices = _chosen(frame, _index_count(one))
    given = source(frame, Wanted((dtype,), (len(shape),), shape, whole=True, owner=True))
    value = held(frame, element)
    if given.interval is None or value.interval is None:
        return False
    values.emit(frame, f"{{given}}[{', '.join(indices)}] = {value.text}", given=given)
    changed(frame, given, given.interval.hull(value.interval), given.contents.clean)
    return True


def _few(frame: Frame, count: int) -> tuple[tuple[int, ...], list[str], int]:
    """Return a small shape, indices that several threads share, and how many threads share an element at most."""
    lane = launch.lane(frame).name
    bins = pick(frame.choices, (4, 8, 16))
    leading = tuple(frame.choices.integer(1, 3) for _ in range(count - 1))
    first = [str(frame.choices.integer(0, extent - 1)) for extent in leading]
    return (*leading, bins), [*first, f"{lane} % {bins}"], frame.unit.block_dim // bins


def add(frame: Frame, one: Registered) -> bool:
    """Emit `t[…] += x` or `-=`: every thread adds, several to one element."""
    minus = "sub" in one.name
    dtype = pick(frame.choices, _ATOMIC[:3])
    shape, indices, sharers = _few(frame, _index_count(one))
    given = source(frame, Wanted((dtype,), (len(shape),), shape, whole=True, owner=True))
    value = held(frame, dtype)
    if given.interval is None or value.interval is None:
        return False
    added = intervals.scale(value.interval, sharers).hull(intervals.point(0))
    interval = intervals.sub(given.interval, added) if minus else intervals.add(given.interval, added)
    if not fits(given.scalar, interval):
        return False
    values.emit(frame, f"{{given}}[{', '.join(indices)}] {'-' if minus else '+'}= {value.text}", given=given)
    changed(frame, given, interval, given.scalar.is_integer)
    return True


def bits(frame: Frame, one: Registered) -> bool:
    """Emit `t[…] &= x` or its like."""
    symbol = {"and": "&", "or": "|", "xor": "^"}[one.name.split("_")[2]]
    shape, indices, _ = _few(frame, _index_count(one))
    dtype = pick(frame.choices, (INT32, UINT32))
    given = source(frame, Wanted((dtype,), (len(shape),), shape, whole=True, owner=True))
    value = held(frame, dtype)
    if given.interval is None or value.interval is None:
        return False
    values.emit(frame, f"{{given}}[{', '.join(indices)}] {symbol}= {value.text}", given=given)
    changed(frame, given, intervals.bitwise(given.interval, value.interval).hull(given.interval), True)
    return True


def scatter_add(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_scatter_add`, several threads to one element, or without atomics each to its own."""
    alone = chance(frame.choices, 25)
    count = _index_count(one)
    if alone:
        (shape, indices), sharers = _spread(frame, count), 1
    else:
        shape, indices, sharers = _few(frame, count)
    dtype = pick(frame.choices, _ATOMIC)
    given = source(frame, Wanted((dtype,), (len(shape),), shape, whole=True, owner=True))
    value = held(frame, dtype)
    if given.interval is None or value.interval is None:
        return False
    interval = intervals.add(given.interval, intervals.scale(value.interval, sharers).hull(intervals.point(0)))
    if not fits(given.scalar, interval):
        return False
    atomic = ", atomic=False" if alone else ""
    text = f"wp.tile_scatter_add({{given}}, {', '.join(indices)}, {value.text}, {_offers(frame)}{atomic})"
    values.emit(frame, text, given=given)
    changed(frame, given, interval, given.scalar.is_integer)
    return True


def scatter_masked(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_scatter_masked`, each thread to an element of its own."""
    shape, indices = _spread(frame, _index_count(one))
    dtype = pick(frame.choices, _MASKED)
    given = source(frame, Wanted((dtype,), (len(shape),), shape, whole=True, owner=True))
    value = held(frame, dtype)
    if given.interval is None or value.interval is None:
        return False
    text = f"wp.tile_scatter_masked({{given}}, {', '.join(indices)}, {value.text}, {_offers(frame)})"
    values.emit(frame, text, given=given)
    changed(frame, given, given.interval.hull(value.interval), given.contents.clean)
    return True


def _offers(frame: Frame) -> str:
    """Return a condition that says which threads take part."""
    lane = launch.lane(frame).name
    step = frame.choices.integer(2, 5)
    return pick(frame.choices, ("True", f"{lane} % {step} == 0", f"{lane} < {frame.unit.block_dim - step}"))


def uniform(frame: Frame, tile_: Tile) -> None:
    """Emit that one thread stores the only element of a tile."""
    lane = launch.lane(frame).name
    array = arrays.output_array(frame, tile_.dtype, launch.grid(frame))
    where = ", ".join(arrays.block_indices(frame))
    name = names.free_name(frame.choices, ("result_of", "best_value", "answer", "summary"), frame.taken)
    frame.taken.add(name)
    values.emit(frame, f"{name} = {{tile}}[0]", tile=tile_)
    values.emit(frame, f"if {lane} == 0:\n    {{array}}[{where}] = {name}\n", array=array)


_INPLACE = ("tile_bit_and_inplace", "tile_bit_or_inplace", "tile_bit_xor_inplace")

RECIPES: Mapping[str, Recipe] = {
    "tile": tile,
    "untile": untile,
    "tile_extract": extract,
    "assign": assign,
    "tile_add_inplace": add,
    "tile_sub_inplace": add,
    **dict.fromkeys(_INPLACE, bits),
    "tile_scatter_add": scatter_add,
    "tile_scatter_masked": scatter_masked,
}
