"""Warp started quietly, on a kernel cache of this process's own that disappears afterwards.

Warp's cache keys cover neither the native headers nor the precompiled ones, so a cache that another Warp filled would
be used without a word. Every process therefore compiles into a folder of its own, and the user's cache is never
touched.
"""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType, TracebackType

from extractor.scratch import Scratch, new_scratch
from grammar.errors import UserError

OLDEST_SUPPORTED = (1, 14)


@dataclass(frozen=True)
class Workspace:
    """The folders that one process compiles in: Warp's kernel cache, and one that lasts as long as each compilation.

    A context manager that closes itself; `users_cache` is Warp's cache folder as it was before. `scratch` is what
    `folder` lies in, if that goes with the workspace.
    """

    folder: Path
    users_cache: str | None = None
    scratch: Scratch | None = None

    @property
    def cache(self) -> Path:
        """Where Warp keeps what it compiles for the cpu."""
        return self.folder / "cache"

    def new_folder(self) -> Path:
        """Create and return an empty folder, removed with the workspace at the latest."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def close(self) -> None:
        """Give Warp the user's cache folder back, and remove the workspace's."""
        if self.users_cache is not None:
            import_warp().config.kernel_cache_dir = self.users_cache
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.scratch is not None:
            self.scratch.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_workspace(scratch: Path | str | None = None) -> Workspace:
    """Start Warp and let it compile into a new folder under `scratch` (default: the system's) until that is closed.

    Raises UserError where Warp is missing or older than `OLDEST_SUPPORTED`. Workspaces of one process do not overlap.
    """
    warp = import_warp()
    ours = new_scratch() if scratch is None else None
    folder = Path(tempfile.mkdtemp(prefix="workspace-", dir=ours.path if ours else scratch))
    workspace = Workspace(folder, warp.config.kernel_cache_dir, ours)
    workspace.cache.mkdir()
    try:
        start_quietly(workspace)
    except BaseException:
        workspace.close()
        raise
    warp.config.kernel_cache_dir = str(workspace.cache)
    return workspace


def import_warp() -> ModuleType:
    """Return the `warp` package; raises UserError where it is missing or too old."""
    try:
        import warp
    except ImportError as error:
        raise UserError(f"NVIDIA Warp is not usable here ({error}): install it with `pip install warp-lang`") from error
    check_version(warp.config.version)
    return warp


def check_version(version: str) -> None:
    """Raise UserError if `version` ("1.19.0", "1.20.0.dev3") is older than `OLDEST_SUPPORTED` or unreadable."""
    oldest = ".".join(map(str, OLDEST_SUPPORTED))
    try:
        found = tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        raise UserError(f"the installed Warp calls itself {version!r}, which is no version number") from None
    if found < OLDEST_SUPPORTED:
        raise UserError(f"Warp {version} is too old: {oldest} or later is needed (`pip install -U warp-lang`)")


_started: list[bool] = []


def start_quietly(workspace: Workspace) -> None:
    """Initialise Warp without its greeting and without its warning about a missing driver.

    Launches on the cpu that ask for a block of threads get one, where this Warp has that (since 1.18).
    """
    import warp

    if hasattr(warp.config, "log_level"):
        warp.config.log_level = warp.LOG_ERROR
    else:
        warp.config.quiet = True
    if hasattr(warp.config, "enable_cpu_blocks"):
        warp.config.enable_cpu_blocks = True
    if not _started:
        warp.config.kernel_cache_dir = str(workspace.cache)
        with captured_output(workspace.folder):
            warp.init()
        _started.append(True)


def spare_what_stays() -> None:
    """Let the garbage collector pass over all objects that there are, and look less often; for processes that last.

    Warp with its registry, and the tables made from it, are some hundred thousand objects that stay. Looking through
    them again and again took a twentieth of a campaign's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 100)


@dataclass
class Captured:
    """What went to the process's standard output and error while `captured_output` was active; set at its end."""

    text: str = ""


_numbers = count()


@contextmanager
def captured_output(folder: Path) -> Iterator[Captured]:
    """Collect what C code prints: clang and NVRTC write their diagnostics to file descriptors 1 and 2, past Python.

    `folder` holds the text meanwhile. Whatever else the process prints at the same time is caught as well.
    """
    captured = Captured()
    path = folder / f"output-{next(_numbers)}.txt"
    _flush()
    saved = os.dup(1), os.dup(2)
    try:
        with path.open("wb") as sink:
            os.dup2(sink.fileno(), 1)
            os.dup2(sink.fileno(), 2)
            try:
                yield captured
            finally:
                _flush()
                os.dup2(saved[0], 1)
                os.dup2(saved[1], 2)
        captured.text = path.read_text(encoding="utf-8", errors="replace")
    finally:
        os.close(saved[0])
        os.close(saved[1])
        path.unlink(missing_ok=True)


def _flush() -> None:
    """Empty Python's and, where it can be reached, the C library's buffers into the descriptors."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)
