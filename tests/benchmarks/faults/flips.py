"""Faults of what was observed: one bit of one element is another."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from extractor.compiling import Compiled
from oracle.floats import is_float
from oracle.inputs import Inputs
from oracle.judge import Backend
from oracle.observation import Observation

BITS: Mapping[str, Callable[[int, bool], int]] = {
    "last bit": lambda bits, is_float: 0,
    "middle bit": lambda bits, is_float: {16: 6, 32: 12, 64: 30}.get(bits, bits // 2) if is_float else bits // 2,
    "top bit": lambda bits, is_float: bits - 1,
}
"""Which bit of an element of so many bits a fault of an observation flips."""


@dataclass(frozen=True)
class Flip:
    """One bit of one element of a leaf; `position` counts the elements in the leaf's flat order."""

    leaf: str
    position: int
    bit: int

    def apply(self, observed: Observation) -> Observation:
        """Return the observation with the bit flipped."""
        values = np.ascontiguousarray(observed.values[self.leaf]).copy()
        flat = values.view(f"u{values.dtype.itemsize}").reshape(-1)
        flat[self.position] ^= flat.dtype.type(1 << self.bit)
        return replace(observed, values={**observed.values, self.leaf: values})

    def describe(self, observed: Observation) -> str:
        """Say which bit of what."""
        return f"bit {self.bit} of {self.leaf}[{self.position}], {observed.values[self.leaf].dtype}"


@dataclass(frozen=True)
class Tampered:
    """A back end with one bit of what it observes flipped."""

    backend: Backend
    flip: Flip

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        """Launch as the back end does."""
        return self.flip.apply(self.backend.run(compiled, dims, inputs, backward))


def choose_bit(observed: Observation, kinds: Sequence[str], rng: random.Random) -> tuple[str, Flip] | None:
    """Return a kind of bit and one such bit of an observation, or None where there is nothing to choose from."""
    names = [name for name in BITS if not kinds or name in kinds]
    leaves = [name for name, values in observed.values.items() if values.size]
    if not names or not leaves:
        return None
    name, leaf = rng.choice(names), rng.choice(leaves)
    values = observed.values[leaf]
    bit = 0 if values.dtype == np.bool_ else BITS[name](8 * values.dtype.itemsize, is_float(values.dtype))
    return name, Flip(leaf, rng.randrange(values.size), bit)
