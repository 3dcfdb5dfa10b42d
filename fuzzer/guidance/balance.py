"""Which category the next kernel is planned for: the one with the fewest that matched or may still do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Balance:
    """Counts what each category has, so that none makes the others wait for its turn in the corpus."""

    def __init__(self, categories: Sequence[str]) -> None:
        self._has = dict.fromkeys(categories, 0)

    def next(self) -> str:
        """Return the category that has the fewest, the first of those in their order, and count one more for it."""
        category = min(self._has, key=self._has.__getitem__)
        self._has[category] += 1
        return category

    def lost(self, category: str) -> None:
        """Hear that a planned kernel gave no record."""
        self._has[category] -= 1

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return dict(self._has)

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take back what `to_json` returned."""
        self._has.update(data)
