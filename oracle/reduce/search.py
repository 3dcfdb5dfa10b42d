"""The search for a smaller kernel that is accused of the same: rounds of candidates, those that show it joined.

Nothing here runs a kernel. The same answers give the same reduction: no clock and no chance has a say.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grammar.recogniser import accept
from oracle.given import Given
from oracle.limits import gradient_limit
from oracle.observation import Verdict
from oracle.peers.rewrites.program import Program
from oracle.pool import Death
from oracle.reduce.accuser import GRADIENT, Accuser, accuser_of
from oracle.reduce.changes import Edit, changed, joined
from oracle.reduce.edits import edits_of, size_of
from oracle.reduce.features import features_of
from oracle.reduce.reduced import Reduced
from oracle.reduce.settings import Setting, settings_of, with_settings
from oracle.reduce.trying import Tried
from oracle.rerun import Case


@dataclass(frozen=True)
class Bounds:
    """How much a reduction may try: so many candidates in all, in so many rounds of so many candidates."""

    candidates: int = 200
    rounds: int = 30
    per_round: int = 16


FEW = Bounds(candidates=24, rounds=12, per_round=4)
"""For an accusation with which every candidate has a compiler start twice, as refused C++ does, or run to a limit."""

DEADLY = Bounds(candidates=12, rounds=6, per_round=3)
"""For an accusation that ends a process with every candidate."""


@dataclass(frozen=True)
class _Candidate:
    """A case to try, and how it was made from the base: with settings or an edit."""

    case: Case
    edit: Edit = ()
    settings: tuple[Setting, ...] = ()


class Reduction:
    """One kernel's reduction: `next_round` gives the candidates to try, `hear` takes in what came of them."""

    def __init__(self, case: Case, accuser: Accuser, bounds: Bounds | None = None) -> None:
        """The case has dimensions, arguments and one input seed, and `accuser` accuses it."""
        slow = accuser.verdict is Verdict.HANG or _is_native(accuser)
        self._accuser = accuser
        usual = DEADLY if accuser.verdict is Verdict.CRASH else FEW if slow else Bounds()
        self._bounds = bounds or usual
        self._original = case
        self._base = case
        self._types: Tried | None = None
        self._limit = gradient_limit(case.source)
        self._edits: Iterator[Edit] = iter(())
        self._seen: set[str] = set()
        self._failed: set[tuple[str, ...]] = set()
        self._round: list[_Candidate] = []
        self._settings = settings_of(case, accuser)
        self._single: list[tuple[_Candidate, Tried]] = []
        self._rounds = 0
        self._tried = 0

    @property
    def result(self) -> Reduced | None:
        """The smallest kernel so far, None if not even the original showed the accusation again."""
        if self._types is None:
            return None
        before, size = measure(self._original.source), measure(self._base.source)
        return Reduced(self._base, self._types.features, size, before, self._tried)

    def next_round(self) -> list[Case]:
        """Return the cases to try next, none at the end."""
        if not self._rounds:
            single = [[], *([one] for one in self._settings)]
            several = [self._settings] if len(self._settings) > 1 else []
            self._round = [self._with(settings) for settings in (*single, *several)]
        else:
            self._round = self._with_settings() or self._joined() or self._fresh()
        self._rounds += bool(self._round)
        self._tried += len(self._round)
        return [one.case for one in self._round]

    def hear(self, outcomes: Sequence[Tried | Death]) -> None:
        """Take in what came of the cases of the last round, in their order."""
        pairs = [(one, self._told(one, outcome)) for one, outcome in zip(self._round, outcomes, strict=True)]
        shown = [(one, tried) for one, tried in pairs if tried.shows]
        if self._rounds == 1:
            self._hear_settings(shown)
            return
        showing = {id(one) for one, _ in shown}
        nodes = list(ast.walk(ast.parse(self._base.source)))
        self._failed |= {_key(one.edit, nodes) for one in self._round if id(one) not in showing}
        if not self._single and len(shown) > 1:
            self._single = shown
            return
        self._single += shown
        if self._single:
            best = min(self._single, key=lambda pair: measure(pair[0].case.source))
            self._single = []
            self._settle(*best)

    def _told(self, candidate: _Candidate, outcome: Tried | Death) -> Tried:
        """Return what a process says of a candidate by its end: it shows a crash, and tells no types."""
        if isinstance(outcome, Tried):
            return outcome
        shows = accuser_of(outcome) == self._accuser
        return Tried(shows, features=features_of(candidate.case) if shows else ())

    def _hear_settings(self, shown: Sequence[tuple[_Candidate, Tried]]) -> None:
        """Settle on the case with the most settings, and have those joined that are good one by one."""
        self._settings = [one.settings[0] for one, _ in shown if len(one.settings) == 1]
        if shown:
            best = max(shown, key=lambda pair: len(pair[0].settings))
            self._settle(*best)
            if len(best[0].settings) >= len(self._settings):
                self._settings = []

    def _with(self, settings: Sequence[Setting]) -> _Candidate:
        return _Candidate(with_settings(self._original, settings), settings=tuple(settings))

    def _with_settings(self) -> list[_Candidate]:
        """Return the one candidate that joins settings, if that is still to be tried."""
        settings, self._settings = self._settings, []
        return [self._with(settings)] if settings else []

    def _settle(self, best: _Candidate, tried: Tried) -> None:
        """Go on from a smaller kernel; what failed before comes last."""
        self._base, self._types = best.case, tried
        written = tuple(str(one["name"]) for one in self._base.arguments or () if one["written"])
        edits = edits_of(self._base.source, tried.types, written)
        nodes = list(ast.walk(ast.parse(self._base.source)))
        self._edits = iter(sorted(edits, key=lambda edit: _key(edit, nodes) in self._failed))

    def _joined(self) -> list[_Candidate]:
        """Return candidates that make several changes at once, each of which was shown to be good alone."""
        edits = [one.edit for one, _ in self._single]
        middle = len(edits) // 2
        found = [self._candidate(joined(part)) for part in (edits, edits[:middle], edits[middle:]) if len(part) > 1]
        return [one for one in found if one is not None]

    def _fresh(self) -> list[_Candidate]:
        """Return the next candidates of one change each, within the bounds."""
        if self._single:  # they cannot be joined
            self._settle(*min(self._single, key=lambda pair: measure(pair[0].case.source)))
            self._single = []
        if self._types is None or self._rounds >= self._bounds.rounds:
            return []
        wanted = min(self._bounds.per_round, self._bounds.candidates - self._tried)
        found: list[_Candidate] = []
        for edit in self._edits:
            if len(found) >= wanted:
                break
            candidate = self._candidate(edit)
            found += [candidate] if candidate is not None else []
        return found

    def _candidate(self, edit: Edit) -> _Candidate | None:
        """Return the base with an edit, None if that is no smaller kernel inside the grammar, or was tried before."""
        source = changed(self._base.source, edit)
        if source in self._seen:
            return None
        self._seen.add(source)
        if measure(source) >= measure(self._base.source) or not does_something(source) or accept(source) is not None:
            return None
        if self._accuser.direction == GRADIENT and self._limit is None and gradient_limit(source) is not None:
            return None
        return _Candidate(with_source(self._base, source), edit)


def with_source(case: Case, source: str) -> Case:
    """Return a case with another source of fewer parameters: what is passed for the others is as it was."""
    names = {one.arg for one in Program(source).kernel.args.args}
    arguments = [one for one in case.arguments or () if str(one["name"]).partition(".")[0] in names]
    given = case.given
    if given is not None:
        given = Given(
            given.seed, {leaf: part for leaf, part in given.values.items() if leaf.partition(".")[0] in names}
        )
    return replace(case, source=source, arguments=arguments, given=given)


def measure(source: str) -> int:
    """Return the size of a source: the nodes of its tree."""
    return size_of(ast.parse(source))


def _is_native(accuser: Accuser) -> bool:
    """Whether a compiler behind Warp refuses the kernel: then it starts again without its precompiled headers."""
    return accuser.verdict is Verdict.COMPILE_ERROR and not accuser.said.startswith(("codegen", "load"))


def _key(edit: Edit, nodes: Sequence[ast.AST]) -> tuple[str, ...]:
    """Return what an edit changes, by its text: it stays the same where the source around it changes."""
    return tuple(
        f"{ast.unparse(nodes[change.place])}>{change.block}{change.text}"
        + (ast.unparse(nodes[change.operand]) if change.operand >= 0 else "")
        for change in edit
    )


def does_something(source: str) -> bool:
    """Whether a kernel has a statement besides those that do nothing or read the thread's number."""
    body = Program(source).kernel.body
    return any(not isinstance(one, ast.Pass) and "wp.tid()" not in ast.unparse(one) for one in body)
