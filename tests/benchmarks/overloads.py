"""One kernel per registered overload, judged: which overloads of Warp's built-ins hold, and what the others do.

    python tests/benchmarks/overloads.py [--match REGEX] [--category C] [--seed 1] [--workers 2] [--no-backward]
                                         [--keep FOLDER]

`--match` picks the overloads by a pattern on their signatures (`atomic_min\\(.*int8`); each kernel is of the category
that its overload needs, or of `--category`. Prints per group the share that matched, then every other kernel in a line;
`--keep` writes the sources of those.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fuzzer.guidance.guidance import BATCH_KERNELS
from fuzzer.guidance.plan import AIMED, Plan
from fuzzer.task import Task
from fuzzer.worker import start_worker
from grammar import CATEGORIES
from grammar.coverage import generable_overloads
from grammar.recipes import SETTINGS, setting_of
from grammar.registry import Registered
from oracle.observation import Verdict
from oracle.pool import Death, Pool


def overloads(pattern: str) -> list[Registered]:
    """Return the generable overloads whose signature the pattern matches from its beginning."""
    everything = (one for setting in ("", *sorted(set(SETTINGS.values()))) for one in generable_overloads(setting))
    return [one for one in everything if re.match(pattern, one.signature)]


@dataclass(frozen=True)
class AimedTask(Task):
    """A campaign whose kernel `index` uses overload `index` of those that match the pattern."""

    pattern: str = ""

    def plain(self, index: int) -> Plan:
        """Plan kernel `index` around its overload."""
        one = overloads(self.pattern)[index]
        category = setting_of(one) or self.categories[index % len(self.categories)]
        return Plan(index, category, AIMED, wanted=(one.key,))


def main() -> None:
    """Judge the kernels and print the shares, then the exceptions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--match", default="")
    parser.add_argument("--category", choices=CATEGORIES, default="arithmetic")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-backward", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    aims = overloads(options.match)
    versions = {"warp": "any"}
    backward = not options.no_backward
    task = AimedTask(options.seed, (options.category,), backward, False, "emulator", 75, versions, options.match)
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    exceptions: list[str] = []
    with Pool(partial(start_worker, task), options.workers) as pool:
        for first in range(0, len(aims), BATCH_KERNELS):
            pool.submit(first, [*map(task.plain, range(first, min(first + BATCH_KERNELS, len(aims))))])
        while pool.unfinished:
            for first, outcomes in pool.completed(timeout=5):
                for index, outcome in enumerate(outcomes, first):
                    died = isinstance(outcome, Death)
                    verdict = (Verdict.HANG if outcome.hang else Verdict.CRASH) if died else outcome.verdict
                    verdicts[aims[index].group][str(verdict)] += 1
                    if verdict != Verdict.MATCH:
                        exceptions.append(f"{verdict} {index} {aims[index].signature}: {outcome.reason}")
                        if options.keep and not died:
                            options.keep.mkdir(parents=True, exist_ok=True)
                            (options.keep / f"{verdict}-{index}.py").write_text(outcome.source)
    for group, counts in verdicts.items():
        shares = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        print(f"{counts[Verdict.MATCH] / counts.total():8.2%}  {group}: {shares}")
    print("\n".join(sorted(exceptions)))


if __name__ == "__main__":
    main()
