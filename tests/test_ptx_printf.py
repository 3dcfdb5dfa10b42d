"""What a device's printf makes of a format and an argument buffer is what C's printf makes of them."""

from __future__ import annotations

import ctypes
import ctypes.util
import struct
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oracle.ptx.printf import Arguments, render

C_LIBRARY = ctypes.util.find_library("c")

Value = tuple[str, Any]
"""Layout in the buffer, a letter of `struct`, and the value."""


def printed(format_: bytes, *values: Value, texts: dict[int, bytes] | None = None) -> str:
    """The text, with the values laid out as a compiler does: each aligned to its size."""
    buffer = b""
    for layout, value in values:
        size = struct.calcsize(layout)
        buffer += bytes(-len(buffer) % size) + struct.pack("<" + layout, value)
    return render(format_, Arguments(lambda at, size: buffer[at : at + size]), (texts or {}).__getitem__)


FLAGS = st.text("-+ #0", max_size=3)
WIDTH = st.sampled_from(["", "1", "4", "12", "25"])
PRECISION = st.sampled_from(["", ".", ".0", ".1", ".3", ".9", ".20"])
SIZES = {"hh": ("i", ctypes.c_int), "h": ("i", ctypes.c_int), "": ("i", ctypes.c_int), "ll": ("q", ctypes.c_longlong)}
INTEGERS = st.one_of(st.integers(-9, 9), st.integers(-(2**63), 2**63 - 1))
FLOATS = st.one_of(st.floats(), st.integers(-(10**6), 10**6).map(lambda n: n / 8))


def by_c(format_: str, value: Any) -> str:
    buffer = ctypes.create_string_buffer(1000)
    library = ctypes.CDLL(C_LIBRARY)
    library.snprintf.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p)
    library.snprintf(buffer, len(buffer), format_.encode(), value)
    return buffer.value.decode()


@pytest.mark.skipif(C_LIBRARY is None, reason="no C library to compare with")
@given(FLAGS, WIDTH, PRECISION, st.sampled_from(list(SIZES)), st.sampled_from("diouxX"), INTEGERS)
@example("#", "", ".0", "", "o", 0)
@example("0", "12", ".3", "", "d", 5)
@settings(deadline=None, max_examples=400)
def test_integers_look_as_in_c(flags: str, width: str, precision: str, size: str, letter: str, value: int) -> None:
    layout, c_type = SIZES[size]
    bits = 8 * struct.calcsize(layout)
    value = (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
    format_ = f"%{flags}{width}{precision}{size}{letter}"
    assert printed(format_.encode(), (layout, value)) == by_c(format_, c_type(value))


@pytest.mark.skipif(C_LIBRARY is None, reason="no C library to compare with")
@given(FLAGS, WIDTH, PRECISION, st.sampled_from("eEfgGaA"), FLOATS)
@example("", "", ".0", "a", 1.96875)
@example("0", "12", "", "f", -float("inf"))
@example("#", "", ".0", "g", 0.0)
@settings(deadline=None, max_examples=400)
def test_floats_look_as_in_c(flags: str, width: str, precision: str, letter: str, value: float) -> None:
    format_ = f"%{flags}{width}{precision}{letter}"
    assert printed(format_.encode(), ("d", value)) == by_c(format_, ctypes.c_double(value))


def test_arguments_are_aligned_to_their_sizes() -> None:
    assert printed(b"%d %g %d %lld", ("i", 1), ("d", 2.5), ("i", -3), ("q", 2**40)) == "1 2.5 -3 1099511627776"


def test_widths_and_precisions_may_be_arguments() -> None:
    assert printed(b"[%*d][%.*f]", ("i", -5), ("i", 7), ("i", 2), ("d", 1.0)) == "[7    ][1.00]"


def test_strings_characters_pointers_and_percents() -> None:
    texts = {16: b"warp", 32: "µ".encode()}
    assert printed(b"%6.3s|%-6s|%s", ("Q", 16), ("Q", 16), ("Q", 32), texts=texts) == "   war|warp  |µ"
    assert printed(b"%c%3c%%", ("i", 65), ("i", 66)) == "A  B%"
    assert printed(b"%p %p", ("Q", 255), ("Q", 0)) == "0xff (nil)"


def test_what_is_no_specifier_stays_as_it_is() -> None:
    assert printed(b"100%, %y, %") == "100%, %y, %"
