"""Where a campaign stands: one frozen snapshot, read by the live display, the plain lines and the JSON log alike."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fuzzer.guidance.coverage_map import Covered
from fuzzer.guidance.plan import Plan
from fuzzer.outcome import OWN_FAULT, Outcome
from oracle.observation import Verdict
from oracle.pool import WorkerHealth

STUCK_KERNELS = 500
"""A group of features of which none was new in so many kernels is stuck."""

TRIED = 30
"""Kernels from which on a way of making them, or a category, is warned of if it mostly fails."""


@dataclass(frozen=True)
class Way:
    """What a way of making kernels, or a category, came to: tries, those that led nowhere, matches, new features."""

    tried: int = 0
    failed: int = 0
    matched: int = 0
    new: int = 0


@dataclass(frozen=True)
class Progress:
    """A snapshot. Times are seconds since this run began, sizes bytes; a resumed run counts what earlier runs kept.

    `findings` counts accusations by their reasons, and `causes` those that were examined by what is left of them when
    they are reduced. `stage_seconds` is CPU time of the workers by stage, `main_seconds` that of the process that
    merges. `sample` is the source of a kernel that matched of late.
    """

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
    findings: dict[str, int]
    causes: dict[str, int]
    cuda_backend: str
    workers: int
    deaths: int
    stage_seconds: dict[str, float] = field(default_factory=dict)
    main_seconds: float = 0.0
    coverage: dict[str, Covered] = field(default_factory=dict)
    parents: int = 0
    ways: dict[str, Way] = field(default_factory=dict)
    categories: dict[str, Way] = field(default_factory=dict)
    own_faults: dict[str, int] = field(default_factory=dict)
    health: tuple[WorkerHealth, ...] = ()
    sample: str = ""

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

    @property
    def features(self) -> int:
        """Features covered in all groups."""
        return sum(group.covered for group in self.coverage.values())

    @property
    def last_growth(self) -> int:
        """How many kernels ago the last new feature came."""
        return self.kernels - max((group.grown for group in self.coverage.values()), default=0)

    @property
    def stuck(self) -> list[str]:
        """The groups that have not grown for long, though they are not complete."""
        return [
            name
            for name, group in self.coverage.items()
            if group.covered != group.total and self.kernels - group.grown >= STUCK_KERNELS
        ]

    @property
    def warnings(self) -> list[str]:
        """What mostly fails, in words, and what failed that is our own fault."""
        found = [
            f"{name}: {way.failed} of {way.tried} tries led nowhere"
            for name, way in self.ways.items()
            if way.tried >= TRIED and way.failed > way.tried / 2
        ]
        found += [
            f"{name}: only {way.matched} of {way.tried} kernels matched"
            for name, way in self.categories.items()
            if way.tried >= TRIED and way.matched < way.tried / 2
        ]
        return found + [f"{count} kernels failed by {reason}" for reason, count in sorted(self.own_faults.items())]

    def to_json(self) -> dict[str, Any]:
        """Return every field but the sample, and the derived figures, rounded for a log."""
        data = asdict(self) | {"kernels_per_second": self.rate, "bytes_per_second": self.bytes_per_second}
        data |= {"features": self.features, "stuck": self.stuck, "last_growth": self.last_growth}
        data["stage_seconds"] = {stage: round(value, 3) for stage, value in sorted(self.stage_seconds.items())}
        del data["sample"]
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in data.items()}


@dataclass
class Tally:
    """The running counts behind the snapshots."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    stage_seconds: Counter[str] = field(default_factory=Counter)
    own_faults: Counter[str] = field(default_factory=Counter)
    cuda_backend: str = ""
    kernels_before: int = 0
    sample: str = ""
    _ways: dict[str, Counter[str]] = field(default_factory=dict)
    _categories: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def kernels(self) -> int:
        """Kernels judged, those of earlier runs included."""
        return self.verdicts.total()

    @property
    def ways(self) -> dict[str, Way]:
        """What became of the ways that were planned."""
        return {name: Way(**counts) for name, counts in sorted(self._ways.items())}

    @property
    def categories(self) -> dict[str, Way]:
        """What became of the categories."""
        return {name: Way(**counts) for name, counts in sorted(self._categories.items())}

    def add(self, plan: Plan, outcome: Outcome, new: int) -> None:
        """Count one outcome, which brought so many new features."""
        self.verdicts[outcome.verdict] += 1
        self.stage_seconds.update(outcome.seconds)
        self.cuda_backend = next((name for name in outcome.backends if name != "cpu"), self.cuda_backend)
        counts = {"tried": 1, "failed": 0, "matched": outcome.verdict is Verdict.MATCH, "new": new}
        for table, name in ((self._ways, outcome.how), (self._categories, outcome.category)):
            table.setdefault(name, Counter()).update(counts)
        if plan.how != outcome.how:
            self._ways.setdefault(plan.how, Counter()).update(tried=1, failed=1, matched=0, new=0)
        if outcome.reason.startswith(OWN_FAULT):
            self.own_faults[outcome.reason.splitlines()[0]] += 1

    def look_at(self, outcome: Outcome) -> None:
        """Take the kernel of a record for the sample that people see."""
        if outcome.line is not None:
            self.sample = json.loads(outcome.line)["python_source"]

    def to_json(self) -> dict[str, Any]:
        """Return what a resumed run goes on counting from, as JSON values; times are each run's own."""
        return {
            "verdicts": {str(verdict): count for verdict, count in sorted(self.verdicts.items())},
            "own_faults": dict(sorted(self.own_faults.items())),
            "cuda_backend": self.cuda_backend,
            "ways": {name: dict(counts) for name, counts in sorted(self._ways.items())},
            "categories": {name: dict(counts) for name, counts in sorted(self._categories.items())},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take back what `to_json` returned."""
        self.verdicts = Counter({Verdict(name): count for name, count in data["verdicts"].items()})
        self.own_faults = Counter(data["own_faults"])
        self.cuda_backend = data["cuda_backend"]
        self.kernels_before = self.kernels
        self._ways = {name: Counter(counts) for name, counts in data["ways"].items()}
        self._categories = {name: Counter(counts) for name, counts in data["categories"].items()}
