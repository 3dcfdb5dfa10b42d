"""Edits of a kernel's sequence of choices, and the text that a sequence is in JSON.

Any sequence grows into a well-defined kernel, so an edit needs no care: `generate(ContinuedChoices(edited, then), …)`.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from grammar.choices import Choices, pick_weighted

MOST_CHOICES = 100_000
"""Choices of the longest sequence that is read: some thirty times what the largest kernels take."""

MOST_BYTES = 10 * MOST_CHOICES
"""Bytes of the longest text once it is unpacked: a choice of 64 bits takes ten."""

_MOST_BITS = 1024
"""Bits of the largest choice that is read."""

_SPANS = ((1, 6), (2, 4), (4, 3), (8, 3), (16, 2), (64, 1))
"""How many choices are deleted, repeated, copied or exchanged, by weight; a production makes one to some ten."""

_LARGE = 1 << 16
"""What a new value stays below; a decision takes it modulo its possibilities."""

Values = Sequence[int]
Edit = Callable[[Values, Choices, Values], list[int]]
"""Returns another sequence, given this one, which is not empty, and a donor's, which may be."""


def _start(values: Values, choices: Choices) -> int:
    return choices.integer(0, len(values) - 1)


def _span(values: Values, choices: Choices) -> tuple[int, int]:
    """Return where a span of the values begins and ends."""
    start = _start(values, choices)
    return start, min(len(values), start + pick_weighted(choices, _SPANS))


def _set(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Change one value to any other."""
    place = _start(values, choices)
    largest = pick_weighted(choices, ((3, 4), (15, 3), (255, 2), (_LARGE, 1)))
    value = choices.integer(0, largest)
    return [*values[:place], value + (value == values[place]), *values[place + 1 :]]


def _step(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Move one value a little up or down."""
    place = _start(values, choices)
    distance = choices.integer(1, 4)
    down = choices.integer(0, 1) == 1 and values[place] >= distance
    return [*values[:place], values[place] + (-distance if down else distance), *values[place + 1 :]]


def _reset(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Take the first, and simplest, possibility in one place, or for a change the second."""
    place = _start(values, choices)
    return [*values[:place], int(values[place] == 0), *values[place + 1 :]]


def _delete(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Leave a span out."""
    start, end = _span(values, choices)
    return [*values[:start], *values[end:]]


def _repeat(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Repeat a span right behind itself."""
    start, end = _span(values, choices)
    return [*values[:end], *values[start:end], *values[end:]]


def _insert(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Put a span of the donor's between two values."""
    source = donor or values
    start, end = _span(source, choices)
    place = _start(values, choices)
    return [*values[:place], *source[start:end], *values[place:]]


def _overwrite(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Put a span of the donor's over as many values."""
    source = donor or values
    start, end = _span(source, choices)
    place = _start(values, choices)
    return [*values[:place], *source[start:end], *values[place + end - start :]]


def _cross(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Go on with the donor's values from about the same place."""
    source = donor or values
    place = _start(values, choices)
    return [*values[:place], *source[min(place, len(source) - 1) :]]


def _exchange(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Exchange two spans, each whole before the other."""
    first, second = sorted((_span(values, choices), _span(values, choices)))
    end = min(first[1], second[0])
    return [
        *values[: first[0]],
        *values[second[0] : second[1]],
        *values[end : second[0]],
        *values[first[0] : end],
        *values[second[1] :],
    ]


def _cut(values: Values, choices: Choices, donor: Values) -> list[int]:
    """Cut the tail off, so that the rest is grown anew."""
    return list(values[: _start(values, choices)])


EDITS: Mapping[str, tuple[Edit, float]] = MappingProxyType(
    {
        "choice changed": (_set, 6.0),
        "choice stepped": (_step, 4.0),
        "choice reset": (_reset, 1.0),
        "span deleted": (_delete, 3.0),
        "span repeated": (_repeat, 3.0),
        "span inserted": (_insert, 3.0),
        "span overwritten": (_overwrite, 2.0),
        "spans exchanged": (_exchange, 1.0),
        "sequences crossed": (_cross, 1.0),
        "tail regrown": (_cut, 3.0),
    }
)
"""The edits by the name that a mutant's origin has, with how often each is made."""

_ATTEMPTS = 8


def edited(sequence: Values, choices: Choices, donor: Values = ()) -> tuple[tuple[int, ...], str]:
    """Return another sequence, and the name of the edit that made it; `donor` is that of another kernel.

    The sequence is as `RecordingChoices` writes it, integers of at least 0; one without any gets its first.
    """
    if not sequence:
        return (choices.integer(0, _LARGE),), "span inserted"
    table = [(name, weight) for name, (_, weight) in EDITS.items()]
    for _ in range(_ATTEMPTS):
        name = pick_weighted(choices, table)
        found = EDITS[name][0](sequence, choices, donor)
        if found != list(sequence):
            return tuple(found), name
    return tuple(_step(sequence, choices, donor)), "choice stepped"


def encode_sequence(sequence: Values) -> str:
    """Return a sequence of integers of at least 0 as a short text: base64 of packed bytes, seven bits a byte.

    Raises ValueError for a negative integer.
    """
    data = bytearray()
    for value in sequence:
        if value < 0:
            raise ValueError(f"{value} is no choice")
        while value >= 0x80:
            data.append(value & 0x7F | 0x80)
            value >>= 7
        data.append(value)
    return base64.b64encode(zlib.compress(bytes(data), 9)).decode("ascii")


def decode_sequence(text: str) -> tuple[int, ...]:
    """Return the sequence that `encode_sequence` made a text of; raises ValueError for any other text."""
    data = _unpacked(text)
    values: list[int] = []
    value, shift = 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            values.append(value)
            value, shift = 0, 0
        elif shift > _MOST_BITS:
            raise ValueError("no sequence of choices: a number without an end")
    if shift or len(values) > MOST_CHOICES:
        raise ValueError("no sequence of choices: cut off, or too long")
    return tuple(values)


def _unpacked(text: str) -> bytes:
    """Return a text's bytes, which are no more than a sequence takes."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(base64.b64decode(text, validate=True), MOST_BYTES + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise ValueError(f"no sequence of choices: {error}") from None
    if len(data) > MOST_BYTES or not unpacking.eof or unpacking.unused_data:
        raise ValueError("no sequence of choices: cut off, or too long")
    return data
