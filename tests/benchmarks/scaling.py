"""Where more workers stop helping: whole campaigns with one and two, and a model of more fed with what those measured.

    python tests/benchmarks/scaling.py [--budget 20MB] [--seed 1] [--log FILE] [--workers 1,2,4,8,16,32]

The model plays the campaign's own rule: batches go out in order, at most `ahead` beyond the first that is not merged
and at most two for each worker; a worker takes as long for a batch as its stages took in the measured run; merging
happens in order, in one process, at the measured cost per batch. Start-up is left out, on both sides. Prints the
measured ratio first. `--log` reads the `--json-log` of an earlier run instead of running any.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzzer.campaign import LOOKAHEAD

BATCHES = 2000
"""Batches that the model plays: the measured ones again and again."""


@dataclass(frozen=True)
class Measured:
    """Seconds that each batch took a worker, seconds that merging one took, and the campaign's kernels per second."""

    batches: Sequence[float]
    merge: float
    rate: float


def main() -> None:
    """Measure, model, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", default="20MB")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--workers", default="1,2,4,8,16,32,64")
    parser.add_argument("--ahead", default="8,16,64,256")
    options = parser.parse_args()
    if options.log:
        measured = read_log(options.log)
    else:
        alone, measured = (campaign(options.budget, options.seed, workers) for workers in (1, 2))
        print(f"{measured.rate / alone.rate:.2f}x  measured, 2 workers against 1 ({measured.rate:.1f} kernels/s)")
    print(
        f"a batch takes a worker {sum(measured.batches) / len(measured.batches):.1f} s "
        f"({min(measured.batches):.1f} to {max(measured.batches):.1f}), merging it {1000 * measured.merge:.0f} ms"
    )
    counts = [int(word) for word in options.workers.split(",")]
    print("modelled speed-up" + "".join(f"{count:>8} workers" for count in counts))
    for ahead in map(int, options.ahead.split(",")):
        alone = modelled_seconds(measured, 1, ahead)
        row = "".join(f"{alone / modelled_seconds(measured, count, ahead):>15.2f}x" for count in counts)
        print(f"--ahead {ahead:<9}{row}")


def campaign(budget: str, seed: int, workers: int) -> Measured:
    """Run one campaign in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        command = [sys.executable, "-m", "fuzzer", "run", "--budget", budget, "--seed", str(seed)]
        command += ["--no-minimize", "--workers", str(workers), "--out", f"{folder}/corpus", "--json-log", str(log)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return read_log(log)


def read_log(log: Path) -> Measured:
    """Return what a log says of its batches, one line each; the rate leaves out what came before the first."""
    steps: list[dict[str, Any]] = [json.loads(line) for line in log.read_text().splitlines()]
    totals = [sum(step["stage_seconds"].values()) for step in steps]
    batches = [after - before for before, after in itertools.pairwise(totals)]
    first, last = steps[0], steps[-1]
    merge = (last["main_seconds"] - first["main_seconds"]) / len(batches)
    rate = (last["kernels"] - first["kernels"]) / (last["elapsed"] - first["elapsed"])
    return Measured(batches, merge, rate)


def modelled_seconds(measured: Measured, workers: int, ahead: int) -> float:
    """Return how long the model takes for its batches."""
    durations = list(itertools.islice(itertools.cycle(measured.batches), BATCHES))
    free = [0.0] * workers
    ends: list[float] = []
    merged: list[float] = []
    window = min(ahead, LOOKAHEAD * workers)
    for number, seconds in enumerate(durations):
        planned = merged[number - window] if number >= window else 0.0
        began = max(heapq.heappop(free), planned)
        ends.append(began + seconds)
        heapq.heappush(free, ends[-1])
        merged.append(max(ends[-1], merged[-1] if merged else 0.0) + measured.merge)
    return merged[-1]


if __name__ == "__main__":
    main()
