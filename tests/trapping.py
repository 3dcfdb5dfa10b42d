"""Kernels run on the cpu with traps where C++ leaves undefined what happens; a trap kills the process around them."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from types import SimpleNamespace

import warp as wp

from extractor.loading import load_kernel
from grammar.kernel import Argument, Kernel
from oracle.backends import cpu
from oracle.inputs import make_inputs

TRAPS = "signed-integer-overflow,integer-divide-by-zero,shift-base,shift-exponent,float-cast-overflow"


def exit_code(kernels: list[Kernel], cache: Path, input_seeds: range) -> int | None:
    """Return how a process ended in which each kernel ran for each input seed: 0 where no trap was met."""
    launches = [(kernel.dims, [argument.to_json() for argument in kernel.arguments]) for kernel in kernels]
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=([kernel.source for kernel in kernels], launches, str(cache), input_seeds)
    )
    process.start()
    process.join()
    return process.exitcode


def _run(sources: list[str], launches: list[tuple], cache: str, input_seeds: range) -> None:
    """Compile the sources as one module with traps, and launch each kernel for each input seed."""
    wp.config.quiet = True
    wp.config.kernel_cache_dir = cache
    wp.init()
    loaded = [load_kernel(source, "trapped", f"trapped {place}") for place, source in enumerate(sources)]
    flags = f"-fsanitize={TRAPS} -fsanitize-trap={TRAPS}"
    module = loaded[0].module
    module.options.update({"enable_backward": False, "optimization_level": 0, "cpu_compiler_flags": flags})
    wp.load_module(module, device="cpu", block_dim=1)
    for kernel, (dims, arguments) in zip(loaded, launches, strict=True):
        for seed in input_seeds:
            inputs = make_inputs(kernel, [Argument.from_json(argument) for argument in arguments], seed)
            cpu.run(SimpleNamespace(kernel=kernel, block_dim=0), dims, inputs, False)
