"""Where an instruction comes from: its line in the PTX text, and the source line that the text's line table gives."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .parse import Block, Function

_LOCATION = re.compile(r"\s*(\d+)\s+(\d+)\s+(\d+)(?:.*\binlined_at\s+(\d+)\s+(\d+)\s+(\d+))?")
_NATIVE = (".h", ".hpp", ".inl", ".cuh", ".cu", ".cpp", ".c", ".cc")

Place = tuple[str, str, str]
"""File number, line and column, as `.loc` writes them."""


@dataclass(frozen=True, eq=False)
class Site:
    """One instruction of a function: number `position` of a block, where the block's end counts as one more."""

    function: Function
    block: Block
    position: int

    @property
    def opcode(self) -> str:
        """The instruction's opcode with all modifiers."""
        body, end = self.block.body, self.block.end
        if self.position < len(body):
            return body[self.position][2]
        return end[2] if end is not None else ""

    @property
    def begins_swap(self) -> bool:
        """Whether it is a load from an address that a compare-and-swap of the function names with the same operand."""
        body = self.block.body
        operands = body[self.position][3] if self.position < len(body) else ""
        return operands[operands.find("[") :] in self.function.swapped_addresses

    @property
    def line(self) -> int:
        """The instruction's line in the PTX text, 0 if unknown."""
        return self.function.line_of(self.block.first + self.position)

    def place(self, files: Mapping[str, str]) -> Place | None:
        """Where it comes from, None without a line table."""
        return self.function.line_table.place(self.block.first + self.position, files)


class Caller(Protocol):
    """A call that is going on: its sites are the calls that led there, the innermost first."""

    def callers(self) -> Iterator[Site]:
        """The instructions that called."""
        ...


def source_line(site: Site, caller: Caller | None, files: Mapping[str, str]) -> str:
    """`file:line` of the source, empty without a line table; `files` maps a file's number to its path.

    For an instruction of a C++ header it is the line that called it, if that is known to be no such header's.
    """
    first = place = site.place(files)
    callers = iter(()) if caller is None else caller.callers()
    while place is not None and _is_native(place, files):
        call = next(callers, None)
        if call is None:
            place = first
            break
        place = call.place(files)
    return "" if place is None else f"{_short(files.get(place[0], 'file ' + place[0]))}:{place[1]}"


def _is_native(place: Place, files: Mapping[str, str]) -> bool:
    return files.get(place[0], "").endswith(_NATIVE)


class LineTable:
    """A function's `.loc` directives (PTX ISA, "Debugging Directives: .loc") in the order of its instructions."""

    def __init__(self, blocks: list[Block]) -> None:
        self._ordinals: list[int] = []
        self._places: list[tuple[Place, Place | None]] = []
        for block in blocks:
            for position, text in block.lines:
                match = _LOCATION.match(text)
                if match is not None and match[2] != "0":
                    inlined_at = (match[4], match[5], match[6]) if match[4] else None
                    self._ordinals.append(block.first + position)
                    self._places.append(((match[1], match[2], match[3]), inlined_at))

    def place(self, ordinal: int, files: Mapping[str, str]) -> Place | None:
        """Where the function's `ordinal`-th instruction comes from; None if the table does not say.

        What was inlined from C++ headers counts for the line that called it, so that a kernel's Python line is found
        wherever `#line` directives gave one.
        """
        index = bisect_right(self._ordinals, ordinal) - 1
        if index < 0:
            return None
        place, inlined_at = self._places[index]
        while inlined_at is not None and _is_native(place, files):
            place, inlined_at, index = inlined_at, *self._before(index, inlined_at)
        return place

    def _before(self, index: int, place: Place) -> tuple[Place | None, int]:
        """Where the last directive before number `index` for a place was inlined at, and that directive's number.

        One place may have been inlined at several, and PTX does not say which is meant; compilers write the one that
        they mean before its first use.
        """
        for number in range(index - 1, -1, -1):
            if self._places[number][0] == place:
                return self._places[number][1], number
        return None, index


def _short(path: str) -> str:
    """A file's name without its folders. The compiler takes a name like `<string>` for a path as well."""
    start = path.rfind("/<")
    return path[start + 1 :] if start >= 0 else os.path.basename(path)
