"""Which overloads to aim at: those that no kernel has called yet, then those whose adjoint none has, then the rest."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fuzzer.features import feature
from fuzzer.guidance.coverage_map import CoverageMap
from grammar.choices import Choices
from grammar.coverage import generable_overloads
from grammar.recipes import SETTINGS

UNSEEN, WITHOUT_ADJOINT, SEEN = 0, 3, 6
"""How many times more often one is aimed at than the next kind before the next kind's turn comes."""


@dataclass(frozen=True)
class Target:
    """An overload that can be aimed at: its key, and the features that show that it, or its adjoint, was called."""

    key: str
    forward: int
    adjoint: int | None


@functools.cache
def targets(setting: str) -> Sequence[Target]:
    """Return the overloads of the categories that are the setting `setting`, or of all that are none for ''."""
    found = []
    for one in generable_overloads(setting):
        key = one.key
        adjoint = feature("adjoint", key) if one.differentiable else None
        found.append(Target(key, feature("overload", key), adjoint))
    return tuple(found)


class Targets:
    """How often the campaign aimed at each overload."""

    def __init__(self) -> None:
        self._aims: Counter[str] = Counter()

    def choose(
        self, category: str, count: int, choices: Choices, coverage: CoverageMap, backward: bool
    ) -> tuple[str, ...]:
        """Return the keys of `count` overloads that kernels of a category can be grown around, and note that.

        For a backward pass they are all differentiable or none is: one that is not would cost the others theirs.
        """
        setting = category if category in SETTINGS.values() else ""

        def turn(target: Target) -> int:
            if target.forward not in coverage:
                return UNSEEN + self._aims[target.key]
            lacks = backward and target.adjoint is not None and target.adjoint not in coverage
            return (WITHOUT_ADJOINT if lacks else SEEN) + self._aims[target.key]

        turns: dict[int, list[Target]] = {}
        for target in targets(setting):
            turns.setdefault(turn(target), []).append(target)
        chosen: list[Target] = []
        for _, left in sorted(turns.items()):
            while left and len(chosen) < count:
                one = left.pop(choices.integer(0, len(left) - 1))
                if not (backward and chosen) or (one.adjoint is None) == (chosen[0].adjoint is None):
                    chosen.append(one)
        keys = tuple(one.key for one in chosen)
        self._aims.update(keys)
        return keys

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return dict(sorted(self._aims.items()))

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take back what `to_json` returned."""
        self._aims = Counter(data)
