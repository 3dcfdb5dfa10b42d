"""The verdict on one kernel: run both targets on the same inputs, compare, and ask what explains a difference."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from extractor.compiling import Compiled
from extractor.loading import rename_sources
from oracle.backends import emulator
from oracle.compare import Comparison, Place, compare
from oracle.cpu_object import PrivateApiError
from oracle.explain import explain
from oracle.inputs import Inputs
from oracle.nudge import NudgedModule
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance
from oracle.ptx.errors import Fault, Malformed, PtxError, StepLimit, Unsupported
from oracle.ptx.reports import Report
from oracle.rounding import Rounding, judge_rounding
from oracle.second_opinions import (
    Launched,
    in_float64,
    second_opinions,
    undefined,
    what_rounding_decides,
    wrong_target,
)

DIRECTIONS = 1
"""Along how many directions a kernel's gradients are checked on each set of inputs."""


class Backend(Protocol):
    """What executes one target; the modules in `oracle.backends` are such."""

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        """Launch the kernel on copies of `inputs`, then its backward pass if asked for."""
        ...


@dataclass(frozen=True)
class Judgement:
    """The verdict on a kernel and why. `seconds` holds the CPU time per back end, and for `nudge`.

    `comparison` is missing where a back end returned nothing to compare. `functions` are the library functions that the
    kernel called, known only where a difference had to be explained. `place` is the first element that differs and
    that nothing explains, or the one that is unstable. `opinions` are those of the other oracles, if they were asked.
    `observations` are what both targets left behind, by the target's name, if both came to an end.
    """

    verdict: Verdict
    reason: str
    comparison: Comparison | None = None
    functions: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    place: Place | None = None
    opinions: tuple[Opinion, ...] = ()
    observations: Mapping[str, Observation] = field(default_factory=dict, repr=False, compare=False)

    @property
    def wrong_target(self) -> str:
        """The target that the reference holds to be wrong: `cpu`, `cuda` or `both`; empty where it cannot tell."""
        return wrong_target(self.opinions)

    def to_json(self) -> dict[str, Any]:
        """Return what a record or a finding says about the verdict; no times, which differ from run to run."""
        return {
            "verdict": str(self.verdict),
            "reason": self.reason,
            "worst": self.comparison.to_json() if self.comparison else {},
            "library_functions": list(self.functions),
            "opinions": [opinion.to_json() for opinion in self.opinions],
        }


def sanitizer_reason(reports: Sequence[Report]) -> str:
    """Return what the sanitizer saw first, and how much more; the loaded source is `kernel.py`, as in a finding."""
    more = f" (and {len(reports) - 1} more)" if len(reports) > 1 else ""
    return "the sanitizer saw: " + rename_sources(str(reports[0]), "kernel.py") + more


def weigh(judgement: Judgement, opinions: Sequence[Opinion], stage: str = "") -> Judgement:
    """Return the judgement with what others think; where the targets agree, the first who accuses decides.

    Their seconds are booked under `stage`, or without one under the name of each oracle.
    """
    seconds = dict(judgement.seconds)
    for opinion in opinions:
        name = stage or opinion.oracle
        seconds[name] = seconds.get(name, 0.0) + opinion.seconds
    heard = replace(judgement, opinions=(*judgement.opinions, *opinions), seconds=seconds)
    if judgement.verdict is Verdict.MISMATCH and heard.wrong_target:
        accusing = next(one.reason for one in opinions if one.stance is Stance.ACCUSES)
        return replace(heard, reason=f"{judgement.reason}; the reference holds {heard.wrong_target} wrong: {accusing}")
    if judgement.verdict is not Verdict.MATCH:
        return heard
    for stance, verdict in ((Stance.ACCUSES, Verdict.MISMATCH), (Stance.DOCUMENTED, Verdict.DOCUMENTED)):
        for opinion in opinions:
            if opinion.stance is stance:
                return replace(heard, verdict=verdict, reason=f"{opinion.oracle}: {opinion.reason}")
    return heard


class Judge:
    """Judges kernels with `cuda` as the back end for that target, called `cuda_name` (`device` or `emulator`).

    Kernels must have been compiled without optimisation for the cpu, which is the extractor's default: at higher levels
    clang drops calls of library functions, whose rounding then explains nothing and accuses the compiler.

    Where the targets agree, or differ, other oracles are asked (`oracle.second_opinions`); gradients are checked along
    so many `directions`. With `directions` of None nobody else is asked.
    """

    def __init__(self, cpu: Backend, cuda: Backend, cuda_name: str, directions: int | None = None) -> None:
        self._cpu = cpu
        self._cuda = cuda
        self._cuda_name = cuda_name
        self._directions = directions
        self._nudged: tuple[bytes, NudgedModule] | None = None

    @property
    def cuda(self) -> Backend:
        """The back end for the target cuda."""
        return self._cuda

    @property
    def backends(self) -> tuple[str, str]:
        """The names of the back ends that run."""
        return "cpu", self._cuda_name

    def judge(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Judgement:
        """Run `compiled` over `dims` on both targets, forward and with `backward` also backward, and judge.

        The target cuda runs first: the emulator sees a bad access, which on the cpu would corrupt this process.
        """
        seconds: dict[str, float] = {}
        try:
            with _timed(seconds, self._cuda_name):
                cuda = self._cuda.run(compiled, dims, inputs, backward)
        except (Unsupported, Malformed) as error:
            return Judgement(Verdict.UNSUPPORTED, str(error), seconds=seconds)
        except StepLimit as error:
            return Judgement(Verdict.HANG, f"the {self._cuda_name} is {error}", seconds=seconds)
        except Fault as fault:
            return self._accuse(compiled, dims, inputs, fault.reports, seconds)
        if cuda.reports:
            return self._accuse(compiled, dims, inputs, cuda.reports, seconds)
        with _timed(seconds, "cpu"):
            cpu = self._cpu.run(compiled, dims, inputs, backward)
        judgement = self._compare(compiled, dims, inputs, backward, cpu, cuda, seconds)
        judgement = replace(judgement, observations={"cpu": cpu, "cuda": cuda})
        if self._directions is None:
            return judgement
        launched = Launched(
            compiled, tuple(dims), inputs, backward, cpu, cuda, lambda one: self._cpu.run(compiled, dims, one, backward)
        )
        if judgement.verdict is Verdict.UNSTABLE:
            turns = what_rounding_decides(launched)
            return replace(judgement, reason=f"{judgement.reason}; {turns}") if turns else judgement
        if judgement.verdict not in (Verdict.MATCH, Verdict.MISMATCH):
            return judgement
        if judgement.verdict is Verdict.MISMATCH and judgement.place is not None:
            truth = in_float64(launched, judgement.place)
            if truth is not None:
                judgement = replace(judgement, reason=f"{judgement.reason}; in float64 it is {truth!r}")
        targets = ("cpu",) if judgement.verdict is Verdict.MATCH else ("cpu", "cuda")
        return weigh(judgement, second_opinions(launched, targets, self._directions))

    def _compare(
        self,
        compiled: Compiled,
        dims: Sequence[int],
        inputs: Inputs,
        backward: bool,
        cpu: Observation,
        cuda: Observation,
        seconds: dict[str, float],
    ) -> Judgement:
        """Judge the two targets against each other."""
        comparison = compare(cpu, cuda)
        if comparison.equal:
            return Judgement(Verdict.MATCH, "equal to the bit", comparison, (), seconds)
        if self._cuda_name == "device":
            cuda = _with_order_slack(cuda, compiled, dims, inputs, backward)
        if explain(cpu, cuda, comparison, ()).verdict is Verdict.MATCH:
            return Judgement(Verdict.MATCH, "differs by the order of float atomics", comparison, (), seconds)
        with _timed(seconds, "nudge"):
            rounding = self._judge_rounding(compiled, dims, inputs, backward, cpu, cuda)
        return Judgement(rounding.verdict, rounding.reason, comparison, rounding.functions, seconds, rounding.place)

    def _accuse(
        self,
        compiled: Compiled,
        dims: Sequence[int],
        inputs: Inputs,
        reports: Sequence[Report],
        seconds: Mapping[str, float],
    ) -> Judgement:
        """Accuse the compiler of what the sanitizer saw, unless the kernel itself does it: that is our own fault."""
        reason = sanitizer_reason(reports)
        own = undefined(compiled, dims, inputs) if self._directions is not None else ""
        if own:
            return Judgement(Verdict.UNSUPPORTED, f"not the compiler's fault: {own}; {reason}", seconds=seconds)
        return Judgement(Verdict.SANITIZER, reason, seconds=seconds)

    def _judge_rounding(
        self,
        compiled: Compiled,
        dims: Sequence[int],
        inputs: Inputs,
        backward: bool,
        cpu: Observation,
        cuda: Observation,
    ) -> Rounding:
        try:
            nudged = self._nudged_module(compiled)
        except (PrivateApiError, ValueError) as error:
            return Rounding(Verdict.UNSUPPORTED, f"rounding cannot be measured: {error}")
        return judge_rounding(
            nudged,
            lambda: self._cpu.run(compiled, dims, inputs, backward),
            cpu,
            cuda,
            lambda: self._cpu.run(compiled, dims, inputs, False),
            math.prod(dims) * max(compiled.block_dim, 1),
        )

    def _nudged_module(self, compiled: Compiled) -> NudgedModule:
        """Return the nudged module that holds the kernel; kernels of one batch share it."""
        if self._nudged is None or self._nudged[0] is not compiled.cpu_object:
            self._nudged = compiled.cpu_object, NudgedModule(compiled.kernel, compiled.cpu_object)
        return self._nudged[1]


def _with_order_slack(
    cuda: Observation, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool
) -> Observation:
    """Return a device's observation with the bounds that it cannot know itself, those of the emulator's run.

    A kernel that the emulator cannot run gets none, and is judged as if the order of its atomics did not matter.
    """
    try:
        return replace(cuda, order_slack=emulator.run(compiled, dims, inputs, backward).order_slack)
    except PtxError:
        return cuda


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.process_time()
    try:
        yield
    finally:
        seconds[name] = time.process_time() - start
