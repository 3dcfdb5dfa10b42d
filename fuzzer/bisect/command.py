"""The sub-command `bisect`: which releases of Warp show a bug, as a table or as JSON, and in a finding's report."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fuzzer.bisect.environments import Environments, default_folder, parse_releases
from fuzzer.bisect.looking import Look, Subject, bisect, since, subject_of
from fuzzer.bisect.record import record
from grammar.command_line import Parser
from grammar.errors import UserError


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the sub-command with its options."""
    command = commands.add_parser(
        "bisect",
        help="which releases of Warp show a bug",
        description="Runs a script for a bug, or judges a kernel, on several releases of Warp, each in an environment "
        "of its own that pip makes. A script is executed as it is: give it yours, or one that you have read.",
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="KERNEL.py|FINDING_DIR|repro.py")
    command.add_argument(
        "--warp", required=True, metavar="1.16.0,1.17.0,…", help="releases, oldest first; or paths of Pythons with Warp"
    )
    command.add_argument(
        "--environments",
        type=Path,
        default=default_folder(),
        metavar="FOLDER",
        help="where environments are kept, half a gigabyte each (default: %(default)s)",
    )
    command.add_argument("--remove", action="store_true", help="remove the environments of these releases afterwards")
    command.add_argument("--json", action="store_true", help="print JSON instead of tables")
    command.set_defaults(carry_out=carry_out)


def carry_out(request: argparse.Namespace) -> int:
    """Look, print, and write into findings' folders; returns 1 if any release shows a bug, 0 if none does."""
    releases = parse_releases(request.warp)
    subjects = [subject_of(path) for path in request.paths]
    environments = Environments(request.environments)
    told = Console(stderr=True)
    found = []
    try:
        for subject in subjects:
            looks = _look(subject, releases, environments, told)
            if all(look.ending is None for look in looks):
                raise UserError(f"no release could be installed: {looks[-1].said}")
            if subject.folder is not None:
                _record(subject.folder, looks)
            found.append((subject, looks))
            if not request.json:
                Console().print(table(subject, looks))
    finally:
        if request.remove:
            environments.remove(releases)
    if request.json:
        json.dump([_as_json(*one) for one in found], sys.stdout, indent=2)
        print()
    return int(any(look.shows for _, looks in found for look in looks))


def _look(subject: Subject, releases: Sequence[str], environments: Environments, told: Console) -> tuple[Look, ...]:
    """Look at the releases, saying on standard error how far that is."""

    def heard(look: Look) -> None:
        told.print(f"{subject.path}: Warp {look.release}: {look.outcome}", markup=False, highlight=False)

    return bisect(subject, releases, partial(environments.provide, project=not subject.is_script), heard)


def _record(folder: Path, looks: Sequence[Look]) -> None:
    try:
        record(folder, looks)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} cannot take the result: {error}") from None


def table(subject: Subject, looks: Sequence[Look]) -> Table:
    """Return what was found about one bug, a row a release."""
    first = since(looks)
    found = Table("Warp", "outcome", "observed", title=str(subject.path), caption=_caption(looks, first))
    for look in looks:
        found.add_row(look.release, look.outcome, look.said if look.said != look.outcome else "")
    return found


def _caption(looks: Sequence[Look], first: str) -> str:
    if not first:
        return "no release shows it"
    return f"shown first by {first}" + (", the first that was looked at" if first == looks[0].release else "")


def _as_json(subject: Subject, looks: Sequence[Look]) -> dict[str, object]:
    return {
        "path": str(subject.path),
        "since": since(looks) or None,
        "releases": [look.to_json() for look in looks],
    }
