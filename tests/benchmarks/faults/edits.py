"""What a fault kind is: a name, and the edits that it can make of a text, each of which changes one operation."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """The characters of a text from `start` to `end` become `new`."""

    start: int
    end: int
    new: str

    def apply(self, text: str) -> str:
        """Return the edited text."""
        return text[: self.start] + self.new + text[self.end :]

    def describe(self, text: str) -> str:
        """Say in one line what the edit makes of the line where it begins."""
        first, last = text.rfind("\n", 0, self.start) + 1, text.find("\n", self.end)
        after = text[first : self.start] + self.new + text[self.end : last]
        before = " ".join(text[first:last].split())
        return f"{before}  ->  {' '.join(after.split()) or '(nothing)'}"


@dataclass(frozen=True)
class Kind:
    """One kind of fault; `sites` yields every edit of the kind in a text."""

    name: str
    sites: Callable[[str], Iterator[Edit]]


def draw(kinds: Sequence[Kind], text: str, rng: random.Random) -> tuple[Kind, Edit] | None:
    """Return an edit of the text of a kind drawn among those that have any, or None where no kind has."""
    for kind in rng.sample(list(kinds), len(kinds)):
        edits = list(kind.sites(text))
        if edits:
            return kind, rng.choice(edits)
    return None
