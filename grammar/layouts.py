"""How the arrays of ordinary kernels lie in memory: mostly contiguous, some otherwise, a few seen through indices."""

from __future__ import annotations

from dataclasses import replace

from grammar.choices import chance, pick
from grammar.scope import ArrayParameter, Frame
from grammar.types import Struct

INDEXED, OTHERWISE, PADDED = 1, 10, 2
"""Of 100 arrays, how many are indexed, how many lie otherwise, and how many have four axes, short ones at the end."""


SWITCHABLE = ("indexed", "otherwise", "four axes")
"""What a swarm may switch off."""


def lay_out(frame: Frame, array: ArrayParameter, indexable: bool = True) -> ArrayParameter:
    """Choose an array's layout; `indexable` says that everything done with it may be done to an indexed array.

    Structs in indexed arrays alone are never declared (`indexed-array-of-structs` in the findings).
    """
    swarm = frame.unit.swarm
    indexed, otherwise = swarm.percent("layout:indexed", INDEXED), swarm.percent("layout:otherwise", OTHERWISE)
    if indexable and not isinstance(array.type.dtype, Struct) and chance(frame.choices, indexed):
        array.type = replace(array.type, indexed=True)
        array.layout = "indexed"
    elif chance(frame.choices, otherwise):
        array.layout = pick(frame.choices, ("strided", "sliced", "transposed") if array.type.ndim > 1 else _FLAT)
    if array.layout:
        frame.unit.note(f"layout:{array.layout}")
    return array


_FLAT = ("strided", "sliced")


def padded(frame: Frame, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape of four axes for a few arrays, else the shape as it is."""
    if len(shape) == 4 or not chance(frame.choices, frame.unit.swarm.percent("layout:four axes", PADDED)):
        return shape
    return (*shape, *(frame.choices.integer(1, 3) for _ in range(4 - len(shape))))
