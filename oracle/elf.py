"""Point the functions that an ELF object file calls at other addresses, without compiling anything again."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Layouts and constants: System V ABI, "Object Files", for 64-bit little-endian files.
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_MACHINE = 0x12
_X86_64 = 62
_SECTION_TABLE_OFFSET = 0x28
_SECTION_COUNT = 0x3C
_PROGRAM, _SYMBOL_TABLE = 1, 2
_ALLOCATED_CODE = 0x2 | 0x4
_GLOBAL_FUNCTION = 0x12
_HIDDEN = 2

_JUMP = b"\x49\xbb%b\x41\xff\xe3\x90\x90\x90"
"""x86-64: `movabs r11, address; jmp r11`, padded to 16 bytes. No calling convention passes anything in r11."""


@dataclass(frozen=True)
class _Section:
    """The fields of a section header that matter here; `number` is its place among the headers."""

    number: int
    kind: int
    offset: int
    size: int
    link: int


def symbols(data: bytes) -> set[str]:
    """Return the names in the object file's symbol tables. Raises ValueError if the file is not 64-bit ELF."""
    return {name for _, _, name in _symbols(data)}


def redirect(data: bytes, addresses: Mapping[str, int]) -> bytes:
    """Return the object file with each function named in `addresses` replaced by a jump to that address.

    It does not matter whether the file defines the function or leaves it to the linker. The jumps stand in a section of
    their own, at the end of the file, under new names that do not clash with a linker's own definition of the old ones.
    Raises ValueError for anything but an object file for x86-64.
    """
    edited = bytearray(data)
    names: dict[_Section, bytearray] = {}
    jumps = bytearray()
    sections = _sections(data)
    if struct.unpack_from("<H", data, _MACHINE)[0] != _X86_64:
        raise ValueError("not an object file for x86-64")
    for strings, offset, name in _symbols(data):
        if name in addresses:
            table = names.setdefault(strings, bytearray(data[strings.offset : strings.offset + strings.size]))
            symbol = (len(table), _GLOBAL_FUNCTION, _HIDDEN, len(sections), len(jumps), 16)
            _SYMBOL.pack_into(edited, offset, *symbol)
            table += f"redirected.{name}\0".encode()
            jumps += _JUMP % struct.pack("<Q", addresses[name])
    _append_sections(edited, names, jumps, len(sections))
    return bytes(edited)


def _append_sections(
    edited: bytearray, names: Mapping[_Section, bytearray], jumps: bytes | bytearray, count: int
) -> None:
    """Append new contents for the string tables in `names`, a section of `jumps`, and the headers of all sections."""
    (start,) = struct.unpack_from("<Q", edited, _SECTION_TABLE_OFFSET)
    headers = edited[start : start + count * _SECTION.size]
    for strings, table in names.items():
        header = list(_SECTION.unpack_from(headers, strings.number * _SECTION.size))
        header[4:6] = _append(edited, table), len(table)
        _SECTION.pack_into(headers, strings.number * _SECTION.size, *header)
    headers += _SECTION.pack(0, _PROGRAM, _ALLOCATED_CODE, 0, _append(edited, jumps), len(jumps), 0, 0, 16, 0)
    struct.pack_into("<Q", edited, _SECTION_TABLE_OFFSET, _append(edited, headers))
    struct.pack_into("<H", edited, _SECTION_COUNT, count + 1)


def _append(edited: bytearray, content: bytes | bytearray) -> int:
    """Append `content` at a multiple of 16 bytes and return where."""
    edited += bytes(-len(edited) % 16)
    start = len(edited)
    edited += content
    return start


def _symbols(data: bytes) -> Iterator[tuple[_Section, int, str]]:
    """Yield every symbol: the section that holds its name, where its entry lies in the file, and its name."""
    sections = _sections(data)
    for table in sections:
        if table.kind != _SYMBOL_TABLE:
            continue
        strings = sections[table.link]
        for offset in range(table.offset, table.offset + table.size, _SYMBOL.size):
            start = strings.offset + struct.unpack_from("<I", data, offset)[0]
            yield strings, offset, data[start : data.index(0, start)].decode()


def _sections(data: bytes) -> list[_Section]:
    if data[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian ELF object file")
    (start,) = struct.unpack_from("<Q", data, _SECTION_TABLE_OFFSET)
    (count,) = struct.unpack_from("<H", data, _SECTION_COUNT)
    found = []
    for number in range(count):
        _, kind, _, _, offset, size, link, _, _, _ = _SECTION.unpack_from(data, start + number * _SECTION.size)
        found.append(_Section(number, kind, offset, size, link))
    return found
