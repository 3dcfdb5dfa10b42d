"""What a campaign found is minimised at its end, the first of each cause first, for as long as that may take."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fuzzer.minimizing.accused import accused_at
from fuzzer.minimizing.one import Settings, minimise
from grammar.errors import UserError
from oracle.check_kernel import FINDING
from oracle.reduce.minimise import Progress

FOLDER = "minimal"
"""Inside a finding's folder."""

SHARE = 0.2
"""How much of a campaign's time its findings may take besides."""

LEAST_SECONDS = 60.0
"""What they may take at least, however short the campaign was."""

FINDING_SECONDS = 120.0
"""For the search of one finding; others wait."""


def in_turn(findings: Path) -> list[Path]:
    """Return the findings that are not minimised yet, the first of each cause before the second of any."""
    found = []
    for path in findings.glob(f"*/{FINDING}"):
        data = json.loads(path.read_text(encoding="utf-8"))
        if not data.get("standing", {}).get("flaky"):
            found.append((int(data.get("origin", {}).get("index", 0)), path.parent, str(data.get("cause", ""))))
    seen: Counter[str] = Counter()
    order = []
    for index, folder, cause in sorted(found):
        order.append((seen[cause], index, folder))
        seen[cause] += 1
    return [folder for _, _, folder in sorted(order) if not (folder / FOLDER / "report.md").exists()]


def minimise_findings(
    findings: Path,
    cuda: str,
    workers: int,
    elapsed: float,
    say: Callable[[str], None],
    watch: Callable[[Progress], None],
) -> int:
    """Minimise findings until the time is over that a campaign of `elapsed` seconds allows; return how many were."""
    end = time.monotonic() + max(LEAST_SECONDS, SHARE * elapsed)
    done = 0
    waiting = in_turn(findings)
    for number, folder in enumerate(waiting):
        now = time.monotonic()
        if now >= end:
            say(f"{len(waiting) - number} findings are not minimised: python -m fuzzer minimize FINDING_DIR does it")
            break
        try:
            accused = accused_at(folder, cuda, workers, seed=0)
            settings = Settings(
                cuda, workers, deadline=min(end, now + FINDING_SECONDS), command=f"python -m fuzzer minimize {folder}"
            )
            minimal = minimise(accused, folder / FOLDER, settings, watch)
        except UserError as error:
            say(f"finding {folder.name} is not minimised: {error}")
            continue
        done += 1
        say(f"finding {folder.name} is minimised: {minimal.tokens_before} -> {minimal.tokens} tokens")
    return done
