"""Who says whether a candidate still shows what is minimised: worker processes with an accuser, or somebody's command.

Answers are remembered by the candidate's text, and kept in a journal beside the result: a minimisation that was
interrupted asks the same questions again and gets on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol

from extractor.expression_types import Span
from oracle.observation import Verdict
from oracle.peers.peer import Peer
from oracle.pool import Death, Limits, Pool
from oracle.reduce.accuser import Accuser, accuser_of
from oracle.reduce.features import features_of
from oracle.reduce.trying import Trial, Tried, start_worker
from oracle.rerun import Case

LIMITS = Limits(job_seconds=60.0, item_seconds=20.0)
"""For the candidates of one job; a process serves many."""


class Tester(Protocol):
    """Says of cases whether they show it."""

    @property
    def compiles(self) -> int:
        """How many modules were compiled for that, or commands run."""
        ...

    def ask(self, cases: Sequence[Case]) -> list[Tried]:
        """Return what comes of the cases, in their order."""
        ...


def key_of(case: Case) -> str:
    """Return a hash of all that decides what comes of a case."""
    given = case.given.to_json() if case.given is not None else None
    data = [case.source, list(case.dims or ()), [dict(one) for one in case.arguments or ()], given]
    text = json.dumps([*data, repr(case.options), case.input_seeds], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Journal:
    """Remembers what came of cases. With a `path` it is a file with a JSON object per line, which outlives a kill."""

    def __init__(self, tester: Tester, path: Path | None = None) -> None:
        self.tester = tester
        self.known: dict[str, Tried] = dict(_read(path)) if path is not None and path.exists() else {}
        self.resumed = len(self.known)
        self._path = path

    @property
    def compiles(self) -> int:
        """How many modules were compiled, in this run."""
        return self.tester.compiles

    def ask(self, cases: Sequence[Case]) -> list[Tried]:
        """Return what comes of the cases; those that are known are not tried again."""
        keys = [key_of(case) for case in cases]
        new = {key: case for key, case in zip(keys, cases, strict=True) if key not in self.known}
        if new:
            found = self.tester.ask(list(new.values()))
            self.known |= zip(new, found, strict=True)
            self._write({key: self.known[key] for key in new})
        return [self.known[key] for key in keys]

    def _write(self, found: Mapping[str, Tried]) -> None:
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            for key, tried in found.items():
                types = [[*span, type_] for span, type_ in tried.types.items()] if tried.shows else []
                row = {"key": key, "shows": tried.shows, "types": types, "features": list(tried.features)}
                file.write(json.dumps(row) + "\n")


def _read(path: Path) -> list[tuple[str, Tried]]:
    """Return what a journal holds; a last line that was cut off is left out, and cut away."""
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [_row(json.loads(line)) for line in whole.splitlines()]


def _row(data: Mapping[str, list[list[int | str]]]) -> tuple[str, Tried]:
    types: dict[Span, str] = {tuple(one[:4]): str(one[4]) for one in data["types"]}  # type: ignore[misc]
    return str(data["key"]), Tried(bool(data["shows"]), types, tuple(map(str, data["features"])))


class Accusing:
    """Asks worker processes whether an accuser still accuses. Use as a context manager."""

    def __init__(self, cuda: str, workers: int, accuser: Accuser, peer: Peer | None = None) -> None:
        """`cuda` is the back end for that target; `peer` is who accuses, if it is one."""
        self.compiles = 0
        self._accuser = accuser
        self._peer = peer
        self._workers = workers
        self._pool: Pool[Trial, Tried] = Pool(partial(start_worker, cuda), workers, LIMITS)

    def __enter__(self) -> Accusing:
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)

    def ask(self, cases: Sequence[Case], described: bool = False) -> list[Tried]:
        """Return what comes of the cases, a part of them in each process; `described` with all that was seen."""
        deadly = self._accuser.verdict in (Verdict.CRASH, Verdict.HANG)
        jobs = min(len(cases), len(cases) if deadly else self._workers)
        places = [tuple(range(job, len(cases), jobs)) for job in range(jobs)]
        for own in places:
            self._pool.submit(own, [Trial(cases[one], self._accuser, self._peer, described) for one in own])
        refused = self._accuser.verdict is Verdict.COMPILE_ERROR
        self.compiles += len(cases) if refused else jobs
        outcomes: dict[int, Tried | Death] = {}
        while self._pool.unfinished:
            for job, found in self._pool.completed(timeout=1.0):
                assert isinstance(job, tuple)
                outcomes |= zip(job, found, strict=True)
        return [self._told(case, outcomes[place]) for place, case in enumerate(cases)]

    def _told(self, case: Case, outcome: Tried | Death) -> Tried:
        """Return what a process says of a candidate by its end: it shows a crash, and tells no types."""
        if isinstance(outcome, Tried):
            return outcome
        shows = accuser_of(outcome) == self._accuser
        return Tried(shows, features=features_of(case) if shows else ())


class Command:
    """Asks a command: it is given a candidate's path, and exits with 0 for one that is still interesting."""

    def __init__(self, command: str, name: str, workers: int, seconds: float = 300.0) -> None:
        """The path comes last, or in the place of `{}`; the file has the `name` of the original.

        A call that takes longer than `seconds` counts as no.
        """
        self.compiles = 0
        self._words = shlex.split(command)
        self._name = name
        self._workers = workers
        self._seconds = seconds

    def ask(self, cases: Sequence[Case]) -> list[Tried]:
        """Return which of the cases are still interesting."""
        self.compiles += len(cases)
        with ThreadPoolExecutor(self._workers) as pool:
            return [Tried(shows) for shows in pool.map(self.shows, (case.source for case in cases))]

    def shows(self, source: str) -> bool:
        """Run the command on one source, in a folder of its own."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self._name
            path.write_text(source, encoding="utf-8")
            words = [word.replace("{}", str(path)) for word in self._words]
            words += [] if words != self._words else [str(path)]
            try:
                done = subprocess.run(
                    words, cwd=os.getcwd(), capture_output=True, stdin=subprocess.DEVNULL, timeout=self._seconds
                )
            except subprocess.TimeoutExpired:
                return False
            return done.returncode == 0
