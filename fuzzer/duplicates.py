"""Which records of a corpus say the same: counted in each sense, and whether any two of them lie in different splits.

For each record some 400 bytes are remembered: hashes of its text, its id and its shape, its split, and its MinHash.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from extractor.derived import fingerprint_of
from extractor.record import Record
from fuzzer.near import NearIndex

SENSES = ("exact", "renamed", "blanked", "near")
"""Duplicates by their texts, their ids, their shapes, their MinHashes; each sense includes those before it."""


@dataclass
class Duplicates:
    """What was found so far. `left` counts the records that are no duplicate in each sense, `straddling` the duplicates
    by shape, and nearly, of which the first lies in another split.
    """

    records: int = 0
    left: Counter[str] = field(default_factory=Counter)
    straddling: Counter[str] = field(default_factory=Counter)
    _texts: set[int] = field(default_factory=set)
    _ids: set[int] = field(default_factory=set)
    _shapes: dict[int, int] = field(default_factory=dict)
    _near: NearIndex = field(default_factory=NearIndex)
    _splits: list[str] = field(default_factory=list)
    _near_splits: bytearray = field(default_factory=bytearray)

    def add(self, record: Record) -> None:
        """Look for earlier records that say the same; raises SyntaxError or ValueError for no kernel's source."""
        fingerprint = fingerprint_of(record)
        split = self._split(record.metadata["split"])
        self.records += 1
        text = int.from_bytes(hashlib.sha256(record.python_source.encode()).digest()[:6], "big")
        shape = int(fingerprint.shape, 16)
        first_of_shape = self._shapes.setdefault(shape, split)
        near = self._near.near(fingerprint.minhash)
        fresh = {
            "exact": text not in self._texts,
            "renamed": int(record.id[:16], 16) not in self._ids,
            "blanked": len(self._shapes) > self.left["blanked"],
            "near": near is None,
        }
        self._texts.add(text)
        self._ids.add(int(record.id[:16], 16))
        self.left.update(sense for sense, is_new in fresh.items() if is_new)
        self.straddling["shape"] += first_of_shape != split
        if near is None:
            self._near.add(fingerprint.minhash)
            self._near_splits.append(split)
        else:
            self.straddling["near"] += self._near_splits[near] != split

    def to_json(self) -> dict[str, object]:
        """Return the counts as JSON values."""
        return {
            "records": self.records,
            "distinct": {sense: self.left[sense] for sense in SENSES},
            "straddling_splits": {"shape": self.straddling["shape"], "near": self.straddling["near"]},
        }

    def _split(self, name: str) -> int:
        """Return the number of a split; there are a few."""
        if name not in self._splits:
            self._splits.append(name)
        return self._splits.index(name)
