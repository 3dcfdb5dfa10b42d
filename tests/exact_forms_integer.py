"""Integer, bit and logic forms and what they compute, from PTX ISA sections 9.7.1, 9.7.2 and 9.7.8."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product as combinations
from typing import Any

from exact_forms import OPEN, Form

ALL = tuple(f"{kind}{bits}" for bits in (16, 32, 64) for kind in "us")
WORDS = ALL[2:]
SIGNED = ("s16", "s32", "s64")


def forms() -> Iterator[Form]:
    """Every form."""
    yield from _arithmetic()
    yield from _multiplications()
    yield from _carries()
    yield from _fields()
    yield from _counts()
    yield from _logic()
    yield from _shifts()
    yield from _permutations()
    yield from _dots()
    yield from _newer()


def bits_of(type_: str) -> int:
    """Bits of an integer type."""
    return int(type_[1:])


def clamped(number: int, type_: str) -> int:
    """The nearest number that the type holds."""
    bits, signed = bits_of(type_), type_[0] == "s"
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return min(max(number, low), high)


def _uniform(opcode: str, type_: str, count: int, exact: Callable[..., Any], **options: Any) -> Form:
    return Form(opcode, (type_,), (type_,) * count, exact, **options)


def _truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _overflows(a: int, b: int, type_: str) -> bool:
    return b == 0 or (b == -1 and a == -(1 << bits_of(type_) - 1))


def _arithmetic() -> Iterator[Form]:
    for t in ALL:
        yield _uniform(f"add.{t}", t, 2, lambda a, b: a + b)
        yield _uniform(f"sub.{t}", t, 2, lambda a, b: a - b)
        yield _uniform(f"min.{t}", t, 2, min)
        yield _uniform(f"max.{t}", t, 2, max)
        yield _uniform(f"sad.{t}", t, 3, lambda a, b, c: c + abs(a - b))
        yield _uniform(f"div.{t}", t, 2, lambda a, b, t=t: OPEN if _overflows(a, b, t) else _truncated(a, b))
        yield _uniform(f"rem.{t}", t, 2, lambda a, b, t=t: OPEN if _overflows(a, b, t) else a - _truncated(a, b) * b)
    for t in SIGNED:
        yield _uniform(f"abs.{t}", t, 1, abs)
        yield _uniform(f"neg.{t}", t, 1, lambda a: -a)
    yield _uniform("add.sat.s32", "s32", 2, lambda a, b: clamped(a + b, "s32"))
    yield _uniform("sub.sat.s32", "s32", 2, lambda a, b: clamped(a - b, "s32"))


def _multiplications() -> Iterator[Form]:
    for t in ALL:
        bits = bits_of(t)
        yield _uniform(f"mul.lo.{t}", t, 2, lambda a, b: a * b)
        yield _uniform(f"mul.hi.{t}", t, 2, lambda a, b, bits=bits: a * b >> bits)
        yield _uniform(f"mad.lo.{t}", t, 3, lambda a, b, c: a * b + c)
        yield _uniform(f"mad.hi.{t}", t, 3, lambda a, b, c, bits=bits: (a * b >> bits) + c)
        if bits < 64:
            wide = f"{t[0]}{2 * bits}"
            yield Form(f"mul.wide.{t}", (wide,), (t, t), lambda a, b: a * b)
            yield Form(f"mad.wide.{t}", (wide,), (t, t, wide), lambda a, b, c: a * b + c)
    yield _uniform("mad.hi.sat.s32", "s32", 3, lambda a, b, c: clamped((a * b >> 32) + c, "s32"))
    for t, (part, shift) in combinations(("u32", "s32"), (("lo", 0), ("hi", 16))):
        exact = partial(_product24, t, shift)
        yield _uniform(f"mul24.{part}.{t}", t, 2, exact)
        yield _uniform(f"mad24.{part}.{t}", t, 3, lambda a, b, c, exact=exact: exact(a, b) + c)
    yield _uniform("mad24.hi.sat.s32", "s32", 3, lambda a, b, c: clamped(_product24("s32", 16, a, b) + c, "s32"))


def _product24(type_: str, shift: int, a: int, b: int) -> int:
    """32 bits, from `shift` on, of the product of the low 24 bits of both."""
    low = [_field(x, 24, type_) for x in (a, b)]
    return _field(low[0] * low[1] >> shift, 32, type_)


def _field(number: int, bits: int, type_: str) -> int:
    """The low bits of a number, sign-extended if the type is signed."""
    field = number & (1 << bits) - 1
    return field - (1 << bits) if type_[0] == "s" and bits and field >> bits - 1 else field


# Carry chains: the flag comes in from an instruction before and is read by one after.

_SET_CARRY = "add.cc.u32 {x}, {carry}, -1;"
_SET_BORROW = "sub.cc.u32 {x}, 0, {carry};"


def _carries() -> Iterator[Form]:
    for t in WORDS:
        yield from _sums_with_carry(t)
        bits = bits_of(t)
        for part, shift in (("lo", 0), ("hi", bits)):

            def exact(a: int, b: int, c: int, carry: int = 0, shift: int = shift, bits: int = bits) -> tuple[int, int]:
                total = (a * b >> shift) % (1 << bits) + c % (1 << bits) + carry
                return total, total >> bits

            read = f"addc.{t} {{d1}}, 0, 0;"
            set_ = _SET_CARRY.replace("{carry}", "{e}")
            sources = "{d}, {a}, {b}, {c};"
            yield Form(f"mad.{part}.cc.{t}", (t, t), (t, t, t), exact, f"mad.{part}.cc.{t} {sources} {read}")
            text = f"{set_} madc.{part}.cc.{t} {sources} {read}"
            yield Form(f"madc.{part}.cc.{t}", (t, t), (t, t, t, "u1"), exact, text)
            last = f"{set_} madc.{part}.{t} {sources}"
            yield Form(f"madc.{part}.{t}", (t,), (t, t, t, "u1"), lambda *args, exact=exact: exact(*args)[0], last)


def _sums_with_carry(t: str) -> Iterator[Form]:
    bits = bits_of(t)

    def added(a: int, b: int, carry: int = 0) -> tuple[int, int]:
        total = a % (1 << bits) + b % (1 << bits) + carry
        return total, total >> bits

    def subtracted(a: int, b: int, borrow: int = 0) -> tuple[int, int]:
        total = a % (1 << bits) - b % (1 << bits) - borrow
        return total, total >> bits

    for name, exact, set_ in (("add", added, _SET_CARRY), ("sub", subtracted, _SET_BORROW)):
        read = f"{name}c.{t} {{d1}}, 0, 0;"
        before = set_.replace("{carry}", "{c}")
        yield Form(f"{name}.cc.{t}", (t, t), (t, t), exact, f"{name}.cc.{t} {{d}}, {{a}}, {{b}}; {read}")
        text = f"{before} {name}c.cc.{t} {{d}}, {{a}}, {{b}}; {read}"
        yield Form(f"{name}c.cc.{t}", (t, t), (t, t, "u1"), exact, text)
        text = f"{before} {name}c.{t} {{d}}, {{a}}, {{b}};"
        yield Form(f"{name}c.{t}", (t,), (t, t, "u1"), lambda *args, exact=exact: exact(*args)[0], text)


def _fields() -> Iterator[Form]:
    for t in WORDS:
        yield Form(f"bfe.{t}", (t,), (t, "u32", "u32"), partial(_extracted, t))
    for t in ("b32", "b64"):
        yield Form(f"bfi.{t}", (t,), (t, t, "u32", "u32"), partial(_inserted, bits_of(t)))
    for mode in ("clamp", "wrap"):
        yield Form(f"bmsk.{mode}.b32", ("b32",), ("u32", "u32"), partial(_mask, mode))
        for t in ("u32", "s32"):
            yield Form(f"szext.{mode}.{t}", (t,), (t, "u32"), partial(_extended, mode, t))


def _extracted(t: str, a: int, position: int, length: int) -> int:
    position, length = position & 0xFF, length & 0xFF
    msb = bits_of(t) - 1
    sign = 0 if t[0] == "u" or length == 0 else a >> min(position + length - 1, msb) & 1
    return sum((a >> position + i & 1 if i < length and position + i <= msb else sign) << i for i in range(msb + 1))


def _inserted(bits: int, a: int, b: int, position: int, length: int) -> int:
    position, length = position & 0xFF, length & 0xFF
    for i in range(length):
        if position + i < bits:
            b = b & ~(1 << position + i) | (a >> i & 1) << position + i
    return b


def _limited(mode: str, amount: int) -> int:
    return amount % 32 if mode == "wrap" else min(amount, 32)


def _mask(mode: str, position: int, length: int) -> int:
    return ((1 << _limited(mode, length)) - 1) << _limited(mode, position)


def _extended(mode: str, t: str, a: int, length: int) -> int:
    return _field(a, _limited(mode, length), t)


def _counts() -> Iterator[Form]:
    for t in ("b32", "b64"):
        bits = bits_of(t)
        yield Form(f"popc.{t}", ("u32",), (t,), int.bit_count)
        yield Form(f"clz.{t}", ("u32",), (t,), lambda a, bits=bits: bits - a.bit_length())
        yield Form(f"brev.{t}", (t,), (t,), lambda a, bits=bits: int(f"{a:0{bits}b}"[::-1], 2))
    for t in WORDS:
        bits = bits_of(t)

        def highest(a: int) -> int:
            return (~a if a < 0 else a).bit_length() - 1

        def shift(a: int, highest: Callable[[int], int] = highest, bits: int = bits) -> int:
            return bits - 1 - highest(a) if highest(a) >= 0 else -1

        yield Form(f"bfind.{t}", ("u32",), (t,), highest)
        yield Form(f"bfind.shiftamt.{t}", ("u32",), (t,), shift)
    yield Form("fns.b32", ("b32",), ("b32", "u5", "s32"), _nth_set)


def _nth_set(mask: int, base: int, offset: int) -> int:
    if offset == 0:
        return base if mask >> base & 1 else -1
    places = range(base, 32) if offset > 0 else range(base, -1, -1)
    hits = [place for place in places if mask >> place & 1]
    return hits[abs(offset) - 1] if len(hits) >= abs(offset) else -1


def _logic() -> Iterator[Form]:
    for t in ("pred", "b16", "b32", "b64"):
        yield _uniform(f"and.{t}", t, 2, lambda a, b: a & b)
        yield _uniform(f"or.{t}", t, 2, lambda a, b: a | b)
        yield _uniform(f"xor.{t}", t, 2, lambda a, b: a ^ b)
        yield _uniform(f"not.{t}", t, 1, (lambda a: not a) if t == "pred" else (lambda a: ~a))
        if t != "pred":
            yield _uniform(f"cnot.{t}", t, 1, lambda a: a == 0)
    for table in range(256):
        text = f"lop3.b32 {{d}}, {{a}}, {{b}}, {{c}}, {table};"
        yield _uniform("lop3.b32", "b32", 3, partial(_looked_up, table), text=text)


def _looked_up(table: int, a: int, b: int, c: int) -> int:
    rows = [row for row in range(8) if table >> row & 1]
    return sum((a if row & 4 else ~a) & (b if row & 2 else ~b) & (c if row & 1 else ~c) & 0xFFFFFFFF for row in rows)


def _shifts() -> Iterator[Form]:
    for bits in (16, 32, 64):
        yield Form(f"shl.b{bits}", (f"b{bits}",), (f"b{bits}", "u32"), lambda a, n: a << min(n, 64))
        for kind in "bus":
            t = f"{kind}{bits}"
            yield Form(f"shr.{t}", (t,), (t, "u32"), lambda a, n: a >> min(n, 64))
        for n in (0, 1, bits - 1, bits, bits + 1, 200):
            for name, t in (("shl", f"b{bits}"), ("shr", f"u{bits}"), ("shr", f"s{bits}")):
                text = f"{name}.{t} {{d}}, {{a}}, {n};"
                exact = (lambda a, n=n: a << n) if name == "shl" else (lambda a, n=n: a >> n)
                yield Form(f"{name}.{t}", (t,), (t,), exact, text)
    for mode in ("wrap", "clamp"):
        left = lambda a, b, n, mode=mode: (b << 32 | a) << _limited(mode, n) >> 32  # noqa: E731
        right = lambda a, b, n, mode=mode: (b << 32 | a) >> _limited(mode, n)  # noqa: E731
        yield Form(f"shf.l.{mode}.b32", ("b32",), ("b32", "b32", "u32"), left)
        yield Form(f"shf.r.{mode}.b32", ("b32",), ("b32", "b32", "u32"), right)


PERMUTATIONS = {
    "f4e": ("3210", "4321", "5432", "6543"),
    "b4e": ("5670", "6701", "7012", "0123"),
    "rc8": ("0000", "1111", "2222", "3333"),
    "ecl": ("3210", "3211", "3222", "3333"),
    "ecr": ("0000", "1110", "2210", "3210"),
    "rc16": ("1010", "3232", "1010", "3232"),
}
"""PTX ISA, `prmt`: by selector value, the source bytes of the result, highest first."""


def _permutations() -> Iterator[Form]:
    yield _uniform("prmt.b32", "b32", 3, _permuted)
    for mode in PERMUTATIONS:
        yield _uniform(f"prmt.b32.{mode}", "b32", 3, partial(_permuted_by_mode, mode))


def _permuted(a: int, b: int, select: int) -> int:
    result = 0
    for place in range(4):
        control = select >> 4 * place & 15
        byte = (b << 32 | a) >> 8 * (control & 7) & 0xFF
        result |= (byte >> 7) * 0xFF << 8 * place if control & 8 else byte << 8 * place
    return result


def _permuted_by_mode(mode: str, a: int, b: int, select: int) -> int:
    octets = (b << 32 | a).to_bytes(8, "little")
    return int.from_bytes(bytes(octets[int(place)] for place in PERMUTATIONS[mode][select & 3]), "big")


def _dots() -> Iterator[Form]:
    for x, y in combinations(("u32", "s32"), repeat=2):
        total = "u32" if x == y == "u32" else "s32"
        sources = (x, y, total)

        def four(a: int, b: int, c: int, x: str = x, y: str = y) -> int:
            return c + sum(_field(a >> 8 * i, 8, x) * _field(b >> 8 * i, 8, y) for i in range(4))

        yield Form(f"dp4a.{x}.{y}", (total,), sources, four)
        for half, first in (("lo", 0), ("hi", 2)):

            def two(a: int, b: int, c: int, x: str = x, y: str = y, first: int = first) -> int:
                return c + sum(_field(a >> 16 * i, 16, x) * _field(b >> 8 * (first + i), 8, y) for i in range(2))

            yield Form(f"dp2a.{half}.{x}.{y}", (total,), sources, two)


def _newer() -> Iterator[Form]:
    """Pairs of 16-bit integers and `.relu`, from compute capability 9.0 on, and `lop3` with a predicate."""
    for t in ("u16x2", "s16x2"):
        for name, exact in (("add", int.__add__), ("min", min), ("max", max)):
            both = lambda a, b, exact=exact: (exact(a[0], b[0]), exact(a[1], b[1]))  # noqa: E731
            yield _uniform(f"{name}.{t}", t, 2, both, minimum=90)
    for name, exact in (("min", min), ("max", max)):
        yield _uniform(f"{name}.relu.s32", "s32", 2, lambda a, b, exact=exact: max(exact(a, b), 0), minimum=90)
        both = lambda a, b, exact=exact: tuple(max(exact(*pair), 0) for pair in zip(a, b, strict=True))  # noqa: E731
        yield _uniform(f"{name}.relu.s16x2", "s16x2", 2, both, minimum=90)
    for word, table in combinations(("and", "or"), (0, 0x80, 0x96, 0xE8, 0xFF)):

        def exact_pair(a: int, b: int, c: int, p: bool, word: str = word, table: int = table) -> tuple[int, bool]:
            found = _looked_up(table, a, b, c)
            return found, found != 0 and p if word == "and" else found != 0 or p

        text = f"lop3.{word}.b32 {{d}}|{{d1}}, {{a}}, {{b}}, {{c}}, {table}, {{e}};"
        yield Form(f"lop3.{word}.b32", ("b32", "pred"), ("b32", "b32", "b32", "pred"), exact_pair, text)
