"""An executor on a Dask cluster: the same jobs with the same outcomes, wherever they run and whoever dies meanwhile.

Jobs go only to workers whose Warp, Python and code of ours were found to be as here: others would make other records.
A job whose worker is gone is sent to another, as often as it takes; what its kernels do to the process that runs them
never reaches Dask (see `fuzzer.dask_worker`).
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from fuzzer.dask_worker import Environment, Reply, Run, RunEndedError, end_run, environment, run_job
from fuzzer.executor import Start
from grammar.errors import UserError
from oracle.pool import Death, Limits, WorkerError, WorkerHealth

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer at first."""

JOIN_SECONDS = 60
"""How long a cluster may have no workers at first. Later, jobs wait for workers as long as it takes."""

WATCH_SECONDS = 1.0
"""How often to look who has joined and who has left."""

POLL_SECONDS = 0.02


@dataclass
class _Job:
    """A job under way: its future, and the addresses of the workers that may do it."""

    items: tuple[Any, ...]
    more_seconds: float
    future: Any
    workers: frozenset[str]


class DaskExecutor(Generic[Item, Outcome]):
    """Runs jobs on the workers of the cluster whose scheduler is at `address` (HOST:PORT).

    `start` and `limits` are as for a `Pool`; every thread of a Dask worker has a worker process of ours. Raises
    UserError where Dask is not installed, or, when entered, no scheduler answers or no worker can be used.
    """

    def __init__(
        self,
        address: str,
        start: Start[Item, Outcome],
        limits: Limits | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.deaths = 0
        self.replaced = 0
        self._address = address
        self._run = Run(f"warpsmith-{secrets.token_hex(8)}", start, limits or Limits())
        self._say = say
        self._distributed = _import_distributed()
        self._client: Any = None
        self._jobs: dict[Hashable, _Job] = {}
        self._sent = 0
        self._accepted: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._health: dict[str, dict[int, WorkerHealth]] = {}
        self._watched = 0.0

    def __enter__(self) -> DaskExecutor[Item, Outcome]:
        self._client = self._connect()
        try:
            self._wait_for_workers()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for job in self._jobs.values():
            job.future.release()
        self._jobs.clear()
        try:
            if self._accepted and not isinstance(error, _SchedulerLostError):
                self._client.run(end_run, self._run.name, workers=list(self._accepted), on_error="return")
        except (
            OSError,
            TimeoutError,
            ValueError,
            RuntimeError,
        ) as problem:
            # The workers end themselves some time later.
            self._say(f"the cluster was not told that the run is over: {problem}")
        self._client.close(timeout=CONNECT_SECONDS)

    @property
    def workers(self) -> int:
        """How many jobs run at a time now."""
        return max(1, sum(self._accepted.values()))

    @property
    def unfinished(self) -> int:
        """How many submitted jobs have not come back yet."""
        return len(self._jobs)

    def health(self) -> list[WorkerHealth]:
        """Return how the cluster's worker processes were when each last did a job."""
        return [health for at in self._accepted for health in self._health.get(at, {}).values()]

    def submit(self, key: Hashable, items: Sequence[Item], more_seconds: float = 0.0) -> None:
        """Queue a job, which may take `more_seconds` than others; `completed` gives its outcomes back under its key."""
        self._jobs[key] = self._send(tuple(items), more_seconds)

    def completed(self, timeout: float) -> list[tuple[Hashable, list[Outcome | Death]]]:
        """Wait at most `timeout` seconds for something to happen and return the jobs that are complete.

        Raises WorkerError when our own code failed in a worker, and UserError when a worker's machine cannot go on, or
        the scheduler is gone.
        """
        deadline = time.monotonic() + timeout
        while True:
            self._watch()
            done = [key for key, job in self._jobs.items() if job.future.done()]
            if done or time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
        return [(key, outcomes) for key in done if (outcomes := self._collect(key)) is not None]

    def _send(self, items: tuple[Any, ...], more_seconds: float) -> _Job:
        self._sent += 1
        future = self._client.submit(
            run_job,
            self._run,
            items,
            more_seconds,
            key=f"{self._run.name}-{self._sent}",
            workers=list(self._accepted),
            pure=False,
        )
        return _Job(items, more_seconds, future, frozenset(self._accepted))

    def _send_again(self, key: Hashable) -> None:
        job = self._jobs[key]
        job.future.release()
        self._jobs[key] = self._send(job.items, job.more_seconds)

    def _collect(self, key: Hashable) -> list[Outcome | Death] | None:
        """Return the outcomes of a job that is done, None if it has to be done once more."""
        distributed, future = self._distributed, self._jobs[key].future
        try:
            reply: Reply = future.result(timeout=CONNECT_SECONDS)
        except (UserError, WorkerError):
            raise
        except (distributed.KilledWorker, distributed.CancelledError, TimeoutError, OSError, RunEndedError):
            self._watch(now=True)  # raises if the scheduler is gone
            self._send_again(key)
            return None
        except Exception as error:
            raise WorkerError(f"on the cluster: {type(error).__name__}: {error}") from error
        del self._jobs[key]
        self.deaths += reply.deaths
        self.replaced += reply.replaced
        self._note(reply.health)
        return list(reply.outcomes)

    def _note(self, processes: Sequence[WorkerHealth]) -> None:
        """Keep what was last heard of each process; of those on one host the ones heard of last, as many as it has."""
        for health in processes:
            known = self._health.setdefault(health.host, {})
            known.pop(health.pid, None)
            known[health.pid] = health
            while len(known) > self._accepted.get(health.host, 1):
                del known[next(iter(known))]

    def _connect(self) -> Any:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said here, in one line
        try:
            return self._distributed.Client(
                f"tcp://{self._address}", timeout=CONNECT_SECONDS, set_as_default=False, name="warpsmith"
            )
        except (OSError, TimeoutError, ValueError):
            raise UserError(f"no Dask scheduler answers at {self._address} within {CONNECT_SECONDS} s") from None

    def _wait_for_workers(self) -> None:
        deadline = time.monotonic() + JOIN_SECONDS
        while not self._accepted:
            self._watch(now=True)
            if self._refused and not self._accepted:
                raise UserError(f"no worker of the cluster can be used: {next(iter(self._refused.values()))}")
            if time.monotonic() > deadline:
                raise UserError(
                    f"no worker has joined the scheduler at {self._address} within {JOIN_SECONDS} s: "
                    f"start some with `dask worker {self._address}`"
                )
            time.sleep(POLL_SECONDS)

    def _watch(self, *, now: bool = False) -> None:
        """See who has joined and who has left, and send the jobs of those who have left to others."""
        if not now and time.monotonic() - self._watched < WATCH_SECONDS:
            return
        try:
            live: dict[str, int] = self._client.nthreads()
            self._meet([address for address in live if address not in self._accepted | self._refused])
        except (OSError, TimeoutError, ValueError, RuntimeError):
            raise _SchedulerLostError(f"the Dask scheduler at {self._address} is gone") from None
        self._watched = time.monotonic()
        for address in [address for address in self._accepted if address not in live]:
            del self._accepted[address]
            self.deaths += 1
            self._say(f"worker {address} has left the cluster")
        if self._accepted:
            for key in [key for key, job in self._jobs.items() if not job.workers & self._accepted.keys()]:
                self._send_again(key)

    def _meet(self, newcomers: list[str]) -> None:
        """Let those among new workers do jobs who are in the same environment as we are."""
        if not newcomers:
            return
        threads = self._client.nthreads()
        answers = self._client.run(environment, workers=newcomers, on_error="return")
        for address, answer in answers.items():
            if isinstance(answer, OSError):  # it is gone again
                continue
            if isinstance(answer, Environment):
                problem = environment().difference(answer)
            else:
                problem = f"it has no such version of this project ({type(answer).__name__}: {answer})"
            if problem:
                self._refused[address] = f"worker {address} is refused: {problem}"
                self._say(self._refused[address])
            elif address in threads:
                self._accepted[address] = threads[address]


class _SchedulerLostError(UserError):
    """There is nobody left to talk to."""


def _import_distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise UserError("a Dask cluster needs an extra package: `pip install 'warpsmith[dask]'`") from None
    return distributed
