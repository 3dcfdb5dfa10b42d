"""C's printf for one call on a device: a format, the argument buffer that `vprintf` is given, and the text they make.

CUDA's printf (CUDA C++ Programming Guide, "Formatted Output") knows `%[flags][width][.precision][size]type` with flags
`#`, space, `0`, `+`, `-`, `*` for width and precision, sizes `h`, `l`, `ll` and types `cdiouxXpeEfgGaAs`. Anything else
stands in the text as it is.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

_SPECIFIER = re.compile(rb"%([-+ #0]*)(\*|\d*)(?:\.(\*|-?\d*))?(hh|h|ll|l|j|z|t|L)?([cdiouxXpeEfFgGaAs%])")
_WIDE = ("l", "ll", "j", "z", "t")
_UNSIGNED = {"u": "d", "o": "o", "x": "x", "X": "X"}
"""C's unsigned conversions to Python's."""
_DIGITS = "0123456789abcdef"

Reader = Callable[[int, int], bytes]
"""Bytes at an offset of the argument buffer: offset, size."""
Text = Callable[[int], bytes]
"""The string that a pointer points to."""


class Arguments:
    """Takes values out of an argument buffer, each aligned to its own size (4 or 8 bytes)."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._next = 0
        self.taken = 0

    def take(self, layout: str) -> int | float:
        """The next value, whose layout is one letter of Python's `struct`."""
        size = struct.calcsize("<" + layout)
        start = -(-self._next // size) * size
        self._next = start + size
        self.taken += 1
        value: int | float = struct.unpack("<" + layout, self._read(start, size))[0]
        return value


@dataclass(frozen=True)
class _Conversion:
    """One specifier: `flags`, `width` (0 if none), `precision` (None if none), `size` and `type` as in the format."""

    flags: str
    width: int
    precision: int | None
    size: str
    type: str

    def padded(self, sign: str, digits: str, zeros: bool) -> str:
        """Sign (or prefix) and digits, filled to the width: with zeros between them if `zeros` and the flags say so."""
        room = self.width - len(sign) - len(digits)
        if "-" in self.flags:
            return sign + digits + " " * room
        if zeros and "0" in self.flags:
            return sign + "0" * room + digits
        return " " * room + sign + digits

    def sign(self, negative: bool) -> str:
        """What stands before a signed number's digits."""
        return "-" if negative else "+" if "+" in self.flags else " " if " " in self.flags else ""


def render(format_: bytes, arguments: Arguments, text_at: Text) -> str:
    """The text of `printf(format_, …)`; bytes that are not UTF-8 are replaced."""
    pieces: list[bytes] = []
    end = 0
    for match in _SPECIFIER.finditer(format_):
        pieces += [format_[end : match.start()], _convert(match, arguments, text_at)]
        end = match.end()
    return b"".join([*pieces, format_[end:]]).decode(errors="replace")


def _convert(match: re.Match[bytes], arguments: Arguments, text_at: Text) -> bytes:
    flags, width, precision, size, type_ = (part.decode() if part is not None else None for part in match.groups())
    assert flags is not None and type_ is not None
    if type_ == "%":
        return b"%"
    wanted = int(arguments.take("i")) if width == "*" else int(width or 0)
    if wanted < 0:
        flags, wanted = flags + "-", -wanted
    limit = int(arguments.take("i")) if precision == "*" else None if precision is None else int(precision or 0)
    if limit is not None and limit < 0:
        limit = None
    conversion = _Conversion(flags, wanted, limit, size or "", type_)
    if type_ == "s":
        text = text_at(int(arguments.take("Q")))[:limit]
        return text.ljust(wanted) if "-" in flags else text.rjust(wanted)
    if type_ == "c":
        byte = bytes([int(arguments.take("i")) & 0xFF])
        return byte.ljust(wanted) if "-" in flags else byte.rjust(wanted)
    return _number(conversion, arguments).encode()


def _number(conversion: _Conversion, arguments: Arguments) -> str:
    type_ = conversion.type
    if type_ == "p":
        address = int(arguments.take("Q"))
        return conversion.padded("", f"0x{address:x}" if address else "(nil)", zeros=False)
    if type_ in "di":
        return _signed(conversion, arguments)
    if type_ in _UNSIGNED:
        return _unsigned(conversion, arguments)
    return _floating(conversion, float(arguments.take("d")))


def _signed(conversion: _Conversion, arguments: Arguments) -> str:
    value = int(arguments.take("q" if conversion.size in _WIDE else "i"))
    if conversion.size in ("h", "hh"):
        bits = 16 if conversion.size == "h" else 8
        value = (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
    digits = _with_precision(str(abs(value)), value, conversion.precision)
    return conversion.padded(conversion.sign(value < 0), digits, zeros=conversion.precision is None)


def _unsigned(conversion: _Conversion, arguments: Arguments) -> str:
    value = int(arguments.take("Q" if conversion.size in _WIDE else "I"))
    if conversion.size in ("h", "hh"):
        value &= 0xFFFF if conversion.size == "h" else 0xFF
    digits = _with_precision(format(value, _UNSIGNED[conversion.type]), value, conversion.precision)
    prefix = ""
    if "#" in conversion.flags and conversion.type == "o" and not digits.startswith("0"):
        digits = "0" + digits
    elif "#" in conversion.flags and conversion.type in "xX" and value:
        prefix = "0" + conversion.type
    return conversion.padded(prefix, digits, zeros=conversion.precision is None)


def _with_precision(digits: str, value: int, precision: int | None) -> str:
    return "" if precision == 0 and value == 0 else digits.zfill(precision or 1)


def _floating(conversion: _Conversion, value: float) -> str:
    type_ = conversion.type
    sign = conversion.sign(math.copysign(1.0, value) < 0)
    value = abs(value)
    if not math.isfinite(value):
        digits = "nan" if math.isnan(value) else "inf"
        return conversion.padded(sign, digits.upper() if type_.isupper() else digits, zeros=False)
    if type_ in "aA":
        prefix, digits = _hexadecimal(value, conversion.precision, "#" in conversion.flags)
        text = conversion.padded(sign + prefix, digits, zeros=True)
        return text.upper() if type_ == "A" else text
    alternative = "#" if "#" in conversion.flags else ""
    precision = 6 if conversion.precision is None else conversion.precision
    return conversion.padded(sign, f"%{alternative}.{precision}{type_}" % value, zeros=True)


def _hexadecimal(value: float, precision: int | None, point: bool) -> tuple[str, str]:
    """`%a` of a finite magnitude: `0x` and the digits with the exponent, rounded to nearest even at the precision."""
    mantissa, _, exponent = value.hex()[2:].partition("p")
    bits = int(mantissa.replace(".", ""), 16)
    if "." not in mantissa:
        bits <<= 52
    elif len(mantissa) != 15:
        bits <<= 4 * (15 - len(mantissa))
    if precision is not None and precision < 13:
        unit = 1 << 4 * (13 - precision)
        quotient, rest = divmod(bits, unit)
        quotient += rest * 2 > unit or (rest * 2 == unit and quotient & 1)
        bits = quotient * unit
    whole, fraction = bits >> 52, f"{bits & (1 << 52) - 1:013x}"
    fraction = fraction.rstrip("0") if precision is None else fraction.ljust(precision, "0")[:precision]
    dot = "." if fraction or point else ""
    return "0x", f"{_DIGITS[whole]}{dot}{fraction}p{int(exponent):+d}"
