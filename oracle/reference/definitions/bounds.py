"""How far a result of several roundings may be from ours, and what noise does to a result that is open altogether.

Without noise all of these return the value that they are given. With noise, results move within the rounding that any
sensible order of evaluation has (`near`, `bounded`). Where the documentation leaves a result open, we return what
mathematicians would mostly mean by it; if the rounding of that does not explain a target's results, seeds from
`FIRST_OPEN` on move it to any number and to NaN (`undetermined`), which makes whatever depends on it unstable.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from typing import Any

from oracle.reference.run import Run
from oracle.reference.scalars import ScalarType

FIRST_OPEN = 5
"""The first seed of noise that moves what the documentation leaves open: the first round is about rounding alone."""


def moves_open(run: Run) -> bool:
    """Whether the noise moves what the documentation leaves open."""
    return run.noise is not None and run.noise >= FIRST_OPEN


def draw(run: Run, name: str, *values: float) -> float:
    """Return a number from [-1, 1) that depends on the noise's seed, a name and values only."""
    mixed = zlib.crc32(f"{run.noise} {name} {' '.join(map(repr, values))}".encode())
    # neighbouring texts have checksums that differ in few bits: spread them (Knuth's multiplicative hash)
    return (mixed * 2654435761 % 2**32) / 2**31 - 1.0


def near(run: Run, name: str, value: Any, scalar: ScalarType, ulps: float, magnitude: float) -> Any:
    """Return a result whose errors are up to `ulps` units in the last place of `magnitude`.

    Where sums of that magnitude may overflow in one order of evaluation and not in another, the result is open.
    """
    if run.noise is None or not scalar.is_float:
        return value
    if abs(magnitude) > scalar.limits.max / 2 and math.isfinite(magnitude):
        return undetermined(run, name, value, scalar)
    return run.rounded(name, value, scalar, ulps, abs(magnitude))


def bounded(
    run: Run, name: str, value: Any, scalar: ScalarType, ulps: float, products: Iterable[tuple[Any, ...]]
) -> Any:
    """Return a sum of products, given the factors of each: its errors are relative to the sum of their sizes."""
    if run.noise is None or not scalar.is_float:
        return value
    magnitude = 0.0
    for factors in products:
        size = 1.0
        for factor in factors:
            size *= abs(float(factor))
        magnitude += size
    return near(run, name, value, scalar, ulps, magnitude)


def undetermined(run: Run, name: str, value: Any, scalar: ScalarType) -> Any:
    """Return what the documentation leaves open: the value itself, or in the end a NaN or any number of its size."""
    if run.noise is None or not scalar.is_float:
        return value
    if not moves_open(run):
        return run.rounded(name, value, scalar, 4.0)
    if run.noise % 2:
        return scalar(math.nan)
    number = float(value)
    # where one formula overflows another need not, and may come out anywhere
    anywhere = 1.0 if run.noise % 4 else float(scalar.limits.max)
    size = abs(number) + 1.0 if math.isfinite(number) else anywhere
    return scalar(8.0 * size * draw(run, name, number))


def root(scalar: ScalarType, value: Any) -> Any:
    """Return a square root; it is rounded once more, which for a root in float64 is as if it were once."""
    number = float(value)
    return scalar(math.sqrt(number) if number >= 0.0 else math.nan)


def finite(*groups: Iterable[Any]) -> bool:
    """Whether all numbers are finite."""
    return all(math.isfinite(float(item)) for group in groups for item in group)
