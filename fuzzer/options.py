"""What one campaign was asked to do, and how sizes and times are written on the command line."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractor.manifest import read_manifest
from fuzzer.executor import LOCAL
from grammar.errors import UserError

SIZE_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
AHEAD = 8
"""Batches under way at the most: enough for four workers, and few enough that what is learnt is soon used."""

TIME_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_size(text: str) -> int:
    """Return the bytes that `200MB`, `1.5GB` or `300000` stand for (1 MB = 10^6 bytes).

    Raises UserError for anything else, zero included.
    """
    size = round(_parse_quantity(text, SIZE_UNITS, "200MB"))
    if not size:
        raise UserError(f"'{text}' must be more than nothing")
    return size


def parse_time(text: str) -> float:
    """Return the seconds that `90s`, `30m`, `2h` or `1d` stand for. Raises UserError for anything else."""
    return _parse_quantity(text, TIME_UNITS, "30m")


def _parse_quantity(text: str, units: dict[str, int], example: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in units:
        raise UserError(f"'{text}' is not understood; write it like {example}")
    value = float(match[1]) * units[match[2]]
    if value <= 0:
        raise UserError(f"'{text}' must be more than nothing")
    return value


@dataclass(frozen=True)
class CampaignOptions:
    """The options of `fuzzer run`. `budget` is in bytes and `time` in seconds; None means no such limit.

    Without a `seed` a resumed campaign keeps its own and a new one gets a fresh one. With `probe` kernels go beyond the
    limits that Warp documents, and no record is kept. The `executor` is named as for `executor.open_executor`; with
    another than the local one, findings are examined by the `workers` here. A `guided` campaign plans each batch by
    what was merged `ahead` batches before, and starts from the records of the corpus `parents` if there is one. With
    `minimize` what was found is minimised at the end.
    """

    out: Path
    seed: int | None
    categories: tuple[str, ...]
    budget: int | None = None
    time: float | None = None
    workers: int = 1
    executor: str = LOCAL
    backward: bool = True
    emit_ptx: bool = False
    cuda: str = "auto"
    arch: int = 75
    json_log: Path | None = None
    probe: bool = False
    guided: bool = True
    ahead: int = AHEAD
    parents: Path | None = None
    minimize: bool = False

    def identity(self) -> dict[str, Any]:
        """Return what decides the bytes of the corpus; a resumed campaign must agree in all of it."""
        data: dict[str, Any] = {
            "seed": self.seed,
            "categories": list(self.categories),
            "backward": self.backward,
            "emit_ptx": self.emit_ptx,
            "arch": self.arch,
            "guided": self.guided,
            "ahead": self.ahead,
        }
        if self.parents is not None:
            data["parents"] = _fingerprint(self.parents)
        return data | ({"probe": True} if self.probe else {})


def _fingerprint(corpus: Path) -> str:
    """Return what tells one corpus from another: a hash of its shards' checksums. Raises UserError if it is none."""
    sums = "".join(shard.sha256 for shard in read_manifest(corpus).shards)
    return hashlib.sha256(sums.encode()).hexdigest()[:16]
