"""Worker processes that may die: a job that kills its worker is retried in halves until the culprit stands alone.

Kernels come from a fuzzer or from strangers, and run as native code: one may crash, hang or eat all memory. So items
are worked on in spawned processes (`fork` after CUDA is initialised does not work), a few at a time as one job, and
the death of a worker costs the items of its job a retry and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

STARTUP_SECONDS = 120.0
"""Allowed once per worker: importing Warp and building its precompiled headers takes 5 s on an idle machine."""


@dataclass(frozen=True)
class Limits:
    """What one job may take: `job_seconds` + `item_seconds` for each item, and `memory_bytes` of private memory.

    A worker's first job has `startup_seconds` more.

    `jobs_per_worker` jobs after which a worker is replaced, so that what native libraries leak stays bounded.
    """

    job_seconds: float = 60.0
    item_seconds: float = 5.0
    memory_bytes: int = 6 * 10**9
    startup_seconds: float = STARTUP_SECONDS
    jobs_per_worker: int = 60


@dataclass(frozen=True)
class Death:
    """How a worker ended while it worked on an item that stood alone: `hang` or `crash`, with the reason in words."""

    hang: bool
    reason: str


class WorkerError(Exception):
    """Our own code failed inside a worker; the message is the worker's traceback."""


@dataclass
class _Part(Generic[Item]):
    """Some items of a job, by their positions in it."""

    key: Hashable
    positions: tuple[int, ...]
    items: tuple[Item, ...]
    more_seconds: float = 0.0

    def halves(self) -> Iterator[_Part[Item]]:
        middle = len(self.items) // 2
        for part in (slice(None, middle), slice(middle, None)):
            yield _Part(self.key, self.positions[part], self.items[part], self.more_seconds)


@dataclass
class _Worker(Generic[Item]):
    process: BaseProcess
    pipe: Connection
    scratch: Path
    part: _Part[Item] | None = None
    deadline: float = 0.0
    jobs: int = 0


@dataclass
class Pool(Generic[Item, Outcome]):
    """`workers` processes, each of which calls `start(scratch folder)` once and the function it returns per job.

    `start` must be picklable by reference (a module's function or a `functools.partial` of one). The function that it
    returns maps a tuple of items to as many outcomes. Use as a context manager: leaving it ends the processes and
    removes their scratch folders.
    """

    start: Callable[[Path], Callable[[tuple[Item, ...]], Sequence[Outcome]]]
    workers: int
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._root = Path(tempfile.mkdtemp(prefix=f"warpsmith-{os.getpid()}-"))
        self._live: list[_Worker[Item]] = []
        self._queue: deque[_Part[Item]] = deque()
        self._outcomes: dict[Hashable, dict[int, Outcome | Death]] = {}
        self._sizes: dict[Hashable, int] = {}
        self._started = 0
        self.deaths = 0

    def __enter__(self) -> Pool[Item, Outcome]:
        remove_abandoned_scratch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._live:
            worker.process.kill()
        for worker in self._live:
            worker.process.join()
            worker.pipe.close()
        self._live.clear()
        shutil.rmtree(self._root, ignore_errors=True)

    @property
    def unfinished(self) -> int:
        """How many submitted jobs have not come back yet."""
        return len(self._sizes)

    def submit(self, key: Hashable, items: Sequence[Item], more_seconds: float = 0.0) -> None:
        """Queue a job, which may take `more_seconds` than others; `completed` gives its outcomes back under its key."""
        self._sizes[key] = len(items)
        self._outcomes[key] = {}
        self._queue.append(_Part(key, tuple(range(len(items))), tuple(items), more_seconds))

    def completed(self, timeout: float) -> list[tuple[Hashable, list[Outcome | Death]]]:
        """Wait at most `timeout` seconds for something to happen and return the jobs that are complete, with one
        outcome per item in the job's order. Raises WorkerError when our own code failed in a worker.
        """
        self._feed()
        busy = {worker.pipe: worker for worker in self._live if worker.part is not None}
        for pipe in wait(list(busy), timeout=timeout):
            self._receive(busy[pipe])  # type: ignore[index]
        now = time.monotonic()
        for worker in [worker for worker in self._live if worker.part is not None and now > worker.deadline]:
            self._bury(worker, Death(hang=True, reason="no end within the time limit"))
        self._feed()
        return [
            (key, self._collect(key)) for key, size in list(self._sizes.items()) if len(self._outcomes[key]) == size
        ]

    def _collect(self, key: Hashable) -> list[Outcome | Death]:
        del self._sizes[key]
        by_position = self._outcomes.pop(key)
        return [by_position[position] for position in sorted(by_position)]

    def _feed(self) -> None:
        """Give queued parts to idle workers, starting workers up to the limit."""
        for worker in [worker for worker in self._live if worker.part is None]:
            if worker.jobs >= self.limits.jobs_per_worker:
                self._end(worker)
        while self._queue:
            idle = [worker for worker in self._live if worker.part is None]
            if not idle and len(self._live) >= self.workers:
                return
            worker = idle[0] if idle else self._hire()
            part = self._queue.popleft()
            startup = self.limits.startup_seconds if worker.jobs == 0 else 0.0
            seconds = startup + self.limits.job_seconds + self.limits.item_seconds * len(part.items) + part.more_seconds
            worker.part, worker.deadline = part, time.monotonic() + seconds
            worker.jobs += 1
            worker.pipe.send(part.items)

    def _hire(self) -> _Worker[Item]:
        scratch = self._root / f"worker-{self._started}"
        self._started += 1
        scratch.mkdir()
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(
            target=_work, args=(self.start, scratch, theirs, self.limits.memory_bytes), daemon=True
        )
        # Ctrl-C goes to every process of the terminal; a worker inherits the mask, and so is deaf to it from its start.
        # The tracker that comes with the first process would unblock the signal again.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        worker: _Worker[Item] = _Worker(process, ours, scratch)
        self._live.append(worker)
        return worker

    def _receive(self, worker: _Worker[Item]) -> None:
        try:
            error, outcomes = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            self._bury(worker, Death(hang=False, reason=_exit_in_words(worker.process.exitcode)))
            return
        if error is not None:
            raise WorkerError(error)
        part = worker.part
        assert part is not None
        worker.part = None
        self._outcomes[part.key].update(zip(part.positions, outcomes, strict=True))

    def _bury(self, worker: _Worker[Item], death: Death) -> None:
        """End a worker whose part killed it, and queue the halves of the part, or blame the item that stands alone."""
        part = worker.part
        assert part is not None
        self.deaths += 1
        self._end(worker)
        if len(part.items) == 1:
            self._outcomes[part.key][part.positions[0]] = death
        else:
            self._queue.extendleft(reversed(list(part.halves())))

    def _end(self, worker: _Worker[Item]) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self._live.remove(worker)
        shutil.rmtree(worker.scratch, ignore_errors=True)


def _work(start: Callable[[Path], Any], scratch: Path, pipe: Connection, memory_bytes: int) -> None:
    """A worker's whole life: one `start`, then job after job until the pipe closes."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Warp keeps its precompiled headers in the system's temporary folder; here they go when the worker goes.
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    try:
        run = start(scratch)
        while True:
            pipe.send((None, list(run(pipe.recv()))))
    except (EOFError, BrokenPipeError):
        return
    except Exception:
        pipe.send((traceback.format_exc(), []))


def _exit_in_words(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exited with {code}"


def remove_abandoned_scratch() -> None:
    """Remove the scratch folders of processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob("warpsmith-*-*"):
        owner = folder.name.split("-")[1]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and os.access(folder, os.W_OK):
            shutil.rmtree(folder, ignore_errors=True)
