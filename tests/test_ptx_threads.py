"""What threads do together: barriers, shared memory, shuffles, votes, matches."""

from __future__ import annotations

import operator
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import execute, run, source

from oracle import ptx

TREE_SUM = """
    mov.u32 %r4, %tid.x;
    mul.lo.u32 %r5, %r4, 4;
    mov.u32 %r6, tile;
    add.u32 %r5, %r5, %r6;
    ld.global.u32 %r7, [%rd2];
    st.shared.u32 [%r5], %r7;
    bar.sync 0;
    shr.u32 %r8, %r3, 1;
LOOP:
    setp.eq.u32 %p1, %r8, 0;
    @%p1 bra DONE;
    setp.ge.u32 %p2, %r4, %r8;
    @%p2 bra NEXT;
    shl.b32 %r9, %r8, 2;
    add.u32 %r9, %r9, %r5;
    ld.shared.u32 %r10, [%r9];
    ld.shared.u32 %r11, [%r5];
    add.u32 %r11, %r11, %r10;
    st.shared.u32 [%r5], %r11;
NEXT:
    bar.sync 0;
    shr.u32 %r8, %r8, 1;
    bra LOOP;
DONE:
    ld.shared.u32 %r12, [tile];
    st.global.u32 [%rd2], %r12;
    ret;
"""


def test_a_block_reduces_through_shared_memory() -> None:
    data = np.arange(4 * 64, dtype=np.uint32) * 31 % 101
    result = run(TREE_SUM, data, blocks=4, outside=".shared .align 4 .b8 tile[256];")
    assert np.array_equal(result, np.repeat(data.reshape(4, 64).sum(axis=1), 64))


def test_dynamic_shared_memory_has_the_launch_s_size() -> None:
    data = np.ones(64, np.uint32)
    outside = ".extern .shared .align 16 .b8 tile[];"
    assert run(TREE_SUM, data, outside=outside, shared_bytes=256)[0] == 64
    with pytest.raises(ptx.Fault, match="shared"):
        run(TREE_SUM, data, outside=outside, shared_bytes=252)


def test_a_barrier_waits_for_threads_that_come_by_another_way() -> None:
    # The first half arrives by a later place than the second; both must have written before either reads.
    body = """
        mov.u64 %rd4, tile;
        mul.wide.u32 %rd5, %r1, 4;
        add.u64 %rd5, %rd5, %rd4;
        setp.lt.u32 %p1, %r1, 32;
        @%p1 bra FIRST;
        st.shared.u32 [%rd5], 7;
        bar.sync 0;
        bra JOIN;
    FIRST:
        mov.u32 %r5, 40;
    SPIN:
        sub.u32 %r5, %r5, 1;
        setp.ne.u32 %p2, %r5, 0;
        @%p2 bra SPIN;
        st.shared.u32 [%rd5], 9;
        bar.sync 0;
    JOIN:
        xor.b32 %r6, %r1, 63;
        mul.wide.u32 %rd5, %r6, 4;
        add.u64 %rd5, %rd5, %rd4;
        ld.shared.u32 %r7, [%rd5];
        st.global.u32 [%rd2], %r7;
        ret;
    """
    result = run(body, np.zeros(64, np.uint32), outside=".shared .align 4 .b8 tile[256];")
    assert result.tolist() == [7] * 32 + [9] * 32


def test_finished_threads_do_not_hold_up_a_barrier() -> None:
    body = """
        setp.ge.u32 %p1, %r1, 5;
        @%p1 ret;
        bar.sync 0;
        st.global.u32 [%rd2], 1;
        ret;
    """
    assert run(body, np.zeros(40, np.uint32)).sum() == 5


def test_threads_that_wait_at_different_barriers_are_reported() -> None:
    body = """
        setp.ge.u32 %p1, %r1, 5;
        @%p1 bra OTHER;
        bar.sync 1;
        ret;
    OTHER:
        bar.sync 2;
        ret;
    """
    with pytest.raises(ptx.Fault, match="never arrive") as caught:
        run(body, np.zeros(40, np.uint32))
    assert caught.value.report.opcode == "bar.sync"


def test_a_barrier_reduction_counts_the_block_s_predicates() -> None:
    body = """
        setp.lt.u32 %p1, %r1, 11;
        bar.red.popc.u32 %r4, 0, %p1;
        bar.red.or.pred %p2, 0, %p1;
        selp.u32 %r5, 100, 0, %p2;
        add.u32 %r4, %r4, %r5;
        st.global.u32 [%rd2], %r4;
        ret;
    """
    assert set(run(body, np.zeros(64, np.uint32), blocks=1)) == {111}


SHUFFLES = {
    "up": lambda lane, by: lane - by if lane >= by else lane,
    "down": lambda lane, by: lane + by if lane + by < 32 else lane,
    "bfly": lambda lane, by: lane ^ by,
    "idx": lambda lane, by: by,
}


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(SHUFFLES)), st.integers(0, 31))
def test_a_shuffle_reads_the_named_lane(mode: str, by: int) -> None:
    clamp = 0 if mode == "up" else 31
    body = f"""
        ld.global.u32 %r4, [%rd2];
        shfl.sync.{mode}.b32 %r5|%p1, %r4, {by}, {clamp}, -1;
        st.global.u32 [%rd2], %r5;
        ret;
    """
    data = np.arange(96, dtype=np.uint32) * 3 + 1
    source = [32 * (i // 32) + SHUFFLES[mode](i % 32, by) for i in range(96)]
    assert np.array_equal(run(body, data), data[source])


def test_a_shuffle_stays_in_its_segment() -> None:
    body = """
        shfl.sync.down.b32 %r5|%p1, %r1, 3, 0x181f, -1;
        selp.u32 %r6, 1000, 0, %p1;
        add.u32 %r5, %r5, %r6;
        st.global.u32 [%rd2], %r5;
        ret;
    """
    expected = [i + 3 + 1000 if i % 8 < 5 else i for i in range(32)]
    assert run(body, np.zeros(32, np.uint32)).tolist() == expected


def test_a_shuffle_waits_for_the_lanes_that_its_mask_names() -> None:
    # Half of the lanes reach the shuffle by way of a later place, long after the others.
    body = """
        mov.u32 %r5, 500;
        setp.lt.u32 %p1, %r1, 16;
        @%p1 bra LATE;
    MEET:
        xor.b32 %r6, %r1, 31;
        shfl.sync.idx.b32 %r7, %r5, %r6, 31, -1;
        st.global.u32 [%rd2], %r7;
        ret;
    LATE:
        mov.u32 %r4, 50;
    LOOP:
        sub.u32 %r4, %r4, 1;
        setp.ne.u32 %p2, %r4, 0;
        @%p2 bra LOOP;
        add.u32 %r5, %r5, %r1;
        bra MEET;
    """
    assert run(body, np.zeros(32, np.uint32)).tolist() == [500] * 16 + list(range(515, 499, -1))


def test_a_vote_among_lanes_that_came_together_does_not_wait_for_the_rest() -> None:
    body = """
        setp.lt.u32 %p1, %r1, 8;
        @%p1 bra FEW;
        bra REST;
    FEW:
        vote.sync.ballot.b32 %r4, %p1, 0xff;
        st.global.u32 [%rd2], %r4;
        bar.warp.sync 0xff;
        ret;
    REST:
        bar.sync 0;
        ret;
    """
    assert run(body, np.zeros(32, np.uint32)).tolist() == [255] * 8 + [0] * 24


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_votes_and_matches_agree_with_their_definition(values: list[int]) -> None:
    body = """
        ld.global.u32 %r4, [%rd2];
        setp.eq.u32 %p1, %r4, 2;
        vote.sync.ballot.b32 %r5, %p1, -1;
        vote.sync.any.pred %p2, %p1, -1;
        vote.sync.all.pred %p3, !%p1, -1;
        match.any.sync.b32 %r6, %r4, -1;
        selp.u32 %r7, 1, 0, %p2;
        selp.u32 %r8, 2, 0, %p3;
        or.b32 %r7, %r7, %r8;
        mul.wide.u32 %rd4, %r1, 12;
        add.u64 %rd4, %rd3, %rd4;
        st.global.u32 [%rd4], %r5;
        st.global.u32 [%rd4+4], %r6;
        st.global.u32 [%rd4+8], %r7;
        ret;
    """
    memory = ptx.GlobalMemory()
    data, out = memory.allocate(np.array(values, np.uint32)), memory.allocate(12 * 40)
    params = [address.to_bytes(8, "little") for address in (data, out)]
    ptx.launch(ptx.Module(source(body)), "snippet", (1, 1, 1), (40, 1, 1), params, memory)
    result = np.frombuffer(memory.read(out, 480), np.uint32).reshape(40, 3)
    for i, (ballot, match, flags) in enumerate(result.tolist()):
        warp = values[32 * (i // 32) : 32 * (i // 32) + 32]
        assert ballot == sum((v == 2) << lane for lane, v in enumerate(warp))
        assert match == sum((v == values[i]) << lane for lane, v in enumerate(warp))
        assert flags == (2 in warp) + 2 * (2 not in warp)


def test_special_registers_describe_a_three_dimensional_launch() -> None:
    body = """
        mov.u32 %r4, %tid.x; mov.u32 %r5, %tid.y; mov.u32 %r6, %tid.z;
        mov.u32 %r7, %ctaid.x; mov.u32 %r8, %ctaid.y; mov.u32 %r9, %ctaid.z;
        mov.u32 %r10, %ntid.x; mov.u32 %r11, %ntid.y; mov.u32 %r12, %nctaid.x; mov.u32 %r13, %nctaid.y;
        mad.lo.u32 %r14, %r6, %r11, %r5;
        mad.lo.u32 %r14, %r14, %r10, %r4;
        mad.lo.u32 %r15, %r9, %r13, %r8;
        mad.lo.u32 %r15, %r15, %r12, %r7;
        mad.lo.u32 %r16, %r15, 24, %r14;
        mul.wide.u32 %rd4, %r16, 4;
        add.u64 %rd4, %rd1, %rd4;
        mov.u32 %r17, %laneid;
        st.global.u32 [%rd4], %r17;
        ret;
    """
    memory = ptx.GlobalMemory()
    address = memory.allocate(4 * 24 * 30)
    params = [address.to_bytes(8, "little")] * 2
    ptx.launch(ptx.Module(source(body)), "snippet", (2, 3, 5), (4, 3, 2), params, memory, max_lanes=100)
    assert np.frombuffer(memory.read(address, 2880), np.uint32).tolist() == list(range(24)) * 30


def test_a_large_launch_runs_in_parts() -> None:
    data = np.arange(1000, dtype=np.uint32)
    body = "ld.global.u32 %r4, [%rd2]; add.u32 %r4, %r4, 1; st.global.u32 [%rd2], %r4; ret;"
    result, execution = execute(body, data, blocks=125, max_lanes=64)
    assert np.array_equal(result, data + 1)
    assert execution.instructions["add.u32"] == 1000


REDUCTIONS = {
    "add.u32": lambda *xs: sum(xs) % 2**32,
    "add.s32": lambda *xs: (sum(xs) + 2**31) % 2**32 - 2**31,
    "min.u32": lambda *xs: min(xs),
    "min.s32": lambda *xs: min(xs),
    "max.u32": lambda *xs: max(xs),
    "max.s32": lambda *xs: max(xs),
    "and.b32": lambda *xs: reduce(operator.and_, xs),
    "or.b32": lambda *xs: reduce(operator.or_, xs),
    "xor.b32": lambda *xs: reduce(operator.xor, xs),
}


@pytest.mark.parametrize("operation", REDUCTIONS)
@given(
    values=st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 3), min_size=40, max_size=40),
    odd=st.integers(1, 2**32 - 1),
)
@settings(deadline=None, max_examples=15)
def test_integer_reductions_are_over_the_members_of_a_warp(operation: str, values: list[int], odd: int) -> None:
    """Threads within `odd` reduce among themselves, then those without; the second warp is a short one."""
    masks = [(odd if odd >> i % 32 & 1 else ~odd) & (2**32 - 1 if i < 32 else 2**8 - 1) for i in range(40)]
    body = f"""
        ld.global.u32 %r4, [%rd2];
        mul.wide.u32 %rd5, %r1, 4;
        add.s64 %rd5, %rd3, %rd5;
        ld.global.u32 %r5, [%rd5];
        redux.sync.{operation} %r6, %r4, %r5;
        st.global.u32 [%rd2], %r6;
        ret;
    """
    dtype = np.int32 if operation.endswith("s32") else np.uint32
    numbers = np.array(values, np.uint32).view(dtype).tolist()
    result = run(body, np.array(values, np.uint32), other=np.array(masks, np.uint32)).view(dtype)
    for i, (mask, got) in enumerate(zip(masks, result.tolist(), strict=True)):
        members = [numbers[i // 32 * 32 + k] for k in range(32) if mask >> k & 1]
        assert got == REDUCTIONS[operation](*members)
