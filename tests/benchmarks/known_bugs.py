"""Bugs of Warp that are fixed by now, looked for again on the releases that had them.

    python tests/benchmarks/known_bugs.py [--versions 1.16 1.17 1.18 1.19] [--environments FOLDER] [NAME ...]

`known_bugs/table.json` holds a row per bug: `kernel` is the file beside it, `entry` says in our own words what Warp's
change log says of it, `issue` is its number among Warp's issues, `fixed_in` the first release without it (empty where
the fix has not been released yet), and `oracles` are those that are to see it. Every release gets an environment of its
own (`releases.py`), in which a worker runs each kernel on several inputs, with every oracle there is.
Prints who accuses Warp on each release, and whether that is what the table says: an accusation before the fix, none
after it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from extractor.warp_setup import open_workspace
from oracle.backends import cpu, cuda_backend
from oracle.check_kernel import case_of
from oracle.evidence import ACCUSERS
from oracle.judge import Judge, Judgement
from oracle.observation import Verdict
from oracle.opinions import Stance
from oracle.pool import Death, Pool
from oracle.rerun import Case, Rerun, rerun

FOLDER = Path(__file__).with_suffix("")
TABLE = FOLDER / "table.json"
SEEDS = 4
"""Inputs that a kernel runs on."""

BLOCKS = (4,)
"""How many blocks a kernel with tiles runs in."""

DIRECTIONS = 2
"""Along how many directions its gradients are checked on each of them."""

VERSIONS = ("1.14", "1.15", "1.16", "1.17", "1.18", "1.19")


def main() -> int:
    """Print the table; returns 1 where a release does not show what it had, or shows what it has not."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="bugs to look for (default: all)")
    parser.add_argument("--versions", nargs="+", default=VERSIONS)
    parser.add_argument("--environments", type=Path, default=Path(".releases"))
    parser.add_argument("--here", action="store_true", help="look with the Warp that runs this; print JSON")
    options = parser.parse_args()
    bugs = [bug for bug in json.loads(TABLE.read_text()) if bug["kernel"] in options.names or not options.names]
    if options.here:
        print(json.dumps(accusations([bug["kernel"] for bug in bugs])))
        return 0
    seen = {
        version: _look(options.environments, version, [bug["kernel"] for bug in bugs]) for version in options.versions
    }
    return _print(bugs, seen)


def accusations(names: Sequence[str]) -> dict[str, str]:
    """Return for each kernel which oracle accuses Warp and why, the empty text if none does."""
    found: dict[str, str] = {}
    with Pool(start, workers=1) as pool:
        for name in names:
            pool.submit(name, [_case(FOLDER / f"{name}.py")])
        while len(found) < len(names):
            for name, (outcome,) in pool.completed(timeout=1.0):
                found[name] = _of_outcome(outcome)
    return found


def _case(path: Path) -> Case:
    case = case_of(path, SEEDS, 0)
    return replace(case, dims=BLOCKS) if case.options.tiled else case


def start(scratch: Path) -> Callable[[tuple[Case, ...]], Sequence[Rerun]]:
    """Start a worker whose judge asks every oracle."""
    workspace = open_workspace(scratch).__enter__()
    return partial(rerun, workspace=workspace, judge=Judge(cpu, cuda_backend("emulator"), "emulator", DIRECTIONS))


def _of_outcome(outcome: Rerun | Death) -> str:
    if isinstance(outcome, Death):
        return f"{ACCUSERS[Verdict.HANG if outcome.hang else Verdict.CRASH]}: {outcome.reason}"
    if outcome.refusal:
        return f"{ACCUSERS[Verdict.COMPILE_ERROR]}: {outcome.refusal}"
    return next(filter(None, map(_of_judgement, outcome.judgements)), "")


def _of_judgement(judgement: Judgement) -> str:
    for opinion in judgement.opinions:
        if opinion.stance is Stance.ACCUSES:
            return f"{opinion.oracle}: {opinion.reason}"
    accuser = ACCUSERS.get(judgement.verdict, "")
    return accuser and f"{accuser}: {judgement.reason}"


def _look(environments: Path, version: str, names: Sequence[str]) -> Mapping[str, str]:
    """Run this script with the Warp of an environment; raises CalledProcessError where that fails."""
    from releases import environment, project_path

    python = environment(environments, version)
    call = [str(python), __file__, "--here", *names]
    done = subprocess.run(call, env=project_path(), stdout=subprocess.PIPE, text=True, check=True)
    found: Mapping[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print(bugs: Sequence[Mapping[str, Any]], seen: Mapping[str, Mapping[str, str]]) -> int:
    table = Table("bug", "issue", "fixed in", *seen, title="who accuses Warp")
    wrong = []
    for bug in bugs:
        cells = []
        for version, found in seen.items():
            accuser, _, reason = found[bug["kernel"]].partition(": ")
            had_it = not bug["fixed_in"] or release(version) < release(bug["fixed_in"])
            if (accuser in bug["oracles"]) != had_it:
                wrong.append(f"{bug['kernel']} on {version}: {f'{accuser}: {reason}' if accuser else 'no accusation'}")
            cells.append(accuser or "-")
        table.add_row(bug["kernel"], f"#{bug['issue']}", bug["fixed_in"] or "not yet", *cells)
    Console(width=160).print(table)
    print("\n".join(f"not as the table says: {line}" for line in wrong) or "all as the table says")
    return 1 if wrong else 0


def release(version: str) -> tuple[int, ...]:
    """Return a release as numbers, which compare."""
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    sys.exit(main())
