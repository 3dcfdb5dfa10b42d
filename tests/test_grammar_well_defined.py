"""Warp compiles what the grammar generates, and nothing that C++ leaves undefined happens when it runs.

The kernels are compiled for the cpu with traps where an integer overflows, is divided by zero or shifted too far, and
where a float is converted to an integer that cannot hold it; a trap kills the process that they run in.
"""

from __future__ import annotations

import multiprocessing
import signal
from pathlib import Path
from types import SimpleNamespace

import libcst as cst
import pytest
import warp as wp

from extractor.loading import load_kernel
from grammar import CATEGORIES, SeededChoices, generate
from grammar.kernel import Argument, Kernel
from oracle.backends import cpu
from oracle.inputs import make_inputs

TRAPS = "signed-integer-overflow,integer-divide-by-zero,shift-base,shift-exponent,float-cast-overflow"

PLAIN = [category for category in CATEGORIES if category != "tile"]
"""The categories whose kernels are launched without blocks."""

OVERFLOWING = """
import warp as wp


@wp.kernel
def square(x: wp.array(dtype=int), out: wp.array(dtype=int)):
    i = wp.tid()
    out[i] = x[i] * x[i]
"""


def _run_with_traps(sources: list[str], launches: list[tuple], cache: str, input_seeds: range) -> None:
    """Compile the sources as one module with traps, and launch each kernel for each input seed."""
    wp.config.quiet = True
    wp.config.kernel_cache_dir = cache
    loaded = [load_kernel(source, "trapped", f"trapped {place}") for place, source in enumerate(sources)]
    flags = f"-fsanitize={TRAPS} -fsanitize-trap={TRAPS}"
    module = loaded[0].module
    module.options.update({"enable_backward": False, "optimization_level": 0, "cpu_compiler_flags": flags})
    wp.load_module(module, device="cpu", block_dim=1)
    for kernel, (dims, arguments) in zip(loaded, launches, strict=True):
        for seed in input_seeds:
            inputs = make_inputs(kernel, [Argument.from_json(argument) for argument in arguments], seed)
            cpu.run(SimpleNamespace(kernel=kernel, block_dim=0), dims, inputs, False)


def _exit_code(kernels: list[Kernel], cache: Path, input_seeds: range) -> int | None:
    launches = [(kernel.dims, [argument.to_json() for argument in kernel.arguments]) for kernel in kernels]
    process = multiprocessing.get_context("spawn").Process(
        target=_run_with_traps, args=([kernel.source for kernel in kernels], launches, str(cache), input_seeds)
    )
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize("half", (0, 1))
def test_generated_kernels_compile_and_run_without_undefined_behaviour(half: int, tmp_path: Path):
    kernels = [generate(SeededChoices(("trap", half, index)), PLAIN[index % len(PLAIN)]) for index in range(40)]
    assert _exit_code(kernels, tmp_path, range(6)) == 0


def test_a_trap_is_noticed(tmp_path: Path):
    arguments = (Argument("x", (4,), {"": (2**20, 2**20)}), Argument("out", (4,), written=True))
    kernel = Kernel("square", cst.parse_module(OVERFLOWING), "arithmetic", "Squares.", (4,), arguments)
    assert _exit_code([kernel], tmp_path, range(1)) == -signal.SIGILL
