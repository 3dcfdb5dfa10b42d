"""The PTX of a whole module, shared by its kernels, and one kernel's own part of it.

NVRTC puts some 15 KB of tables and constants before the entries, most of which no kernel uses, and numbers labels,
local depots and call sequences through the module; the part that is cut out has only what the kernel's entries reach,
with the numbers restarted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

_DEFINITION = re.compile(
    r"^(?:\.(?:visible|extern|weak|common) )*"
    r"(?:\.(?P<kind>entry|func)\b(?: *\([^)]*\))?\s*(?P<function>[\w$]+)"
    r"|\.(?:const|global|shared)\b[^\n=]*?(?P<variable>[\w$]+)(?:\[\d*\])*(?: *=[^\n]*)?;$)",
    re.MULTILINE,
)
_HEADER = re.compile(r"^\.(?:version|target|address_size)\b[^\n]*$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_$%][\w$]*")
_OPCODE = re.compile(r"^\t(?:@!?%\w+ )?([a-z][\w.:]*)[ \t;]", re.MULTILINE)
_INTERNAL = re.compile(r"\d+_INTERNAL_[0-9a-f]{8}_\d+_\w+?_cu_[0-9a-f]{8}(?:_\d+)?")


@dataclass(eq=False)
class PtxText:
    """A module's PTX as NVRTC wrote it. Compared by identity, so that what is parsed from it can be remembered."""

    text: str = field(repr=False)

    @cached_property
    def _definitions(self) -> dict[str, str]:
        """The module's functions and variables by name, in their order."""
        starts = list(_DEFINITION.finditer(self.text))
        definitions = {}
        for match in starts:
            if match["function"]:
                end = self.text.find("\n}\n", match.end())
                stop = len(self.text) if end < 0 else end + 3
                declaration = self.text.find(";", match.end(), self.text.find("{", match.end()) + 1)
                if declaration >= 0:
                    continue
            else:
                stop = match.end()
            definitions[match["function"] or match["variable"]] = self.text[match.start() : stop]
        return definitions

    @cached_property
    def _functions(self) -> tuple[str, ...]:
        """The names of the module's functions that are no entries, most of which are inlined everywhere."""
        return tuple(name for name, text in self._definitions.items() if ".func" in text[: text.find(name)])

    def size(self, entries: Sequence[str]) -> int:
        """Return how many characters the `entries` have, whatever they call left out; 0 for one the module lacks."""
        return sum(len(self._definitions.get(entry, "")) for entry in entries)

    def opcodes(self, entries: Sequence[str]) -> frozenset[str]:
        """Return the opcodes of the `entries` and of the functions that they call, with modifiers and types.

        `setp.lt.u64`, `ld.global.nc.f32`; entries that the module lacks are left out.
        """
        found: set[str] = set()
        waiting = [entry for entry in entries if entry in self._definitions]
        seen = set(waiting)
        while waiting:
            text = self._definitions[waiting.pop()]
            found.update(_OPCODE.findall(text))
            called = [name for name in self._functions if name not in seen and name in text]
            seen.update(called)
            waiting += called
        return frozenset(found)

    def cut(self, entries: Sequence[str], kernel: str) -> str:
        """Return the `entries` with the functions and variables that they use, in the module's order, names stable.

        `kernel` is the kernel's mangled name. Entries that the module lacks are left out.
        """
        needed: set[str] = set()
        waiting = [entry for entry in entries if entry in self._definitions]
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                used = set(_NAME.findall(self._definitions[name]))
                waiting += [other for other in used if other in self._definitions]
        parts = [text for name, text in self._definitions.items() if name in needed]
        header = "\n".join(_HEADER.findall(self.text))
        return _stable("\n\n".join([header, *parts]) + "\n", kernel)


def _stable(text: str, kernel: str) -> str:
    text = text.replace(kernel, kernel.rpartition("_")[0])
    text = _INTERNAL.sub("module", text)
    for pattern in (r"(?<=\$L__BB)\d+(?=_)", r"(?<=__local_depot)\d+\b", r"(?<=// callseq )\d+"):
        numbers: dict[str, int] = {}
        text = re.sub(pattern, lambda match, seen=numbers: str(seen.setdefault(match.group(), len(seen))), text)
    return "\n".join(line.rstrip() for line in text.split("\n"))
