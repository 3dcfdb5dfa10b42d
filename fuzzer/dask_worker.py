"""Inside a Dask worker: jobs go on to worker processes of ours, which crash, hang and run out of memory in its place.

One such process serves one thread of the Dask worker at a time, and lives on for the next job, so that Warp starts
once. There are as many as the Dask worker has had jobs at a time, which is at most its number of threads.
"""

from __future__ import annotations

import atexit
import hashlib
import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from oracle.pool import Death, Limits, Pool, WorkerHealth

IDLE_SECONDS = 300.0
"""After so long without a job the processes end: the campaign was killed, or is over and could not say so."""

ROOMS = ("grammar", "extractor", "oracle", "fuzzer")


@dataclass(frozen=True)
class Environment:
    """What decides the bytes of a record besides the campaign's options; `project` is a digest of our own code."""

    project: str
    warp: str
    python: str
    numpy: str
    libcst: str
    machine: str

    def difference(self, other: Environment) -> str:
        """Return the first thing in which `other` differs from this, in words; empty if there is none."""
        for one in fields(self):
            wanted, found = getattr(self, one.name), getattr(other, one.name)
            if wanted != found:
                return f"{one.name} is {found} there and {wanted} here"
        return ""


@cache
def environment() -> Environment:
    """Return the environment of this process."""
    return Environment(
        project=_digest(),
        warp=metadata.version("warp-lang"),
        python=".".join(map(str, sys.version_info[:2])),
        numpy=metadata.version("numpy"),
        libcst=metadata.version("libcst"),
        machine=f"{platform.system()} {platform.machine()}",
    )


def _digest() -> str:
    """Return a digest of the project's code, so that two checkouts that call themselves the same are told apart."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(path for room in ROOMS for path in (root / room).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Run:
    """A campaign as the cluster sees it: jobs of one run share worker processes. `name` is its alone."""

    name: str
    start: Callable[[Path], Callable[[tuple[Any, ...]], Sequence[Any]]]
    limits: Limits


@dataclass(frozen=True)
class Reply:
    """A job's outcomes in the order of its items, what it cost, and how the process that did it is now."""

    outcomes: Sequence[Any | Death]
    deaths: int
    replaced: int
    health: tuple[WorkerHealth, ...]


class RunEndedError(Exception):
    """The run was ended while a job of it was under way; nobody waits for its outcomes."""


@dataclass
class _Processes:
    """The worker processes of one run, each in a pool of its own, of which only one thread at a time knows."""

    run: Run
    free: list[Pool[Any, Any]] = field(default_factory=list)
    busy: int = 0
    ended: bool = False
    used: float = field(default_factory=time.monotonic)

    def answer(self, items: Sequence[Any], more_seconds: float) -> Reply:
        pool = self._take()
        try:
            deaths, replaced = pool.deaths, pool.replaced
            outcomes = self._outcomes(pool, items, more_seconds)
            reply = Reply(outcomes, pool.deaths - deaths, pool.replaced - replaced, tuple(pool.health()))
        except BaseException:
            self._give_back(pool, usable=False)
            raise
        self._give_back(pool, usable=True)
        return reply

    def _outcomes(self, pool: Pool[Any, Any], items: Sequence[Any], more_seconds: float) -> Sequence[Any]:
        pool.submit("", items, more_seconds)
        while not self.ended:
            for _, outcomes in pool.completed(timeout=0.5):
                return outcomes
        raise RunEndedError(self.run.name)

    def _take(self) -> Pool[Any, Any]:
        with _lock:
            self.busy += 1
            if self.free:
                return self.free.pop()
        try:
            return Pool(self.run.start, 1, self.run.limits).__enter__()
        except BaseException:
            with _lock:
                self.busy -= 1
            raise

    def _give_back(self, pool: Pool[Any, Any], *, usable: bool) -> None:
        with _lock:
            self.busy -= 1
            self.used = time.monotonic()
            keep = usable and not self.ended
            if keep:
                self.free.append(pool)
        if not keep:
            pool.__exit__(None, None, None)

    def end(self) -> None:
        """End what is idle now; what is busy ends itself as soon as it sees that."""
        with _lock:
            self.ended = True
            free, self.free = self.free, []
        for pool in free:
            pool.__exit__(None, None, None)


_runs: dict[str, _Processes] = {}
_lock = threading.Lock()
"""For `_runs` and what is in it: the state of this process, which lasts as long as the Dask worker."""


def run_job(run: Run, items: Sequence[Any], more_seconds: float) -> Reply:
    """Do one job of a run in a worker process of this Dask worker. Raises what `Pool.completed` raises."""
    from distributed import get_worker

    host = get_worker().address
    with _lock:
        if run.name not in _runs:
            _runs[run.name] = _Processes(run)
            atexit.register(_end_all)
            threading.Thread(target=_end_when_forgotten, args=(run.name,), daemon=True).start()
        processes = _runs[run.name]
    reply = processes.answer(items, more_seconds)
    return replace(reply, health=tuple(replace(health, host=host) for health in reply.health))


def end_run(name: str) -> None:
    """End the worker processes of a run, if there are any, and remove their folders."""
    with _lock:
        processes = _runs.pop(name, None)
    if processes is not None:
        processes.end()


def _end_all() -> None:
    for name in list(_runs):
        end_run(name)


def _end_when_forgotten(name: str) -> None:
    while True:
        time.sleep(IDLE_SECONDS / 10)
        with _lock:
            processes = _runs.get(name)
            if processes is None:
                return
            forgotten = not processes.busy and time.monotonic() - processes.used > IDLE_SECONDS
        if forgotten:
            end_run(name)
            return
