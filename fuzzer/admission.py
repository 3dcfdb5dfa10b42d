"""Which matching kernels become records: no duplicates, equal category shares, the rare first, never above the budget.

Admission sees outcomes in kernel order and depends on nothing else, so the corpus is the same whatever the number of
workers. A kernel is refused that equals an earlier one exactly, after renaming, after blanking its literals, or nearly.
Categories take turns: a kernel that comes before its category's turn waits, so that at any moment the shares differ by
one record at the most. Of those that wait the one enters whose properties the corpus has least of.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extractor.derived import fingerprint_of, level_of, patterns_of
from extractor.record import Record
from fuzzer.near import NearIndex
from grammar.fingerprint import Fingerprint

FULL_SHARE = 0.99
"""A corpus is full when this share of its budget is used."""

MISFITS = 10
"""…or when so many records were larger than what is left of it, or the smallest record so far is."""

CHOICE = 16
"""Of so many of a category that have waited longest, the one with the rarest properties enters."""

STAGES = {
    "exact duplicate": "the same text",
    "duplicate after renaming": "the same but for names, layout and the spelling of literals",
    "duplicate after blanking literals": "the same but for its literal numbers: one record of a shape is kept",
    "near duplicate": "at least 0.7 of its token 5-grams in common with an earlier one (Jaccard, by MinHash)",
}
"""What a kernel is refused for, in the order in which it is looked for, and what that means."""

MEASURED = ("depth", "nesting", "loops", "branches", "functions", "structs")
"""The counts of which each value is a property of its own."""


@dataclass(frozen=True)
class Candidate:
    """A kernel with verdict `match`: its index in the campaign, its id, its category and its record as one line.

    `text` identifies its source, `properties` are what the corpus is to have of everything.
    """

    index: int
    id: str
    category: str
    line: bytes
    text: int
    fingerprint: Fingerprint
    properties: tuple[str, ...] = ()

    @classmethod
    def of_line(cls, line: bytes) -> Candidate:
        """Read a candidate from its record; raises BadRecordError for what is none."""
        record = Record.from_line(line)
        return cls(
            index=int(record.metadata["origin"]["index"]),
            id=record.id,
            category=record.metadata["category"],
            line=line,
            text=int.from_bytes(hashlib.sha256(record.python_source.encode()).digest()[:6], "big"),
            fingerprint=fingerprint_of(record),
            properties=properties(record),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the candidate as JSON values."""
        return {"line": self.line.decode()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Candidate:
        """Read what `to_json` wrote."""
        return cls.of_line(data["line"].encode())


def properties(record: Record) -> tuple[str, ...]:
    """Return what counts for the balance of a corpus: level, size, depth, loops, types, built-ins, patterns."""
    metadata = record.metadata
    complexity = metadata["complexity"]
    found = [f"level {level_of(record)}", f"lines {complexity.get('lines', 0) // 10 * 10}"]
    found += [f"{name} {complexity.get(name, 0)}" for name in MEASURED]
    for kind, names in (
        ("type", metadata["types"]),
        ("builtin", metadata["builtins"]),
        ("pattern", patterns_of(record)),
    ):
        found += [f"{kind} {name}" for name in names]
    return tuple(found)


class Admission:
    """The queue in front of the corpus."""

    def __init__(
        self,
        categories: Sequence[str],
        budget: int | None,
        admitted: Iterable[Candidate] = (),
    ):
        """Go on from a corpus with the records `admitted`, by default from none; they are read one at a time."""
        self._categories = tuple(categories)
        self._waiting: dict[str, list[Candidate]] = {category: [] for category in categories}
        self._texts: dict[str, int] = {}
        self._shapes: set[int] = set()
        self._near = NearIndex()
        self._properties: Counter[str] = Counter()
        self._admitted = 0
        self._misfits: list[Candidate] = []
        self.budget = budget
        self.used = 0
        self._smallest = 0
        self.refused: Counter[str] = Counter()
        for candidate in admitted:
            self._remember(candidate)
            self._count(candidate)

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
            self._remember(candidate)
            fits = self.budget is None or self.used + len(candidate.line) <= self.budget
            still = candidate.index in misfits and not fits
            (self._misfits if still else self._waiting[candidate.category]).append(candidate)

    def has(self, name: str) -> bool:
        """Whether a kernel with this id is in the corpus or waits."""
        return name in self._texts

    def stages(self) -> list[dict[str, Any]]:
        """Return, for each stage of deduplication, how many matching kernels came to it and how many were left.

        What is left after the last is in the corpus, or waits for its category's turn.
        """
        left = self._admitted + len(self.waiting) + sum(self.refused[stage] for stage in STAGES)
        rows = []
        for stage in STAGES:
            rows.append({"stage": stage, "before": left, "after": left - self.refused[stage]})
            left -= self.refused[stage]
        return rows

    def offer(self, candidate: Candidate) -> list[Candidate]:
        """Take one candidate and return those, perhaps none, that enter the corpus now, in order."""
        stage = self._duplicate(candidate)
        if stage:
            self.refused[stage] += 1
            return []
        self._remember(candidate)
        self._waiting[candidate.category].append(candidate)
        return self.entering()

    def entering(self) -> list[Candidate]:
        """Return those whose turn it is, in order."""
        entering = []
        while not self.full and (queue := self._waiting[self._categories[self._admitted % len(self._categories)]]):
            chosen = queue.pop(self._rarest(queue[:CHOICE]))
            if self.budget is not None and self.used + len(chosen.line) > self.budget:
                self._misfits.append(chosen)
                self.refused["too large for what is left of the budget"] += 1
                continue
            self._count(chosen)
            entering.append(chosen)
        return entering

    def _duplicate(self, candidate: Candidate) -> str:
        """Return the stage of deduplication at which a candidate is refused, or nothing."""
        exact, renamed, blanked, near = STAGES
        if candidate.id in self._texts:
            return exact if self._texts[candidate.id] == candidate.text else renamed
        if int(candidate.fingerprint.shape, 16) in self._shapes:
            return blanked
        return near if self._near.near(candidate.fingerprint.minhash) is not None else ""

    def _remember(self, candidate: Candidate) -> None:
        """Refuse duplicates of a candidate from now on: some 500 bytes of memory."""
        self._texts[candidate.id] = candidate.text
        self._shapes.add(int(candidate.fingerprint.shape, 16))
        self._near.add(candidate.fingerprint.minhash)

    def _count(self, candidate: Candidate) -> None:
        """Count a candidate as a record of the corpus."""
        self._admitted += 1
        self._properties.update(candidate.properties)
        self.used += len(candidate.line)
        self._smallest = min(self._smallest or len(candidate.line), len(candidate.line))

    def _rarest(self, candidates: Sequence[Candidate]) -> int:
        """Return the place of the candidate whose properties are rarest in the corpus, the first of equals."""

        def rarity(place: int) -> float:
            found = candidates[place].properties
            return sum(1 / (1 + self._properties[one]) for one in found) / max(len(found), 1)

        return max(range(len(candidates)), key=rarity)
