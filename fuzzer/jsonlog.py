"""`--json-log`: one JSON object a line, whenever the merge has moved on, for people who plot or watch a campaign."""

from __future__ import annotations

import json
from pathlib import Path

from fuzzer.progress import Progress
from grammar.errors import UserError


class JsonLog:
    """Appends snapshots to a file, or to nothing when there is no path."""

    def __init__(self, path: Path | None):
        """Open `path` for appending; raises UserError when that is not possible."""
        self._kernels = -1
        try:
            self._file = None if path is None else path.open("a", encoding="utf-8")
        except OSError as error:
            raise UserError(f"cannot write the log {path}: {error.strerror}") from error

    def write(self, progress: Progress) -> None:
        """Append the snapshot if kernels were merged since the last one."""
        if self._file is None or progress.kernels == self._kernels:
            return
        self._kernels = progress.kernels
        try:
            self._file.write(json.dumps(progress.to_json(), sort_keys=True) + "\n")
            self._file.flush()
        except OSError as error:
            raise UserError(f"cannot write the log {self._file.name}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
