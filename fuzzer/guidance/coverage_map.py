"""The one map of what a campaign has covered, and the one notion of new: a feature that nobody brought before."""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fuzzer.features import GROUPS, group_of


@dataclass(frozen=True)
class Covered:
    """One group of the coverage map: features covered, known in all (None where that is open), kernel of the last."""

    covered: int
    total: int | None
    grown: int


class CoverageMap:
    """How many kernels showed each feature; features are numbers, as `fuzzer.features` makes them."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.covered: Counter[str] = Counter()
        self.grown: dict[str, int] = {}

    def __contains__(self, feature: int) -> bool:
        return feature in self.counts

    def add(self, features: Iterable[int], kernels: int) -> list[int]:
        """Count a kernel's features and return those that are new; `kernels` have been judged with this one."""
        new = []
        for feature in features:
            seen = self.counts.get(feature, 0)
            if not seen:
                new.append(feature)
                group = group_of(feature)
                self.covered[group] += 1
                self.grown[group] = kernels
            self.counts[feature] = seen + 1
        return new

    def rarity(self, features: Iterable[int]) -> float:
        """Return how rare the rarest of some features is: 1 for one that a single kernel showed, towards 0."""
        counts = [self.counts.get(one, 1) for one in features]
        return 1.0 / min(counts) if counts else 0.0

    def groups(self) -> dict[str, Covered]:
        """Return where each group stands."""
        return {
            name: Covered(self.covered[name], group.total(), self.grown.get(name, 0)) for name, group in GROUPS.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Return the map as JSON values: the features and their counts as packed numbers, in the features' order."""
        features = np.array(sorted(self.counts), np.uint64)
        counts = np.array([self.counts[int(one)] for one in features], np.uint32)
        return {"features": _packed(features), "counts": _packed(counts), "grown": dict(sorted(self.grown.items()))}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CoverageMap:
        """Read what `to_json` wrote."""
        found = cls()
        features = np.frombuffer(_unpacked(data["features"]), np.uint64).tolist()
        counts = np.frombuffer(_unpacked(data["counts"]), np.uint32).tolist()
        found.counts = dict(zip(features, counts, strict=True))
        found.covered = Counter(map(group_of, features))
        found.grown = dict(data["grown"])
        return found


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(values.tobytes(), 1)).decode("ascii")


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
