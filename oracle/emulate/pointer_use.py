"""What a kernel's PTX tells about its parameters: which bytes are read, as what, and what their pointers reach.

One pass in the order of the text follows pointers from `ld.param` through moves and additions to the accesses that use
them. That is a good guess, no proof: a pointer that comes back from a call or from memory is lost.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from oracle.ptx.parse import Function, Statement, split_operands
from oracle.ptx.types import TYPES

Place = tuple[str, int]
"""A parameter's name and the offset of a byte in it."""

NOWHERE: Place = ("", 0)

Origins = dict[str, set[tuple[Place, int]]]
"""Which pointers a register may come from, each with the constant that was added to it; offsets are from nowhere."""

_ADDRESS = re.compile(r"\[([%$\w.]+?)(?:\+(-?\d+))?\]$")
_INTEGER = re.compile(r"-?\d+$")
_REGISTER = re.compile(r"%\w+")
_CARRIES = ("mov", "cvta", "add", "sub", "mad", "selp")
_ACCESSES = ("ld", "st", "atom", "red")


@dataclass
class Reach:
    """What is done through one pointer: how often as which type, up to which byte from it, and whether it is written.

    For an array of Warp's the bytes are those of one element, since indices are multiplied by strides.
    """

    types: Counter[str] = field(default_factory=Counter)
    extent: int = 0
    written: bool = False


@dataclass
class Uses:
    """`reads` has the type that each used place is loaded as, `pointers` what the pointer at a place reaches."""

    reads: dict[Place, str] = field(default_factory=dict)
    pointers: dict[Place, Reach] = field(default_factory=dict)


def uses_of(function: Function) -> Uses:
    """Read a kernel's body."""
    statements = [statement for block in function.code.blocks for statement in block.body]
    ends = [block.end for block in function.code.blocks if block.end is not None]
    live = _live_registers([*statements, *ends])
    origins: Origins = defaultdict(set)
    uses = Uses()
    for statement in statements:
        _follow(statement, live, origins, uses)
    return uses


def _live_registers(statements: list[Statement]) -> set[str]:
    """Registers whose value goes anywhere but into copies that are dead: the compiler leaves many of those."""
    live: set[str] = set()
    copies = []
    for _, guard, opcode, text in statements:
        target, *sources = split_operands(text) or [""]
        live.add(guard)
        if opcode.startswith("mov.") and text.count("%") == 2 and "{" not in text:
            copies.append((target, sources[0]))
        else:
            live.update(*map(_REGISTER.findall, sources if target.startswith(("%", "{")) else [target, *sources]))
    for target, source in reversed(copies):
        if target in live:
            live.add(source)
    return live


def _follow(statement: Statement, live: set[str], origins: Origins, uses: Uses) -> None:
    _, _, opcode, text = statement
    base, *modifiers = opcode.split(".")
    types = [modifier for modifier in modifiers if modifier in TYPES]
    if not types:
        return
    operands = split_operands(text)
    if base == "ld" and "param" in modifiers:
        _load(operands, types[0], live, origins, uses)
    elif base in _CARRIES and TYPES[types[0]].size == 8:
        _carry(operands[0], operands[1:], base == "add", origins)
    elif base in _ACCESSES:
        _access(operands, types[-1], base != "ld", origins, uses)


def _carry(target: str, sources: list[str], adds: bool, origins: Origins) -> None:
    """A pointer, or what is added to one, goes from the sources to the target; a constant alone is added to nothing."""
    constant = sum(int(source) for source in sources if _INTEGER.match(source)) if adds else 0
    found = set().union(*(origins.get(source, set()) for source in sources))
    pointers = {(place, added) for place, added in found if place != NOWHERE}
    constant += max((added for place, added in found if place == NOWHERE), default=0)
    origins[target] |= {(place, added + constant) for place, added in pointers} or {(NOWHERE, constant)}


def _load(operands: list[str], type_name: str, live: set[str], origins: Origins, uses: Uses) -> None:
    match = _ADDRESS.match(operands[1])
    if match is None:
        return
    size = TYPES[type_name].size
    for index, register in enumerate(operands[0].strip("{}").split(",")):
        if register in live:  # vector loads bring neighbours along that nobody uses
            place = match[1], int(match[2] or 0) + index * size
            uses.reads[place] = type_name
            if size == 8:
                origins[register].add((place, 0))


def _access(operands: list[str], type_name: str, writes: bool, origins: Origins, uses: Uses) -> None:
    bracket = next((operand for operand in operands if operand[0] == "["), "")
    match = _ADDRESS.match(bracket)
    if match is None:
        return
    vector = next((operand for operand in operands if operand[0] == "{"), "")
    size = TYPES[type_name].size * (vector.count(",") + 1)
    for place, added in origins.get(match[1], ()):
        if place == NOWHERE:
            continue
        reach = uses.pointers.setdefault(place, Reach())
        reach.types[type_name] += 1
        reach.extent = max(reach.extent, added + int(match[2] or 0) + size)
        reach.written |= writes
