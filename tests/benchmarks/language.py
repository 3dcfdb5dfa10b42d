"""How much of Warp's language the accepted records of a corpus exercise, group by group, and how varied they are.

    python tests/benchmarks/language.py CORPUS [CORPUS ...] [--missing] [--json FILE]

Counts every registered overload that the records' C++ calls, forward and with its adjoint, over those that the grammar
says it can write (`python -m grammar builtins`); `--missing` lists the generable ones that no record has. Uniqueness is
by canonical source, and by canonical source with every literal blanked.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from extractor.overloads_used import overloads_used
from fuzzer.metadata import shape
from grammar import registry
from grammar.canonical import kernel_id
from grammar.coverage import overload_status
from grammar.registry import Registered


def main() -> None:
    """Print the table of groups, then the shapes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    forward: Counter[Registered] = Counter()
    adjoint: Counter[Registered] = Counter()
    shapes = _Shapes()
    for record in _records(options.corpora):
        forward.update(overloads_used(record["cpp_forward"]))
        adjoint.update(overloads_used(record["cpp_backward"], adjoint=True))
        shapes.add(record["python_source"])
    missing = _print_groups(forward, adjoint)
    shapes.print()
    if options.missing:
        print("\ngenerable, and in no record:")
        print("\n".join(sorted({one.signature for one in missing})))
    if options.json:
        counts = {f"{one.signature} #{one.place}": [forward[one], adjoint[one]] for one in forward}
        options.json.write_text(json.dumps(counts, indent=1, sort_keys=True))


def _records(corpora: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for corpus in corpora:
        for shard in sorted(corpus.glob("shard-*.jsonl")):
            with shard.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)


def _print_groups(forward: Counter[Registered], adjoint: Counter[Registered]) -> list[Registered]:
    """Print a row per group; returns the generable overloads that no record has."""
    groups: dict[str, list[Registered]] = defaultdict(list)
    for builtin in registry.builtins().values():
        groups[builtin.group].extend(builtin.overloads)
    print(f"{'group':<20}{'registered':>11}{'generable':>11}{'forward':>16}{'differentiable':>16}{'adjoint':>16}")
    missing: list[Registered] = []
    everything = [one for overloads in groups.values() for one in overloads]
    for name, overloads in [*groups.items(), ("total", everything)]:
        generable = [one for one in overloads if overload_status(one).word == "generable"]
        differentiable = [one for one in generable if one.differentiable]
        seen = sum(one in forward for one in generable)
        seen_adjoint = sum(one in adjoint for one in differentiable)
        if name != "total":
            missing += [one for one in generable if one not in forward]
        print(
            f"{name:<20}{len(overloads):>11}{len(generable):>11}{_share(seen, len(generable)):>16}"
            f"{len(differentiable):>16}{_share(seen_adjoint, len(differentiable)):>16}"
        )
    return missing


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})" if whole else "-"


class _Shapes:
    """Sizes of sources, and which of them are the same."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.blanked: set[str] = set()
        self.lines: list[int] = []

    def add(self, source: str) -> None:
        """Count one source."""
        self.ids.add(kernel_id(source))
        self.blanked.add(shape(source))
        self.lines.append(sum(bool(line.strip()) for line in source.splitlines()))

    def print(self) -> None:
        """Print how many sources are unique, and their lines."""
        total = len(self.lines)
        print(f"\nrecords {total}; unique after renaming {len(self.ids) / total:.2%}, ", end="")
        print(f"and with every literal blanked {len(self.blanked) / total:.2%}")
        tenths = statistics.quantiles(self.lines, n=20)
        print(f"lines of source: median {statistics.median(self.lines):g}, 95th percentile {tenths[-1]:g}")


if __name__ == "__main__":
    main()
