"""A script run in a fresh process: does it fail as it says it does, in some other way, or not at all?

A script for a bug prints what it expected and what it observed and ends in an `assert`, or is killed by a signal that
it announced. Anything else that ends it, such as a built-in that a release does not have, is no sighting of the bug.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

SECONDS = 120
"""CPU time that a script may take. On the clock it may take `PATIENCE` times as long: the machine may be busy."""

PATIENCE = 20

_NO_DEVICE = "Invalid device identifier: cuda"
"""What Warp says where a script asks for a device that is not there."""


class Ending(StrEnum):
    """How a script ended, as a table says it."""

    SHOWS = "shows it"
    PASSES = "passes"
    OTHERWISE = "fails otherwise"
    NO_DEVICE = "needs a device"


@dataclass(frozen=True)
class Run:
    """One run of a script: its exit code (minus the signal that killed it, None for too long), what it wrote."""

    code: int | None
    output: str
    errors: str

    @property
    def ending(self) -> Ending:
        """Whether the bug showed."""
        if self.code == 0:
            return Ending.PASSES
        if _NO_DEVICE in self._last_error:
            return Ending.NO_DEVICE
        return Ending.SHOWS if self._asserted or self._killed_as_announced else Ending.OTHERWISE

    @property
    def _asserted(self) -> bool:
        return self.code == 1 and self._last_error.startswith("AssertionError")

    @property
    def _killed_as_announced(self) -> bool:
        return self.code is not None and self.code < 0 and signal.Signals(-self.code).name in self.output

    @property
    def _last_error(self) -> str:
        return next((line for line in reversed(self.errors.splitlines()) if line.strip()), "")

    @property
    def observed(self) -> str:
        """What the script printed after the word "observed"; how it was killed where that is what it announced."""
        if self._killed_as_announced:
            assert self.code is not None
            return f"killed by {signal.Signals(-self.code).name}"
        return self.output.rpartition("observed")[2].lstrip(":, ").rstrip()

    @property
    def refused(self) -> str:
        """The first error of a compiler behind Warp, which writes past Python; empty where there is none."""
        lines = (self.output + self.errors).splitlines()
        return next((line.partition(" error: ")[2] for line in lines if ": error: " in line), "")

    @property
    def expected(self) -> str:
        """What the script printed between the words "expected" and "observed"."""
        return self.output.rpartition("observed")[0].rpartition("expected")[2].strip(":,; \n")

    @property
    def said(self) -> str:
        """The run in a line: what it observed, or what ended it instead."""
        match self.ending:
            case Ending.PASSES | Ending.NO_DEVICE:
                return str(self.ending)
            case Ending.SHOWS:
                return " ".join(self.observed.split()) + (f" ({self.refused})" if self.refused else "")
        if self.code is None:
            return "runs too long"
        return self._last_error or (f"killed by {signal.Signals(-self.code).name}" if self.code < 0 else "no reason")


def run_script(python: Path, script: Path, seconds: int = SECONDS) -> Run:
    """Run a script with an interpreter, in a folder and on a kernel cache of its own that go with it.

    What this process has of Python's paths is not passed on, so that the script gets what its interpreter's
    environment holds and nothing else.
    """
    with tempfile.TemporaryDirectory(prefix="repro-", ignore_cleanup_errors=True) as folder:
        own = {"WARP_CACHE_PATH": folder, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        try:
            done = subprocess.run(
                [python, script.resolve()],
                cwd=folder,
                env=inherited | own,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds * PATIENCE,
                preexec_fn=partial(_limit, seconds),
            )
        except subprocess.TimeoutExpired as over:
            return _placeless(Run(None, _text(over.stdout), _text(over.stderr)), script, folder)
    late = done.returncode == -signal.SIGXCPU
    return _placeless(Run(None if late else done.returncode, done.stdout, done.stderr), script, folder)


def _placeless(run: Run, script: Path, folder: str) -> Run:
    """Return a run whose texts do not say where on this machine it was."""

    def plain(text: str) -> str:
        return text.replace(f"{script.resolve().parent}{os.sep}", "").replace(folder, "cache")

    return replace(run, output=plain(run.output), errors=plain(run.errors))


def run_text(python: Path, text: str, seconds: int = SECONDS) -> Run:
    """Run the text of a script, as `run_script` does."""
    with tempfile.TemporaryDirectory(prefix="script-") as folder:
        script = Path(folder) / "repro.py"
        script.write_text(text, encoding="utf-8")
        return run_script(python, script, seconds)


def _limit(seconds: int) -> None:
    """Give the process that begins here so much CPU time, after which it is killed."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def _text(written: str | bytes | None) -> str:
    """Return what a process wrote before its time was up, which comes as bytes whatever was asked for."""
    return written.decode(errors="replace") if isinstance(written, bytes) else written or ""


_STANDS_FOR_NOTHING = re.compile(
    r"0x[0-9a-fA-F]+|[-+]?\d+(\.\d*)?(e[-+]?\d+)?|\bnan\b|\binf\b|(?<=_)[0-9a-f]{7,}\b|'[^']*'|\"[^\"]*\"|<[^<>]*>|\S*/\S*"
)
_PARSING = "Error while parsing function"
_WORD = re.compile(r"[A-Za-z_]{2,}")
SHARED = 0.5
"""How many of the words of two messages must be the same: releases name types differently."""


def alike(one: str, other: str) -> bool:
    """Whether two runs observed the same but for numbers, hashes, quotations and paths, which differ by chance.

    Of messages most words must be the same, without the line of Python that Warp quotes before them.
    """
    words, others = _words(one), _words(other)
    return len(words & others) >= SHARED * len(words | others)


def _words(said: str) -> set[str]:
    text = said.rpartition(";")[2] if _PARSING in said else said
    return set(_WORD.findall(_STANDS_FOR_NOTHING.sub("#", text)))
