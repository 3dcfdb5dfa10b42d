"""Where a campaign's CPU time goes: one process judges batches, and every stage is timed, clang and NVRTC apart.

    python tests/benchmarks/stages.py [--batches 4] [--seed 1] [--no-backward]

Prints each stage's share of the CPU time and its milliseconds per kernel, largest first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warp._src import build

from fuzzer.guidance.guidance import BATCH_KERNELS
from fuzzer.task import Task
from fuzzer.worker import start_worker
from grammar import CATEGORIES

COMPILERS = {"clang": "build_cpu", "nvrtc": "build_cuda"}


def timed(function: Callable[..., Any], stage: str, seconds: Counter[str]) -> Callable[..., Any]:
    """Return `function`, its CPU seconds added to `seconds[stage]`."""

    def call(*arguments: Any, **options: Any) -> Any:
        started = time.process_time()
        try:
            return function(*arguments, **options)
        finally:
            seconds[stage] += time.process_time() - started

    return call


def main() -> None:
    """Judge the batches and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-backward", action="store_true")
    options = parser.parse_args()
    compilers: Counter[str] = Counter()
    for stage, name in COMPILERS.items():
        setattr(build, name, timed(getattr(build, name), stage, compilers))
    task = Task(options.seed, CATEGORIES, not options.no_backward, False, "emulator", 75, {"warp": "any"})
    with tempfile.TemporaryDirectory() as scratch:
        run = start_worker(task, Path(scratch))
        run(tuple(map(task.plain, range(10**6, 10**6 + 2))))  # precompiled headers, first imports
        compilers.clear()
        stages: Counter[str] = Counter()
        verdicts: Counter[str] = Counter()
        started, cpu_started = time.perf_counter(), time.process_time()
        for batch in range(options.batches):
            for outcome in run(tuple(map(task.plain, range(batch * BATCH_KERNELS, (batch + 1) * BATCH_KERNELS)))):
                stages.update(outcome.seconds)
                verdicts[str(outcome.verdict)] += 1
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    kernels = verdicts.total()
    own, peers = stages.pop("compile"), stages.pop("peers", 0.0)
    print(f"{1000 * own / kernels:.0f} ms per kernel for compiling it, {1000 * peers / kernels:.0f} ms for its peers")
    stages["Warp's code generation and loading, running peers"] = own + peers - compilers.total()
    stages.update(compilers)
    stages["other"] = max(0.0, cpu - stages.total())
    print(f"{compilers.total() / cpu:.1%} of the CPU time inside clang and NVRTC")
    for stage, seconds in stages.most_common():
        print(f"{seconds / cpu:6.1%}  {1000 * seconds / kernels:7.2f} ms per kernel  {stage}")
    print(f"{kernels} kernels, {kernels / wall:.1f}/s, {cpu:.1f} s of CPU, {wall:.1f} s; {dict(verdicts)}")


if __name__ == "__main__":
    main()
