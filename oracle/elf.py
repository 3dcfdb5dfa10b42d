"""Point the functions that an ELF object file calls at other addresses, without compiling anything again."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Layouts and constants: System V ABI, "Object Files", for 64-bit little-endian files.
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SECTION_TABLE_OFFSET = 0x28
_SECTION_TABLE_SIZE = 0x3A
_SYMBOL_TABLE = 2
_ABSOLUTE = 0xFFF1
_GLOBAL = 0x10
_HIDDEN = 2


@dataclass(frozen=True)
class _Section:
    """The fields of a section header that matter here; `header` is where it lies in the file."""

    header: int
    kind: int
    offset: int
    size: int
    link: int


def is_elf(data: bytes) -> bool:
    """Whether `data` is an object file of the kind that `redirect` can edit: ELF, 64-bit, little-endian."""
    return data[:6] == b"\x7fELF\x02\x01"


def symbols(data: bytes) -> set[str]:
    """Return the names in the object file's symbol tables."""
    return {name for _, _, name in _symbols(data)}


def redirect(data: bytes, addresses: Mapping[str, int]) -> bytes:
    """Return the object file with each symbol named in `addresses` at that absolute address.

    It does not matter whether the file defines the symbol or leaves it to the linker. The symbols get new names, so
    that they do not clash with a linker's own definition of the old ones; the new names stand in a string table that
    is written anew at the end of the file.
    """
    edited = bytearray(data)
    names: dict[_Section, bytearray] = {}
    for strings, offset, name in _symbols(data):
        if name in addresses:
            table = names.setdefault(strings, bytearray(data[strings.offset : strings.offset + strings.size]))
            start = len(table)
            table += f"redirected.{name}\0".encode()
            _SYMBOL.pack_into(edited, offset, start, _GLOBAL, _HIDDEN, _ABSOLUTE, addresses[name], 0)
    for strings, table in names.items():
        header = list(_SECTION.unpack_from(data, strings.header))
        header[4:6] = len(edited), len(table)
        _SECTION.pack_into(edited, strings.header, *header)
        edited += table
    return bytes(edited)


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
    if not is_elf(data):
        raise ValueError("not a 64-bit little-endian ELF object file")
    (start,) = struct.unpack_from("<Q", data, _SECTION_TABLE_OFFSET)
    entry_size, count = struct.unpack_from("<HH", data, _SECTION_TABLE_SIZE)
    found = []
    for header in range(start, start + entry_size * count, entry_size):
        _, kind, _, _, offset, size, link, _, _, _ = _SECTION.unpack_from(data, header)
        found.append(_Section(header, kind, offset, size, link))
    return found
