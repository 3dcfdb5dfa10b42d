"""Every production asks a `Choices` for its decisions, so one grammar serves campaigns, replay and Hypothesis.

A kernel is its sequence of choices: `RecordingChoices` writes the sequence down, `ReplayingChoices` plays an edited
one back, and `grammar.strategies` implements the same protocol on Hypothesis' `draw`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Choices(Protocol):
    """Where a production gets its decisions from: never from `random` itself."""

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        ...

    def weighted(self, weights: Sequence[float]) -> int:
        """Return an index of `weights`, each with the chance of its weight. At least one weight is positive."""
        ...


class SeededChoices:
    """Pseudo-random decisions from a seed, the same in every process and on every Python version.

    Only `Random.random` is used: Python promises its sequence across versions, unlike that of `randint` or `choices`.
    """

    def __init__(self, seed: int | str | tuple[int | str, ...]):
        digest = hashlib.sha256(repr(seed).encode()).digest()
        self._random = random.Random(int.from_bytes(digest, "big")).random

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included; the span stays below 2**53."""
        return low + int(self._random() * (high - low + 1))

    def weighted(self, weights: Sequence[float]) -> int:
        """Return an index of `weights`, each with the chance of its weight."""
        remaining = self._random() * sum(weights)
        last = 0
        for index, weight in enumerate(weights):
            if weight > 0:
                last = index
                remaining -= weight
                if remaining < 0:
                    return index
        return last


class RecordingChoices:
    """Passes decisions on from another `Choices`, and keeps them in `sequence`."""

    def __init__(self, source: Choices):
        self._source = source
        self.sequence: list[int] = []

    def integer(self, low: int, high: int) -> int:
        """Return the source's integer; the sequence holds its distance from `low`."""
        value = self._source.integer(low, high)
        self.sequence.append(value - low)
        return value

    def weighted(self, weights: Sequence[float]) -> int:
        """Return the source's index; the sequence holds it as it is."""
        index = self._source.weighted(weights)
        self.sequence.append(index)
        return index


class ReplayingChoices:
    """Plays a sequence back. Any sequence of integers of at least 0 is valid, so sequences can be edited freely.

    A value that is too large for a decision wraps around; after the end every decision is the first possible one.
    """

    def __init__(self, sequence: Iterable[int]):
        self._values = iter(sequence)

    def integer(self, low: int, high: int) -> int:
        """Return the next value as an integer of the range."""
        return low + next(self._values, 0) % (high - low + 1)

    def weighted(self, weights: Sequence[float]) -> int:
        """Return the next value as an index whose weight is positive."""
        index = next(self._values, 0) % len(weights)
        while weights[index] <= 0:
            index = (index + 1) % len(weights)
        return index


class ContinuedChoices:
    """Plays a sequence back as `ReplayingChoices` does, and after its end asks another `Choices`."""

    def __init__(self, sequence: Sequence[int], then: Choices):
        self._left = len(sequence)
        self._replaying = ReplayingChoices(sequence)
        self._then = then

    def _source(self) -> Choices:
        self._left -= 1
        return self._replaying if self._left >= 0 else self._then

    def integer(self, low: int, high: int) -> int:
        """Return the next value as an integer of the range."""
        return self._source().integer(low, high)

    def weighted(self, weights: Sequence[float]) -> int:
        """Return the next value as an index whose weight is positive."""
        return self._source().weighted(weights)


def pick(choices: Choices, items: Sequence[T]) -> T:
    """Return one of the items, each as likely."""
    return items[choices.integer(0, len(items) - 1)] if len(items) > 1 else items[0]


def pick_weighted(choices: Choices, table: Sequence[tuple[T, float]]) -> T:
    """Return one of the table's items by the weight beside it."""
    return table[choices.weighted([weight for _, weight in table])][0]


def chance(choices: Choices, percent: float) -> bool:
    """Return True in `percent` of 100 cases; False is the simpler outcome."""
    return choices.weighted((100 - percent, percent)) == 1
