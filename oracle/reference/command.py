"""`python -m oracle reference`: the table of what the reference evaluator covers."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import defaultdict

from rich.console import Console
from rich.table import Table

from oracle.reference.coverage import Group, groups


def reference(request: argparse.Namespace) -> int:
    """Print the coverage; returns 0."""
    found = groups()
    if request.json:
        print(json.dumps([dataclasses.asdict(group) for group in found], indent=2))
        return 0
    console = Console()
    console.print(_table(found))
    for why, names in _by_reason(found).items():
        console.print(f"[bold]{why or 'not defined yet'}[/bold]: {', '.join(names)}", highlight=False)
    return 0


def _table(found: tuple[Group, ...]) -> Table:
    table = Table(title="Built-ins that the reference defines, of those that the grammar writes")
    for title in ("group", "built-ins", "defined", "overloads", "defined"):
        table.add_column(title, justify="left" if title == "group" else "right")
    for group in found:
        table.add_row(
            group.name,
            str(group.builtins),
            _share(group.defined, group.builtins),
            str(group.overloads),
            _share(group.defined_overloads, group.overloads),
        )
    columns = [[getattr(group, name) for group in found] for name in ("builtins", "defined", "overloads")]
    builtins, defined, overloads = map(sum, columns)
    covered = sum(group.defined_overloads for group in found)
    table.add_section()
    table.add_row("all", str(builtins), _share(defined, builtins), str(overloads), _share(covered, overloads))
    return table


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})"


def _by_reason(found: tuple[Group, ...]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = defaultdict(list)
    for group in found:
        for name, why in group.lacking.items():
            named[why].append(name)
    return named
