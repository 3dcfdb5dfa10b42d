"""Folders in the system's temporary folder that nobody forgets: one whose owners have all died goes with the next run.

Each folder is locked, and the processes that work in it hold the lock together, as an open file that they inherit. The
kernel frees it when the last of them is gone, however that ended; a process number, which another process may have
today, says no such thing.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from grammar.errors import UserError

try:
    import fcntl
except ImportError:  # not on Windows; nothing is locked there, and nothing is ever taken for abandoned
    fcntl = None  # type: ignore[assignment]

PREFIX = "warpsmith-scratch-"
"""What the names of these folders begin with; `remove_abandoned` looks at no others."""

LEAST_FREE = 256 * 10**6
"""Bytes that must be free for a batch: each precompiled header of NVRTC takes 85 MB. Where there is less, compilers
fail and crash in their own ways (clang dies of SIGBUS), and innocent kernels would be blamed.
"""


@dataclass(frozen=True)
class Scratch:
    """A temporary folder, removed when it is closed. A context manager that closes itself.

    `lock` is the descriptor that keeps it from being taken for abandoned, to be inherited by every other process that
    works in it; None where the file system has no locks.
    """

    path: Path
    lock: int | None

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def new_scratch() -> Scratch:
    """Make a folder; raises UserError where the temporary folder cannot be written."""
    try:
        while True:
            path = Path(tempfile.mkdtemp(prefix=PREFIX))
            try:
                lock = _lock(path, wait=True)
            except FileNotFoundError:  # another run took it for abandoned before it was locked
                continue
            if lock is None or path.exists():
                return Scratch(path, lock)
            os.close(lock)
    except OSError as error:
        raise cannot_write(error.strerror or str(error)) from None


def cannot_write(reason: str, folder: str | Path | None = None) -> UserError:
    """Return the error for a temporary folder (the system's if none is given) that is full, read-only or the like."""
    return UserError(f"cannot write to {folder or tempfile.gettempdir()}, the temporary folder: {reason}")


def free_bytes(folder: Path) -> int:
    """Return how much this user can still write where `folder` is."""
    return shutil.disk_usage(folder).free


def remove_abandoned() -> None:
    """Remove the folders whose owners were killed before they could. Others' folders, and those in use, are left."""
    for path in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            if path.lstat().st_uid != os.getuid():
                continue
            lock = _lock(path, wait=False)
        except OSError:  # in use, or just removed by somebody else
            continue
        if lock is not None:
            Scratch(path, lock).close()


def _lock(path: Path, *, wait: bool) -> int | None:
    """Return a descriptor that holds the folder's lock, None where there are no locks.

    Raises FileNotFoundError if the folder is gone, and BlockingIOError if another holds the lock and we do not `wait`.
    """
    if fcntl is None:
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
