"""Kernels with tiles, as people write them: a known pattern with typed holes, then operations on what is there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from grammar import domains, intervals, names, registry, statements
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.recipes import setting_of
from grammar.registry import Registered
from grammar.scope import Frame, Variable
from grammar.tiles import arithmetic, arrays, creation, elements, reductions, shapes, values
from grammar.tiles.recipes import recipes
from grammar.tiles.sources import Wanted, source
from grammar.tiles.values import changed, define, fits, new_contents
from grammar.types import FLOAT32, FLOAT64, INT32, UINT32, Scalar

_STEPS = (
    ("add", 4), ("sub", 3), ("mul", 4), ("tile_map", 7), ("tile_sum", 5), ("tile_max", 2), ("tile_min", 2),
    ("tile_reduce", 2), ("tile_scan_inclusive", 1.5), ("tile_scan_exclusive", 1), ("tile_transpose", 2),
    ("tile_broadcast", 2), ("tile_view", 3), ("tile_reshape", 2), ("tile_matmul", 3), ("tile_dot", 2), ("tile_axpy", 2),
    ("tile_astype", 1.5), ("tile_assign", 1.5), ("add_inplace", 3), ("tile_zeros", 1), ("tile_full", 1), ("neg", 1),
    ("tile_arange", 1.5), ("tile_load", 3), ("div", 1), ("bit_and", 0.7), ("bit_xor", 0.7), ("tile_squeeze", 0.7),
    ("tile_extract", 1.5), ("untile", 1), ("tile", 1), ("tile_scatter_add", 1), ("tile_add_inplace", 1),
)  # fmt: skip
"""What follows a pattern, by weight."""

_CROWD = 4
"""From how many arrays on a kernel goes on with the tiles that it has."""

_LOADING = ("tile_load", "tile", "untile", "tile_scatter_add", "tile_add_inplace", "tile_squeeze", "tile_extract")
_REWORK = tuple((name, weight) for name, weight in _STEPS if name not in _LOADING)

Pattern = Callable[[Frame], bool]


def tile(frame: Frame, lines: int) -> None:
    """Emit a pattern and further operations on tiles, of about so many lines, at times statements of single threads."""
    end = frame.unit.lines + lines
    if lines < 4 or chance(frame.choices, 35) or not pick_weighted(frame.choices, _PATTERNS)(frame):
        step(frame)
    for _ in range(2 * lines):
        if frame.unit.lines >= end - 1:
            break
        step(frame)
    if frame.lane is not None and end > frame.unit.lines + 1:
        statements.fill(frame, min(8, end - frame.unit.lines))


def step(frame: Frame) -> bool:
    """Emit one operation on tiles; False when nothing came of it."""
    crowded = sum(array.use == "read" for array in frame.arrays) >= _CROWD
    name = pick_weighted(frame.choices, _REWORK if crowded else _STEPS)
    overload = pick(frame.choices, overloads(name))
    done = recipes()[name](frame, overload)
    if done:
        frame.unit.note(f"builtin:{overload.signature}")
    return done


@functools.cache
def overloads(name: str) -> Sequence[Registered]:
    """Return a built-in's overloads that work on tiles or make one, without those that are left out."""
    return tuple(
        one for one in registry.builtins()[name].overloads if setting_of(one) == "tile" and not domains.left_out(one)
    )


def _scalar(frame: Frame) -> Scalar:
    return pick_weighted(frame.choices, ((FLOAT32, 6), (INT32, 3), (FLOAT64, 1.5)))


# Patterns


def _normalise(frame: Frame) -> bool:
    """Shift a row by its lowest element and clip or scale what is left."""
    size = pick(frame.choices, (32, 64, 48, 100, 16))
    row = arrays.load(frame, _scalar(frame), (size,), names_=("row", "x", "values_tile"))
    kind = pick(frame.choices, ("min", "max"))
    bank = ("lowest", "low") if kind == "min" else ("highest", "peak")
    bound = define(frame, bank, f"wp.tile_{kind}({{row}})", row.dtype, (1,), new_contents(row.interval, True), row=row)
    spread = shapes.spread_to(frame, bound, row.shape)
    centered = arithmetic.joined(frame, "sub", row, spread)
    if centered is not None and chance(frame.choices, 60):
        reductions.summed(frame, centered, None)
    return True


def _block_product(frame: Frame) -> bool:
    """Multiply two matrices block by block, the inner extent in a loop."""
    dtype = pick(frame.choices, (FLOAT32, FLOAT32, FLOAT64))
    rows, columns, inner = (pick(frame.choices, (4, 8, 8, 16)) for _ in range(3))
    count = frame.choices.integer(2, 3)
    interval = intervals.scale(Interval(-64, 64), inner * count)
    if not fits(dtype, interval):
        return False
    blocks, extents = arrays.block_indices(frame), arrays.block_extents(frame)
    left = arrays.input_array(frame, dtype, (extents[0] * rows, inner * count))
    right_columns = columns * (extents[1] if len(extents) > 1 else 1)
    right = arrays.input_array(frame, dtype, (inner * count, right_columns))
    total = creation.fill(frame, "zeros", dtype, (rows, columns))
    k = names.free_name(frame.choices, ("k", "step", "kk"), frame.taken)
    a, b = _fresh(frame, ("a_tile", "lhs", "a")), _fresh(frame, ("b_tile", "rhs", "b"))
    column = f"{blocks[1]} * {columns}" if len(blocks) > 1 else "0"
    storage = pick(frame.choices, ("", ', storage="shared"'))
    values.emit(
        frame,
        f"""
        for {k} in range({count}):
            {a} = wp.tile_load({{left}}, shape=({rows}, {inner}), offset=({blocks[0]} * {rows}, {k} * {inner}){storage})
            {b} = wp.tile_load({{right}}, shape=({inner}, {columns}), offset=({k} * {inner}, {column}){storage})
            wp.tile_matmul({a}, {b}, {{total}})
        """,
        left=left,
        right=right,
        total=total,
    )
    changed(frame, total, interval, False, summed=True)
    frame.unit.events.append("loop")
    return True


def _fresh(frame: Frame, bank: Sequence[str]) -> str:
    name = names.free_name(frame.choices, bank, frame.taken)
    frame.taken.add(name)
    return name


def _reduction(frame: Frame) -> bool:
    """Add up chunks in a loop, reduce what they sum to, and add it to a total that the blocks share."""
    dtype, size, count = _scalar(frame), pick(frame.choices, (16, 32, 64)), frame.choices.integer(2, 4)
    added = values.inputs_interval(dtype)
    interval = intervals.scale(added, count).hull(intervals.point(0))
    if not fits(dtype, intervals.scale(interval, size)):
        return False
    block, extent = arrays.block_indices(frame)[0], arrays.block_extents(frame)[0]
    array = arrays.input_array(frame, dtype, (extent, size * count))
    total = creation.fill(frame, "zeros", dtype, (size,))
    k, chunk = _fresh(frame, ("k", "step", "c")), _fresh(frame, ("chunk", "part", "piece"))
    values.emit(
        frame,
        f"""
        for {k} in range({count}):
            {chunk} = wp.tile_load({{array}}[{block}], shape={size}, offset={k} * {size})
            {{total}} += {chunk}
        """,
        array=array,
        total=total,
    )
    changed(frame, total, interval, True)
    frame.unit.events.append("loop")
    return reductions.accumulate(frame, total) or True


def _stencil(frame: Frame) -> bool:
    """Load a run with a halo into shared memory and combine each element with its neighbours."""
    dtype, size = _scalar(frame), pick(frame.choices, (16, 32, 30, 62, 64))
    padded = arrays.load(frame, dtype, (size + 2,), storage="shared", names_=("padded", "halo", "u", "line"))
    parts = []
    for low, bank in (
        (0, ("left", "west", "prev")),
        (1, ("middle", "center", "here")),
        (2, ("right", "east", "next_")),
    ):
        text = f"{{padded}}[{low or ''}:{low + size if low < 2 else ''}]"
        parts.append(define(frame, bank, text, dtype, (size,), padded.contents, padded=padded))
    weight = frame.choices.integer(2, 4)
    factor = f"{weight}.0" if dtype == FLOAT32 else str(weight) if dtype == INT32 else f"{dtype.spelling}({weight}.0)"
    assert padded.interval is not None
    interval = intervals.scale(intervals.add(padded.interval, intervals.neg(padded.interval)), weight)
    contents = new_contents(interval, dtype.is_integer, padded)
    define(frame, ("laplacian", "smoothed", "updated"), f"{{a}} + {{c}} - {{b}} * {factor}", dtype, (size,), contents,
           a=parts[0], b=parts[1], c=parts[2])  # fmt: skip
    return True


def _histogram(frame: Frame) -> bool:
    """Count in shared memory how many threads fall into each bin, and add the counts to the array's."""
    bins = pick(frame.choices, (4, 8, 16, 10))
    counts = creation.fill(frame, "zeros", INT32, (bins,))
    value = elements.held(frame, INT32)
    low = value.interval.low if value.interval else 0
    bin_ = _fresh(frame, ("bin", "slot", "bucket"))
    shifted = f"{value.text} + {-low}" if low < 0 else value.text
    values.emit(frame, f"{bin_} = ({shifted}) % {bins}")
    values.emit(frame, f"wp.tile_scatter_add({{counts}}, {bin_}, 1, True)", counts=counts)
    changed(frame, counts, Interval(0, frame.unit.block_dim), True)
    arrays.atomic_add(frame, counts)
    return True


def _compaction(frame: Frame) -> bool:
    """Find where each thread's item goes when only some are kept: a scan over what the threads hold."""
    value = elements.held(frame, INT32)
    keep = _fresh(frame, ("keep", "flag", "selected"))
    limit = frame.choices.integer(1, 4)
    values.emit(frame, f"{keep} = wp.where({value.text} > {limit}, 1, 0)")
    kind = pick(frame.choices, ("exclusive", "inclusive"))
    contents = new_contents(Interval(0, frame.unit.block_dim), True)
    scanned = define(frame, ("slots", "offsets", "positions"), f"wp.tile_scan_{kind}(wp.tile({keep}))", INT32,
                     (frame.unit.block_dim,), contents)  # fmt: skip
    slot = _fresh(frame, ("slot", "target", "dest_index"))
    values.emit(frame, f"{slot} = wp.untile({{scanned}})", scanned=scanned)
    frame.committed.discard(slot)
    bounds = Interval(0, frame.unit.block_dim)
    frame.declare(Variable(slot, INT32, bounds, bounds))
    return True


def _system(frame: Frame) -> bool:
    """Factor a matrix and solve with the factor."""
    dtype, extent = pick(frame.choices, (FLOAT32, FLOAT64)), pick(frame.choices, (2, 3, 4))
    matrix = arrays.load(frame, dtype, (extent, extent), fill="definite", names_=("a", "spd", "gram"))
    rhs = arrays.load(frame, dtype, (extent,), names_=("rhs", "b", "y"))
    factor = define(frame, ("factor", "chol", "ell"), "wp.tile_cholesky({matrix})", dtype, matrix.shape,
                    new_contents(None), matrix=matrix)  # fmt: skip
    factor.contents.summed = True
    solution = define(frame, ("solution", "z", "solved"), "wp.tile_cholesky_solve({factor}, {rhs})", dtype, rhs.shape,
                      new_contents(None), factor=factor, rhs=rhs)  # fmt: skip
    solution.contents.summed = True
    return True


def _outer(frame: Frame) -> bool:
    """Broadcast a row and a column against each other."""
    dtype, rows, columns = _scalar(frame), pick(frame.choices, (4, 8)), pick(frame.choices, (8, 16))
    column = arrays.load(frame, dtype, (rows, 1), names_=("column", "col_tile", "u"))
    row = arrays.load(frame, dtype, (1, columns), names_=("row", "row_tile", "v"))
    wide, tall = (shapes.spread_to(frame, one, (rows, columns)) for one in (row, column))
    return arithmetic.joined(frame, pick(frame.choices, ("mul", "add")), wide, tall) is not None


def _order(frame: Frame) -> bool:
    """Sort a block's keys with their places, and look at what lies between neighbours or before each."""
    keys = reductions.distinct(frame, pick(frame.choices, (INT32, FLOAT32, UINT32)), pick(frame.choices, (32, 64, 16)))
    payload = creation.counted(frame, keys.size, INT32, simple=True)
    values.emit(frame, "wp.tile_sort({keys}, {payload})", keys=keys, payload=payload)
    changed(frame, keys, keys.interval, True)
    changed(frame, payload, payload.interval, True)
    return True


def _gram(frame: Frame) -> bool:
    """Multiply a tile with the transpose of another."""
    dtype = pick(frame.choices, (FLOAT32, FLOAT64))
    left = source(frame, Wanted((dtype,), (2,), whole=True, most=128))
    right = arrays.load(frame, dtype, left.shape)
    if left.interval is None:
        return False
    interval = intervals.scale(intervals.mul(left.interval, values.WHOLE), left.shape[1])
    if not fits(dtype, interval):
        return False
    contents = new_contents(interval, False, left)
    contents.summed = True
    define(frame, ("similarity", "scores", "gram"), "wp.tile_matmul({left}, wp.tile_transpose({right}))", dtype,
           (left.shape[0], left.shape[0]), contents, left=left, right=right)  # fmt: skip
    return True


def _summary(frame: Frame) -> bool:
    """Reduce a tile to one number, and let one thread of the block store it."""
    loaded = source(frame, Wanted((INT32, FLOAT32), whole=True, clean=True, most=256))
    total = reductions.summed(frame, loaded, None)
    if total is None:
        return False
    elements.uniform(frame, total)
    return True


_PATTERNS: Sequence[tuple[Pattern, float]] = (
    (_normalise, 2), (_block_product, 3), (_reduction, 3), (_stencil, 2.5), (_histogram, 2), (_compaction, 2),
    (_system, 1.5), (_outer, 2), (_order, 1.5), (_gram, 1.5), (_summary, 2),
)  # fmt: skip
