"""Kernels with one fault planted in what one target runs, or in what was observed of it, and what the judge says."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from warp._src import build

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.ptx_text import PtxText
from extractor.warp_setup import Workspace, captured_output, open_workspace
from faults import cpp, ptx
from faults.edits import Edit, Kind, draw
from fuzzer.task import Task
from grammar import CATEGORIES
from grammar.kernel import Kernel
from oracle.backends import cpu, emulator
from oracle.compare import compare
from oracle.cpu_object import PrivateApiError, Substitute
from oracle.floats import is_float
from oracle.inputs import Inputs, make_inputs
from oracle.judge import Backend, Judge
from oracle.observation import Observation, Verdict
from oracle.ptx.errors import Fault, Malformed, StepLimit, Unsupported

TARGETS = ("cpp", "cuda", "ptx", "result")
"""What a fault is planted in: the text for the cpu, for cuda, the PTX made of it, or an observation."""

KINDS: Mapping[str, Sequence[Kind]] = {"cpp": cpp.KINDS, "cuda": cpp.KINDS, "ptx": ptx.KINDS}

BITS: Mapping[str, Callable[[int, bool], int]] = {
    "last bit": lambda bits, is_float: 0,
    "middle bit": lambda bits, is_float: {16: 6, 32: 12, 64: 30}.get(bits, bits // 2) if is_float else bits // 2,
    "top bit": lambda bits, is_float: bits - 1,
}
"""Which bit of an element of so many bits a fault of an observation flips."""


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


@dataclass
class Builds:
    """How Warp called its compilers last; each can be called so again for another text."""

    calls: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = field(default_factory=dict)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Remember the calls of `build_cpu` and `build_cuda` meanwhile."""
        originals = build.build_cpu, build.build_cuda

        def build_cpu(result: str, source: str, *arguments: Any, **options: Any) -> None:
            self.calls["cpp"] = arguments, options, Path(source).read_text(encoding="utf-8")
            originals[0](result, source, *arguments, **options)

        def build_cuda(source: str, arch: int, result: str, *arguments: Any, **options: Any) -> None:
            self.calls["cuda"] = (arch, *arguments), options, Path(source).read_text(encoding="utf-8")
            originals[1](source, arch, result, *arguments, **options)

        build.build_cpu, build.build_cuda = build_cpu, build_cuda
        try:
            yield
        finally:
            build.build_cpu, build.build_cuda = originals

    def again(self, target: str, text: str, workspace: Workspace) -> bytes | None:
        """Return the object file (`cpp`) or the PTX (`cuda`) of another text, None where the compiler refuses it."""
        arguments, options, _ = self.calls[target]
        folder = workspace.new_folder()
        source, result = folder / ("source.cpp" if target == "cpp" else "source.cu"), folder / "result.ptx"
        source.write_text(text, encoding="utf-8")
        try:
            with captured_output(workspace.folder):
                if target == "cpp":
                    build.build_cpu(str(result), str(source), *arguments, **options)
                else:
                    arch, *rest = arguments
                    build.build_cuda(str(source), arch, str(result), *rest, **options)
            return result.read_bytes()
        except OSError:
            raise
        except Exception:  # what Warp raises when a compiler refuses the text has no type of its own
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)


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


@dataclass(frozen=True)
class Tampered:
    """A back end with one bit of one element of what it observes flipped."""

    backend: Backend
    leaf: str
    position: int
    bit: int

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        """Launch as the back end does."""
        found = self.backend.run(compiled, dims, inputs, backward)
        return replace(found, values={**found.values, self.leaf: self._flipped(found.values[self.leaf])})

    def _flipped(self, values: np.ndarray) -> np.ndarray:
        result = np.ascontiguousarray(values).copy()
        flat = result.view(f"u{values.dtype.itemsize}").reshape(-1)
        flat[self.position] ^= flat.dtype.type(1 << self.bit)
        return result


def plant(subject: Subject, target: str, kinds: Sequence[str], rng: random.Random, workspace: Workspace) -> Planted:
    """Plant one fault in `target`, of one of `kinds` (all if empty), and say what became of it."""
    planted = Planted(0, target)
    if target == "result":
        return _plant_in_result(subject, planted, kinds, rng)
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
    names = [name for name in BITS if not kinds or name in kinds]
    leaves = [name for name, values in subject.observed[side].values.items() if values.size]
    if not names or not leaves:
        return planted
    name, leaf = rng.choice(names), rng.choice(leaves)
    values = subject.observed[side].values[leaf]
    floats = is_float(values.dtype)
    bit = 0 if values.dtype == np.bool_ else BITS[name](8 * values.dtype.itemsize, floats)
    tampered = Tampered(cpu if side == "cpu" else emulator, leaf, rng.randrange(values.size), bit)
    planted = replace(planted, kind=name, detail=f"{side}: bit {bit} of {leaf}[{tampered.position}], {values.dtype}")
    if compare(subject.observed[side], subject.run(tampered, subject.compiled)).equal:
        return replace(planted, stage="unchanged")  # another NaN
    backends = {"on_cpu": tampered} if side == "cpu" else {"on_cuda": tampered}
    return _judged(planted, *subject.judge(subject.compiled, **backends))


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
