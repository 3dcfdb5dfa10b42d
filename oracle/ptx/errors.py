"""What can go wrong when PTX runs on the emulator, and whose fault it is."""

from __future__ import annotations


class PtxError(Exception):
    """Anything that ends an emulated launch early."""


class Malformed(PtxError):  # noqa: N818
    """The text is not PTX as the emulator reads it."""


class Unsupported(PtxError):  # noqa: N818
    """The emulator cannot run an instruction; `form` names it with all its modifiers, `tex.2d.v4.f32.f32`."""

    def __init__(self, form: str) -> None:
        self.form = form
        super().__init__(f"the emulator cannot run {form}")


class StepLimit(PtxError):  # noqa: N818
    """The launch executed more steps than it was allowed: most likely it would never have ended."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"still running after {limit} emulated steps")


class Fault(PtxError):  # noqa: N818
    """The program did what a GPU stops for: a bad access, a trap, a barrier that cannot complete.

    `what` says what happened. `address` is the generic address of a bad access. Filled in as far as they are known:
    `opcode`, `thread` (block index and thread index, each x, y, z), `line` of the PTX text, and `source`, the position
    that the text's `.loc` gives.
    """

    def __init__(self, what: str, address: int | None = None, lane: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.address = address
        self.lane = lane
        self.opcode: str | None = None
        self.thread: tuple[tuple[int, int, int], tuple[int, int, int]] | None = None
        self.line: int | None = None
        self.source: str | None = None

    def __str__(self) -> str:
        parts = [self.what]
        if self.opcode:
            parts.append(f"by {self.opcode}")
        if self.thread:
            parts.append("in block {} thread {}".format(*self.thread))
        if self.line:
            parts.append(f"at PTX line {self.line}")
        if self.source:
            parts.append(f"({self.source})")
        return " ".join(parts)
