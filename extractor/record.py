"""A record: one kernel that behaved alike on both targets, with what Warp made of it for each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from grammar.kernel import Argument

SCHEMA = 1
"""Version of the records' and the manifest's layout; it grows when a reader of the older one would go wrong."""

MAX_LINE_BYTES = 16 * 10**6
"""Longest line that is read: a hundred times what the largest kernels need."""

LARGEST_BLOCK = 1024
"""Threads of a block that CUDA launches at most."""

_TEXTS = ("python_source", "cpp_forward", "cpp_backward", "cuda_forward", "cuda_backward")
_FIELDS = {"id", "metadata", *_TEXTS}
_ID = re.compile(r"[0-9a-f]{16,64}")

METADATA: dict[str, type] = {
    "kernel_name": str,
    "category": str,
    "description": str,
    "builtins": list,
    "types": list,
    "complexity": dict,
    "launch_dims": list,
    "arguments": list,
    "origin": dict,
    "versions": dict,
    "backends": list,
    "input_seed": int,
    "comparison": dict,
    "split": str,
}
"""The keys that every record's metadata has, with the type of their value. Others may stand beside them."""


def block_dim_of(metadata: Mapping[str, Any]) -> int:
    """Return how many threads each point of a record's or a finding's launch is a block of, 0 for a plain launch.

    Raises ValueError for what is no such number.
    """
    block_dim = metadata.get("block_dim", 0)
    if type(block_dim) is not int or not 0 <= block_dim <= LARGEST_BLOCK:
        raise ValueError(f"block_dim is no integer from 0 to {LARGEST_BLOCK}")
    return block_dim


class BadRecordError(Exception):
    """A line is no record of this schema; the message says why, in a few words."""


@dataclass(frozen=True)
class Artifacts:
    """What Warp made of one kernel, cut out of its module so that each text stands on its own.

    The texts hold the structs, helper functions and the entry point that the kernel needs, with Warp's volatile names
    (hash suffixes, function counters) and file paths normalised, so that the same kernel gives the same text whatever
    batch it was compiled in. The backward texts are empty without a backward pass, `ptx` unless asked for.
    """

    cpp_forward: str
    cpp_backward: str
    cuda_forward: str
    cuda_backward: str
    ptx: str = ""


@dataclass(frozen=True)
class Record:
    """One line of a shard. `metadata` holds JSON values only."""

    id: str
    python_source: str
    artifacts: Artifacts
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_line(self) -> bytes:
        """Return the record as a shard holds it: one line of UTF-8 JSON with sorted keys, its newline included.

        Raises TypeError or ValueError if the metadata holds anything but JSON values (a NaN is none).
        """
        data: dict[str, Any] = {"id": self.id, "python_source": self.python_source, "metadata": self.metadata}
        data |= vars(self.artifacts)
        if not self.artifacts.ptx:
            del data["ptx"]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Record:
        """Read what `to_line` wrote; raises BadRecordError for anything else."""
        if not line.endswith(b"\n"):
            too_long = len(line) >= MAX_LINE_BYTES
            raise BadRecordError(
                f"longer than {MAX_LINE_BYTES} bytes" if too_long else "cut off: no newline at its end"
            )
        data = _object(line)
        _check_fields(data)
        texts = {name: data[name] for name in _TEXTS if name != "python_source"}
        artifacts = Artifacts(**texts, ptx=data.get("ptx", ""))
        return cls(data["id"], data["python_source"], artifacts, data["metadata"])


def _object(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_without_duplicates)
    except UnicodeDecodeError:
        raise BadRecordError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadRecordError(f"not JSON: {error.msg} at byte {error.pos}") from None
    except (RecursionError, ValueError) as error:
        raise BadRecordError(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise BadRecordError("not a JSON object")
    return data


def _no_constant(name: str) -> NoReturn:
    raise BadRecordError(f"{name} is no JSON value")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise BadRecordError("a key stands twice in one object")
    return data


def _check_fields(data: Mapping[str, Any]) -> None:
    missing = sorted(_FIELDS - set(data))
    if missing:
        raise BadRecordError(f"no field {missing[0]}")
    unknown = sorted(set(data) - _FIELDS - {"ptx"})
    if unknown:
        raise BadRecordError(f"unknown field {unknown[0]}")
    for name in sorted({"id", "ptx", *_TEXTS} & set(data)):
        if not isinstance(data[name], str):
            raise BadRecordError(f"{name} is not text")
    if not _ID.fullmatch(data["id"]):
        raise BadRecordError("the id is not a hash in hexadecimal")
    if not isinstance(data["metadata"], dict):
        raise BadRecordError("metadata is not an object")
    _check_metadata(data["metadata"])


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    for name, kind in METADATA.items():
        if name not in metadata:
            raise BadRecordError(f"no field metadata.{name}")
        if not isinstance(metadata[name], kind) or (kind is int and isinstance(metadata[name], bool)):
            raise BadRecordError(f"metadata.{name} is not of type {kind.__name__}")
    schema = metadata["versions"].get("schema")
    if schema != SCHEMA:
        raise BadRecordError(f"schema {schema}: this version reads schema {SCHEMA}")
    dims = metadata["launch_dims"]
    if not 1 <= len(dims) <= 3 or any(type(extent) is not int or extent < 1 for extent in dims):
        raise BadRecordError("metadata.launch_dims is not 1 to 3 positive integers")
    try:
        block_dim_of(metadata)
    except ValueError as error:
        raise BadRecordError(f"metadata.{error}") from None
    try:
        for argument in metadata["arguments"]:
            Argument.from_json(argument)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRecordError(f"metadata.arguments cannot be read: {type(error).__name__} {error}") from None
