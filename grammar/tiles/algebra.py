"""Linear algebra on tiles: products, factors, triangular systems, Fourier transforms.

Inputs are whole numbers, triangular ones with powers of two on the diagonal, so that every step is exact whatever the
order in which the targets take them.
"""

from __future__ import annotations

from collections.abc import Mapping

from grammar import intervals
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.tiles import arrays, creation, values
from grammar.tiles.sources import Wanted, source
from grammar.tiles.values import Tile, changed, define, fits, new_contents
from grammar.types import FLOAT16, FLOAT32, FLOAT64, Scalar, Vector

_EXTENTS = (4, 8, 8, 16, 5, 12, 2)


def matmul(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_matmul(a, b, out)` or `out = wp.tile_matmul(a, b)`."""
    dtype = pick_weighted(frame.choices, ((FLOAT32, 6), (FLOAT64, 2), (FLOAT16, 1)))
    wanted = Wanted((dtype,), (2,), whole=True, most=256 if dtype != FLOAT16 else 16)
    left = source(frame, wanted)
    inner, columns = left.shape[1], pick(frame.choices, _EXTENTS if dtype != FLOAT16 else (2, 4))
    right = source(frame, Wanted((dtype,), (2,), (inner, columns), whole=True), [left])
    if left.interval is None or right.interval is None or left.contents is right.contents:
        return False
    interval = intervals.scale(intervals.mul(left.interval, right.interval), inner)
    if not fits(dtype, interval):
        return False
    shape = (left.shape[0], columns)
    if one.place == 0:
        return _accumulated(frame, left, right, shape, interval)
    keyword = (
        f", alpha={_factor(dtype)}" if chance(frame.choices, 20) and fits(dtype, intervals.scale(interval, 2)) else ""
    )
    contents = new_contents(intervals.scale(interval, 2) if keyword else interval, False, left, right)
    contents.summed = True
    define(frame, ("product", "c", "prod"), f"wp.tile_matmul({{left}}, {{right}}{keyword})", dtype, shape, contents,
           left=left, right=right)  # fmt: skip
    return True


def _factor(dtype: Scalar) -> str:
    return "2.0" if dtype == FLOAT32 else f"{dtype.spelling}(2.0)"


def _accumulated(frame: Frame, left: Tile, right: Tile, shape: tuple[int, ...], interval: Interval) -> bool:
    """Emit a product that is added to a tile, of zeros mostly."""
    out = creation.fill(frame, pick(frame.choices, ("zeros", "zeros", "ones")), left.dtype, shape)
    assert out.interval is not None
    keywords = ""
    if chance(frame.choices, 25):
        factor = _factor(left.scalar)
        keywords = pick(frame.choices, (f", alpha={factor}", f", beta={factor}", f", alpha={factor}, beta={factor}"))
        interval = intervals.scale(interval, 2)
    interval = intervals.add(interval, intervals.scale(out.interval, 2))
    if not fits(left.scalar, interval):
        keywords, interval = "", intervals.scale(interval, 1)
    values.emit(frame, f"wp.tile_matmul({{left}}, {{right}}, {{out}}{keywords})", left=left, right=right, out=out)
    changed(frame, out, interval, False, True)
    return True


def diag_add(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_diag_add(a, d)`."""
    extent = pick(frame.choices, (4, 8, 16))
    tile = source(frame, Wanted((FLOAT32, FLOAT64), (2,), (extent, extent), whole=True))
    diagonal = source(frame, Wanted((tile.dtype,), (1,), (extent,), whole=True))
    if tile.interval is None or diagonal.interval is None:
        return False
    interval = intervals.add(tile.interval, diagonal.interval).hull(tile.interval)
    if not fits(tile.scalar, interval):
        return False
    contents = new_contents(interval, False, tile, diagonal)
    define(frame, ("regularized", "damped", "shifted"), "wp.tile_diag_add({tile}, {diagonal})", tile.dtype, tile.shape,
           contents, tile=tile, diagonal=diagonal)  # fmt: skip
    return True


def _dtype(frame: Frame) -> Scalar:
    return pick(frame.choices, (FLOAT32, FLOAT32, FLOAT64))


def _extent(frame: Frame) -> int:
    """Choose how large a system is: small, so that no solution needs more bits than its dtype has."""
    return pick(frame.choices, (2, 3, 4, 4))


def _fill_mode(frame: Frame) -> tuple[str, str]:
    """Choose a triangle and how the keyword says so; the lower one is the default."""
    mode = pick(frame.choices, ("lower", "lower", "upper"))
    return mode, f', fill_mode="{mode}"' if mode == "upper" or chance(frame.choices, 25) else ""


def _exact(tile: Tile) -> Tile:
    """Note that a tile holds numbers of few bits that are no whole ones, and that gradients are summed."""
    tile.contents.interval, tile.contents.clean, tile.contents.summed = None, False, True
    return tile


def cholesky(frame: Frame, one: Registered) -> bool:
    """Emit a Cholesky factor, in place or not."""
    dtype, extent = _dtype(frame), _extent(frame)
    matrix = arrays.load(frame, dtype, (extent, extent), fill="definite", names_=("a", "spd", "gram", "mat"))
    keyword = _fill_mode(frame)[1]
    if one.name.endswith("inplace"):
        values.emit(frame, f"wp.tile_cholesky_inplace({{matrix}}{keyword})", matrix=matrix)
        changed(frame, matrix, None, summed=True)
        return True
    _exact(
        define(frame, ("factor", "chol", "ell"), f"wp.tile_cholesky({{matrix}}{keyword})", dtype, matrix.shape,
               new_contents(None), matrix=matrix)
    )  # fmt: skip
    return True


def solve(frame: Frame, one: Registered) -> bool:
    """Emit the solution of a triangular system, or of two with a Cholesky factor."""
    dtype, extent = _dtype(frame), _extent(frame)
    mode, keyword = ("lower", "") if "lower" in one.name else ("upper", "")
    if "cholesky" in one.name:
        mode, keyword = _fill_mode(frame)
    bank = ("factor", "ell", "tri") if mode == "lower" else ("upper", "factor", "tri")
    matrix = arrays.load(frame, dtype, (extent, extent), fill=mode, names_=bank)
    shape = (extent,) if chance(frame.choices, 60) else (extent, pick(frame.choices, (1, 2, 3)))
    rhs = arrays.load(frame, dtype, shape, names_=("rhs", "y", "b"))
    text = f"wp.{one.name}({{matrix}}, {{rhs}}{keyword})"
    if one.name.endswith("inplace"):
        values.emit(frame, text, matrix=matrix, rhs=rhs)
        changed(frame, rhs, None, summed=True)
        return True
    _exact(define(frame, ("solution", "z", "solved"), text, dtype, shape, new_contents(None), matrix=matrix, rhs=rhs))
    return True


def transform(frame: Frame, one: Registered) -> bool:
    """Emit `wp.tile_fft` or `wp.tile_ifft`: as many points as threads, or twice as many."""
    dtype = pick(frame.choices, (FLOAT32, FLOAT32, FLOAT64))
    points = frame.unit.block_dim * pick(frame.choices, (1, 1, 2))
    shape = (pick(frame.choices, (1, 2)), points)
    signal = arrays.load(frame, Vector(2, dtype), shape, storage="register", names_=("signal", "spectrum", "samples"))
    values.emit(frame, f"wp.{one.name}({{signal}})", signal=signal)
    changed(frame, signal, None, summed=True)
    return True


_SOLVERS = ("tile_cholesky_solve", "tile_lower_solve", "tile_upper_solve")

RECIPES: Mapping[str, Recipe] = {
    "tile_matmul": matmul,
    "tile_diag_add": diag_add,
    "tile_cholesky": cholesky,
    "tile_cholesky_inplace": cholesky,
    **dict.fromkeys((*_SOLVERS, *(f"{name}_inplace" for name in _SOLVERS)), solve),
    "tile_fft": transform,
    "tile_ifft": transform,
}
