"""Decompositions of small matrices: as much of them as is determined.

Signs of columns, bases for equal singular values and the order of eigenvalues are not. Under noise the result is the
exact decomposition of a matrix as near as the approximation is good, with signs and order drawn among those allowed:
what is put together from the factors is then judged as any result is, and what is not determined makes unstable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound
from oracle.reference.definitions.bounds import draw, finite, moves_open, near, undetermined
from oracle.reference.deviations import SVD2_ROTATION, SVD2_SINGULAR
from oracle.reference.run import Run
from oracle.reference.scalars import ScalarType

FACTOR_ULPS = 16.0
"""How far off an element of a factor may be beside that, in units in the last place of the factor's largest element."""


LOST_SHARE = 2.0**-8
"""Below which share of the larger singular value the smaller one or their difference may be what rounding left."""


def nearness(name: str, scalar: ScalarType) -> float:
    """Return how far off a factorisation may be, in units in the last place of the matrix' norm.

    The documentation gives no bound ("a finite-precision approximation", "a fixed number of iterations"). So these are
    measured, over 10^5 random matrices of each kind, and doubled: the iterations leave 4.6e4 in float32.
    """
    if name in ("svd3", "eig3"):
        return 5e4 if scalar.bits == 32 else 128.0
    return 16.0


Factors = tuple[np.ndarray, ...]


class _Draws:
    """Random numbers that depend on the noise's seed and the matrix only."""

    def __init__(self, run: Run, name: str, matrix: np.ndarray, error: float) -> None:
        self._run, self._name, self._key = run, name, matrix.ravel().tolist()
        self._count = 0
        self.error = error
        """How far off the factorisation may be, relative to the matrix."""

    def number(self) -> float:
        """Return the next number from [-1, 1)."""
        self._count += 1
        return draw(self._run, f"{self._name} {self._count}", *self._key)

    def sign(self) -> float:
        """Return 1 or -1; 1 while what is open stays as it is."""
        return math.copysign(1.0, self.number()) if moves_open(self._run) else 1.0

    def one_of(self, count: int, usual: int) -> int:
        """Return a number below `count`, the usual one while what is open stays as it is."""
        return int((self.number() + 1.0) / 2.0 * count) % count if moves_open(self._run) else usual

    def signs(self, count: int, proper: bool) -> np.ndarray:
        """Return signs, of product 1 if they have to be `proper`."""
        signs = [self.sign() for _ in range(count)]
        if proper:
            signs[-1] = float(np.prod(signs[:-1]))
        return np.array(signs)


def _proper(columns: np.ndarray) -> float:
    return -1.0 if np.linalg.det(columns) < 0.0 else 1.0


def _singular(proper: bool) -> Callable[[np.ndarray, _Draws | None], Factors]:
    """Return what factors a matrix as `U diag(sigma) V'`, by rotations and a signed last value if `proper`."""

    def factor(matrix: np.ndarray, draws: _Draws | None) -> Factors:
        left, sigma, transposed = np.linalg.svd(matrix)
        right = transposed.T.copy()
        if proper:
            for columns in (left, right):
                sign = _proper(columns)
                columns[:, -1] *= sign
                sigma[-1] *= sign
        if draws is not None:
            signs = draws.signs(len(matrix), proper)
            left, right = left * signs, right * signs
            # of eigenvalues of the matrix' square no more can be said: a small one has lost half of its digits
            lost = draws.error * float(sigma[0])
            sigma[-1] = math.copysign(math.sqrt(abs(sigma[-1] ** 2 + lost * sigma[0] * draws.number())), sigma[-1])
        return left, sigma, right

    return factor


def _orthogonal(matrix: np.ndarray, draws: _Draws | None) -> Factors:
    """Factor a matrix as a rotation and an upper triangular matrix.

    That one has a negative diagonal element if the determinant is negative; which one is open.
    """
    rotation, upper = np.linalg.qr(matrix)
    signs = np.where(np.diag(upper) < 0.0, -1.0, 1.0)
    mirrored = 2 if draws is None else draws.one_of(3, 2)
    signs[mirrored] *= _proper(rotation * signs)
    return rotation * signs, upper * signs[:, None]


def _eigen(matrix: np.ndarray, draws: _Draws | None) -> Factors:
    """Factor a symmetric matrix as `Q diag(d) Q'`."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    if draws is not None:
        orders = list(permutations(range(3)))
        order = list(orders[draws.one_of(6, 0)])
        values, vectors = values[order], vectors[:, order] * draws.signs(3, False)
    vectors[:, 2] *= _proper(vectors)
    return vectors, values


def _is_fit(scalar: ScalarType, matrix: np.ndarray, symmetric: bool) -> bool:
    """Whether fourth powers of the elements neither overflow nor vanish, and the matrix is symmetric if it has to be.

    Methods that work on the matrix' square compare products of its elements.
    """
    size = float(np.max(np.abs(matrix)))
    if symmetric and np.max(np.abs(matrix - matrix.T)) > 4.0 * scalar.limits.eps * size:
        return False
    limits = scalar.limits
    power = size * size * (size * size)
    return size == 0.0 or limits.smallest_normal / limits.eps < power < limits.max / 16.0


def _deviates(run: Run, name: str, matrix: np.ndarray) -> bool:
    """Whether Warp is known to return something else for a matrix, and is followed in that: then anything goes."""
    if name != "svd2" or not run.known & {SVD2_SINGULAR, SVD2_ROTATION}:
        return False
    large, small = np.linalg.svd(matrix, compute_uv=False)
    if SVD2_SINGULAR in run.known and small <= LOST_SHARE * large:
        return True
    return SVD2_ROTATION in run.known and large - small <= LOST_SHARE * large


def _define(
    name: str, factor: Callable[[np.ndarray, _Draws | None], Factors]
) -> Callable[..., tuple[Compound, ...] | None]:
    """Return the built-in: factors are returned, or stored into the variables that are passed."""

    def define(run: Run, matrix: Compound, *targets: Compound) -> tuple[Compound, ...] | None:
        found = _factors(run, name, matrix, factor)
        if not targets:
            return found
        for target, value in zip(targets, found, strict=True):
            target.items[:] = value.items
            target.changed()
        return None

    return define


def _factors(
    run: Run, name: str, matrix: Compound, factor: Callable[[np.ndarray, _Draws | None], Factors]
) -> tuple[Compound, ...]:
    scalar, shape = matrix.type.scalar, matrix.type.shape
    numbers = np.array([float(item) for item in matrix.items]).reshape(shape)
    fit = finite(matrix.items) and _is_fit(scalar, numbers, factor is _eigen) and not _deviates(run, name, numbers)
    if run.noise is None or not fit:
        # LAPACK gives up on sums that overflow
        factors = factor(np.clip(numbers, -1e100, 1e100) if finite(matrix.items) else np.zeros(shape), None)
        if not finite(matrix.items):
            factors = tuple(np.full_like(values, math.nan) for values in factors)
        return tuple(_compound(run, name, scalar, values, fit) for values in factors)
    error = nearness(name, scalar) * scalar.limits.eps / 2.0
    draws = _Draws(run, name, numbers, error)
    reach = max(error * float(np.linalg.norm(numbers)), scalar.limits.smallest_normal)
    moves = np.array([draws.number() for _ in matrix.items]).reshape(shape)
    moves = (moves + moves.T) / 2.0 if factor is _eigen else moves
    factors = factor(numbers + reach * moves, draws)
    return tuple(_compound(run, name, scalar, values, True) for values in factors)


def _compound(run: Run, name: str, scalar: ScalarType, values: np.ndarray, determined: bool) -> Compound:
    """Return a factor as a vector or matrix."""
    items: Sequence[Any] = [scalar(item) for item in values.ravel().tolist()]
    if not determined:
        items = [undetermined(run, f"{name} {place}", item, scalar) for place, item in enumerate(items)]
    elif run.noise is not None:
        largest = float(np.max(np.abs(values)))
        items = [near(run, f"{name} {place}", item, scalar, FACTOR_ULPS, largest) for place, item in enumerate(items)]
    return run.compound("vector" if values.ndim == 1 else "matrix", scalar, values.shape).of(items)


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "svd2": _define("svd2", _singular(proper=False)),
        "svd3": _define("svd3", _singular(proper=True)),
        "qr3": _define("qr3", _orthogonal),
        "eig3": _define("eig3", _eigen),
    }
)
