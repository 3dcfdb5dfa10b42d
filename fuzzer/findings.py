"""From an accusing outcome to a folder under `findings/` that a person can act on, without a flood of the same one."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fuzzer.outcome import Outcome
from oracle.standing import Standing
from oracle.standing_text import headline, paragraphs

KNOWN = re.compile(r"known bug [\w-]+")
"""How a reason says that an accusation is of a bug that has been kept before (`oracle.reference.deviations`)."""

PER_BUCKET = 3
"""How many findings of one bucket are kept; the others are counted."""


def bucket(outcome: Outcome) -> str:
    """Return what outcomes of one cause tend to share: the verdict and the reason without its numbers and names.

    Of a compiler's message that is its first error, or else what is no indented line of the kernel's source; of a bug
    that is known by name, that.
    """
    known = KNOWN.search(outcome.reason)
    if known is not None:
        return f"{outcome.verdict}: {known[0]}"
    lines = [line for line in outcome.reason.splitlines() if line and not line[0].isspace()]
    errors = [line for line in lines if " error: " in line]
    reason = errors[0] if errors else " ".join(lines)
    reason = re.sub(r"\b[A-Za-z_][\w.]*\[[\d, ]*\]", "…", reason)
    reason = re.sub(r"'[^']*'|`[^`]*`|\"[^\"]*\"", "'…'", reason)
    reason = re.sub(r"0x[0-9a-fA-F]+|[-+]?\d+(\.\d+)?(e[-+]?\d+)?|\bnan\b|[-+]?\binf\b", "#", reason)
    return f"{outcome.verdict}: {reason}"


def finding_id(outcome: Outcome) -> str:
    """Return the folder's name: the verdict and a short hash of the kernel's id."""
    return f"{outcome.verdict}-{hashlib.sha256(outcome.id.encode()).hexdigest()[:10]}"


@dataclass
class Findings:
    """Counts accusing outcomes by bucket and says which of them to keep."""

    buckets: Counter[str] = field(default_factory=Counter)

    def wants(self, outcome: Outcome) -> bool:
        """Count the outcome and return whether it is among the first of its bucket; known bugs are only counted."""
        key = bucket(outcome)
        self.buckets[key] += 1
        return self.buckets[key] <= PER_BUCKET and not KNOWN.search(key)


def finding_files(
    outcome: Outcome, standing: Standing, origin: Mapping[str, Any], versions: Mapping[str, str]
) -> dict[str, str]:
    """Return the folder's texts by file name.

    `standing` is what came of the kernel in fresh processes, so that a reader knows whether the finding stands by
    itself. `origin` says how the kernel was made: seed and index.
    """
    data = {
        "id": finding_id(outcome),
        "bucket": bucket(outcome),
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
    return {
        "kernel.py": outcome.source,
        "finding.json": json.dumps(data, indent=2, sort_keys=True) + "\n",
        "report.md": _report(outcome, standing, data),
    }


def _report(outcome: Outcome, standing: Standing, data: Mapping[str, Any]) -> str:
    flaky = "flaky " if standing.flaky else ""
    told = "\n".join(f"- **{label}.** {text}" for label, text in paragraphs(standing))
    versions = "\n".join(f"- {name}: {version}" for name, version in sorted(data["versions"].items()))
    return f"""# {flaky}{outcome.verdict}: {headline(standing, outcome.reason)}

{told}

To see it again, on the same inputs and some others, give this folder to the oracle:

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
- made by seed {data["origin"].get("seed")}, kernel {data["origin"].get("index")}
"""
