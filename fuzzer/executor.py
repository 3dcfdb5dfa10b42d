"""Where batches are judged: by worker processes on this machine, or by those of a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from grammar.errors import UserError
from oracle.pool import Death, Limits, Pool, WorkerHealth

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Item_contra = TypeVar("Item_contra", contravariant=True)
Outcome_co = TypeVar("Outcome_co", covariant=True)

Start = Callable[[Path], Callable[[tuple[Item, ...]], Sequence[Outcome]]]
"""What a worker calls once, with a folder of its own, for the function that it then calls per job."""

LOCAL = "local"
_DASK = re.compile(r"dask://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})/?")


class Executor(Protocol[Item_contra, Outcome_co]):
    """What runs jobs, as `oracle.pool.Pool` does on this machine: a job is a tuple of items with as many outcomes.

    A context manager, to be used inside its `with` only. The outcomes of a job do not depend on where it runs, nor on
    who died meanwhile.
    """

    @property
    def workers(self) -> int:
        """How many jobs run at a time; on a cluster this changes as workers come and go."""

    @property
    def unfinished(self) -> int:
        """How many submitted jobs have not come back yet."""

    @property
    def deaths(self) -> int:
        """How many workers have died, or were ended at a limit."""

    @property
    def replaced(self) -> int:
        """How many workers were replaced because they had done their share of jobs."""

    def submit(self, key: Hashable, items: Sequence[Item_contra], more_seconds: float = 0.0) -> None:
        """Queue a job, which may take `more_seconds` than others; `completed` gives its outcomes back under its key."""

    def completed(self, timeout: float) -> Sequence[tuple[Hashable, Sequence[Outcome_co | Death]]]:
        """Wait at most `timeout` seconds for something to happen and return the jobs that are complete.

        Raises WorkerError when our own code failed in a worker, UserError where the machines cannot go on.
        """

    def health(self) -> list[WorkerHealth]:
        """Return how the worker processes are, as far as that is known here."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def check_executor(text: str) -> str:
    """Return `text` if it names an executor: `local` or `dask://HOST:PORT`. Raises UserError for anything else."""
    if text != LOCAL and not _DASK.fullmatch(text):
        raise UserError(f"there is no executor '{text}': it is {LOCAL} or dask://HOST:PORT")
    return text


def open_executor(
    executor: str,
    start: Start[Item, Outcome],
    workers: int,
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Executor[Item, Outcome]:
    """Return the executor of that name, to be entered. `workers` counts for the local one; `say` takes its news.

    Raises UserError for a name that is none, and where Dask is not installed.
    """
    limits = limits or Limits()
    match = _DASK.fullmatch(check_executor(executor))
    if match is None:
        return Pool(start, workers, limits)
    from fuzzer.dask_executor import DaskExecutor

    return DaskExecutor(f"{match[1]}:{match[2]}", start, limits, say)
