"""What a check found, for a person to read: tables, and one line for everything wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from oracle import floats
from oracle.check import CHECKS, Report
from oracle.judge import Judgement
from oracle.observation import Verdict
from oracle.opinions import Stance


def print_report(report: Report, console: Console) -> None:
    """Print the table of checks, then each bad record on a line of its own."""
    table = Table("check", "what", title=f"{report.records} records")
    for heading in ("checked", "bad", "skipped"):
        table.add_column(heading, justify="right")
    for check, meaning in CHECKS.items():
        skipped = sum(report.skipped.get(check, Counter()).values())
        counts = (report.checked[check], report.failed[check], skipped)
        table.add_row(check, meaning, *(str(count) if count else "-" for count in counts))
    console.print(table)
    for check, reasons in report.skipped.items():
        for reason, count in reasons.items():
            _line(console, f"skipped: {check} of {count}: {reason}")
    for bad in report.bad:
        place = f"{bad.shard} line {bad.line}" if bad.line else bad.shard
        _line(console, f"bad: {bad.id or 'no id'}, {place}: {bad.reason}")


def print_judgements(judgements: Sequence[Judgement], seeds: Sequence[int], console: Console) -> None:
    """Print one row per leaf over all inputs, then how the inputs were judged and why."""
    table = Table("leaf", "dtype", title="cpu against cuda")
    for heading in ("elements", "differing", "worst"):
        table.add_column(heading, justify="right")
    leaves = [leaf for judgement in judgements if judgement.comparison for leaf in judgement.comparison.leaves]
    for name in dict.fromkeys(leaf.name for leaf in leaves):
        same = [leaf for leaf in leaves if leaf.name == name]
        worst = max(leaf.worst for leaf in same)
        totals = sum(leaf.elements for leaf in same), sum(leaf.differing for leaf in same)
        table.add_row(
            name, floats.name(same[0].dtype), *map(str, totals), f"{worst:g} {same[0].unit}" if worst else "equal"
        )
    console.print(table)
    for verdict, count in Counter(judgement.verdict for judgement in judgements).items():
        seed, first = next(pair for pair in zip(seeds, judgements, strict=True) if pair[1].verdict is verdict)
        _line(console, f"{verdict}: {count} of {len(judgements)} inputs, such as seed {seed}: {first.reason}")


def print_opinions(judgements: Sequence[Judgement], console: Console) -> None:
    """Print one row per oracle that was asked: its stances over all inputs, and the most telling thing it says."""
    opinions = [opinion for judgement in judgements for opinion in judgement.opinions]
    if not opinions:
        return
    table = Table("oracle", title="other oracles")
    for stance in Stance:
        table.add_column(str(stance), justify="right")
    table.add_column("it says")
    for oracle in dict.fromkeys(opinion.oracle for opinion in opinions):
        own = [opinion for opinion in opinions if opinion.oracle == oracle]
        counts = Counter(opinion.stance for opinion in own)
        telling = next(one for stance in MOST_TELLING for one in own if one.stance is stance)
        table.add_row(oracle, *(str(counts[stance]) if counts[stance] else "-" for stance in Stance), telling.reason)
    console.print(table)


MOST_TELLING = (Stance.ACCUSES, Stance.DOCUMENTED, Stance.UNSTABLE, Stance.NO_OPINION, Stance.AGREES)
"""The stances in the order in which a reader wants to hear of them."""


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """Return 1 if a verdict accuses the compiler, 2 if there was nothing but inputs that could not be run, else 0."""
    if any(verdict.accuses for verdict in verdicts):
        return 1
    return 2 if all(verdict is Verdict.UNSUPPORTED for verdict in verdicts) else 0


def _line(console: Console, text: str) -> None:
    """Print one line as it is, however narrow the terminal, but nothing that could steer it."""
    text = "".join(character if character.isprintable() else "?" for character in text)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
