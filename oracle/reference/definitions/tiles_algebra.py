"""Linear algebra on tiles: products, factors, triangular systems, Fourier transforms.

Results are computed more accurately than the type holds, and bounded by the rounding errors that any sensible order of
evaluation has (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed.).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.definitions.tiles_sums import exact, moved, products, total
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import ScalarType, Undefined
from oracle.reference.tiles import Tile, settled

# Products


def matmul(run: Run, a: Tile, b: Tile, *rest: Any, **named: Any) -> Tile | None:
    """Return `alpha a b`, or with a third tile add it to `beta` times that."""
    target = rest[0] if rest and isinstance(rest[0], Tile) else named.pop("out", None)
    factors = [one for one in rest if not isinstance(one, Tile | str)]
    alpha = named.get("alpha", factors[0] if factors else 1.0)
    beta = named.get("beta", factors[1] if len(factors) > 1 else 1.0)
    if target is None:
        return Tile(run, a.element, _product(run, a, b, a.scalar, alpha, None, 0.0))
    target.data[...] = _product(run, a, b, target.scalar, alpha, target, beta)
    return None


def _product(run: Run, a: Tile, b: Tile, scalar: ScalarType, alpha: Any, old: Tile | None, beta: Any) -> np.ndarray:
    """Return `alpha a b + beta old`; a product of n terms is off by n roundings of the sum of their sizes (3.13)."""
    by, kept = (float(scalar(factor)) for factor in (alpha, beta))
    terms = by * products(a.data.T[:, :, None], b.data[:, None, :], scalar)
    if old is not None and kept:
        terms = np.concatenate([terms, products(np.array(kept), old.data, scalar)[None]])
    mixed = 0.0 if a.scalar is b.scalar is scalar else 2.0
    return total(run, "tile_matmul", terms, scalar, extra=4.0 + mixed)


def diag_add(run: Run, a: Tile, diagonal: Tile) -> Tile:
    """Return a square tile with another added to its diagonal."""
    data = a.data.copy()
    places = np.arange(len(data))
    data[places, places] = settled(a.element, data[places, places] + diagonal.data)
    return a.with_data(data)


# Factors and systems


def cholesky(run: Run, a: Tile, fill_mode: str = "lower") -> Tile:
    """Return the triangular factor of a positive definite matrix, of which one triangle is read."""
    matrix = _wide(a)
    lower = np.tril(matrix) if fill_mode == "lower" else np.triu(matrix).T
    matrix = lower + np.tril(lower, -1).T
    try:
        factor = np.linalg.cholesky(matrix.astype(np.float64))
    except np.linalg.LinAlgError:
        raise Undefined("the Cholesky factor of a matrix that is not positive definite") from None
    if not np.isfinite(factor).all():
        raise Undefined("the Cholesky factor of a matrix that is not finite")
    # theorem 10.3 bounds the residual by n + 1 roundings; to first order the factor moves by what is largest of it in
    # the condition number's sense (theorem 10.8)
    condition = float(np.linalg.cond(matrix.astype(np.float64)))
    fixed = _is_exact_factor(factor, matrix, a.scalar)
    size = np.tril(np.full(factor.shape, condition * float(np.linalg.norm(factor, 2))))
    values = settled(a.scalar, factor)
    values = moved(run, "tile_cholesky", values, a.scalar, len(factor) + 1, size, fixed | (size == 0))
    values = np.tril(values)
    return a.with_data(values if fill_mode == "lower" else np.ascontiguousarray(values.T))


def _is_exact_factor(factor: np.ndarray, matrix: np.ndarray, scalar: ScalarType) -> bool:
    """Whether every step is exact in any order: few bits throughout, and powers of two to divide by."""
    terms = (np.abs(factor)[:, :, None] * np.abs(factor.T)[None]).transpose(1, 0, 2)
    powers = np.frexp(np.diag(factor))[0] == 0.5
    few = exact(terms, scalar).all() and exact(np.abs(matrix)[None], scalar).all()
    return bool(few and powers.all() and (factor @ factor.T == matrix).all())


def cholesky_inplace(run: Run, a: Tile, fill_mode: str = "lower") -> None:
    """Replace a matrix by its factor, the other triangle by zeros."""
    a.data[...] = cholesky(run, a, fill_mode).data


def lower_solve(run: Run, matrix: Tile, right: Tile) -> Tile:
    """Return the solution of a system whose matrix is lower triangular."""
    return _solution(run, "tile_lower_solve", right, [np.tril(_wide(matrix))])


def upper_solve(run: Run, matrix: Tile, right: Tile) -> Tile:
    """Return the solution of a system whose matrix is upper triangular."""
    return _solution(run, "tile_upper_solve", right, [np.triu(_wide(matrix))])


def cholesky_solve(run: Run, factor: Tile, right: Tile, fill_mode: str = "lower") -> Tile:
    """Return the solution of a system, given a Cholesky factor of its matrix."""
    lower = np.tril(_wide(factor)) if fill_mode == "lower" else np.triu(_wide(factor)).T
    return _solution(run, "tile_cholesky_solve", right, [lower, lower.T])


def _in_place(solve: Callable[..., Tile]) -> Callable[..., None]:
    def define(run: Run, matrix: Tile, right: Tile, **options: Any) -> None:
        right.data[...] = solve(run, matrix, right, **options).data

    return define


def _wide(tile: Tile) -> np.ndarray:
    return tile.data.astype(np.longdouble)


def _solution(run: Run, name: str, right: Tile, matrices: list[np.ndarray]) -> Tile:
    """Solve triangular systems one after the other.

    A solution x of T x = y is off by n roundings of |T^-1| |T| |x| (theorem 8.5), and by what y is off times |T^-1|.
    """
    columns = _wide(right).reshape(right.extents[0], -1)
    sizes, fixed = np.zeros(columns.shape), np.ones(columns.shape[1], bool)
    for matrix in matrices:
        if not np.diag(matrix).all() or not np.isfinite(matrix).all():
            raise Undefined("a triangular system without a solution")
        columns, exactly = _substituted(matrix, columns, right.scalar)
        inverse = np.abs(np.linalg.inv(matrix.astype(np.float64)))
        sizes = inverse @ (sizes + np.abs(matrix).astype(np.float64) @ np.abs(columns).astype(np.float64))
        fixed &= exactly
    values = moved(
        run, name, settled(right.scalar, columns), right.scalar, (len(columns) + 1) / 2.0, sizes, fixed[None, :]
    )
    return right.with_data(values.reshape(right.data.shape))


def _substituted(matrix: np.ndarray, right: np.ndarray, scalar: ScalarType) -> tuple[np.ndarray, np.ndarray]:
    """Substitute in the order that the triangle asks for; also say of which columns every step is exact."""
    count = len(matrix)
    solution = np.zeros(right.shape, np.longdouble)
    fixed = np.ones(right.shape[1], bool)
    forward = not np.triu(matrix, 1).any()
    for row in range(count) if forward else reversed(range(count)):
        known = range(row) if forward else range(row + 1, count)
        terms = np.stack([right[row], *(-matrix[row, place] * solution[place] for place in known)])
        solution[row] = terms.sum(axis=0) / matrix[row, row]
        power = np.frexp(float(matrix[row, row]))[0] in (0.5, -0.5)
        fixed &= exact(terms, scalar) & exact(solution[row][None], scalar) & power
    return solution, fixed


# Transforms

_BUTTERFLY = 3.5
"""Units in the last place that each of the log2(n) steps of a fast transform adds, of the result's norm (24.1)."""


def _transform(forward: bool) -> Callable[..., None]:
    """Return the Fourier transform along the last axis, in place and without a factor."""

    def define(run: Run, tile: Tile) -> None:
        points = tile.extents[-1]
        if tile.inner != (2,):
            raise LackingError("a Fourier transform of what is no vec2")
        signal = tile.data[..., 0].astype(np.float64) + 1j * tile.data[..., 1].astype(np.float64)
        spectrum = np.fft.fft(signal) if forward else np.fft.ifft(signal) * points
        parts = settled(tile.scalar, np.stack([spectrum.real, spectrum.imag], axis=-1))
        norms = np.linalg.norm(signal, axis=-1) * math.sqrt(points)
        sizes = np.broadcast_to(norms[..., None, None], parts.shape)
        name = "tile_fft" if forward else "tile_ifft"
        tile.data[...] = moved(run, name, parts, tile.scalar, _BUTTERFLY * max(math.log2(points), 1.0), sizes)

    return define


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "tile_matmul": matmul,
        "tile_diag_add": diag_add,
        "tile_cholesky": cholesky,
        "tile_cholesky_inplace": cholesky_inplace,
        "tile_lower_solve": lower_solve,
        "tile_upper_solve": upper_solve,
        "tile_cholesky_solve": cholesky_solve,
        "tile_lower_solve_inplace": _in_place(lower_solve),
        "tile_upper_solve_inplace": _in_place(upper_solve),
        "tile_cholesky_solve_inplace": _in_place(cholesky_solve),
        "tile_fft": _transform(forward=True),
        "tile_ifft": _transform(forward=False),
    }
)
