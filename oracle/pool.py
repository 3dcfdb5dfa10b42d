"""Worker processes that may die: a job that kills its worker is retried in halves until the culprit stands alone.

Kernels come from a fuzzer or from strangers, and run as native code: one may crash, hang or eat all memory. So items
are worked on in processes of their own (no forks: CUDA does not survive one), a few at a time as one job, and the death
of a worker costs the items of its job a retry and nothing else. `oracle.worker_process` is the inside of one.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

from extractor.scratch import LEAST_FREE, Scratch, cannot_write, free_bytes, new_scratch, remove_abandoned
from grammar.errors import UserError
from oracle.worker_process import Orders, Said

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

STARTUP_SECONDS = 120.0
"""Allowed for a start and once more for the first job: importing Warp and building its precompiled headers takes 5 s
on an idle machine.
"""

FAILED_STARTS = 10
"""So many workers may die one after another before they are ready: more is no accident."""

_PROGRAM = (
    "import os, sys; sys.path[:] = sys.argv[1].split(os.pathsep); "
    "from oracle.worker_process import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)


@dataclass(frozen=True)
class Limits:
    """What one job may take: `job_seconds` + `item_seconds` for each item, and `memory_bytes` of private memory.

    A worker's start may take `startup_seconds`, and its first job that much more than others.

    `jobs_per_worker` jobs after which a worker is replaced, so that what native libraries leak stays bounded: a
    campaign's grows by 1 MB a batch, while a fresh one spends the time of several batches on precompiled headers.

    No job starts, and no crash is blamed on an item, unless `free_bytes` can be written where the scratch folders are.
    """

    job_seconds: float = 60.0
    item_seconds: float = 5.0
    memory_bytes: int = 6 * 10**9
    startup_seconds: float = STARTUP_SECONDS
    jobs_per_worker: int = 400
    free_bytes: int = LEAST_FREE


@dataclass(frozen=True)
class Death:
    """How a worker ended while it worked on an item that stood alone: `hang` or `crash`, with the reason in words."""

    hang: bool
    reason: str


@dataclass(frozen=True)
class WorkerHealth:
    """A live worker: its process, the jobs that it has done, the memory that it holds (resident bytes, 0 where the
    system does not say), and the seconds that it has spent on its job (None without one). `host` is where, if not here.
    """

    pid: int
    jobs: int
    memory_bytes: int
    seconds: float | None
    host: str = ""


class WorkerError(Exception):
    """Our own code failed inside a worker; the message is the worker's traceback."""


@dataclass(frozen=True)
class _Part(Generic[Item]):
    """Some items of a job, by their positions in it; `again` if it is one that has taken a worker down already."""

    key: Hashable
    positions: tuple[int, ...]
    items: tuple[Item, ...]
    more_seconds: float = 0.0
    again: bool = False

    def halves(self) -> Iterator[_Part[Item]]:
        middle = len(self.items) // 2
        for part in (slice(None, middle), slice(middle, None)):
            yield _Part(self.key, self.positions[part], self.items[part], self.more_seconds)


@dataclass
class _Worker(Generic[Item]):
    """A process, from its start to its end; `since` is when it began what it does now."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    lifeline: int
    scratch: Path
    deadline: float
    ready: bool = False
    part: _Part[Item] | None = None
    since: float = field(default_factory=time.monotonic)
    jobs: int = 0
    kills_before: int = 0

    @property
    def idle(self) -> bool:
        return self.ready and self.part is None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.pipe.close()
        os.close(self.lifeline)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def health(self) -> WorkerHealth:
        seconds = None if self.part is None else time.monotonic() - self.since
        return WorkerHealth(self.process.pid, self.jobs, _resident_bytes(self.process.pid), seconds)


@dataclass
class Pool(Generic[Item, Outcome]):
    """`workers` processes, each of which calls `start(scratch folder)` once and the function it returns per job.

    `start` must be picklable by reference (a module's function or a `functools.partial` of one). The function that it
    returns maps a tuple of items to as many outcomes. Use as a context manager: leaving it ends the processes and
    removes their scratch folders; so does the kernel, and the next run, if this process is killed.

    `deaths` counts the workers that died or were ended at a limit, `replaced` those that had done their share of jobs.
    """

    start: Callable[[Path], Callable[[tuple[Item, ...]], Sequence[Outcome]]]
    workers: int
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self._scratch: Scratch | None = None
        self._live: list[_Worker[Item]] = []
        self._queue: deque[_Part[Item]] = deque()
        self._outcomes: dict[Hashable, dict[int, Outcome | Death]] = {}
        self._sizes: dict[Hashable, int] = {}
        self._started = 0
        self._failed_starts = 0
        self.deaths = 0
        self.replaced = 0

    def __enter__(self) -> Pool[Item, Outcome]:
        remove_abandoned()
        self._scratch = new_scratch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._live:
            worker.process.kill()
        for worker in self._live:
            worker.end()
        self._live.clear()
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None
        remove_abandoned()  # those of a run that was killed just before this one began

    @property
    def unfinished(self) -> int:
        """How many submitted jobs have not come back yet."""
        return len(self._sizes)

    def health(self) -> list[WorkerHealth]:
        """Return how the live workers are, the oldest first."""
        return [worker.health() for worker in self._live]

    def submit(self, key: Hashable, items: Sequence[Item], more_seconds: float = 0.0) -> None:
        """Queue a job, which may take `more_seconds` than others; `completed` gives its outcomes back under its key."""
        self._sizes[key] = len(items)
        self._outcomes[key] = {}
        if items:
            self._queue.append(_Part(key, tuple(range(len(items))), tuple(items), more_seconds))

    def completed(self, timeout: float) -> list[tuple[Hashable, list[Outcome | Death]]]:
        """Wait at most `timeout` seconds for something to happen and return the jobs that are complete, with one
        outcome per item in the job's order.

        Raises WorkerError when our own code failed in a worker, and UserError when a worker cannot go on because of
        the machine that it runs on: a full disk, an unusable Warp.
        """
        self._feed()
        live = {worker.pipe: worker for worker in self._live}
        next_deadline = min((worker.deadline for worker in self._live if not worker.idle), default=float("inf"))
        for pipe in wait(list(live), timeout=max(0.0, min(timeout, next_deadline - time.monotonic()))):
            self._receive(live[pipe])  # type: ignore[index]
        now = time.monotonic()
        for worker in [worker for worker in self._live if now >= worker.deadline and not worker.idle]:
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
        """Give queued parts to idle workers, and start as many workers as are wanted and allowed."""
        for worker in [worker for worker in self._live if worker.idle and worker.jobs >= self.limits.jobs_per_worker]:
            self._replace(worker)
        for worker in [worker for worker in self._live if worker.idle][: len(self._queue)]:
            if self._queue[0].again and worker.jobs:  # this time, nothing that others left behind may be the cause
                self._replace(worker)
            else:
                self._give(worker, self._queue.popleft())
        starting = sum(not worker.ready for worker in self._live)
        for _ in range(min(len(self._queue) - starting, self.workers - len(self._live))):
            self._hire()

    def _check_room(self) -> None:
        assert self._scratch is not None, "a pool works inside its `with` only"
        folder = self._scratch.path
        if free_bytes(folder) < self.limits.free_bytes:
            raise cannot_write(f"less than {self.limits.free_bytes / 10**6:g} MB are free", folder.parent)

    def _give(self, worker: _Worker[Item], part: _Part[Item]) -> None:
        self._check_room()
        startup = self.limits.startup_seconds if worker.jobs == 0 else 0.0
        seconds = startup + self.limits.job_seconds + self.limits.item_seconds * len(part.items) + part.more_seconds
        try:
            worker.pipe.send_bytes(pickle.dumps(part.items))
        except OSError:  # it has died meanwhile, through no fault of this part
            self._queue.appendleft(part)
            self._bury(worker, Death(hang=False, reason="died while idle"))
            return
        worker.part, worker.since, worker.kills_before = part, time.monotonic(), _memory_kills()
        worker.deadline = worker.since + seconds

    def _hire(self) -> None:
        assert self._scratch is not None, "a pool works inside its `with` only"
        scratch = self._scratch.path / f"worker-{self._started}"
        ours, theirs = socket.socketpair()
        their_lifeline, lifeline = os.pipe()
        lock = () if self._scratch.lock is None else (self._scratch.lock,)
        arguments = [os.pathsep.join(sys.path), str(theirs.fileno()), str(their_lifeline)]
        try:
            scratch.mkdir()
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, *arguments],
                stdin=subprocess.DEVNULL,
                # Warp keeps its precompiled headers in the system's temporary folder; so they go when the worker goes.
                env={**os.environ, "TMPDIR": str(scratch)},
                pass_fds=(theirs.fileno(), their_lifeline, *lock),
                start_new_session=True,  # Ctrl-C goes to the whole session of a terminal, and is not for workers
            )
        except OSError as error:
            ours.close()
            os.close(lifeline)
            raise UserError(f"cannot start a worker process: {error.strerror or error}") from None
        finally:
            theirs.close()
            os.close(their_lifeline)
        self._started += 1
        pipe = Connection(ours.detach())
        deadline = time.monotonic() + self.limits.startup_seconds
        worker: _Worker[Item] = _Worker(process, pipe, lifeline, scratch, deadline, kills_before=_memory_kills())
        self._live.append(worker)
        start = pickle.dumps(self.start)
        try:
            pipe.send_bytes(pickle.dumps(Orders(start, scratch, self.limits.memory_bytes, _main_script(start))))
        except OSError:
            self._bury(worker, Death(hang=False, reason="died at once"))

    def _receive(self, worker: _Worker[Item]) -> None:
        try:
            message = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            reason = _end_in_words(worker)
            self._check_room()
            self._bury(worker, Death(hang=False, reason=reason))
            return
        said, content = Said(message[0]), message[1:]
        if said is Said.READY:
            worker.ready, self._failed_starts = True, 0
        elif said is Said.DONE:
            self._take(worker, content)
        elif said is Said.OUT_OF_MEMORY:
            limit = self.limits.memory_bytes / 10**9
            self._bury(worker, Death(hang=False, reason=f"out of memory: more than {limit:g} GB"))
        elif said is Said.NO_ROOM:
            raise cannot_write(content.decode(), worker.scratch.parent.parent)
        else:
            raise (UserError if said is Said.CANNOT else WorkerError)(content.decode())

    def _take(self, worker: _Worker[Item], content: bytes) -> None:
        part = worker.part
        assert part is not None
        try:
            outcomes = pickle.loads(content)
        except Exception as error:  # native code may have written over anything in its process
            self._bury(worker, Death(hang=False, reason=f"garbled its answer: {type(error).__name__}"))
            return
        worker.part = None
        worker.jobs += 1
        self._outcomes[part.key].update(zip(part.positions, outcomes, strict=True))

    def _bury(self, worker: _Worker[Item], death: Death) -> None:
        """End a worker that died or has to, and queue its part once more: in halves, or an item alone in a fresh worker
        before it is blamed, for somebody else may have killed the worker. Raises WorkerError if none gets ready.
        """
        self.deaths += 1
        self._end(worker)
        part = worker.part
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts > FAILED_STARTS:
                raise WorkerError(f"workers do not get ready: {death.reason}")
        elif part is None:
            return
        elif len(part.items) > 1:
            self._queue.extendleft(reversed(list(part.halves())))
        elif death.hang or part.again:
            self._outcomes[part.key][part.positions[0]] = death
        else:
            self._queue.appendleft(replace(part, again=True))

    def _replace(self, worker: _Worker[Item]) -> None:
        self.replaced += 1
        self._end(worker)

    def _end(self, worker: _Worker[Item]) -> None:
        self._live.remove(worker)
        worker.end()


def _main_script(start: bytes) -> str:
    """Return the path of the script that runs as `__main__` here, if a worker needs it to find `start`."""
    path = getattr(sys.modules["__main__"], "__file__", None)
    return str(Path(path).resolve()) if path and b"__main__" in start else ""


def _end_in_words(worker: _Worker[Any]) -> str:
    """Return how a worker ended that has closed its pipe."""
    try:
        code = worker.process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        return "closed its pipe"
    if code == -signal.SIGKILL and _memory_kills() > worker.kills_before:
        return "out of memory: killed by the system"
    return f"killed by {_signal_name(-code)}" if code < 0 else f"exited with {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _memory_kills() -> int:
    """Return how many processes Linux has killed for want of memory since it started; 0 where it does not say."""
    try:
        counters = Path("/proc/vmstat").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in counters.splitlines() if line.startswith("oom_kill ")), 0)


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
