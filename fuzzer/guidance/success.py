"""What each way of making a kernel has paid of late, and the weights that follow from it: a bandit with a floor.

A way's worth is what its kernels brought that was new, for each byte of code that the compilers had to take for them.
Old gains fade, so that a way that has run dry makes room, and none ever gets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

FADING = 0.99
"""What is left of earlier gains and costs with each further kernel of the same way."""

FLOOR = 0.08
"""The share of the kernels that all ways get evenly."""

PRIOR_COST = 600_000.0
"""Bytes of code for which a way that was never tried is taken to pay what the best one does."""

PRIOR_KERNELS = 6
"""About how many kernels that makes. So many under way halve what is taken on trust: outcomes come late, and until then
every kernel would be planned to go the way that nobody knows."""


class Success:
    """Decaying gains and costs for each way."""

    def __init__(self, ways: Sequence[str], trust: Mapping[str, float] = MappingProxyType({})) -> None:
        """Know nothing but how much of what the best way pays is expected of some others; of the rest all of it."""
        self._ways = tuple(ways)
        self._trust = trust
        self._gain = dict.fromkeys(ways, 0.0)
        self._cost = dict.fromkeys(ways, 0.0)

    def learn(self, way: str, gain: float, cost: float) -> None:
        """Hear what one kernel brought and cost; a way that is not in the table is none of ours."""
        if way in self._gain:
            self._gain[way] = FADING * self._gain[way] + gain
            self._cost[way] = FADING * self._cost[way] + cost

    def worth(self, way: str, under_way: int = 0) -> float:
        """Return what a way brings per byte, where so many of its kernels are planned and not yet judged."""
        best = max((self._gain[one] / self._cost[one] for one in self._ways if self._cost[one] > 0), default=1.0)
        trusted = self._trust.get(way, 1.0) * best * PRIOR_KERNELS / (PRIOR_KERNELS + under_way)
        return (self._gain[way] + trusted * PRIOR_COST) / (self._cost[way] + PRIOR_COST)

    def weights(self, ways: Sequence[str], under_way: Mapping[str, int]) -> list[float]:
        """Return how often to go each of some ways, in their order; they sum to 1.

        Squares of the worths, so that one that pays twice as much is gone four times as often.
        """
        worths = [self.worth(way, under_way.get(way, 0)) ** 2 for way in ways]
        total = sum(worths) or 1.0
        return [FLOOR / len(ways) + (1 - FLOOR) * worth / total for worth in worths]

    def to_json(self) -> dict[str, Any]:
        """Return the gains and costs as JSON values."""
        return {way: [self._gain[way], self._cost[way]] for way in self._ways}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take back what `to_json` returned."""
        for way, (gain, cost) in data.items():
            if way in self._gain:
                self._gain[way], self._cost[way] = gain, cost
