"""One kernel's functions are cut out of the C++ or CUDA text of its module, and their volatile names made stable.

Warp's module text is a preamble of includes and macros, then top-level definitions, each before its first use. What a
kernel needs is whatever its entry point reaches by name; writing that out callees first, in the order of their mention,
gives the same text whatever else the module held.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count

_PREAMBLE_END = "#define adj_int(x, adj_x, adj_ret) adj_cast_int(x, adj_x, adj_ret)\n"
_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[{}]", re.DOTALL)
_COMMENT_OR_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|//[^\n]*")
_NAME_OR_SKIPPED = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|//[^\n]*|[A-Za-z_]\w*")
_ATTRIBUTE = re.compile(r"\b(?:__launch_bounds__|WP_[A-Z_]+)\([^()]*\)")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_STRUCT = re.compile(r"^struct (\w+)\s*\{", re.MULTILINE)
_FUNCTION = re.compile(r"^[^\n/#][^\n(]*?(\w+)\(", re.MULTILINE)
_LOCATION = re.compile(r"^// \S[^\n]*:(\d+)$", re.MULTILINE)
_COUNTED = re.compile(r"_\d+(?:_callable_[0-9a-f]+)?\Z")
"""What Warp appends to a function's name: a number, and a hash of the functions that are passed to it."""
_HELPERS_OF_STRUCTS = frozenset(
    [
        "add",
        "sub",
        "adj_add",
        "adj_sub",
        "atomic_add",
        "adj_atomic_add",
        "tile_atomic_add_value",
        "tile_adj_atomic_add_value",
        "warp_shuffle_down",
        "warp_shuffle_xor",
    ]
)


@dataclass(frozen=True)
class _Block:
    """A top-level definition: its text, the names that it defines and, in order, the names that it mentions."""

    text: str
    defines: tuple[str, ...]
    mentions: tuple[str, ...]
    is_struct: bool


class ModuleText:
    """The text that Warp made of a module for one target, cut on demand.

    Raises ValueError for a text without the end of Warp's preamble.
    """

    def __init__(self, text: str) -> None:
        self.preamble, body = split_preamble(text)
        self._blocks = list(_blocks(body))
        self._definitions: dict[str, list[int]] = {}
        for index, block in enumerate(self._blocks):
            for name in block.defines:
                self._definitions.setdefault(name, []).append(index)

    def cut(self, entry: str, kernel: str) -> str:
        """Return what the function `entry` needs, itself last, with stable names. `kernel` is its mangled name.

        Raises KeyError when the text does not define `entry`.
        """
        order: dict[int, None] = {}
        open_blocks: set[int] = set()
        for index in self._definitions[entry]:
            self._collect(index, order, open_blocks)
        parts = [self._blocks[index] for index in order]
        functions = {name for part in parts if not part.is_struct for name in part.defines}
        counted = {name for name in functions if _COUNTED.search(name) and kernel not in name}
        names = dict.fromkeys(name for part in parts for name in part.mentions)
        return stable_names("\n\n".join(part.text for part in parts) + "\n", kernel, counted, names)

    def cut_if_there(self, entry: str, kernel: str) -> str:
        """Return what `cut` does, and an empty text when the module's text does not define `entry`."""
        return self.cut(entry, kernel) if entry in self._definitions else ""

    def _collect(self, index: int, order: dict[int, None], open_blocks: set[int]) -> None:
        """Append to `order` what block `index` mentions, callees first, then the block itself."""
        if index in order or index in open_blocks:
            return
        open_blocks.add(index)
        for name in self._blocks[index].mentions:
            for needed in self._definitions.get(name, ()):
                self._collect(needed, order, open_blocks)
        order[index] = None


def split_preamble(text: str) -> tuple[str, str]:
    """Split a module's text after Warp's own includes and macros; raises ValueError where their end is not found."""
    preamble, end, body = text.partition(_PREAMBLE_END)
    if not end:
        raise ValueError("the module's text does not begin with the preamble that Warp writes")
    return preamble + end, body


def _blocks(body: str) -> Iterator[_Block]:
    """Walk the top-level definitions; what Warp writes to go with a struct stays in the struct's block."""
    pending = ""
    for part in _top_level_parts(body):
        if pending and not _belongs_to_struct(part, pending):
            yield _block(pending)
            pending = ""
        pending += part
        if not _STRUCT.search(pending):
            yield _block(pending)
            pending = ""
    if pending.strip():
        yield _block(pending)


def _top_level_parts(body: str) -> Iterator[str]:
    """Yield the text up to the end of each line on which a top-level brace closes."""
    start = depth = 0
    for token in _TOKEN.finditer(body):
        if token.group() == "{":
            depth += 1
        elif token.group() == "}":
            depth -= 1
            if depth == 0:
                end = body.find("\n", token.end())
                end = len(body) if end < 0 else end + 1
                yield body[start:end]
                start = end
    if body[start:].strip():
        yield body[start:]


def _belongs_to_struct(part: str, struct: str) -> bool:
    """Whether `part` is one of the functions (or the closing `#endif`) that Warp writes along with a struct."""
    match = _FUNCTION.search(part)
    name = match.group(1) if match else ""
    definition = _STRUCT.search(struct)
    assert definition is not None
    return not _LOCATION.search(part) and (
        (name in _HELPERS_OF_STRUCTS and definition.group(1) in part) or name == f"adj_{definition.group(1)}"
    )


def _block(text: str) -> _Block:
    text = "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
    code = _without_comments(text)
    struct = _STRUCT.search(text)
    if struct:
        defines: tuple[str, ...] = (struct.group(1), f"adj_{struct.group(1)}")
    else:
        defines = tuple(match.group(1) for match in [_FUNCTION.search(_ATTRIBUTE.sub("", code))] if match)
    return _Block(text, defines, tuple(dict.fromkeys(_IDENTIFIER.findall(code))), bool(struct))


def _without_comments(text: str) -> str:
    """Take comments out, line by line: neither they nor strings go beyond one, and few lines have both."""
    return "\n".join(_code_of(line) if "//" in line else line for line in text.split("\n"))


def _code_of(line: str) -> str:
    if '"' not in line:
        return line.partition("//")[0]
    return _COMMENT_OR_STRING.sub(lambda match: "" if match.group().startswith("//") else match.group(), line)


def stable_names(text: str, kernel: str, counted: Collection[str], names: Collection[str]) -> str:
    """Replace in `text` what differs from batch to batch; `names` are those that it mentions, in their order.

    The `kernel`'s mangled name loses its hash, the counters of the functions in `counted` restart at 0 in the order of
    their mention, and the Python locations above functions keep their line only.
    """
    text = _LOCATION.sub(r"// kernel.py:\1", text)
    renamed = {
        name: name.replace(kernel, kernel.rpartition("_")[0], 1)
        for name in names
        if name.startswith((f"{kernel}_c", f"wp_args_{kernel}"))
    }
    renamed |= restart_counters(names, counted)

    def replace(match: re.Match[str]) -> str:
        return renamed.get(match.group(), match.group())

    lines = text.split("\n")  # most of them mention none of these names
    for number, line in enumerate(lines):
        if any(name in line for name in renamed):
            lines[number] = _NAME_OR_SKIPPED.sub(replace, line)
    return "\n".join(lines)


def restart_counters(names: Collection[str], counted: Collection[str]) -> dict[str, str]:
    """Map each of `counted` (`energy_17`, `adj_energy_17`) to its stable name, in the order in which `names` has them.

    A function and its adjoint get the same number, and no new name is one that the text already has.
    """
    taken = set(names) - set(counted)
    renamed: dict[str, str] = {}
    for name in names:
        function = name[4:] if name.startswith("adj_") and name[4:] in counted else name
        if function not in counted or function in renamed:
            continue
        key = _COUNTED.sub("", function)
        fresh = next(new for new in (f"{key}_{number}" for number in count()) if not {new, f"adj_{new}"} & taken)
        taken |= {fresh, f"adj_{fresh}"}
        renamed |= {function: fresh, f"adj_{function}": f"adj_{fresh}"}
    return renamed


def standalone(preamble: str, text: str) -> str:
    """Return a module text that Warp's build functions compile: a module's preamble before a text that was cut."""
    return preamble + "\n" + text
