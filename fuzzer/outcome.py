"""What a worker hands back for one kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fuzzer.guidance.plan import PLAIN
from oracle.observation import Verdict

OWN_FAULT = "our own fault"
"""How the reason begins where it is this program that failed, not a compiler."""


@dataclass(frozen=True)
class Outcome:
    """The verdict on kernel number `index` of the campaign, and what follows from it.

    `line` is the record, ready for a shard, when the verdict is `match`, and None otherwise. `source` and `detail`
    describe a finding and are empty for a match. `seconds` is the CPU time per stage that this kernel took, its share
    of its batch where a stage works on the whole batch. `backends` are those that ran. `features` are what the kernel
    covers, `code_bytes` is how much C++ and CUDA the compilers were given for it and how much PTX they made, and `how`
    the way it was made.
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
    features: tuple[int, ...] = ()
    code_bytes: int = 0
    how: str = PLAIN

    def to_json(self) -> dict[str, Any]:
        """Return the outcome of a kernel without a record as JSON values; no times, which differ from run to run."""
        kept = ("index", "id", "category", "reason", "source", "detail", "backends", "how")
        return {name: getattr(self, name) for name in kept} | {"verdict": str(self.verdict)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Read what `to_json` wrote."""
        return cls(**{**data, "verdict": Verdict(data["verdict"]), "backends": tuple(data["backends"])})
