"""Kernels and megabytes per second of whole campaigns: 2 workers against 1, with and without the backward pass.

    python tests/benchmarks/throughput.py [--budget 3MB] [--seed 1]

Prints the ratios first. Start-up (importing Warp, building its precompiled headers) is part of every run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def campaign(budget: str, seed: int, workers: int, backward: bool) -> dict[str, Any]:
    """Run one campaign in a process of its own and return the last step of its log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        command = [sys.executable, "-m", "fuzzer", "run", "--budget", budget, "--seed", str(seed)]
        command += ["--workers", str(workers), "--out", f"{folder}/corpus", "--json-log", str(log), "--no-minimize"]
        subprocess.run(command + ([] if backward else ["--no-backward"]), check=True, stdout=subprocess.DEVNULL)
        return json.loads(log.read_text().splitlines()[-1])


def main() -> None:
    """Run the four campaigns and print their figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", default="3MB")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    steps = {
        (backward, workers): campaign(options.budget, options.seed, workers, backward)
        for backward in (True, False)
        for workers in (1, 2)
    }
    for backward, name in ((True, "with backward"), (False, "forward only")):
        ratio = steps[backward, 2]["kernels_per_second"] / steps[backward, 1]["kernels_per_second"]
        print(f"{ratio:.2f}x  2 workers against 1, {name}")
    for (backward, workers), step in steps.items():
        print(
            f"{step['kernels_per_second']:6.1f} kernels/s  {step['bytes_per_second'] / 1e6:.3f} MB/s  "
            f"{workers} workers, {'with backward' if backward else 'forward only'}: {step['kernels']} kernels, "
            f"{step['records']} records in {step['elapsed']:.0f} s"
        )


if __name__ == "__main__":
    main()
