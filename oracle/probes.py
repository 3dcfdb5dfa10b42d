"""What one fresh process tries with an accused kernel: run it again, run one target alone, turn the options.

Everything is compiled with the kernel alone in its module, and a process that runs one target never runs the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from extractor.compiling import TARGETS, Compiled, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from oracle.backends import cpu, cuda_backend, emulator
from oracle.compare import Place
from oracle.inputs import Inputs
from oracle.judge import DIRECTIONS, Backend, Judge, Judgement, sanitizer_reason, weigh
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.peers.agreement import PeerCase
from oracle.peers.peer import Peer
from oracle.peers.running import PeerRunner
from oracle.peers.toggles import Accused, options_that_change
from oracle.ptx.errors import Fault, PtxError, StepLimit
from oracle.ptx.reports import Report
from oracle.reference import NO_OPINION, Program, evaluate
from oracle.reference.opinion import describe
from oracle.rerun import Case, launches_of
from oracle.second_look import look_again


class What(StrEnum):
    """What a probe does: `judge` runs both targets, `cpu` and `cuda` one alone, `compile` only compiles.

    `reduced` judges and then turns the options, for a kernel that a reduction has made small.
    """

    JUDGE = "judge"
    CPU = "cpu"
    CUDA = "cuda"
    COMPILE_CPU = "compile cpu"
    COMPILE_CUDA = "compile cuda"
    REFERENCE = "reference"
    OPTIONS = "options"
    REDUCED = "reduced"


@dataclass(frozen=True)
class Probe:
    """One thing to try with a case of one input seed; a judge who finds no difference asks these `peers` as well."""

    what: What
    case: Case
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What came of a probe. `verdict` is None where nothing was wrong that can be told without the other target.

    `place` is the element that the verdict is about. `agree` says that the two targets gave the same up to rounding, so
    that others accuse, `by_peers` that only peers do. `observation` is the back end's or the reference's, for a probe
    that runs one.
    """

    verdict: Verdict | None = None
    reason: str = ""
    place: Place | None = None
    opinions: tuple[Opinion, ...] = ()
    agree: bool = False
    by_peers: bool = False
    observation: Observation | None = None
    reports: tuple[Report, ...] = ()
    options: tuple[str, ...] = ()
    dims: tuple[int, ...] = ()


def start_worker(cuda: str, scratch: Path) -> Callable[[tuple[Probe, ...]], Sequence[Answer]]:
    """Start Warp in this process, compiling under `scratch`, and return the function that answers probes.

    `cuda` is the back end's name, `device` or `emulator`. The pool removes `scratch` when the process has ended.
    """
    workspace = open_workspace(scratch).__enter__()
    backends = {"cpu": cpu, "cuda": cuda_backend(cuda)}
    prober = Prober(workspace, Judge(cpu, cuda_backend(cuda), cuda, DIRECTIONS), backends, cuda)
    return lambda probes: [_answer(prober, probe) for probe in probes]


def _answer(prober: Prober, probe: Probe) -> Answer:
    """Answer a probe; our own failures are answers, too, so that a finding is kept whatever its examination does."""
    try:
        return prober.answer(probe)
    except Exception as error:
        return Answer(Verdict.UNSUPPORTED, f"our own failure: {type(error).__name__} {error}")


@dataclass(frozen=True)
class Prober:
    """Answers probes with these back ends, by target; `cuda` is the name of that target's."""

    workspace: Workspace
    judge: Judge
    backends: Mapping[str, Backend]
    cuda: str

    def answer(self, probe: Probe) -> Answer:
        """Compile what the probe needs, and do what it says."""
        options = replace(probe.case.options, targets=self._targets(probe.what))
        with compile_batch([probe.case.source], options, self.workspace) as batch:
            compiled = batch.results[0]
            if not isinstance(compiled, Compiled):
                reason = f"{compiled.stage} for {' and '.join(compiled.targets)}: {compiled.diagnostic}"
                changing = self._options(probe) if probe.what in (What.OPTIONS, What.REDUCED) else ()
                return Answer(Verdict.COMPILE_ERROR, reason, options=changing)
            try:
                dims, (inputs,) = launches_of(probe.case, compiled.kernel)
            except (KeyError, TypeError, ValueError) as error:
                reason = f"its arguments do not fit the kernel: {type(error).__name__} {error}"
                return Answer(Verdict.UNSUPPORTED, reason)
            return replace(self._run(probe, compiled, dims, inputs), dims=dims)

    def _targets(self, what: What) -> tuple[str, ...]:
        """Return what to compile for: the emulator needs Warp's launch for the cpu, which no cpu code then follows."""
        if what in (What.CPU, What.COMPILE_CPU, What.REFERENCE):
            return ("cpu",)
        if what is What.COMPILE_CUDA or (what is What.CUDA and self.cuda == "device"):
            return ("cuda",)
        return TARGETS

    def _run(self, probe: Probe, compiled: Compiled, dims: tuple[int, ...], inputs: Inputs) -> Answer:
        match probe.what:
            case What.JUDGE:
                return self._judged(probe, compiled, dims, inputs)
            case What.CPU | What.CUDA:
                return self._alone(probe.what, compiled, dims, inputs, probe.case.options.backward)
            case What.REFERENCE:
                return _reference(probe.case.source, compiled, dims, inputs)
            case What.REDUCED:
                judged = self._judged(probe, compiled, dims, inputs)
                tried = judged.verdict is not None and judged.verdict.accuses and not judged.by_peers
                return replace(judged, options=self._options(probe, dims, inputs)) if tried else judged
            case What.OPTIONS:
                return Answer(options=self._options(probe, dims, inputs))
            case _:
                return Answer()

    def _judged(self, probe: Probe, compiled: Compiled, dims: tuple[int, ...], inputs: Inputs) -> Answer:
        options = probe.case.options
        judgement = self.judge.judge(compiled, dims, inputs, options.backward)
        agreed = judgement.verdict is Verdict.MATCH
        if agreed and probe.peers:
            seen = judgement.observations
            case = PeerCase(probe.case.source, compiled, dims, inputs, seen["cpu"], seen["cuda"])
            runner = PeerRunner(options, self.workspace, cuda_backend(self.cuda))
            judgement = weigh(judgement, [opinion for peer in probe.peers for opinion in runner.run([case], peer)])
        judgement = look_again(judgement, self.judge, probe.case.source, options, self.workspace, dims, inputs)
        return answer_of(judgement, agreed)

    def _alone(self, target: str, compiled: Compiled, dims: tuple[int, ...], inputs: Inputs, backward: bool) -> Answer:
        """Run one target; on the emulator, which sees all stores, with the threads that made them."""
        try:
            backend = self.backends[target]
            run = partial(emulator.run, authors=True) if backend is emulator else backend.run
            observation = run(compiled, dims, inputs, backward)
        except StepLimit as error:
            return Answer(Verdict.HANG, f"the {self.cuda} is {error}")
        except Fault as fault:
            return Answer(Verdict.SANITIZER, sanitizer_reason(fault.reports), reports=tuple(fault.reports))
        except PtxError as error:
            return Answer(Verdict.UNSUPPORTED, str(error))
        if observation.reports:
            return Answer(Verdict.SANITIZER, sanitizer_reason(observation.reports), reports=observation.reports)
        return Answer(observation=observation)

    def _options(self, probe: Probe, dims: tuple[int, ...] = (), inputs: Inputs | None = None) -> tuple[str, ...]:
        """Return the options that turn the accusation into a match; without inputs, those with which it compiles."""
        accused = Accused(probe.case.source, probe.case.options, dims, inputs)
        unexplained = Judgement(Verdict.MISMATCH, "")
        return options_that_change(accused, self.judge, self.workspace, unexplained)


def answer_of(judgement: Judgement, agreed: bool) -> Answer:
    """Return a judgement as an answer; `agreed` says that both targets did before their peers were asked."""
    alike = judgement.comparison is not None and judgement.place is None
    place = judgement.place or _disputed(judgement)
    by_peers = agreed and judgement.verdict.accuses
    return Answer(judgement.verdict, judgement.reason, place, judgement.opinions, alike, by_peers)


def _reference(source: str, compiled: Compiled, dims: tuple[int, ...], inputs: Inputs) -> Answer:
    program = Program.of(source, parameters_of(compiled.kernel))
    try:
        evaluation = evaluate(program, dims, inputs, block_dim=compiled.block_dim)
    except NO_OPINION as error:
        return Answer(Verdict.UNSUPPORTED, describe(error))
    return Answer(observation=evaluation.observation)


def _disputed(judgement: Judgement) -> Place | None:
    """Return where the first oracle that accuses sees the first difference, for targets that agree."""
    for opinion in judgement.opinions:
        if opinion.stance is Stance.ACCUSES and opinion.comparison is not None:
            leaf = opinion.comparison.differing[0]
            return None if leaf.first is None else (leaf.name, leaf.first.index)
    return None
