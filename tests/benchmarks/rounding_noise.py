"""False alarms that rounding raises: a target that is right, and whose library functions round otherwise, is judged.

    python tests/benchmarks/rounding_noise.py [--kernels 200] [--seed 1] [--noises 4] [--workers 2]

The cpu's code with every library function's result moved by up to the ULPs that the libraries may lie apart stands for
the target cuda, under seeds that the judge does not use. The emulator's own library functions cannot be moved: NVRTC
inlines them into the PTX. Prints the share of each verdict over kernels and seeds, for the kernels that call library
functions, and every false alarm.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from fuzzer.task import Task
from grammar import CATEGORIES
from oracle.backends import cpu
from oracle.inputs import Inputs, make_inputs
from oracle.judge import Judge
from oracle.nudge import UNCHANGED, NudgedModule
from oracle.observation import Observation
from oracle.pool import Death, Pool

FIRST_NOISE = 1_000_000
"""The first seed of noise, beyond all of the judge's."""

BATCH = 20
UNJUDGED = ("no library function", "not compiled", "died")


@dataclass(frozen=True)
class OtherRounding:
    """The cpu's code as a target whose library functions round otherwise."""

    module: NudgedModule
    seed: int

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        """Launch on the cpu with the library functions' results moved."""
        return self.module.run(lambda: cpu.run(compiled, dims, inputs, backward), self.seed)[0]


Result = tuple[str, str]
"""A verdict, or why there is none, and its reason."""


def start(task: Task, noises: int, scratch: Path) -> Callable[[tuple[int, ...]], list[list[Result]]]:
    """Start Warp in this process, and return the function that judges kernels by index, once for each noise."""
    return partial(judge_all, task, noises, open_workspace(scratch).__enter__())


def judge_all(task: Task, noises: int, workspace: Workspace, indices: tuple[int, ...]) -> list[list[Result]]:
    """Compile the kernels, those with blocks of one size together, and judge each under every noise."""
    kernels = {index: task.kernel(index) for index in indices}
    results: dict[int, list[Result]] = {}
    for block_dim in sorted({kernel.block_dim for kernel in kernels.values()}):
        alike = [index for index in indices if kernels[index].block_dim == block_dim]
        sources = [kernels[index].source for index in alike]
        with compile_batch(sources, CompileOptions().for_blocks_of(block_dim), workspace) as batch:
            for index, compiled in zip(alike, batch.results, strict=True):
                if not isinstance(compiled, Compiled):
                    results[index] = [("not compiled", compiled.diagnostic)]
                    continue
                inputs = make_inputs(compiled.kernel, kernels[index].arguments, task.origin(index).input_seed)
                results[index] = judge_noises(compiled, kernels[index].dims, inputs, noises)
    return [results[index] for index in indices]


def judge_noises(compiled: Compiled, dims: Sequence[int], inputs: Inputs, noises: int) -> list[Result]:
    """Judge a kernel against itself under other rounding, once for each noise."""
    module = NudgedModule(compiled.kernel, compiled.cpu_object)
    if not module.run(lambda: cpu.run(compiled, dims, inputs, True), UNCHANGED)[1]:
        return [("no library function", "")]
    results = []
    for seed in range(FIRST_NOISE, FIRST_NOISE + noises):
        found = Judge(cpu, OtherRounding(module, seed), "emulator").judge(compiled, dims, inputs, backward=True)
        equal = found.comparison is not None and found.comparison.equal
        results.append(("equal to the bit" if equal else str(found.verdict), found.reason))
    return results


def main() -> None:
    """Judge the kernels and print the shares and the false alarms."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noises", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    task = Task(options.seed, CATEGORIES, True, False, "emulator", 75)
    kernels: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    alarms: list[str] = []
    with Pool[int, list[Result]](partial(start, task, options.noises), options.workers) as pool:
        for first in range(0, options.kernels, BATCH):
            pool.submit(first, range(first, min(first + BATCH, options.kernels)))
        while pool.unfinished:
            for key, outcomes in pool.completed(timeout=5):
                assert isinstance(key, int)
                for index, outcome in enumerate(outcomes, key):
                    results = [("died", outcome.reason)] if isinstance(outcome, Death) else outcome
                    judged = results[0][0] not in UNJUDGED
                    kernels["judged" if judged else results[0][0]] += 1
                    verdicts.update(verdict for verdict, _ in results if judged)
                    alarms += [f"{index}: {verdict}: {why}" for verdict, why in results if verdict == "mismatch"]
    print("kernels:", ", ".join(f"{count} {name}" for name, count in kernels.most_common()))
    for verdict, count in verdicts.most_common():
        print(f"{count / verdicts.total():8.2%}  {count:6}  {verdict}")
    print(f"false alarms: {len(alarms)}")
    print("\n".join(sorted(alarms)))


if __name__ == "__main__":
    main()
