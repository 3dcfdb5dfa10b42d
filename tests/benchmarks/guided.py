"""Guided campaigns against plain ones at equal CPU time: coverage, overloads, shapes and planted faults.

    python tests/benchmarks/guided.py [--seeds 5] [--first 1] [--cpu-seconds 300] [--faults 60] [--plot FILE.svg]
                                      [--json FILE] [--sum FILE]

Each run is one process that plans, judges and learns as a campaign does, with Warp's code generator broken on purpose:
for each of `--faults` overloads, drawn at random, the generated code of both targets changes the result. A fault is
found when a kernel that calls its overload is accused, and mended from then on, as people do. Prints, for each figure,
the ratio of the medians first, then both medians with their extremes; ahead by more than the spread means that the
worst guided run beats the best plain one. `--sum` prints the table of an earlier `--json` instead of running anything.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from plots import Line, line_plot

KINDS = ("guided", "plain")
AHEAD = 8

EXAMINING = ("second look", "reference", "gradient", "nudge")
"""Stages that take seconds with an accused kernel: left out of its time, or who finds more has less time to find it."""


@dataclass(frozen=True)
class Planted:
    """A fault: the native function whose result is changed when its arguments have these C++ types."""

    key: str
    native: str
    types: tuple[str, ...]


@dataclass
class Curve:
    """What one run had after so many CPU seconds, one entry per merged batch."""

    kind: str
    seed: int
    seconds: list[float] = field(default_factory=list)
    kernels: list[int] = field(default_factory=list)
    figures: dict[str, list[int]] = field(default_factory=dict)
    ways: dict[str, Any] = field(default_factory=dict)

    def at(self, figure: str, second: float) -> int:
        """Return a figure as it was at a second."""
        before = [value for value, when in zip(self.figures[figure], self.seconds, strict=True) if when <= second]
        return before[-1] if before else 0


def main() -> None:
    """Run the pairs, two processes at a time, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--cpu-seconds", type=float, default=300.0)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sum", type=Path)
    parser.add_argument("--one", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(asdict(run(options.one, options.first, options.cpu_seconds, options.faults))))
        return
    if options.sum:
        curves = [Curve(**one) for one in json.loads(options.sum.read_text())]
    else:
        jobs = [(kind, seed) for seed in range(options.first, options.first + options.seeds) for kind in KINDS]
        with ThreadPoolExecutor(2) as pool:
            curves = list(pool.map(lambda job: _in_process(*job, options.cpu_seconds, options.faults), jobs))
    if options.json:
        options.json.write_text(json.dumps([asdict(curve) for curve in curves]))
    report(curves)
    if options.plot:
        options.plot.write_text(_plot(curves))


def _in_process(kind: str, seed: int, seconds: float, faults: int) -> Curve:
    call = [sys.executable, __file__, "--one", kind, "--first", str(seed)]
    call += ["--cpu-seconds", str(seconds), "--faults", str(faults)]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    curve = Curve(**json.loads(done.stdout.splitlines()[-1]))
    last = {figure: values[-1] for figure, values in curve.figures.items()}
    print(f"{kind} {seed}: {curve.kernels[-1]} kernels, {curve.seconds[-1]:.0f} s, {last}", file=sys.stderr, flush=True)
    return curve


def report(curves: Sequence[Curve]) -> None:
    """Print a row per figure, at the second that all runs have reached."""
    second = min(curve.seconds[-1] for curve in curves)
    print(f"after {second:.0f} CPU seconds of {len(curves) // 2} seeds each; median (least to most)")
    for figure in curves[0].figures:
        values = {kind: [one.at(figure, second) for one in curves if one.kind == kind] for kind in KINDS}
        guided, plain = (statistics.median(values[kind]) for kind in KINDS)
        ahead = "ahead by more than the spread" if min(values["guided"]) > max(values["plain"]) else ""
        told = "  ".join(
            f"{kind} {statistics.median(values[kind]):8.0f} ({min(values[kind])} to {max(values[kind])})"
            for kind in KINDS
        )
        print(f"{guided / plain if plain else float('inf'):5.2f}x  {figure:<22}{told}  {ahead}")
    for curve in curves:
        print(f"{curve.kind} {curve.seed}: {curve.kernels[-1]} kernels; " + json.dumps(curve.ways))


def _plot(curves: Sequence[Curve]) -> str:
    colours = {"guided": "#1a7f37", "plain": "#8c959f"}
    lines = [
        Line(curve.kind, colours[curve.kind], list(zip(curve.seconds, curve.figures["features"], strict=True)))
        for curve in curves
    ]
    return line_plot(lines, "Features covered", "CPU seconds", "features")


def run(kind: str, seed: int, cpu_seconds: float, faults: int) -> Curve:
    """Run one campaign in this process for so many CPU seconds, and return its curve."""
    from fuzzer.guidance.guidance import Guidance
    from fuzzer.metadata import shape
    from fuzzer.task import Task
    from fuzzer.worker import start_worker
    from grammar import CATEGORIES
    from oracle.observation import Verdict

    task = Task(seed, CATEGORIES, True, False, "emulator", 75, {"warp": "any"})
    guidance = Guidance(seed, CATEGORIES, AHEAD, steer=kind == "guided")
    curve = Curve(kind, seed)
    shapes: set[str] = set()
    found: set[str] = set()
    ids: set[str] = set()
    kernels = 0
    with tempfile.TemporaryDirectory() as scratch:
        judge = start_worker(task, Path(scratch))
        planted = plant(choose_faults(faults))  # faults leave it when they are mended
        judge((task.plain(10**6),))
        started = time.process_time()
        not_counted = 0.0
        while time.process_time() - started - not_counted < cpu_seconds:
            batch = guidance.planned.start
            plans = guidance.plans(batch)
            for plan, outcome in zip(plans, judge(plans), strict=True):
                kernels += 1
                if outcome.verdict is Verdict.MISMATCH:
                    not_counted += sum(outcome.seconds.get(stage, 0.0) for stage in EXAMINING)
                kept = outcome.line is not None and outcome.id not in ids
                ids.add(outcome.id)
                new = guidance.learn(plan, outcome, kept, kernels)
                row = curve.ways.setdefault(plan.how, [0, 0, 0])
                curve.ways[plan.how] = [row[0] + 1, row[1] + len(new), row[2] + (plan.how != outcome.how)]
                if outcome.line is not None:
                    shapes.add(shape(json.loads(outcome.line)["python_source"]))
                elif outcome.verdict is Verdict.MISMATCH:
                    shown = [number for number in planted if number in outcome.features]
                    found |= {planted.pop(number).key for number in shown}
            guidance.merged(batch)
            curve.seconds.append(time.process_time() - started - not_counted)
            curve.kernels.append(kernels)
            figures = {"features": len(guidance.coverage.counts), "shapes": len(shapes), "faults found": len(found)}
            figures |= {f"{name}s": group.covered for name, group in guidance.coverage.groups().items()}
            for name, value in figures.items():
                curve.figures.setdefault(name, []).append(value)
    return curve


def choose_faults(count: int) -> list[Planted]:
    """Return faults for so many overloads, the same for every run: those with results that can be added up."""
    from extractor.overloads_used import cpp_type
    from grammar import focus
    from grammar.types import Matrix, Scalar, Vector

    eligible = [
        Planted(one.key, one.native, tuple(map(cpp_type, one.concrete.types)))
        for one in focus.everything()
        if one.concrete is not None and one.types and len(one.concrete.results) == 1
        if all(isinstance(type_, Scalar | Vector | Matrix) for type_ in (*one.concrete.types, *one.concrete.results))
    ]
    return random.Random("faults").sample(eligible, count)


def plant(faults: Sequence[Planted]) -> dict[int, Planted]:
    """Break Warp's code generator in this process; returns the faults by their overloads' features.

    What is taken out of that is mended.
    """
    from warp._src.codegen import Adjoint

    from fuzzer.features import feature

    planted = {feature("overload", fault.key): fault for fault in faults}
    generate = Adjoint.add_forward

    def add_forward(adj: Any, statement: str, *arguments: Any, **options: Any) -> None:
        generate(adj, statement, *arguments, **options)
        called = re.fullmatch(r"var_(\w+) = wp::(\w+)\(([^()]*)\);", statement)
        native = [one for one in planted.values() if called and one.native == called[2]]
        if native and tuple(_types(adj, called[3])) in {one.types for one in native}:
            name = f"var_{called[1]}"
            is_flag = _type_of(adj, name) == "bool"
            generate(adj, f"{name} = {f'!{name}' if is_flag else f'wp::add({name}, {name})'};", skip_replay=True)

    Adjoint.add_forward = add_forward
    return planted


def _types(adj: Any, arguments: str) -> Iterator[str]:
    for name in arguments.split(", "):
        yield _type_of(adj, name)


def _type_of(adj: Any, name: str) -> str:
    """Return the C++ type of a variable of the function that is generated, empty for a literal."""
    for variable in (*adj.variables, *adj.args):
        if variable.emit() == name:
            return re.sub(r"[\s&*]", "", variable.ctype())
    return ""


if __name__ == "__main__":
    main()
