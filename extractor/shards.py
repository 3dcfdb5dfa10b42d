"""Writing a corpus so that nothing finished is ever lost, and an interrupted run continues to the same bytes.

Records are appended to a shard under a temporary name. A shard closes when the next record would exceed its size, so
its end depends on the records alone; it is then synced, renamed and, at the next checkpoint, listed in the manifest.
A checkpoint also marks how much of the shard still being filled belongs to the campaign's state: after a kill, what
was written beyond the mark is cut off, and the campaign makes it again.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from extractor.manifest import (
    MANIFEST,
    PART,
    Manifest,
    Shard,
    read_manifest,
    shard_name,
    sync_folder,
    write_atomically,
    write_bytes_atomically,
)
from extractor.record import MAX_LINE_BYTES
from grammar.errors import UserError

SHARD_BYTES = 20 * 10**6
"""Default size of a shard: small enough to read at once, large enough that a gigabyte is fifty files."""

README = "README.md"
FINDINGS = "findings"

STATE = "state-*.gz"
"""Names of the file with the part of a campaign's state that is too large for the manifest, which says which it is: the
name is made of its content, so that a manifest and its state cannot be mixed up whenever a run ends.
"""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class CorpusWriter:
    """A corpus folder open for writing, by one process at a time.

    Every method raises UserError when the folder cannot be written (full disk, read-only): the records up to the last
    checkpoint are safe then. `campaign` is the state given to the last checkpoint or seal, empty for a new corpus.
    """

    def __init__(self, path: Path, provenance: Mapping[str, Any], shard_bytes: int = SHARD_BYTES) -> None:
        """Open a corpus to go on with it, or make one in a folder that is absent or empty.

        `provenance` (JSON values: versions, seed, options) is noted with every shard finished from now on. A corpus
        keeps the shard size that it was made with. Raises UserError if the folder is anything else, or in use.
        """
        self.path = path
        self.provenance = provenance
        self._file: BinaryIO | None = None
        self._sealed: Manifest | None = None
        self._open = Shard(shard_name(0), 0, 0, "", provenance)
        self._hash = hashlib.sha256()
        with self._writing():
            self._lock = _prepare_folder(path)
        try:
            if (path / MANIFEST).exists():
                self._manifest = read_manifest(path)
                with self._writing():
                    self._resume()
            else:
                self._manifest = Manifest(shard_bytes=shard_bytes)
                with self._writing():
                    _remove_leftovers(path, keep=())
                    write_atomically(path / MANIFEST, self._manifest.to_text())
        except BaseException:
            self.close()
            raise
        self.bytes_at_start = self.total_bytes

    @property
    def campaign(self) -> Mapping[str, Any]:
        """The campaign's state at the last checkpoint."""
        return self._manifest.campaign

    @property
    def manifest(self) -> Manifest:
        """The manifest as of now."""
        return self._manifest

    @property
    def total_bytes(self) -> int:
        """Bytes in all shards, the one being filled included."""
        return self._manifest.bytes + self._open.bytes

    @property
    def total_records(self) -> int:
        """Records in all shards, the one being filled included."""
        return self._manifest.records + self._open.records

    def append(self, line: bytes) -> None:
        """Add one record, as `Record.to_line` gives it."""
        if not line.endswith(b"\n") or b"\n" in line[:-1] or len(line) > MAX_LINE_BYTES:
            raise ValueError("a record is one line with its newline, of bounded length")
        with self._writing():
            self._sealed = None
            if self._open.records and self._open.bytes + len(line) > self._manifest.shard_bytes:
                self._finish_shard()
            self._write(line)

    def checkpoint(self, campaign: Mapping[str, Any], state: bytes = b"") -> None:
        """Make everything appended so far durable, with the campaign's state that goes with it.

        `campaign` (JSON values) goes into the manifest, `state` into a file beside it, which replaces the last one.
        """
        with self._writing():
            if self._file is not None:
                os.fsync(self._file.fileno())
            mark = replace(self._open, sha256=self._hash.hexdigest()) if self._open.records else None
            self._write_state(replace(self._manifest, campaign=campaign, open=mark), state)

    def seal(self, campaign: Mapping[str, Any], state: bytes = b"") -> None:
        """Finish the last shard and list it: the corpus is complete as it is, and can still be continued."""
        with self._writing():
            if self._open.records:
                self._finish_shard()
            self._write_state(replace(self._manifest, campaign=campaign, open=None), state)

    def state(self) -> bytes:
        """Return the state that was given to the last checkpoint, empty if it was or for a new corpus."""
        name = self.campaign.get("state")
        if not name:
            return b""
        if not isinstance(name, str) or not _PLAIN_NAME.fullmatch(name):
            raise UserError(f"{self.path / MANIFEST}: its state is not a plain file name")
        try:
            return gzip.decompress((self.path / name).read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{self.path / name} cannot be read: {error}") from None

    def write_card(self, text: str) -> None:
        """Write the dataset card."""
        with self._writing():
            write_atomically(self.path / README, text)

    def write_finding(self, name: str, files: Mapping[str, str]) -> None:
        """Write the folder of a finding, whole or not at all; one of the same name is replaced."""
        if not all(_PLAIN_NAME.fullmatch(part) for part in (name, *files)):
            raise ValueError(f"not a plain file name among {[name, *files]}")
        with self._writing():
            folder = self.path / FINDINGS / name
            part = folder.with_name(name + PART)
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            for file, text in sorted(files.items()):
                write_atomically(part / file, text)
            if folder.exists():
                shutil.rmtree(folder)
            part.rename(folder)
            sync_folder(folder.parent)

    def lines(self) -> Iterator[bytes]:
        """Yield the records that the corpus holds now, in order, the shard being filled included."""
        names = [shard.name for shard in self._manifest.shards]
        for name in [*names, self._open.name + PART] if self._open.records else names:
            with self._writing(), (self.path / name).open("rb") as file:
                yield from file

    def ids(self) -> Iterator[str]:
        """Yield the ids of the records that the corpus holds now, in order."""
        for line in self.lines():
            try:
                yield json.loads(line)["id"]
            except (ValueError, KeyError, TypeError, RecursionError):
                raise UserError(f"{self.path} holds a broken record: check it with `python -m oracle check`") from None

    def close(self) -> None:
        """Let go of the folder. What was not sealed or checkpointed is cut off when the corpus is next opened.

        A finished corpus to which nothing was done is a finished one again.
        """
        if self._sealed is not None and self._lock is not None:
            with self._writing():
                self._write_manifest(self._sealed)
                _remove_leftovers(self.path, keep=())
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> CorpusWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn the system's errors into the user's: it is their folder, and their disk that is full."""
        try:
            yield
        except OSError as error:
            where = error.filename if isinstance(error.filename, str) else self.path
            raise UserError(f"cannot write the corpus: {where}: {error.strerror or error}") from None

    def _write(self, line: bytes) -> None:
        if self._file is None:
            self._file = (self.path / (self._open.name + PART)).open("ab", buffering=0)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self._open.bytes)  # a disk that is full must not leave half a record
            raise
        self._hash.update(line)
        self._open = replace(self._open, records=self._open.records + 1, bytes=self._open.bytes + len(line))

    def _finish_shard(self) -> None:
        path = self.path / self._open.name
        part = path.with_name(path.name + PART)
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
        part.replace(path)
        sync_folder(self.path)
        finished = replace(self._open, sha256=self._hash.hexdigest(), provenance=self.provenance)
        self._manifest = replace(self._manifest, shards=(*self._manifest.shards, finished))
        self._start_shard()

    def _start_shard(self) -> None:
        self._open = Shard(shard_name(len(self._manifest.shards)), 0, 0, "", self.provenance)
        self._hash = hashlib.sha256()

    def _write_state(self, manifest: Manifest, state: bytes) -> None:
        """Write the manifest and the state that it names, and remove the states of earlier manifests."""
        self._sealed = None
        name = ""
        if state:
            name = STATE.replace("*", hashlib.sha256(state).hexdigest()[:16])
            manifest = replace(manifest, campaign={**manifest.campaign, "state": name})
            if not (self.path / name).exists():
                write_bytes_atomically(self.path / name, gzip.compress(state, compresslevel=1, mtime=0))
        self._write_manifest(manifest)
        for earlier in self.path.glob(STATE):
            if earlier.name != name:
                earlier.unlink()

    def _write_manifest(self, manifest: Manifest) -> None:
        write_atomically(self.path / MANIFEST, manifest.to_text())
        self._manifest = manifest

    def _resume(self) -> None:
        """Take up the shard that was being filled, or the last one: its end may not be where it would be in one go."""
        mark = self._manifest.open
        self._sealed = None if mark else self._manifest
        _remove_leftovers(self.path, keep=(mark.name + PART,) if mark else ())
        if mark is None and self._manifest.shards:
            mark = self._manifest.shards[-1]
            self._manifest = self._manifest.without_last_shard()
        self._start_shard()
        if mark is None:
            return
        if mark.name != self._open.name:
            raise UserError(f"{self.path / MANIFEST}: its open shard is not the last")
        self._take_up(mark)
        # From here on the last shard's file may change, so it is listed as open before anything is appended.
        self._write_manifest(replace(self._manifest, open=replace(mark, provenance=self.provenance)))
        for stray in self.path.glob("shard-*.jsonl"):
            if stray.name > mark.name:
                stray.unlink()

    def _take_up(self, mark: Shard) -> None:
        """Make the part of the open shard hold exactly what the mark says."""
        path = self.path / mark.name
        part = path.with_name(path.name + PART)
        if not part.exists() or part.stat().st_size < mark.bytes:
            shutil.copyfile(path, part)
        with part.open("r+b") as file:
            file.truncate(mark.bytes)
            self._hash = hashlib.file_digest(file, "sha256")
            os.fsync(file.fileno())
        if part.stat().st_size != mark.bytes or self._hash.hexdigest() != mark.sha256:
            raise UserError(f"{path} is not as {MANIFEST} says: it was changed or cut off")
        self._open = replace(mark, provenance=self.provenance)


def _prepare_folder(path: Path) -> int | None:
    """Make the folder where there is none, refuse one that holds other things, and lock it until it is closed."""
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is not a folder")
    path.mkdir(parents=True, exist_ok=True)
    others = [
        entry.name for entry in path.iterdir() if not entry.name.startswith(".") and not entry.name.endswith(PART)
    ]
    if others and MANIFEST not in others:
        raise UserError(f"{path} is not empty and not a corpus: it has no {MANIFEST}")
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError(f"{path} cannot be written")
    return _locked(path)


def _locked(path: Path) -> int | None:
    """Return a descriptor that keeps other writers out while it is open; None where the system has no such lock."""
    try:
        import fcntl
    except ImportError:
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise UserError(f"another run is writing to {path}") from None
    return descriptor


def _remove_leftovers(path: Path, keep: tuple[str, ...]) -> None:
    """Remove what a run that was killed left unfinished."""
    for part in [*path.glob("*" + PART), *path.glob(f"{FINDINGS}/*{PART}")]:
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
        elif part.name not in keep:
            part.unlink()
