"""Gradients checked against mathematics: what a kernel's adjoint says, against central differences of the reference.

A launch leaves outputs F(x); its backward pass turns gradients of a loss with respect to the outputs, the *seeds* s,
into those with respect to the inputs, g. Along any direction d of the inputs g . d must be s . dF/dd, and the latter
comes from the reference, evaluated in float64 at x, x + h d and x - h d / 2. Outputs that are not smooth there (a kink,
a branch, what is no number) get the seed zero and so are left out, as are directions into inputs whose gradient is no
finite number.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from oracle.floats import numbers
from oracle.gradients.launch import MOVES, Launch, moved, neighbour, tamed
from oracle.gradients.slopes import BEHIND, Leaves, Slope, balanced, is_smooth, product, random_step, slope_along
from oracle.inputs import Inputs
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.reference.launch import NO_OPINION
from oracle.reference.opinion import describe

ORACLE = "gradient"

FAITHFUL = 2.0**-9
"""Most that an output may lie from its float64 value, relative to it: beyond, rounding has spoilt it already."""

TOLERANCE = 2.0**-12
"""Most that g . d may be off, relative to the sum of its terms' absolute values: rounding errors of float32 times 2^12.

A wrong rule of differentiation changes a term by its own size, and thousands of equal weight may be added up. Where a
kernel magnifies its rounding further than that, the adjoint's neighbours show it."""

SHORTER = (0.375, 2.0**-5, 2.0**-8)
LONGER = (2.0**10, 2.0**20, 2.0**30, 2.0**40)
"""Further steps, relative to the usual one, that an accusation is tried with; long ones where nothing changed."""

OWN_STEPS = (2.0**-5, 2.0**-8, 2.0**-11)
"""Steps, relative to the input, over which the target's own results are compared with both derivatives."""

NEIGHBOURS = 4
"""How often the adjoint is evaluated again at each of `MOVES` away, before it is accused."""


def check_gradients(launch: Launch, rng: np.random.Generator, directions: int = 2) -> Opinion:
    """Check the backward pass along some random directions; `rng` draws them."""
    start = time.process_time()
    launch = replace(launch, inputs=tamed(launch.program.parameters, launch.inputs, rng))
    try:
        opinion = _check(launch, rng, directions)
    except NO_OPINION as error:
        opinion = Opinion(ORACLE, Stance.NO_OPINION, describe(error))
    return replace(opinion, seconds=time.process_time() - start)


def _check(launch: Launch, rng: np.random.Generator, directions: int) -> Opinion:
    variables = dict(launch.variables())
    if not variables or not launch.seeds:
        return Opinion(ORACLE, Stance.NO_OPINION, "no array of floats is read, or none is written")
    if launch.reason_against:
        return Opinion(ORACLE, Stance.NO_OPINION, launch.reason_against)
    at = {leaf: numbers(values).astype(np.float64) for leaf, values in variables.items()}
    centre = launch.evaluate(at, audited=True)
    if centre.overwrites:
        return Opinion(ORACLE, Stance.NO_OPINION, "the kernel reads array elements that it also overwrites")
    probe = _Probe(launch, at, launch.outputs(centre))
    faithful = probe.faithful(launch.run(launch.inputs))
    checked = 0
    for _ in range(directions):
        step = {leaf: random_step(values, rng) for leaf, values in at.items()}
        verdict = probe.along(step, faithful, rng)
        if verdict is None:
            continue
        checked += 1
        if not verdict.agrees:
            return probe.accuse(verdict, variables, rng)
    if not checked:
        return Opinion(ORACLE, Stance.NO_OPINION, "no output is smooth and well-conditioned here")
    return Opinion(ORACLE, Stance.AGREES, f"equal to central differences along {checked} directions")


@dataclass(frozen=True)
class _Probe:
    """The point at which derivatives are taken, and the float64 outputs there."""

    launch: Launch
    at: Leaves
    centre: Leaves

    def faithful(self, observed: Observation) -> Leaves:
        """Return masks of the outputs that the target computed about as float64 does."""
        masks = {}
        for leaf, wide in self.centre.items():
            seen = numbers(observed.values[leaf]).astype(np.float64)
            with np.errstate(all="ignore"):
                masks[leaf] = np.abs(seen - wide) <= FAITHFUL * np.abs(wide) + 1e-30
        return masks

    def along(self, step: Leaves, usable: Leaves, rng: np.random.Generator) -> Slope | None:
        """Compare both derivatives along a step; None where nothing smooth is left."""
        gradient = self._gradient(self._masked(usable))
        step = balanced(step, gradient, rng)
        if not any(one.any() for one in step.values()):
            return None
        ahead, behind = self._at(step, 1.0), self._at(step, -BEHIND)
        smooth = {leaf: usable[leaf] & is_smooth(ahead[leaf], self.centre[leaf], behind[leaf]) for leaf in usable}
        if not any(mask.any() for mask in smooth.values()):
            return None
        if any((smooth[leaf] != usable[leaf]).any() for leaf in usable):
            gradient = self._gradient(self._masked(smooth))
            if any(not np.isfinite(gradient[leaf][one != 0]).all() for leaf, one in step.items()):
                return None
        return self._slope(step, self._masked(smooth), gradient, ahead, behind)

    def _slope(self, step: Leaves, seeds: Leaves, gradient: Leaves, ahead: Leaves, behind: Leaves) -> Slope:
        return slope_along(step, seeds, gradient, self.centre, ahead, behind, TOLERANCE)

    def _masked(self, masks: Leaves) -> Leaves:
        return {leaf: np.where(masks[leaf], seed, 0.0) for leaf, seed in self.launch.seeds.items()}

    def _at(self, step: Leaves, factor: float) -> Leaves:
        with np.errstate(all="ignore"):
            moved = {leaf: values + factor * step[leaf] for leaf, values in self.at.items()}
        return self.launch.outputs(self.launch.evaluate(moved))

    def _gradient(self, seeds: Leaves, inputs: Inputs | None = None) -> Leaves:
        """Return the adjoint's gradients of the inputs, float64, for these seeds."""
        seeded = self.launch.with_seeds(seeds)
        if inputs is not None:
            seeded = replace(seeded, values=inputs.values)
        observed = self.launch.run(seeded)
        return {leaf: numbers(observed.values[f"{leaf}.grad"]).astype(np.float64) for leaf in self.at}

    def accuse(self, slope: Slope, variables: Leaves, rng: np.random.Generator) -> Opinion:
        """Accuse the adjoint, unless it says something else nearby, or the differences do not settle."""
        slopes = []
        for move in MOVES * NEIGHBOURS:
            gradient = self._gradient(slope.seeds, neighbour(self.launch, variables, move, rng))
            slopes.append(product(gradient, slope.step))
        spread = max(abs(one - slope.adjoint) for one in slopes) if np.isfinite(slopes).all() else np.inf
        if abs(slope.adjoint - slope.differences) <= slope.allowed + 8 * spread:
            return Opinion(ORACLE, Stance.UNSTABLE, f"{slope.numbers}, but moves by {spread:.2g} with rounding")
        leaf, index, single = self._where(slope)
        if not self._settles(single):
            return Opinion(ORACLE, Stance.UNSTABLE, f"{single.numbers}, but larger numbers hide the inputs")
        if not self._target_confirms(single, leaf, index):
            return Opinion(ORACLE, Stance.UNSTABLE, f"{single.numbers}, but the target's own results speak for it")
        at = ", ".join(map(str, index))
        return Opinion(ORACLE, Stance.ACCUSES, f"{leaf}.grad[{at}]: {single.numbers}")

    def _target_confirms(self, slope: Slope, leaf: str, index: tuple[int, ...]) -> bool:
        """Whether differences of what the target itself computes are nearer to the reference's than to the adjoint's.

        They are coarse, but they see what rounding makes of the kernel: a float64 may tell apart what a float32 cannot.
        """
        unit = float(slope.step[leaf][index])
        votes = 0
        for size in OWN_STEPS:
            amount = size * max(abs(float(self.at[leaf][index])), 0.125)
            ends = [moved(self.launch, leaf, index, sign * amount) for sign in (1.0, -1.0)]
            ahead, behind = (self.launch.run(inputs) for inputs, _ in ends)
            change = sum(
                float(np.sum(seed[seed != 0] * self._change(name, ahead, behind)[seed != 0]))
                for name, seed in slope.seeds.items()
            )
            own = change / (ends[0][1] - ends[1][1]) if ends[0][1] != ends[1][1] else np.nan
            votes += abs(own - slope.differences / unit) < abs(own - slope.adjoint / unit)
        return votes > len(OWN_STEPS) // 2

    @staticmethod
    def _change(name: str, ahead: Observation, behind: Observation) -> np.ndarray:
        first, second = (numbers(seen.values[name]).astype(np.float64) for seen in (ahead, behind))
        with np.errstate(all="ignore"):
            return np.asarray(first - second)

    def _settles(self, slope: Slope) -> bool:
        """Whether other steps give the same derivative.

        A float64 that is far larger hides a step, or its last bits; a staircase (`x // 1e-6`) looks smooth from afar.
        """
        for factor in SHORTER if slope.differences else LONGER:
            other = self._scaled(slope, factor)
            if not np.isfinite(other.differences):
                continue
            if not slope.differences:
                if other.differences:
                    return False
                continue
            terms = (np.abs(seed[seed != 0] * self.centre[name][seed != 0]) for name, seed in slope.seeds.items())
            rounding = 2.0**-46 * sum(float(np.sum(one)) for one in terms)
            apart = abs(other.differences / factor - slope.differences)
            if apart > 2 * slope.allowed + abs(slope.differences) / 16 + rounding / factor:
                return False
        return True

    def _scaled(self, slope: Slope, factor: float) -> Slope:
        step = {leaf: factor * one for leaf, one in slope.step.items()}
        ahead, behind = self._at(step, 1.0), self._at(step, -BEHIND)
        return self._slope(step, slope.seeds, slope.gradient, ahead, behind)

    def _where(self, slope: Slope) -> tuple[str, tuple[int, ...], Slope]:
        """Return the input with the worst gradient, and the comparison along it alone, by halving the direction."""
        places = [(leaf, int(place)) for leaf, one in slope.step.items() for place in np.flatnonzero(one)]
        while len(places) > 1:
            half = places[: len(places) // 2]
            kept = self._part(slope, half)
            rest = self._part(slope, places[len(places) // 2 :])
            places = half if kept.excess >= rest.excess else places[len(places) // 2 :]
        leaf, place = places[0]
        index = tuple(int(i) for i in np.unravel_index(place, slope.step[leaf].shape))
        return leaf, index, self._part(slope, places)

    def _part(self, slope: Slope, places: list[tuple[str, int]]) -> Slope:
        step = {leaf: np.zeros_like(one) for leaf, one in slope.step.items()}
        for leaf, place in places:
            step[leaf].flat[place] = slope.step[leaf].flat[place]
        ahead, behind = self._at(step, 1.0), self._at(step, -BEHIND)
        return self._slope(step, slope.seeds, slope.gradient, ahead, behind)
