"""Inputs become plain: all numbers of an array 0 or 1, then whole ones, then each for itself, within their ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from oracle.reduce.steps.step import Step, Subject, is_gradient, under, values_of, with_arguments
from oracle.rerun import Case

SINGLES = 16
"""So many numbers of one array are simplified one by one."""

PLAINEST = (0.0, 1.0, 2.0, 3.0, 4.0)

UNTOUCHED = frozenset({"cdf", "lower", "upper", "definite"})
"""Fills whose numbers depend on each other."""


def steps(subject: Subject) -> Iterator[Step]:
    """Yield the steps for each part of each parameter, all of it at once before one number after another."""
    case = subject.case
    values = values_of(case)
    for leaf, part in sorted(values.items()):
        for what, change in _changes(part):
            yield Step(f"{leaf}: {what}", partial(_changed, leaf=leaf, change=change))
    for leaf, part in sorted(values.items()):
        if part.size > 1:
            for place in range(min(part.size, SINGLES)):
                for what, change in _changes(part.ravel()[place : place + 1]):
                    yield Step(f"{leaf}[{place}]: {what}", partial(_changed, leaf=leaf, change=change, place=place))


Change = Callable[[np.ndarray], np.ndarray]


def _changes(part: np.ndarray) -> Iterator[tuple[str, Change]]:
    """Yield what may be done to numbers, the plainest first."""
    for number in PLAINEST:
        yield f"{number:g}", partial(_filled, number=number)
    if part.dtype.kind == "f":
        yield "0.5", partial(_filled, number=0.5)
        yield "whole", partial(_rounded, decimals=0)
        yield "tenths", partial(_rounded, decimals=1)
        for digits in (1, 2, 4):
            yield f"{digits} digits", partial(_short, digits=digits)
    if part.dtype.kind in "if":
        yield "-1", partial(_filled, number=-1.0)
        yield "positive", _positive
    if part.dtype.kind in "iu":
        yield "half", _half


def _filled(part: np.ndarray, number: float) -> np.ndarray:
    return np.full_like(part, number)


def _rounded(part: np.ndarray, decimals: int) -> np.ndarray:
    return np.asarray(np.round(part, decimals))


def _positive(part: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(part))


def _half(part: np.ndarray) -> np.ndarray:
    return np.asarray(part // part.dtype.type(2))


def _short(part: np.ndarray, digits: int) -> np.ndarray:
    """Return numbers with a few significant digits."""
    flat = [float(f"{one:.{digits}g}") for one in part.ravel().tolist()]
    return np.array(flat, part.dtype).reshape(part.shape)


def _changed(case: Case, leaf: str, change: Change, place: int | None = None) -> Case | None:
    """Return a case with other numbers in a leaf, or at one place in it; None where they break the argument's rules."""
    values = values_of(case)
    old = values.get(leaf)
    if old is None:
        return None
    with np.errstate(all="ignore"):
        if place is None:
            new = np.asarray(change(old))
        elif place < old.size:
            new = old.copy()
            new.reshape(-1)[place] = change(old.ravel()[place : place + 1])[0]
        else:
            return None
    if np.array_equal(new, old, equal_nan=new.dtype.kind == "f") or not _allowed(case, leaf, new):
        return None
    return with_arguments(case, case.arguments or (), values | {leaf: new.astype(old.dtype)})


def _allowed(case: Case, leaf: str, numbers: np.ndarray) -> bool:
    """Whether the argument that a leaf belongs to may hold these numbers."""
    if is_gradient(leaf):
        return True
    argument = _argument_for(case, leaf)
    if argument is None:
        return True
    fill = argument.get("fill", "")
    if fill in UNTOUCHED:
        return False
    if fill == "sorted" and (np.diff(numbers, axis=-1) < 0).any():
        return False
    if fill in ("unit", "point") and (np.abs(numbers) > (1.0 if fill == "unit" else 2.0)).any():
        return False
    bounds = argument["ranges"].get(leaf.removeprefix(str(argument["name"])).lstrip("."))
    return bounds is None or bool(((numbers >= bounds[0]) & (numbers <= bounds[1])).all())


def _argument_for(case: Case, leaf: str) -> Mapping[str, Any] | None:
    """Return the argument with the longest name that begins a leaf."""
    found = [one for one in case.arguments or () if under(str(one["name"]), leaf)]
    return max(found, key=lambda one: len(str(one["name"])), default=None)
