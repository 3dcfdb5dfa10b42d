"""Reading a corpus: its lines one after another, and whether its files are what the manifest says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from extractor.manifest import Shard, read_manifest, shard_name
from extractor.record import MAX_LINE_BYTES
from grammar.errors import UserError


@dataclass(frozen=True)
class Line:
    """One raw line of a shard; `number` counts from 1. `data` ends in a newline unless it is cut off or too long."""

    shard: str
    number: int
    data: bytes


@dataclass(frozen=True)
class Fault:
    """What is wrong with a shard as a whole."""

    shard: str
    reason: str


def read_corpus(path: Path) -> Iterator[Line]:
    """Yield the lines of a corpus folder's listed shards, or of a single shard file, as they are.

    A listed shard that is missing is skipped (`corpus_faults` names it). Raises UserError if `path` is neither.
    """
    if path.is_file():
        yield from _read_shard(path)
        return
    for shard in read_manifest(path).shards:
        if (path / shard.name).is_file():
            yield from _read_shard(path / shard.name)


def corpus_faults(path: Path) -> list[Fault]:
    """Compare a corpus folder's shards with its manifest: missing, unlisted, other size or checksum."""
    manifest = read_manifest(path)
    faults = [fault for shard in manifest.shards if (fault := _shard_fault(path, shard))]
    listed = {shard.name for shard in manifest.shards}
    strays = sorted(entry.name for entry in path.glob("*.jsonl") if entry.name not in listed)
    faults += [Fault(name, "not listed in the manifest") for name in strays]
    if manifest.open is not None:
        reason = "unfinished: its run was cut short; the same command goes on with it"
        faults.append(Fault(shard_name(len(manifest.shards)), reason))
    return faults


def _read_shard(path: Path) -> Iterator[Line]:
    try:
        with path.open("rb") as file:
            number = 0
            while data := file.readline(MAX_LINE_BYTES):
                number += 1
                yield Line(path.name, number, data)
                while not data.endswith(b"\n") and (data := file.readline(MAX_LINE_BYTES)):
                    pass  # the rest of a line that is too long
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


def _shard_fault(corpus: Path, shard: Shard) -> Fault | None:
    path = corpus / shard.name
    if not path.is_file():
        return Fault(shard.name, "missing")
    digest = hashlib.sha256()
    size = records = 0
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                size += len(block)
                records += block.count(b"\n")
    except OSError as error:
        return Fault(shard.name, f"cannot be read: {error.strerror}")
    if size != shard.bytes:
        return Fault(shard.name, f"{size} bytes, the manifest says {shard.bytes}")
    if records != shard.records:
        return Fault(shard.name, f"{records} lines, the manifest says {shard.records} records")
    if digest.hexdigest() != shard.sha256:
        return Fault(shard.name, "its content is not what the manifest's checksum says")
    return None
