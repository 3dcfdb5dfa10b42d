"""Do two observations agree to the bit, and if not, where and by how much?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.floats import is_float, numbers
from oracle.observation import Observation
from oracle.ulp import ulp_distance

Place = tuple[str, tuple[int, ...]]
"""One element of an observation: its leaf's name and its index there."""


@dataclass(frozen=True)
class Difference:
    """The first element of a leaf that differs: its index in the leaf, and the bits of both values in hex."""

    index: tuple[int, ...]
    cpu: str
    cuda: str


@dataclass(frozen=True)
class Leaf:
    """The comparison of one leaf.

    `worst` is the largest distance of two elements, in ULPs for floats (infinite if only one is NaN) and as an
    absolute difference for integers and booleans. `mask` marks the differing elements, in the leaf's shape.
    """

    name: str
    dtype: np.dtype
    elements: int
    differing: int
    worst: float
    mask: np.ndarray
    first: Difference | None = None

    @property
    def unit(self) -> str:
        """What `worst` counts."""
        return "ULP" if is_float(self.dtype) else "difference"

    def describe(self) -> str:
        """Say in one line what differs."""
        if self.first is None:
            return f"{self.name}: equal"
        at = ", ".join(str(i) for i in self.first.index)
        return (
            f"{self.name}[{at}]: cpu {self.first.cpu}, cuda {self.first.cuda}; {self.differing} of {self.elements} "
            f"elements differ, worst {self.worst:g} {self.unit}"
        )


@dataclass(frozen=True)
class Comparison:
    """One `Leaf` per leaf of the observations, in the cpu's order."""

    leaves: tuple[Leaf, ...]

    @property
    def equal(self) -> bool:
        """Whether every leaf agrees to the bit."""
        return not self.differing

    @property
    def differing(self) -> tuple[Leaf, ...]:
        """The leaves that do not."""
        return tuple(leaf for leaf in self.leaves if leaf.differing)

    def to_json(self) -> dict[str, Any]:
        """Return per leaf the worst distance, for a record's metadata; infinite ones as the string `inf`."""
        return {leaf.name: leaf.worst if np.isfinite(leaf.worst) else "inf" for leaf in self.leaves}


def compare(cpu: Observation, cuda: Observation) -> Comparison:
    """Compare every leaf to the bit, NaN being equal to NaN and -0 different from 0.

    Raises ValueError when the observations do not have the same leaves, shapes and dtypes: a fault of a back end.
    """
    _check_same_leaves(cpu.values, cuda.values)
    return Comparison(tuple(_leaf(name, cpu.values[name], cuda.values[name]) for name in cpu.values))


def _check_same_leaves(cpu: Mapping[str, np.ndarray], cuda: Mapping[str, np.ndarray]) -> None:
    if cpu.keys() != cuda.keys():
        raise ValueError(f"the back ends returned different leaves: {sorted(cpu)} and {sorted(cuda)}")
    for name, values in cpu.items():
        if (values.shape, values.dtype) != (cuda[name].shape, cuda[name].dtype):
            raise ValueError(
                f"the back ends returned {name} as {values.shape} {values.dtype} "
                f"and {cuda[name].shape} {cuda[name].dtype}"
            )


def _leaf(name: str, cpu: np.ndarray, cuda: np.ndarray) -> Leaf:
    mask = differs(cpu, cuda)
    count = int(np.count_nonzero(mask))
    if not count:
        return Leaf(name, cpu.dtype, cpu.size, 0, 0.0, mask)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), cpu.shape))
    first = Difference(index, hexadecimal(cpu[index]), hexadecimal(cuda[index]))
    return Leaf(name, cpu.dtype, cpu.size, count, float(np.max(distance(cpu, cuda))), mask, first)


def differs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mark the elements whose bits differ, unless both are NaN."""
    unsigned = f"u{a.dtype.itemsize}"
    mask = np.ascontiguousarray(a).view(unsigned) != np.ascontiguousarray(b).view(unsigned)
    return mask & ~(np.isnan(numbers(a)) & np.isnan(numbers(b))) if is_float(a.dtype) else mask


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return element by element the distance that `Leaf.worst` is the largest of, as float64."""
    if is_float(a.dtype):
        return ulp_distance(a, b)
    return np.abs(a.astype(object) - b.astype(object)).astype(np.float64)


def hexadecimal(value: Any) -> str:
    """Show a scalar's bits and its value: `0x3f800000 (1.0)`."""
    array = np.asarray(value)
    return f"0x{array.tobytes()[::-1].hex()} ({numbers(array)})"
