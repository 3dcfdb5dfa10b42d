"""Random numbers to the bit: the generator is the hash that Warp's documentation names.

"PCG" of Jarzynski and Olano, "Hash Functions for GPU Rendering", Journal of Computer Graphics Techniques 9 (3), 2020.
`rand_init(seed, offset)` is said to hash "the seed and offset with two nested calls"; that the offset is hashed first
follows from the numbers that the user's guide prints for seeds 42, 123 and 124 (section "Random Number Generation").

A function that moves the generator on returns a pair: the sample, and the generator's next state. The translation puts
the state back into the variable that it came from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.run import Run
from oracle.reference.scalars import Undefined

_MASK = 0xFFFFFFFF


def hashed(state: int) -> int:
    """Return the PCG hash of a 32-bit integer: a step of a congruential generator, and its output permutation."""
    step = (state * 747796405 + 2891336453) & _MASK
    word = (((step >> ((step >> 28) + 4)) ^ step) * 277803737) & _MASK
    return (word >> 22) ^ word


def rand_init(run: Run, seed: Any, offset: Any = None) -> Any:
    """Return the generator's first state."""
    start = int(seed) if offset is None else int(seed) + hashed(int(offset) & _MASK)
    return np.uint32(hashed(start & _MASK))


def _advanced(state: Any) -> int:
    return hashed(int(state))


def randi(run: Run, state: Any, low: Any = None, high: Any = None) -> tuple[Any, Any]:
    """Draw an int32: all 32 bits, or reduced modulo the extent of a range."""
    drawn = _advanced(state)
    return run.scalars["int32"](drawn if low is None else _reduced(drawn, low, high)), np.uint32(drawn)


def randu(run: Run, state: Any, low: Any = None, high: Any = None) -> tuple[Any, Any]:
    """Draw a uint32: all 32 bits, or reduced modulo the extent of a range."""
    drawn = _advanced(state)
    return np.uint32(drawn if low is None else _reduced(drawn, low, high)), np.uint32(drawn)


def _reduced(drawn: int, low: Any, high: Any) -> int:
    if high <= low:
        raise Undefined("a random number of an empty range")
    return drawn % (int(high) - int(low)) + int(low)


def randf(run: Run, state: Any, low: Any = None, high: Any = None) -> tuple[Any, Any]:
    """Draw a multiple of 2^-24 below 1, from the upper bits; of a range it is `low + (high - low) * randf(state)`."""
    drawn = _advanced(state)
    unit = run.scalars["float32"]((drawn >> 8) / 2**24)
    return unit if low is None else low + (high - low) * unit, np.uint32(drawn)


def randn(run: Run, state: Any) -> tuple[Any, Any]:
    """Draw a normal number from two uniform ones: the first that the Box-Muller transform gives.

    A uniform number stands for the 2^-24 above it, of which the logarithm of zero needs more than the lower end; which
    part is taken is not documented. The bound holds the rounding of the angle, which moves the cosine by up to six
    units in the last place of 1.
    """
    first, state = randf(run, state)
    second, state = randf(run, state)
    ends = [float(first) + 2**-24, float(first)] if first else [2**-24]
    radius = math.sqrt(-2.0 * math.log(run.either("randn", *ends)))
    value = radius * math.cos(2.0 * math.pi * float(second))
    return run.rounded("randn", value, run.scalars["float32"], 8.0, radius), state


def sample_cdf(run: Run, state: Any, cdf: Any) -> tuple[Any, Any]:
    """Draw the index of the first entry that is not below a uniform number."""
    unit, state = randf(run, state)
    entries = [cdf[place] for place in range(len(cdf))]
    if entries[-1] != 1 or any(not first <= second for first, second in pairwise(entries)):
        raise Undefined("the entries of sample_cdf do not rise to 1")
    return np.int32(next(place for place, entry in enumerate(entries) if entry >= unit)), state


def centered(length: int) -> Callable[..., Any]:
    """Return the sampling of a point of a square or a cube around the origin: a uniform number for each axis."""

    def define(run: Run, state: Any) -> tuple[Any, Any]:
        scalar = run.scalars["float32"]
        items = []
        for _ in range(length):
            unit, state = randf(run, state)
            items.append(unit - scalar(0.5))
        return run.vector(length, scalar).of(items), state

    return define


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "rand_init": rand_init,
        "randi": randi,
        "randu": randu,
        "randf": randf,
        "randn": randn,
        "sample_cdf": sample_cdf,
        "sample_unit_square": centered(2),
        "sample_unit_cube": centered(3),
    }
)
