"""Sums whose order is open: as exact as they get, moved under noise as far as any order of rounding may move them.

A sum of n terms, each rounded once, is off by at most n units of roundoff of the sum of their sizes, whatever the order
(Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 4.2). Where every partial sum fits the
significand there is nothing to round, and noise moves nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from oracle.reference.definitions.bounds import near
from oracle.reference.run import Run
from oracle.reference.scalars import ScalarType
from oracle.reference.tiles import plain, settled

_FINEST = 2.0**-10
"""Terms that are multiples of this are looked at for exactness."""


def total(run: Run, name: str, terms: np.ndarray, scalar: ScalarType, extra: float = 0.0) -> np.ndarray:
    """Return the sums over the first axis, in the scalar type's storage; `extra` is how many more roundings there are.

    `terms` have that dtype, or are wider numbers that stand for terms of the type.
    """
    if not scalar.is_float:
        return np.sum(terms, axis=0, dtype=terms.dtype)
    sums = settled(scalar, exact_sums(terms))
    roundings = (terms.shape[0] + 1 + extra) / 2.0
    sizes = np.asarray(np.sum(np.abs(terms), axis=0, dtype=np.float64))
    return moved(run, name, sums, scalar, roundings, sizes, exact(terms, scalar))


def exact_sums(terms: np.ndarray) -> np.ndarray:
    """Return the sums over the first axis, rounded once to float64; a sum without a value is NaN or infinite."""
    wide = terms.astype(np.float64)
    if not np.isfinite(wide).all():
        return wide.sum(axis=0)
    columns = wide.reshape(wide.shape[0], -1)
    return np.array([math.fsum(column) for column in columns.T]).reshape(wide.shape[1:])


def exact(terms: np.ndarray, scalar: ScalarType) -> np.ndarray:
    """Say of each sum over the first axis whether all its partial sums are numbers of the type."""
    units = np.abs(terms.astype(np.float64)) / _FINEST
    whole = np.isfinite(units) & (units == np.rint(units))
    return whole.all(axis=0) & (units.sum(axis=0) <= 2.0 ** (scalar.limits.nmant + 1))


def moved(
    run: Run,
    name: str,
    values: np.ndarray,
    scalar: ScalarType,
    ulps: float,
    magnitudes: np.ndarray,
    fixed: np.ndarray | bool = False,
) -> np.ndarray:
    """Return numbers with errors of up to `ulps` units in the last place of their magnitude, except fixed ones."""
    if run.noise is None or not scalar.is_float:
        return values
    result = values.copy()
    sizes, known = np.broadcast_to(magnitudes, values.shape), np.broadcast_to(fixed, values.shape)
    for place in np.ndindex(*values.shape):
        if known[place]:
            if not values[place]:
                result[place] = run.either(f"{name} of nothing", values[place], -values[place])
            continue
        value = scalar.make(values[place])
        result[place] = plain(near(run, f"{name} {place}", value, scalar, ulps, float(sizes[place])))
    return result


def products(a: Any, b: Any, scalar: ScalarType) -> np.ndarray:
    """Return products that are terms of a sum: of floats without rounding as far as that goes, of integers wrapped."""
    if not scalar.is_float:
        return np.asarray(a * b)
    wide = np.longdouble if scalar.bits == 64 or scalar.make is np.float64 else np.float64
    return np.asarray(np.asarray(a, wide) * np.asarray(b, wide))
