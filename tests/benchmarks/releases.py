"""The project on Warp's releases: a small campaign on each, in an environment of its own.

    python tests/benchmarks/releases.py [--versions 1.14 1.19] [--budget 3MB] [--seed 3] [--environments FOLDER]

An environment is made with `pip install warp-lang==1.14.*` and what the project needs besides, once; the project itself
is used from this checkout. Kernel caches and precompiled headers belong to each process alone, as always. Prints a row
per release: kernels judged, the shares of verdicts, kernels per second, and what was found.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import tomllib
import venv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("1.14", "1.15", "1.16", "1.17", "1.18", "1.19")
WARP = "warp-lang"


@dataclass(frozen=True)
class Smoke:
    """What a campaign on one release came to. `findings` are their causes, as the campaign names them."""

    warp: str
    verdicts: Mapping[str, int]
    seconds: float
    findings: Sequence[str]


def main() -> None:
    """Make the environments that are missing, run the campaigns, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", nargs="+", default=VERSIONS)
    parser.add_argument("--budget", default="3MB")
    parser.add_argument("--seed", default="3")
    parser.add_argument("--categories", default="", help="as the campaign takes them (default: all)")
    parser.add_argument("--environments", type=Path, default=Path(".releases"))
    options = parser.parse_args()
    aim = ["--categories", options.categories] if options.categories else []
    call = ["--budget", options.budget, "--seed", options.seed, "--workers", "1", *aim]
    console = Console(width=140)
    table = Table(
        "Warp", "kernels", "kernels/s", "verdicts", "findings", title=f"seed {options.seed}, {options.budget}"
    )
    for version in options.versions:
        smoke = campaign(environment(options.environments, version), call)
        table.add_row(*_row(smoke))
        for cause in smoke.findings:
            console.print(f"{smoke.warp}: {cause}", highlight=False, markup=False)
    console.print(table)


def environment(folder: Path, version: str) -> Path:
    """Return the Python of the environment for a release ("1.16"), which is made under `folder` if it is not there.

    Raises CalledProcessError where pip cannot install it.
    """
    place = folder.resolve() / version
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        venv.create(place, with_pip=True, clear=True)
        needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        others = [one for one in needed if not one.startswith(WARP)]
        subprocess.run([python, "-m", "pip", "install", "-q", f"{WARP}=={version}.*", *others], check=True)
        (place / "complete").touch()
    return python


def project_path() -> dict[str, str]:
    """Return the variables of a process that uses the project from this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def campaign(python: Path, options: Sequence[str]) -> Smoke:
    """Run a campaign with an environment's Python; raises CalledProcessError where it fails."""
    out = python.parents[1] / f"campaign-{time.time_ns()}"
    call = [str(python), "-m", "fuzzer", "run", *options, "--out", str(out)]
    began = time.perf_counter()
    subprocess.run(call, env=project_path(), cwd=ROOT, stdout=sys.stderr, check=True)
    seconds = time.perf_counter() - began
    done = json.loads((out / "manifest.json").read_text())["campaign"]
    return Smoke(done["versions"]["warp"], Counter(done["verdicts"]), seconds, sorted(done["findings"]))


def _row(smoke: Smoke) -> tuple[str, ...]:
    kernels = sum(smoke.verdicts.values())
    shares = ", ".join(f"{word} {count / kernels:.1%}" for word, count in sorted(smoke.verdicts.items()))
    return smoke.warp, str(kernels), f"{kernels / smoke.seconds:.1f}", shares, str(len(smoke.findings))


if __name__ == "__main__":
    main()
