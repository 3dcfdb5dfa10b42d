"""What a row of each configuration of the exported data set holds: the columns are a table, and code walks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from extractor.derived import level_of, patterns_of, tokens_of
from extractor.record import Record
from fuzzer.export.broken import Broken

STRING, INTEGER, STRINGS = "string", "int64", "strings"
"""The types of columns; `strings` is a list of strings."""


@dataclass(frozen=True)
class Column:
    """One column: its name, its type, what it means, and how its value is taken from what the row is made of."""

    name: str
    type: str
    meaning: str
    value: Callable[[Any], Any]


def _text(name: str, meaning: str) -> Column:
    return Column(name, STRING, meaning, lambda record: getattr(record.artifacts, name))


def _metadata(name: str, kind: str, meaning: str) -> Column:
    return Column(name, kind, meaning, lambda record: record.metadata[name])


def _tokens(meaning: str, *texts: str) -> Column:
    return Column("tokens", INTEGER, meaning, lambda record: sum(tokens_of(record).get(text, 0) for text in texts))


_ID = Column(
    "id", STRING, "hash of the source with names, layout and literals' spelling normalised", lambda one: one.id
)
_PYTHON = Column("python_source", STRING, "the whole Python source of the kernel", lambda one: one.python_source)

_CPU = (
    _text("cpp_forward", "the C++ that Warp generates for the CPU, forward pass"),
    _text("cpp_backward", "the same for the backward pass (gradients), or empty"),
)
_CUDA = (
    _text("cuda_forward", "the CUDA C++ that Warp generates for the GPU, forward pass"),
    _text("cuda_backward", "the same for the backward pass, or empty"),
    _text("ptx", "the PTX that NVRTC made of it, or empty"),
)
_ABOUT = (
    _metadata("kernel_name", STRING, "the kernel's name"),
    _metadata("category", STRING, "what kind of program it is"),
    _metadata("description", STRING, "what it does, in a sentence"),
    Column("level", INTEGER, "complexity level, 1 to 5", level_of),
    Column("patterns", STRINGS, "parallel patterns that its accesses show", lambda one: list(patterns_of(one))),
    _metadata("builtins", STRINGS, "Warp's built-ins that it calls"),
    _metadata("types", STRINGS, "Warp's types that it names"),
    _metadata("backends", STRINGS, "what executed it: `cpu`, and a CUDA `device` or the PTX `emulator`"),
    Column("warp", STRING, "the version of Warp", lambda one: str(one.metadata["versions"].get("warp", ""))),
)
_METADATA = Column(
    "metadata",
    STRING,
    "everything else as JSON: complexity, launch, arguments, origin, versions, comparison, oracles, performance",
    lambda record: json.dumps(record.metadata, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
)
_EITHER = "words and marks of the Python source and the code"

CONFIGS: Mapping[str, tuple[Column, ...]] = {
    "cpu": (_ID, _PYTHON, *_CPU, *_ABOUT, _tokens(_EITHER, "python_source", "cpp_forward", "cpp_backward"), _METADATA),
    "cuda": (
        _ID,
        _PYTHON,
        *_CUDA,
        *_ABOUT,
        _tokens(_EITHER, "python_source", "cuda_forward", "cuda_backward", "ptx"),
        _METADATA,
    ),
    "joint": (
        _ID,
        _PYTHON,
        *_CPU,
        *_CUDA,
        *_ABOUT,
        _tokens(_EITHER, "python_source", "cpp_forward", "cpp_backward", "cuda_forward", "cuda_backward", "ptx"),
        _METADATA,
    ),
}
"""The configurations whose rows are made of records."""

ERRORS: tuple[Column, ...] = (
    Column("id", STRING, "the id of the record that was broken", lambda one: one.id),
    Column("python_source", STRING, "the source that Warp rejects", lambda one: one.source),
    Column("message", STRING, "what Warp says, without paths and counters", lambda one: one.message),
    Column("stage", STRING, "where it fails: `load`, `codegen` or `native`", lambda one: one.stage),
    Column("mutation", STRING, "what was done to the working kernel", lambda one: one.mutation),
    Column("working_source", STRING, "the kernel before, which compiles", lambda one: one.working),
    Column("category", STRING, "what kind of program it is", lambda one: one.category),
    Column("level", INTEGER, "complexity level of the working kernel", lambda one: one.level),
)
"""The columns of the configuration `errors`."""


def row(columns: tuple[Column, ...], of: Record | Broken) -> dict[str, Any]:
    """Return the row that a record, or a broken kernel, gives."""
    return {column.name: column.value(of) for column in columns}
