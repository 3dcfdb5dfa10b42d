"""The language of `--param`, which says what a parameter of a PTX kernel is given.

auto                        what can be guessed, as without the option
3, -1.5, 0x10, nan          a number, stored as the type that the PTX declares
f32[64], f32x3[8,8]         an array of random values; x3: its elements have three components
i32[4]=1,2,3,4, f32[64]=0   the same with values; a single one fills the array
@points.npy                 the array in a file
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from grammar.errors import UserError

Array = np.ndarray[Any, Any]

DTYPES = {
    **{f"{kind}{8 * size}": np.dtype(f"{numpy}{size}") for kind, numpy in ("ii", "si", "uu") for size in (1, 2, 4, 8)},
    **{f"f{8 * size}": np.dtype(f"f{size}") for size in (2, 4, 8)},
}
"""Type names of `--param`; `s32` is PTX's name for `i32`."""

MAX_ELEMENTS = 1 << 26

_ARRAY = re.compile(r"(?P<type>[a-z]\d+)(?:x(?P<components>\d+))?\[(?P<shape>\d+(?:,\d+){0,3})\](?:=(?P<values>.+))?$")


@dataclass(frozen=True)
class ArraySpec:
    """An array of `shape`, each element `components` numbers of `dtype`; random values if `values` is None."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    components: int = 1
    values: Array | None = None


Spec = ArraySpec | str | None
"""An array, a number as text, or None for `auto`."""


def parse_spec(text: str) -> Spec:
    """Read one `--param`; raises UserError."""
    if text == "auto":
        return None
    if text.startswith("@"):
        return _from_file(text[1:])
    match = _ARRAY.match(text)
    if match is None:
        number(text, DTYPES["f64"])
        return text
    if match["type"] not in DTYPES:
        raise UserError(f"--param {text}: no type {match['type']} ({', '.join(DTYPES)})")
    dtype, shape = DTYPES[match["type"]], tuple(int(extent) for extent in match["shape"].split(","))
    components = int(match["components"] or 1)
    if not 0 < components * math.prod(shape) <= MAX_ELEMENTS:
        raise UserError(f"--param {text}: an array of 1 to {MAX_ELEMENTS} numbers")
    return ArraySpec(dtype, shape, components, _values(text, match["values"], dtype, (*shape, components)))


def number(text: str, dtype: np.dtype[Any]) -> Array:
    """A number as an array of one element; raises UserError if it is none, or none of `dtype`."""
    try:
        if dtype.kind == "f":
            with np.errstate(over="ignore"):
                return np.array([float(text) if "x" not in text else int(text, 0)]).astype(dtype)
        value = int(text, 0)
    except ValueError:
        raise UserError(f"--param: {text!r} is no {dtype} (see python -m oracle emulate --help)") from None
    if not -(1 << 8 * dtype.itemsize - 1) <= value < 1 << 8 * dtype.itemsize:
        raise UserError(f"--param: {text} does not fit {dtype}")
    return np.array([value % (1 << 8 * dtype.itemsize)], f"u{dtype.itemsize}").view(dtype)


def _values(text: str, values: str | None, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array | None:
    if values is None:
        return None
    parts = [number(part.strip(), dtype) for part in values.split(",")]
    if len(parts) == 1:
        return np.full(shape, parts[0])
    if len(parts) != math.prod(shape):
        raise UserError(f"--param {text}: {len(parts)} values for {math.prod(shape)}")
    return np.concatenate(parts).reshape(shape)


def _from_file(path: str) -> ArraySpec:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"--param @{path}: {error}") from None
    if not isinstance(values, np.ndarray) or values.dtype not in DTYPES.values() or not 1 <= values.ndim <= 4:
        raise UserError(f"--param @{path}: no array of numbers with 1 to 4 dimensions")
    return ArraySpec(values.dtype, values.shape, 1, np.ascontiguousarray(values)[..., None])
