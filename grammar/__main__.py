"""`python -m grammar`: look at what the grammar makes, what it knows of Warp's built-ins, and what it accepts."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grammar.command_line import Parser, carry_out
from grammar.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 well, 1 not accepted, 2 for a call that cannot be carried out."""

    def command() -> int:
        options = _parser().parse_args(arguments)
        return int(options.command(options))

    return carry_out(command)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m grammar", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    sample = commands.add_parser("sample", help="print generated kernels")
    sample.add_argument("--seed", type=int, help="the same seed prints the same kernels (default: a new one)")
    sample.add_argument("--count", type=int, default=1, help="how many (default: 1)")
    sample.add_argument("--category", help="of one category only (default: each in turn)")
    sample.add_argument("--size", type=int, help="about how many lines a kernel's body has, 1 to 60 (default: any)")
    sample.add_argument("--allow-native", action="store_true", help="kernels that call a function in C++")
    sample.set_defaults(command=_sample)
    builtins = commands.add_parser("builtins", help="say which of Warp's built-ins are generated")
    builtins.add_argument("--json", action="store_true", help="everything, as JSON on standard output")
    builtins.set_defaults(command=_builtins)
    accept = commands.add_parser("accept", help="say whether a kernel's source is in the grammar")
    accept.add_argument("file", metavar="FILE.py")
    accept.add_argument(
        "--allow-native",
        action="store_true",
        help="let native snippets through, which nobody has read: for your own files",
    )
    accept.set_defaults(command=_accept)
    return parser


def _sample(options: argparse.Namespace) -> int:
    from grammar import CATEGORIES, SeededChoices, generate
    from grammar.kernels import LARGEST

    if options.category is not None and options.category not in CATEGORIES:
        raise UserError(f"there is no category '{options.category}'; there are {', '.join(CATEGORIES)}")
    if options.count < 0:
        raise UserError(f"--count must not be negative, but is {options.count}")
    if options.size is not None and not 1 <= options.size <= LARGEST:
        raise UserError(f"--size must be from 1 to {LARGEST}, but is {options.size}")
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    for index in range(options.count):
        category = options.category or CATEGORIES[index % len(CATEGORIES)]
        kernel = generate(SeededChoices(f"{seed}/{index}"), category, options.size, allow_native=options.allow_native)
        print(f"# {category}, seed {seed}, kernel {index}, launch {kernel.dims}: {kernel.description}")
        print(kernel.source)
    return 0


def _accept(options: argparse.Namespace) -> int:
    from grammar import accept

    try:
        source = Path(options.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {options.file}: {error}") from None
    rejection = accept(source, allow_native=options.allow_native)
    if rejection is None:
        print(f"{options.file}: accepted")
        return 0
    print(f"{options.file}:{rejection}")
    return 1


def _builtins(options: argparse.Namespace) -> int:
    from grammar.registry import RegistryError

    try:
        rows = builtin_table()
    except RegistryError as error:
        raise UserError(str(error)) from None
    if options.json:
        print(json.dumps(rows, indent=2, sort_keys=True))
        return 0
    _print_summary(rows)
    return 0


def builtin_table() -> list[dict[str, Any]]:
    """Return one row per built-in of the installed Warp: its group, status, reason, and those of its overloads."""
    from grammar import coverage, registry

    rows = []
    for builtin in registry.builtins().values():
        status = coverage.status_of(builtin)
        overloads = [(one.signature, coverage.overload_status(one)) for one in builtin.overloads]
        rows.append(
            {
                "name": builtin.name,
                "group": builtin.group,
                "status": status.word,
                "reason": status.reason,
                "overloads": [
                    {"signature": signature, "status": found.word, "reason": found.reason}
                    for signature, found in overloads
                ],
            }
        )
    return rows


def _print_summary(rows: Sequence[dict[str, Any]]) -> None:
    """Print a table of the groups, and below it what is not generated and why."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["group"]].append(row)
    print(f"{'group':<20}{'built-ins':>12}{'overloads':>14}")
    for name, group in [*groups.items(), ("total", list(rows))]:
        overloads = [overload for row in group for overload in row["overloads"]]
        print(f"{name:<20}{_share(group):>12}{_share(overloads):>14}")
    reasons: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        for overload in row["overloads"]:
            if overload["status"] != "generable":
                counts = reasons[f"{overload['status']}: {overload['reason']}"]
                counts[row["name"]] = counts.get(row["name"], 0) + 1
    print()
    for reason, counts in sorted(reasons.items()):
        names = (name if count == 1 else f"{name} ({count})" for name, count in counts.items())
        print(f"{reason}\n    {', '.join(names)}")


def _share(rows: Sequence[dict[str, Any]]) -> str:
    """Return `generable/total`."""
    return f"{sum(row['status'] == 'generable' for row in rows)}/{len(rows)}"


if __name__ == "__main__":
    sys.exit(main())
