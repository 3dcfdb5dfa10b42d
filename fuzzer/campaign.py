"""One campaign: numbered batches go out to workers, their outcomes are merged in kernel order into a corpus.

Kernel number i is a function of the campaign's seed and i alone, batches are numbered, and every decision depends
only on what was merged before it. So the same seed gives the same bytes whatever the number of workers, and a campaign
that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from extractor.shards import CorpusWriter
from fuzzer.admission import Admission, Candidate
from fuzzer.display import Display
from fuzzer.findings import Findings, bucket, finding_files, finding_id
from fuzzer.jsonlog import JsonLog
from fuzzer.options import CampaignOptions
from fuzzer.outcome import Outcome
from fuzzer.progress import Progress, Tally
from fuzzer.task import BATCH_KERNELS, Task
from fuzzer.worker import start_worker
from oracle.examine import Accusation, Examiner
from oracle.observation import Verdict
from oracle.pool import Death, Pool
from oracle.standing import Standing

LOOKAHEAD = 2
"""Batches in flight or waiting to be merged, per worker: enough that a worker never waits for a slower one."""

WAITING = -1
"""The key of the job that redoes what an earlier run left waiting; batches have their numbers."""

EXAMINING = 1
"""Processes that examine findings while the campaign goes on; when it has ended all its workers do."""


@dataclass
class Campaign:
    """The state of one run: where the merge stands, and what was counted on the way."""

    options: CampaignOptions
    corpus: CorpusWriter
    display: Display
    log: JsonLog
    task: Task
    admission: Admission
    findings: Findings = field(default_factory=Findings)
    tally: Tally = field(default_factory=Tally)
    next_kernel: int = 0
    waiting: list[int] = field(default_factory=list)
    interrupted: bool = False
    deaths: int = 0
    started: float = field(default_factory=time.monotonic)
    _arrived: dict[int, list[Outcome]] = field(default_factory=dict, init=False)
    _unexamined: dict[int, Outcome] = field(default_factory=dict, init=False)

    def run(self) -> None:
        """Run until the budget is full, the time is over, or another thread or a signal has set `interrupted`.

        That flag is looked at between merges only, so that the state and the corpus always belong together.
        """
        with Examiner(self.task.cuda, EXAMINING) as examiner:
            for outcome in self._unexamined.values():
                self._examine(outcome, examiner)
            with Pool[int, Outcome](partial(start_worker, self.task), self.options.workers) as pool:
                for outcomes in self._batches(pool, examiner):
                    for outcome in outcomes:
                        self._merge(outcome, examiner)
                    self.corpus.checkpoint(self.state())
                    self._show(pool)
            self._finish_examining(examiner)

    def _finish_examining(self, examiner: Examiner) -> None:
        """Wait for what is still being examined, now that all workers are free for that."""
        if self._unexamined and not self.interrupted:
            self.display.say(f"examining the last findings: {len(self._unexamined)}")
        examiner.workers = self.options.workers
        while self._unexamined and not self.interrupted:
            self._keep_examined(examiner, timeout=0.5)

    def _batches(self, pool: Pool[int, Outcome], examiner: Examiner) -> Iterator[list[Outcome]]:
        """Yield the batches' outcomes in order of their numbers, after the kernels that an earlier run left waiting."""
        if self.waiting and not self.admission.full:
            pool.submit(WAITING, self.waiting)
            while WAITING not in self._arrived and not self.interrupted:
                self._take(pool, examiner)
            if WAITING in self._arrived:
                self.waiting = []
                yield self._arrived.pop(WAITING)
        submitted = merged = self.next_kernel // BATCH_KERNELS
        while not (self.admission.full or self._out_of_time() or self.interrupted):
            while submitted < merged + LOOKAHEAD * self.options.workers:
                pool.submit(submitted, _indices(submitted))
                submitted += 1
            self._take(pool, examiner)
            while merged in self._arrived and not self.admission.full:
                yield [outcome for outcome in self._arrived.pop(merged) if outcome.index >= self.next_kernel]
                merged += 1

    def _take(self, pool: Pool[int, Outcome], examiner: Examiner) -> None:
        """Wait a moment for workers, and take in the batches that arrive, and findings that were examined meanwhile."""
        for key, results in pool.completed(timeout=0.5):
            assert isinstance(key, int)
            indices = self.waiting if key == WAITING else _indices(key)
            self._arrived[key] = self._without_deaths(indices, results)
        self._keep_examined(examiner, timeout=0.0)
        self._show(pool)

    def _out_of_time(self) -> bool:
        return self.options.time is not None and time.monotonic() - self.started >= self.options.time

    def _without_deaths(self, indices: Sequence[int], results: list[Outcome | Death]) -> list[Outcome]:
        return [
            self._death(index, result) if isinstance(result, Death) else result
            for index, result in zip(indices, results, strict=True)
        ]

    def _death(self, index: int, death: Death) -> Outcome:
        """Return the outcome of a kernel that took its worker down, though alone in its job."""
        verdict = Verdict.HANG if death.hang else Verdict.CRASH
        return self.task.finding(index, self.task.kernel(index), verdict, death.reason)

    def _merge(self, outcome: Outcome, examiner: Examiner) -> None:
        if self.admission.full:
            return
        self.next_kernel = max(self.next_kernel, outcome.index + 1)
        self.tally.add(outcome)
        if outcome.line is not None:
            candidate = Candidate(outcome.index, outcome.id, outcome.category, outcome.line)
            for entering in self.admission.offer(candidate):
                self.corpus.append(entering.line)
        elif outcome.verdict.accuses and self.findings.wants(outcome):
            self._unexamined[outcome.index] = outcome
            self._examine(outcome, examiner)

    def _examine(self, outcome: Outcome, examiner: Examiner) -> None:
        kernel = self.task.kernel(outcome.index)
        peers = self.task.peers(kernel, outcome.index)
        examiner.submit(outcome.index, Accusation(self.task.case(outcome.index, kernel), outcome.verdict, peers))

    def _keep_examined(self, examiner: Examiner, timeout: float) -> None:
        """Write the findings that were examined; wait for some so long."""
        for index, standing in examiner.completed(timeout):
            assert isinstance(index, int)
            self._keep_finding(self._unexamined.pop(index), standing)

    def _keep_finding(self, found: Outcome, standing: Standing) -> None:
        origin = {"seed": self.options.seed, "index": found.index}
        name = finding_id(found)
        self.corpus.write_finding(name, finding_files(found, standing, origin, self.task.versions))
        self.display.say(f"finding {name}{', flaky' if standing.flaky else ''}: {bucket(found)}")

    def state(self) -> dict[str, Any]:
        """Return what a resume needs, as JSON; it goes into the manifest."""
        verdicts = self.tally.verdicts + Counter({Verdict.MATCH: len(self.waiting)})
        return {
            "options": self.options.identity(),
            "versions": dict(self.task.versions),
            "next_kernel": self.next_kernel,
            "waiting": sorted([*self.admission.waiting, *self.waiting]),
            "unexamined": [
                {"index": index, "verdict": found.verdict, "reason": found.reason, "backends": list(found.backends)}
                for index, found in sorted(self._unexamined.items())
            ],
            "verdicts": dict(sorted((str(verdict), count) for verdict, count in verdicts.items())),
            "refused": dict(sorted(self.admission.refused.items())),
            "findings": dict(sorted(self.findings.buckets.items())),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned at the end of an earlier run."""
        self.next_kernel = state["next_kernel"]
        self.waiting = list(state["waiting"])
        self._unexamined = {found["index"]: self._found_before(found) for found in state.get("unexamined", ())}
        verdicts = Counter({Verdict(name): count for name, count in state["verdicts"].items()})
        verdicts[Verdict.MATCH] -= len(self.waiting)  # they are judged, and counted, once more
        self.tally.verdicts = verdicts
        self.tally.kernels_before = verdicts.total()
        self.admission.refused.update(state["refused"])
        self.findings.buckets.update(state["findings"])

    def _found_before(self, found: Mapping[str, Any]) -> Outcome:
        """Return an outcome that an earlier run left unexamined."""
        index, verdict = found["index"], Verdict(found["verdict"])
        return self.task.finding(index, self.task.kernel(index), verdict, found["reason"], tuple(found["backends"]))

    def _show(self, pool: Pool[int, Outcome]) -> None:
        self.deaths = pool.deaths
        progress = self.progress()
        self.display.show(progress)
        self.log.write(progress)

    def progress(self) -> Progress:
        """Return where the campaign stands."""
        tally = self.tally
        return Progress(
            elapsed=time.monotonic() - self.started,
            kernels=tally.kernels,
            kernels_this_run=tally.kernels - tally.kernels_before,
            records=self.corpus.total_records,
            used=self.corpus.total_bytes,
            used_this_run=self.corpus.total_bytes - self.corpus.bytes_at_start,
            budget=self.options.budget,
            time=self.options.time,
            verdicts={str(verdict): count for verdict, count in sorted(tally.verdicts.items())},
            refused=dict(self.admission.refused),
            findings=sum(self.findings.buckets.values()),
            cuda_backend=tally.cuda_backend,
            workers=self.options.workers,
            deaths=self.deaths,
            stage_seconds=dict(tally.stage_seconds),
        )


def _indices(batch: int) -> range:
    return range(batch * BATCH_KERNELS, (batch + 1) * BATCH_KERNELS)
