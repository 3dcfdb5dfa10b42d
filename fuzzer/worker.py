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
from oracle.inputs import make_inputs
from oracle.judge import Judge
from oracle.observation import Verdict
from oracle.second_look import look_again


def start_worker(task: Task, scratch: Path) -> Callable[[tuple[int, ...]], Sequence[Outcome]]:
    """Start Warp in this process, compiling under `scratch`, and return the function that judges kernels by index.

    The pool removes `scratch` when the process has ended, so the workspace is never closed here.
    """
    workspace = open_workspace(scratch).__enter__()
    options = CompileOptions(backward=task.backward, arch=task.arch, emit_ptx=task.emit_ptx)
    return BatchRunner(task, workspace, options, Judge(cpu, cuda_backend(task.cuda), task.cuda)).run


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
            for (index, kernel), result in zip(kernels.items(), batch.results, strict=True):
                if isinstance(result, CompileFailure):
                    reason = f"{result.stage} for {' and '.join(result.targets)}: {result.diagnostic}"
                    outcome = self.task.finding(index, kernel, Verdict.COMPILE_ERROR, reason)
                else:
                    outcome = self._judge(index, kernel, result, options)
                outcomes[index] = replace(outcome, seconds=shared | dict(outcome.seconds))
        return outcomes

    def _judge(self, index: int, kernel: Kernel, compiled: Compiled, options: CompileOptions) -> Outcome:
        origin = self.task.origin(index)
        seconds: dict[str, float] = {}
        with _cpu_time(seconds, "inputs"):
            inputs = make_inputs(compiled.kernel, kernel.arguments, origin.input_seed)
        judgement = self.judge.judge(compiled, kernel.dims, inputs, self.task.backward)
        judgement = look_again(judgement, self.judge, kernel.source, options, self.workspace, kernel.dims, inputs)
        seconds |= judgement.seconds
        backends = self.judge.backends
        if judgement.verdict is not Verdict.MATCH:
            found = self.task.finding(index, kernel, judgement.verdict, judgement.reason, backends)
            return replace(found, seconds=seconds)
        with _cpu_time(seconds, "record"):
            comparison = judgement.comparison.to_json() if judgement.comparison else {}
            data = metadata(kernel, origin, self.task.versions, backends, comparison, judgement.functions)
            record = Record(kernel_id(kernel.source), kernel.source, compiled.artifacts, data)
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


@contextmanager
def _cpu_time(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add the CPU seconds that the block takes in this process to `seconds[stage]`."""
    started = time.process_time()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - started
