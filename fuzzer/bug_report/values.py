"""Values as a person writes them in Python: the shortest digits that mean the number, arrays by what they have."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.floats import BFLOAT16, is_float, numbers

SIMPLE = 2.0**-10
"""Numbers that are multiples of this, and not large, are written alike by everybody and compare equal exactly."""


def scalar(value: Any) -> str:
    """Return a scalar's literal: `1.5`, `-3`, `True`, `np.nan`."""
    one = numbers(np.asarray(value))[()]
    if isinstance(one, np.bool_ | bool):
        return str(bool(one))
    if not isinstance(one, np.floating | float):
        return str(int(one))
    if np.isnan(one):
        return "np.nan"
    if np.isinf(one):
        return "np.inf" if one > 0 else "-np.inf"
    return str(one)


def nested(values: np.ndarray) -> str:
    """Return an array's values as nested lists; those of a structured dtype as tuples of their fields."""
    if values.dtype == BFLOAT16:
        values = numbers(values)
    if values.ndim:
        return f"[{', '.join(nested(part) for part in values)}]"
    if values.dtype.names:
        return f"({''.join(f'{nested(np.asarray(values[name]))}, ' for name in values.dtype.names).rstrip()})"
    return scalar(values)


def extent(shape: tuple[int, ...]) -> str:
    """Return a shape as it is passed: a number for one axis."""
    return str(shape[0]) if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def creation(values: np.ndarray, shape: tuple[int, ...], dtype: str, device: str, more: str = "") -> str:
    """Return the call that makes an array of `shape` with these values, the elements' own axes behind.

    `dtype` is the text of the element's type, `more` keyword arguments that come before the device.
    """
    tail = f"dtype={dtype}{more}, device={device}"
    plain = values.dtype.names is None or values.dtype == BFLOAT16
    whole = numbers(values) if plain else values
    if not values.size or not values.tobytes().strip(b"\0"):
        return f"wp.zeros({extent(shape)}, {tail})"
    if not plain:
        return f"wp.array(np.array({nested(values)}, dtype={dtype}.numpy_dtype()), {tail})"
    alike = values.size > 1 and values.shape == shape and bool((whole == whole.flat[0]).all())
    if values.shape == shape and bool((whole == 1).all()):
        return f"wp.ones({extent(shape)}, {tail})"
    if alike:
        return f"wp.full({extent(shape)}, {scalar(whole.flat[0])}, {tail})"
    return f"wp.array({nested(values)}, {tail})"


def is_simple(values: np.ndarray) -> bool:
    """Whether all values are integers, booleans, or floats of few digits, which compare equal exactly."""
    if not is_float(values.dtype):
        return True
    exact = numbers(values).astype(np.float64)
    if not np.isfinite(exact).all():
        return False
    return bool((np.abs(exact) < 2.0**20).all() and (np.round(exact / SIMPLE) * SIMPLE == exact).all())
