"""Gradients add up: a backward pass that starts from gradients already there must leave their sum."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from oracle.compare import hexadecimal
from oracle.floats import is_float, limits, numbers
from oracle.inputs import Inputs, array_at
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.parameters import Parameter, arrays_of, leaves_of

ORACLE = "gradients add up"


def check_accumulation(
    parameters: tuple[Parameter, ...],
    inputs: Inputs,
    run: Callable[[Inputs], Observation],
    once: Observation,
    slack: Observation,
) -> Opinion:
    """Run forward and backward again, the gradients of what is only read being those that `once` observed.

    They must come out twice as large, but for the order in which a float sum is made: `slack` has its bounds.
    """
    start = time.process_time()
    opinion = _check(parameters, inputs, run, once, slack)
    return replace(opinion, seconds=time.process_time() - start)


def _check(
    parameters: tuple[Parameter, ...],
    inputs: Inputs,
    run: Callable[[Inputs], Observation],
    once: Observation,
    slack: Observation,
) -> Opinion:
    started = dict(inputs.gradients)
    accumulated: list[str] = []
    for path, array in arrays_of(parameters):
        if path in started or array.indexed:
            continue
        gradient = np.zeros_like(array_at(inputs, path))
        for leaf, part in leaves_of(path, array.element, gradient):
            if is_float(part.dtype) and f"{leaf}.grad" in once.values:
                part[...] = once.values[f"{leaf}.grad"]
                accumulated.append(f"{leaf}.grad")
        started[path] = gradient
    if not accumulated:
        return Opinion(ORACLE, Stance.NO_OPINION, "nothing that is only read has a gradient")
    twice = run(replace(inputs, gradients=started))
    for leaf in accumulated:
        off = _apart(once.values[leaf], twice.values[leaf], slack.order_slack.get(leaf))
        if off.any():
            index = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
            values = hexadecimal(once.values[leaf][index]), hexadecimal(twice.values[leaf][index])
            at = ", ".join(map(str, index))
            return Opinion(ORACLE, Stance.ACCUSES, f"{leaf}[{at}]: {values[0]}, and on top of that {values[1]}")
    return Opinion(ORACLE, Stance.AGREES, "a second backward pass adds the same again")


def _apart(once: np.ndarray, twice: np.ndarray, slack: np.ndarray | None) -> np.ndarray:
    """Mark the elements that are not twice what they were, sums of n floats erring as `oracle.backends` bounds them."""
    first, second = numbers(once).astype(np.float64), numbers(twice).astype(np.float64)
    with np.errstate(all="ignore"):
        # every partial sum of the second pass is offset by the first one's result, and rounded at that size
        rounding = 8 * limits(once.dtype).eps * np.abs(first) + limits(once.dtype).smallest_normal
        allowed = rounding if slack is None else rounding + 4 * slack
        judged = np.isfinite(first) & np.isfinite(2 * first) & np.isfinite(allowed)
        overflows = np.abs(first) > limits(once.dtype).max / 256  # so may a sum on the way to a smaller one
        return judged & ~overflows & ~(np.abs(second - 2 * first) <= allowed)
