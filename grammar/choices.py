"""Every production asks a `Choices` for its decisions, so one grammar serves campaigns, replay and Hypothesis.

A kernel is its sequence of choices: `RecordingChoices` writes the sequence down, `ReplayingChoices` plays an edited
one back, and `grammar.strategies` implements the same protocol on Hypothesis' `draw`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
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
