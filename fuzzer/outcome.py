"""What a worker hands back for one kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oracle.observation import Verdict


@dataclass(frozen=True)
class Outcome:
    """The verdict on kernel number `index` of the campaign, and what follows from it.

    `line` is the record, ready for a shard, when the verdict is `match`, and None otherwise. `source` and `detail`
    describe a finding and are empty for a match. `seconds` is the CPU time per stage that this kernel took, its share
    of its batch where a stage works on the whole batch. `backends` are those that ran.
    """

    index: int
    id: str
    category: str
    verdict: Verdict
    reason: str
    line: bytes | None = None
    source: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    backends: tuple[str, ...] = ()
