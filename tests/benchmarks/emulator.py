"""The emulator's speed: beside the compilers that it follows, and in lane-instructions.

    python tests/benchmarks/emulator.py [--kernels 48] [--seed 1]

Generated kernels are compiled in batches as a campaign does, and run once each as a campaign does. The share is the CPU
time of those runs (packing, decoding, executing, with all checks) of the CPU time inside clang and NVRTC; without
checks it is estimated from repeated launches. These find their instructions decoded: what the first one took longer is
decoding. Prints the machine's load, because figures from a loaded machine are worth little; ratios suffer least.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from stages import COMPILERS, timed
from warp._src import build

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from fuzzer.guidance.guidance import BATCH_KERNELS
from fuzzer.task import Task
from grammar import CATEGORIES
from grammar.kernel import Kernel
from oracle import ptx
from oracle.backends import emulator
from oracle.backends.emulator import DeviceMemory, recorded_launch
from oracle.backends.launching import LaunchArguments, prepare
from oracle.emulate.options import default_block
from oracle.inputs import make_inputs

GOAL = 0.2
"""The most that the emulator may take of the compilers' time."""

REPEATS = 3
LOOPS = 200

LOOP = f"""
.version 8.0
.target sm_75
.address_size 64
.visible .entry loop(.param .u64 data)
{{
    .reg .pred %p<2>;
    .reg .b32 %r<8>;
    .reg .b64 %rd<4>;
    .reg .f32 %f<4>;
    ld.param.u64 %rd1, [data];
    mov.u32 %r1, %ctaid.x;
    mov.u32 %r2, %ntid.x;
    mov.u32 %r3, %tid.x;
    mad.lo.s32 %r1, %r1, %r2, %r3;
    mul.wide.u32 %rd2, %r1, 4;
    add.s64 %rd2, %rd1, %rd2;
    mov.u32 %r4, 0;
    mov.f32 %f2, 0f00000000;
AGAIN:
    ld.global.f32 %f1, [%rd2];
    fma.rn.f32 %f2, %f1, %f2, 0f3F800000;
    mul.f32 %f3, %f2, 0f3F000000;
    add.f32 %f2, %f3, %f1;
    xor.b32 %r5, %r4, %r3;
    and.b32 %r6, %r5, 255;
    mad.lo.s32 %r7, %r6, 3, %r7;
    add.s32 %r4, %r4, 1;
    st.global.f32 [%rd2], %f2;
    setp.lt.s32 %p1, %r4, {LOOPS};
    @%p1 bra AGAIN;
    ret;
}}
"""
"""A loop over a mixture of loads, stores, float and integer arithmetic, without divergence."""


def main() -> None:
    """Print ratios, then milliseconds, then lane-instructions per second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=48)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores before the start")
    compilers: Counter[str] = Counter()
    for stage, name in COMPILERS.items():
        setattr(build, name, timed(getattr(build, name), stage, compilers))
    with tempfile.TemporaryDirectory() as scratch, open_workspace(scratch) as workspace:
        for backward in (True, False):
            task = Task(options.seed, CATEGORIES, backward, False, "emulator", 75, {"warp": "any"})
            _measure(task, 2, workspace, compilers)  # precompiled headers, first imports
            _print_generated(task, *_measure(task, options.kernels, workspace, compilers))
        for threads in (64, 256):
            print(_wide_rates(task, options.kernels, threads, workspace))
    for threads in (64, 256):
        for sanitize in (True, False):
            rate = _loop_rate(threads, sanitize)
            print(f"{rate:7.2f} M lane-instructions/s in a loop, {threads} threads, checks {_on(sanitize)}")


def _measure(
    task: Task, count: int, workspace: Workspace, compilers: Counter[str]
) -> tuple[float, Counter[str], Counter[str]]:
    """CPU seconds inside the compilers; of the campaign's runs and of single launches; and how many of what ran."""
    seconds, counts = Counter[str](), Counter[str]()
    compilers.clear()
    for first in range(0, count, BATCH_KERNELS):
        kernels = [task.kernel(index) for index in range(first, min(first + BATCH_KERNELS, count))]
        options = CompileOptions(backward=task.backward)
        with compile_batch([kernel.source for kernel in kernels], options, workspace) as batch:
            for kernel, compiled in zip(kernels, batch.results, strict=True):
                if isinstance(compiled, Compiled):
                    _run(task, kernel, compiled, seconds, counts)
    return compilers.total(), seconds, counts


def _run(task: Task, kernel: Kernel, compiled: Compiled, seconds: Counter[str], counts: Counter[str]) -> None:
    """Run one kernel as a campaign does, then launch it apart from all else, with checks and without."""
    inputs = make_inputs(compiled.kernel, kernel.arguments, task.seed)
    campaign = partial(emulator.run, compiled, kernel.dims, inputs, task.backward)
    try:
        seconds["run"] += _cpu_seconds(campaign)
    except ptx.PtxError as error:
        counts[type(error).__name__] += 1
        return
    counts["kernels"] += 1
    prepared = partial(prepare, compiled.kernel, inputs, "cpu", task.backward)
    cold = [_launches(ptx.Module(compiled.ptx.text), kernel.dims, compiled, prepared()) for _ in range(REPEATS)]
    for same in zip(*cold, strict=True):
        first = min(_cpu_seconds(partial(launch, sanitize=False)) for launch in same)
        for sanitize in (True, False):
            seconds[f"execute, checks {_on(sanitize)}"] += _least_seconds(partial(same[0], sanitize=sanitize))
        seconds["decode"] += max(0.0, first - _least_seconds(partial(same[0], sanitize=False)))
        counts["lane-instructions"] += sum(same[0](sanitize=False).instructions.values())


def _launches(
    module: ptx.Module, dims: Sequence[int], compiled: Compiled, arguments: LaunchArguments
) -> list[Callable[..., ptx.Execution]]:
    """The launches of a kernel, forward and backward, ready to be repeated."""
    memory = DeviceMemory(arguments)
    entries: dict[str, dict[str, object]] = {compiled.forward_entry: {}}
    if compiled.backward_entry:
        entries[compiled.backward_entry] = {"adjoint": True, "adj_inputs": arguments.adjoints}
    threads = math.prod(dims)
    block = default_block(threads)
    launches = []
    for entry, adjoint in entries.items():
        recorded = recorded_launch(compiled.kernel, dims, arguments, **adjoint)
        params = [memory.relocated(value) for value in recorded.params]
        grid = (-(-threads // block), 1, 1)
        launches.append(partial(ptx.launch, module, entry, grid, (block, 1, 1), params, memory.memory))
    return launches


def _wide_rates(task: Task, count: int, threads: int, workspace: Workspace) -> str:
    """Speed on generated kernels launched over `threads`, as far as they can be: those over one dimension."""
    seconds, counts = Counter[str](), Counter[str]()
    kernels = [_widened(task.kernel(index), threads) for index in range(count)]
    kernels = [kernel for kernel in kernels if len(kernel.dims) == 1]
    with compile_batch([kernel.source for kernel in kernels], CompileOptions(backward=False), workspace) as batch:
        for kernel, compiled in zip(kernels, batch.results, strict=True):
            if isinstance(compiled, Compiled):
                _run(task, kernel, compiled, seconds, counts)
    rates = [counts["lane-instructions"] / seconds[f"execute, checks {_on(on)}"] / 1e6 for on in (True, False)]
    return (
        f"{rates[0]:7.2f} M lane-instructions/s in {counts['kernels']} generated kernels, {threads} threads, checks on "
        f"({rates[1]:.2f} off)"
    )


def _widened(kernel: Kernel, threads: int) -> Kernel:
    """A kernel launched over as many threads, its arrays as long as that."""
    if len(kernel.dims) != 1:
        return kernel
    arguments = tuple(
        replace(argument, shape=(max(threads, argument.shape[0]), *argument.shape[1:])) if argument.shape else argument
        for argument in kernel.arguments
    )
    return replace(kernel, dims=(threads,), arguments=arguments)


def _print_generated(task: Task, compilers: float, seconds: Counter[str], counts: Counter[str]) -> None:
    kernels = counts.pop("kernels")
    executed = counts.pop("lane-instructions")
    print(f"\n{kernels} generated kernels, {'with' if task.backward else 'without'} backward")
    for sanitize in (True, False):
        spent = seconds["run"]
        if not sanitize:
            spent -= seconds["execute, checks on"] - seconds["execute, checks off"]
        print(f"{spent / compilers:7.3f} of clang's and NVRTC's time, checks {_on(sanitize)} (goal: at most {GOAL})")
    print(f"{1000 * compilers / kernels:7.2f} ms per kernel inside clang and NVRTC")
    for stage, spent in seconds.items():
        print(f"{1000 * spent / kernels:7.2f} ms per kernel: {stage}")
    for sanitize in (True, False):
        rate = executed / seconds[f"execute, checks {_on(sanitize)}"] / 1e6
        print(f"{rate:7.2f} M lane-instructions/s, checks {_on(sanitize)}")
    for reason, count in counts.items():
        print(f"{count} kernels left out: {reason}")


def _loop_rate(threads: int, sanitize: bool) -> float:
    """Million lane-instructions per second, one block of `threads`."""
    module, memory = ptx.Module(LOOP), ptx.GlobalMemory()
    address = memory.allocate(np.arange(threads, dtype=np.float32))
    params = [address.to_bytes(8, "little")]
    launch = partial(ptx.launch, module, "loop", (1, 1, 1), (threads, 1, 1), params, memory, sanitize=sanitize)
    executed = sum(launch().instructions.values())
    return executed / _least_seconds(launch) / 1e6


def _cpu_seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def _least_seconds(call: Callable[[], object]) -> float:
    return min(_cpu_seconds(call) for _ in range(REPEATS))


def _on(sanitize: bool) -> str:
    return "on" if sanitize else "off"


if __name__ == "__main__":
    main()
