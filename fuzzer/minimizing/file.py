"""Anybody's Python file, minimised by a command of theirs: whatever it exits with 0 for is still interesting."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from extractor.compiling import CompileOptions
from fuzzer.minimizing.one import forget_journal, journal_for
from grammar.errors import UserError
from oracle.reduce.cost import count_tokens
from oracle.reduce.minimise import Minimisation, NothingShownError, Progress, language_of_files
from oracle.reduce.testing import Command, Journal
from oracle.rerun import Case

REPEATS = 3
"""How often the command is run on the original before anything is changed."""


@dataclass(frozen=True)
class Checked:
    """What came of it: the source, sizes in tokens, how many candidates the command was run on."""

    source: str
    tokens: int
    tokens_before: int
    tried: int


def minimise_file(
    path: Path, folder: Path, command: str, workers: int, seed: int, watch: Callable[[Progress], None]
) -> Checked:
    """Minimise a file and write `kernel.py` and `finding.json` into the folder.

    Interrupted, it leaves the smallest file so far there, and raises KeyboardInterrupt. Raises UserError for a file
    that cannot be read or is no Python, and for a command that does not take it every time.
    """
    source = _read(path)
    folder.mkdir(parents=True, exist_ok=True)
    tester = Command(command, path.name, workers)
    check(tester, source, path)
    about = hashlib.sha256(f"{source} {command} {seed}".encode()).hexdigest()[:24]
    journal = Journal(tester, journal_for(folder, about))
    case = Case(source, CompileOptions(), (seed,))
    search = Minimisation(case, language_of_files(), journal, seed, watch=watch)
    try:
        search.run()
    except NothingShownError:
        raise UserError("the command takes the file no more: it is flaky") from None
    except KeyboardInterrupt:
        _write(folder, search, command, source)
        raise
    _write(folder, search, command, source)
    forget_journal(folder)
    return Checked(search.best.source, count_tokens(search.best.source), count_tokens(source), search.tried)


def _read(path: Path) -> str:
    try:
        source = path.read_text(encoding="utf-8")
        compile(source, str(path), "exec")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}") from None
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: {error.msg}") from None
    return source


def check(tester: Command, source: str, path: Path) -> None:
    """Raise UserError unless the command takes a source, and does so every time."""
    try:
        taken = [tester.shows(source) for _ in range(REPEATS)]
    except OSError as error:
        raise UserError(f"--check: the command cannot be run: {error.strerror}") from None
    if not any(taken):
        raise UserError(f"--check: the command does not exit with 0 for {path} as it is: there is nothing to minimise")
    if not all(taken):
        raise UserError(f"--check: the command is flaky: it took {path} {sum(taken)} times of {REPEATS}")


def _write(folder: Path, search: Minimisation, command: str, source: str) -> None:
    best = search.best.source
    (folder / "kernel.py").write_text(best, encoding="utf-8")
    data = {
        "check": command,
        "minimisation": {
            "tokens": count_tokens(best),
            "tokens_before": count_tokens(source),
            "candidates": search.tried,
            "minimal": search.is_minimal,
        },
    }
    (folder / "finding.json").write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")
