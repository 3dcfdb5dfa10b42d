"""What the reference thinks of a target's results: equal, apart by rounding that the language leaves open, or wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from oracle.compare import Comparison, compare
from oracle.explain import Explanation, explain
from oracle.floats import numbers
from oracle.inputs import Inputs
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance
from oracle.reference.deviations import DEVIATIONS
from oracle.reference.launch import NO_OPINION, Evaluation, Program, evaluate
from oracle.reference.run import Decision
from oracle.ulp import ulp_distance

ORACLE = "reference"

ROUNDS = (range(1, 5), range(5, 17), range(17, 65))
"""The seeds of noisy evaluations: those of the first round explain most differences, the others precede a charge."""


@dataclass(frozen=True)
class Reference:
    """The reference's own run of a kernel on one set of inputs, to which any target's results can be held.

    Its runs with noise are remembered: another target that differs is held to the same ones.
    """

    program: Program
    dims: tuple[int, ...]
    inputs: Inputs
    evaluation: Evaluation
    block_dim: int = 0
    _noisy_runs: dict[int, Observation] = field(default_factory=dict, repr=False, compare=False)

    def opinion(self, target: str, observed: Observation) -> Opinion:
        """Compare the forward leaves that a target observed with the reference's, and judge what differs."""
        start = time.process_time()
        opinion = self._opinion(target, observed)
        return replace(opinion, seconds=time.process_time() - start, target=target)

    def _opinion(self, target: str, observed: Observation) -> Opinion:
        own = self.evaluation.observation
        seen = replace(observed, values={name: observed.values[name] for name in own.values})
        comparison = compare(own, seen)
        if comparison.equal:
            return Opinion(ORACLE, Stance.AGREES, f"{target} is equal to the bit", comparison)
        runs: list[Observation] = []
        explanation = explain(own, seen, comparison, runs)
        for seeds in ROUNDS:
            if explanation.verdict is not Verdict.MISMATCH:
                break
            try:
                runs += [self._noisy(seed) for seed in seeds]
            except NO_OPINION as error:
                return Opinion(ORACLE, Stance.UNSTABLE, f"rounding alone leads to {describe(error)}", comparison)
            explanation = explain(own, seen, comparison, runs)
        found = _stance(explanation, comparison, target)
        return self._known(found, seen) if found.stance is Stance.ACCUSES else found

    def _known(self, found: Opinion, seen: Observation) -> Opinion:
        """Return an accusation with the name of a known deviation of Warp that explains all of it, if one does.

        One that the reference cannot follow explains what it is part of.
        """
        name = next((name for name in DEVIATIONS if self._explains(name, seen)), None)
        return found if name is None else replace(found, reason=f"known bug {name}: {found.reason}")

    def _explains(self, name: str, seen: Observation) -> bool:
        known = frozenset({name})
        try:
            like_warp = self._evaluate(known=known).observation
            comparison = compare(like_warp, seen)
            runs = [] if comparison.equal else [self._evaluate(noise=seed, known=known) for seed in ROUNDS[1]]
        except NO_OPINION:
            return True
        observed = [run.observation for run in runs]
        return comparison.equal or explain(like_warp, seen, comparison, observed).verdict is not Verdict.MISMATCH

    def _evaluate(self, **how: Any) -> Evaluation:
        return evaluate(self.program, self.dims, self.inputs, block_dim=self.block_dim, **how)

    def truth(self, leaf: str, index: tuple[int, ...]) -> float | None:
        """Return what an element is when every float is a float64, None where that run ends otherwise."""
        try:
            wide = self._evaluate(wide=True)
        except NO_OPINION:
            return None
        return float(numbers(wide.observation.values[leaf])[index])

    def turning_point(self) -> str:
        """Say which test goes one way or the other by rounding alone, and how near it is; empty if none does."""
        usual = self._decisions(None)
        for seed in ROUNDS[0]:
            for one, other in zip(usual, self._decisions(seed), strict=False):
                if one.line != other.line:
                    break
                if one.outcome != other.outcome:
                    return f"the test at line {one.line} turns on {_nearness(one)}"
        return ""

    def _decisions(self, noise: int | None) -> Sequence[Decision]:
        try:
            return self._evaluate(noise=noise, traced=True).decisions
        except NO_OPINION:
            return ()

    def _noisy(self, seed: int) -> Observation:
        if seed not in self._noisy_runs:
            self._noisy_runs[seed] = self._evaluate(noise=seed).observation
        return self._noisy_runs[seed]


def consult(program: Program, dims: Sequence[int], inputs: Inputs, block_dim: int = 0) -> Reference | Opinion:
    """Run the reference; returns an opinion at once where it has none. A thread's block has `block_dim` threads."""
    start = time.process_time()
    try:
        evaluation = evaluate(program, dims, inputs, block_dim=block_dim)
    except NO_OPINION as error:
        return Opinion(ORACLE, Stance.NO_OPINION, describe(error), seconds=time.process_time() - start)
    return Reference(program, tuple(dims), inputs, evaluation, block_dim)


def _nearness(decision: Decision) -> str:
    """Say how far the operands of a test are apart."""
    left, right = decision.left, decision.right
    if not isinstance(left, np.floating) or not isinstance(right, np.floating) or left.dtype != right.dtype:
        return "rounding"
    apart = float(ulp_distance(np.asarray([left]), np.asarray([right]))[0])
    return f"a value {apart:g} ULP from its threshold"


def describe(error: Exception) -> str:
    """Say why the reference has no opinion."""
    reasons: Mapping[str, str] = {
        "LackingError": "it lacks {}",
        "TooLongError": "{}",
        "Undefined": "the kernel is not well-defined: {}",
        "OutOfBounds": "the kernel is not well-defined: {}",
    }
    return reasons[type(error).__name__].format(error)


def _stance(explanation: Explanation, comparison: Comparison, target: str) -> Opinion:
    worst = max(comparison.differing, key=lambda leaf: leaf.worst)
    where = ", ".join(map(str, worst.first.index)) if worst.first else ""
    apart = f"{target} differs by {worst.worst:g} {worst.unit} at {worst.name}[{where}]"
    if explanation.verdict is Verdict.MATCH:
        return Opinion(ORACLE, Stance.AGREES, f"{apart}, which rounding explains", comparison)
    if explanation.verdict is Verdict.UNSTABLE:
        return Opinion(ORACLE, Stance.UNSTABLE, f"{apart}, and rounding decides", comparison)
    element = explanation.element.replace("cpu", "reference", 1).replace("cuda", target, 1)
    return Opinion(ORACLE, Stance.ACCUSES, element, comparison)
