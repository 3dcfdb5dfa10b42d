"""A record is one line of JSON, the same bytes each time, and a line that is anything else is refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.record import SCHEMA, Artifacts, BadRecordError, Record

METADATA: dict[str, Any] = {
    "kernel_name": "scale",
    "category": "arithmetic",
    "description": "Multiplies by a constant.",
    "builtins": ["tid"],
    "types": ["float32"],
    "complexity": {"lines": 3},
    "launch_dims": [64],
    "arguments": [{"name": "out", "shape": [64], "ranges": {"": [0, 3]}, "written": True}],
    "origin": {"seed": 1, "index": 0, "parent": None, "mutation": None},
    "versions": {"warp": "1.19.0", "schema": SCHEMA},
    "backends": ["cpu", "emulator"],
    "input_seed": 7,
    "comparison": {"out": 0.0},
    "split": "train",
}

RECORD = Record("0123456789abcdef", "import warp as wp\n", Artifacts("a", "b", "c", "d"), METADATA)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def altered(**changes: Any) -> bytes:
    """The record's line with top-level fields replaced, or removed where the new value is None."""
    data = json.loads(RECORD.to_line()) | changes
    return json.dumps({name: value for name, value in data.items() if value is not None}).encode() + b"\n"


@given(st.lists(texts, min_size=6, max_size=6), st.dictionaries(texts, values, max_size=4))
@settings(deadline=None, max_examples=100)
def test_a_record_comes_back_from_its_line(parts: list[str], extra: dict[str, Any]) -> None:
    record = Record("f" * 32, parts[0], Artifacts(*parts[1:]), extra | METADATA)
    line = record.to_line()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert Record.from_line(line) == record
    assert Record.from_line(line).to_line() == line
    assert (b'"ptx"' in line.replace(b'\\"', b"")) == bool(parts[5]) or "ptx" in str(parts) + str(extra)


def test_the_bytes_do_not_depend_on_the_order_of_keys() -> None:
    turned = Record(RECORD.id, RECORD.python_source, RECORD.artifacts, dict(reversed(METADATA.items())))
    assert turned.to_line() == RECORD.to_line()


def test_a_nan_never_reaches_a_line() -> None:
    record = Record(RECORD.id, "", RECORD.artifacts, METADATA | {"comparison": {"out": float("nan")}})
    with pytest.raises(ValueError, match="JSON"):
        record.to_line()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (RECORD.to_line()[:-1], "cut off: no newline"),
        (RECORD.to_line()[:200] + b"\n", "not JSON"),
        (b"\n", "not JSON"),
        (b"[]\n", "not a JSON object"),
        (b"[" * 100_000 + b"\n", "not JSON"),
        (b"\xff\n", "not UTF-8"),
        (b'{"id":NaN}\n', "NaN is no JSON value"),
        (b'{"id":"a","id":"b"}\n', "a key stands twice"),
        (altered(cuda_forward=None), "no field cuda_forward"),
        (altered(more=1), "unknown field more"),
        (altered(python_source=3), "python_source is not text"),
        (altered(ptx=3), "ptx is not text"),
        (altered(id="xyz"), "the id is not a hash"),
        (altered(metadata=[1]), "metadata is not an object"),
        (altered(metadata={}), "no field metadata.kernel_name"),
        (altered(metadata=METADATA | {"input_seed": "7"}), "metadata.input_seed is not of type int"),
        (altered(metadata=METADATA | {"input_seed": True}), "metadata.input_seed is not of type int"),
        (altered(metadata=METADATA | {"versions": {"schema": 99}}), "schema 99: this version reads schema 1"),
        (altered(metadata=METADATA | {"launch_dims": [0]}), "launch_dims is not"),
        (altered(metadata=METADATA | {"launch_dims": []}), "launch_dims is not"),
        (altered(metadata=METADATA | {"arguments": [{"name": "x"}]}), "metadata.arguments cannot be read"),
        (altered(metadata=METADATA | {"arguments": [1]}), "metadata.arguments cannot be read"),
    ],
)
def test_a_line_that_is_no_record_is_refused_with_the_reason(line: bytes, reason: str) -> None:
    with pytest.raises(BadRecordError, match=reason):
        Record.from_line(line)


@given(st.binary(max_size=100) | st.integers(0, 800).map(lambda cut: RECORD.to_line()[:cut]))
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    for line in (data, data + b"\n"):
        try:
            assert Record.from_line(line) == RECORD
        except BadRecordError as error:
            assert str(error)
