"""What the sanitizer says: one wrong thing that a program did, where, and which thread did it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Triple = tuple[int, int, int]


class Kind(StrEnum):
    """What is wrong."""

    OUT_OF_BOUNDS = "out-of-bounds"
    MISALIGNED = "misaligned"
    UNINITIALISED = "uninitialised"
    RACE = "race"
    BARRIER = "barrier"
    ASSERTION = "assertion"
    TRAP = "trap"
    CALL = "call"


@dataclass(frozen=True)
class Report:
    """`what` is a phrase with addresses in it, the rest says where.

    `thread` is the block index and the thread index, each x, y, z; `address` a generic address; `line` a line of the
    PTX text, 0 if unknown; `source` the place that the text's line table gives (`kernel.py:7`), empty without a table.
    """

    kind: Kind
    what: str
    opcode: str = ""
    thread: tuple[Triple, Triple] | None = None
    address: int | None = None
    line: int = 0
    source: str = ""

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
