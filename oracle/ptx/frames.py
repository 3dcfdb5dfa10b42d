"""Where threads stand: the calls that are going on, and the block in the innermost one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .lines import Site
from .program import Program

Key = tuple[int, ...]


class Frame:
    """A call path: the program that runs, and where its caller goes on."""

    __slots__ = ("call", "parent", "path", "program")

    def __init__(self, program: Program, parent: Frame | None, path: Key) -> None:
        self.program = program
        self.parent = parent
        self.path: Key = path
        self.call = path[len(parent.path)] if parent is not None else 0

    def callers(self) -> Iterator[Site]:
        """The call instructions that led here, the innermost first."""
        frame = self
        while frame.parent is not None:
            function = frame.parent.program.function
            block = function.code.blocks[frame.call]
            yield Site(function, block, len(block.body))
            frame = frame.parent


@dataclass(frozen=True)
class Place:
    """Where threads stand: before a block, in a call. Its `key` orders places by layout."""

    frame: Frame
    block: int

    @property
    def key(self) -> Key:
        """The call path and the block's number."""
        return (*self.frame.path, self.block)

    @property
    def after(self) -> Place:
        """The place behind the block."""
        return Place(self.frame, self.block + 1)
