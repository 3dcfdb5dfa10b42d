"""Does rounding in library functions, or the order of float atomics, explain why two observations differ?

Each differing element is judged on its own, by how far it moved when the library functions' results were nudged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oracle.compare import Comparison, Leaf, Place, differs, hexadecimal
from oracle.floats import BFLOAT16, is_float, limits, numbers
from oracle.observation import Observation, Verdict
from oracle.ulp import ulp_distance

SPREAD_FACTOR = 2.0
"""Allowed difference over the largest one that nudging caused.

Nudges are drawn at random, so the largest of a few dozen falls short of the worst case: for a sum of many rounded terms
it lies near two standard deviations, and CUDA's own rounding seldom beyond four.
"""


def unstable_spread(dtype: np.dtype) -> float:
    """Return how far nudging may move an element, relative to its size, before it says nothing about the compiler.

    A third of the significand's bits must survive: 2^-2 for bfloat16, 2^-3 for float16, 2^-8 for float32, 2^-17 for
    float64. A wrong operation moves a value further than that more often than not.
    """
    return float(2.0 ** -((limits(dtype).nmant + 1) // 3))


@dataclass(frozen=True)
class Explanation:
    """The verdict on the differences of two observations; the element that decided it in words, and its place.

    `ulps` is how far the two targets are apart at that element, `bound` how far they may be. Where everything is
    explained both are of the element that uses most of its bound. Both are zero where no float decided.
    """

    verdict: Verdict
    element: str
    place: Place | None = None
    ulps: float = 0.0
    bound: float = 0.0


@dataclass(frozen=True)
class _Elements:
    """The differing elements of one leaf; `cpu`, `cuda` and `slack` are flat, `nudged` has one row per run."""

    leaf: Leaf
    cpu: np.ndarray
    cuda: np.ndarray
    slack: np.ndarray
    nudged: np.ndarray

    @property
    def allowed(self) -> np.ndarray:
        """How far the targets may be apart, as absolute differences in float64."""
        with np.errstate(invalid="ignore", over="ignore"):
            moves = np.abs(numbers(self.nudged).astype(np.float64) - numbers(self.cpu).astype(np.float64))
            return self.slack + SPREAD_FACTOR * np.max(moves, axis=0, initial=0.0)

    @property
    def in_ulps(self) -> tuple[np.ndarray, np.ndarray]:
        """How far the targets are apart and may be, in ULPs of the cpu's value; zeros for integers."""
        if not is_float(self.leaf.dtype):
            return np.zeros(self.cpu.size), np.zeros(self.cpu.size)
        with np.errstate(invalid="ignore", over="ignore"):
            unit = np.spacing(np.abs(numbers(self.cpu))).astype(np.float64)
            bound = self.allowed / (unit * 2.0**16 if self.leaf.dtype == BFLOAT16 else unit)
        return ulp_distance(self.cpu, self.cuda), bound


def explain(cpu: Observation, cuda: Observation, comparison: Comparison, nudged: Sequence[Observation]) -> Explanation:
    """Judge what differs between `cpu` and `cuda`, given runs of the cpu code with its library functions nudged.

    `match` if every difference is one that nudging caused to the bit, or lies within the atomics' order slack and
    `SPREAD_FACTOR` times what nudging caused; `unstable` if some of those were moved so far by nudging, or changed an
    integer or a NaN, that agreement would mean nothing; and `mismatch` if a difference remains.
    """
    unstable: Explanation | None = None
    matched = Explanation(Verdict.MATCH, "")
    for leaf in comparison.differing:
        elements = _elements(leaf, cpu, cuda, nudged)
        floats = is_float(leaf.dtype)
        explained, shaky = _judge_floats(elements) if floats else _judge_integers(elements)
        if not explained.all():
            return _explanation(Verdict.MISMATCH, elements, int(np.argmin(explained)))
        if shaky.any() and unstable is None:
            unstable = _explanation(Verdict.UNSTABLE, elements, int(np.argmax(shaky)))
        matched = max(matched, _tightest(elements), key=_share)
    return unstable or matched


def _elements(leaf: Leaf, cpu: Observation, cuda: Observation, nudged: Sequence[Observation]) -> _Elements:
    slack = np.zeros(leaf.differing)
    for observation in (cpu, cuda):
        if leaf.name in observation.order_slack:
            own = observation.order_slack[leaf.name][leaf.mask]
            if leaf.name in observation.in_thread_order:  # the order of the other target, and of every nudged run
                own = np.where(observation.in_thread_order[leaf.name][leaf.mask], 0.0, own)
            slack = np.maximum(slack, own)
    first = cpu.values[leaf.name][leaf.mask]
    runs = [run.values[leaf.name][leaf.mask] for run in nudged]
    return _Elements(
        leaf=leaf,
        cpu=first,
        cuda=cuda.values[leaf.name][leaf.mask],
        slack=slack,
        nudged=np.stack(runs) if runs else np.empty((0, first.size), first.dtype),
    )


def _judge_floats(elements: _Elements) -> tuple[np.ndarray, np.ndarray]:
    """Return masks: which differences are explained, and which of those only by an unstable element."""
    with np.errstate(invalid="ignore", over="ignore"):
        cpu, cuda, nudged = (
            numbers(values).astype(np.float64) for values in (elements.cpu, elements.cuda, elements.nudged)
        )
        allowed = elements.allowed
        spread = np.max(np.abs(nudged - cpu), axis=0, initial=0.0)
        # allowed > 0: zeros of different sign are no distance apart and yet differ
        within = (allowed > 0) & (np.abs(cuda - cpu) <= allowed)
        # below the smallest normal number every value has lost digits, however well the kernel behaves
        size = np.maximum(np.maximum(np.abs(cpu), np.abs(cuda)), limits(elements.leaf.dtype).smallest_normal)
        shaky = spread > unstable_spread(elements.leaf.dtype) * size
    reached = np.any(~differs(elements.nudged, np.broadcast_to(elements.cuda, elements.nudged.shape)), axis=0)
    finite = np.isfinite(cpu) & np.isfinite(cuda)
    changed_kind = np.any(np.isfinite(nudged) != np.isfinite(cpu), axis=0)
    # a sum that overflows in one order need not in another
    overflows = np.isinf(elements.slack)
    return overflows | reached | changed_kind | (finite & within), changed_kind | (finite & shaky)


def _judge_integers(elements: _Elements) -> tuple[np.ndarray, np.ndarray]:
    """An integer or boolean that nudging changes depends on rounding: it is explained, and unstable."""
    changed = np.any(elements.nudged != elements.cpu, axis=0)
    return changed, changed


def _explanation(verdict: Verdict, elements: _Elements, position: int) -> Explanation:
    index = tuple(int(i) for i in np.argwhere(elements.leaf.mask)[position])
    ulps, bound = (float(values[position]) for values in elements.in_ulps)
    return Explanation(verdict, _describe(elements, position, index), (elements.leaf.name, index), ulps, bound)


def _tightest(elements: _Elements) -> Explanation:
    """Return the match with what is known of the element that uses most of its bound."""
    ulps, bound = elements.in_ulps
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.nan_to_num(ulps / bound, nan=0.0, posinf=0.0)
    position = int(np.argmax(shares))
    return Explanation(Verdict.MATCH, "", None, float(ulps[position]), float(bound[position]))


def _share(explanation: Explanation) -> float:
    return explanation.ulps / explanation.bound if explanation.bound else 0.0


_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def in_words(explanation: Explanation, calls: Mapping[str, int], threads: int) -> str:
    """Say how far apart the targets are, how far they may be, and what allows it.

    `calls` counts how often `threads` threads called each library function: `differs by 3 ULP, bound 4 ULP through one
    sinf`. Empty where no float decided.
    """
    if not (explanation.ulps or explanation.bound):
        return ""
    through = [f"{_counted(-(-count // max(threads, 1)))} {name}" for name, count in calls.items() if count]
    if len(through) > 1:
        through[-2:] = [f"{through[-2]} and {through[-1]}"]
    source = f"through {', '.join(through)}" if through else "through the order of float atomics"
    return f"differs by {explanation.ulps:.3g} ULP, bound {explanation.bound:.3g} ULP {source}"


def _counted(number: int) -> str:
    return _COUNTS[number] if number < len(_COUNTS) else str(number)


def _describe(elements: _Elements, position: int, index: tuple[int, ...]) -> str:
    at = ", ".join(str(i) for i in index)
    values = f"cpu {hexadecimal(elements.cpu[position])}, cuda {hexadecimal(elements.cuda[position])}"
    moved = numbers(elements.nudged[:, position])
    if not moved.size:
        return f"{elements.leaf.name}[{at}]: {values}"
    return f"{elements.leaf.name}[{at}]: {values}, nudged from {moved.min()} to {moved.max()}"
