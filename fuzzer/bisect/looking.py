"""One bug on one release after another: does it show there, and is it the same bug?"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fuzzer.bisect.environments import Environment
from fuzzer.bug_report.running import Ending, alike, run_script
from grammar.errors import UserError

REPRO, KERNEL, REPORT, FINDING = "repro.py", "kernel.py", "report.md", "finding.json"
"""The files of a finding's folder."""

_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
"""What a kernel's file consists of; one with other statements does something by itself, and is a script."""

ROOMS = ("grammar", "extractor", "oracle", "fuzzer")
KERNEL_SECONDS = 600.0
"""What the oracle may take for one kernel: some inputs, and every peer."""


@dataclass(frozen=True)
class Look:
    """What came of one release: how the bug's script or kernel ended there, None where the release is not there.

    `said` is what was observed, or why nothing was.
    """

    release: str
    ending: Ending | None
    said: str

    @property
    def outcome(self) -> str:
        """The ending as a table says it."""
        return str(self.ending) if self.ending else "not installed"

    @property
    def shows(self) -> bool:
        """Whether the release has the bug."""
        return self.ending is Ending.SHOWS

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` and a finding hold."""
        return {"warp": self.release, "outcome": self.outcome, "said": self.said}


@dataclass(frozen=True)
class Subject:
    """What is run: a script for a bug, or a kernel that the oracle judges. `folder` is the finding's, if it is one."""

    path: Path
    is_script: bool
    folder: Path | None = None

    def look(self, environment: Environment) -> Look:
        """Run it on one release."""
        if environment.python is None:
            return Look(environment.release, None, environment.refusal)
        if self.is_script:
            run = run_script(environment.python, self.path)
            return Look(environment.release, run.ending, run.said)
        return _judged(self.path, environment.release, environment.python)


def subject_of(path: Path) -> Subject:
    """Return what a path names: a finding's folder, a kernel, or a script. Raises UserError for anything else.

    A finding's script is preferred to its kernel: it is the bug, while its kernel may take the right inputs to show it.
    """
    if path.is_dir():
        for name in (REPRO, KERNEL):
            if (path / name).is_file():
                return Subject(path / name, name == REPRO, path)
        raise UserError(f"{path} holds neither {REPRO} nor {KERNEL}")
    try:
        runs = any(not isinstance(one, _DEFINITIONS) for one in ast.parse(path.read_text(encoding="utf-8")).body)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}") from None
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: {error.msg}") from None
    return Subject(path, runs)


def bisect(
    subject: Subject,
    releases: Sequence[str],
    provide: Callable[[str], Environment],
    heard: Callable[[Look], None] = lambda look: None,
) -> tuple[Look, ...]:
    """Look at the releases in their order, telling each to `heard`; what shows another bug does not show this one.

    The last release that fails says which bug it is.
    """
    looks = []
    for release in releases:
        looks.append(subject.look(provide(release)))
        heard(looks[-1])
    return same_bug(looks)


def same_bug(looks: Sequence[Look]) -> tuple[Look, ...]:
    """Return the looks, with those that observed something else than the last one that shows the bug set apart."""
    newest = next((look for look in reversed(looks) if look.shows), None)
    return tuple(
        replace(look, ending=Ending.OTHERWISE) if newest and look.shows and not alike(look.said, newest.said) else look
        for look in looks
    )


def since(looks: Sequence[Look]) -> str:
    """Return the first release that shows the bug, in the order in which they were looked at; empty if none does."""
    return next((look.release for look in looks if look.shows), "")


def _judged(kernel: Path, release: str, python: Path) -> Look:
    """Have the oracle of this program judge a kernel with a release's own Python."""
    call = [str(python), "-m", "fuzzer.bisect.judge", str(kernel.resolve())]
    with tempfile.TemporaryDirectory(prefix="bisect-") as folder:
        rooms = Path(__file__).resolve().parents[2]
        for room in ROOMS:  # linked, since a folder of installed packages would bring its own Warp along
            (Path(folder) / room).symlink_to(rooms / room)
        variables = {**os.environ, "PYTHONPATH": folder}
        try:
            done = subprocess.run(
                call, cwd=folder, env=variables, capture_output=True, text=True, timeout=KERNEL_SECONDS
            )
        except subprocess.TimeoutExpired:
            return Look(release, Ending.OTHERWISE, "runs too long")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason"]
        return Look(release, Ending.OTHERWISE, lines[-1])
    accused = json.loads(done.stdout.splitlines()[-1])["accused"]
    return Look(release, Ending.SHOWS if accused else Ending.PASSES, accused or "not accused")
