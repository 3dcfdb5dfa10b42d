"""Which matching kernels become records: no duplicates, equal category shares, never above the budget.

Admission sees outcomes in kernel order and depends on nothing else, so the corpus is the same whatever the number of
workers. Categories take turns: a kernel that comes before its category's turn waits, so that at any moment the shares
differ by one record at the most.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
        self._misfits: list[int] = []
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
    def waiting(self) -> list[int]:
        """The indices of the kernels that wait for their category's turn or for a larger budget, in order: what a
        resume must redo.
        """
        queued = [candidate.index for queue in self._waiting.values() for candidate in queue]
        return sorted(queued + self._misfits)

    def offer(self, candidate: Candidate) -> list[Candidate]:
        """Take one candidate and return those, perhaps none, that enter the corpus now, in order."""
        if candidate.id in self._seen:
            self.refused["duplicate"] += 1
            return []
        self._seen.add(candidate.id)
        self._waiting[candidate.category].append(candidate)
        entering = []
        while not self.full and (queue := self._waiting[self._categories[self._turn]]):
            first = queue.popleft()
            if self.budget is not None and self.used + len(first.line) > self.budget:
                self._misfits.append(first.index)
                self.refused["too large for what is left of the budget"] += 1
                continue
            self.used += len(first.line)
            self._smallest = min(self._smallest or len(first.line), len(first.line))
            self._turn = (self._turn + 1) % len(self._categories)
            entering.append(first)
        return entering
