"""The files of a data set: rows go into `CONFIG/SPLIT-00000.parquet` or `.jsonl`, a new one when the last is large.

Rows are gathered into groups of a few megabytes; no more of them is ever in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from fuzzer.export.rows import INTEGER, STRINGS, Column
from grammar.errors import UserError

FORMATS = ("parquet", "jsonl")

GROUP_BYTES = 8 * 10**6
"""Text of the rows that are written together."""

FILE_BYTES = 500 * 10**6
"""Text of the rows of one file, before compression."""


class File(Protocol):
    """One open file of rows."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class SplitWriter:
    """Writes the rows of one split of one configuration; `examples` and `bytes` say how many, and how much text."""

    def __init__(self, folder: Path, split: str, columns: Sequence[Column], format_: str) -> None:
        self._folder, self._split, self._columns, self._format = folder, split, columns, format_
        self._rows: list[Mapping[str, Any]] = []
        self._waiting = self._in_file = self._files = 0
        self._file: File | None = None
        self.examples = 0
        self.bytes = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add one row."""
        size = sum(len(value) if isinstance(value, str) else 8 for value in row.values())
        self._rows.append(row)
        self._waiting += size
        self.examples += 1
        self.bytes += size
        if self._waiting >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left and finish the file."""
        self._flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._file is None:
            name = f"{self._split}-{self._files:05d}.{self._format}"
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = open_file(self._folder / name, self._columns, self._format)
            self._files += 1
        self._file.write(self._rows)
        self._in_file += self._waiting
        self._rows, self._waiting = [], 0
        if self._in_file >= FILE_BYTES:
            self._file.close()
            self._file, self._in_file = None, 0


def open_file(path: Path, columns: Sequence[Column], format_: str) -> File:
    """Open a file of rows for writing; raises UserError for Parquet without the package that writes it."""
    return _Parquet(path, columns) if format_ == "parquet" else _Lines(path)


class _Lines:
    """A file of JSON objects, one a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._file.writelines(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)

    def close(self) -> None:
        self._file.close()


class _Parquet:
    """A Parquet file, compressed, with a row group for each call."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        require_pyarrow()
        import pyarrow
        import pyarrow.parquet

        kinds = {INTEGER: pyarrow.int64(), STRINGS: pyarrow.list_(pyarrow.string())}
        self._pyarrow = pyarrow
        self._schema = pyarrow.schema([(column.name, kinds.get(column.type, pyarrow.string())) for column in columns])
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._writer.write_table(self._pyarrow.Table.from_pylist([dict(row) for row in rows], schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def require_pyarrow() -> None:
    """Raise UserError where Parquet cannot be written."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise UserError("--format parquet needs pyarrow: pip install 'warpsmith[parquet]', or take jsonl") from None
