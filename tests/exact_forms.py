"""One opcode form with its exact meaning, PTX that executes it on many operands, and operands that tend to break it.

An operand's type is a PTX type, `s16`, possibly followed by the width of the register that holds it, `s8/32`.
Values are Python's: integers for integer types, floats for float types (float64 holds every f16, bf16 and f32),
booleans for predicates, pairs for packed types. `u1` and `u5` are integers of that many bits in 32-bit registers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from exact_rounding import BF16, F16, F32, F64, Format, same
from hypothesis import Phase, settings
from ptx_snippets import source

from oracle import ptx

Array = np.ndarray[Any, Any]

FLOATS: dict[str, Format] = {"f16": F16, "bf16": BF16, "f32": F32, "f64": F64}
PACKED = {"f16x2": "f16", "bf16x2": "bf16", "f32x2": "f32", "u16x2": "u16", "s16x2": "s16"}

ANY_ZERO = object()
"""An expected result of which PTX leaves the sign of zero open."""

OPEN = None
"""An expected result that PTX leaves open altogether."""

WAYS = ("everywhere", "after a branch", "guarded")
"""How threads come to execute the instruction: all of them, or every other one."""

_PRESET = 0x5A5A5A5A5A5A5A5A


@dataclass(frozen=True)
class Form:
    """What an opcode does to one thread's operands: `exact` maps their values to the result, or to a tuple of results.

    `text` is there for what is more than one instruction `opcode d, a, b, c;`, and names its operands so.
    A NaN result is any NaN, but with `canonical` the one with all bits below the sign set. `minimum` is the lowest
    compute capability, times ten, that has the form.
    """

    opcode: str
    results: tuple[str, ...]
    sources: tuple[str, ...]
    exact: Callable[..., Any] = field(compare=False)
    text: str = ""
    canonical: bool = False
    minimum: int = 75

    def __str__(self) -> str:
        return f"{self.text.strip() or self.opcode} on {', '.join(self.results)} <- {', '.join(self.sources)}"


def width(type_: str) -> int:
    """Bits of the register that holds an operand; 1 for predicates."""
    name, _, register = type_.partition("/")
    if register:
        return int(register)
    if name in ("u1", "u5"):
        return 32
    if name in PACKED:
        return 2 * width(PACKED[name])
    return 1 if name == "pred" else max(16, int(name.lstrip("bsuf")))


def halves(type_: str, pattern: int) -> list[int]:
    """The patterns of the elements of a packed type, the lower one first."""
    bits = width(PACKED[type_])
    return [pattern & (1 << bits) - 1, pattern >> bits]


def value(type_: str, pattern: int) -> Any:
    """What a register's bits stand for."""
    name = type_.partition("/")[0]
    if name == "pred":
        return bool(pattern & 1)
    if name in PACKED:
        return tuple(value(PACKED[name], half) for half in halves(name, pattern))
    if name in FLOATS:
        return FLOATS[name].value(pattern & (1 << FLOATS[name].bits) - 1)
    bits = int(name[1:])
    number = pattern & (1 << bits) - 1
    return number - (1 << bits) if name[0] == "s" and number >> bits - 1 else number


def agrees(type_: str, pattern: int, expected: Any, canonical: bool = False) -> bool:
    """Whether a register's bits are the expected value, extended to the register as PTX says."""
    name = type_.partition("/")[0]
    if name in PACKED:
        both = zip(halves(name, pattern), expected, strict=True)
        return all(agrees(PACKED[name], half, wanted, canonical) for half, wanted in both)
    if expected is OPEN:
        return True
    if name in FLOATS:
        if expected is ANY_ZERO:
            return value(type_, pattern) == 0
        if canonical and math.isnan(expected):
            return pattern == (1 << FLOATS[name].bits - 1) - 1
        return pattern >> FLOATS[name].bits == 0 and same(value(type_, pattern), expected)
    if name == "pred":
        return pattern == expected
    # Narrow integers are sign- or zero-extended to their register.
    return (
        pattern == int(expected) % (1 << int(name[1:])) if "/" not in type_ else pattern == _extended(type_, expected)
    )


def _extended(type_: str, number: int) -> int:
    name, _, register = type_.partition("/")
    return value(name, int(number)) % (1 << int(register))


# PTX.

_SCRATCH = {"x": "%r36", "y": "%r37", "X": "%rd36", "P": "%p12", "Q": "%p13"}


def names(types: Sequence[str], first: int) -> list[str]:
    """Registers for operands of these types, numbered from `first` on."""
    kinds = {1: "%p", 16: "%h", 32: "%r", 64: "%rd"}
    return [f"{kinds[width(t)]}{first + i}" for i, t in enumerate(types)]


def body(form: Form, way: str) -> str:
    """A kernel's body: loads 64-bit operands from `other`, executes the form, stores 64-bit results to `data`."""
    inputs, outputs = names(form.sources, 4), names(form.results, 9)
    lines = [f"mul.wide.u32 %rd30, %r1, {8 * len(inputs)};", "add.s64 %rd30, %rd3, %rd30;"]
    for i, (name, type_) in enumerate(zip(inputs, form.sources, strict=True)):
        lines.append(f"ld.global.u64 %rd31, [%rd30+{8 * i}];")
        lines.append(from_u64(name, width(type_)))
    lines += [_preset(name, width(type_)) for name, type_ in zip(outputs, form.results, strict=True)]
    lines += ["and.b32 %r35, %r1, 1;", "setp.eq.u32 %p15, %r35, 0;"]
    lines += _reached(_instructions(form, inputs, outputs), way)
    for i, (name, type_) in enumerate(zip(outputs, form.results, strict=True)):
        lines.append(to_u64(name, width(type_)))
        lines.append(f"st.global.u64 [%rd2+{8 * i}], %rd31;")
    return "\n".join([*lines, "ret;"])


def _instructions(form: Form, inputs: list[str], outputs: list[str]) -> list[str]:
    if not form.text:
        return [f"{form.opcode} {', '.join([*outputs, *inputs])};"]
    places = dict(zip("abcefg", inputs, strict=False)) | dict(zip(("d", "d1", "d2", "d3"), outputs, strict=False))
    return [f"{line.strip()};" for line in form.text.format(**places, **_SCRATCH).split(";") if line.strip()]


def _reached(instructions: list[str], way: str) -> list[str]:
    if way == "guarded":
        return [f"@%p15 {instruction}" for instruction in instructions]
    if way == "after a branch":
        return ["@!%p15 bra SKIP;", *instructions, "SKIP:"]
    return instructions


def from_u64(name: str, bits: int) -> str:
    """Puts %rd31 into a register."""
    if bits == 1:
        return f"setp.ne.u64 {name}, %rd31, 0;"
    return f"mov.b64 {name}, %rd31;" if bits == 64 else f"cvt.u{bits}.u64 {name}, %rd31;"


def to_u64(name: str, bits: int) -> str:
    """Puts a register into %rd31."""
    if bits == 1:
        return f"selp.u64 %rd31, 1, 0, {name};"
    return f"mov.b64 %rd31, {name};" if bits == 64 else f"cvt.u64.u{bits} %rd31, {name};"


def _preset(name: str, bits: int) -> str:
    if bits == 1:
        return f"setp.eq.u32 {name}, 0, 1;"
    return f"mov.b{bits} {name}, {_PRESET & (1 << bits) - 1};"


# Running.

BLOCK = 64

Execute = Callable[[str, Array, Array, int], Array]
"""Runs a module's kernel `snippet` on `data` and `other` with so many threads, 64 a block; data afterwards."""


def on_emulator(text: str, data: Array, other: Array, threads: int) -> Array:
    """`Execute` on the emulator."""
    memory = ptx.GlobalMemory()
    params = [memory.allocate(array).to_bytes(8, "little") for array in (data, other)]
    ptx.launch(ptx.Module(text), "snippet", (threads // BLOCK, 1, 1), (BLOCK, 1, 1), params, memory)
    return np.frombuffer(memory.read(int.from_bytes(params[0], "little"), data.nbytes), data.dtype).reshape(data.shape)


def module(form: Form, way: str) -> str:
    """The PTX module that executes a form."""
    return targeted(source(body(form, way), size=8 * len(form.results)), form.minimum)


def targeted(text: str, minimum: int) -> str:
    """A module for devices of at least that compute capability, times ten."""
    version = "8.8" if minimum >= 100 else "8.3"
    return text.replace(".version 8.0", f".version {version}").replace(".target sm_75", f".target sm_{minimum}")


def execute(form: Form, operands: Array, way: str, run: Execute = on_emulator) -> Array:
    """Result patterns (uint64, one row a thread) of operand patterns (uint64, one row a thread)."""
    data = np.zeros((len(operands), len(form.results)), np.uint64)
    return run(module(form, way), data, operands, len(operands))


def check(form: Form, operands: Array, results: Array, way: str) -> None:
    """Compare results with the exact ones."""
    for lane, (patterns, got) in enumerate(zip(operands.tolist(), results.tolist(), strict=True)):
        if way != "everywhere" and lane % 2:
            untouched = [_PRESET & (1 << width(t)) - 1 if width(t) > 1 else 0 for t in form.results]
            assert got == untouched, f"{form}, {way}: thread {lane} must not execute it"
            continue
        numbers = [value(t, p) for t, p in zip(form.sources, patterns, strict=True)]
        expected = form.exact(*numbers)
        if expected is OPEN:
            continue
        wanted = expected if len(form.results) > 1 else (expected,)
        for type_, pattern, want in zip(form.results, got, wanted, strict=True):
            assert agrees(type_, pattern, want, form.canonical), (
                f"{form}, {way}, of {numbers} ({[hex(p) for p in patterns]}): "
                f"got {value(type_, pattern)} ({pattern:#x}), expected {want}"
            )


# Operands.

SEEDED = settings(deadline=None, database=None, phases=(Phase.explicit, Phase.generate))
"""For properties of a seed: a smaller seed is no simpler, so that there is nothing to shrink."""


def operands(form: Form, seed: int, lanes: int = BLOCK) -> Array:
    """Operand patterns (uint64, one row a thread); half of them special, some of them alike."""
    rng = random.Random(seed)
    rows = [_row(form.sources, rng) for _ in range(lanes)]
    return np.array(rows, np.uint64).reshape(lanes, len(form.sources))


def _row(types: tuple[str, ...], rng: random.Random) -> list[int]:
    row = [_operand(t, rng) for t in types]
    if len(row) > 1 and rng.random() < 0.3:
        i, j = rng.sample(range(len(row)), 2)
        if width(types[i]) == width(types[j]) > 1:
            # Equal, opposite, or neighbouring: cancellation, ties and exact quotients.
            bits = width(types[i])
            row[i] = (row[j] ^ rng.choice((0, 1 << bits - 1))) + rng.choice((0, 0, 1, -1)) & (1 << bits) - 1
            row[i] = _fitting(types[i], row[i])
    return row


def _fitting(type_: str, pattern: int) -> int:
    return pattern & (1 << int(type_[1:])) - 1 if type_ in ("u1", "u5") else pattern


def _operand(type_: str, rng: random.Random) -> int:
    name, _, register = type_.partition("/")
    if name in PACKED:
        return _operand(PACKED[name], rng) | _operand(PACKED[name], rng) << width(PACKED[name])
    pattern = _float(FLOATS[name], rng) if name in FLOATS else _integer(1 if name == "pred" else int(name[1:]), rng)
    if register:
        # What stands above the operand in a wider register must not matter.
        bits = FLOATS[name].bits if name in FLOATS else int(name[1:])
        pattern |= rng.getrandbits(int(register)) >> bits << bits
    return pattern


def _integer(bits: int, rng: random.Random) -> int:
    kind = rng.randrange(6)
    if kind == 0:
        number = rng.getrandbits(bits)
    elif kind == 1:
        number = rng.choice((0, 1, 2, -1, -2, 1 << bits - 1, (1 << bits - 1) - 1, (1 << bits - 1) + 1))
    elif kind == 2:
        number = rng.choice((1, -1)) * (1 << rng.randrange(bits + 1)) + rng.randint(-2, 2)
    elif kind == 3:
        number = rng.randrange(0, 72)
    elif kind == 4:
        number = rng.getrandbits(rng.randint(1, bits))
    else:
        # Few significant bits, a gap, and what decides a tie.
        number = (rng.getrandbits(26) << rng.randrange(40)) + rng.randint(-1, 1)
    return number & (1 << bits) - 1


def _float(form: Format, rng: random.Random) -> int:
    field_bits = form.precision - 1
    exponents = 1 << form.bits - form.precision
    one = exponents // 2 - 1
    kind = rng.randrange(8)
    if kind == 0:
        magnitude = rng.getrandbits(form.bits - 1)
    elif kind == 1:
        top = exponents - 1 << field_bits
        magnitude = rng.choice(
            (0, 0, 1, 2, (1 << field_bits) - 1, 1 << field_bits, top - 1, top, top, top + 1, top + 3)
        )
    elif kind == 2:
        magnitude = rng.getrandbits(field_bits)
    elif kind == 3:
        # A small whole number or half of one.
        magnitude = _nearest(form, rng.randrange(1, 300) / 2)
    elif kind == 4:
        # The ends of integer types, and their neighbours.
        magnitude = _nearest(form, 2.0 ** min(rng.choice((7, 8, 15, 16, 31, 32, 63, 64)), form.largest))
        magnitude += rng.randint(-2, 2)
    else:
        exponent = rng.choice((one, one + rng.randint(-4, 4), rng.randrange(exponents - 1)))
        few = rng.getrandbits(3) << field_bits - 3
        fraction = rng.choice((few, rng.getrandbits(field_bits), 0, 1, (1 << field_bits) - 1, 1 << field_bits - 1))
        magnitude = exponent << field_bits | fraction
    return magnitude | rng.getrandbits(1) << form.bits - 1


def _nearest(form: Format, number: float) -> int:
    """The pattern of a positive number rounded down."""
    mantissa, exponent = math.frexp(number)
    field_bits = form.precision - 1
    fraction = int(mantissa * 2**form.precision) - (1 << field_bits)
    return (exponent + form.largest - 1 << field_bits) + fraction
