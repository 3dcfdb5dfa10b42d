"""The full minimisation: passes over all families of steps until a whole pass finds nothing that is simpler.

Every step goes downhill in `cost`, so it ends; at its end no single step can be made (1-minimal). The same answers give
the same result: no clock has a say but the deadline, no chance but the seed, and not the number of processes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grammar.recogniser import accept
from oracle.given import Given
from oracle.limits import gradient_limit
from oracle.observation import Verdict
from oracle.reduce.accuser import GRADIENT, Accuser
from oracle.reduce.changes import Edit, changed_alone, joined
from oracle.reduce.cost import Cost, cost, count_tokens
from oracle.reduce.races import races_itself
from oracle.reduce.search import does_something
from oracle.reduce.settings import Setting, settings_of, with_settings
from oracle.reduce.steps import anything
from oracle.reduce.steps.families import FAMILIES, OF_LAUNCHES
from oracle.reduce.steps.names import irregularities
from oracle.reduce.steps.step import Family, Step, Subject, is_gradient
from oracle.reduce.steps.trees import joined_edit
from oracle.reduce.testing import Tester
from oracle.reduce.trying import Tried
from oracle.rerun import Case

ROUND = 24
"""Candidates that are tried at once: enough for two processes to share, whatever their number."""

FEW = 6
"""Candidates at once where each takes a process down, or a compiler start of its own; and where most show it still, as
launches of one thread do, so that those behind the first are tried for nothing.
"""


@dataclass(frozen=True)
class Progress:
    """Where a minimisation stands: sizes in tokens, candidates tried, how far the pass over a family is (0 to 1)."""

    family: str
    size: int
    size_before: int
    tried: int
    share: float
    idle_seconds: float


class NothingShownError(Exception):
    """Not even the original shows it."""


class OutOfTimeError(Exception):
    """The deadline has passed; what was found so far stands."""


@dataclass(frozen=True)
class Language:
    """What candidates are made of: the families of steps, which cases are worth a try, what is simpler.

    `joined` makes edits of several steps at once. `per_round` candidates are tried at a time, `settings` before them.
    """

    families: Mapping[str, Family]
    is_sound: Callable[[Case], bool]
    cost: Callable[[Case], Cost]
    joined: Callable[[Case, Edit], Case] = joined_edit
    per_round: int = ROUND
    settings: tuple[Setting, ...] = ()


def language_of(case: Case, accuser: Accuser) -> Language:
    """Return the language of kernels inside the grammar, for those that are accused like this one."""
    limit = gradient_limit(case.source)

    def is_sound(candidate: Case) -> bool:
        source = candidate.source
        if not does_something(source) or accept(source) is not None:
            return False
        if accuser.verdict is Verdict.SANITIZER and races_itself(candidate):
            return False
        return accuser.direction != GRADIENT or limit is not None or gradient_limit(source) is None

    refused = accuser.verdict is Verdict.COMPILE_ERROR
    families = {name: family for name, family in FAMILIES.items() if not refused or name not in OF_LAUNCHES}
    slow = accuser.verdict in (Verdict.CRASH, Verdict.HANG, Verdict.COMPILE_ERROR)
    return Language(
        families,
        is_sound,
        lambda one: (*cost(one), irregularities(one)),
        per_round=FEW if slow else ROUND,
        settings=tuple(settings_of(case, accuser)),
    )


def language_of_files() -> Language:
    """Return the language of any Python file, for a predicate of somebody's own."""
    return Language(
        {"the file": anything.steps},
        lambda case: bool(case.source) and _is_python(case.source),
        cost,
        lambda case, edit: replace(case, source=changed_alone(case.source, edit)),
        per_round=2 * FEW,
    )


def _is_python(source: str) -> bool:
    try:
        compile(source, "candidate", "exec")
    except SyntaxError:
        return False
    return True


class Minimisation:
    """Minimises a case that shows something. `best` is the simplest so far at any time, even when interrupted.

    `deadline` is a `time.monotonic()`. `watch` is told where it stands after every round.
    """

    def __init__(
        self,
        case: Case,
        language: Language,
        tester: Tester,
        seed: int = 0,
        deadline: float | None = None,
        watch: Callable[[Progress], None] | None = None,
    ) -> None:
        self.best = case
        self.features: tuple[str, ...] = ()
        self.tried = 0
        self.is_minimal = False
        self._original = case
        self._language = language
        self._tester = tester
        self._types = Tried(True)
        self._random = random.Random(seed) if seed else None
        self._deadline = deadline
        self._watch = watch
        self._failed: set[str] = set()
        self._seen: set[object] = set()
        self._family = ""
        self._last_success = time.monotonic()

    def run(self) -> Case:
        """Minimise until nothing is left to do, or the deadline; return the simplest case.

        Raises NothingShownError if the original does not show what is to be minimised.
        """
        try:
            self._start()
            while True:
                before = self._cost(self.best)
                for name, family in self._language.families.items():
                    self._family = name
                    self._exhaust(family)
                if self._cost(self.best) == before:
                    break
            self.is_minimal = True
        except OutOfTimeError:
            pass  # what was found so far is the result, and `is_minimal` says so
        return self.best

    def _start(self) -> None:
        """Learn the types of the original, and compile and launch it in a simpler way if it shows that, too."""
        self._family = "options"
        settings = self._language.settings
        together = [with_settings(self.best, settings)] if settings else []
        original, *turned = self._ask([self.best, *together])
        if not original.shows:
            raise NothingShownError
        self._settle(self.best, original)
        if turned and turned[0].shows:
            self._settle(together[0], turned[0])
        elif len(settings) > 1:
            single = [setting(self.best) for setting in settings]
            good = [(case, tried) for case, tried in zip(single, self._ask(single), strict=True) if tried.shows]
            if good:
                self._settle(*min(good, key=lambda pair: self._cost(pair[0])))

    def _exhaust(self, family: Family) -> None:
        """Make the steps of a family until none can be made any more."""
        improved = True
        while improved:
            improved = False
            steps = self._ordered(family(Subject(self.best, self._types.types)))
            for done, chunk in self._chunks(steps):
                outcomes = self._ask([case for _, case in chunk])
                shown = [pair for pair, tried in zip(chunk, outcomes, strict=True) if tried.shows]
                good = {id(step) for step, _ in shown}
                self._failed |= {step.what for step, _ in chunk if id(step) not in good}
                if shown:
                    by_case = {id(case): tried for (_, case), tried in zip(chunk, outcomes, strict=True)}
                    self._take(shown, by_case)
                    improved = True
                self._tell(1.0 if shown else done / max(len(steps), 1))
                if shown:
                    break

    def _ordered(self, steps: Iterator[Step]) -> list[Step]:
        """Return steps in the order in which they are tried: what failed before comes last."""
        found = list({step.what + str(step.edit): step for step in steps}.values())
        if self._random is not None:
            self._random.shuffle(found)
        return sorted(found, key=lambda step: step.what in self._failed)

    def _chunks(self, steps: Sequence[Step]) -> Iterator[tuple[int, list[tuple[Step, Case]]]]:
        """Yield candidates in rounds, each with how many steps have been looked at."""
        most = min(self._language.per_round, FEW if self._family in OF_LAUNCHES else ROUND)
        chunk: list[tuple[Step, Case]] = []
        texts: set[object] = set()
        for number, step in enumerate(steps):
            case = self._candidate(step.apply(self.best))
            if case is not None and _text(case) not in texts:
                texts.add(_text(case))
                chunk.append((step, case))
            if len(chunk) == most:
                yield number + 1, chunk
                chunk = []
        if chunk:
            yield len(steps), chunk

    def _candidate(self, case: Case | None) -> Case | None:
        """Return a case if it is worth a try: simpler than the best, inside the grammar, and not known to fail."""
        if case is None or self._cost(case) >= self._cost(self.best) or _text(case) in self._seen:
            return None
        return case if case.source == self.best.source or self._language.is_sound(case) else None

    def _take(self, shown: Sequence[tuple[Step, Case]], outcomes: dict[int, Tried]) -> None:
        """Settle on several of the steps that can be made, as many as go together, or else on the best of them."""
        pairs = [(case, outcomes[id(case)]) for _, case in shown]
        steps = [step for step, _ in shown]
        middle, quarter = len(steps) // 2, len(steps) // 4
        parts = [steps, steps[:middle], steps[middle:], steps[:quarter], steps[quarter:middle]]
        several = [part for part in parts if len(part) > 1]
        cases = [case for part in several if (case := self._candidate(self._made(part))) is not None]
        if cases:
            pairs += [(case, tried) for case, tried in zip(cases, self._ask(cases), strict=True) if tried.shows]
        self._settle(*min(pairs, key=lambda pair: self._cost(pair[0])))
        self._last_success = time.monotonic()

    def _made(self, steps: Sequence[Step]) -> Case | None:
        """Return the best case after several steps: edits of its tree together, the others one after another."""
        edits = [step.edit for step in steps if step.edit]
        case = self._language.joined(self.best, joined(edits)) if edits else self.best
        for step in steps:
            if not step.edit:
                case = step.apply(case) or case
        return case

    def _settle(self, case: Case, tried: Tried) -> None:
        self.best, self._types, self.features = _pruned(case), tried, tried.features

    def _ask(self, cases: Sequence[Case]) -> list[Tried]:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise OutOfTimeError
        self.tried += len(cases)
        found = self._tester.ask(cases)
        self._seen |= {_text(case) for case, tried in zip(cases, found, strict=True) if not tried.shows}
        return found

    def _cost(self, case: Case) -> Cost:
        return self._language.cost(case)

    def _tell(self, share: float) -> None:
        if self._watch is not None:
            sizes = count_tokens(self.best.source), count_tokens(self._original.source)
            self._watch(Progress(self._family, *sizes, self.tried, share, time.monotonic() - self._last_success))


def _text(case: Case) -> object:
    """Return what tells cases of one minimisation from each other."""
    given = case.given
    numbers = tuple((path, part.shape, part.tobytes()) for path, part in given.values.items()) if given else ()
    return case.source, case.dims, repr(case.arguments), case.options, numbers


def _pruned(case: Case) -> Case:
    """Return a case without gradients that no backward pass starts from."""
    if case.given is None or case.options.backward:
        return case
    values = {leaf: part for leaf, part in case.given.values.items() if not is_gradient(leaf)}
    return case if len(values) == len(case.given.values) else replace(case, given=Given(case.given.seed, values))


def as_warp_compiles(case: Case, original: Case) -> Case:
    """Return a case that is compiled at the level of the original, which a minimisation lowers to save time."""
    return replace(case, options=replace(case.options, cuda_level=original.options.cuda_level))
