"""What is told about every record, whichever version of this program made it.

A record's metadata says its level, its patterns, its token counts and its fingerprint; where an older record lacks
them they are worked out from its texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from extractor.record import Artifacts, Record
from grammar.fingerprint import Fingerprint
from grammar.measures import level
from grammar.patterns import patterns

TEXTS = ("python_source", "cpp_forward", "cpp_backward", "cuda_forward", "cuda_backward", "ptx")
"""A record's texts, in the order in which they are made."""

_TOKEN = re.compile(r"\w+|[^\w\s]")


def token_count(text: str) -> int:
    """Return how many words and marks a text has, blanks not counted: a measure that no model's tokenizer owns.

    Tokenizers of code models cut long names into parts; they find about half as many again.
    """
    return len(_TOKEN.findall(text))


def token_counts(source: str, artifacts: Artifacts) -> dict[str, int]:
    """Return the number of tokens of each text that is not empty."""
    texts = {"python_source": source, **vars(artifacts)}
    return {name: token_count(texts[name]) for name in TEXTS if texts[name]}


def tokens_of(record: Record) -> Mapping[str, int]:
    """Return the number of tokens of each of a record's texts."""
    found = record.metadata.get("tokens")
    return found if isinstance(found, dict) else token_counts(record.python_source, record.artifacts)


def level_of(record: Record) -> int:
    """Return a record's complexity level, 1 to 5."""
    found = record.metadata.get("level")
    return found if isinstance(found, int) else level(record.metadata["complexity"])


def patterns_of(record: Record) -> tuple[str, ...]:
    """Return a record's pattern labels; raises SyntaxError for a source that is not Python."""
    found: Any = record.metadata.get("patterns")
    return tuple(found) if isinstance(found, list) else patterns(record.python_source)


def fingerprint_of(record: Record) -> Fingerprint:
    """Return a record's fingerprint; raises SyntaxError or ValueError for a source outside the grammar."""
    found = record.metadata.get("fingerprint")
    return Fingerprint.from_json(found) if isinstance(found, dict) else Fingerprint.of(record.python_source)
