"""Values that have something in common: what each word of `grammar.arguments.FILLS` makes of a stream of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from oracle.floats import numbers, rounded

LARGEST_WHOLE = 8
"""The largest magnitude of small whole numbers."""


def whole(raw: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return whole numbers from -8 to 8."""
    return (raw % np.uint64(2 * LARGEST_WHOLE + 1)).astype(np.int64).reshape(shape) - LARGEST_WHOLE


def lower(raw: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return lower triangular matrices of whole numbers, the last two axes being rows and columns.

    The diagonal holds 1, 2 and 4, and little stands beside it, so that a solution has few bits.
    """
    if len(shape) < 2:
        raise ValueError(f"a triangular matrix has two axes at least, and the argument's shape is {shape}")
    beside = np.where(raw % np.uint64(3) == 0, (raw >> np.uint64(8)) % np.uint64(3), np.uint64(1)).astype(np.int64) - 1
    diagonal = np.left_shift(1, np.array([0, 0, 0, 1, 1, 2])[(raw % np.uint64(6)).astype(np.int64)])
    rows, columns = np.indices(shape)[-2:]
    return np.where(rows == columns, diagonal.reshape(shape), np.where(rows > columns, beside.reshape(shape), 0))


def upper(raw: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the transposes of such lower triangular matrices."""
    return np.swapaxes(lower(raw, (*shape[:-2], *shape[:-3:-1])), -1, -2)


def definite(raw: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the products of such lower triangular matrices, which are square, with their transposes."""
    factor = lower(raw, shape)
    return np.asarray(factor @ np.swapaxes(factor, -1, -2))


_MAKERS: Mapping[str, Callable[[np.ndarray, tuple[int, ...]], np.ndarray]] = {
    "whole": whole,
    "lower": lower,
    "upper": upper,
    "definite": definite,
}
"""What makes the whole numbers of a word."""


def ascending(values: np.ndarray) -> np.ndarray:
    """Return the values in ascending order along the last axis."""
    return np.take_along_axis(values, np.argsort(numbers(values), axis=-1, kind="stable"), axis=-1)


def cumulative(raw: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Return floats that ascend to exactly 1 along the last axis, made from as many 64-bit numbers."""
    sums = np.cumsum((raw % np.uint64(8) + np.uint64(1)).reshape(shape), axis=-1).astype(np.float64)
    return rounded(sums / sums[..., -1:], dtype)


WORDS = frozenset(_MAKERS)
"""The words for whole numbers: gradients of what has one of them are small whole numbers, too."""


def filled(word: str, raw: np.ndarray, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Return floats of `shape` made from as many 64-bit numbers; raises KeyError for a word that is not among `WORDS`.

    `shape` includes the element's own axes, so that an array of matrices can be `lower` as well.
    """
    return rounded(_MAKERS[word](raw, shape).astype(np.float64), dtype)
