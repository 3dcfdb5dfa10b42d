"""Which matching kernels become records: no duplicates, equal category shares, never above the budget.

Admission sees outcomes in kernel order and depends on nothing else, so the corpus is the same whatever the number of
workers. Categories take turns: a kernel that comes before its category's turn waits, so that at any moment the shares
differ by one record at the most.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FULL_SHARE = 0.99
"""A corpus is full when this share of its budget is used."""

MISFITS = 10
"""…or when so many records were larger than what is left of it, or the smallest record so far is."""


@dataclass(frozen=True)
class Candidate:
    """A kernel with verdict `match`: its index in the campaign, its id, its category and its record as one line."""

    index: int
    id: str
    category: str
    line: bytes

    def to_json(self) -> dict[str, Any]:
        """Return the candidate as JSON values."""
        return {"index": self.index, "id": self.id, "category": self.category, "line": self.line.decode()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Candidate:
        """Read what `to_json` wrote."""
        return cls(data["index"], data["id"], data["category"], data["line"].encode())


class Admission:
    """The queue in front of the corpus."""

    def __init__(
        self,
        categories: Sequence[str],
        budget: int | None,
        admitted: Iterable[str] = (),
        sizes: Iterable[int] = (),
    ):
        """Go on from a corpus with the records `admitted` (ids) of these `sizes` in bytes; by default from none."""
        sizes = tuple(sizes)
        self._categories = tuple(categories)
        self._waiting: dict[str, deque[Candidate]] = {category: deque() for category in categories}
        self._seen = set(admitted)
        self._turn = len(self._seen) % len(self._categories)
        self._misfits: list[Candidate] = []
        self.budget = budget
        self.used = sum(sizes)
        self._smallest = min(sizes, default=0)
        self.refused: Counter[str] = Counter()

    @property
    def full(self) -> bool:
        """Whether no further record is wanted."""
        if self.budget is None:
            return False
        room = self.budget - self.used
        return room <= (1 - FULL_SHARE) * self.budget or room < self._smallest or len(self._misfits) >= MISFITS

    @property
    def waiting(self) -> list[Candidate]:
        """Who waits for their category's turn or for a larger budget, in the kernels' order."""
        queued = [candidate for queue in self._waiting.values() for candidate in queue]
        return sorted(queued + self._misfits, key=lambda candidate: candidate.index)

    @property
    def misfits(self) -> list[int]:
        """The indices of those among them that were too large for the budget."""
        return sorted(candidate.index for candidate in self._misfits)

    def restore(self, waiting: Iterable[Candidate], misfits: Container[int]) -> None:
        """Take back whom an earlier run left waiting; a larger budget may have room for its misfits now."""
        for candidate in waiting:
            self._seen.add(candidate.id)
            fits = self.budget is None or self.used + len(candidate.line) <= self.budget
            still = candidate.index in misfits and not fits
            (self._misfits if still else self._waiting[candidate.category]).append(candidate)

    def has(self, name: str) -> bool:
        """Whether a kernel with this id is in the corpus or waits."""
        return name in self._seen

    def offer(self, candidate: Candidate) -> list[Candidate]:
        """Take one candidate and return those, perhaps none, that enter the corpus now, in order."""
        if self.has(candidate.id):
            self.refused["duplicate"] += 1
            return []
        self._seen.add(candidate.id)
        self._waiting[candidate.category].append(candidate)
        return self.entering()

    def entering(self) -> list[Candidate]:
        """Return those whose turn it is, in order."""
        entering = []
        while not self.full and (queue := self._waiting[self._categories[self._turn]]):
            first = queue.popleft()
            if self.budget is not None and self.used + len(first.line) > self.budget:
                self._misfits.append(first)
                self.refused["too large for what is left of the budget"] += 1
                continue
            self.used += len(first.line)
            self._smallest = min(self._smallest or len(first.line), len(first.line))
            self._turn = (self._turn + 1) % len(self._categories)
            entering.append(first)
        return entering
