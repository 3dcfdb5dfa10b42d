"""One Warp module compiled for both targets, through Warp's public interface, with the texts that came of it.

Warp leaves the sources that it hands to the compilers beside their results: it compiles into a folder of this call's
own, from which the texts are read and which is then removed.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import warp as wp

from extractor.cutting import ModuleText
from extractor.diagnostics import normalise, normalise_native
from extractor.loading import labels_in
from extractor.ptx_text import PtxText
from extractor.record import Artifacts
from extractor.scratch import LEAST_FREE, free_bytes
from extractor.warp_internals import mangled_name
from extractor.warp_setup import Workspace, captured_output


@dataclass(frozen=True)
class TargetError:
    """What one target's compilation of a module said when it failed; `stage` is `codegen` or `native`.

    `sources` are the labels of the sources that Warp's exception mentions, which native compilers do not know.
    """

    target: str
    stage: str
    diagnostic: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Names:
    """The names that Warp derives from a kernel's mangled one."""

    mangled: str

    @property
    def cpu(self) -> tuple[str, str]:
        """The forward and the backward entry in C++."""
        return f"{self.mangled}_cpu_forward", f"{self.mangled}_cpu_backward"

    @property
    def cuda(self) -> tuple[str, str]:
        """The forward and the backward entry in CUDA and PTX."""
        return f"{self.mangled}_cuda_kernel_forward", f"{self.mangled}_cuda_kernel_backward"


class WarpModule:
    """The Warp module called `name`, whose kernels have been registered."""

    def __init__(self, name: str, workspace: Workspace) -> None:
        self.name = name
        self.cpu_object = b""
        self._workspace = workspace
        self._texts: dict[str, str] = {}

    def compile(
        self, target: str, arch: int, options: Mapping[str, Any] | None = None, cpu_block: int = 1
    ) -> TargetError | None:
        """Compile for `target`, with other module options if any are given; for the cpu, load it as well.

        `cpu_block` is how many threads a block has on the cpu; a Warp that knows no other makes it 1.

        The module's options at a launch must be those that it was compiled with: compile for the cpu last.

        Raises OSError where the disk is full: that is no failure of the module's.
        """
        if options is not None:
            wp.set_module_options(dict(options), module=ModuleType(self.name))  # names alone: only since 1.17
        folder = self._workspace.new_folder()
        problem: Exception | None = None
        try:
            with captured_output(self._workspace.folder) as output, _kernel_cache(folder):
                try:
                    self._build(target, arch, folder, cpu_block)
                except OSError:
                    raise
                except Exception as error:  # whatever Warp or a compiler behind it objects to
                    problem = error
            self._collect(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if problem is None:
            return None
        if os.strerror(errno.ENOSPC) in output.text or free_bytes(self._workspace.folder) < LEAST_FREE / 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._workspace.folder))
        raised = f"{type(problem).__name__}: {problem}"
        if ("cu" if target == "cuda" else "cpp") in self._texts:
            return TargetError(target, "native", normalise_native(output.text) or normalise(raised))
        return TargetError(target, "codegen", normalise(raised), labels_in(raised))

    def _build(self, target: str, arch: int, folder: Path, cpu_block: int) -> None:
        if target == "cuda":
            wp.compile_aot_module(self.name, device=None, arch=arch, module_dir=folder / "cuda", use_ptx=True)
        else:
            block = cpu_block if getattr(wp.config, "enable_cpu_blocks", False) else 1
            wp.load_module(self.name, device="cpu", block_dim=block)

    def _collect(self, folder: Path) -> None:
        """Read what Warp left anywhere under `folder`."""
        for path in folder.rglob("*"):
            if path.suffix in (".cpp", ".cu", ".ptx"):
                self._texts[path.suffix[1:]] = path.read_bytes().rstrip(b"\0").decode("utf-8")
            elif path.suffix == ".o":
                self.cpu_object = path.read_bytes()

    @cached_property
    def cpp(self) -> ModuleText:
        """The module's C++."""
        return ModuleText(self._texts["cpp"])

    @cached_property
    def cuda(self) -> ModuleText:
        """The module's CUDA C++."""
        return ModuleText(self._texts["cu"])

    @cached_property
    def ptx(self) -> PtxText:
        """The module's PTX, empty unless it was compiled for cuda."""
        return PtxText(self._texts.get("ptx", ""))

    def artifacts(self, kernel: wp.Kernel, targets: tuple[str, ...], cuda_name: str = "") -> Artifacts:
        """Return the kernel's own part of the texts for `targets` (`cpu`, `cuda`, `ptx`), the others empty.

        The backward texts are empty for a kernel without a backward pass. `cuda_name` is the mangled name that the
        kernel had when it was compiled for cuda, if the cpu came later: code generation rewrites the tree that the
        name's hash is of where a component of a constant is read (`ORIGIN.p`), so a second compilation names it anew.
        """
        name = mangled_name(kernel)
        cuda_name = cuda_name or name
        cpu_forward, cpu_backward = Names(name).cpu
        cuda_forward, cuda_backward = Names(cuda_name).cuda
        return Artifacts(
            cpp_forward=self.cpp.cut(cpu_forward, name) if "cpu" in targets else "",
            cpp_backward=self.cpp.cut_if_there(cpu_backward, name) if "cpu" in targets else "",
            cuda_forward=self.cuda.cut(cuda_forward, cuda_name) if "cuda" in targets else "",
            cuda_backward=self.cuda.cut_if_there(cuda_backward, cuda_name) if "cuda" in targets else "",
            ptx=self.ptx.cut(Names(cuda_name).cuda, cuda_name) if "ptx" in targets else "",
        )


@contextmanager
def _kernel_cache(folder: Path) -> Iterator[None]:
    """Let Warp keep what it compiles under `folder` meanwhile."""
    previous, wp.config.kernel_cache_dir = wp.config.kernel_cache_dir, str(folder)
    try:
        yield
    finally:
        wp.config.kernel_cache_dir = previous
