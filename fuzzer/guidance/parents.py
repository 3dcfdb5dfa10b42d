"""The parents: records that brought something new, those with rare features chosen more often, tired ones less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fuzzer.guidance.coverage_map import CoverageMap
from fuzzer.guidance.plan import Parent
from grammar.choices import Choices

PER_CATEGORY = 24
"""How many parents a category keeps; beyond that, the one with the least energy goes."""

TIRED = 0.8
"""What is left of a parent's energy after each child that brought nothing new; one that did gives it back."""

RARE = 12
"""How many of the features that a parent brought decide its energy."""


@dataclass
class _Entry:
    parent: Parent
    vigour: float = 1.0


class Parents:
    """A bounded pool for each category."""

    def __init__(self, categories: Iterable[str]) -> None:
        self._pools: dict[str, list[_Entry]] = {category: [] for category in categories}

    def __len__(self) -> int:
        return sum(map(len, self._pools.values()))

    def __iter__(self) -> Iterator[Parent]:
        for pool in self._pools.values():
            yield from (entry.parent for entry in pool)

    def has(self, category: str) -> bool:
        """Whether a category has a parent."""
        return bool(self._pools.get(category))

    def add(self, parent: Parent, coverage: CoverageMap) -> None:
        """Take a parent in; of a category that is none of the campaign's, nothing is taken."""
        pool = self._pools.get(parent.category)
        if pool is None:
            return
        pool.append(_Entry(parent))
        if len(pool) > PER_CATEGORY:
            pool.remove(min(pool, key=lambda entry: _energy(entry, coverage)))

    def choose(self, category: str, choices: Choices, coverage: CoverageMap) -> Parent:
        """Return a parent of a category that has some, by energy: the rarity of what it brought, times its vigour."""
        pool = self._pools[category]
        return pool[choices.weighted([_energy(entry, coverage) for entry in pool])].parent

    def choose_donor(self, choices: Choices) -> Parent | None:
        """Return any parent, each category as likely, to take a piece from."""
        filled = [pool for pool in self._pools.values() if pool]
        if not filled:
            return None
        pool = filled[choices.integer(0, len(filled) - 1)]
        return pool[choices.integer(0, len(pool) - 1)].parent

    def learn(self, parent: Parent, new: Sequence[int]) -> None:
        """Hear what a child of a parent brought."""
        for entry in self._pools.get(parent.category, ()):
            if entry.parent.id == parent.id:
                entry.vigour = 1.0 if new else entry.vigour * TIRED

    def to_json(self) -> dict[str, Any]:
        """Return the vigours by category and id; the parents themselves are written once for all who mention them."""
        return {
            category: [[entry.parent.id, entry.vigour] for entry in pool]
            for category, pool in self._pools.items()
            if pool
        }

    def restore(self, data: Mapping[str, Any], known: Mapping[str, Parent]) -> None:
        """Take back what `to_json` returned, with the parents by id."""
        for category, entries in data.items():
            self._pools[category] = [_Entry(known[name], vigour) for name, vigour in entries]


def _energy(entry: _Entry, coverage: CoverageMap) -> float:
    """Return a positive number: even a tired parent of common features is tried now and then."""
    return entry.vigour * (0.02 + coverage.rarity(entry.parent.rare))
