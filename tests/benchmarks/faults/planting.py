"""Kernels with one fault planted in what one target runs, or in what was observed of it, and what the judge says."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.ptx_text import PtxText
from extractor.warp_setup import Workspace, open_workspace
from faults import cpp, ptx
from faults.builds import Builds
from faults.edits import Edit, Kind, draw
from faults.flips import Tampered, choose_bit
from fuzzer.task import Task
from grammar import CATEGORIES
from grammar.kernel import Kernel
from oracle.backends import cpu, emulator
from oracle.compare import compare
from oracle.cpu_object import PrivateApiError, Substitute
from oracle.inputs import Inputs, make_inputs
from oracle.judge import Backend, Judge
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.ptx.errors import Fault, Malformed, StepLimit, Unsupported
from oracle.reference import Program
from oracle.reference.opinion import Reference, consult

TARGETS = ("cpp", "cuda", "ptx", "result", "shared")
"""What a fault is planted in: the text for the cpu, for cuda, the PTX made of it, what a target observed, or what both
observed, which only the reference can see."""

KINDS: Mapping[str, Sequence[Kind]] = {"cpp": cpp.KINDS, "cuda": cpp.KINDS, "ptx": ptx.KINDS}


@dataclass(frozen=True)
class Planted:
    """What became of one fault. `stage` is one of `STAGES`, `detail` what was edited, `reason` the judge's."""

    index: int
    target: str
    kind: str = ""
    stage: str = "no site"
    verdict: str = ""
    reason: str = ""
    detail: str = ""


FAULT_SECONDS = 15.0
"""CPU time for one fault: to compile, run and judge it takes one or two seconds."""

STAGES = ("not compiled", "unchanged", "caught", "missed", "kernel left out", "no site")
"""`unchanged`: the faulty target gives what it gave before. `kernel left out`: without a fault it is no match."""


@dataclass(frozen=True)
class Subject:
    """A compiled kernel with its inputs, and what both targets make of them without a fault."""

    kernel: Kernel
    compiled: Compiled
    inputs: Inputs
    builds: Builds
    observed: Mapping[str, Observation]

    def judge(self, compiled: Compiled, on_cpu: Backend = cpu, on_cuda: Backend = emulator) -> tuple[Verdict, str]:
        """Return the verdict and the reason of a campaign's judge."""
        found = Judge(on_cpu, on_cuda, "emulator").judge(compiled, self.kernel.dims, self.inputs, backward=True)
        return found.verdict, found.reason

    def run(self, backend: Backend, compiled: Compiled) -> Observation:
        """Launch on the inputs, forward and backward."""
        return backend.run(compiled, self.kernel.dims, self.inputs, backward=True)


def plant(subject: Subject, target: str, kinds: Sequence[str], rng: random.Random, workspace: Workspace) -> Planted:
    """Plant one fault in `target`, of one of `kinds` (all if empty), and say what became of it."""
    planted = Planted(0, target)
    if target == "result":
        return _plant_in_result(subject, planted, kinds, rng)
    if target == "shared":
        return _plant_in_both(subject, planted, kinds, rng)
    text = subject.compiled.ptx.text if target == "ptx" else subject.builds.calls[target][2]
    chosen = draw([kind for kind in KINDS[target] if not kinds or kind.name in kinds], text, rng)
    if chosen is None:
        return planted
    kind, edit = chosen
    planted = replace(planted, kind=kind.name, detail=edit.describe(text))
    return plant_edit(subject, planted, edit, workspace)


def plant_edit(subject: Subject, planted: Planted, edit: Edit, workspace: Workspace) -> Planted:
    """Apply an edit to the text of `planted.target`, compile it if need be, run it, and judge it.

    What does not end is caught; on the cpu, whose code nothing can interrupt, this process ends with it.
    """
    try:
        with _limited(signal.SIG_DFL if planted.target == "cpp" else _stop):
            return _plant_edit(subject, planted, edit, workspace)
    except TimeoutError as error:
        return replace(planted, stage="caught", verdict=str(Verdict.HANG), reason=str(error))


@contextmanager
def _limited(handler: Any) -> Iterator[None]:
    previous = signal.signal(signal.SIGPROF, handler)
    signal.setitimer(signal.ITIMER_PROF, FAULT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, previous)


def _stop(*_: Any) -> None:
    raise TimeoutError(f"no end within {FAULT_SECONDS:g} s")


def _plant_edit(subject: Subject, planted: Planted, edit: Edit, workspace: Workspace) -> Planted:
    compiled = subject.compiled
    if planted.target == "ptx":
        return _on_cuda(subject, planted, replace(compiled, ptx=PtxText(edit.apply(compiled.ptx.text))))
    built = subject.builds.again(planted.target, edit.apply(subject.builds.calls[planted.target][2]), workspace)
    if built is None:
        return replace(planted, stage="not compiled")
    if planted.target == "cuda":
        text = built.rstrip(b"\0").decode("utf-8")
        return _on_cuda(subject, planted, replace(compiled, ptx=PtxText(text)))
    try:
        substitute = Substitute(compiled.kernel, built)
    except PrivateApiError as error:  # a function that is declared and not defined
        return replace(planted, stage="not compiled", reason=str(error))
    with substitute.active():
        return _on_cpu(subject, planted, replace(compiled, cpu_object=built))


def _on_cpu(subject: Subject, planted: Planted, compiled: Compiled) -> Planted:
    changed = not compare(subject.observed["cpu"], subject.run(cpu, compiled)).equal
    return _judged(planted, *subject.judge(compiled)) if changed else replace(planted, stage="unchanged")


def _on_cuda(subject: Subject, planted: Planted, compiled: Compiled) -> Planted:
    try:
        found = subject.run(emulator, compiled)
    except (Unsupported, Malformed) as error:
        return replace(planted, stage="not compiled", reason=str(error))
    except (Fault, StepLimit):
        return _judged(planted, *subject.judge(compiled))
    if not found.reports and compare(subject.observed["cuda"], found).equal:
        return replace(planted, stage="unchanged")
    return _judged(planted, *subject.judge(compiled))


def _judged(planted: Planted, verdict: Verdict, reason: str) -> Planted:
    return replace(planted, stage="caught" if verdict.accuses else "missed", verdict=str(verdict), reason=reason)


def _plant_in_result(subject: Subject, planted: Planted, kinds: Sequence[str], rng: random.Random) -> Planted:
    side = rng.choice(("cpu", "cuda"))
    chosen = choose_bit(subject.observed[side], kinds, rng)
    if chosen is None:
        return planted
    name, flip = chosen
    tampered = Tampered(cpu if side == "cpu" else emulator, flip)
    planted = replace(planted, kind=name, detail=f"{side}: {flip.describe(subject.observed[side])}")
    if compare(subject.observed[side], flip.apply(subject.observed[side])).equal:
        return replace(planted, stage="unchanged")  # another NaN
    backends = {"on_cpu": tampered} if side == "cpu" else {"on_cuda": tampered}
    return _judged(planted, *subject.judge(subject.compiled, **backends))


def _plant_in_both(subject: Subject, planted: Planted, kinds: Sequence[str], rng: random.Random) -> Planted:
    """Flip the same bit of both targets' observations, as a fault of what they share would."""
    program = Program.of(subject.kernel.source, parameters_of(subject.compiled.kernel))
    reference = consult(program, subject.kernel.dims, subject.inputs, subject.compiled.block_dim)
    if isinstance(reference, Opinion):
        return replace(planted, stage="kernel left out", reason=f"the reference has no opinion: {reference.reason}")
    opinions = _opinions(reference, subject.observed)
    if any(each.stance is not Stance.AGREES for each in opinions):
        return replace(planted, stage="kernel left out", reason="the reference does not agree without a fault")
    own = reference.evaluation.observation
    chosen = choose_bit(own, kinds, rng)
    if chosen is None:
        return planted
    name, flip = chosen
    planted = replace(planted, kind=name, detail=flip.describe(own))
    wrong = {target: flip.apply(observed) for target, observed in subject.observed.items()}
    if compare(wrong["cpu"], subject.observed["cpu"]).equal:
        return replace(planted, stage="unchanged")
    opinions = _opinions(reference, wrong)
    accusing = [each for each in opinions if each.stance is Stance.ACCUSES]
    spoken = (accusing or opinions)[0]
    return replace(planted, stage="caught" if accusing else "missed", verdict=str(spoken.stance), reason=spoken.reason)


def _opinions(reference: Reference, observed: Mapping[str, Observation]) -> list[Opinion]:
    """Return what the reference thinks of the targets, as the judge asks it."""
    on_cpu = replace(observed["cpu"], order_slack=observed["cuda"].order_slack)
    return [reference.opinion("cpu", on_cpu), reference.opinion("cuda", observed["cuda"])]


Item = tuple[int, str, int]
"""A kernel's index, the target of its fault, and which of several faults it is."""


@dataclass(frozen=True)
class Planter:
    """Plants the faults of one seed: the same item gives the same fault, in whatever process."""

    seed: int
    kinds: tuple[str, ...]

    def start(self, scratch: Path) -> Callable[[tuple[Item, ...]], list[Planted]]:
        """Start Warp in this process, and return the function that plants faults."""
        workspace = open_workspace(scratch).__enter__()
        return lambda items: [one for _, group in groupby(items, _index) for one in self._plant(list(group), workspace)]

    def _plant(self, items: Sequence[Item], workspace: Workspace) -> list[Planted]:
        """Plant faults, one at a time, in one kernel."""
        task = Task(self.seed, CATEGORIES, True, False, "emulator", 75)
        index = _index(items[0])
        kernel = task.kernel(index)
        with subject_of(kernel, task.origin(index).input_seed, workspace) as subject:
            if not isinstance(subject, Subject):
                return [Planted(index, target, stage="kernel left out", reason=subject) for _, target, _ in items]
            streams = [random.Random(f"{self.seed}/{item}/{','.join(self.kinds)}") for item in items]
            return [
                replace(plant(subject, target, self.kinds, rng, workspace), index=index)
                for (_, target, _), rng in zip(items, streams, strict=True)
            ]


def _index(item: Item) -> int:
    return item[0]


@contextmanager
def subject_of(kernel: Kernel, input_seed: int, workspace: Workspace) -> Iterator[Subject | str]:
    """Compile a kernel and run it on both targets; gives why it cannot serve where it is no match without a fault."""
    builds = Builds()
    with builds.recorded():
        batch = compile_batch([kernel.source], CompileOptions().for_blocks_of(kernel.block_dim), workspace)
    with batch:
        (compiled,) = batch.results
        if not isinstance(compiled, Compiled):
            yield f"it does not compile: {compiled.diagnostic}"
            return
        inputs = make_inputs(compiled.kernel, kernel.arguments, input_seed)
        subject = Subject(kernel, compiled, inputs, builds, {})
        verdict, reason = subject.judge(compiled)
        if verdict is not Verdict.MATCH:
            yield f"{verdict}: {reason}"
            return
        observed = {"cpu": subject.run(cpu, compiled), "cuda": subject.run(emulator, compiled)}
        yield replace(subject, observed=observed)
