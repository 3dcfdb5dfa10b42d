"""From an accusing outcome to a folder under `findings/` that a person can act on, without a flood of the same one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fuzzer.outcome import Outcome
from oracle.reduce.accuser import KNOWN, plain
from oracle.standing import Standing
from oracle.standing_text import headline, paragraphs

REDUCED = "reduced.py"
"""The file of a smaller kernel of which the same stands, beside the one that was found."""

PER_BUCKET = 3
"""How many findings of one cause are kept; the others are counted. So many of one reason are examined to begin with."""


def bucket(outcome: Outcome) -> str:
    """Return what can be told of an outcome's cause at once: the verdict and the reason without numbers and names."""
    return f"{outcome.verdict}: {plain(outcome.reason)}"


def finding_id(outcome: Outcome) -> str:
    """Return the folder's name: the verdict and a short hash of the kernel's id."""
    return f"{outcome.verdict}-{hashlib.sha256(outcome.id.encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Kept:
    """A finding to keep: the outcome, and what came of it when it was examined."""

    outcome: Outcome
    standing: Standing


@dataclass
class Findings:
    """Counts accusing outcomes by reason, has some of each examined, and keeps the first few of each cause.

    `buckets` counts all of them by their reasons, `causes` those that were examined. Examinations end in any order;
    an outcome counts when all before it that are examined have, so that what is kept depends on the kernels alone.
    """

    buckets: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    _pending: dict[int, Outcome] = field(default_factory=dict)
    _examined: dict[int, Standing] = field(default_factory=dict)

    def wants(self, outcome: Outcome) -> bool:
        """Count an outcome and return whether it is to be examined; outcomes come in kernel order.

        Reasons are broad, and a bug that occurs all the time hides others with the same one: after the first few
        every outcome is examined whose number in its bucket is a power of two. Known bugs are only counted.
        """
        key = bucket(outcome)
        self.buckets[key] += 1
        number = self.buckets[key]
        wanted = not KNOWN.search(key) and (number <= PER_BUCKET or number & (number - 1) == 0)
        if wanted:
            self._pending[outcome.index] = outcome
        return wanted

    @property
    def pending(self) -> list[Outcome]:
        """The outcomes that were wanted and do not count yet, in kernel order: what a resume examines again."""
        return [self._pending[index] for index in sorted(self._pending)]

    @property
    def unexamined(self) -> int:
        """How many of them are still being examined."""
        return len(self._pending) - len(self._examined)

    def examined(self, index: int, standing: Standing) -> list[Kept]:
        """Take in what came of an outcome that was wanted; return the findings to keep now, in kernel order."""
        self._examined[index] = standing
        kept = []
        while self._pending and (first := min(self._pending)) in self._examined:
            one = Kept(self._pending.pop(first), self._examined.pop(first))
            self.causes[one.standing.cause] += 1
            if self.causes[one.standing.cause] <= PER_BUCKET and not KNOWN.search(one.standing.cause):
                kept.append(one)
        return kept

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as JSON."""
        return {
            "buckets": dict(sorted(self.buckets.items())),
            "causes": dict(sorted(self.causes.items())),
            "pending": [outcome.to_json() for outcome in self.pending],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; what is then `pending` has to be examined again."""
        self.buckets = Counter(state["buckets"])
        self.causes = Counter(state["causes"])
        self._pending = {one["index"]: Outcome.from_json(one) for one in state["pending"]}
        self._examined = {}


def finding_files(
    outcome: Outcome, standing: Standing, origin: Mapping[str, Any], versions: Mapping[str, str]
) -> dict[str, str]:
    """Return the folder's texts by file name.

    `standing` is what came of the kernel in fresh processes, so that a reader knows whether the finding stands by
    itself. `origin` says how the kernel was made: seed and index.
    """
    reduced = standing.reduced
    data = {
        "id": finding_id(outcome),
        "bucket": bucket(outcome),
        "cause": standing.cause,
        "reduced": None if reduced is None else {"file": REDUCED, **reduced.to_json()},
        "kernel_id": outcome.id,
        "category": outcome.category,
        "verdict": str(outcome.verdict),
        "reason": outcome.reason,
        "reproduced": all(sighting.verdict is outcome.verdict for sighting in standing.again),
        "standing": standing.to_json(),
        "backends": list(outcome.backends),
        "origin": dict(origin),
        "versions": dict(versions),
        **outcome.detail,
    }
    smaller = {} if reduced is None else {REDUCED: reduced.case.source}
    return {
        "kernel.py": outcome.source,
        **smaller,
        "finding.json": json.dumps(data, indent=2, sort_keys=True) + "\n",
        "report.md": _report(outcome, standing, data),
    }


def _report(outcome: Outcome, standing: Standing, data: Mapping[str, Any]) -> str:
    flaky = "flaky " if standing.flaky else ""
    told = "\n".join(f"- **{label}.** {text}" for label, text in paragraphs(standing))
    versions = "\n".join(f"- {name}: {version}" for name, version in sorted(data["versions"].items()))
    cause = f"- **Cause.** {standing.cause}\n" if standing.cause else ""
    return f"""# {flaky}{outcome.verdict}: {headline(standing, outcome.reason)}

{cause}{told}

{_smaller(standing)}To see it again, on the same inputs and some others, give this folder to the oracle:

```
python -m oracle check findings/{data["id"]}
```

## Kernel

```python
{outcome.source.rstrip()}
```

## What was said of it first

```
{outcome.reason}
```

## Versions and origin

{versions}
- back ends that ran: {", ".join(outcome.backends) or "none"}
- made by seed {data["origin"].get("seed")}, kernel {data["origin"].get("index")}{_mutation(data["origin"])}
"""


def _mutation(origin: Mapping[str, Any]) -> str:
    """Return what was done to which parent, nothing where there is none."""
    return f", from {origin['parent']} by {origin['mutation']}" if origin.get("parent") else ""


def _smaller(standing: Standing) -> str:
    """Return the section with the reduced kernel, nothing where there is none."""
    reduced = standing.reduced
    if reduced is None:
        return ""
    lines = len(reduced.case.source.splitlines())
    return f"""## Reduced to {lines} lines

The same is accused of the same; `{REDUCED}` is launched as `finding.json` says under `reduced`.

```python
{reduced.case.source.rstrip()}
```

"""
