"""Fault kinds for PTX: one instruction has another opcode, operand, type, rounding, predicate, or is gone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from faults.edits import Edit, Kind

OPCODES: Mapping[str, str] = {
    "add": "sub",
    "sub": "add",
    "mul": "add",
    "and": "or",
    "or": "xor",
    "xor": "and",
    "min": "max",
    "max": "min",
    "div": "mul",
    "rem": "div",
    "neg": "abs",
    "abs": "neg",
    "not": "mov",
    "shl": "shr",
    "shr": "shl",
    "sqrt": "rcp",
    "rcp": "sqrt",
    "ex2": "lg2",
    "lg2": "ex2",
    "sin": "cos",
    "cos": "sin",
}
"""An opcode that takes the same operands, in the forms that both have."""

COMPARISONS: Mapping[str, str] = {"lt": "le", "le": "lt", "gt": "ge", "ge": "gt", "eq": "ne", "ne": "eq"}
ORDERED = ("sub", "div", "rem", "shl", "shr", "selp", "setp", "mad", "fma")
TYPES: Mapping[str, str] = {"s16": "u16", "u16": "s16", "s32": "u32", "u32": "s32", "s64": "u64", "u64": "s64"}
SIGNED = ("mul.hi", "mul.wide", "div", "rem", "shr", "min", "max", "setp", "cvt", "mad.wide", "mad.hi", "ld")
"""What gives another result for signed than for unsigned operands."""

ROUNDINGS: Mapping[str, str] = {"rn": "rz", "rz": "rn", "rni": "rzi", "rzi": "rni", "rmi": "rpi", "rpi": "rmi"}

_INSTRUCTION = re.compile(
    r"^\t(?P<guard>@!?%p\d+ )?(?P<opcode>[a-z][\w.:]*)[ \t]+(?P<operands>[^;\n]+);$", re.MULTILINE
)
_BODY = re.compile(r"^\{\n(.*?)\n\}$", re.MULTILINE | re.DOTALL)
_REGISTER = re.compile(r"%(?P<group>[a-z]+)\d+")


def _functions(text: str) -> Iterator[list[re.Match[str]]]:
    """Yield the instructions of each function of the module, those that pass parameters left out."""
    for body in _BODY.finditer(text):
        found = _INSTRUCTION.finditer(text, *body.span(1))
        yield [match for match in found if not match["opcode"].startswith(("call", "st.param", "ld.param"))]


def _instructions(text: str) -> Iterator[re.Match[str]]:
    for function in _functions(text):
        yield from function


def _opcodes(table: Mapping[str, str], text: str) -> Iterator[Edit]:
    for match in _instructions(text):
        base, dot, rest = match["opcode"].partition(".")
        if base not in table:
            continue
        new, form = table[base], rest
        if new == "add":
            form = re.sub(r"^(?:lo|wide)\.", "", form)
        elif base == "div" and new == "mul" and rest[0] in "su":
            form = f"lo.{rest}"
        elif new == "shl":
            form = re.sub(r"^[su]", "b", form)
        elif new == "shr":
            form = re.sub(r"^b", "u", form)
        yield Edit(*match.span("opcode"), f"{new}{dot}{form}")


def _parts(table: Mapping[str, str], bases: tuple[str, ...], text: str) -> Iterator[Edit]:
    """Replace one of the parts after an opcode's first dot that the table holds."""
    for match in _instructions(text):
        opcode = match["opcode"]
        if opcode.startswith(bases):
            for part in re.finditer(r"(?<=\.)\w+", opcode):
                if part[0] in table:
                    start = match.start("opcode") + part.start()
                    if not (bases is SIGNED and opcode.startswith(("setp.eq", "setp.ne"))):  # bits are equal or not
                        yield Edit(start, start + len(part[0]), table[part[0]])
                    break


def _swapped(text: str) -> Iterator[Edit]:
    for match in _instructions(text):
        operands = match["operands"].split(", ")
        base = match["opcode"].partition(".")[0]
        if base in ORDERED and len(operands) >= 3 and operands[1] != operands[2]:
            first, second = (1, 3) if base in ("mad", "fma") and len(operands) > 3 else (1, 2)
            operands[first], operands[second] = operands[second], operands[first]
            yield Edit(*match.span("operands"), ", ".join(operands))


def _guards(text: str) -> Iterator[Edit]:
    for match in _instructions(text):
        if match["guard"]:
            flipped = match["guard"].replace("@!", "@") if "!" in match["guard"] else match["guard"].replace("@", "@!")
            yield Edit(*match.span("guard"), flipped)


def _immediates(pattern: str, new: Callable[[str], str], text: str) -> Iterator[Edit]:
    for match in _instructions(text):
        for operand in re.finditer(pattern, match["operands"]):
            start = match.start("operands") + operand.start()
            yield Edit(start, start + len(operand[0]), new(operand[0]))


def _next_bits(number: str) -> str:
    """Return the next value of a float in hexadecimal, `0f3F800000`."""
    return f"{number[:2]}{int(number[2:], 16) + 1:0{len(number) - 2}X}"


def _registers(text: str) -> Iterator[Edit]:
    """Replace a register that an instruction reads by the last other one of its class that was written before."""
    for function in _functions(text):
        written: dict[str, list[str]] = {}
        for match in function:
            first, _, sources = match["operands"].partition(", ")
            for register in _REGISTER.finditer(sources):
                others = (
                    name for name in reversed(written.get(register["group"], [])) if name not in (register[0], first)
                )
                other = next(others, None)
                if other:
                    start = match.start("operands") + len(first) + 2 + register.start()
                    yield Edit(start, start + len(register[0]), other)
            if not first.startswith("["):
                for register in _REGISTER.finditer(first):
                    written.setdefault(register["group"], []).append(register[0])


def _dropped(bases: tuple[str, ...], keep: tuple[str, ...], text: str) -> Iterator[Edit]:
    for match in _instructions(text):
        if match["opcode"].startswith(bases) and not match["opcode"].startswith(keep):
            yield Edit(*match.span(), "")


KINDS: tuple[Kind, ...] = (
    Kind("another opcode", partial(_opcodes, OPCODES)),
    Kind("operands swapped", _swapped),
    Kind("comparison off by one", partial(_parts, COMPARISONS, ("setp",))),
    Kind("another type", partial(_parts, TYPES, SIGNED)),
    Kind("another rounding", partial(_parts, ROUNDINGS, ("add", "sub", "mul", "div", "fma", "sqrt", "rcp", "cvt"))),
    Kind("predicate negated", _guards),
    Kind("integer off by one", partial(_immediates, r"(?<![\w+%.$])-?\d+$", lambda number: str(int(number) + 1))),
    Kind("float's last bit", partial(_immediates, r"\b0[fd][0-9A-F]{8,16}\b", _next_bits)),
    Kind("address off", partial(_immediates, r"(?<=[0-9])\+\d+(?=\])", lambda offset: f"+{int(offset) + 4}")),
    Kind("another register", _registers),
    Kind("instruction dropped", partial(_dropped, ("",), ("st.", "atom", "red", "bra"))),
    Kind("store dropped", partial(_dropped, ("st.", "atom", "red"), ())),
    Kind("branch dropped", partial(_dropped, ("bra",), ())),
)
