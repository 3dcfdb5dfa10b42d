"""The manifest: which shards a corpus has, what they hold, and what a later run needs to go on.

It is a function of the corpus' content: no times, no paths. A shard that is not in it is not part of the corpus.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from extractor.record import SCHEMA
from grammar.errors import UserError

MANIFEST = "manifest.json"
PART = ".part"
"""Ending of every file and folder that is not finished."""


@dataclass(frozen=True)
class Shard:
    """One shard file. `provenance` says what made its records (versions, seed, options)."""

    name: str
    records: int
    bytes: int
    sha256: str
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """A corpus' table of contents.

    `open` is the shard that a run is still filling, with the part of it that belongs to `campaign`: the state that a
    resume starts from. A finished corpus has none.
    """

    shards: tuple[Shard, ...] = ()
    shard_bytes: int = 0
    campaign: Mapping[str, Any] = field(default_factory=dict)
    open: Shard | None = None

    @property
    def records(self) -> int:
        """Records in the finished shards."""
        return sum(shard.records for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Total size of the finished shards."""
        return sum(shard.bytes for shard in self.shards)

    def to_text(self) -> str:
        """Return the manifest as its file holds it."""
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "shard_bytes": self.shard_bytes,
            "shards": [vars(shard) for shard in self.shards],
            "totals": {"shards": len(self.shards), "records": self.records, "bytes": self.bytes},
            "campaign": self.campaign,
        }
        if self.open is not None:
            data["open"] = vars(self.open)
        return json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Manifest:
        """Read what `to_text` wrote; raises ValueError with the reason for anything else."""
        data = json.loads(text)
        if not isinstance(data, dict) or "schema" not in data:
            raise ValueError("no schema version")
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']}: this version reads schema {SCHEMA}")
        try:
            manifest = cls(
                shards=tuple(_shard(entry) for entry in data["shards"]),
                shard_bytes=int(data["shard_bytes"]),
                campaign=dict(data["campaign"]),
                open=_shard(data["open"]) if "open" in data else None,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__} {error}") from None
        names = [shard.name for shard in manifest.shards]
        if names != [shard_name(place) for place in range(len(names))]:
            raise ValueError("its shards are not numbered from 0")
        return manifest

    def without_last_shard(self) -> Manifest:
        """Return the manifest of a corpus whose last shard is being filled again."""
        return replace(self, shards=self.shards[:-1])


def shard_name(place: int) -> str:
    """Return the file name of the shard with this number."""
    return f"shard-{place:05d}.jsonl"


def read_manifest(corpus: Path) -> Manifest:
    """Read a corpus' manifest; raises UserError if the folder is no corpus that this version can read."""
    if not corpus.is_dir():
        raise UserError(f"{corpus}: no such folder" if not corpus.exists() else f"{corpus} is not a folder")
    path = corpus / MANIFEST
    try:
        return Manifest.from_text(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{corpus} is not a corpus: it has no {MANIFEST}") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, even if the machine stops."""
    write_bytes_atomically(path, text.encode())


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write a file of bytes so that it is there whole or not at all, even if the machine stops."""
    part = path.with_name(path.name + PART)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder durable, where the system lets one open a folder."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shard(entry: Mapping[str, Any]) -> Shard:
    shard = Shard(
        name=entry["name"],
        records=int(entry["records"]),
        bytes=int(entry["bytes"]),
        sha256=str(entry["sha256"]),
        provenance=dict(entry["provenance"]),
    )
    if not isinstance(shard.name, str) or Path(shard.name).name != shard.name:
        raise ValueError("a shard's name is not a plain file name")
    return shard
