"""The share of each verdict over a few thousand kernels, and every kernel that did not match, one line each.

    python tests/benchmarks/verdicts.py [--kernels 2000] [--seed 1] [--workers 2] [--category C] [--no-backward]
                                        [--other-inputs] [--keep FOLDER]

`--other-inputs` judges the very kernels of the seed on inputs that differ from a campaign's. `--keep` writes the
sources of the kernels that did not match.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fuzzer.guidance.guidance import BATCH_KERNELS
from fuzzer.guidance.plan import Plan
from fuzzer.making import Made
from fuzzer.metadata import Origin
from fuzzer.outcome import Outcome
from fuzzer.task import Task
from fuzzer.worker import start_worker
from grammar import CATEGORIES
from oracle.observation import Verdict
from oracle.pool import Death, Pool


@dataclass(frozen=True)
class OtherInputs(Task):
    """The same kernels as a campaign's, on other inputs."""

    def origin(self, index: int, made: Made | None = None) -> Origin:
        """Return an origin that no campaign gives the kernel."""
        return Origin(self.seed, -1 - index)


def main() -> None:
    """Judge the kernels and print the shares, then the exceptions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--category", choices=CATEGORIES)
    parser.add_argument("--no-backward", action="store_true")
    parser.add_argument("--other-inputs", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    categories = (options.category,) if options.category else CATEGORIES
    make_task = OtherInputs if options.other_inputs else Task
    task = make_task(options.seed, categories, not options.no_backward, False, "emulator", 75, {"warp": "any"})
    verdicts: Counter[str] = Counter()
    exceptions: list[str] = []
    with Pool[Plan, Outcome](partial(start_worker, task), options.workers) as pool:
        for first in range(0, options.kernels, BATCH_KERNELS):
            pool.submit(first, [*map(task.plain, range(first, min(first + BATCH_KERNELS, options.kernels)))])
        while pool.unfinished:
            for first, outcomes in pool.completed(timeout=5):
                assert isinstance(first, int)
                for index, outcome in enumerate(outcomes, first):
                    verdict, reason, source = _describe(outcome)
                    verdicts[verdict] += 1
                    if verdict != Verdict.MATCH:
                        exceptions.append(f"{verdict} {index}: {reason}")
                        if options.keep:
                            options.keep.mkdir(parents=True, exist_ok=True)
                            (options.keep / f"{verdict}-{index}.py").write_text(source)
    for verdict, count in verdicts.most_common():
        print(f"{count / verdicts.total():8.2%}  {count:6}  {verdict}")
    print("\n".join(sorted(exceptions)))


def _describe(outcome: Outcome | Death) -> tuple[str, str, str]:
    if isinstance(outcome, Death):
        return (Verdict.HANG if outcome.hang else Verdict.CRASH), outcome.reason, ""
    return outcome.verdict, outcome.reason, outcome.source


if __name__ == "__main__":
    main()
