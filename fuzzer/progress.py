"""Where a campaign stands: one frozen snapshot, read by the live display, the plain lines and the JSON log alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from fuzzer.outcome import Outcome
from oracle.observation import Verdict


@dataclass(frozen=True)
class Progress:
    """A snapshot. Times are seconds since this run began, sizes bytes; a resumed run counts what earlier runs kept."""

    elapsed: float
    kernels: int
    kernels_this_run: int
    records: int
    used: int
    used_this_run: int
    budget: int | None
    time: float | None
    verdicts: dict[str, int]
    refused: dict[str, int]
    findings: int
    cuda_backend: str
    workers: int
    deaths: int
    stage_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Kernels judged per second of this run."""
        return self.kernels_this_run / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def bytes_per_second(self) -> float:
        """Bytes of records per second of this run."""
        return self.used_this_run / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """The estimate until the first limit is reached, None while nothing is known."""
        estimates = []
        if self.time is not None:
            estimates.append(self.time - self.elapsed)
        if self.budget is not None and self.bytes_per_second > 0:
            estimates.append((self.budget - self.used) / self.bytes_per_second)
        return max(0.0, min(estimates)) if estimates else None

    def to_json(self) -> dict[str, Any]:
        """Return every field and the derived rates, rounded for a log."""
        data = asdict(self) | {"kernels_per_second": self.rate, "bytes_per_second": self.bytes_per_second}
        data["stage_seconds"] = {stage: round(value, 3) for stage, value in sorted(self.stage_seconds.items())}
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in data.items()}


@dataclass
class Tally:
    """The running counts behind the snapshots."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    stage_seconds: Counter[str] = field(default_factory=Counter)
    cuda_backend: str = ""
    kernels_before: int = 0

    @property
    def kernels(self) -> int:
        """Kernels judged, those of earlier runs included."""
        return self.verdicts.total()

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.verdicts[outcome.verdict] += 1
        self.stage_seconds.update(outcome.seconds)
        self.cuda_backend = next((name for name in outcome.backends if name != "cpu"), self.cuda_backend)
