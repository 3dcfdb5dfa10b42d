"""Two derivatives along one direction, and what they may be apart: the arithmetic of the check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP = 2.0**-17
"""h, relative to the inputs: truncation (h^2) and float64's rounding (2^-53 / h) are both below 2^-33 of F."""

KINK = 2.0**-6
"""Most that an output's two one-sided differences may be apart, relative to the larger one, for it to be smooth."""

BEHIND = 0.5
"""How far the point behind lies, in steps: not as far as the one ahead, so that a jump between them shows."""

LARGEST = 2.0**24
"""Gradients beyond are left out: a float32 that they come from has lost what was added to it."""

Leaves = dict[str, np.ndarray]
"""Numbers in float64 by leaf: inputs, outputs, seeds, gradients, or a step into the inputs."""


@dataclass(frozen=True)
class Slope:
    """One directional derivative: by the adjoint, by differences, and what they may be apart. `step` is h d."""

    adjoint: float
    differences: float
    allowed: float
    step: Leaves
    seeds: Leaves
    gradient: Leaves

    @property
    def agrees(self) -> bool:
        """Whether both derivatives are as near to each other as they must be."""
        return self.excess <= 0.0

    @property
    def excess(self) -> float:
        """How much further both are apart than allowed."""
        return abs(self.adjoint - self.differences) - self.allowed

    @property
    def numbers(self) -> str:
        """Both derivatives, along a unit step if the step goes into one input only."""
        steps = [float(one[one != 0][0]) for one in self.step.values() if np.count_nonzero(one) == 1]
        unit = steps[0] if sum(np.count_nonzero(one) for one in self.step.values()) == 1 else STEP
        adjoint, differences = self.adjoint / unit, self.differences / unit
        return (
            f"the adjoint gives {adjoint:.6g}, central differences {differences:.6g} +- {abs(self.allowed / unit):.1g}"
        )


def random_step(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a step that moves every element by about STEP of its size, up or down; none for what is no number."""
    size = np.where(np.isfinite(values), np.maximum(np.abs(values), 0.125), 0.0)
    return np.asarray(STEP * size * rng.choice([-1.0, 1.0], values.shape))


def balanced(step: Leaves, gradient: Leaves, rng: np.random.Generator) -> Leaves:
    """Shorten a step where the gradient is large, so that every input counts about alike, but no two cancel out.

    Inputs whose gradient is no number, or too large, are left out.
    """
    with np.errstate(all="ignore"):
        terms = {leaf: np.abs(gradient[leaf] * one) for leaf, one in step.items()}
    every = np.concatenate([one.ravel() for one in terms.values()])
    counting = every[np.isfinite(every) & (every > 0)]
    typical = float(np.median(counting)) if counting.size else 0.0
    balanced = {}
    for leaf, one in step.items():
        with np.errstate(all="ignore"):
            weight = np.where(terms[leaf] > typical, typical / terms[leaf], 1.0)
        judged = np.isfinite(terms[leaf]) & (np.abs(gradient[leaf]) < LARGEST)
        balanced[leaf] = np.where(judged, one * weight * rng.uniform(0.5, 1.0, one.shape), 0.0)
    return balanced


def changes(ahead: np.ndarray, centre: np.ndarray, behind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what outputs change per step, forwards and backwards."""
    return ahead - centre, (centre - behind) / BEHIND


def is_smooth(ahead: np.ndarray, centre: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Mark the outputs that change alike to both sides, by more than the rounding of float64 that hides it."""
    with np.errstate(all="ignore"):
        forwards, backwards = changes(ahead, centre, behind)
        larger = np.maximum(np.abs(forwards), np.abs(backwards))
        rounding = 2.0**-48 * np.abs(centre)
        told = rounding <= np.maximum(2.0**-12 * larger, 2.0**-40)
        return told & np.isfinite(larger) & (np.abs(forwards - backwards) <= KINK * larger + rounding)


def product(gradient: Leaves, step: Leaves) -> float:
    """Return the derivative along a step that a gradient means; where there is no step it may be no number."""
    return float(sum(np.sum(gradient[leaf][one != 0] * one[one != 0]) for leaf, one in step.items()))


def slope_along(
    step: Leaves, seeds: Leaves, gradient: Leaves, centre: Leaves, ahead: Leaves, behind: Leaves, tolerance: float
) -> Slope:
    """Return both derivatives: by the gradient, and by the outputs at the centre, a step ahead and a step behind.

    They may be apart by `tolerance` times the absolute values of everything that is summed, and by what the derivative
    changes over the step, and by the rounding of float64.
    """
    differences = size = curvature = rounding = 0.0
    for leaf, seed in seeds.items():
        where = seed != 0
        forwards, backwards = changes(ahead[leaf][where], centre[leaf][where], behind[leaf][where])
        change = seed[where] * (BEHIND * forwards + backwards) / (1 + BEHIND)  # exact for parabolas
        bend = seed[where] * (forwards - backwards)
        differences += float(np.sum(change))
        size += float(np.sum(np.abs(change)))
        curvature += float(np.sum(np.abs(bend)))
        rounding += float(np.sum(np.abs(seed[where] * centre[leaf][where]))) * 2.0**-48
    terms = {leaf: gradient[leaf][one != 0] * one[one != 0] for leaf, one in step.items()}
    size += float(sum(np.sum(np.abs(one)) for one in terms.values()))
    return Slope(
        adjoint=float(sum(np.sum(one) for one in terms.values())),
        differences=differences,
        allowed=tolerance * size + 4 * curvature + rounding,
        step=step,
        seeds=seeds,
        gradient=gradient,
    )
