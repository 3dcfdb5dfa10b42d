"""Gradients checked against mathematics: what a kernel's adjoint says, against central differences of the reference.

A launch leaves outputs F(x); its backward pass turns gradients of a loss with respect to the outputs, the *seeds* s,
into those with respect to the inputs, g. Along any direction d of the inputs g . d must be s . dF/dd, and the latter
comes from the reference, evaluated in float64 at x + h d and x - h d. Outputs that are not smooth there (a kink, a
branch, what is no number) get the seed zero and so are left out, as are directions into inputs whose gradient is no
finite number.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.floats import is_float, limits, numbers, rounded
from oracle.inputs import Inputs, array_at
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.parameters import Array, Parameter, Plain, Struct, Type, arrays_of, leaves_of
from oracle.reference.launch import NO_OPINION, Evaluation, Program, evaluate
from oracle.reference.opinion import describe

ORACLE = "gradient"

STEP = 2.0**-17
"""h, relative to the inputs: truncation (h^2) and float64's rounding (2^-53 / h) are both below 2^-33 of F."""

KINK = 2.0**-6
"""Most that an output's two one-sided differences may be apart, relative to the larger one, for it to be smooth."""

FAITHFUL = 2.0**-9
"""Most that an output may lie from its float64 value, relative to it: beyond, rounding has spoilt it already."""

TOLERANCE = 2.0**-12
"""Most that g . d may be off, relative to the sum of its terms' absolute values: rounding errors of float32 times 2^12.

A wrong rule of differentiation changes a term by its own size, and thousands of equal weight may be added up. Where a
kernel magnifies its rounding further than that, the adjoint's neighbours show it."""

_COARSE = (
    (re.compile(r"\bbfloat16\b"), 2.0**9),
    (re.compile(r"\bfloat16\b|\bwp\.(?:vec\d|mat\d\d|quat|transform|spatial_vector|spatial_matrix)h\b"), 2.0**7),
)
"""The factors by which the bounds grow where a kernel computes in a type with so few digits."""

LARGEST = 2.0**48
"""Gradients beyond are left out: on the way to them a float32 may have overflowed or vanished."""

NEIGHBOURS = 6
"""How often the adjoint is evaluated again a few units in the last place away, before it is accused."""

Leaves = dict[str, np.ndarray]


@dataclass(frozen=True)
class Launch:
    """A kernel's launch as the check needs it: the reference's program, and the target's own run, backward as well."""

    program: Program
    dims: tuple[int, ...]
    inputs: Inputs
    block_dim: int
    run: Callable[[Inputs], Observation]

    @property
    def coarseness(self) -> float:
        """How much coarser than float32 the coarsest float type is that the kernel's source names, as a factor."""
        return next((factor for pattern, factor in _COARSE if pattern.search(self.program.source)), 1.0)

    def evaluate(self, leaves: Mapping[str, np.ndarray], *, audited: bool = False) -> Evaluation:
        """Run the reference in float64, with these leaves in place of the inputs' own."""
        return evaluate(
            self.program,
            self.dims,
            self.inputs,
            wide=True,
            audited=audited,
            leaves=leaves,
            block_dim=self.block_dim,
        )

    def outputs(self, evaluation: Evaluation) -> Leaves:
        """Return the leaves that have seeds, as they are after an evaluation."""
        return {name: evaluation.observation.values[name].astype(np.float64) for name in self.seeds}

    @property
    def seeds(self) -> Leaves:
        """The float leaves of the gradients that the outputs start with, in float64."""
        return {
            leaf: numbers(values).astype(np.float64)
            for path, array in self.arrays
            if path in self.inputs.gradients
            for leaf, values in leaves_of(path, array.element, self.inputs.gradients[path])
            if is_float(values.dtype)
        }

    @property
    def arrays(self) -> Iterator[tuple[str, Array]]:
        """The kernel's arrays by path."""
        return arrays_of(self.program.parameters)

    def with_seeds(self, seeds: Leaves) -> Inputs:
        """Return the inputs with other seeds."""
        gradients = {path: values.copy() for path, values in self.inputs.gradients.items()}
        for path, array in self.arrays:
            if path in gradients:
                for leaf, values in leaves_of(path, array.element, gradients[path]):
                    if leaf in seeds:
                        values[...] = rounded(seeds[leaf], values.dtype)
        return replace(self.inputs, gradients=gradients)

    def variables(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the float leaves of the arrays that are only read, with their dtypes as they are."""
        for path, array in self.arrays:
            if path not in self.inputs.gradients and not array.indexed:
                for leaf, values in leaves_of(path, array.element, array_at(self.inputs, path)):
                    if is_float(values.dtype):
                        yield leaf, values


def check_gradients(launch: Launch, rng: np.random.Generator, directions: int = 2) -> Opinion:
    """Check the backward pass along some random directions; `rng` draws them."""
    start = time.perf_counter()
    launch = replace(launch, inputs=tamed(launch.program.parameters, launch.inputs, rng))
    try:
        opinion = _check(launch, rng, directions)
    except NO_OPINION as error:
        opinion = Opinion(ORACLE, Stance.NO_OPINION, describe(error))
    return replace(opinion, seconds=time.perf_counter() - start)


def _check(launch: Launch, rng: np.random.Generator, directions: int) -> Opinion:
    variables = dict(launch.variables())
    if not variables or not launch.seeds:
        return Opinion(ORACLE, Stance.NO_OPINION, "no array of floats is read, or none is written")
    at = {leaf: numbers(values).astype(np.float64) for leaf, values in variables.items()}
    centre = launch.evaluate(at, audited=True)
    if centre.overwrites:
        return Opinion(ORACLE, Stance.NO_OPINION, "the kernel reads array elements that it also overwrites")
    probe = _Probe(launch, at, launch.outputs(centre))
    faithful = probe.faithful(launch.run(launch.inputs))
    checked = 0
    for _ in range(directions):
        step = {leaf: _random_step(values, rng) for leaf, values in at.items()}
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
class _Slope:
    """One directional derivative: by the adjoint, by differences, and what they may be apart. `step` is h d."""

    adjoint: float
    differences: float
    allowed: float
    step: Leaves
    seeds: Leaves
    gradient: Leaves

    @property
    def agrees(self) -> bool:
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


@dataclass(frozen=True)
class _Probe:
    """The point at which derivatives are taken, and the float64 outputs there."""

    launch: Launch
    at: Leaves
    centre: Leaves

    def faithful(self, observed: Observation) -> Leaves:
        """Return masks of the outputs that the target computed about as float64 does."""
        masks = {}
        bound = min(FAITHFUL * self.launch.coarseness, 0.25)
        for leaf, wide in self.centre.items():
            seen = numbers(observed.values[leaf]).astype(np.float64)
            with np.errstate(all="ignore"):
                masks[leaf] = np.abs(seen - wide) <= bound * np.abs(wide) + 1e-30
        return masks

    def along(self, step: Leaves, usable: Leaves, rng: np.random.Generator) -> _Slope | None:
        """Compare both derivatives along a step; None where nothing smooth is left."""
        gradient = self._gradient(self._masked(usable))
        step = _balanced(step, gradient, rng)
        if not any(one.any() for one in step.values()):
            return None
        ahead, behind = self._at(step, 1.0), self._at(step, -1.0)
        smooth = {leaf: usable[leaf] & _smooth(ahead[leaf], self.centre[leaf], behind[leaf]) for leaf in usable}
        if not any(mask.any() for mask in smooth.values()):
            return None
        if any((smooth[leaf] != usable[leaf]).any() for leaf in usable):
            gradient = self._gradient(self._masked(smooth))
            if any(not np.isfinite(gradient[leaf][one != 0]).all() for leaf, one in step.items()):
                return None
        return self._slope(step, self._masked(smooth), gradient, ahead, behind)

    def _slope(self, step: Leaves, seeds: Leaves, gradient: Leaves, ahead: Leaves, behind: Leaves) -> _Slope:
        tolerance = TOLERANCE * self.launch.coarseness
        return _slope(step, seeds, gradient, self.centre, ahead, behind, tolerance)

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

    def accuse(self, slope: _Slope, variables: Leaves, rng: np.random.Generator) -> Opinion:
        """Accuse the adjoint, unless it says something else a few units in the last place away."""
        slopes = []
        for _ in range(NEIGHBOURS):
            gradient = self._gradient(slope.seeds, _neighbour(self.launch, variables, rng))
            slopes.append(_product(gradient, slope.step))
        spread = max(abs(one - slope.adjoint) for one in slopes) if np.isfinite(slopes).all() else np.inf
        if abs(slope.adjoint - slope.differences) <= slope.allowed + 8 * spread:
            return Opinion(ORACLE, Stance.UNSTABLE, f"{slope.numbers}, but moves by {spread:.2g} with rounding")
        leaf, index, single = self._where(slope)
        at = ", ".join(map(str, index))
        return Opinion(ORACLE, Stance.ACCUSES, f"{leaf}.grad[{at}]: {single.numbers}")

    def _where(self, slope: _Slope) -> tuple[str, tuple[int, ...], _Slope]:
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

    def _part(self, slope: _Slope, places: list[tuple[str, int]]) -> _Slope:
        step = {leaf: np.zeros_like(one) for leaf, one in slope.step.items()}
        for leaf, place in places:
            step[leaf].flat[place] = slope.step[leaf].flat[place]
        ahead, behind = self._at(step, 1.0), self._at(step, -1.0)
        return self._slope(step, slope.seeds, slope.gradient, ahead, behind)


def _random_step(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a step that moves every element by about STEP of its size, up or down; none for what is no number."""
    size = np.where(np.isfinite(values), np.maximum(np.abs(values), 0.125), 0.0)
    return np.asarray(STEP * size * rng.choice([-1.0, 1.0], values.shape))


def _balanced(step: Leaves, gradient: Leaves, rng: np.random.Generator) -> Leaves:
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


def _smooth(ahead: np.ndarray, centre: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Mark the outputs that change alike to both sides, by more than the rounding of float64 that hides it."""
    with np.errstate(all="ignore"):
        forwards, backwards = ahead - centre, centre - behind
        larger = np.maximum(np.abs(forwards), np.abs(backwards))
        rounding = 2.0**-48 * np.abs(centre)
        told = rounding <= np.maximum(2.0**-12 * larger, 2.0**-40)
        return told & np.isfinite(larger) & (np.abs(forwards - backwards) <= KINK * larger + rounding)


def _product(gradient: Leaves, step: Leaves) -> float:
    return float(sum(np.sum(gradient[leaf][one != 0] * one[one != 0]) for leaf, one in step.items()))


def _slope(
    step: Leaves, seeds: Leaves, gradient: Leaves, centre: Leaves, ahead: Leaves, behind: Leaves, tolerance: float
) -> _Slope:
    differences = size = curvature = rounding = 0.0
    for leaf, seed in seeds.items():
        where = seed != 0
        change = seed[where] * (ahead[leaf][where] - behind[leaf][where]) / 2
        bend = seed[where] * (ahead[leaf][where] - 2 * centre[leaf][where] + behind[leaf][where])
        differences += float(np.sum(change))
        size += float(np.sum(np.abs(change)))
        curvature += float(np.sum(np.abs(bend)))
        rounding += float(np.sum(np.abs(seed[where] * centre[leaf][where]))) * 2.0**-48
    terms = {leaf: gradient[leaf][one != 0] * one[one != 0] for leaf, one in step.items()}
    size += float(sum(np.sum(np.abs(one)) for one in terms.values()))
    return _Slope(
        adjoint=float(sum(np.sum(one) for one in terms.values())),
        differences=differences,
        allowed=tolerance * size + 4 * curvature + rounding,
        step=step,
        seeds=seeds,
        gradient=gradient,
    )


def tamed(parameters: Sequence[Parameter], inputs: Inputs, rng: np.random.Generator) -> Inputs:
    """Return the inputs with ordinary numbers in place of edge values among the floats: those have no derivatives."""
    values = {
        one.name: _tamed(one.type, inputs.values[one.name], f"{one.name}", inputs.gradients, rng) for one in parameters
    }
    return replace(inputs, values=values)


def _tamed(kind: Type, value: Any, path: str, written: Mapping[str, Any], rng: np.random.Generator) -> Any:
    if isinstance(value, dict):
        assert isinstance(kind, Struct)
        return {name: _tamed(part, value[name], f"{path}.{name}", written, rng) for name, part in kind.fields.items()}
    if not isinstance(value, np.ndarray) or path in written:
        return value
    element = kind.element if isinstance(kind, Array) else kind
    if not isinstance(element, Plain | Struct):
        return value
    value = np.array(value)
    for _, part in leaves_of(path, element, value):
        if is_float(part.dtype):
            exact = np.abs(numbers(part).astype(np.float64))
            wild = ~((exact == 0) | ((exact > 2.0**-12) & (exact < 2.0**8)))
            part[...] = np.where(wild, rounded(rng.uniform(-4.0, 4.0, part.shape), part.dtype), part)
    return value


def _neighbour(launch: Launch, variables: Leaves, rng: np.random.Generator) -> Inputs:
    """Return the inputs with every variable moved by up to four units in the last place."""
    values = {name: _copied(value) for name, value in launch.inputs.values.items()}
    inputs = replace(launch.inputs, values=values)
    for path, array in launch.arrays:
        for leaf, part in leaves_of(path, array.element, array_at(inputs, path)):
            if leaf in variables:
                exact = numbers(part).astype(np.float64)
                moved = exact * (1.0 + limits(part.dtype).eps * rng.integers(-4, 5, exact.shape))
                part[...] = rounded(moved, part.dtype)
    return inputs


def _copied(value: object) -> object:
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in value.items()}
    return value.copy() if isinstance(value, np.ndarray) else value
