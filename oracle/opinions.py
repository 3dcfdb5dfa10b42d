"""What one oracle says about one kernel: it agrees, it accuses, or it has no opinion, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oracle.compare import Comparison


class Stance(StrEnum):
    """What an oracle makes of what it saw.

    `unstable` is said where rounding decides, `documented` where Warp's documentation announces the deviation, and
    `no opinion` where the oracle cannot tell: neither speaks for the kernel nor against the compiler.
    """

    AGREES = "agrees"
    ACCUSES = "accuses"
    UNSTABLE = "unstable"
    DOCUMENTED = "documented"
    NO_OPINION = "no opinion"


@dataclass(frozen=True)
class Opinion:
    """An oracle's stance on one kernel and one set of inputs, with the reason in one line.

    `oracle` names it as a table of oracles does: `reference`, `gradient`, `cpu level 2`, `loop unrolled`. `comparison`
    is what it compared, where it compared arrays. `seconds` is the time that it took, compiling included. `target` is
    the one that it looked at, where it looked at one.
    """

    oracle: str
    stance: Stance
    reason: str
    comparison: Comparison | None = None
    seconds: float = 0.0
    target: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what a finding or a record says about it; no times, which differ from run to run."""
        about = {"target": self.target} if self.target else {}
        return {"oracle": self.oracle, "stance": str(self.stance), "reason": self.reason, **about}
