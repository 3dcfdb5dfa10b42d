"""What a worker process does with a batch: generate, compile for both targets, run both, judge, write the records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from extractor.compiling import Compiled, CompileFailure, CompileOptions, compile_batch
from extractor.record import Record
from extractor.warp_setup import Workspace, open_workspace
from fuzzer.metadata import metadata
from fuzzer.outcome import Outcome
from fuzzer.task import Task
from grammar.canonical import kernel_id
from grammar.kernel import Kernel
from oracle.backends import cpu, cuda_backend
from oracle.inputs import Inputs, make_inputs
from oracle.judge import DIRECTIONS, Judge, Judgement, weigh
from oracle.limits import documented, excuse
from oracle.observation import Verdict
from oracle.peers.agreement import PeerCase
from oracle.peers.running import PeerRunner
from oracle.second_look import look_again


def start_worker(task: Task, scratch: Path) -> Callable[[tuple[int, ...]], Sequence[Outcome]]:
    """Start Warp in this process, compiling under `scratch`, and return the function that judges kernels by index.

    The pool removes `scratch` when the process has ended, so the workspace is never closed here.
    """
    workspace = open_workspace(scratch).__enter__()
    options = CompileOptions(backward=task.backward, arch=task.arch, emit_ptx=task.emit_ptx)
    return BatchRunner(task, workspace, options, Judge(cpu, cuda_backend(task.cuda), task.cuda, DIRECTIONS)).run


@dataclass(frozen=True)
class Launched:
    """A kernel that was compiled and run on both targets, and what came of it."""

    kernel: Kernel
    compiled: Compiled
    inputs: Inputs
    judgement: Judgement

    def as_case(self) -> PeerCase:
        """Return what its peers are compared with; both targets must have run."""
        seen = self.judgement.observations
        return PeerCase(self.kernel.source, self.compiled, self.kernel.dims, self.inputs, seen["cpu"], seen["cuda"])


@dataclass(frozen=True)
class BatchRunner:
    """Judges kernels by index, all of a call with blocks of one size compiled as one module."""

    task: Task
    workspace: Workspace
    options: CompileOptions
    judge: Judge

    def run(self, indices: tuple[int, ...]) -> list[Outcome]:
        """Return the outcomes of the kernels with these indices, in the same order."""
        seconds: dict[str, float] = {}
        with _cpu_time(seconds, "generate"):
            kernels = {index: self.task.kernel(index) for index in indices}
        shared = {stage: taken / len(indices) for stage, taken in seconds.items()}
        outcomes: dict[int, Outcome] = {}
        for block_dim in sorted({kernel.block_dim for kernel in kernels.values()}):
            alike = {index: kernel for index, kernel in kernels.items() if kernel.block_dim == block_dim}
            outcomes |= self._run_alike(alike, self.options.for_blocks_of(block_dim), shared)
        return [outcomes[index] for index in indices]

    def _run_alike(
        self, kernels: Mapping[int, Kernel], options: CompileOptions, shared: Mapping[str, float]
    ) -> dict[int, Outcome]:
        """Return the outcomes, by index, of kernels that are compiled with the same options: tiles know their block."""
        seconds: dict[str, float] = {}
        with _cpu_time(seconds, "compile"):
            batch = compile_batch([kernel.source for kernel in kernels.values()], options, self.workspace)
        shared = {**shared, "compile": seconds["compile"] / len(kernels)}
        outcomes = {}
        with batch:
            launched: dict[int, Launched] = {}
            for (index, kernel), result in zip(kernels.items(), batch.results, strict=True):
                if isinstance(result, CompileFailure):
                    reason = f"{result.stage} for {' and '.join(result.targets)}: {result.diagnostic}"
                    outcomes[index] = self.task.finding(index, kernel, Verdict.COMPILE_ERROR, reason)
                else:
                    launched[index] = self._judge(index, kernel, result)
            self._ask_peers(launched, options)
            outcomes |= {index: self._outcome(index, one, options) for index, one in launched.items()}
        return {index: replace(outcome, seconds=shared | dict(outcome.seconds)) for index, outcome in outcomes.items()}

    def _judge(self, index: int, kernel: Kernel, compiled: Compiled) -> Launched:
        seconds: dict[str, float] = {}
        with _cpu_time(seconds, "inputs"):
            inputs = make_inputs(compiled.kernel, kernel.arguments, self.task.origin(index).input_seed)
        judgement = self.judge.judge(compiled, kernel.dims, inputs, self.task.backward)
        return Launched(kernel, compiled, inputs, replace(judgement, seconds=seconds | dict(judgement.seconds)))

    def _ask_peers(self, launched: dict[int, Launched], options: CompileOptions) -> None:
        """Put the opinions of this batch's peers to the judgements of those on which both targets agree."""
        agreed = {index: one for index, one in launched.items() if one.judgement.verdict is Verdict.MATCH}
        if not agreed:
            return
        runner = PeerRunner(options, self.workspace, cuda_backend(self.task.cuda))
        first = min(agreed)
        for peer in self.task.peers(launched[first].kernel, first):
            for index, opinion in zip(
                agreed, runner.run([one.as_case() for one in agreed.values()], peer), strict=True
            ):
                one = launched[index]
                heard = documented(opinion, one.kernel.source)
                launched[index] = replace(one, judgement=weigh(one.judgement, [heard], "peers"))

    def _outcome(self, index: int, launched: Launched, options: CompileOptions) -> Outcome:
        origin = self.task.origin(index)
        kernel = launched.kernel
        judgement = look_again(
            launched.judgement, self.judge, kernel.source, options, self.workspace, kernel.dims, launched.inputs
        )
        judgement = _excused(judgement, kernel.source)
        seconds = dict(judgement.seconds)
        backends = self.judge.backends
        if judgement.verdict is not Verdict.MATCH or self.task.beyond_limits:
            found = self.task.finding(index, kernel, judgement.verdict, judgement.reason, backends)
            return replace(found, seconds=seconds)
        with _cpu_time(seconds, "record"):
            data = metadata(kernel, origin, self.task.versions, backends, judgement)
            record = Record(kernel_id(kernel.source), kernel.source, launched.compiled.artifacts, data)
            line = record.to_line()
        return Outcome(
            index=index,
            id=record.id,
            category=kernel.category,
            verdict=judgement.verdict,
            reason=judgement.reason,
            line=line,
            seconds=seconds,
            backends=backends,
        )


def _excused(judgement: Judgement, source: str) -> Judgement:
    """Return the judgement, as `documented` where the targets differ as a limit announces that the kernel exceeds."""
    if judgement.verdict is not Verdict.MISMATCH or judgement.comparison is None:
        return judgement
    reason = excuse(source, (leaf.name for leaf in judgement.comparison.differing))
    if reason is None:
        return judgement
    return replace(judgement, verdict=Verdict.DOCUMENTED, reason=f"{reason}: {judgement.reason}")


@contextmanager
def _cpu_time(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the CPU seconds that the block takes in this process to `seconds[stage]`."""
    started = time.process_time()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - started
