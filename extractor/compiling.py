"""A batch of sources is compiled as one Warp module per target, which costs a fraction of a module each.

In a failed module every kernel fails, whoever is at fault. A batch that fails is therefore divided until the failing
kernels stand alone: first along the blame that Warp's message lays, otherwise in halves.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType, TracebackType

import warp as wp

from extractor.branches import following
from extractor.diagnostics import normalise
from extractor.loading import LoadError, forget_source, load_kernel, source_name
from extractor.ptx_text import PtxText
from extractor.record import Artifacts
from extractor.shared_codegen import neutral_options, shared_codegen
from extractor.warp_internals import forget_module, mangled_name
from extractor.warp_module import Names, TargetError, WarpModule
from extractor.warp_setup import Workspace

TARGETS = ("cpu", "cuda")


@dataclass(frozen=True)
class CompileOptions:
    """How a batch is compiled. Contraction and fast math are always off.

    `arch` is the CUDA architecture without its dot (75 for sm_75), the levels are the compilers' optimisation levels
    from 0 to 3, `max_unroll` is the longest constant loop that Warp unrolls. `emit_ptx` adds the PTX to the artifacts.
    `line_info` makes the PTX say which line of Python each instruction comes from; it is the same code otherwise, but
    the artifacts then hold `#line` directives. `block_dim` is the largest block that may be launched; with `tiled`,
    every block that is launched has that many threads, on the cpu as well where the installed Warp can do that.
    `debug` is Warp's debug mode: every variable in memory, assertions on. `targets` are those compiled for; a kernel
    that is not compiled for the cpu is not loaded either, so that only a CUDA device can launch it.

    For the cpu, 0 is by far the quickest, and the oracle needs the calls of library functions that higher levels drop.
    For cuda, 3 is Warp's own default, and with what the emulator then saves it costs no more than 1 or 2.
    """

    backward: bool = True
    arch: int = 75
    cpu_level: int = 0
    cuda_level: int = 3
    max_unroll: int = 16
    emit_ptx: bool = False
    line_info: bool = False
    debug: bool = False
    block_dim: int = 256
    tiled: bool = False
    targets: tuple[str, ...] = TARGETS

    def for_blocks_of(self, threads: int) -> CompileOptions:
        """Return the options for kernels launched in blocks of so many threads, for 0 those of plain launches."""
        return replace(self, block_dim=threads, tiled=True) if threads else self


@dataclass(frozen=True)
class Compiled:
    """One kernel that the targets' compilers took. What belongs to a target that was not asked for is empty.

    `kernel` is loaded for the cpu until its batch is closed. `ptx` is the text of the kernel's whole module, one
    object for all that share it; the entries are its functions for this kernel, the backward one empty without a
    backward pass. `cpu_object` is the object file of that module for the cpu, shared in the same way. With a
    `block_dim`, each point of a launch is a block of that many threads, as `wp.launch_tiled` makes it. `source` is the
    Python that was compiled.
    """

    kernel: wp.Kernel
    artifacts: Artifacts
    ptx: PtxText
    forward_entry: str
    backward_entry: str
    cpu_object: bytes = field(default=b"", repr=False)
    block_dim: int = 0
    source: str = field(default="", repr=False)

    @property
    def has_backward(self) -> bool:
        """Whether it was compiled with a backward pass: asked for, and not switched off in the kernel's decorator."""
        return bool(self.backward_entry)


@dataclass(frozen=True)
class CompileFailure:
    """One kernel that Warp or a compiler behind it refused, though alone in its module.

    `stage` is `load` (Python raised while running the source), `codegen` (Warp's code generation raised) or `native`
    (clang or NVRTC refused Warp's code). `targets` are those that fail, `diagnostic` is the first one's message without
    what differs from run to run (paths, hashes, counters).
    """

    stage: str
    targets: tuple[str, ...]
    diagnostic: str


Result = Compiled | CompileFailure


class Batch:
    """The results for a batch of sources, in their order; closing it unloads the kernels.

    `branches` are those of Warp's code generator that each source took, by its place, where they were followed.
    """

    def __init__(
        self,
        results: Sequence[Result],
        modules: Sequence[_Module],
        branches: Mapping[int, frozenset[str]] = MappingProxyType({}),
    ) -> None:
        self.results = tuple(results)
        self.branches = branches
        self._modules = tuple(modules)

    @property
    def preambles(self) -> dict[str, str]:
        """Warp's includes and macros for each target, which the artifacts leave out; see `cutting.standalone`."""
        texts = [module.warp_module for module in self._modules[:1]]
        return {"cpu": texts[0].cpp.preamble, "cuda": texts[0].cuda.preamble} if texts else {}

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unload every kernel of the batch; they cannot be launched any more."""
        for module in self._modules:
            module.discard()


def compile_batch(
    sources: Sequence[str], options: CompileOptions, workspace: Workspace, *, follow_branches: bool = False
) -> Batch:
    """Load and compile `sources`, one kernel each, for the targets of `options`.

    This executes the sources: they must be the caller's own, or accepted by the recogniser. A kernel that fails is a
    `CompileFailure` in the results and leaves the others as they would be without it. With `follow_branches` the batch
    says which branches of Warp's code generator each kernel took (`extractor.branches`), which costs this process half
    a second at the first time, and then about a hundredth of the compilers' time.

    Raises FollowingError where branches are to be followed and the installed Warp's code generator cannot be.
    """
    compilation = _Compilation(options, workspace, follow_branches)
    compilation.compile(dict(enumerate(sources)))
    results = [compilation.results[index] for index in range(len(sources))]
    return Batch(results, compilation.modules, compilation.branches)


@dataclass(frozen=True)
class _Compilation:
    """A batch on its way: what came out so far, and the modules that were made for it."""

    options: CompileOptions
    workspace: Workspace
    follow_branches: bool
    results: dict[int, Result] = field(default_factory=dict)
    modules: list[_Module] = field(default_factory=list)
    branches: dict[int, frozenset[str]] = field(default_factory=dict)

    def compile(self, sources: dict[int, str]) -> None:
        """Compile `sources` as one module, or in parts when that fails, and enter what came out in the results."""
        if not sources:
            return
        module = _Module(self.workspace)
        failures = module.load(sources)
        alone = len(sources) == 1
        errors, taken = ([], {}) if failures else self._compile(module, every_target=alone)
        if not failures and not errors and not module.names_clash():
            self.modules.append(module)
            self.results.update(module.compiled(self.options))
            self.branches.update(taken)
            return
        module.discard()
        self.results.update(failures)
        if errors and alone:
            failing = tuple(error.target for error in errors)
            failure = CompileFailure(errors[0].stage, failing, errors[0].diagnostic)
            self.results.update(dict.fromkeys(sources, failure))
            return
        loaded = {index: source for index, source in sources.items() if index not in failures}
        blamed = {each for error in errors for each in module.blamed(error)}
        for part in [loaded] if failures else _parts(loaded, blamed):
            self.compile(part)

    def _compile(
        self, module: _Module, *, every_target: bool
    ) -> tuple[list[TargetError], Mapping[int, frozenset[str]]]:
        """Compile a loaded module; returns the failures, and the branches that were taken where they are followed."""
        if not self.follow_branches:
            return module.compile(self.options, every_target=every_target), {}
        with following(module.file_names) as followed:
            errors = module.compile(self.options, every_target=every_target)
        return errors, followed.taken()


def _parts(sources: dict[int, str], blamed: set[int]) -> list[dict[int, str]]:
    """Split off the sources that are blamed; where that does not divide them, cut them in halves."""
    items = list(sources.items())
    if 0 < len(blamed) < len(items):
        return [dict(item for item in items if (item[0] in blamed) is part) for part in (True, False)]
    middle = len(items) // 2
    return [dict(items[:middle]), dict(items[middle:])]


_numbers = count()


class _Module:
    """One Warp module made of several sources, from loading to discarding."""

    def __init__(self, workspace: Workspace) -> None:
        self.warp_module = WarpModule(f"warpsmith_batch_{next(_numbers)}", workspace)
        self._name = self.warp_module.name
        self._workspace = workspace
        self._sources: dict[int, str] = {}
        self._kernels: dict[int, wp.Kernel] = {}
        self._cuda_names: dict[int, str] = {}

    def load(self, sources: dict[int, str]) -> dict[int, CompileFailure]:
        """Run the sources; returns the failures among them."""
        failures = {}
        for index, source in sources.items():
            try:
                self._kernels[index] = load_kernel(source, self._name, self._label(index))
            except LoadError as error:
                failures[index] = CompileFailure("load", TARGETS, normalise(str(error)))
            else:
                self._sources[index] = source
        return failures

    @property
    def file_names(self) -> dict[str, int]:
        """Which source the code of each file name comes from."""
        return {source_name(self._label(index)): index for index in self._sources}

    def compile(self, options: CompileOptions, *, every_target: bool) -> list[TargetError]:
        """Compile for the targets and load for the cpu. Stops at a failure unless `every_target`."""
        errors: list[TargetError] = []
        block = options.block_dim if options.tiled else 1
        with shared_codegen(neutral_options(self._sources.values(), plain_tiles=options.tiled)):
            for target, level in (("cuda", options.cuda_level), ("cpu", options.cpu_level)):
                if target not in options.targets:
                    continue
                if errors and not every_target:
                    break
                error = self.warp_module.compile(target, options.arch, _module_options(options, level), block)
                errors += [error] if error else []
                if target == "cuda" and not error:
                    self._cuda_names = {index: mangled_name(kernel) for index, kernel in self._kernels.items()}
        return errors[::-1]

    def blamed(self, error: TargetError) -> list[int]:
        """Return which sources an error mentions."""
        return [index for index in self._sources if self._label(index) in error.sources]

    def names_clash(self) -> bool:
        """Whether Warp gave two different sources the same name: one of them then runs the other's code."""
        owners: dict[str, str] = {}
        return any(
            owners.setdefault(mangled_name(kernel), self._sources[index]) != self._sources[index]
            for index, kernel in self._kernels.items()
        )

    def compiled(self, options: CompileOptions) -> dict[int, Compiled]:
        """Return every kernel of the compiled module with its own part of the module's texts."""
        module = self.warp_module
        targets = (*options.targets, "ptx") if options.emit_ptx else options.targets
        compiled = {}
        for index, kernel in self._kernels.items():
            cuda_name = self._cuda_names.get(index) or mangled_name(kernel)
            forward, backward = Names(cuda_name).cuda
            artifacts = module.artifacts(kernel, targets, cuda_name)
            compiled[index] = Compiled(
                kernel=kernel,
                artifacts=artifacts,
                ptx=module.ptx,
                forward_entry=forward,
                backward_entry=backward if artifacts.cuda_backward or artifacts.cpp_backward else "",
                cpu_object=module.cpu_object,
                block_dim=options.block_dim if options.tiled else 0,
                source=self._sources[index],
            )
        return compiled

    def discard(self) -> None:
        """Unload the module and remove every trace of it from Warp, `linecache` and the kernel cache."""
        for index in self._kernels:
            forget_source(self._label(index))
        self._kernels.clear()
        forget_module(self._name)
        for folder in self._workspace.cache.glob(f"wp_{self._name}_*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _label(self, index: int) -> str:
        return f"{self._name}/{index}"


def _module_options(options: CompileOptions, level: int) -> dict[str, object]:
    return {
        "block_dim": options.block_dim,
        "enable_backward": options.backward,
        "fast_math": False,
        "fuse_fp": False,
        "lineinfo": options.line_info,
        "mode": "debug" if options.debug else "release",
        "max_unroll": options.max_unroll,
        "optimization_level": level,
        **({name: False for name in _LIBRARIES if hasattr(wp.config, name)} if options.tiled else {}),
    }


_LIBRARIES = ("enable_mathdx_gemm", "enable_mathdx_solver", "enable_mathdx_fft")
"""The options for NVIDIA's libraries of tile operations; without them the code is Warp's own, and far shorter."""
