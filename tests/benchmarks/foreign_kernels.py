"""Anybody's kernels, one Python module at a time: which are decoded, and do both targets agree on inputs made for them?

The module is imported as Python does. Each of its kernels is compiled for both targets with the others of its Warp
module, and launched once on inputs that its signature suggests: arrays with the launch's extents, integers that are
valid indices into them. Where the sanitizer objects, which says more about such inputs than about the kernel, a single
thread with larger arrays is tried. Nothing that the sanitizer objects to runs on the cpu.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import re
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import warp as wp

from extractor.compiling import Compiled
from extractor.record import Artifacts
from extractor.warp_internals import forget_module, mangled_name
from extractor.warp_module import Names, WarpModule
from extractor.warp_setup import Workspace, captured_output, open_workspace
from oracle import ptx
from oracle.backends import cpu, emulator
from oracle.backends.native import run_native
from oracle.compare import compare
from oracle.explain import explain
from oracle.inputs import Inputs, default_arguments, make_inputs
from oracle.judge import Judge
from oracle.observation import Observation, Verdict
from oracle.parameters import arrays_of, parameters_of
from oracle.ptx import decode
from oracle.ptx.execute import read_call
from oracle.ptx.parse import ENDS_BLOCK, ModuleIndex
from oracle.ptx.system_calls import SYSTEM_CALLS
from oracle.rerun import DEFAULT_DIMS, launch_rank

ARCH = 75
THREADS = 64
"""Threads in a block."""

ORDINARY_SEED = 5
"""A seed that brings no infinities, with which the order of a tile's sums would decide between one and NaN."""

TILE_DIMS = {1: (2,), 2: (2, 2), 3: (2, 1, 1)}
SIDES = {0: 64, 1: 64, 2: 64, 3: 16, 4: 8}
"""The longest side of a launch's arrays, by the largest number of dimensions that one has."""

ROOM = {0: 256, 1: 256, 2: 64, 3: 32, 4: 12}
"""Sides of the arrays for a single thread, which are to hold whatever constant index it has, and for tiles."""

TILE_TOLERANCE = 4e-3
"""Allowed difference, relative to a leaf's largest element, where a block's threads sum in another order than one."""

_SOLVES = re.compile(r"\btile_\w*(cholesky|solve)")
_BLOCKS = re.compile(r"\bwp::(tile(?!_shared_storage)\w*|untile\w*)\b|\bbuiltin_block_dim\b")
_NAMES_TID = re.compile(r"\btid\(\)")


@dataclass
class Outcome:
    """What became of one kernel. `result` is a phrase that outcomes are counted by, `detail` goes with this one."""

    module: str
    kernel: str
    result: str = ""
    detail: str = ""
    missing: list[str] = field(default_factory=list)
    decoded: bool = False
    backward: bool = False
    dims: tuple[int, ...] = ()
    seconds: float = 0.0


def in_a_fork(work: Callable[[], Outcome], outcome: Outcome, seconds: float) -> Outcome:
    """What `work` returns in a copy of this process; `outcome` with the reason where the copy dies or takes too long.

    A division by zero ends a process on the cpu, and what native code runs on for ever cannot be interrupted.
    """
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            sender.send(work())
        except BaseException as error:
            sender.send(replace(outcome, result="survey failed", detail=f"{type(error).__name__}: {error}"))
        finally:
            os._exit(0)
    sender.close()
    answered = receiver.poll(seconds)
    try:
        result: Outcome | None = receiver.recv() if answered else None
    except EOFError:
        result = None
    if not answered:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    receiver.close()
    if result is not None:
        return result
    if not answered:
        return replace(outcome, result="takes too long")
    return replace(outcome, result="died", detail=signal.Signals(os.waitstatus_to_exitcode(status) * -1).name)


def survey(name: str, workspace: Workspace, log: Path, kernel_seconds: float) -> None:
    """Go through the kernels of a Python module and write a line of JSON for each to `log`, as soon as it is known."""
    with log.open("w") as file:

        def write(outcome: Outcome) -> None:
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()

        try:
            with captured_output(workspace.folder):
                importlib.import_module(name)
        except (Exception, SystemExit) as error:
            write(Outcome(name, "", "not imported", f"{type(error).__name__}: {error}"))
            return
        wp.config.enable_cpu_blocks = True  # else every block of the cpu is one thread, whatever a launch says
        judge = Judge(cpu, emulator, "emulator")
        for warp_name, kernels in _kernels_by_warp_module(name).items():
            _survey_warp_module(name, warp_name, kernels, workspace, judge, kernel_seconds, write)


def _kernels_by_warp_module(name: str) -> dict[str, dict[str, wp.Kernel]]:
    """The kernels that the Python module defines, by the name of their Warp module and a name of their own."""
    from warp._src.context import user_modules

    found: dict[str, dict[str, wp.Kernel]] = {}
    for warp_name, module in list(user_modules.items()):
        own = [kernel for kernel in module._get_live_kernels() if kernel.func.__module__ == name]
        concrete = [each for kernel in own for each in (kernel.overloads.values() if kernel.is_generic else [kernel])]
        for number, kernel in enumerate(sorted(concrete, key=_signature)):
            found.setdefault(warp_name, {})[f"{warp_name}:{kernel.key}:{number}"] = kernel
    return found


def _signature(kernel: wp.Kernel) -> tuple[str, ...]:
    """What puts kernels in the same order in every process."""
    return kernel.key, *(f"{argument.label}: {argument.type}" for argument in kernel.adj.args)


def _survey_warp_module(
    name: str,
    warp_name: str,
    kernels: dict[str, wp.Kernel],
    workspace: Workspace,
    judge: Judge,
    kernel_seconds: float,
    write: Callable[[Outcome], None],
) -> None:
    outcomes = [Outcome(name, label) for label in kernels]
    compiled = _compile(warp_name, list(kernels.values()), workspace)
    if isinstance(compiled, str):
        for outcome in outcomes:
            outcome.result, outcome.detail = "not compiled", compiled
            write(outcome)
        return
    index = ModuleIndex(compiled[0].ptx.text)
    for outcome, kernel, one in zip(outcomes, kernels.values(), compiled, strict=True):
        started = time.perf_counter()
        entries = [entry for entry in (one.forward_entry, one.backward_entry) if entry]
        outcome.missing = sorted(missing_forms(index, entries))
        outcome.decoded, outcome.backward = not outcome.missing, bool(one.backward_entry)
        with captured_output(workspace.folder):
            work = partial(_execute, outcome, kernel, one, judge)
            outcome = in_a_fork(work, outcome, kernel_seconds)
            if outcome.detail == "SIGFPE":  # a division by zero
                outcome = in_a_fork(partial(work, positive=True), outcome, kernel_seconds)
        outcome.seconds = time.perf_counter() - started
        write(outcome)
    forget_module(warp_name)


def _compile(warp_name: str, kernels: Sequence[wp.Kernel], workspace: Workspace) -> list[Compiled] | str:
    """The kernels compiled for both targets, or what a compiler said."""
    module = WarpModule(warp_name, workspace)
    options = {"fast_math": False, "fuse_fp": False, "lineinfo": False, "mode": "release"}
    error = module.compile("cuda", ARCH, {**options, "optimization_level": 2, "block_dim": THREADS})
    # Another option may change a kernel's name, so that the cpu's cannot be asked for afterwards.
    names = [] if error else [Names(mangled_name(kernel)).cuda for kernel in kernels]
    texts = [] if error else [module.artifacts(kernel, ("cuda",)) for kernel in kernels]
    if error is None and not all(map(_needs_blocks, texts)):
        error = module.compile("cpu", ARCH, {**options, "optimization_level": 0})
    if error is not None:
        return f"{error.target}: {error.diagnostic}"[:300]
    wp.set_module_options({**options, "optimization_level": 0}, module=warp_name)
    if any(map(_needs_blocks, texts)):
        try:
            with captured_output(workspace.folder):
                wp.load_module(warp_name, device="cpu", block_dim=THREADS)
        except Exception as error:  # whatever Warp or clang objects to
            return f"cpu, blocks of {THREADS}: {type(error).__name__}: {error}"[:300]
    found = []
    for kernel, text, (forward, backward) in zip(kernels, texts, names, strict=True):
        if backward not in module.ptx.text:
            backward = ""
        block = THREADS if _needs_blocks(text) else 0
        found.append(Compiled(kernel, text, module.ptx, forward, backward, module.cpu_object, block))
    return found


def _needs_blocks(text: Artifacts) -> bool:
    """Whether it makes a difference how many threads a block has."""
    return bool(_BLOCKS.search(text.cuda_forward))


def missing_forms(index: ModuleIndex, entries: Sequence[str]) -> set[str]:
    """The opcode forms and functions that the emulator lacks, in entries and the functions that they call."""
    missing: set[str] = set()
    waiting, seen = list(entries), set(entries)
    while waiting:
        for block in index.functions[waiting.pop()].code.blocks:
            for statement in [*block.body, *([block.end] if block.end else [])]:
                opcode = statement[2]
                kind = ENDS_BLOCK.get(opcode.partition(".")[0])
                if kind == "call":
                    callee = read_call(statement)[1]
                    function = index.functions.get(callee)
                    if function is not None and function.is_defined:
                        waiting += [callee] if callee not in seen else []
                        seen.add(callee)
                    elif callee not in SYSTEM_CALLS and callee[0] != "%":
                        missing.add(f"call {callee}")
                elif kind in (None, "gate"):
                    try:
                        decode.emitter(opcode)
                    except ptx.Unsupported as error:
                        missing.add(error.form)
    return missing


def _source(kernel: wp.Kernel) -> str:
    return textwrap.dedent(kernel.adj.source or "")


def _execute(outcome: Outcome, kernel: wp.Kernel, compiled: Compiled, judge: Judge, positive: bool = False) -> Outcome:
    """The outcome with its result; with `positive`, arrays of integers hold no others."""
    source = _source(kernel)
    try:
        rank = launch_rank(source) if _NAMES_TID.search(source) else 0
        axes = max((array.rank for _, array in arrays_of(parameters_of(kernel))), default=0)
        if _needs_blocks(compiled.artifacts):
            inputs = _inputs(kernel, (ROOM[axes],), ORDINARY_SEED)
            if _SOLVES.search(compiled.artifacts.cuda_forward):
                inputs = _with_regular_matrices(inputs)
            for dims in _tile_dims(rank):
                outcome.dims = dims
                _execute_tiles(outcome, kernel, compiled, inputs)
                if outcome.result != str(Verdict.SANITIZER):
                    break
            return outcome
        dims = tuple(min(extent, SIDES[axes]) for extent in DEFAULT_DIMS.get(rank, (2,) * rank))
        attempts = [(dims, dims, None)] if rank else []
        for dims, extents, scalar in [*attempts, ((1,) * max(rank, 1), (ROOM[axes],), 1)]:
            outcome.dims = dims
            inputs = _inputs(kernel, extents, 0, scalar, positive)
            judgement = judge.judge(compiled, dims, inputs, outcome.backward)
            outcome.result, outcome.detail = _phrase(judgement.verdict, judgement.reason), judgement.reason
            if judgement.verdict is Verdict.MISMATCH and _approximates(compiled):
                outcome.result = "mismatch, with approximate instructions"
            if judgement.verdict is not Verdict.SANITIZER:
                break
    except (TypeError, ValueError, KeyError, OSError) as error:
        outcome.result, outcome.detail = "no inputs", f"{type(error).__name__}: {error}"
    except RuntimeError as error:
        outcome.result, outcome.detail = "not launched", str(error)
    return outcome


def _approximates(compiled: Compiled) -> bool:
    """Whether the GPU has instructions of its own for what the cpu computes exactly, as `rsqrt.approx.f32`."""
    name = compiled.forward_entry.removesuffix("_cuda_kernel_forward")
    return ".approx." in compiled.ptx.cut([compiled.forward_entry, compiled.backward_entry], name)


def _phrase(verdict: Verdict, reason: str) -> str:
    if verdict is Verdict.MATCH and "bit" in reason:
        return "equal to the bit"
    if verdict is Verdict.MATCH:
        return "equal but for the order of atomics" if "order" in reason else "equal within rounding"
    return str(verdict)


def _inputs(
    kernel: wp.Kernel, extents: tuple[int, ...], seed: int, scalar: int | None = None, positive: bool = False
) -> Inputs:
    """Inputs for arrays with these extents; plain integers are `scalar`, or any but 0."""
    arguments = [
        argument
        if argument.shape
        else replace(
            argument,
            ranges={path: (min(1, high), min(scalar or high, high)) for path, (_, high) in argument.ranges.items()},
        )
        for argument in default_arguments(kernel, extents)
    ]
    if positive:
        integers = [path for path, array in arrays_of(parameters_of(kernel)) if array.element.dtype.kind in "iu"]
        arguments = [replace(each, ranges={"": (1, 99)}) if each.name in integers else each for each in arguments]
    return make_inputs(kernel, arguments, seed)


def _with_regular_matrices(inputs: Inputs) -> Inputs:
    """The inputs with square arrays that are symmetric and positive definite, whatever their first rows and columns."""
    values = dict(inputs.values)
    for name, value in values.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 2 and len(set(value.shape)) == 1:
            values[name] = (value + value.T + 16 * len(value) * np.eye(len(value))).astype(value.dtype)
    return replace(inputs, values=values)


def _tile_dims(rank: int) -> Iterator[tuple[int, ...]]:
    """Grids to try: several blocks, one block, and one where the last of the thread's indices is that in its block."""
    if rank < 4:
        yield TILE_DIMS.get(rank, (2,))
        yield (1,) * max(rank, 1)
    yield (1,) * max(rank - 1, 0)


def _execute_tiles(outcome: Outcome, kernel: wp.Kernel, compiled: Compiled, inputs: Inputs) -> None:
    """A kernel with tiles, on the cpu too with a block of threads for each point of the launch."""
    try:
        cuda = emulator.run(compiled, outcome.dims, inputs, outcome.backward)
    except ptx.Fault as fault:
        outcome.result, outcome.detail = str(Verdict.SANITIZER), str(fault)
        return
    except ptx.PtxError as error:
        outcome.result, outcome.detail = str(Verdict.UNSUPPORTED), str(error)
        return
    if cuda.reports:
        outcome.result, outcome.detail = str(Verdict.SANITIZER), str(cuda.reports[0])
        return
    own = run_native(compiled, outcome.dims, inputs, outcome.backward, "cpu")
    outcome.detail = ""
    comparison = compare(own, cuda)
    if comparison.equal:
        outcome.result = "equal to the bit"
    elif explain(own, cuda, comparison, ()).verdict is Verdict.MATCH:
        outcome.result = "equal but for the order of atomics"
    elif all(_close(*_numbers(kernel, leaf.name, own, cuda)) for leaf in comparison.differing):
        outcome.result = "tiles, equal within the tolerance"
    else:
        differing = "; ".join(leaf.describe() for leaf in comparison.differing)
        outcome.result, outcome.detail = "tiles, different", differing[:500]


def _numbers(kernel: wp.Kernel, leaf: str, *observations: Observation) -> list[np.ndarray]:
    """A leaf's values as NumPy has them, but bfloat16 as the numbers that its bits stand for."""
    found = [observation.values[leaf] for observation in observations]
    names = {argument.label: argument.type for argument in kernel.adj.args}
    element = getattr(names.get(leaf.split(".")[0]), "dtype", None)
    if getattr(element, "_wp_scalar_type_", element) is getattr(wp, "bfloat16", None):
        found = [(values.astype(np.uint32) << 16).view(np.float32) for values in found]
    return found


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.kind != "f":
        return False
    with np.errstate(all="ignore"):
        finite = np.isfinite(a) & np.isfinite(b)
        scale = np.abs(a[finite]).max(initial=0)
        apart = np.abs(a[finite].astype(np.float64) - b[finite].astype(np.float64)).max(initial=0)
    return bool(apart <= TILE_TOLERANCE * scale) and np.array_equal(a[~finite], b[~finite], equal_nan=True)


def main() -> None:
    """Survey one Python module: its name, the log, seconds for a kernel."""
    name, log, seconds = sys.argv[1:]
    with open_workspace() as workspace:
        survey(name, workspace, Path(log), float(seconds))


if __name__ == "__main__":
    main()
