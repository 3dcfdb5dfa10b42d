"""Warp's compilers called once more, as Warp called them, for another text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warp._src import build

from extractor.warp_setup import Workspace, captured_output


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
