"""The export itself: one pass over the corpus writes the rows of every configuration and counts for the card."""

from __future__ import annotations

import contextlib
import heapq
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractor.corpus import read_corpus
from extractor.derived import level_of
from extractor.manifest import read_manifest
from extractor.record import BadRecordError, Record
from fuzzer.export.broken import Broken, Working, break_all
from fuzzer.export.card import export_card
from fuzzer.export.rows import CONFIGS, ERRORS, Column, row
from fuzzer.export.writers import SplitWriter, require_pyarrow
from fuzzer.export.written import Written
from grammar.errors import UserError

README = "README.md"
ERRORS_CONFIG = "errors"


@dataclass(frozen=True)
class ExportOptions:
    """What to write: `errors` is how many kernels are broken on purpose for the configuration of that name."""

    corpus: Path
    out: Path
    format: str
    errors: int
    workers: int


Tick = Callable[[int, int], None]
"""Called with the numbers of records that are done and that there are."""


def export(options: ExportOptions, tick: Tick = lambda done, total: None) -> Written:
    """Write the data set, whole or not at all. Raises UserError for a corpus or a folder that will not do."""
    if options.format == "parquet":
        require_pyarrow()
    result = Written(read_manifest(options.corpus))
    with _new_folder(options.out) as folder:
        chosen = _write_records(options, folder, result, tick)
        if options.errors:
            _write_errors(options, folder, result, break_all(chosen, options.workers))
        (folder / README).write_text(export_card(result, options.format), encoding="utf-8")
    return result


@contextlib.contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` that takes its place when all went well."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already: give another --out, or remove it")
    part = out.with_name(out.name + ".part")
    try:
        if part.exists():
            shutil.rmtree(part)
        part.mkdir(parents=True)
        yield part
        if out.exists():
            out.rmdir()
        part.rename(out)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


class _Writers:
    """The writers of all splits of one configuration, opened as they are needed."""

    def __init__(self, folder: Path, columns: tuple[Column, ...], format_: str) -> None:
        self._folder, self._columns, self._format = folder, columns, format_
        self._splits: dict[str, SplitWriter] = {}

    def add(self, split: str, of: Record | Broken) -> None:
        """Write what a record, or a broken kernel, gives to its split."""
        if split not in self._splits:
            self._splits[split] = SplitWriter(self._folder, split, self._columns, self._format)
        self._splits[split].add(row(self._columns, of))

    def close(self, name: str, result: Written) -> None:
        """Finish the files, and note how much there is of each split."""
        for writer in self._splits.values():
            writer.close()
        result.rows[name] = {split: writer.examples for split, writer in self._splits.items()}
        result.bytes[name] = {split: writer.bytes for split, writer in self._splits.items()}


def _write_records(options: ExportOptions, folder: Path, result: Written, tick: Tick) -> list[Working]:
    """Write the configurations that are made of records; returns which of them are to be broken.

    Those with the least ids are: a choice that hardly changes as the corpus grows.
    """
    writers = {name: _Writers(folder / name, columns, options.format) for name, columns in CONFIGS.items()}
    chosen: list[tuple[int, Working]] = []
    for done, record in enumerate(_records(options.corpus), start=1):
        split = _plain(record.metadata["split"])
        for writer in writers.values():
            writer.add(split, record)
        result.survey.add(record)
        result.duplicates.add(record)
        working = Working(record.id, record.python_source, record.metadata["category"], level_of(record), split)
        heapq.heappush(chosen, (-int(record.id, 16), working))
        if len(chosen) > options.errors:
            heapq.heappop(chosen)
        tick(done, result.manifest.records)
    for name, writer in writers.items():
        writer.close(name, result)
    return [working for _, working in sorted(chosen, key=lambda entry: -entry[0])]


def _write_errors(options: ExportOptions, folder: Path, result: Written, broken: list[Broken]) -> None:
    writers = _Writers(folder / ERRORS_CONFIG, ERRORS, options.format)
    for one in broken:
        writers.add(one.split, one)
    writers.close(ERRORS_CONFIG, result)


def _records(corpus: Path) -> Iterator[Record]:
    for line in read_corpus(corpus):
        try:
            yield Record.from_line(line.data)
        except BadRecordError as error:
            raise UserError(f"{line.shard}, line {line.number}: {error}") from None


def _plain(split: Any) -> str:
    """Return a split's name, which becomes that of a file; raises UserError for what is not one word."""
    if not isinstance(split, str) or not split.isidentifier():
        raise UserError(f"a record's split is no plain word: {split!r}")
    return split
