"""The minimiser against generic reducers on kernels that fail, with the same predicate: size, candidates, time.

    python tests/benchmarks/minimiser.py [--kernels 30] [--first 0] [--seconds 120] [--json FILE] [--sum FILE ...]
                                         [--reducers ours,hypothesis,cvise]

A fault is planted in this process: in what Warp's code generator writes for one overload, so that both targets are
wrong and the reference accuses, or in the PTX of one instruction, so that the targets differ. Hypothesis draws kernels
from `grammar.strategies` until one fails. That kernel is what all reducers begin with: Hypothesis goes on to shrink it,
C-Vise (Debian's package `cvise`, which asks this process through a socket, without a start of Warp for each candidate)
cuts its text, and the minimiser works on its tree; each for at most `--seconds` CPU seconds. The predicate is the same
for all: the source is inside the grammar and the same accuser accuses it. The minimiser may also change what is passed,
which the others cannot, and whose cost is counted as its own.

Prints each kernel's size in tokens before and after, candidates, modules compiled, wall and CPU seconds, and medians.
CPU seconds are of this process, which compiles and judges one candidate or one batch at a time, and of the reducer's.
`--sum` prints the tables of earlier `--json` files instead of running anything.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

from guided import Planted, plant
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.internal.conjecture import engine

from extractor.compiling import CompileOptions
from extractor.ptx_text import PtxText
from extractor.warp_setup import Workspace, open_workspace
from grammar.kernel import Kernel
from grammar.recogniser import accept
from grammar.strategies import kernels
from oracle.backends import cpu, emulator
from oracle.judge import DIRECTIONS, Judge
from oracle.observation import Observation
from oracle.probes import Probe, Prober, What
from oracle.reduce.accuser import Accuser, accuser_of
from oracle.reduce.asking import explicit
from oracle.reduce.cost import count_tokens
from oracle.reduce.minimise import Minimisation, language_of
from oracle.reduce.search import does_something, with_source
from oracle.reduce.testing import Journal
from oracle.reduce.trying import Trial, Tried, Trier
from oracle.rerun import Case

REDUCERS = ("ours", "hypothesis", "cvise")

_NUMBERS = ("float32 float32", "int32 int32")
OVERLOADS = {
    "add": (*_NUMBERS, "vec_t<3,float32> vec_t<3,float32>"),
    "sub": (*_NUMBERS, "vec_t<3,float32> vec_t<3,float32>"),
    "mul": (*_NUMBERS, "float64 float64", "vec_t<3,float32> float32"),
    "min": _NUMBERS,
    "max": _NUMBERS,
    "div": ("float32 float32",),
    "mod": ("int32 int32",),
    **dict.fromkeys(("abs", "sqrt", "sin", "exp", "floor"), ("float32",)),
}
"""Native functions with the types of their arguments: faults of the code generator."""

INSTRUCTIONS = (
    (r"\badd(\.rn)?\.f32\b", "sub.rn.f32"),
    (r"\bsub(\.rn)?\.f32\b", "add.rn.f32"),
    (r"\bmul(\.rn)?\.f32\b", "add.rn.f32"),
    (r"\bmin\.f32\b", "max.f32"),
    (r"\bmax\.f32\b", "min.f32"),
    (r"\babs\.f32\b", "neg.f32"),
    (r"\bmin\.s32\b", "max.s32"),
    (r"\bsetp\.gt\.f32\b", "setp.lt.f32"),
)
"""Instructions and what is executed in their place: faults of one target."""

EXAMPLES = 400
"""Kernels that Hypothesis draws for one fault before it is given up."""

SIZE = 14
"""How many statements the kernels have about, at most."""

LEAST = 800
"""Characters that a kernel has at least to begin with."""


@dataclass(frozen=True)
class Row:
    """What one reducer made of one kernel; `complete` says that it came to its end by itself."""

    fault: str
    reducer: str
    before: int
    after: int
    candidates: int
    modules: int
    wall: float
    cpu: float
    complete: bool
    source: str


NUMBERS = ("before", "after", "candidates", "modules", "wall", "cpu")
"""The fields of a row of which there are medians."""


@dataclass(frozen=True)
class Fault:
    """A fault of an overload of a native function, or of an instruction of PTX."""

    name: str
    native: str = ""
    types: str = ""
    instruction: tuple[str, str] | None = None


@dataclass
class Bench:
    """Judges candidates in this process under the fault that is planted, and counts what that takes."""

    workspace: Workspace
    planted: dict[int, Planted]
    instruction: tuple[str, str] | None = None
    candidates: int = 0
    compiles: int = 0

    def plant(self, fault: Fault) -> None:
        """Plant one fault in the place of the one before."""
        self.instruction = fault.instruction
        self.planted.clear()
        if fault.native:
            types = re.sub(r"\b(?=float|int|vec_t)", "wp::", fault.types).split()
            self.planted[0] = Planted(fault.name, fault.native, tuple(types))

    def run(self, compiled: Any, dims: Sequence[int], inputs: Any, backward: bool = False, **how: Any) -> Observation:
        """Execute a kernel's PTX with the fault, if it is one of instructions."""
        if self.instruction is not None:
            compiled = replace(compiled, ptx=PtxText(re.sub(*self.instruction, compiled.ptx.text)))
        return emulator.run(compiled, dims, inputs, backward, **how)

    def accuser(self, case: Case) -> Accuser | None:
        """Return who accuses a case."""
        judge = Judge(cpu, self, "emulator", DIRECTIONS)
        self.compiles += 1
        probe = Probe(What.JUDGE, case)
        return accuser_of(Prober(self.workspace, judge, {"cpu": cpu, "cuda": self}, "emulator").answer(probe))

    def tester(self, accuser: Accuser) -> Tester:
        """Return what tries candidates for an accuser."""
        judges = (Judge(cpu, self, "emulator", directions) for directions in (DIRECTIONS, None))
        return Tester(self, Trier(self.workspace, *judges), accuser)


@dataclass
class Tester:
    """Says of cases whether an accuser accuses them."""

    bench: Bench
    trier: Trier
    accuser: Accuser

    @property
    def compiles(self) -> int:
        """How many modules were compiled."""
        return self.bench.compiles

    def ask(self, cases: Sequence[Case]) -> list[Tried]:
        """Compile the cases as one module and judge each."""
        self.bench.candidates += len(cases)
        self.bench.compiles += 1
        return self.trier.run([Trial(case, self.accuser) for case in cases])

    def shows(self, case: Case, source: str) -> bool:
        """Whether a text shows it, launched as the case: the predicate of the generic reducers."""
        try:
            if accept(source) is not None or not does_something(source):
                self.bench.candidates += 1
                return False
        except (SyntaxError, StopIteration):
            self.bench.candidates += 1
            return False
        return self.ask([with_source(case, source)])[0].shows


def main() -> None:
    """Run the kernels that are asked for, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=30)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--reducers", default=",".join(REDUCERS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sum", type=Path, nargs="+")
    options = parser.parse_args()
    if options.sum:
        report([Row(**one) for path in options.sum for one in json.loads(path.read_text())])
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch, open_workspace(Path(scratch)) as workspace:
        bench = Bench(workspace, plant([]))
        for fault in _faults()[options.first : options.first + options.kernels]:
            for row in _compared(fault, bench, options.reducers.split(","), options.seconds):
                rows.append(row)
                print(in_words(row), flush=True)
            if options.json:
                options.json.write_text(json.dumps([asdict(row) for row in rows]))
    report(rows)


def _faults() -> list[Fault]:
    """Return the faults, those of instructions among those of the code generator."""
    overloads = [Fault(f"{name}({types})", name, types) for name, several in OVERLOADS.items() for types in several]
    step = len(overloads) // len(INSTRUCTIONS)
    found: list[Fault] = []
    for number, (old, new) in enumerate(INSTRUCTIONS):
        found += [*overloads[number * step : (number + 1) * step], Fault(f"{old} -> {new}", instruction=(old, new))]
    return found + overloads[len(INSTRUCTIONS) * step :]


def _compared(fault: Fault, bench: Bench, reducers: Sequence[str], seconds: float) -> Iterator[Row]:
    """Find a kernel that fails under a fault, and yield what each reducer makes of it."""
    bench.plant(fault)
    shrinking = Shrinking(bench, seconds if "hypothesis" in reducers else 0.0)
    shrinking.run(fault.name)
    if shrinking.case is None or shrinking.tester is None or shrinking.accuser is None:
        print(f"{fault.name}: none of {EXAMPLES} kernels shows it", flush=True)
        return
    case, tester = shrinking.case, shrinking.tester
    before = count_tokens(case.source)

    def row(reducer: str, result: tuple[str, bool], spent: Spent) -> Row:
        found, ended = result
        return Row(fault.name, reducer, before, count_tokens(found), *spent.so_far(), ended, found)

    if "hypothesis" in reducers:
        yield row("hypothesis", (shrinking.best, shrinking.ended), shrinking.spent)
    if "ours" in reducers:
        spent = Spent(bench)
        deadline = time.monotonic() + 20 * seconds  # in case that nothing else stops it; CPU seconds are what counts
        search = Minimisation(case, language_of(case, shrinking.accuser), Journal(tester), deadline=deadline)
        yield row("ours", (search.run().source, search.is_minimal), spent)
    if "cvise" in reducers and shutil.which("cvise"):
        spent = Spent(bench)
        yield row("cvise", by_cvise(case, tester, spent, seconds), spent)


class Spent:
    """What was spent since it was made: candidates, modules, wall and CPU seconds, until it is asked first."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._start = self._now()
        self._end: list[float] | None = None

    def _now(self) -> list[float]:
        usage = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
        cpu = sum(one.ru_utime + one.ru_stime for one in usage)
        return [self._bench.candidates, self._bench.compiles, time.monotonic(), cpu]

    @property
    def cpu(self) -> float:
        """CPU seconds so far, of this process and of those that have ended."""
        return self._now()[3] - self._start[3]

    def so_far(self) -> tuple[int, int, float, float]:
        """Return candidates, modules, wall seconds, CPU seconds."""
        self._end = self._end or self._now()
        found = [end - start for end, start in zip(self._end, self._start, strict=True)]
        return int(found[0]), int(found[1]), found[2], found[3]

    def stop(self) -> None:
        """Count no further."""
        self._end = self._end or self._now()


class Shrinking:
    """Hypothesis draws kernels until one fails, and shrinks that one for so many CPU seconds."""

    def __init__(self, bench: Bench, seconds: float) -> None:
        self.case: Case | None = None
        self.accuser: Accuser | None = None
        self.tester: Tester | None = None
        self.best = ""
        self.ended = False
        self.spent = Spent(bench)
        self._bench = bench
        self._seconds = seconds
        self._drawn = 0

    def run(self, fault: str) -> None:
        """Draw and shrink, by a seed of the fault's own."""
        # five minutes of wall time are its own limit, which would hit it alone where the machine is busy
        engine.MAX_SHRINKING_SECONDS = 10**6

        @seed(zlib.crc32(fault.encode()))
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.integers(2, SIZE).flatmap(lambda size: kernels(size=size)))
        def fails(kernel: Kernel) -> None:
            assert not self._shows(kernel)

        try:
            fails()
        except AssertionError:
            self.ended = True  # the least failing kernel, shown once more
        except HypothesisException:
            pass  # the time was over: what failed then fails no more, which it calls flaky
        self.spent.stop()

    def _shows(self, kernel: Kernel) -> bool:
        arguments = [one.to_json() for one in kernel.arguments]
        case = Case(kernel.source, CompileOptions(backward=False), (1,), kernel.dims, arguments)
        if kernel.block_dim:
            return False
        self._drawn += 1
        if self.case is None:
            # the simplest kernel comes first, and is what all shrinking ends with
            if self._drawn == 1 or len(kernel.source) < LEAST:
                return False
            accuser = self._bench.accuser(case)
            if accuser is None or accuser.known:
                return False
            self.case, self.accuser, self.tester = explicit(case), accuser, self._bench.tester(accuser)
            self.best, self.spent = case.source, Spent(self._bench)
            return True
        if self.spent.cpu > self._seconds or self.tester is None:
            return False
        shows = self.tester.ask([case])[0].shows
        if shows and count_tokens(case.source) < count_tokens(self.best):
            self.best = case.source
        return shows


CLIENT = """#!{python} -S
import socket
with socket.socket(socket.AF_UNIX) as link:
    link.connect({path!r})
    link.sendall(open("kernel.py", "rb").read())
    link.shutdown(socket.SHUT_WR)
    raise SystemExit(0 if link.recv(1) == b"1" else 1)
"""
"""The interestingness test: it asks this process."""


def by_cvise(case: Case, tester: Tester, spent: Spent, seconds: float) -> tuple[str, bool]:
    """Return what C-Vise makes of a kernel, and whether it came to its end."""
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as server:
        folder = Path(name)
        path = folder / "socket"
        server.bind(str(path))
        server.listen()
        server.settimeout(0.2)
        test = folder / "test.py"
        test.write_text(CLIENT.format(python=sys.executable, path=str(path)))
        test.chmod(0o755)
        (folder / "kernel.py").write_text(case.source)
        call = ["cvise", "--not-c", "--n", "1", "--timeout", "600", str(test), "kernel.py"]
        reducing = subprocess.Popen(
            call, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        known: dict[str, bool] = {}
        while reducing.poll() is None and spent.cpu < seconds:
            try:
                link, _ = server.accept()
            except TimeoutError:
                continue
            with link:
                source = b"".join(iter(lambda link=link: link.recv(1 << 16), b"")).decode(errors="replace")
                if source not in known:
                    known[source] = tester.shows(case, source)
                link.sendall(b"1" if known[source] else b"0")
        ended = reducing.poll() is not None
        if not ended:
            os.killpg(reducing.pid, signal.SIGTERM)
        reducing.wait()
        return (folder / "kernel.py").read_text(), ended


def in_words(row: Row) -> str:
    """Return a row as a line."""
    return (
        f"{row.fault}: {row.reducer} {row.before} -> {row.after} tokens, {row.candidates} candidates, "
        f"{row.modules} modules, {row.wall:.1f} s, {row.cpu:.1f} CPU s{'' if row.complete else ', not at its end'}"
    )


def report(rows: Sequence[Row]) -> None:
    """Print the medians by reducer, and how often the minimiser's result is no larger than another's."""
    faults = list(dict.fromkeys(row.fault for row in rows))
    by = {(row.fault, row.reducer): row for row in rows}
    print(f"{len(faults)} kernels; medians")
    print(f"{'':12}{'before':>8}{'after':>7}{'candidates':>12}{'modules':>9}{'wall s':>9}{'CPU s':>8}{'ended':>7}")
    for reducer in REDUCERS:
        own = [row for row in rows if row.reducer == reducer]
        if own:
            before, after, candidates, modules, wall, cpu_seconds = (
                statistics.median(getattr(row, name) for row in own) for name in NUMBERS
            )
            print(
                f"{reducer:12}{before:8.0f}{after:7.0f}{candidates:12.0f}{modules:9.0f}{wall:9.1f}{cpu_seconds:8.1f}"
                f"{sum(row.complete for row in own):4}/{len(own)}"
            )
    for other in REDUCERS[1:]:
        both = [fault for fault in faults if {(fault, "ours"), (fault, other)} <= set(by)]
        pairs = [(by[fault, "ours"], by[fault, other]) for fault in both]
        if pairs:
            smaller = sum(ours.after <= theirs.after for ours, theirs in pairs)
            share = statistics.median(ours.cpu / theirs.cpu for ours, theirs in pairs)
            told = f"smaller or equal on {smaller} of {len(pairs)}, in {share:.2f} of its CPU time (median)"
            print(f"against {other}: {told}")


if __name__ == "__main__":
    main()
