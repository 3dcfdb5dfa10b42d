"""A worker process from inside: it dies with its main process, keeps its limits, and answers job after job.

`oracle.pool` starts it as a program of its own rather than through `multiprocessing`: that needs a third process to
track resources, which outlives a main process that is killed, and refuses to start children of a Dask worker.
"""

from __future__ import annotations

import errno
import os
import pickle
import resource
import runpy
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from grammar.errors import UserError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What the system says where nothing more can be written: the disk or the quota is full, or it is read-only."""


class Said(Enum):
    """What a worker's message is: it is ready for jobs, or what became of its start or of a job."""

    READY = auto()
    DONE = auto()
    OUT_OF_MEMORY = auto()
    NO_ROOM = auto()
    CANNOT = auto()
    FAILED = auto()


@dataclass(frozen=True)
class Orders:
    """What a worker is told first. `start` is pickled; `main_script` is where what it calls `__main__` stands, if any.

    `memory_bytes` limits the worker's private memory, what NumPy and native code allocate included. Address space
    (RLIMIT_AS) would be the wrong measure: CUDA and the linker of Warp's cpu code reserve far more than they use.
    """

    start: bytes
    scratch: Path
    memory_bytes: int
    main_script: str = ""


def main(pipe_descriptor: int, lifeline: int) -> None:
    """Live as a worker until the pipe closes. The other end of `lifeline` is open as long as the main process lives."""
    die_with(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = Connection(pipe_descriptor)
    try:
        orders: Orders = pickle.loads(pipe.recv_bytes())
        said, run = _attempt(_started, orders)
        _send(pipe, *((Said.READY, b"") if said is Said.DONE else (said, run)))
        while said is Said.DONE:
            said, outcomes = _attempt(_answer, run, pipe.recv_bytes())
            _send(pipe, said, outcomes)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def die_with(lifeline: int) -> None:
    """Let this process be killed when the other end of a pipe closes, whatever it does then.

    On Linux the kernel sends the signal, so that native code that hangs, with Python's lock or without, cannot keep the
    process alive. (PR_SET_PDEATHSIG would do the same when the *thread* ends that started the process.) Elsewhere a
    thread watches.
    """
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:  # it closed before the kernel was told to say so
            os._exit(1)
    else:
        threading.Thread(target=lambda: (os.read(lifeline, 1), os._exit(1)), daemon=True).start()


def _started(orders: Orders) -> Callable[[Any], Iterable[Any]]:
    resource.setrlimit(resource.RLIMIT_DATA, (orders.memory_bytes, orders.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _be_killed_first()
    if orders.main_script:
        sys.modules["__main__"].__dict__.update(runpy.run_path(orders.main_script, run_name="__mp_main__"))
    return pickle.loads(orders.start)(orders.scratch)


def _be_killed_first() -> None:
    """Where memory runs out in spite of the limits, a worker is the process to lose, and not its main process."""
    with suppress(OSError):  # not on Linux, or forbidden: then the system chooses
        Path("/proc/self/oom_score_adj").write_text("1000")


def _answer(run: Callable[[Any], Iterable[Any]], message: bytes) -> bytes:
    return pickle.dumps(list(run(pickle.loads(message))))


def _attempt(work: Callable[..., Any], *arguments: Any) -> tuple[Said, Any]:
    """Return what the work gives, or how it failed and a text about that."""
    try:
        return Said.DONE, work(*arguments)
    except MemoryError:
        return Said.OUT_OF_MEMORY, ""
    except UserError as error:
        return Said.CANNOT, str(error)
    except OSError as error:
        if error.errno in NO_ROOM:
            return Said.NO_ROOM, os.strerror(error.errno)
        return Said.FAILED, traceback.format_exc()
    except Exception:
        return Said.FAILED, traceback.format_exc()


def _send(pipe: Connection, said: Said, content: Any) -> None:
    """Send a message: one byte for what it is, and then a pickle or a text."""
    pipe.send_bytes(
        bytes([said.value]) + (content if isinstance(content, bytes) else content.encode(errors="backslashreplace"))
    )
