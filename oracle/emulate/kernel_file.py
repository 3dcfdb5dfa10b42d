"""A Python file as a subject: Warp and NVRTC make PTX of its kernel, the inputs come from a seed as for a check."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import warp as wp

from extractor.__main__ import import_module
from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.loading import kernels_of, rename_sources
from extractor.warp_internals import launchable_of, mangled_name
from extractor.warp_module import Names, WarpModule
from extractor.warp_setup import Workspace
from grammar.errors import UserError
from grammar.kernel import Argument
from oracle import ptx
from oracle.backends.emulator import DeviceMemory, recorded_launch
from oracle.backends.launching import LaunchArguments, forward_leaves, gradient_leaves, prepare
from oracle.check_kernel import TILES, OutsideGrammar, case_of
from oracle.emulate.options import MAX_BLOCK, SHARED_BYTES, Options, default_block
from oracle.emulate.running import Launch, Subject
from oracle.emulate.warp_layout import ENTRY
from oracle.handles import default_resources
from oracle.inputs import default_arguments, make_inputs, write_only
from oracle.rerun import DEFAULT_DIMS, launch_rank


@dataclass(frozen=True)
class _Built:
    """A kernel with the text that NVRTC made of its module, and how a finding says that it is launched."""

    kernel: wp.Kernel
    text: str
    source: str
    dims: tuple[int, ...] | None = None
    arguments: tuple[Argument, ...] | None = None


@contextmanager
def kernel_subject(path: Path, options: Options, trust: bool, workspace: Workspace) -> Iterator[Subject]:
    """Compile the kernel of a Python file and prepare its launch; it stays loaded meanwhile.

    Only a source that the recogniser accepts is executed, unless the user trusts the file. Raises UserError.
    """
    if trust:
        yield _subject(path, options, _imported(path, options, workspace))
        return
    try:
        case = case_of(path, seeds=1, first_seed=options.seed)
    except OutsideGrammar as error:
        raise UserError(f"{error}; --trust imports any file as Python does") from None
    compile_options = replace(case.options, backward=options.backward, line_info=True)
    if options.block_dim:
        compile_options = replace(compile_options, block_dim=options.block_dim)
    elif compile_options.tiled:
        options = replace(options, block_dim=compile_options.block_dim)
    with compile_batch([case.source], compile_options, workspace) as batch:
        (result,) = batch.results
        if not isinstance(result, Compiled):
            raise UserError(
                f"{path} does not compile: {result.stage} for {' and '.join(result.targets)}: {result.diagnostic}"
            )
        _check_entry(path, options.entry, [result.kernel])
        arguments = None if case.arguments is None else tuple(map(Argument.from_json, case.arguments))
        yield _subject(path, options, _Built(result.kernel, result.ptx.text, case.source, case.dims, arguments))


def _imported(path: Path, options: Options, workspace: Workspace) -> _Built:
    """Import a file as Python does, and compile the module of the kernel that is asked for."""
    module = import_module(str(path))
    kernels = [overload for kernel in kernels_of(vars(module)) for overload in launchable_of(kernel)[:1]]
    if not kernels:
        raise UserError(f"{path} defines no kernel that could be launched")
    kernel = _check_entry(path, options.entry, kernels)
    warp_module = WarpModule(kernel.module.name, workspace)
    block_dim = {"block_dim": options.block_dim} if options.block_dim else {}
    error = warp_module.compile(
        "cuda",
        CompileOptions.arch,
        {"enable_backward": options.backward, "lineinfo": True, "fuse_fp": False, "fast_math": False, **block_dim},
    )
    if error:
        raise UserError(f"{path} does not compile: {error.diagnostic}")
    return _Built(kernel, warp_module.ptx.text, inspect.getsource(kernel.func))


def _check_entry(path: Path, wanted: str | None, kernels: list[wp.Kernel]) -> wp.Kernel:
    """The kernel that `wanted` names, by its own name or an entry's."""
    match = ENTRY.match(wanted or "")
    name = match["kernel"] if match else wanted
    found = [kernel for kernel in kernels if name in (None, kernel.key)]
    if len(found) != 1:
        problem = f"{path} has no entry {wanted}" if wanted else f"{path} has several kernels"
        raise UserError(f"{problem}: choose with --entry one of {', '.join(kernel.key for kernel in kernels)}")
    return found[0]


def _subject(path: Path, options: Options, built: _Built) -> Subject:
    kernel = built.kernel
    dims = options.dims or built.dims or DEFAULT_DIMS[launch_rank(built.source)]
    arguments = built.arguments or default_arguments(kernel, dims, default_resources(built.source))
    guesses = []
    if options.dims is None and built.dims is None:
        guesses.append(f"launched over {dims} (--dims)")
    if built.arguments is None:
        guesses.append(f"arguments random, arrays with the launch's extents (--seed {options.seed})")
    try:
        inputs = make_inputs(kernel, arguments, options.seed)
        launched = prepare(kernel, inputs, "cpu", options.backward)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"no arguments could be made for {kernel.key}: {error}") from None
    tiled = TILES.search(built.source) is not None
    block = options.block_dim or (MAX_BLOCK if tiled else default_block(math.prod(dims)))
    grid = math.prod(dims) if tiled else -(-math.prod(dims) // block)
    if tiled and built.dims is None:
        guesses.append(f"a kernel with tiles: a block of {block} threads for each of {dims}")
    memory = DeviceMemory(launched, write_only(kernel))
    forward, backward = Names(mangled_name(kernel)).cuda
    adjoint = {"adjoint": True, "adj_inputs": launched.adjoints}
    extents, blocks = ((*dims, block), {"block_dim": block}) if tiled else (dims, {})
    launches = [
        _launch(memory, recorded_launch(kernel, extents, launched, **blocks, **more), entry, grid, block)
        for entry, more in ((forward, {}), (backward, adjoint))[: 2 if options.backward else 1]
    ]
    module = ptx.Module(built.text)
    return Subject(
        module=module,
        memory=memory.memory,
        launches=tuple(launches),
        contents=lambda: _contents(memory, launched, options.backward),
        dims=dims,
        shared_bytes=SHARED_BYTES if options.shared_bytes is None else options.shared_bytes,
        guesses=tuple(guesses),
        relevant=memory.without_padding,
        rename=lambda text: rename_sources(text, path.name),
    )


def _launch(memory: DeviceMemory, recorded: wp.Launch, entry: str, grid: int, block: int) -> Launch:
    params = tuple(memory.relocated(value) for value in recorded.params)
    return Launch(entry, (grid, 1, 1), (block, 1, 1), params)


def _contents(memory: DeviceMemory, launched: LaunchArguments, gradients: bool) -> Mapping[str, np.ndarray[Any, Any]]:
    memory.copy_back()
    return forward_leaves(launched) | (gradient_leaves(launched) if gradients else {})
