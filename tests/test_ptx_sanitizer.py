"""What the sanitizer sees in a few lines of PTX, and what it must not cry over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import execute, source

from oracle import ptx
from oracle.ptx import Kind, Report
from oracle.ptx.lines import Site
from oracle.ptx.parse import Block, Function
from oracle.ptx.races import BARRIER, Access, find_races
from oracle.ptx.races import Kind as Does

SHARED = ".shared .align 16 .b8 tile[1024];"
OWN_ELEMENT = "mov.u32 %r9, tile; mad.lo.u32 %r10, %r1, 4, %r9;"
OTHER_ELEMENT = "xor.b32 %r11, %r1, {other}; mad.lo.u32 %r12, %r11, 4, %r9;"


def reports(body: str, threads: int = 64, blocks: int = 1, outside: str = SHARED) -> tuple[Report, ...]:
    return execute(body, np.zeros(threads * blocks, np.uint32), outside=outside, blocks=blocks)[1].reports


def kinds(body: str, **options: int) -> list[Kind]:
    return [report.kind for report in reports(body, **options)]


# Races.


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 63), st.booleans())
def test_an_exchange_through_shared_memory_races_unless_a_barrier_stands_between(other: int, barrier: bool) -> None:
    body = f"""
        {OWN_ELEMENT} {OTHER_ELEMENT.format(other=other)}
        st.shared.u32 [%r10], %r1;
        {"bar.sync 0;" if barrier else ""}
        ld.shared.u32 %r13, [%r12];
        st.global.u32 [%rd2], %r13;
        ret;
    """
    assert kinds(body) == ([] if barrier or other == 0 else [Kind.RACE])


@pytest.mark.parametrize(("other", "expected"), [(5, []), (32, [Kind.RACE])])
def test_the_barrier_of_a_warp_orders_its_own_threads_only(other: int, expected: list[Kind]) -> None:
    body = f"""
        {OWN_ELEMENT} {OTHER_ELEMENT.format(other=other)}
        st.shared.u32 [%r10], %r1;
        bar.warp.sync -1;
        ld.shared.u32 %r13, [%r12];
        st.global.u32 [%rd2], %r13;
        ret;
    """
    assert kinds(body) == expected


def test_a_shuffle_orders_nothing() -> None:
    body = f"""
        {OWN_ELEMENT} {OTHER_ELEMENT.format(other=1)}
        st.shared.u32 [%r10], %r1;
        shfl.sync.bfly.b32 %r14, %r1, 1, 31, -1;
        ld.shared.u32 %r13, [%r12];
        st.global.u32 [%rd2], %r13;
        ret;
    """
    assert kinds(body) == [Kind.RACE]


def test_a_barrier_does_not_order_the_threads_of_two_blocks() -> None:
    body = """
        xor.b32 %r9, %r1, 32;
        mad.wide.u32 %rd5, %r9, 4, %rd1;
        st.global.u32 [%rd2], %r1;
        bar.sync 0;
        ld.global.u32 %r10, [%rd5];
        ret;
    """
    assert kinds(body, threads=64) == []
    (race,) = reports(body, threads=32, blocks=2)
    assert race.kind is Kind.RACE
    assert race.thread is not None and race.address is not None
    assert "ld.global.u32" in source(body, SHARED).split("\n")[race.line - 1]


def test_writing_the_same_value_is_no_race_but_writing_two_is() -> None:
    assert kinds("st.global.u32 [%rd1], 7; ret;") == []
    assert kinds("st.global.u32 [%rd1], %r1; ret;") == [Kind.RACE]


def test_atomics_race_with_plain_accesses_but_not_with_each_other() -> None:
    assert kinds("red.global.add.u32 [%rd1], 1; red.global.max.u32 [%rd1], %r1; ret;") == []
    assert kinds("red.global.add.u32 [%rd1], 1; ld.global.u32 %r9, [%rd1]; ret;") == [Kind.RACE]


def test_atomics_before_a_barrier_and_a_plain_read_behind_it_are_no_race() -> None:
    assert kinds("red.global.add.u32 [%rd1], 1; bar.sync 0; ld.global.u32 %r9, [%rd1]; ret;") == []
    one_reader = """
        red.global.add.u32 [%rd1], 1;
        bar.sync 0;
        setp.eq.u32 %p1, %r1, 3;
        @%p1 ld.global.u32 %r9, [%rd1];
        ret;
    """
    assert kinds(one_reader) == []


SWAP_LOOP = """
        ld.global.u32 %r9, [%rd1];
    LOOP:
        setp.ge.u32 %p1, %r9, %r1;
        @%p1 bra END;
        atom.global.cas.b32 %r10, [%rd1], %r9, %r1;
        setp.eq.u32 %p2, %r10, %r9;
        mov.u32 %r9, %r10;
        @!%p2 bra LOOP;
    END:
"""


def test_a_compare_and_swap_loop_may_begin_with_a_plain_read() -> None:
    assert kinds(SWAP_LOOP + "ret;") == []


def test_a_second_loop_of_swaps_that_finds_nothing_to_do_is_as_good_as_the_first() -> None:
    again = SWAP_LOOP.replace("LOOP", "AGAIN").replace("END", "DONE")
    assert kinds(SWAP_LOOP + again + "ret;") == []


def test_an_atomic_that_changes_nothing_is_no_write() -> None:
    idle = "atom.global.max.u32 %r9, [%rd1], 0; ld.global.u32 %r10, [%rd1]; ret;"
    assert kinds(idle) == []
    assert kinds(idle.replace("], 0", "], %r1")) == [Kind.RACE]
    assert kinds(idle.replace("ld.global.u32 %r10, [%rd1]", "st.global.u32 [%rd1], %r1")) == [Kind.RACE]


def test_bytes_beside_each_other_do_not_race() -> None:
    body = """
        cvt.u64.u32 %rd5, %r1;
        add.u64 %rd5, %rd5, %rd1;
        st.global.u8 [%rd5], %r1;
        ld.global.u8 %r9, [%rd5];
        ret;
    """
    assert kinds(body) == []
    assert kinds(body.replace("ld.global.u8 %r9, [%rd5]", "ld.global.u32 %r9, [%rd2]")) == [Kind.RACE]


SITES = [Site(Function("f", True, (), (), "}", 0), Block([("", "", "op", "")]), 0) for _ in range(3)]
ACCESS = st.tuples(
    st.integers(0, 2), st.sampled_from(Does), st.integers(0, 79), st.integers(0, 3), st.sampled_from([4, 8])
)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(ACCESS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_races_are_those_that_looking_at_every_pair_finds(stages: list[list[tuple[int, Does, int, int, int]]]) -> None:
    """Each access of the plan is by one lane; between two stages all threads pass their block's barrier."""
    threads, accesses, plan = 40, [], []
    for stage, members in enumerate(stages):
        for site, kind, lane, word, size in members:
            offset = word * 4 // size * size
            epochs = np.full(80, stage * BARRIER)
            values = tuple(np.array([len(plan) * 2 + i], np.uint32) for i in range(size // 4))
            where = np.array([offset])
            accesses.append(Access(SITES[site], None, kind, where, size, np.array([lane]), epochs, values))
            plan.append((stage, kind, lane, range(offset, offset + size)))
    expected = any(
        a[2] != b[2]
        and set(a[3]) & set(b[3])
        and (Does.WRITE in (a[1], b[1]) or {a[1], b[1]} == {Does.READ, Does.ATOMIC})
        and (a[2] // threads != b[2] // threads or a[0] == b[0])
        for i, a in enumerate(plan)
        for b in plan[:i]
    )
    assert bool(find_races(accesses, threads)) == expected


# What nothing wrote.


def test_a_read_of_shared_memory_before_any_write_is_reported_where_it_was_read() -> None:
    body = f"""
        {OWN_ELEMENT}
        setp.ne.u32 %p1, %r1, 9;
        @%p1 st.shared.u32 [%r10], %r1;
        ld.shared.u32 %r13, [%r10];
        add.u32 %r14, %r13, 1;
        st.global.u32 [%rd2], %r14;
        ret;
    """
    (found,) = reports(body)
    assert found.kind is Kind.UNINITIALISED and found.thread == ((0, 0, 0), (9, 0, 0))
    assert "ld.shared.u32" in source(body, SHARED).split("\n")[found.line - 1]
    assert "stored in global memory" in found.what


LOCAL = """
    .local .align 8 .b8 depot[16];
    mov.u64 %rd5, depot;
    st.local.u32 [%rd5], %r1;
    {use}
    ret;
"""


@pytest.mark.parametrize(
    "use",
    [
        "ld.local.u32 %r9, [%rd5+4]; setp.eq.u32 %p1, %r9, 0; @%p1 bra END; st.global.u32 [%rd2], 1; END:",
        "ld.local.u32 %r9, [%rd5+4]; and.b32 %r9, %r9, 0; st.global.u32 [%rd2], %r9;",
        "ld.local.u32 %r9, [%rd5+4]; mad.wide.u32 %rd6, %r9, 0, %rd2; ld.global.u32 %r9, [%rd6];",
        "ld.local.u32 %r9, [%rd5+4]; atom.global.add.u32 %r10, [%rd2], %r9;",
        "ld.local.u32 %r9, [%rd5+4]; selp.u32 %r10, 1, 2, %p3; st.global.u32 [%rd2], %r10;",
        "mov.u32 %r9, %r30; st.global.u32 [%rd2], %r9;",
        "ld.local.v2.u32 {%r9, %r10}, [%rd5]; st.global.u32 [%rd2], %r10;",
        "shfl.sync.idx.b32 %r10, %r29, 0, 31, -1; st.global.u32 [%rd2], %r10;",
    ],
)
def test_what_nothing_wrote_is_reported_where_it_matters(use: str) -> None:
    _, execution = execute(LOCAL.format(use=use), np.zeros(32, np.uint32), definedness=True)
    assert Kind.UNINITIALISED in [report.kind for report in execution.reports]


@pytest.mark.parametrize(
    "use",
    [
        "ld.local.v2.u32 {%r9, %r10}, [%rd5]; st.global.u32 [%rd2], %r9;",
        "ld.local.u64 %rd6, [%rd5]; st.local.u64 [%rd5+8], %rd6; ld.local.u32 %r9, [%rd5+8]; st.global.u32 [%rd2], %r9;",  # noqa: E501
        "ld.local.u32 %r9, [%rd5+4]; st.local.u32 [%rd5+12], %r9; st.global.u32 [%rd2], %r1;",
        """
        ld.local.u32 %r9, [%rd5+4]; st.local.u32 [%rd5+12], %r9; st.local.u32 [%rd5+8], %r1;
        ld.local.u64 %rd6, [%rd5+8]; cvt.u32.u64 %r10, %rd6; st.global.u32 [%rd2], %r10;
        """,
        "setp.eq.u32 %p1, 1, 1; selp.u32 %r10, 1, %r30, %p1; st.global.u32 [%rd2], %r10;",
        "ld.local.u32 %r9, [%rd5+4]; mov.u32 %r9, 3; st.global.u32 [%rd2], %r9;",
        "mov.b64 %rd6, {%r1, %r30}; mov.b64 {%r9, %r10}, %rd6; st.global.u32 [%rd2], %r9;",
    ],
)
def test_what_nothing_wrote_may_be_copied_and_left_alone(use: str) -> None:
    assert execute(LOCAL.format(use=use), np.zeros(32, np.uint32), definedness=True)[1].reports == ()


def test_an_argument_that_nothing_wrote_is_followed_into_the_function_and_back() -> None:
    outside = """
    .func (.param .b32 result) twice(.param .b32 value)
    {
        .reg .b32 %v<3>;
        ld.param.b32 %v1, [value];
        add.u32 %v2, %v1, %v1;
        st.param.b32 [result], %v2;
        ret;
    }
    """
    body = """
        {{
            .param .b32 in;
            .param .b32 out;
            st.param.b32 [in], {register};
            call (out), twice, (in);
            ld.param.b32 %r9, [out];
        }}
        st.global.u32 [%rd2], %r9;
        ret;
    """
    for register, expected in (("%r1", []), ("%r30", [Kind.UNINITIALISED])):
        _, execution = execute(
            body.format(register=register), np.zeros(32, np.uint32), outside=outside, definedness=True
        )
        assert [report.kind for report in execution.reports] == expected


def test_watched_outputs_may_be_written_but_not_read_first() -> None:
    for body, expected in (
        ("st.global.u32 [%rd2], %r1; ld.global.u32 %r9, [%rd2]; st.global.u32 [%rd2], %r9; ret;", []),
        ("ld.global.u32 %r9, [%rd2]; st.global.u32 [%rd2], %r9; ret;", [Kind.UNINITIALISED]),
    ):
        memory = ptx.GlobalMemory()
        data = memory.allocate(np.arange(32, dtype=np.uint32))
        memory.watch(data, 128)
        params = [data.to_bytes(8, "little")] * 2
        execution = ptx.launch(ptx.Module(source(body)), "snippet", (1, 1, 1), (32, 1, 1), params, memory)
        assert [report.kind for report in execution.reports] == expected
        assert memory.read(data, 128) == np.arange(32, dtype=np.uint32).tobytes(), "a repeated launch starts afresh"


def test_an_index_that_nothing_wrote_is_named_as_the_cause_of_a_bad_access() -> None:
    body = "mad.wide.u32 %rd5, %r30, 4, %rd1; ld.global.u32 %r9, [%rd5]; st.global.u32 [%rd2], %r9; ret;"
    with pytest.raises(ptx.Fault, match="out-of-bounds") as caught:
        execute(body, np.zeros(32, np.uint32))
    assert [report.kind for report in caught.value.earlier] == [Kind.UNINITIALISED]


def test_memory_that_is_written_before_it_is_read_arouses_no_suspicion() -> None:
    body = f"""
        {OWN_ELEMENT}
        st.shared.u32 [%r10], %r1;
        atom.shared.add.u32 %r11, [%r10], 1;
        ld.shared.u32 %r13, [%r10];
        st.global.u32 [%rd2], %r13;
        ret;
    """
    assert not execute(body, np.zeros(64, np.uint32), outside=SHARED)[1].suspicious


def test_an_atomic_on_memory_that_nothing_wrote_is_reported() -> None:
    body = f"{OWN_ELEMENT} atom.shared.add.u32 %r13, [%r10], 1; st.global.u32 [%rd2], %r13; ret;"
    assert kinds(body) == [Kind.UNINITIALISED]


def test_a_launch_that_is_repeated_finds_the_module_s_variables_as_they_were() -> None:
    outside = f"{SHARED} .global .u32 counter = 5;"
    body = f"""
        {OWN_ELEMENT}
        mov.u64 %rd5, counter;
        atom.global.add.u32 %r11, [%rd5], 1;
        ld.shared.u32 %r13, [%r10];
        st.global.u32 [%rd2], %r11;
        ret;
    """
    left, execution = execute(body, np.zeros(1, np.uint32), outside=outside)
    assert execution.suspicious and left.tolist() == [5]


# Lines.


def test_an_instruction_belongs_to_the_line_that_called_the_header_that_it_was_inlined_from() -> None:
    """Of the places where a header's line was inlined at, the last one before the instruction counts."""
    body = """
        .file 1 "/somewhere/kernel.py"
        .file 2 "/warp/native/array.h"
        .loc 1 3 5
        .loc 2 70 1, function_name $name, inlined_at 1 7 9
        .loc 2 40 1, function_name $name, inlined_at 2 70 1
        mov.u32 %r9, 1;
        .loc 2 70 1, function_name $name, inlined_at 1 8 9
        .loc 2 40 1, function_name $name, inlined_at 2 70 1
        ld.global.u32 %r9, [%rd1+4096];
        .loc 1 0 0
        ret;
    """
    with pytest.raises(ptx.Fault) as caught:
        execute(body, np.zeros(1, np.uint32))
    assert caught.value.report.source == "kernel.py:8"


# Barriers.


def test_a_barrier_for_some_threads_needs_no_others() -> None:
    body = """
        st.global.u32 [%rd2], %r1;
        setp.ge.u32 %p1, %r1, 32;
        @%p1 bra END;
        bar.sync 1, 32;
    END:
        ret;
    """
    assert kinds(body) == []


def test_a_barrier_that_some_threads_pass_by_is_reported() -> None:
    body = """
        setp.ge.u32 %p1, %r1, 5;
        @%p1 bra END;
        bar.sync 0;
    END:
        st.global.u32 [%rd2], %r1;
        ret;
    """
    (found,) = reports(body)
    assert found.kind is Kind.BARRIER and "thread 5" in found.what
    assert "bar.sync" in source(body, SHARED).split("\n")[found.line - 1]


def test_threads_that_have_nothing_to_do_need_not_reach_a_barrier() -> None:
    body = """
        setp.ge.u32 %p1, %r1, 5;
        @%p1 bra END;
        ld.global.u32 %r9, [%rd2];
        bar.sync 0;
    END:
        ret;
    """
    assert kinds(body) == []


@pytest.mark.parametrize(
    ("boundary", "barrier", "expected"), [(5, "bar.sync", 1), (32, "bar.sync", 0), (5, "barrier.sync", 0)]
)
def test_threads_of_a_warp_may_not_meet_at_two_barriers(boundary: int, barrier: str, expected: int) -> None:
    body = f"""
        setp.ge.u32 %p1, %r1, {boundary};
        @%p1 bra OTHER;
        {barrier} 0;
        bra END;
    OTHER:
        {barrier} 0;
    END:
        ret;
    """
    assert kinds(body) == [Kind.BARRIER] * expected


def test_without_the_sanitizer_nothing_is_reported() -> None:
    body = "st.global.u32 [%rd1], %r1; ret;"
    assert execute(body, np.zeros(64, np.uint32), sanitize=False)[1].reports == ()
