"""A corpus is re-verified from nothing: files, records, and what Warp and both targets make of every kernel today.

Nothing of a record is executed before the recogniser has accepted its source, and then in a worker process.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from extractor.compiling import CompileOptions
from extractor.corpus import Line, corpus_faults, read_corpus
from extractor.manifest import MANIFEST, read_manifest
from extractor.record import BadRecordError, Record, block_dim_of
from grammar.canonical import kernel_id
from grammar.kernel import Argument
from grammar.recogniser import accept
from oracle.observation import Verdict
from oracle.pool import Death, Pool
from oracle.rerun import Case, Rerun, start_worker

CHECKS = {
    "files": "shards are as the manifest says: size, records, SHA-256",
    "schema": "a record's fields and their types",
    "ids": "the id is the hash of the canonical source",
    "recogniser": "the source is inside the grammar",
    "duplicates": "no other record has the same canonical source",
    "compile": "Warp compiles the source for both targets",
    "C++": "the C++ is what Warp makes today",
    "CUDA": "the CUDA C++ is what Warp makes today",
    "PTX": "the PTX is what NVRTC makes today",
    "behaviour": "both targets agree on the record's inputs, and no other oracle accuses",
}
"""What is checked, in the order of the table."""

JOB_SIZE = 16
"""Records that are compiled as one module: the cost of a module is spread, and a crash costs few records a retry."""


LARGEST_LAUNCH = 1 << 16
"""Threads and array elements that a record may ask for: a hundred times what records have, and harmless."""


@dataclass(frozen=True)
class CheckOptions:
    """`sample` records, chosen by `seed`, are compiled and run again; all of them if it is None. `cuda` is the back end
    for that target, `device` or `emulator`, and `versions` are those of the installed Warp, as records hold them.
    """

    sample: int | None
    seed: int
    workers: int
    cuda: str
    versions: Mapping[str, Any]


@dataclass(frozen=True)
class BadRecord:
    """Something wrong: in which shard and line (0 for the file itself), which record (its id, if that can be read)."""

    shard: str
    line: int
    id: str
    reason: str


@dataclass
class Report:
    """What was checked, how often, and what was found. `skipped` says why a check left records out."""

    checked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, Counter[str]] = field(default_factory=dict)
    bad: list[BadRecord] = field(default_factory=list)
    records: int = 0

    def note(self, check: str, place: tuple[str, int, str], problem: str | None) -> bool:
        """Count one check; returns whether it passed. `place` is the shard, the line and the record's id."""
        self.checked[check] += 1
        if problem is not None:
            self.failed[check] += 1
            self.bad.append(BadRecord(*place, problem))
        return problem is None

    def skip(self, check: str, reason: str) -> None:
        """Count one check that could not be made."""
        self.skipped.setdefault(check, Counter())[reason] += 1


Tick = Callable[[int, int], None]
"""Called with the numbers of records that are done and that there are."""


def check_corpus(path: Path, options: CheckOptions, tick: Tick = lambda done, total: None) -> Report:
    """Check the corpus folder or the one shard file at `path`. Raises UserError if it is neither."""
    report = Report()
    _check_files(path, report)
    chosen = _choose(sum(1 for _ in read_corpus(path)), options)
    with Pool(partial(start_worker, options.cuda), options.workers) as pool:
        checker = _Checker(report, options, pool, chosen, tick)
        for line in read_corpus(path):
            checker.read(line)
        checker.finish()
    report.bad.sort(key=lambda bad: (bad.shard, bad.line))
    return report


def _check_files(path: Path, report: Report) -> None:
    """Compare the shard files with the manifest; a single shard has one only if it still lies in its corpus."""
    corpus = path if path.is_dir() else path.parent
    if path.is_file() and not (corpus / MANIFEST).is_file():
        report.skip("files", "a shard without a manifest beside it")
        return
    faults = {fault.shard: fault.reason for fault in corpus_faults(corpus)}
    listed = [shard.name for shard in read_manifest(corpus).shards]
    wanted = sorted({*listed, *faults}) if path.is_dir() else [path.name]
    for name in wanted:
        report.note("files", (name, 0, ""), faults.get(name))


def _choose(total: int, options: CheckOptions) -> frozenset[int]:
    """Return the positions, counted through all shards, of the records to compile and run again."""
    if options.sample is None or options.sample >= total:
        return frozenset(range(total))
    return frozenset(random.Random(options.seed).sample(range(total), options.sample))


@dataclass(frozen=True)
class _Waiting:
    """A record whose rerun is under way, and where it stands."""

    place: tuple[str, int, str]
    record: Record


class _Checker:
    """Reads records one after another, checks them as text, and has the chosen ones run in the pool's workers."""

    def __init__(
        self, report: Report, options: CheckOptions, pool: Pool[Case, Rerun], chosen: frozenset[int], tick: Tick
    ) -> None:
        self._report = report
        self._options = options
        self._pool = pool
        self._chosen = chosen
        self._tick = tick
        self._seen: dict[str, str] = {}
        self._gathered: list[_Waiting] = []
        self._jobs: dict[int, list[_Waiting]] = {}
        self._keys = count()
        self._done = 0

    def read(self, line: Line) -> None:
        """Check one record, and have it run if it is among the chosen ones."""
        record = self._check_text(line)
        if record is not None and self._report.records in self._chosen:
            self._gathered.append(_Waiting((line.shard, line.number, record.id), record))
        self._report.records += 1
        if len(self._gathered) == JOB_SIZE:
            self._submit()
        self._collect(at_most=2 * self._options.workers)

    def finish(self) -> None:
        """Wait for the records that are still being run."""
        self._submit()
        self._collect(at_most=0)

    def _check_text(self, line: Line) -> Record | None:
        """Check what can be told without running anything; returns the record if it may be run."""
        report = self._report
        try:
            record = Record.from_line(line.data)
        except BadRecordError as error:
            report.note("schema", (line.shard, line.number, _id_of_broken(line.data)), str(error))
            return None
        place = (line.shard, line.number, record.id)
        if not report.note("schema", place, _unfit(record.metadata)):
            return None
        rejection = accept(record.python_source)
        refused = None if rejection is None else f"not accepted: line {rejection}"
        if not report.note("recogniser", place, refused):
            return None
        identity = kernel_id(record.python_source)
        wrong = None if identity == record.id else f"the source's id is {identity}: source or id was altered"
        genuine = report.note("ids", place, wrong)
        here = f"{line.shard} line {line.number}"
        first = self._seen.setdefault(identity, here)
        single = report.note("duplicates", place, None if first == here else f"duplicate of {first}")
        return record if genuine and single else None

    def _submit(self) -> None:
        if self._gathered:
            key = next(self._keys)
            self._jobs[key] = self._gathered
            self._pool.submit(key, [_case(waiting.record) for waiting in self._gathered])
            self._gathered = []

    def _collect(self, at_most: int) -> None:
        """Take in what workers have finished, until at most this many jobs are under way."""
        while self._pool.unfinished > at_most:
            for key, outcomes in self._pool.completed(timeout=0.5):
                assert isinstance(key, int)
                waiting = self._jobs.pop(key)
                for one, outcome in zip(waiting, outcomes, strict=True):
                    self._judge(one, outcome)
                self._done += len(waiting)
                self._tick(self._done, len(self._chosen))

    def _judge(self, waiting: _Waiting, outcome: Rerun | Death) -> None:
        report, place = self._report, waiting.place
        if isinstance(outcome, Death):
            report.note("behaviour", place, f"{'hang' if outcome.hang else 'crash'}: {outcome.reason}")
            return
        if not report.note("compile", place, outcome.refusal or None):
            return
        self._compare_texts(waiting, outcome)
        (judgement,) = outcome.judgements
        agrees = judgement.verdict in (Verdict.MATCH, Verdict.DOCUMENTED)  # both targets do, within documented limits
        report.note("behaviour", place, None if agrees else f"{judgement.verdict}: {judgement.reason}")

    def _compare_texts(self, waiting: _Waiting, outcome: Rerun) -> None:
        stored, today = waiting.record.artifacts, outcome.artifacts
        then, now = waiting.record.metadata["versions"], self._options.versions
        texts = {"C++": ("cpp_forward", "cpp_backward"), "CUDA": ("cuda_forward", "cuda_backward"), "PTX": ("ptx",)}
        for check, names in texts.items():
            needed = ("warp", "cuda_toolkit") if check == "PTX" else ("warp",)
            changed = next((name for name in needed if then.get(name) != now.get(name)), None)
            if changed is not None:
                self._report.skip(check, f"made with {changed} {then.get(changed)}, here is {now.get(changed)}")
            elif check != "PTX" or stored.ptx:
                differing = [name for name in names if getattr(stored, name) != getattr(today, name)]
                problem = f"{' and '.join(differing)} is not what Warp makes of the source" if differing else None
                self._report.note(check, waiting.place, problem)


def _unfit(metadata: Mapping[str, Any]) -> str | None:
    """Say what in a record's metadata keeps it from being run: a stranger may have written it."""
    if type(metadata["versions"].get("arch", CompileOptions.arch)) is not int:
        return "metadata.versions.arch is not an integer"
    shapes = [Argument.from_json(argument).shape for argument in metadata["arguments"]]
    extents = [(*metadata["launch_dims"], max(block_dim_of(metadata), 1)), *shapes]
    if all(min(shape, default=0) >= 0 and math.prod(shape) <= LARGEST_LAUNCH for shape in extents):
        return None
    return f"a launch or an array of more than {LARGEST_LAUNCH} elements, or of less than none"


def _case(record: Record) -> Case:
    metadata = record.metadata
    return Case(
        source=record.python_source,
        options=CompileOptions(
            backward=bool(record.artifacts.cpp_backward),
            arch=metadata["versions"].get("arch", CompileOptions.arch),
            emit_ptx=bool(record.artifacts.ptx),
        ).for_blocks_of(block_dim_of(metadata)),
        input_seeds=(metadata["input_seed"],),
        dims=tuple(metadata["launch_dims"]),
        arguments=metadata["arguments"],
    )


def _id_of_broken(line: bytes) -> str:
    """Return the id that a line seems to have although it is no record, or nothing."""
    _, _, rest = line.partition(b'"id":"')
    identity, quote, _ = rest[:80].partition(b'"')
    return identity.decode("ascii", errors="replace") if quote else ""
