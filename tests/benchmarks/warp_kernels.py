"""Warp's own kernels on the emulator: how many are decoded, executed, in agreement with the cpu; why the others not.

    python tests/benchmarks/warp_kernels.py [--modules a,b] [--limit N] [--time SECONDS] [--workers N] [--json FILE]

Goes through the Python modules of the installed `warp.tests` and `warp.examples`, or those of `--modules`
(`tests.test_vec`), at most `--limit` of them. Each is surveyed (`foreign_kernels`) in a process of its own that may
take `--time` seconds, its kernels in forks of that. Kernels that a module makes only when its tests run are not seen.

Agreement is the oracle's: to the bit, but for the order of atomics, or within what rounding in library functions
explains. Kernels of tiles run on the cpu with blocks of as many threads, and where those sum in another order than a
GPU's, agree within a tolerance.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import foreign_kernels
import warp
from rich.console import Console
from rich.progress import track
from rich.table import Table

KERNEL_SECONDS = 10.0

NOT_MODULES = ("__init__", "__main__", "unittest_serial", "unittest_suites", "unittest_utils", "run_coverage_serial")
AGREE = (
    "equal to the bit",
    "equal but for the order of atomics",
    "equal within rounding",
    "tiles, equal within the tolerance",
)
DISAGREE = ("unstable", "mismatch", "mismatch, with approximate instructions", "tiles, different")

Entry = dict[str, Any]


def module_names() -> list[str]:
    """Warp's test and example modules."""
    root = Path(warp.__file__).parent
    files = [path for folder in ("tests", "examples") for path in sorted((root / folder).rglob("*.py"))]
    return [
        ".".join(("warp", *path.relative_to(root).with_suffix("").parts))
        for path in files
        if path.stem not in NOT_MODULES
    ]


def survey(name: str, folder: Path, seconds: float) -> list[Entry]:
    """The outcomes of a Python module's kernels, found in a process of its own."""
    log = folder / f"{name}.jsonl"
    command = [sys.executable, foreign_kernels.__file__, name, str(log), str(KERNEL_SECONDS)]
    problem = ""
    try:
        done = subprocess.run(command, timeout=seconds, capture_output=True, check=False, env=_environment(folder))
        if done.returncode:
            problem = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit {done.returncode}"])[-1]
    except subprocess.TimeoutExpired:
        problem = f"its {seconds:g} s are over"
    entries: list[Entry] = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if problem:
        entries.append({"module": name, "kernel": "", "result": "the rest of a module", "detail": problem})
    return entries


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}


def report(entries: list[Entry], modules: int, seconds: float) -> None:
    """Print the figures, then what is behind them."""
    console = Console()
    kernels = [entry for entry in entries if entry["kernel"]]
    compiled = [entry for entry in kernels if entry["result"] != "not compiled"]
    executed = [entry for entry in compiled if entry["result"] in AGREE + DISAGREE]
    counts = Counter(entry["result"] for entry in compiled)
    figures = Table("figure", "kernels", "share", title=f"{modules} Python modules, {seconds:.0f} s")
    rows = [
        ("compiled for both targets", len(compiled), len(kernels)),
        ("decoded with no unsupported form", sum(entry["decoded"] for entry in compiled), len(compiled)),
        ("executed on both back ends", len(executed), len(compiled)),
        ("  of these also backward", sum(entry["backward"] for entry in executed), len(executed)),
        ("in agreement", sum(counts[result] for result in AGREE), len(executed)),
        *[(f"  {result}", counts[result], len(executed)) for result in AGREE],
        *[(result, counts[result], len(executed)) for result in DISAGREE],
    ]
    for what, count, total in rows:
        figures.add_row(what, str(count), f"{100 * count / max(1, total):.1f} % of {total}")
    console.print(figures)
    _print_reasons(console, [entry for entry in entries if entry not in executed])
    forms = Counter(form for entry in compiled for form in entry["missing"])
    for form, count in forms.most_common():
        console.print(f"missing: {form} in {count} kernels", markup=False)
    for entry in executed:
        if entry["result"] in DISAGREE:
            console.print(f"{entry['result']}: {entry['kernel']} over {entry['dims']}: {entry['detail']}", markup=False)


def _print_reasons(console: Console, entries: list[Entry]) -> None:
    table = Table("not executed because", "count", "for instance")
    reasons: dict[str, list[Entry]] = {}
    for entry in entries:
        reasons.setdefault(reason(entry), []).append(entry)
    for name, found in sorted(reasons.items(), key=lambda item: -len(item[1])):
        instance = f"{found[0]['kernel'] or found[0]['module']}: {found[0]['detail']}"
        table.add_row(name, str(len(found)), instance[:160])
    console.print(table)


def reason(entry: Entry) -> str:
    """Why a kernel was not executed, without what differs from one to the next."""
    if entry["result"] == "sanitizer":
        kinds = ("null pointer", "out-of-bounds", "misaligned", "race", "uninitialised", "barrier", "assertion", "trap")
        return f"sanitizer: {next((kind for kind in kinds if kind in entry['detail']), 'other')}"
    if entry["result"] == "no inputs" and "were given" in entry["detail"]:
        return "no inputs: Warp adds parameters in its deterministic mode"
    if entry["result"] == "no inputs":
        return f"no inputs: {entry['detail'].split(' of type ')[-1].split('[')[0][:60]}"
    if entry["result"] == "not imported":
        return f"not imported: {entry['detail'][:60]}"
    if entry["result"] == "died":
        return f"died on the cpu: {entry['detail']}"
    return str(entry["result"])


def main() -> None:
    """Survey and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modules", help="names after `warp.`, separated by commas")
    parser.add_argument("--limit", type=int, help="at most so many Python modules")
    parser.add_argument("--time", type=float, default=240.0, help="seconds for one Python module")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write every kernel's outcome to this file")
    options = parser.parse_args()
    names = [f"warp.{name}" for name in options.modules.split(",")] if options.modules else module_names()
    names = names[: options.limit]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.workers) as executor:
        work = executor.map(lambda name: survey(name, Path(folder), options.time), names)
        entries = [entry for found in track(work, total=len(names)) for entry in found]
    report(entries, len(names), time.monotonic() - started)
    if options.json:
        options.json.write_text(json.dumps(entries, indent=1))


if __name__ == "__main__":
    main()
