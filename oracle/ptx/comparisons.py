"""PTX's comparison operators for `setp`, `set` and `slct`, by name, as predicates on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .rounding import Array

COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal,
    "ne": lambda a, b: (a < b) | (a > b) if a.dtype.kind == "f" else a != b,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    # Unsigned integers only: lower, lower or same, higher, higher or same.
    "lo": np.less,
    "ls": np.less_equal,
    "hi": np.greater,
    "hs": np.greater_equal,
    # Floats only: true also if either operand is NaN.
    "equ": lambda a, b: ~((a < b) | (a > b)),
    "neu": np.not_equal,
    "ltu": lambda a, b: ~(a >= b),
    "leu": lambda a, b: ~(a > b),
    "gtu": lambda a, b: ~(a <= b),
    "geu": lambda a, b: ~(a < b),
    # Floats only: both are numbers; either is NaN.
    "num": lambda a, b: (a == a) & (b == b),
    "nan": lambda a, b: (a != a) | (b != b),
}
"""Comparison name to a predicate on two arrays of the instruction's type. Ordered ones are false with a NaN operand."""
