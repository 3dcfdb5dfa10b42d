"""One campaign: planned batches go out to workers, their outcomes are merged in kernel order into a corpus.

What a batch tries follows from its number and from what was merged a fixed number of batches before it; nothing
depends on who is quicker. So the same seed gives the same bytes whatever the number of workers, and a campaign that
was interrupted, or killed, goes on as if it had not been.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from extractor.shards import CorpusWriter
from fuzzer import state as states
from fuzzer.admission import Admission, Candidate
from fuzzer.display import Display
from fuzzer.executor import Executor
from fuzzer.findings import Findings, bucket, finding_files, finding_id
from fuzzer.guidance.guidance import Guidance
from fuzzer.guidance.plan import Plan
from fuzzer.jsonlog import JsonLog
from fuzzer.options import CampaignOptions
from fuzzer.outcome import Outcome
from fuzzer.progress import Progress, Tally
from fuzzer.task import Task
from oracle.examine import Accusation, Examiner
from oracle.observation import Verdict
from oracle.pool import Death, WorkerHealth
from oracle.standing import Standing

LOOKAHEAD = 2
"""Batches in flight or waiting to be merged, per worker: enough that a worker never waits for a slower one."""

EXAMINING = 1
"""Processes that examine findings while the campaign goes on; when it has ended all its workers do."""

PAUSE_SHARE = 20
"""Checkpoints take at most one in so many seconds: on a slow disk, or with a large state, there are fewer of them."""


@dataclass
class Campaign:
    """The state of one run: where the merge stands, and what was counted on the way."""

    options: CampaignOptions
    corpus: CorpusWriter
    display: Display
    log: JsonLog
    task: Task
    admission: Admission
    guidance: Guidance
    open_executor: Callable[[], Executor[Plan, Outcome]]
    findings: Findings = field(default_factory=Findings)
    tally: Tally = field(default_factory=Tally)
    next_kernel: int = 0
    interrupted: bool = False
    started: float = field(default_factory=time.monotonic)
    _arrived: dict[int, list[Outcome]] = field(default_factory=dict, init=False)
    _next_checkpoint: float = field(default=0.0, init=False)
    _health: Sequence[WorkerHealth] = field(default=(), init=False)
    _deaths: int = field(default=0, init=False)
    _workers: int = field(default=0, init=False)

    def run(self) -> None:
        """Run until the budget is full, the time is over, or another thread or a signal has set `interrupted`.

        That flag is looked at between merges only, so that the state and the corpus always belong together.
        """
        with Examiner(self.task.cuda, EXAMINING) as examiner:
            for outcome in self.findings.pending:
                self._examine(outcome, examiner)
            with self.open_executor() as executor:
                for entering in self.admission.entering():
                    self.corpus.append(entering.line)
                for batch, outcomes in self._batches(executor, examiner):
                    self._merge_batch(batch, outcomes, examiner)
                    self._checkpoint()
                    self._show(executor)
            self._finish_examining(examiner)

    def _finish_examining(self, examiner: Examiner) -> None:
        """Wait for what is still being examined, now that all workers are free for that."""
        if self.findings.unexamined and not self.interrupted:
            self.display.say(f"examining the last findings: {self.findings.unexamined}")
        examiner.workers = self.options.workers
        while self.findings.unexamined and not self.interrupted:
            self._keep_examined(examiner, timeout=0.5)

    def _batches(self, executor: Executor[Plan, Outcome], examiner: Examiner) -> Iterator[tuple[int, list[Outcome]]]:
        """Yield the batches in order of their numbers, each with its outcomes."""
        submitted = merged = self.guidance.planned.start
        while not (self.admission.full or self._out_of_time() or self.interrupted):
            planned = self.guidance.planned
            while submitted < min(planned.stop, merged + LOOKAHEAD * executor.workers):
                executor.submit(submitted, self.guidance.plans(submitted))
                submitted += 1
            self._take(executor, examiner)
            while merged in self._arrived and not (self.admission.full or self.interrupted):
                yield merged, self._arrived.pop(merged)
                merged += 1

    def _take(self, executor: Executor[Plan, Outcome], examiner: Examiner) -> None:
        """Wait a moment for workers, and take in the batches that arrive, and findings that were examined meanwhile."""
        for key, results in executor.completed(timeout=0.5):
            assert isinstance(key, int)
            self._arrived[key] = [
                self._death(plan, result) if isinstance(result, Death) else result
                for plan, result in zip(self.guidance.plans(key), results, strict=True)
            ]
        self._keep_examined(examiner, timeout=0.0)
        self._show(executor)

    def _out_of_time(self) -> bool:
        return self.options.time is not None and time.monotonic() - self.started >= self.options.time

    def _death(self, plan: Plan, death: Death) -> Outcome:
        """Return the outcome of a kernel that took its worker down, though alone in its job."""
        verdict = Verdict.HANG if death.hang else Verdict.CRASH
        made = self.task.make(plan)
        return self.task.finding(plan.index, made.kernel, verdict, death.reason, made=made)

    def _merge_batch(self, batch: int, outcomes: Sequence[Outcome], examiner: Examiner) -> None:
        """Merge what was not merged before; a batch in whose middle the budget is full is gone on with another time."""
        self.tally.look_at(outcomes[0])
        for plan, outcome in zip(self.guidance.plans(batch), outcomes, strict=True):
            if outcome.index >= self.next_kernel:
                if self.admission.full:
                    return
                self._merge(plan, outcome, examiner)
        self.guidance.merged(batch)

    def _merge(self, plan: Plan, outcome: Outcome, examiner: Examiner) -> None:
        self.next_kernel = outcome.index + 1
        kept = outcome.line is not None and not self.admission.has(outcome.id)
        new = self.guidance.learn(plan, outcome, kept, self.next_kernel)
        self.tally.add(plan, outcome, len(new))
        if outcome.line is not None:
            for entering in self.admission.offer(Candidate.of_line(outcome.line)):
                self.corpus.append(entering.line)
        elif outcome.verdict.accuses and self.findings.wants(outcome):
            self._examine(outcome, examiner)

    def _examine(self, outcome: Outcome, examiner: Examiner) -> None:
        peers = self.task.peers(outcome.index, outcome.detail.get("block_dim", 0))
        examiner.submit(outcome.index, Accusation(self.task.case(outcome), outcome.verdict, peers))

    def _keep_examined(self, examiner: Examiner, timeout: float) -> None:
        """Write the findings that were examined; wait for some so long."""
        for index, standing in examiner.completed(timeout):
            assert isinstance(index, int)
            for kept in self.findings.examined(index, standing):
                self._keep_finding(kept.outcome, kept.standing)

    def _keep_finding(self, found: Outcome, standing: Standing) -> None:
        name = finding_id(found)
        self.corpus.write_finding(name, finding_files(found, standing, found.detail["origin"], self.task.versions))
        self.display.say(f"finding {name}: {standing.cause or bucket(found)}")

    def _checkpoint(self) -> None:
        """Make what was merged durable, unless the last time is so recent that this would cost more than it saves."""
        began = time.monotonic()
        if began >= self._next_checkpoint:
            self.corpus.checkpoint(self.summary(), self.state())
            ended = time.monotonic()
            self._next_checkpoint = ended + PAUSE_SHARE * (ended - began)

    def seal(self) -> None:
        """Leave the corpus as a finished one that can still be gone on with."""
        self.corpus.seal(self.summary(), self.state())

    def summary(self) -> dict[str, Any]:
        """Return what the manifest says of the campaign, as JSON."""
        return {
            "options": self.options.identity(),
            "versions": dict(self.task.versions),
            "next_kernel": self.next_kernel,
            "waiting": [candidate.index for candidate in self.admission.waiting],
            "verdicts": dict(sorted((str(verdict), count) for verdict, count in self.tally.verdicts.items())),
            "refused": dict(sorted(self.admission.refused.items())),
            "dedup": self.admission.stages(),
            "findings": dict(sorted(self.findings.buckets.items())),
            "causes": dict(sorted(self.findings.causes.items())),
            "coverage": {name: vars(group) for name, group in self.guidance.coverage.groups().items()},
        }

    def state(self) -> bytes:
        """Return what the next run needs besides."""
        return states.encode(
            {
                "guidance": self.guidance.to_json(),
                "tally": self.tally.to_json(),
                "waiting": [candidate.to_json() for candidate in self.admission.waiting],
                "misfits": self.admission.misfits,
                "findings": self.findings.state(),
            }
        )

    def restore(self, summary: Mapping[str, Any], data: bytes) -> None:
        """Go on from what `summary` and `state` returned at the end of an earlier run.

        Raises UserError for a state that another version of this program wrote.
        """
        state = states.decode(data, str(self.corpus.path))
        self.next_kernel = summary["next_kernel"]
        self.admission.restore(map(Candidate.from_json, state["waiting"]), state["misfits"])
        self.admission.refused.update(summary["refused"])
        self.guidance.restore(state["guidance"])
        self.tally.restore(state["tally"])
        self.findings.restore(state["findings"])

    def _show(self, executor: Executor[Plan, Outcome]) -> None:
        self._health, self._deaths, self._workers = executor.health(), executor.deaths, executor.workers
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
            findings=dict(self.findings.buckets.most_common()),
            causes=dict(self.findings.causes.most_common()),
            cuda_backend=tally.cuda_backend,
            workers=self._workers or self.options.workers,
            deaths=self._deaths,
            stage_seconds=dict(tally.stage_seconds),
            main_seconds=time.process_time(),
            coverage=self.guidance.coverage.groups(),
            parents=len(self.guidance.parents),
            ways=tally.ways,
            categories=tally.categories,
            own_faults=dict(tally.own_faults),
            health=tuple(self._health),
            sample=tally.sample,
        )
