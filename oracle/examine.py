"""Examines accusations: plans an accused kernel's probes, runs them in fresh processes, and collects the answers.

A process is asked one thing and ends; only other inputs share one. It has limits of time and memory, and may crash:
that is an answer, too. Where an accusation stands, the kernel is then reduced: its candidates are tried many at a time
in a process that stays, and what is left of it is judged once more in a fresh one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType

from oracle.evidence import Outcome, standing
from oracle.observation import Verdict
from oracle.opinions import Stance
from oracle.peers.options import OPTIONS
from oracle.peers.peer import Peer, Rewritten
from oracle.peers.rewrites.table import REWRITES
from oracle.pool import Death, Limits, Pool
from oracle.probes import Answer, Probe, What, start_worker
from oracle.reduce.accuser import Accuser, accuser_of
from oracle.reduce.cause import cause_of
from oracle.reduce.reduced import Reduced
from oracle.reduce.running import Reducer
from oracle.rerun import Case
from oracle.standing import Standing

OTHER_INPUTS = (0, 1, 2, 3)
"""The seeds of the other inputs, those that `python -m oracle check` takes first; the finding's own is left out."""

REPEATS = 2
"""Runs on the same inputs, of both targets and of each alone."""

LIMITS = Limits(job_seconds=60.0, item_seconds=20.0, startup_seconds=40.0, jobs_per_worker=1)
"""For one probe: the kernel ends at once or never."""

OPTIONS_SECONDS = 600.0
"""What the options may take besides: each is compiled for both targets, in half a minute together if nothing else runs.
"""


@dataclass(frozen=True)
class Accusation:
    """A kernel with the inputs it is accused on, one seed; `verdict` is of what, None if that is lost.

    `peers` are those that may have accused it. It is reduced if it stands, unless not `reduce`, or its arguments are
    not given.
    """

    case: Case
    verdict: Verdict | None = None
    peers: tuple[Peer, ...] = ()
    reduce: bool = True


@dataclass(frozen=True)
class Step:
    """A probe of an examination: what it does, and which of those that do the same: a number, a seed, an option."""

    what: What
    which: int | str = 0

    @property
    def on_other_inputs(self) -> bool:
        """Whether it judges the kernel on other inputs than the finding's."""
        return self.what is What.JUDGE and isinstance(self.which, str)


@dataclass
class Examination:
    """The probes of one accusation, in rounds, each of which follows from the answers to those before.

    `open` counts the probes that are under way. `reduced` is what a reduction of the kernel came to, if there was one;
    `whole` says that there is none, so that the options are turned for the whole kernel.
    """

    accusation: Accusation
    answers: dict[Step, Outcome] = field(default_factory=dict)
    open: int = 0
    reduced: Reduced | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        case = self.accusation.case
        self.whole |= not self.accusation.reduce or case.arguments is None or case.dims is None

    def next_round(self) -> dict[Step, Probe]:
        """Return the probes to make now; none at the end."""
        wanted = self._first_round()
        if wanted.keys() <= self.answers.keys():
            wanted = self._after_deaths()
        return {step: probe for step, probe in wanted.items() if step not in self.answers}

    def _first_round(self) -> dict[Step, Probe]:
        case, verdict, peers = self.accusation.case, self.accusation.verdict, self.accusation.peers
        repeats = 1 if verdict is Verdict.HANG else REPEATS
        steps = [Step(What.JUDGE, number) for number in range(repeats)]
        if verdict is Verdict.COMPILE_ERROR:
            steps += [Step(What.COMPILE_CPU), Step(What.COMPILE_CUDA), *self._turned()]
            return {step: Probe(step.what, case, peers) for step in steps}
        steps += [Step(what, number) for what in (What.CPU, What.CUDA) for number in range(repeats)]
        if verdict not in (Verdict.CRASH, Verdict.HANG):  # then they would end the process, or never end
            steps += [*self._turned(), Step(What.REFERENCE)]
        probes = {step: Probe(step.what, case, peers) for step in steps}
        others = [] if verdict is Verdict.HANG else [seed for seed in OTHER_INPUTS if seed not in case.input_seeds]
        return probes | {
            Step(What.JUDGE, f"inputs {seed}"): Probe(What.JUDGE, replace(case, input_seeds=(seed,)), peers)
            for seed in others
        }

    def _turned(self) -> list[Step]:
        return [Step(What.OPTIONS)] if self.whole else []

    def _after_deaths(self) -> dict[Step, Probe]:
        """For each target that ended its process: is it the compiler that does, and with every option?"""
        probes = {}
        for what, compiling in ((What.CPU, What.COMPILE_CPU), (What.CUDA, What.COMPILE_CUDA)):
            death = self.answers.get(Step(what))
            if not isinstance(death, Death):
                continue
            probes[Step(compiling)] = Probe(compiling, self.accusation.case)
            if not death.hang:
                probes |= self._under_options(what)
        return probes

    def _under_options(self, target: What) -> dict[Step, Probe]:
        case = self.accusation.case
        return {
            Step(target, name): Probe(target, replace(case, options=option.applied(case.options)))
            for name, option in OPTIONS.items()
            if str(target) in option.targets
        }

    def standing(self) -> Standing:
        """Return what the answers come to."""
        accused = self.accusation.verdict
        compiles = {"cpu": Step(What.COMPILE_CPU), "cuda": Step(What.COMPILE_CUDA)}
        compiled = {target: self.answers[step] for target, step in compiles.items() if step in self.answers}
        alone = {target: self._numbered(What(target)) for target in ("cpu", "cuda")}
        return standing(
            accused=accused,
            judged=self._numbered(What.JUDGE),
            alone={target: runs or [compiled[target]] for target, runs in alone.items()},
            compiled=compiled,
            others=[answer for step, answer in self.answers.items() if step.on_other_inputs],
            reference=self.answers.get(Step(What.REFERENCE)),
            options=self._options(),
            block_dim=self.accusation.case.options.block_dim if self.accusation.case.options.tiled else 0,
        )

    def accuser(self) -> Accuser | None:
        """Return who accuses the kernel, None where that is not what it was accused of."""
        found = accuser_of(self.answers[_FIRST])
        accused = self.accusation.verdict
        stands = found is not None and found.verdict is (accused or found.verdict)
        return found if stands else None

    def to_reduce(self) -> tuple[Accuser, Peer | None] | None:
        """Return whose accusation a reduction must keep, None where the kernel is not to be reduced.

        What does not stand cannot be reduced, what is known by name need not be, and what waits for a limit takes too
        long.
        """
        accuser = self.accuser()
        if self.whole or accuser is None or accuser.known or self.standing().flaky:
            return None
        if isinstance(self.answers[_FIRST], Death) and accuser.verdict is Verdict.HANG:
            return None
        return accuser, self._peer()

    def _peer(self) -> Peer | None:
        """Return the peer that accuses, with those rewrites alone that it made."""
        first = self.answers[_FIRST]
        if not isinstance(first, Answer) or not first.by_peers:
            return None
        name = next(opinion.oracle for opinion in first.opinions if opinion.stance is Stance.ACCUSES)
        rewrites = tuple(name.split(", "))
        for peer in self.accusation.peers:
            if isinstance(peer, Rewritten) and all(one in REWRITES for one in rewrites):
                return replace(peer, only=rewrites)
            if peer.name == name:
                return peer
        return None

    def is_confirmed(self) -> bool:
        """Whether the reduced kernel is accused of the same in a process of its own."""
        return accuser_of(self.answers[_LAST]) == self.accuser()

    def confirmation(self, reduced: Reduced) -> Probe:
        """Return the probe that judges what a reduction came to, alone in its module and in a process of its own."""
        peer = self._peer()
        return Probe(What.REDUCED, reduced.case, (peer,) if peer else ())

    def concluded(self) -> Standing:
        """Return the standing with its cause, and with the reduced kernel if that is accused of the same."""
        found, accuser, reduced = self.standing(), self.accuser(), self.reduced
        last = self.answers.get(_LAST)
        if reduced is not None and isinstance(last, Answer) and not last.by_peers:
            found = replace(found, options=last.options)
        features = reduced.features if reduced is not None else None
        reason = next((one.reason for one in found.again if one.verdict is found.verdict), "")
        cause = cause_of(found.verdict, reason, found.wrong, accuser, found.options, features)
        return replace(found, reduced=reduced, cause=f"flaky {cause}" if found.flaky else cause)

    def _numbered(self, what: What) -> list[Outcome]:
        """Return the answers to the runs on the same inputs under the same options, in the order of their numbers."""
        return [self.answers[step] for number in range(REPEATS) if (step := Step(what, number)) in self.answers]

    def _options(self) -> tuple[str, ...] | None:
        """Return the options with which all is well, None if they were not tried or took their process down."""
        answer = self.answers.get(Step(What.OPTIONS))
        if answer is not None:
            return answer.options if isinstance(answer, Answer) else None
        tried: dict[str, list[Outcome]] = {}
        for step, outcome in self.answers.items():
            if isinstance(step.which, str) and step.which in OPTIONS:
                tried.setdefault(step.which, []).append(outcome)
        if not tried:
            return None
        return tuple(name for name in OPTIONS if name in tried and all(map(_ended_well, tried[name])))


_FIRST, _LAST = Step(What.JUDGE), Step(What.REDUCED)
"""The first run on the same inputs, and that of the reduced kernel."""


def _ended_well(outcome: Outcome) -> bool:
    return isinstance(outcome, Answer) and outcome.verdict is None


def _processes(probes: Mapping[Step, Probe], verdict: Verdict | None) -> list[tuple[Step, ...]]:
    """Return which probes share a process: those on other inputs, unless each of them is likely to end it."""
    shared = () if verdict is Verdict.CRASH else tuple(step for step in probes if step.on_other_inputs)
    return [*([shared] if shared else []), *((step,) for step in probes if step not in shared)]


class Examiner:
    """Examines accusations in at most `workers` processes at a time. Use as a context manager."""

    def __init__(self, cuda: str, workers: int = 1) -> None:
        """`cuda` is the back end for that target, `device` or `emulator`."""
        self.workers = workers
        self._pool: Pool[Probe, Answer] = Pool(partial(start_worker, cuda), workers, LIMITS)
        self._reducer = Reducer(cuda)
        self._under_way: dict[Hashable, Examination] = {}

    def __enter__(self) -> Examiner:
        self._pool.__enter__()
        self._reducer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reducer.__exit__(kind, error, trace)
        self._pool.__exit__(kind, error, trace)

    @property
    def unfinished(self) -> int:
        """How many accusations are not examined yet."""
        return len(self._under_way)

    def submit(self, key: Hashable, accusation: Accusation) -> None:
        """Begin an examination; `completed` gives the standing back under the same key."""
        self._under_way[key] = Examination(accusation)
        self._ask(key)

    def _ask(self, key: Hashable) -> bool:
        """Make the next round of probes; returns whether there is one."""
        examination = self._under_way[key]
        probes = examination.next_round()
        examination.open = len(probes)
        for steps in _processes(probes, examination.accusation.verdict):
            more = OPTIONS_SECONDS if any(step.what is What.OPTIONS for step in steps) else 0.0
            self._pool.submit((key, steps), [probes[step] for step in steps], more)
        return bool(probes)

    def completed(self, timeout: float) -> list[tuple[Hashable, Standing]]:
        """Wait at most `timeout` seconds for something to happen; return the examinations that are complete."""
        reducing = self._reducer.unfinished > 0
        self._pool.workers = self.workers - reducing
        share = timeout / 2 if reducing and self._pool.unfinished else timeout
        done = [key for key, steps, outcomes in self._answered(share) if self._is_done(key, steps, outcomes)]
        for key, reduced in self._reducer.completed(share) if reducing else ():
            if self._is_over(key, reduced):
                done.append(key)
        return [(key, self._under_way.pop(key).concluded()) for key in done]

    def _answered(self, timeout: float) -> Iterator[tuple[Hashable, tuple[Step, ...], Sequence[Outcome]]]:
        for name, outcomes in self._pool.completed(timeout) if self._pool.unfinished else ():
            assert isinstance(name, tuple)
            key, steps = name
            yield key, steps, outcomes

    def _is_done(self, key: Hashable, steps: Sequence[Step], outcomes: Sequence[Outcome]) -> bool:
        """Take in answers, and go on with the examination; returns whether it is at its end."""
        examination = self._under_way[key]
        examination.answers |= zip(steps, outcomes, strict=True)
        examination.open -= len(steps)
        if examination.open:
            return False
        if self._ask(key):
            return False
        if examination.reduced is not None:
            return examination.is_confirmed() or self._is_over(key, None)
        wanted = examination.to_reduce()
        if wanted is None:
            return examination.whole or self._is_over(key, None)
        self._reducer.submit(key, examination.accusation.case, *wanted)
        return False

    def _is_over(self, key: Hashable, reduced: Reduced | None) -> bool:
        """Go on from what a reduction came to; returns whether the examination is at its end."""
        examination = self._under_way[key]
        examination.reduced = reduced
        if reduced is None:
            examination.whole = True
            return not self._ask(key)
        examination.open = 1
        self._pool.submit((key, (_LAST,)), [examination.confirmation(reduced)], OPTIONS_SECONDS)
        return False


def examine(accusation: Accusation, cuda: str, workers: int = 1) -> Standing:
    """Examine one accusation, and wait until that is done."""
    with Examiner(cuda, workers) as examiner:
        examiner.submit("", accusation)
        while True:
            for _, found in examiner.completed(timeout=1.0):
                return found
