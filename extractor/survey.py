"""What is counted over all records of a corpus, one at a time: memory grows with what there is to tell apart only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from extractor.derived import level_of, patterns_of, tokens_of
from extractor.record import Record

MEASURES = ("statements", "depth", "nesting", "operators", "calls", "loops", "branches", "functions", "structs")
"""The counts of a record's complexity whose spread is told, beside its lines."""

WORK = ("flops_per_thread", "bytes_read_per_thread", "bytes_written_per_thread", "arithmetic_intensity", "active_lanes")
"""The measures of a record's performance of which the mean is told."""


@dataclass
class Survey:
    """Counts over records.

    `lines` counts records by their source's number of lines, `measures` by each count of their complexity,
    `category_splits` by category and split. `characters` and `tokens` are sums by text. `work` holds the sum of each
    measure of performance, `worked` how many records have it.
    """

    records: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    category_splits: Counter[tuple[str, str]] = field(default_factory=Counter)
    backends: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    characters: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    builtins: Counter[str] = field(default_factory=Counter)
    overloads: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    patterns: Counter[str] = field(default_factory=Counter)
    levels: Counter[int] = field(default_factory=Counter)
    lines: Counter[int] = field(default_factory=Counter)
    measures: dict[str, Counter[int]] = field(default_factory=dict)
    mutations: Counter[str] = field(default_factory=Counter)
    oracles: Counter[tuple[str, str]] = field(default_factory=Counter)
    work: Counter[str] = field(default_factory=Counter)
    worked: Counter[str] = field(default_factory=Counter)
    explained: int = 0
    backward: int = 0

    def add(self, record: Record) -> None:
        """Count one record."""
        metadata = record.metadata
        self.records += 1
        self.categories[metadata["category"]] += 1
        self.splits[metadata["split"]] += 1
        self.category_splits[metadata["category"], metadata["split"]] += 1
        self.backends[" and ".join(metadata["backends"])] += 1
        self.versions[flat({name: value for name, value in metadata["versions"].items() if name != "schema"})] += 1
        self.builtins.update(metadata["builtins"])
        self.types.update(metadata["types"])
        self.overloads.update(name for name in metadata.get("features", ()) if str(name).startswith("builtin:"))
        self.mutations[_made(metadata["origin"])] += 1
        for names, stance in metadata.get("oracles", {}).items():
            self.oracles.update((name, str(stance)) for name in str(names).split(", "))  # several rewrites at once
        self.explained += bool(metadata.get("explained_by"))
        self.backward += bool(record.artifacts.cpp_backward)
        self._add_texts(record)
        self._add_measures(metadata)

    def _add_texts(self, record: Record) -> None:
        self.patterns.update(patterns_of(record))
        self.levels[level_of(record)] += 1
        self.lines[record.python_source.rstrip("\n").count("\n") + 1] += 1
        self.characters["python_source"] += len(record.python_source)
        for name, text in vars(record.artifacts).items():
            self.characters[name] += len(text)
        self.tokens.update(tokens_of(record))

    def _add_measures(self, metadata: Mapping[str, Any]) -> None:
        for name in MEASURES:
            if name in metadata["complexity"]:
                self.measures.setdefault(name, Counter())[metadata["complexity"][name]] += 1
        for name in WORK:
            value = metadata.get("performance", {}).get(name)
            if value is not None:
                self.work[name] += value
                self.worked[name] += 1


def survey(records: Iterable[Record]) -> Survey:
    """Count over records, one at a time."""
    result = Survey()
    for record in records:
        result.add(record)
    return result


def quantile(counts: Counter[int], share: float) -> int:
    """Return the smallest value that at least this share of the counted ones do not exceed; 0 of none."""
    wanted = share * counts.total()
    seen = 0
    for value, count in sorted(counts.items()):
        seen += count
        if seen >= wanted:
            return value
    return 0


def flat(data: Mapping[str, Any]) -> str:
    """Return a mapping's entries as words, in the order of their names."""
    return ", ".join(f"{name} {value}" for name, value in sorted(data.items()))


def _made(origin: Mapping[str, Any]) -> str:
    mutation = origin.get("mutation")
    if mutation:
        return "choices of another edited" if str(mutation).startswith("sequence") else "tree of another mutated"
    return "grown around overloads" if origin.get("wanted") else "grown"
