"""What a worker process does with a batch: generate, compile for both targets, run both, judge, write the records."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from extractor.branches import known_branches
from extractor.compiling import Compiled, CompileFailure, CompileOptions, compile_batch
from extractor.record import Record
from extractor.warp_setup import Workspace, open_workspace, spare_what_stays
from fuzzer.features import features_of
from fuzzer.guidance.plan import Plan
from fuzzer.making import Made
from fuzzer.metadata import metadata
from fuzzer.outcome import OWN_FAULT, Outcome
from fuzzer.task import Task
from grammar.kernel import Kernel
from oracle.backends import cpu, cuda_backend
from oracle.inputs import Inputs, make_inputs
from oracle.judge import DIRECTIONS, Judge, Judgement, weigh
from oracle.limits import documented, excuse
from oracle.observation import Verdict
from oracle.peers.agreement import PeerCase
from oracle.peers.running import PeerRunner
from oracle.reduce.accuser import KNOWN
from oracle.second_look import look_again
from oracle.work import Work, measure_work


def start_worker(task: Task, scratch: Path) -> Callable[[tuple[Plan, ...]], Sequence[Outcome]]:
    """Start Warp in this process, compiling under `scratch`, and return the function that judges the kernels of plans.

    The pool removes `scratch` when the process has ended, so the workspace is never closed here.
    """
    workspace = open_workspace(scratch).__enter__()
    options = CompileOptions(backward=task.backward, arch=task.arch, emit_ptx=task.emit_ptx)
    runner = BatchRunner(task, workspace, options, Judge(cpu, cuda_backend(task.cuda), task.cuda, DIRECTIONS))
    jobs = count()

    def run(plans: tuple[Plan, ...]) -> Sequence[Outcome]:
        outcomes = runner.run(plans)
        if not next(jobs):  # by now the tables are there that stay
            spare_what_stays()
        gc.collect()  # Warp's modules and syntax trees are full of cycles, and left alone pile up over many batches
        return outcomes

    return run


@dataclass(frozen=True)
class Launched:
    """A kernel that was compiled and run on both targets, and what came of it. `features` are what it covers.

    `work` is how much it does, counted where a record may come of it.
    """

    made: Made
    compiled: Compiled
    inputs: Inputs
    judgement: Judgement
    features: tuple[int, ...] = ()
    work: Work | None = None

    @property
    def kernel(self) -> Kernel:
        """The kernel as the grammar made it."""
        return self.made.kernel

    def as_case(self) -> PeerCase:
        """Return what its peers are compared with; both targets must have run."""
        seen = self.judgement.observations
        return PeerCase(self.kernel.source, self.compiled, self.kernel.dims, self.inputs, seen["cpu"], seen["cuda"])


@dataclass(frozen=True)
class BatchRunner:
    """Judges the kernels of plans, all of a call with blocks of one size compiled as one module."""

    task: Task
    workspace: Workspace
    options: CompileOptions
    judge: Judge

    def run(self, plans: tuple[Plan, ...]) -> list[Outcome]:
        """Return the outcomes of the plans, in the same order."""
        seconds: dict[str, float] = {}
        outcomes: dict[int, Outcome] = {}
        kernels: dict[int, Made] = {}
        with _cpu_time(seconds, "generate"):
            for plan in plans:
                try:
                    kernels[plan.index] = self.task.make(plan)
                except (MemoryError, OSError):
                    raise
                except Exception as error:  # the grammar's fault, which must not cost a campaign its other kernels
                    outcomes[plan.index] = _own_fault(plan, error)
        shared = {stage: taken / len(plans) for stage, taken in seconds.items()}
        for block_dim in sorted({made.kernel.block_dim for made in kernels.values()}):
            alike = {index: made for index, made in kernels.items() if made.kernel.block_dim == block_dim}
            outcomes |= self._run_alike(alike, self.options.for_blocks_of(block_dim), shared)
        return [outcomes[plan.index] for plan in plans]

    def _run_alike(
        self, kernels: Mapping[int, Made], options: CompileOptions, shared: Mapping[str, float]
    ) -> dict[int, Outcome]:
        """Return the outcomes, by index, of kernels that are compiled with the same options: tiles know their block."""
        seconds: dict[str, float] = {}
        with _cpu_time(seconds, "compile"):
            sources = [made.kernel.source for made in kernels.values()]
            # a Warp whose code generator is built otherwise is fuzzed without its branches
            follow = known_branches() is not None
            batch = compile_batch(sources, options, self.workspace, follow_branches=follow)
        shared = {**shared, "compile": seconds["compile"] / len(kernels)}
        outcomes = {}
        with batch:
            launched: dict[int, Launched] = {}
            for place, ((index, made), result) in enumerate(zip(kernels.items(), batch.results, strict=True)):
                if isinstance(result, CompileFailure):
                    reason = f"{result.stage} for {' and '.join(result.targets)}: {result.diagnostic}"
                    found = self.task.finding(index, made.kernel, Verdict.COMPILE_ERROR, reason, made=made)
                    outcomes[index] = replace(found, how=made.how)
                else:
                    launched[index] = self._judge(index, made, result, batch.branches.get(place, ()))
            self._ask_peers(launched, options)
            outcomes |= {index: self._outcome(index, one, options) for index, one in launched.items()}
        return {index: replace(outcome, seconds=shared | dict(outcome.seconds)) for index, outcome in outcomes.items()}

    def _judge(self, index: int, made: Made, compiled: Compiled, branches: Collection[str]) -> Launched:
        seconds: dict[str, float] = {}
        kernel = made.kernel
        with _cpu_time(seconds, "coverage"):
            features = features_of(kernel, compiled, branches)
        with _cpu_time(seconds, "inputs"):
            inputs = make_inputs(compiled.kernel, kernel.arguments, self.task.origin(index).input_seed)
        judgement = self.judge.judge(compiled, kernel.dims, inputs, self.task.backward)
        work = None
        if judgement.verdict is Verdict.MATCH and not self.task.beyond_limits:
            with _cpu_time(seconds, "work"):
                work = measure_work(compiled, kernel.dims, inputs)
        judgement = replace(judgement, seconds=seconds | dict(judgement.seconds))
        return Launched(made, compiled, inputs, judgement, features, work)

    def _ask_peers(self, launched: dict[int, Launched], options: CompileOptions) -> None:
        """Put the opinions of this batch's peers to the judgements of those on which both targets agree."""
        agreed = {index: one for index, one in launched.items() if one.judgement.verdict is Verdict.MATCH}
        if not agreed:
            return
        runner = PeerRunner(options, self.workspace, cuda_backend(self.task.cuda))
        first = min(agreed)
        for peer in self.task.peers(first, launched[first].kernel.block_dim):
            for index, opinion in zip(
                agreed, runner.run([one.as_case() for one in agreed.values()], peer), strict=True
            ):
                one = launched[index]
                heard = documented(opinion, one.kernel.source)
                launched[index] = replace(one, judgement=weigh(one.judgement, [heard], "peers"))

    def _outcome(self, index: int, launched: Launched, options: CompileOptions) -> Outcome:
        kernel = launched.kernel
        seconds: dict[str, float] = {}
        judgement = launched.judgement
        with _cpu_time(seconds, "second look"):
            if not KNOWN.search(judgement.reason):  # what has a name already is only counted
                judgement = look_again(
                    judgement, self.judge, kernel.source, options, self.workspace, kernel.dims, launched.inputs
                )
            judgement = _excused(judgement, kernel.source)
        seconds |= judgement.seconds
        backends = self.judge.backends
        outcome = self.task.finding(index, kernel, judgement.verdict, judgement.reason, backends, launched.made)
        outcome = replace(
            outcome,
            features=launched.features,
            code_bytes=_code_bytes(launched.compiled),
            how=launched.made.how,
        )
        if judgement.verdict is not Verdict.MATCH or self.task.beyond_limits:
            return replace(outcome, seconds=seconds)
        with _cpu_time(seconds, "record"):
            origin = self.task.origin(index, launched.made)
            data = metadata(
                kernel, origin, self.task.versions, backends, judgement, launched.compiled.artifacts, launched.work
            )
            line = Record(outcome.id, kernel.source, launched.compiled.artifacts, data).to_line()
        return replace(outcome, line=line, source="", detail={}, seconds=seconds)


def _code_bytes(compiled: Compiled) -> int:
    texts = compiled.artifacts
    given = (texts.cpp_forward, texts.cpp_backward, texts.cuda_forward, texts.cuda_backward)
    return sum(map(len, given)) + compiled.ptx.size((compiled.forward_entry, compiled.backward_entry))


def _own_fault(plan: Plan, error: Exception) -> Outcome:
    """Return the outcome of a kernel that could not be made: shown and counted, and never called a match."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"
    return Outcome(plan.index, "", plan.category, Verdict.UNSUPPORTED, f"{OWN_FAULT}: {text}", how=plan.how)


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
