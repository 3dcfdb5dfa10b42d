"""Forms that NVRTC has for newer architectures: packed pairs, mixed formats, vector atomics, elections, clusters."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from exact_rounding import BF16, F16, F32, Format, patterns, same
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ptx_snippets import run

from oracle import ptx

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]

HALF = {"f16": F16, "bf16": BF16}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a < b or a > b,
    "lt": lambda a, b: a < b,
    "geu": lambda a, b: not a < b,
    "num": lambda a, b: a == a and b == b,
    "nan": lambda a, b: a != a or b != b,
}

few = settings(deadline=None, max_examples=25)


def each(instructions: str, *columns: list[int]) -> list[int]:
    """`%rd9` after some instructions for each row of operands, which stand in `%rd10`, `%rd11` and so on."""
    rows = np.array(columns, np.uint64).T
    loads = "".join(f"ld.global.u64 %rd{10 + i}, [%rd4+{8 * i}];" for i in range(len(columns)))
    body = f"""
        mul.lo.u32 %r2, %r1, {8 * len(columns)};
        cvt.u64.u32 %rd4, %r2;
        add.u64 %rd4, %rd4, %rd3;
        {loads}
        {instructions}
        st.global.u64 [%rd2], %rd9;
        ret;
    """
    return run(body, np.zeros(len(rows), np.uint64), other=rows.ravel()).tolist()


def joined(pairs: list[Pair]) -> list[int]:
    return [high << 16 | low for low, high in pairs]


def halves(word: int) -> Pair:
    return word & 0xFFFF, word >> 16 & 0xFFFF


def of_pairs(form: Format, columns: int) -> st.SearchStrategy[list[tuple[Pair, ...]]]:
    pair = st.tuples(patterns(form), patterns(form))
    return st.lists(st.tuples(*[pair] * columns), min_size=1, max_size=40)


TO_R = "cvt.u32.u64 %r10, %rd10; cvt.u32.u64 %r11, %rd11;"


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("comparison", COMPARISONS)
@given(data=st.data())
@few
def test_setp_compares_the_halves_of_a_pair_apart(name: str, comparison: str, data: st.DataObject) -> None:
    form, holds = HALF[name], COMPARISONS[comparison]
    rows = data.draw(of_pairs(form, 2))
    instructions = (
        f"{TO_R} setp.{comparison}.{name}x2 %p1|%p2, %r10, %r11; selp.u64 %rd9, 1, 0, %p1; @%p2 add.u64 %rd9, %rd9, 2;"
    )
    found = each(instructions, *[joined([row[i] for row in rows]) for i in range(2)])
    for (a, b), result in zip(rows, found, strict=True):
        expected = [holds(form.value(x), form.value(y)) for x, y in zip(a, b, strict=True)]
        assert result == expected[0] + 2 * expected[1]


@pytest.mark.parametrize(("name", "one"), [("f16", 0x3C00), ("bf16", 0x3F80)])
@given(data=st.data())
@few
def test_set_gives_ones_or_bits_for_each_half(name: str, one: int, data: st.DataObject) -> None:
    form = HALF[name]
    rows = data.draw(of_pairs(form, 2))
    columns = [joined([row[i] for row in rows]) for i in range(2)]
    to_float = each(f"{TO_R} set.lt.{name}x2.{name}x2 %r9, %r10, %r11; cvt.u64.u32 %rd9, %r9;", *columns)
    to_bits = each(f"{TO_R} set.lt.u32.{name}x2 %r9, %r10, %r11; cvt.u64.u32 %rd9, %r9;", *columns)
    for (a, b), floats, bits in zip(rows, to_float, to_bits, strict=True):
        holds = [form.value(x) < form.value(y) for x, y in zip(a, b, strict=True)]
        assert halves(floats) == tuple(one * h for h in holds)
        assert halves(bits) == tuple(0xFFFF * h for h in holds)


def test_predicates_join_both_halves_of_a_packed_comparison() -> None:
    text = "setp.eq.u32 %p3, 1, 1; mov.b32 %r4, 0x3C000000; mov.b32 %r5, 0x3C003C00; {} cvt.u64.u32 %rd9, %r9;"
    setp = "setp.eq.xor.f16x2 %p1|%p2, %r4, %r5, %p3; selp.u32 %r9, 1, 0, %p1; @%p2 add.u32 %r9, %r9, 2;"
    assert each(text.format(setp), [0]) == [1]
    assert each(text.format("set.eq.and.u32.f16x2 %r9, %r4, %r5, !%p3;"), [0]) == [0]
    apart = "setp.eq.u32 %p3, %r1, 1; mov.b32 %r4, 0x3C000000; set.eq.and.u32.f16x2 %r9, %r4, %r4, %p3;"
    assert each(apart + "cvt.u64.u32 %rd9, %r9;", [0] * 3) == [0, 0xFFFFFFFF, 0]
    assert each(text.format("set.eq.or.f16.s32 %h9, 1, 2, %p3; cvt.u32.u16 %r9, %h9;"), [0]) == [0x3C00]


WORDS = st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 2), min_size=1, max_size=40)


@pytest.mark.parametrize(
    "opcode", ["add.u16x2", "add.s16x2", "min.u16x2", "max.s16x2", "min.relu.s16x2", "max.relu.s16x2"]
)
@given(rows=WORDS)
@few
def test_pairs_of_short_integers_compute_apart(opcode: str, rows: list[Pair]) -> None:
    operation, signed, relu = opcode[:3], "s16" in opcode, "relu" in opcode

    def exact(a: int, b: int) -> int:
        if signed:
            a, b = (x - 0x10000 * (x >> 15) for x in (a, b))
        result = {"add": a + b, "min": min(a, b), "max": max(a, b)}[operation]
        return max(result, 0) & 0xFFFF if relu else result & 0xFFFF

    found = each(f"{TO_R} {opcode} %r9, %r10, %r11; cvt.u64.u32 %rd9, %r9;", *map(list, zip(*rows, strict=True)))
    for (a, b), result in zip(rows, found, strict=True):
        assert halves(result) == tuple(exact(x, y) for x, y in zip(halves(a), halves(b), strict=True))


@given(rows=WORDS, wrap=st.booleans())
@example(rows=[(31, 1), (32, 0), (0, 32), (5, 40)], wrap=False)
@few
def test_bmsk_makes_ones_and_szext_extends_a_field(rows: list[Pair], wrap: bool) -> None:
    rows = rows + [(a & 63, b & 63) for a, b in rows]
    columns = list(map(list, zip(*rows, strict=True)))
    how = "wrap" if wrap else "clamp"
    masks = each(f"{TO_R} bmsk.{how}.b32 %r9, %r10, %r11; cvt.u64.u32 %rd9, %r9;", *columns)
    signed = each(f"{TO_R} szext.{how}.s32 %r9, %r10, %r11; cvt.u64.u32 %rd9, %r9;", *columns)
    for (a, b), mask, extended in zip(rows, masks, signed, strict=True):
        start, size = (x % 32 if wrap else min(x, 32) for x in (a, b))
        assert mask == ((1 << size) - 1 << start) & 0xFFFFFFFF
        field = a & (1 << size) - 1
        assert extended == (field - (1 << size) * (size > 0 and field >> size - 1)) & 0xFFFFFFFF


def test_lop3_also_says_whether_any_bit_is_set() -> None:
    text = "setp.eq.u32 %p1, 1, {}; lop3.{}.b32 %r4|%p2, %r10, %r11, 0, 0xC0, %p1; selp.u64 %rd9, 1, 0, %p2;"
    for other in (0, 1):
        assert each(TO_R + text.format(other, "or"), [6, 1], [4, 2]) == [1, other]
        assert each(TO_R + text.format(other, "and"), [6, 1], [4, 2]) == [other, 0]


@pytest.mark.parametrize("mode", ["rn", "rz", "rm", "rp"])
@given(rows=st.lists(st.tuples(*[patterns(F32)] * 6), min_size=1, max_size=40))
@few
def test_pairs_of_floats_are_rounded_apart(mode: str, rows: list[tuple[int, ...]]) -> None:
    columns = [[row[i + 1] << 32 | row[i] for row in rows] for i in (0, 2, 4)]
    found = each(f"fma.{mode}.f32x2 %rd9, %rd10, %rd11, %rd12;", *columns)
    singles = [
        each(
            "cvt.u32.u64 %r10, %rd10; cvt.u32.u64 %r11, %rd11; cvt.u32.u64 %r12, %rd12; mov.b32 %f1, %r10;"
            f"mov.b32 %f2, %r11; mov.b32 %f3, %r12; fma.{mode}.f32 %f4, %f1, %f2, %f3;"
            "mov.b32 %r9, %f4; cvt.u64.u32 %rd9, %r9;",
            *[[row[i + place] for row in rows] for i in (0, 2, 4)],
        )
        for place in (0, 1)
    ]
    for pair, *parts in zip(found, *singles, strict=True):
        assert same(F32.value(pair & 0xFFFFFFFF), F32.value(parts[0]))
        assert same(F32.value(pair >> 32), F32.value(parts[1]))


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("mode", ["rn", "rz", "rm", "rp"])
@given(data=st.data())
@few
def test_a_narrow_source_is_widened_before_a_sum_is_rounded(name: str, mode: str, data: st.DataObject) -> None:
    form = HALF[name]
    rows = data.draw(st.lists(st.tuples(patterns(form), patterns(F32)), min_size=1, max_size=40))
    text = f"cvt.u16.u64 %h1, %rd10; cvt.u32.u64 %r4, %rd11; mov.b32 %f1, %r4; add.{mode}.f32.{name} %f2, %h1, %f1;"
    found = each(text + "mov.b32 %r9, %f2; cvt.u64.u32 %rd9, %r9;", *map(list, zip(*rows, strict=True)))
    for (a, b), result in zip(rows, found, strict=True):
        x, y = form.value(a), F32.value(b)
        if math.isfinite(x) and math.isfinite(y) and Fraction(x) + Fraction(y):
            assert F32.value(result) == F32.round(Fraction(x) + Fraction(y), mode)
        elif not (math.isfinite(x) and math.isfinite(y)):
            assert same(F32.value(result), x + y)


def test_the_smallest_magnitude_of_three() -> None:
    values = "mov.f32 %f1, -3.0; mov.f32 %f2, 2.0; mov.f32 %f3, {}; "
    bits = "mov.b32 %r9, %f4; cvt.u64.u32 %rd9, %r9;"
    for third, expected in (("-1.5", 1.5), ("0f7FC00000", 2.0)):
        found = each(values.format(third) + "min.abs.f32 %f4, %f1, %f2, %f3;" + bits, [0])
        assert F32.value(found[0]) == expected
    found = each(values.format("0f7FC00000") + "max.NaN.abs.f32 %f4, %f1, %f2, %f3;" + bits, [0])
    assert math.isnan(F32.value(found[0]))


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("mode", ["rn", "rz"])
@pytest.mark.parametrize("relu", [False, True])
@given(rows=st.lists(st.tuples(patterns(F32)), min_size=1, max_size=40))
@example(rows=[(0x7F800000,), (0xFF7FFFFF,), (0x477FF000,), (0x7FC00000,)])
@few
def test_narrowing_may_stop_at_the_largest_number_and_at_zero(
    name: str, mode: str, relu: bool, rows: list[tuple[int]]
) -> None:
    form, flags = HALF[name], ".relu.satfinite" if relu else ".satfinite"
    text = f"cvt.u32.u64 %r4, %rd10; mov.b32 %f1, %r4; cvt.{mode}{flags}.{name}.f32 %h9, %f1; cvt.u64.u16 %rd9, %h9;"
    found = each(text, [row[0] for row in rows])
    largest = float((2 - Fraction(2) ** (1 - form.precision)) * Fraction(2) ** form.largest)
    for (a,), result in zip(rows, found, strict=True):
        x = F32.value(a)
        if math.isnan(x):
            assert math.isnan(form.value(result))
            continue
        exact = x if math.isinf(x) or x == 0 else form.round(Fraction(x), mode)
        expected = max(-largest, min(largest, exact))
        assert same(form.value(result), 0.0 if relu and not x > 0 else expected)


@pytest.mark.parametrize("type_", ["s8", "u16", "s32", "u32", "s64", "u64"])
@pytest.mark.parametrize("mode", ["rn", "rz", "rm", "rp"])
@given(
    values=st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 300)), min_size=1, max_size=40),
    shift=st.integers(0, 63),
)
@example(values=[0x8080000000000001, 0x4040000000000001], shift=0)
@few
def test_integers_are_rounded_once_to_bfloat16(type_: str, mode: str, values: list[int], shift: int) -> None:
    values = values + [v >> shift for v in values]
    bits = int(type_[1:])
    register = {8: "cvt.u32.u64 %r4, %rd10;", 16: "cvt.u16.u64 %h4, %rd10;", 32: "cvt.u32.u64 %r4, %rd10;"}
    source = {8: "%r4", 16: "%h4", 32: "%r4", 64: "%rd10"}[bits]
    found = each(register.get(bits, "") + f"cvt.{mode}.bf16.{type_} %h9, {source}; cvt.u64.u16 %rd9, %h9;", values)
    for value, result in zip(values, found, strict=True):
        exact = value % 2**bits
        if type_[0] == "s" and exact >> bits - 1:
            exact -= 2**bits
        assert BF16.value(result) == (BF16.round(Fraction(exact), mode) if exact else 0.0)


def test_bfloat16_becomes_integral_in_bfloat16() -> None:
    text = "cvt.u16.u64 %h1, %rd10; cvt.{}.bf16.bf16 %h9, %h1; cvt.u64.u16 %rd9, %h9;"
    assert each(text.format("rni"), [0x4020, 0xC020, 0x3F00]) == [0x4000, 0xC000, 0]
    assert each(text.format("rpi"), [0x4020, 0xC020, 0x3F00]) == [0x4040, 0xC000, 0x3F80]


def test_vector_atomics_update_each_element_and_return_what_was_there() -> None:
    body = """
        mov.f32 %f1, 1.5;
        mov.f32 %f2, 2.5;
        {}
        st.global.f32 [%rd2], %f3;
        ret;
    """
    start = np.array([10, 20, 30, 40], np.float32)
    atom = "atom.global.v2.f32.add {%f3, %f4}, [%rd3], {%f1, %f2}; mov.f32 %f3, %f4;"
    assert run(body.format(atom), np.zeros(4, np.float32), other=start).tolist() == [20, 22.5, 25, 27.5]
    red = "mov.f32 %f1, 1.5; mov.f32 %f2, 2.5; red.relaxed.gpu.global.add.v4.f32 [%rd1], {%f1, %f2, %f1, %f1}; ret;"
    assert run(red, start).tolist() == [16, 30, 36, 46]


@pytest.mark.parametrize("name", HALF)
def test_vector_atomics_find_extremes_of_half_precision(name: str) -> None:
    one, two, minus, nan = {"f16": (0x3C00, 0x4000, 0xBC00, 0x7E00), "bf16": (0x3F80, 0x4000, 0xBF80, 0x7FC0)}[name]
    data = np.array([two, two, one, nan], np.uint16)
    body = f"""
        mov.b16 %h1, {one};
        mov.b16 %h2, {minus};
        red.global.v4.{name}.min.noftz [%rd1], {{%h1, %h2, %h1, %h2}};
        ret;
    """
    assert run(body, data, threads=2).tolist() == [one, minus, one, minus]
    packed = f"mov.b32 %r4, {one << 16 | minus}; red.global.v2.{name}x2.max.noftz [%rd1], {{%r4, %r4}}; ret;"
    assert run(packed, data, threads=3).tolist() == [two, two, one, one]


def test_a_vector_atomic_must_be_aligned_as_a_whole() -> None:
    body = "mov.f32 %f1, 1.5; red.global.v2.f32.add [%rd1+4], {%f1, %f1}; ret;"
    with pytest.raises(ptx.Fault, match="misaligned 8-byte"):
        run(body, np.zeros(4, np.float32), threads=1)


@pytest.mark.parametrize(
    ("opcode", "expected"),
    [("min", -4.0), ("max", 3.0), ("min.abs", 1.0), ("max.abs", 4.0), ("min.NaN", math.nan), ("max.abs.NaN", math.nan)],
)
def test_redux_reduces_floats_over_a_warp(opcode: str, expected: float) -> None:
    values = np.array([3, -4, 1, math.nan] + [2] * 28, np.float32)
    body = f"ld.global.f32 %f1, [%rd2]; redux.sync.{opcode}.f32 %f2, %f1, -1; st.global.f32 [%rd2], %f2; ret;"
    found = run(body, values)
    assert all(same(float(x), expected) for x in found)


def test_elect_chooses_the_first_member() -> None:
    body = """
        setp.lt.u32 %p1, %r1, 3;
        @%p1 bra DONE;
        elect.sync %r4|%p2, 0xFFFFFFF8;
        selp.u32 %r5, 100, 0, %p2;
        add.u32 %r4, %r4, %r5;
        st.global.u32 [%rd2], %r4;
        DONE: ret;
    """
    assert run(body, np.zeros(32, np.uint32)).tolist() == [0, 0, 0, 103] + [3] * 28


def test_a_cluster_of_one_block_waits_for_all_its_threads() -> None:
    body = """
        setp.lt.u32 %p1, %r1, 40;
        @%p1 bra LATE;
        barrier.cluster.arrive.release.aligned;
        JOIN: barrier.cluster.wait.acquire.aligned;
        ld.global.u32 %r4, [%rd1+4];
        @!%p1 st.global.u32 [%rd2], %r4;
        ret;
        LATE: st.global.u32 [%rd2], %r1;
        barrier.cluster.arrive.release.aligned;
        bra.uni JOIN;
    """
    assert run(body, np.zeros(64, np.uint32)).tolist() == [*range(40), *[1] * 24]


@pytest.mark.parametrize(("size", "rest"), [(4, ""), (8, ""), (16, ""), (16, ", 12"), (8, ", 0")])
def test_an_asynchronous_copy_has_come_when_it_is_waited_for(size: int, rest: str) -> None:
    cache, words = ("cg" if size == 16 else "ca"), size // 4
    body = f"""
        .shared .align 16 .b8 buffer[256];
        mov.u32 %r4, buffer;
        mad.lo.u32 %r4, %r1, {size}, %r4;
        mul.wide.u32 %rd4, %r1, {size};
        add.u64 %rd4, %rd4, %rd3;
        cp.async.{cache}.shared.global.L2::128B [%r4+0], [%rd4], {size}{rest};
        cp.async.commit_group;
        cp.async.wait_group 0;
        bar.sync 0;
        ld.shared.u32 %r5, [%r4+{size - 4}];
        st.global.u32 [%rd2], %r5;
        ret;
    """
    source = np.arange(100, 132, dtype=np.uint32)
    wanted = int(rest.removeprefix(", ") or size) // 4
    last = source[words - 1 : 8 * words : words]
    assert run(body, np.zeros(8, np.uint32), other=source).tolist() == (last if wanted == words else 0 * last).tolist()
