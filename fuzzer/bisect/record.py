"""What a bisection found, written into a finding's folder: `finding.json`, and a section of `report.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from fuzzer.bisect.looking import FINDING, REPORT, Look, since

HEADING = "## Releases"
_SECTION = re.compile(rf"\n*^{HEADING}$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def record(folder: Path, looks: Sequence[Look]) -> None:
    """Write the releases and the first that shows the bug into a finding's files, in place of what they said before.

    Raises OSError or ValueError where `finding.json` cannot be read.
    """
    file, report = folder / FINDING, folder / REPORT
    data = json.loads(file.read_text(encoding="utf-8"))
    data |= {"since": since(looks) or None, "releases": {look.release: look.outcome for look in looks}}
    file.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    if report.is_file():
        text = _SECTION.sub("\n\n", report.read_text(encoding="utf-8"))
        report.write_text(f"{text.rstrip()}\n\n{section(looks)}", encoding="utf-8")


def section(looks: Sequence[Look]) -> str:
    """Return the releases as a section of a report, in Markdown."""
    rows = [
        "| Warp | " + " | ".join(look.release for look in looks) + " |",
        "|---|" + "---|" * len(looks),
        "| | " + " | ".join(look.outcome for look in looks) + " |",
    ]
    others = [f"- {look.release}: {look.said}" for look in looks if not look.shows and look.said != look.outcome]
    told = "\n" + "\n".join(others) + "\n" if others else ""
    return f"{HEADING}\n\n" + "\n".join(rows) + "\n" + told
