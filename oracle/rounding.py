"""The verdict on two observations that differ: nudge the library functions of one until they are explained, or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from oracle.compare import Comparison, Leaf, Place, compare
from oracle.explain import Explanation, explain, in_words
from oracle.nudge import UNCHANGED, NudgedModule
from oracle.observation import Observation, Verdict
from oracle.ulp import BOUNDS, INSTRUCTIONS

ROUNDS = (range(1, 9), range(9, 33), range(33, 129), range(129, 385))
"""The seeds of nudged runs: those of the first round explain nearly every difference that rounding makes, the others
come before a kernel is accused, so that a threshold between two close values is crossed at least once. A run costs as
much as one of the cpu back end."""


class Rounding(NamedTuple):
    """The verdict, its reason, the library functions that were called, and the element that decided, if one did."""

    verdict: Verdict
    reason: str
    functions: tuple[str, ...] = ()
    place: Place | None = None


def judge_rounding(
    nudged: NudgedModule,
    launch: Callable[[], Observation],
    cpu: Observation,
    cuda: Observation,
    forward: Callable[[], Observation] | None = None,
    threads: int = 1,
) -> Rounding:
    """Judge what differs between `cpu` and `cuda`.

    `launch` observed `cpu`, and observes it again while `nudged` moves the results of library functions. The other
    observation is any that should agree: another target's, or that of the same kernel under other options. The reason
    says how often a thread calls each function, if `forward` launches the kernel's `threads` without a backward pass.
    """
    again, functions = nudged.run(launch, UNCHANGED)
    if not compare(cpu, again).equal:
        worst = _worst(compare(cpu, again)).describe()
        return Rounding(Verdict.MISMATCH, f"the cpu code does not repeat itself: {worst}", functions)
    comparison = compare(cpu, cuda)
    if not functions:
        leaf = _worst(comparison)
        place = None if leaf.first is None else (leaf.name, leaf.first.index)
        return Rounding(Verdict.MISMATCH, f"{leaf.describe()}; no library function was called", (), place)
    runs: list[Observation] = []
    explanation = Explanation(Verdict.MISMATCH, "")
    for seeds in ROUNDS:
        runs += [nudged.run(launch, seed)[0] for seed in seeds]
        explanation = explain(cpu, cuda, comparison, runs)
        if explanation.verdict is not Verdict.MISMATCH:
            break
    reason = _reason(explanation, comparison, functions)
    if forward is not None and explanation.verdict is not Verdict.MISMATCH:
        nudged.run(forward, UNCHANGED)
        words = in_words(explanation, nudged.calls, threads)
        reason = f"{reason}; {words}" if words else reason
    return Rounding(explanation.verdict, reason, functions, explanation.place)


def _worst(comparison: Comparison) -> Leaf:
    return max(comparison.differing, key=lambda leaf: leaf.worst)


def _reason(explanation: Explanation, comparison: Comparison, functions: Sequence[str]) -> str:
    """Say what differs, and which functions with which bounds explain it or fail to."""
    bounds = ", ".join(f"{name} ({_freedom(name)})" for name in functions)
    if explanation.verdict is Verdict.MATCH:
        return f"{_worst(comparison).describe()}; explained by rounding in {bounds}"
    if explanation.verdict is Verdict.UNSTABLE:
        return f"{explanation.element} by rounding in {bounds} alone"
    return f"{explanation.element}; not explained by rounding in {bounds}"


def _freedom(function: str) -> str:
    bound = BOUNDS.get(function) or INSTRUCTIONS.get(function)
    return f"{bound.apart} ULP" if bound else "which of two zeros"
