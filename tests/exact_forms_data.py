"""Moves, conversions, comparisons and selections, and what they compute: PTX ISA sections 9.7.6, 9.7.7 and 9.7.9."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product as combinations
from typing import Any

from exact_forms import ANY_ZERO, FLOATS, Form
from exact_forms_float import flushed, modified, packed, relu, rounding_format, saturated
from exact_forms_integer import ALL, bits_of, clamped
from exact_rounding import MODES, converted, integral

INTEGERS = ("u8", "s8", *ALL)
INTEGRAL = ("rni", "rzi", "rmi", "rpi")
_FTZ, _SAT = ("", ".ftz"), ("", ".sat")


def forms() -> Iterator[Form]:
    """Every form."""
    yield from _moves()
    yield from _integer_conversions()
    yield from _conversions_to_float()
    yield from _conversions_to_integer()
    yield from _conversions_between_floats()
    yield from _integral_floats()
    yield from _brain_floats()
    yield from _finite()
    yield from _predicates()
    yield from _sets()
    yield from _packed_sets()
    yield from _selections()


def _moves() -> Iterator[Form]:
    for t in ("pred", "b16", "b32", "b64", *ALL, "f32", "f64"):
        yield Form(f"mov.{t}", (t,), (t,), lambda a: a)
    for whole, part, count in (("b32", "b16", 2), ("b64", "b32", 2), ("b64", "b16", 4)):
        bits, names, targets = bits_of(part), "abce"[:count], ("d", "d1", "d2", "d3")[:count]
        parts = ", ".join(f"{{{n}}}" for n in names)
        joined = lambda *xs, bits=bits: sum(x << bits * i for i, x in enumerate(xs))  # noqa: E731
        yield Form(f"mov.{whole}", (whole,), (part,) * count, joined, f"mov.{whole} {{d}}, {{{{{parts}}}}};")
        parts = ", ".join(f"{{{n}}}" for n in targets)
        cut = lambda a, bits=bits, n=count: tuple(a >> bits * i & (1 << bits) - 1 for i in range(n))  # noqa: E731
        yield Form(f"mov.{whole}", (part,) * count, (whole,), cut, f"mov.{whole} {{{{{parts}}}}}, {{a}};")


# Conversions. A register may be wider than the type it holds: NVRTC keeps bytes in 16-bit registers.


def _registers(type_: str) -> tuple[str, ...]:
    """The types of operands that hold a value of this type: in a register of its width, and in wider ones."""
    bits = 8 if type_[1:] == "8" else 16 if type_.endswith("16") else bits_of(type_)
    wider = [w for w in (16, 32, 64) if w > bits]
    return (*(() if bits == 8 else (type_,)), *(f"{type_}/{w}" for w in wider))


def _in_registers(opcode: str, target: str, source: str, exact: Callable[[Any], Any], **options: Any) -> Iterator[Form]:
    targets, sources = _registers(target), _registers(source)
    for i in range(max(len(targets), len(sources))):
        yield Form(opcode, (targets[i % len(targets)],), (sources[i % len(sources)],), exact, **options)


def _wrapped(number: int, type_: str) -> int:
    field = number % (1 << bits_of(type_))
    return field - (1 << bits_of(type_)) if type_[0] == "s" and field >> bits_of(type_) - 1 else field


def _integer_conversions() -> Iterator[Form]:
    for target, source in combinations(INTEGERS, INTEGERS):
        yield from _in_registers(f"cvt.{target}.{source}", target, source, partial(_wrapped, type_=target))
        low, high = (-1 << 80, 1 << 80)
        narrower = clamped(low, source) < clamped(low, target) or clamped(high, source) > clamped(high, target)
        if narrower:
            opcode = f"cvt.sat.{target}.{source}"
            yield from _in_registers(opcode, target, source, partial(clamped, type_=target))


def _conversions_to_float() -> Iterator[Form]:
    for target, mode, source in combinations(("f16", "f32", "f64"), MODES, INTEGERS):
        for sat in _SAT:
            exact = partial(converted, target=FLOATS[target], mode=mode)
            ended = (lambda a, exact=exact: saturated(exact(a))) if sat else exact
            yield from _in_registers(f"cvt.{mode}{sat}.{target}.{source}", target, source, ended)


def _conversions_to_integer() -> Iterator[Form]:
    for source, mode, target in combinations(("f16", "f32", "f64"), INTEGRAL, INTEGERS):
        for ftz, sat in combinations(_FTZ if source == "f32" else ("",), _SAT):
            exact = partial(_as_integer, source, target, mode, ftz)
            yield from _in_registers(f"cvt.{mode}{ftz}{sat}.{target}.{source}", target, source, exact)


def _as_integer(source: str, target: str, mode: str, ftz: str, number: float) -> int:
    """PTX ISA, `cvt`: clamped; a NaN is 0, or the top bit alone if the source is .f64 or the target has 64 bits."""
    if math.isnan(number):
        zero = source != "f64" and bits_of(target) < 64
        return 0 if zero else _wrapped(1 << bits_of(target) - 1, target)
    if math.isinf(number):
        return clamped(int(math.copysign(1 << 80, number)), target)
    number = flushed(number, FLOATS[source]) if ftz else number
    return clamped(integral(number, mode), target)


def _conversions_between_floats() -> Iterator[Form]:
    for target, source in combinations(("f16", "f32", "f64"), repeat=2):
        narrows = FLOATS[target].bits < FLOATS[source].bits
        ftzs = _FTZ if "f32" in (target, source) else ("",)
        for mode, ftz, sat in combinations(MODES if narrows else ("",), ftzs, _SAT):
            exact = partial(_as_float, source, target, mode or "rn", ftz, sat)
            opcode = f"cvt{mode and '.' + mode}{ftz}{sat}.{target}.{source}"
            if narrows and ftz and mode != "rn" and target == "f32":
                # NVIDIA's assembler takes no wider target register here.
                yield Form(opcode, (target,), (source,), exact)
            elif target != source or ftz or sat or target == "f32":
                yield from _in_registers(opcode, target, source, exact)
    for mode, ftz in combinations(("rn", "rz"), _FTZ):
        exact = partial(_as_float, "f32", "f16", mode, ftz, ".relu")
        opcode = f"cvt.{mode}{ftz}.relu.f16.f32" if not ftz else f"cvt.{mode}.relu{ftz}.f16.f32"
        if not ftz:
            yield Form(opcode, ("f16",), ("f32",), exact, canonical=True, minimum=80)


def _as_float(source: str, target: str, mode: str, ftz: str, clamp: str, number: float) -> Any:
    if ftz and source == "f32":
        number = flushed(number, FLOATS["f32"])
    result: Any = converted(number, rounding_format(target, ftz if target == "f32" else ""), mode)
    if ftz and target == "f32":
        result = flushed(result, FLOATS["f32"])
    return saturated(result) if clamp == ".sat" else relu(result) if clamp == ".relu" else result


def _integral_floats() -> Iterator[Form]:
    for t, mode in combinations(("f16", "f32", "f64"), INTEGRAL):
        for ftz, sat in combinations(_FTZ if t == "f32" else ("",), _SAT):
            exact = modified(partial(_as_integral, mode), t, ftz, sat)
            yield Form(f"cvt.{mode}{ftz}{sat}.{t}.{t}", (t,), (t,), exact)


def _as_integral(mode: str, number: float) -> float:
    return math.copysign(integral(number, mode), number) if math.isfinite(number) else number


def _brain_floats() -> Iterator[Form]:
    for mode, clamp in combinations(("rn", "rz"), ("", ".relu")):
        exact = partial(_as_float, "f32", "bf16", mode, "", clamp)
        options: dict[str, Any] = {"canonical": True, "minimum": 80}
        yield Form(f"cvt.{mode}{clamp}.bf16.f32", ("bf16",), ("f32",), exact, **options)
        for target in ("f16", "bf16"):
            exact = partial(_as_float, "f32", target, mode, "", clamp)
            pair = lambda a, b, exact=exact: (exact(b), exact(a))  # noqa: E731
            options["canonical"] = bool(clamp) or target == "bf16"
            yield Form(f"cvt.{mode}{clamp}.{target}x2.f32", (f"{target}x2",), ("f32", "f32"), pair, **options)
    yield Form("cvt.f32.bf16", ("f32",), ("bf16",), lambda a: a, minimum=80)
    yield Form("cvt.f64.bf16", ("f64",), ("bf16",), lambda a: a, minimum=90)
    for mode in MODES:
        for source in ("f16", "f64"):
            exact = partial(_as_float, source, "bf16", mode, "", "")
            yield Form(f"cvt.{mode}.bf16.{source}", ("bf16",), (source,), exact, minimum=90)
        yield Form(
            f"cvt.{mode}.f16.bf16", ("f16",), ("bf16",), partial(_as_float, "bf16", "f16", mode, "", ""), minimum=90
        )
    for mode, source in combinations(MODES, ALL):
        exact = partial(converted, target=FLOATS["bf16"], mode=mode)
        yield Form(f"cvt.{mode}.bf16.{source}", ("bf16",), (_registers(source)[0],), exact, minimum=90)
    for mode in INTEGRAL:
        yield Form(f"cvt.{mode}.bf16.bf16", ("bf16",), ("bf16",), partial(_as_integral, mode), minimum=90)
    for mode, target in combinations(INTEGRAL, ALL):
        exact_integer = partial(_as_integer, "bf16", target, mode, "")
        yield Form(
            f"cvt.{mode}.{target}.bf16",
            (_registers(target)[0],),
            ("bf16",),
            exact_integer,
            minimum=90,
        )


def _finite() -> Iterator[Form]:
    """`.satfinite`: what is too large becomes the largest finite number of its sign."""
    for target, mode, clamp in combinations(("f16", "bf16"), ("rn", "rz"), ("", ".relu")):

        def exact(number: float, target: str = target, mode: str = mode, clamp: str = clamp) -> Any:
            result = _as_float("f32", target, mode, "", clamp, number)
            largest = FLOATS[target].value((1 << FLOATS[target].bits - 1) - 1 - (1 << FLOATS[target].precision - 1))
            infinite = result is not ANY_ZERO and math.isinf(result)
            return math.copysign(largest, result) if infinite else result

        options: dict[str, Any] = {"canonical": bool(clamp), "minimum": 80}
        yield Form(f"cvt.{mode}{clamp}.satfinite.{target}.f32", (target,), ("f32",), exact, **options)
        pair = lambda a, b, exact=exact: (exact(b), exact(a))  # noqa: E731
        opcode = f"cvt.{mode}{clamp}.satfinite.{target}x2.f32"
        yield Form(opcode, (f"{target}x2",), ("f32", "f32"), pair, **options)


# Comparisons.

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_UNSIGNED = {"lo": operator.lt, "ls": operator.le, "hi": operator.gt, "hs": operator.ge}
_BOOLEAN: dict[str, Callable[[bool, bool], bool]] = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}


def _float_comparisons() -> dict[str, Callable[[float, float], bool]]:
    def unordered(a: float, b: float) -> bool:
        return math.isnan(a) or math.isnan(b)

    table: dict[str, Callable[[float, float], bool]] = {
        "num": lambda a, b: not unordered(a, b),
        "nan": unordered,
    }
    for name, compare in _ORDERED.items():
        table[name] = lambda a, b, compare=compare: not unordered(a, b) and compare(a, b)
        table[f"{name}u"] = lambda a, b, compare=compare: unordered(a, b) or compare(a, b)
    return table


def comparisons(type_: str) -> dict[str, Callable[[Any, Any], bool]]:
    """By name, the comparisons that a type has."""
    if type_ in FLOATS:
        return _float_comparisons()
    if type_[0] == "b":
        return {name: _ORDERED[name] for name in ("eq", "ne")}
    return _ORDERED | _UNSIGNED if type_[0] == "u" else _ORDERED


_COMPARED = ("b16", "b32", "b64", *ALL, "f16", "bf16", "f32", "f64")


def _cases() -> Iterator[tuple[str, str, str, Callable[[Any, Any], bool]]]:
    """Comparison, `.ftz`, type and meaning."""
    for t in _COMPARED:
        for (name, compare), ftz in combinations(comparisons(t).items(), _FTZ if t in ("f16", "f32") else ("",)):
            if ftz:
                kept, form = compare, FLOATS[t]
                compare = lambda a, b, kept=kept, form=form: kept(flushed(a, form), flushed(b, form))  # noqa: E731
            yield name, ftz, t, compare


def _packed_cases() -> Iterator[tuple[str, str, str, Callable[[Any, Any], bool]]]:
    """The same of packed types; the meaning is that of either half."""
    for name, ftz, t, compare in _cases():
        if t in ("f16", "bf16"):
            yield name, ftz, f"{t}x2", compare


def _least(*types: str) -> int:
    return 90 if any(t.startswith("bf16") for t in types) else 75


def _predicates() -> Iterator[Form]:
    for name, ftz, t, compare in _cases():
        options: dict[str, Any] = {"minimum": _least(t)}
        yield Form(f"setp.{name}{ftz}.{t}", ("pred",), (t, t), compare, **options)
        both = lambda a, b, compare=compare: (compare(a, b), not compare(a, b))  # noqa: E731
        opcode = f"setp.{name}{ftz}.{t}"
        if t not in ("f16", "bf16"):
            yield Form(opcode, ("pred",) * 2, (t, t), both, f"{opcode} {{d}}|{{d1}}, {{a}}, {{b}};", **options)
        for word, combine in _BOOLEAN.items():
            opcode = f"setp.{name}.{word}{ftz}.{t}"

            def mixed(a: Any, b: Any, c: bool, compare: Any = compare, combine: Any = combine) -> tuple[bool, bool]:
                return combine(compare(a, b), c), combine(not compare(a, b), c)

            if t in ("f16", "bf16"):
                first = lambda a, b, c, mixed=mixed: mixed(a, b, not c)[0]  # noqa: E731
                yield Form(
                    opcode, ("pred",), (t, t, "pred"), first, f"{opcode} {{d}}, {{a}}, {{b}}, !{{c}};", **options
                )
                continue
            text = f"{opcode} {{d}}|{{d1}}, {{a}}, {{b}}, {{c}};"
            yield Form(opcode, ("pred", "pred"), (t, t, "pred"), mixed, text, **options)
            inverted = lambda a, b, c, mixed=mixed: mixed(a, b, not c)[0]  # noqa: E731
            text = f"{opcode} {{d}}, {{a}}, {{b}}, !{{c}};"
            yield Form(opcode, ("pred",), (t, t, "pred"), inverted, text, **options)
    for name, ftz, t, compare in _packed_cases():
        opcode = f"setp.{name}{ftz}.{t}"
        text = f"{opcode} {{d}}|{{d1}}, {{a}}, {{b}};"
        yield Form(opcode, ("pred", "pred"), (t, t), packed(compare), text, minimum=_least(t))
        opcode = f"setp.{name}.xor{ftz}.{t}"
        text = f"{opcode} {{d}}|{{d1}}, {{a}}, {{b}}, {{c}};"
        mixed = lambda a, b, c, compare=compare: tuple(t ^ c for t in packed(compare)(a, b))  # noqa: E731
        yield Form(opcode, ("pred", "pred"), (t, t, "pred"), mixed, text, minimum=_least(t))


def _sets() -> Iterator[Form]:
    for name, ftz, t, compare in _cases():
        targets = ("u32", "s32", "u16", "s16") if t in ("f16", "bf16") else ("u32", "s32", "f32")
        halves = ("f16",) if t != "bf16" else ()
        for target in (*targets, *halves, *(("bf16",) if not ftz else ())):
            true = 1.0 if target in FLOATS else (1 << bits_of(target)) - 1
            false = 0.0 if target in FLOATS else 0
            chosen = lambda holds, true=true, false=false: true if holds else false  # noqa: E731
            options: dict[str, Any] = {"minimum": _least(t, target)}
            exact = lambda a, b, compare=compare, chosen=chosen: chosen(compare(a, b))  # noqa: E731
            yield Form(f"set.{name}{ftz}.{target}.{t}", (target,), (t, t), exact, **options)
            for word, combine in _BOOLEAN.items() if target == targets[0] else ():

                def mixed(
                    a: Any, b: Any, c: bool, compare: Any = compare, combine: Any = combine, chosen: Any = chosen
                ) -> Any:
                    return chosen(combine(compare(a, b), c))

                opcode = f"set.{name}.{word}{ftz}.{target}.{t}"
                yield Form(opcode, (target,), (t, t, "pred"), mixed, **options)


def _packed_sets() -> Iterator[Form]:
    for name, ftz, t, compare in _packed_cases():
        both = packed(compare)
        as_floats = lambda a, b, both=both: tuple(float(holds) for holds in both(a, b))  # noqa: E731
        as_bits = lambda a, b, both=both: sum(0xFFFF * holds << 16 * i for i, holds in enumerate(both(a, b)))  # noqa: E731
        yield Form(f"set.{name}{ftz}.{t}.{t}", (t,), (t, t), as_floats, minimum=_least(t))
        yield Form(f"set.{name}{ftz}.u32.{t}", ("u32",), (t, t), as_bits, minimum=_least(t))


def _selections() -> Iterator[Form]:
    types = ("b16", "b32", "b64", *ALL, "f32", "f64")
    for t in types:
        yield Form(f"selp.{t}", (t,), (t, t, "pred"), lambda a, b, c: a if c else b)
        for by, ftz in (("s32", ""), ("f32", ""), ("f32", ".ftz")):
            # A NaN selects b; -0, also from a flushed number, selects a.
            exact = partial(_selected, ftz)
            yield Form(f"slct{ftz}.{t}.{by}", (t,), (t, t, by), exact)


def _selected(ftz: str, a: Any, b: Any, c: float) -> Any:
    if ftz:
        c = flushed(c, FLOATS["f32"])
    return a if c is ANY_ZERO or c >= 0 else b
