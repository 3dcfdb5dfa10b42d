"""The sub-command `stats`: what a corpus holds, as tables in the terminal or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from extractor.survey import quantile
from fuzzer.duplicates import SENSES
from fuzzer.stats import SHARES, Stats, collect
from grammar.command_line import Parser
from grammar.measures import EFFORT, LEVELS
from grammar.patterns import PATTERNS
from grammar.registry import builtin_names

SENSE_WORDS = {
    "exact": "different texts",
    "renamed": "different after renaming",
    "blanked": "different after blanking literals",
    "near": "no near duplicate of an earlier one",
}


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the sub-command with its options."""
    command = commands.add_parser("stats", help="what a corpus holds, in numbers")
    command.add_argument("corpus", type=Path, metavar="CORPUS", help="a corpus folder, or one of its shards")
    command.add_argument("--json", action="store_true", help="everything as one JSON object on standard output")
    command.set_defaults(carry_out=carry_out)


def carry_out(request: argparse.Namespace) -> int:
    """Print the statistics that are asked for; returns 0, or 1 where lines of the corpus are no records."""
    terminal = Console(stderr=True)
    with Progress(console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("reading", total=None)
        stats = collect(request.corpus, lambda done: progress.update(task, completed=done))
    if request.json:
        print(json.dumps(stats.to_json(), indent=2, allow_nan=False))
    else:
        console = Console()
        for table in tables(stats):
            console.print(table)
    return 1 if stats.unreadable else 0


def tables(stats: Stats) -> list[Table]:
    """Return the statistics as tables."""
    found = stats.survey
    total = max(found.records, 1)
    title = f"{found.records:,} records, {stats.bytes / 10**6:.1f} MB"
    if stats.unreadable:
        title += f", and {stats.unreadable:,} lines that are no records"
    splits = [name for name in ("train", "validation", "test") if name in found.splits]
    splits += sorted(set(found.splits) - set(splits))
    by_category = [
        (category, count, f"{count / total:.1%}", *(found.category_splits[category, split] for split in splits))
        for category, count in sorted(found.categories.items())
    ]
    sums = (
        "total",
        found.records,
        "",
        *(f"{found.splits[name]} ({found.splits[name] / total:.1%})" for name in splits),
    )
    return [
        _table(title, ("category", "records", "share", *splits), [*by_category, sums]),
        _table("levels", ("level", "effort", "records", "share"), _level_rows(found.levels, total)),
        _table(
            "patterns",
            ("pattern", "records", "share"),
            _share_rows({name: found.patterns[name] for name in PATTERNS}, total),
        ),
        _spread_table(stats),
        _table(
            "texts",
            ("text", "characters", "tokens"),
            [(name, count, found.tokens[name]) for name, count in found.characters.items() if count],
        ),
        _table("language", ("what", "number"), _language_rows(stats)),
        _table("duplicates", ("records", "number"), _duplicate_rows(stats)),
        _table("how made", ("way", "records", "share"), _share_rows(found.mutations, total)),
        _table("how verified", ("executed by, and what other oracles say", "records", "share"), _verified_rows(stats)),
        _table(
            "work of the forward pass",
            ("measure", "mean", "records"),
            [
                (name.replace("_", " "), f"{found.work[name] / count:.4g}", count)
                for name, count in found.worked.items()
            ],
        ),
    ]


def _level_rows(levels: Mapping[int, int], total: int) -> Iterable[Sequence[object]]:
    for number, least in enumerate(LEVELS, start=1):
        yield number, f"from {least}", levels.get(number, 0), f"{levels.get(number, 0) / total:.1%}"


def _share_rows(counts: Mapping[str, int], total: int) -> list[Sequence[object]]:
    return [(name, count, f"{count / total:.1%}") for name, count in counts.items()]


def _spread_table(stats: Stats) -> Table:
    counts = {"lines": stats.survey.lines, **stats.survey.measures}
    rows = [(name, *(quantile(one, share) for share in SHARES)) for name, one in counts.items()]
    weights = ", ".join(f"{name} × {weight:g}" for name, weight in EFFORT.items())
    table = _table("size and complexity", ("count", *(f"{share:.0%}" for share in SHARES)), rows)
    table.caption = f"effort = {weights}"
    return table


def _language_rows(stats: Stats) -> list[Sequence[object]]:
    found = stats.survey
    return [
        ("built-ins used", f"{len(found.builtins)} of {len(builtin_names())}"),
        ("overloads called, by the kernels' own types", len(found.overloads)),
        ("value types named", len(found.types)),
        ("records with a backward pass", found.backward),
        ("records whose targets differ by the rounding of library functions", found.explained),
    ]


def _duplicate_rows(stats: Stats) -> list[Sequence[object]]:
    found = stats.duplicates
    rows: list[Sequence[object]] = [("in the corpus", found.records)]
    rows += [(SENSE_WORDS[sense], found.left[sense]) for sense in SENSES]
    rows.append(("of a shape that another split has too", found.straddling["shape"]))
    rows.append(("near duplicates of one in another split", found.straddling["near"]))
    refused = [(row["stage"], row["before"] - row["after"]) for row in stats.campaign.get("dedup", ())]
    return rows + [(f"refused on admission: {stage}", count) for stage, count in refused]


def _verified_rows(stats: Stats) -> list[Sequence[object]]:
    total = max(stats.survey.records, 1)
    rows = _share_rows(stats.survey.backends, total)
    named = {f"{name}: {stance}": count for (name, stance), count in sorted(stats.survey.oracles.items())}
    return rows + _share_rows(named, total)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    return table
