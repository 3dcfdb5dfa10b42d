"""Functions that a module only declares, since the device's runtime defines them: printf and failed assertions.

Each takes the machine and its arguments as integers, one list per active thread, and gives one result a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from .errors import Fault
from .printf import Arguments, render
from .reports import Kind

if TYPE_CHECKING:
    from .machine import Machine

_LONGEST_STRING = 1 << 16


def _printf(machine: Machine, threads: Sequence[Sequence[int]]) -> list[int]:
    """`vprintf(format, buffer)`: a text for each thread, in their order; results are numbers of arguments."""
    return [_print(machine, lane, *arguments) for lane, arguments in enumerate(threads)]


def _print(machine: Machine, lane: int, format_: int, buffer: int) -> int:
    """One thread's call; -1 without a format."""
    if not format_:
        return -1
    arguments = Arguments(lambda offset, size: _bytes_at(machine, buffer + offset, size, lane))
    text = render(_string_at(machine, format_, lane), arguments, lambda at: _string_at(machine, at, lane))
    machine.printed.append(text)
    return arguments.taken


def _assertion_failed(machine: Machine, threads: Sequence[Sequence[int]]) -> NoReturn:
    """`__assertfail(message, file, line, function, character size)`: a Fault for the first thread."""
    message, file, line, function, _ = threads[0]
    texts = [_string_at(machine, address, 0).decode(errors="replace") for address in (message, file, function)]
    raise Fault(Kind.ASSERTION, f"assertion `{texts[0]}' failed at {texts[1]}:{line} in {texts[2]}", lane=0)


SystemCall = Callable[["Machine", Sequence[Sequence[int]]], list[int]]

SYSTEM_CALLS: dict[str, SystemCall] = {"vprintf": _printf, "__assertfail": _assertion_failed}
"""By name as PTX declares them (CUDA's PTX Writer's Guide to Interoperability, "System Calls")."""


def _bytes_at(machine: Machine, address: int, size: int, lane: int) -> bytes:
    """Accessible bytes at a generic address; Fault if some are not."""
    found = _accessible(machine, address, size)
    if len(found) < size:
        raise Fault(Kind.OUT_OF_BOUNDS, f"out-of-bounds {size}-byte read at 0x{address:x}", address, lane)
    return found


def _string_at(machine: Machine, address: int, lane: int) -> bytes:
    """The bytes from a generic address to the first NUL, "(null)" at 0; Fault if they leave their allocation before."""
    if not address:
        return b"(null)"
    found = _accessible(machine, address, _LONGEST_STRING)
    end = found.find(b"\0")
    if end < 0:
        raise Fault(Kind.OUT_OF_BOUNDS, f"the string at 0x{address:x} has no end", address, lane)
    return found[:end]


def _accessible(machine: Machine, address: int, most: int) -> bytes:
    """The accessible bytes from a generic address on, at most so many."""
    for segment in machine.segments.values():
        offset = address - segment.base
        if 0 <= offset < len(segment.data):
            allowed = segment.starts(1)[offset : offset + most]
            length = len(allowed) if allowed.all() else int(np.argmin(allowed))
            return segment.data[offset : offset + length].tobytes()
    return b""
