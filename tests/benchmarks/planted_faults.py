"""The share of planted faults that the judge finds, of those that change anything that a kernel leaves behind.

    python tests/benchmarks/planted_faults.py [--kernels 40] [--first 0] [--seed 1] [--workers 2]
                                              [--faults 1] [--targets cpp,cuda,ptx,result,shared]
                                              [--kinds NAME,NAME] [--log FILE] [--sum FILE ...]

In every kernel and target `--faults` faults are planted, one at a time: an edit of one operation of the C++, the CUDA
C++ or the PTX, or one flipped bit of what a target or both observed (`tests/benchmarks/faults`). A kernel whose
targets do not agree before is left out. The table counts by kind what did not compile, changed nothing, and was
caught, with the 95 % interval of the share caught (Wilson); below it stands every fault that was missed, with the
judge's reason. `--log` appends a JSON line per fault; `--sum FILE ...` prints the table of such files instead.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from faults.planting import STAGES, TARGETS, Item, Planted, Planter

from oracle.pool import Death, Limits, Pool

Z = 1.96
"""Standard deviations of a normal distribution that 95 % of it lie within."""

LIMITS = Limits(job_seconds=20.0, item_seconds=20.0)
DEADLY = "whatever killed its process"
"""Stands for the kind of a fault of which nothing came back."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson, JASA 22 (1927), 209-212)."""
    if not trials:
        return 0.0, 1.0
    share, spread = successes / trials, Z * Z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / trials / 4)
    return middle - half, middle + half


def main() -> None:
    """Plant the faults and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=40)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--kinds", default="")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--sum", type=Path, nargs="+")
    options = parser.parse_args()
    if options.sum:
        report([Planted(**json.loads(line)) for path in options.sum for line in path.read_text().splitlines()])
        return
    jobs = [
        [(index, target, number) for target in options.targets.split(",") for number in range(options.faults)]
        for index in range(options.first, options.first + options.kernels)
    ]
    kinds = tuple(name for name in options.kinds.split(",") if name)
    with options.log.open("a") if options.log else nullcontext() as log:
        report(plant_all(jobs, Planter(options.seed, kinds), options.workers, log))


def plant_all(
    jobs: Sequence[Sequence[Item]], planter: Planter, workers: int, log: TextIO | None = None
) -> list[Planted]:
    """Plant the faults in worker processes, one job for each kernel: what kills its worker is caught."""
    found: dict[Hashable, list[Planted]] = {}
    with Pool[Item, Planted](planter.start, workers, LIMITS) as pool:
        for number, job in enumerate(jobs):
            pool.submit(number, job)
        while pool.unfinished:
            for number, outcomes in pool.completed(timeout=5):
                assert isinstance(number, int)
                found[number] = [_survived(item, one) for item, one in zip(jobs[number], outcomes, strict=True)]
                if log:
                    log.writelines(json.dumps(asdict(planted)) + "\n" for planted in found[number])
                    log.flush()
    return [planted for number in range(len(jobs)) for planted in found[number]]


def _survived(item: Item, outcome: Planted | Death) -> Planted:
    if isinstance(outcome, Planted):
        return outcome
    if item[1] != "cpp" or not (outcome.hang or outcome.reason.startswith("killed by")):
        return Planted(item[0], item[1], stage="kernel left out", reason=f"its worker {outcome.reason}")
    return Planted(item[0], item[1], DEADLY, "caught", "hang" if outcome.hang else "crash", outcome.reason)


def report(found: Sequence[Planted]) -> None:
    """Print the table by target and kind, the totals, and what was missed."""
    rows = sorted({(planted.target, planted.kind) for planted in found if planted.kind})
    print(f"{'':44}{'planted':>8}{'refused':>8}{'same':>6}{'changed':>8}{'caught':>7}{'share':>8}   95 % interval")
    for target, kind in rows:
        print(_row(f"{target}: {kind}", [one for one in found if (one.target, one.kind) == (target, kind)]))
    for target in sorted({target for target, _ in rows}):
        print(_row(f"{target}, all", [one for one in found if one.target == target and one.kind]))
    print(_row("all", [one for one in found if one.kind]))
    left_out = Counter(one.reason.partition(":")[0] for one in found if one.stage == "kernel left out")
    print(f"kernels left out: {dict(left_out)}; no site: {sum(one.stage == 'no site' for one in found)}")
    for one in found:
        if one.stage == "missed":
            print(f"missed {one.index} {one.target}, {one.kind}: {one.detail}\n    {one.verdict}: {one.reason}")


def _row(name: str, found: Iterable[Planted]) -> str:
    stages = Counter(one.stage for one in found)
    assert set(stages) <= set(STAGES)
    changed = stages["caught"] + stages["missed"]
    low, high = wilson(stages["caught"], changed)
    share = f"{stages['caught'] / changed:8.1%}   {low:.1%} to {high:.1%}" if changed else ""
    return (
        f"{name:44}{stages.total():8}{stages['not compiled']:8}{stages['unchanged']:6}{changed:8}"
        f"{stages['caught']:7}{share}"
    )


if __name__ == "__main__":
    main()
