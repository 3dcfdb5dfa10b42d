"""What is simpler: the order in which a minimisation goes downhill, so that it ends, and ends alike for like kernels.

Fewer tokens come first; then plainer types and literals, a smaller launch, plainer inputs.
"""

from __future__ import annotations

import io
import math
import re
import tokenize
from functools import lru_cache

import numpy as np

from oracle.rerun import Case

Cost = tuple[float, ...]

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
_NO_TOKENS = _LAYOUT | {tokenize.ENDMARKER}

SUFFIXES = {"": 0, "f": 0, "d": 1, "h": 2, "i": 2, "l": 3, "ui": 3, "ul": 4, "s": 4, "us": 5, "b": 5, "ub": 6, "bf": 7}
"""How far a compound type's scalar is from the plainest, by the last letters of its name."""

_SCALARS = (
    "float int bool float32 int32",
    "float64 uint32",
    "float16 int64",
    "uint64",
    "int16",
    "uint16",
    "int8 uint8",
)
SCALAR_WEIGHTS = {"bfloat16": 8} | {name: weight for weight, names in enumerate(_SCALARS) for name in names.split()}
"""How far a scalar type is from the plainest."""

_COMPOUND = re.compile(r"(vec|mat|quat|transform|spatial_vector|spatial_matrix)(\d*)([a-z]*)")
_FAMILY_WEIGHTS = {"vec": 10, "mat": 30, "quat": 40, "transform": 50, "spatial_vector": 60, "spatial_matrix": 99}


def cost(case: Case) -> Cost:
    """Return what orders cases: the smaller the simpler, compared part by part."""
    tokens, weight = _of_source(case.source)
    dims = case.dims or ()
    elements = sum(math.prod(one["shape"]) for one in case.arguments or ())
    given = case.given.values.values() if case.given is not None else ()
    values = sum(float(sum(map(weight_of_number, part.ravel().tolist()))) for part in given)
    options = case.options
    compiled = options.backward * 4 + len(options.targets) + (options.block_dim if options.tiled else 0)
    return tokens, weight, compiled, math.prod(dims), len(dims), elements, values


def count_tokens(source: str) -> int:
    """Count the Python tokens of a source but for comments, line ends and indentation."""
    return len(_tokens(source))


@lru_cache(maxsize=4096)
def _of_source(source: str) -> tuple[int, float]:
    found = _tokens(source)
    return len(found), sum(map(_weight, found))


def _tokens(source: str) -> list[tokenize.TokenInfo]:
    found = tokenize.generate_tokens(io.StringIO(source).readline)
    return [one for one in found if one.type not in _NO_TOKENS]


def _weight(token: tokenize.TokenInfo) -> float:
    """Return how far a type or a number is from the plainest, 0 for other tokens but those that add to a variable."""
    if token.type == tokenize.NUMBER:
        try:
            return weight_of_number(float(token.string) if re.search(r"[.e]", token.string) else int(token.string, 0))
        except ValueError:
            return float(len(token.string))
    if token.type == tokenize.NAME:
        return type_weight(token.string)
    return 1.0 if token.type == tokenize.OP and token.string.endswith("=") and token.string[0] in "+-*/%&|^" else 0.0


def type_weight(name: str) -> float:
    """Return how far a type of Warp's is from the plainest, by its name; 0 for other names."""
    if name in SCALAR_WEIGHTS:
        return SCALAR_WEIGHTS[name]
    match = _COMPOUND.fullmatch(name)
    if match is None or match[3] not in SUFFIXES:
        return 0.0
    size = math.prod(map(int, match[2])) if match[2] else 0
    return _FAMILY_WEIGHTS[match[1]] + size + SUFFIXES[match[3]]


def weight_of_number(value: float | int | bool) -> float:
    """Return how far a number is from the plainest: 0, 1, 2, whole ones, short ones, others, no numbers."""
    if isinstance(value, bool) or value in (0, 1, 2):
        negative_zero = value == 0 and math.copysign(1.0, value) < 0
        return 40.0 if negative_zero else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return 50.0
    sign = float(value < 0)
    if value == int(value):
        return 2.0 + int(abs(value)).bit_length() + sign
    return 5.0 + len(shortest(value)) + sign


def shortest(value: float) -> str:
    """Return the fewest digits that stand for a float32, or for a float64 that is none."""
    single = np.float32(value)
    return repr(single.item()) if float(single) != value else str(single)
