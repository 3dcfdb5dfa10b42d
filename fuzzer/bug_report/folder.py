"""A finding's folder: the script is written, run in a fresh process, and only then said to fail."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fuzzer.bug_report.arguments import Unwritable
from fuzzer.bug_report.generated import Texts, excerpt, texts_of
from fuzzer.bug_report.report import Evidence, expected_and_observed, report, targets, title
from fuzzer.bug_report.running import Ending, Run, run_text
from fuzzer.bug_report.script import Script, scripts
from fuzzer.bug_report.system import system_of
from fuzzer.bug_report.variants import nearest_variant
from oracle.observation import Verdict
from oracle.reduce.accuser import diagnostic
from oracle.reduce.minimal import Minimal

NO_DEVICE = "it needs a CUDA device, and there is none here; the emulator saw what the report says"


@dataclass(frozen=True)
class Written:
    """What became of a folder: whether its script fails as stated, and if not, why."""

    folder: Path
    verified: bool
    problem: str


def write_folder(
    minimal: Minimal,
    folder: Path,
    *,
    command: str = "",
    python: Path = Path(sys.executable),
    has_device: bool = False,
    look_for_variants: bool = True,
) -> Written:
    """Write `kernel.py`, `repro.py`, `report.md` and `finding.json` for a minimised kernel into a folder.

    `command` is how to find the bug again, `python` the interpreter whose Warp is at fault; `has_device` says that
    scripts for cuda can run. Without `look_for_variants` no nearest variant that works is searched, which takes up to
    eight processes. Raises OSError where the folder cannot be written.
    """
    run = partial(run_text, python)
    script, ran, problem = chosen(minimal, run, has_device)
    looked = look_for_variants and script is not None and not problem
    variant = nearest_variant(minimal, script.text, run) if looked and script is not None else None
    refused = minimal.accuser.verdict in (Verdict.COMPILE_ERROR, Verdict.HANG, Verdict.CRASH)
    texts = Texts() if refused else texts_of(minimal.case)
    system = system_of(python)
    code = excerpt(minimal, texts)
    how = command or f"python -m fuzzer minimize {folder.name}"
    evidence = Evidence(minimal, script, ran, problem, variant, code, system, how, looked)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "kernel.py": minimal.case.source,
        "report.md": report(evidence),
        "finding.json": json.dumps(finding(evidence, folder.name), indent=2, sort_keys=True) + "\n",
    }
    if script is not None:
        files["repro.py"] = script.text
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Written(folder, evidence.verified, problem)


def chosen(minimal: Minimal, run: Callable[[str], Run], has_device: bool) -> tuple[Script | None, Run | None, str]:
    """Return the plainest script that shows the bug, with its run and what is wrong with it, empty for nothing.

    Where none shows it, the plainest one comes with why it does not; where none can be written, there is none.
    """
    first: tuple[Script, Run | None, str] | None = None
    try:
        for script in scripts(minimal):
            if script.needs_device and not has_device:
                return script, None, NO_DEVICE
            ran = run(script.text)
            if ran.ending is Ending.SHOWS and is_the_same(minimal, ran):
                return script, ran, ""
            first = first or (script, ran, f"in a fresh process it {_ended(ran)}")
    except Unwritable as error:
        if first is None:
            return None, None, str(error)
    return first if first is not None else (None, None, "there is no form of a script for it")


def is_the_same(minimal: Minimal, run: Run) -> bool:
    """Whether a script failed of what the kernel is accused of: by a signal, or with the message of its compiler."""
    match minimal.accuser.verdict:
        case Verdict.CRASH:
            return run.observed.startswith("exit code -")
        case Verdict.HANG:
            return run.observed == "no end"
        case Verdict.COMPILE_ERROR:
            return diagnostic(run.refused or run.observed) in diagnostic(minimal.reason)
    return True


def _ended(run: Run) -> str:
    return "passes" if run.ending is Ending.PASSES else f"fails otherwise ({run.said})"


def finding(evidence: Evidence, name: str) -> dict[str, Any]:
    """Return what `finding.json` holds: what a program needs to list the finding, and to launch its kernel."""
    minimal = evidence.minimal
    expected, observed = expected_and_observed(evidence)
    standing = minimal.standing
    block = {"block_dim": minimal.case.options.block_dim} if minimal.case.options.tiled else {}
    return {
        "id": name,
        "title": title(minimal),
        "verdict": str(minimal.accuser.verdict),
        "targets": targets(minimal),
        "minimised_by": "program",
        "reproduced": evidence.verified,
        "problem": evidence.problem or None,
        "expected": expected,
        "observed": observed,
        "reason": minimal.reason,
        "cause": standing.cause if standing else "",
        "standing": standing.to_json() if standing else None,
        "works": evidence.variant.what if evidence.variant else None,
        "origin": dict(minimal.origin),
        "versions": dict(evidence.system.versions),
        "warp_issue": None,
        "related_issues": [],
        "launch_dims": list(minimal.case.dims or ()),
        "arguments": [dict(one) for one in minimal.case.arguments or ()],
        "input_seed": minimal.case.input_seeds[0],
        "backward": minimal.case.options.backward,
        "arch": minimal.case.options.arch,
        **block,
    }
