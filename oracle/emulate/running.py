"""A subject is run: its launches one after another, and what they did to its arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from oracle import ptx
from oracle.ptx.reports import Triple

Array = np.ndarray[Any, Any]
Sink = Callable[[ptx.Traced], None]


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel; `params` holds each parameter's bytes."""

    entry: str
    grid: Triple
    block: Triple
    params: tuple[bytes, ...]


@dataclass(frozen=True)
class Subject:
    """What is to run. `contents` returns copies of all arrays by name, as they are now in `memory`.

    `guesses` are what was assumed because the file does not say it, one sentence each. `relevant` leaves out reports
    that mean nothing for this subject, `rename` turns the name that a source was loaded by into the one that the user
    knows.
    """

    module: ptx.Module
    memory: ptx.GlobalMemory
    launches: tuple[Launch, ...]
    contents: Callable[[], Mapping[str, Array]]
    dims: tuple[int, ...] = ()
    shared_bytes: int = 0
    guesses: tuple[str, ...] = ()
    relevant: Callable[[Iterable[ptx.Report]], list[ptx.Report]] = list
    rename: Callable[[str], str] = str


@dataclass(frozen=True)
class Ran:
    """What one launch did. `reports` hold that of the fault that ended it; `stopped` says why it did not end itself.

    The instructions are counted only in a launch that was not stopped.
    """

    launch: Launch
    instructions: Mapping[str, int] = field(default_factory=dict)
    printed: tuple[str, ...] = ()
    reports: tuple[ptx.Report, ...] = ()
    stopped: str = ""


@dataclass(frozen=True)
class Outcome:
    """The launches that were made, and every array before and after them."""

    runs: tuple[Ran, ...]
    before: Mapping[str, Array]
    after: Mapping[str, Array]

    @property
    def clean(self) -> bool:
        """Whether every launch ended by itself with nothing to report."""
        return not any(run.reports or run.stopped for run in self.runs)


def run(subject: Subject, thread: tuple[int, int] | None = None, sink: Sink | None = None) -> Outcome:
    """Make the subject's launches; one that is stopped is the last. Raises Unsupported, Malformed and ValueError.

    What `thread` (a block's and a thread's number) executes goes to `sink`.
    """
    trace = None
    if thread is not None and sink is not None:
        trace = ptx.Tracer(*thread, lambda traced: sink(replace(traced, source=subject.rename(traced.source))))
    before = subject.contents()
    runs: list[Ran] = []
    for launch in subject.launches:
        runs.append(_launched(subject, launch, trace))
        if runs[-1].stopped:
            break
    return Outcome(tuple(runs), before, subject.contents())


def _launched(subject: Subject, launch: Launch, trace: ptx.Tracer | None) -> Ran:
    try:
        execution = ptx.launch(
            subject.module,
            launch.entry,
            launch.grid,
            launch.block,
            launch.params,
            subject.memory,
            shared_bytes=subject.shared_bytes,
            trace=trace,
        )
    except ptx.Fault as fault:
        return Ran(launch, reports=_reports(subject, fault.reports), stopped="a fault ended the launch")
    except ptx.StepLimit as limit:
        return Ran(launch, stopped=str(limit))
    finally:
        if trace is not None:
            trace.finish()
    return Ran(launch, execution.instructions, execution.printed, _reports(subject, execution.reports))


def _reports(subject: Subject, reports: tuple[ptx.Report, ...]) -> tuple[ptx.Report, ...]:
    return tuple(
        replace(report, source=subject.rename(report.source), what=subject.rename(report.what))
        for report in subject.relevant(reports)
    )
