"""What NumPy knows of its float dtypes, and the same of bfloat16, which NumPy lacks.

A bfloat16 is kept as its bits, in the structured dtype `BFLOAT16`, whose one field tells it from other two-byte numbers
wherever an array goes: through views, copies, stacks and pickles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BFLOAT16 = np.dtype([("bfloat16", np.uint16)])
"""One sign bit, eight bits of exponent and seven of significand: the upper half of a float32."""


@dataclass(frozen=True)
class Limits:
    """The numbers that bound a float dtype; `nmant` counts the significand's bits without the leading one."""

    nmant: int
    eps: float
    max: float
    smallest_normal: float
    smallest_subnormal: float


def is_float(dtype: np.dtype) -> bool:
    """Whether values of the dtype are floating-point numbers, which carry gradients."""
    return dtype.kind == "f" or dtype == BFLOAT16


def limits(dtype: np.dtype) -> Limits:
    """Return the limits of a float dtype."""
    if dtype == BFLOAT16:
        smallest = 2.0**-126
        return Limits(7, 2.0**-7, (2.0 - 2.0**-7) * 2.0**127, smallest, smallest * 2.0**-7)
    known = np.finfo(dtype)
    bounds = (known.eps, known.max, known.smallest_normal, known.smallest_subnormal)
    return Limits(int(known.nmant), *(float(bound) for bound in bounds))


def numbers(values: np.ndarray) -> np.ndarray:
    """Return values that NumPy can compute with: bfloat16 as float32, which holds all of them, others as they are."""
    if values.dtype != BFLOAT16:
        return values
    return (values["bfloat16"].astype(np.uint32) << np.uint32(16)).view(np.float32)


def rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return numbers in a float dtype; those that a float32 holds are rounded to bfloat16 once, ties to even."""
    if dtype != BFLOAT16:
        return values.astype(dtype)
    single = np.ascontiguousarray(values, np.float32)
    bits = single.view(np.uint32)
    upper = (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)
    return np.where(np.isnan(single), np.uint32(0x7FC0), upper).astype(np.uint16).view(BFLOAT16)


def name(dtype: np.dtype) -> str:
    """Return the dtype's name as Warp has it."""
    return "bfloat16" if dtype == BFLOAT16 else str(dtype)
