"""What a worker process does with candidates of a reduction: compile many as one module, and ask who accuses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from extractor.compiling import Compiled, CompileFailure, CompileOptions, Result, compile_batch
from extractor.expression_types import Span, expression_types
from extractor.warp_setup import Workspace, open_workspace
from oracle.backends import cpu, cuda_backend
from oracle.inputs import Inputs
from oracle.judge import DIRECTIONS, Judge, Judgement, weigh
from oracle.observation import Verdict
from oracle.peers.agreement import PeerCase
from oracle.peers.peer import Peer
from oracle.peers.running import PeerRunner
from oracle.probes import Answer, answer_of
from oracle.reduce.accuser import TARGETS, Accuser, accuser_of
from oracle.reduce.description import Description, described
from oracle.reduce.features import features_of
from oracle.rerun import Case, launches_of
from oracle.second_look import look_again
from oracle.second_opinions import undefined


@dataclass(frozen=True)
class Trial:
    """A candidate, alone with its one input seed, and who should accuse it still; `peer` is who does if it is one.

    With `described`, all that was seen of it comes back.
    """

    case: Case
    accuser: Accuser
    peer: Peer | None = None
    described: bool = False


@dataclass(frozen=True)
class Tried:
    """What came of a trial: whether the accuser still accuses, and then the candidate's types and features."""

    shows: bool
    types: Mapping[Span, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    description: Description | None = None


Neighbour = tuple[int, Trial, Compiled, tuple[int, ...], Inputs]
"""A trial by its number, as it was compiled and is launched."""


def start_worker(cuda: str, scratch: Path) -> Callable[[tuple[Trial, ...]], Sequence[Tried]]:
    """Start Warp in this process, compiling under `scratch`, and return the function that tries candidates.

    `cuda` is the back end's name, `device` or `emulator`. The pool removes `scratch` when the process has ended.
    """
    workspace = open_workspace(scratch).__enter__()
    backend = cuda_backend(cuda)
    return Trier(workspace, Judge(cpu, backend, cuda, DIRECTIONS), Judge(cpu, backend, cuda)).run


@dataclass(frozen=True)
class Trier:
    """Tries candidates, all of one call that are compiled alike in one module.

    `judge` asks every oracle, `among_targets` nobody but the two targets: the reference runs a kernel 64 times before
    it accuses, and is left alone where it is not the accuser.
    """

    workspace: Workspace
    judge: Judge
    among_targets: Judge

    def run(self, trials: Sequence[Trial]) -> list[Tried]:
        """Return what came of the trials, in their order."""
        found: dict[int, Tried] = {}
        for (options, refused), group in groupby(enumerate(trials), key=_kind):
            alike = list(group)
            found |= self._refused(alike, options) if refused else self._judged(alike, options)
        return [found[number] for number in range(len(trials))]

    def _refused(self, trials: Sequence[tuple[int, Trial]], options: CompileOptions) -> dict[int, Tried]:
        """Compile each candidate of a compile error alone: in one module they would all fail."""
        found = {}
        for number, trial in trials:
            with compile_batch([trial.case.source], options, self.workspace) as batch:
                shows = accuser_of(_refusal(batch.results[0])) == trial.accuser
                refusal = _refusal(batch.results[0]).reason
            types = (expression_types(trial.case.source) or {}) if shows else {}
            seen = Description(refusal) if trial.described else None
            found[number] = Tried(shows, types, features_of(trial.case) if shows else (), seen)
        return found

    def _judged(self, trials: Sequence[tuple[int, Trial]], options: CompileOptions) -> dict[int, Tried]:
        """Compile the candidates together, without those that Warp's code generator refuses, and judge each."""
        found = dict.fromkeys((number for number, _ in trials), Tried(False))
        sources = dict.fromkeys(trial.case.source for _, trial in trials)  # many differ in what they are launched with
        typed = {source: types for source in sources if (types := expression_types(source)) is not None}
        sound = [(number, trial) for number, trial in trials if trial.case.source in typed]
        with compile_batch(list(typed), options, self.workspace) as batch:
            results = dict(zip(typed, batch.results, strict=True))
            neighbours = list(_launchable(sound, [results[trial.case.source] for _, trial in sound]))
            for neighbour, answer, judgement in self._answers(neighbours, options):
                number, trial, compiled, dims, inputs = neighbour
                same = _among_targets(accuser_of(answer)) == _among_targets(trial.accuser)
                if same and not undefined(compiled, dims, inputs):
                    features = features_of(trial.case, compiled.artifacts.cpp_forward)
                    seen = described(answer, judgement, compiled, dims, inputs) if trial.described else None
                    found[number] = Tried(True, typed[trial.case.source], features, seen)
        return found

    def _answers(
        self, neighbours: Sequence[Neighbour], options: CompileOptions
    ) -> Iterator[tuple[Neighbour, Answer, Judgement]]:
        judged = {
            number: self._judge(trial).judge(compiled, dims, inputs, options.backward)
            for number, trial, compiled, dims, inputs in neighbours
        }
        agreed = [one for one in neighbours if judged[one[0]].verdict is Verdict.MATCH]
        heard = judged | self._with_peers(agreed, judged, options)
        for neighbour in neighbours:
            number, trial, _, dims, inputs = neighbour
            one = heard[number]
            if trial.accuser.verdict is Verdict.SANITIZER and one.verdict is Verdict.MISMATCH:
                one = look_again(one, self.judge, trial.case.source, options, self.workspace, dims, inputs)
            yield neighbour, answer_of(one, judged[number].verdict is Verdict.MATCH), judged[number]

    def _judge(self, trial: Trial) -> Judge:
        by_others = trial.accuser.verdict is Verdict.MISMATCH and trial.accuser.oracle != TARGETS
        return self.judge if (by_others or trial.described) and trial.peer is None else self.among_targets

    def _with_peers(
        self, agreed: Sequence[Neighbour], judged: Mapping[int, Judgement], options: CompileOptions
    ) -> dict[int, Judgement]:
        """Ask the peer about those on which both targets agree."""
        peer = agreed[0][1].peer if agreed else None
        if peer is None:
            return {}
        cases = [
            PeerCase(trial.case.source, compiled, dims, inputs, seen["cpu"], seen["cuda"])
            for number, trial, compiled, dims, inputs in agreed
            for seen in (judged[number].observations,)
        ]
        opinions = PeerRunner(options, self.workspace, self.judge.cuda).run(cases, peer)
        return {one[0]: weigh(judged[one[0]], [opinion]) for one, opinion in zip(agreed, opinions, strict=True)}


def _among_targets(accuser: Accuser | None) -> Accuser | None:
    """Return an accuser as it is where nobody but the targets is asked, and nobody says which of them is wrong."""
    return replace(accuser, wrong="") if accuser is not None and accuser.oracle == TARGETS else accuser


def _kind(numbered: tuple[int, Trial]) -> tuple[CompileOptions, bool]:
    """Return what trials must have in common to be tried together."""
    trial = numbered[1]
    return trial.case.options, trial.accuser.verdict is Verdict.COMPILE_ERROR


def _refusal(result: Result) -> Answer:
    if isinstance(result, CompileFailure):
        reason = f"{result.stage} for {' and '.join(result.targets)}: {result.diagnostic}"
        return Answer(Verdict.COMPILE_ERROR, reason)
    return Answer()


def _launchable(trials: Sequence[tuple[int, Trial]], results: Sequence[Result]) -> Iterator[Neighbour]:
    for (number, trial), result in zip(trials, results, strict=True):
        if isinstance(result, Compiled):
            try:
                dims, (inputs,) = launches_of(trial.case, result.kernel)
            except (KeyError, TypeError, ValueError):
                continue  # a candidate whose launch does not fit any more shows nothing
            yield number, trial, result, dims, inputs
