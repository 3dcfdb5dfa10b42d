"""What a corpus holds, in numbers: read record by record, so that a corpus of any size fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extractor.corpus import read_corpus
from extractor.manifest import read_manifest
from extractor.record import BadRecordError, Record
from extractor.survey import Survey, quantile
from fuzzer.duplicates import Duplicates
from grammar.registry import builtin_names

SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""The quantiles that tell how a count is spread: least, percentiles, most."""

Tick = Callable[[int], None]
"""Called with the number of records that are done."""


@dataclass
class Stats:
    """The counts of a corpus. `bytes` are those of its lines, `unreadable` lines are no records and are left out.

    `campaign` is what the manifest says of the run that made it, empty for a single shard.
    """

    survey: Survey = field(default_factory=Survey)
    duplicates: Duplicates = field(default_factory=Duplicates)
    bytes: int = 0
    unreadable: int = 0
    campaign: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values; quantiles are named by their percentage."""
        found = self.survey
        return {
            "records": found.records,
            "bytes": self.bytes,
            "unreadable": self.unreadable,
            "categories": _counts(found.categories),
            "splits": _counts(found.splits),
            "splits_by_category": {
                category: {split: found.category_splits[category, split] for split in sorted(found.splits)}
                for category in sorted(found.categories)
            },
            "levels": _counts(found.levels),
            "patterns": _counts(found.patterns),
            "lines": _spread(found.lines),
            "complexity": {name: _spread(counts) for name, counts in found.measures.items()},
            "characters": _counts(found.characters),
            "tokens": _counts(found.tokens),
            "backward_passes": found.backward,
            "builtins": {"used": len(found.builtins), "of": len(builtin_names()), "records": _counts(found.builtins)},
            "overloads_used": len(found.overloads),
            "types": _counts(found.types),
            "made": _counts(found.mutations),
            "executed_by": _counts(found.backends),
            "made_with": _counts(found.versions),
            "explained_by_rounding": found.explained,
            "oracles": {f"{name}: {stance}": count for (name, stance), count in sorted(found.oracles.items())},
            "performance": {
                name: {"mean": found.work[name] / count, "records": count} for name, count in found.worked.items()
            },
            "duplicates": self.duplicates.to_json(),
            "admission": list(self.campaign.get("dedup", ())),
            "verdicts": dict(self.campaign.get("verdicts", {})),
        }


def collect(path: Path, tick: Tick = lambda done: None) -> Stats:
    """Count over the corpus folder, or the one shard file, at `path`. Raises UserError if it is neither."""
    stats = Stats(campaign=read_manifest(path).campaign if not path.is_file() else {})
    for done, line in enumerate(read_corpus(path), start=1):
        try:
            record = Record.from_line(line.data)
            stats.duplicates.add(record)
            stats.survey.add(record)
        except (BadRecordError, SyntaxError, ValueError, KeyError, TypeError):
            stats.unreadable += 1
        else:
            stats.bytes += len(line.data)
        tick(done)
    return stats


def _counts(counts: Mapping[Any, int]) -> dict[str, int]:
    """Return counts in the order of their names, those of numbers in that of the numbers; nothing that never occurs."""
    return {str(name): count for name, count in sorted(counts.items()) if count}


def _spread(counts: Counter[int]) -> dict[str, int]:
    return {f"{share:.0%}": quantile(counts, share) for share in SHARES}
