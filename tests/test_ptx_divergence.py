"""Threads that part ways do what each would have done alone, and come together again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import execute, run
from structured_programs import FUNCTIONS, Node, alone, kernel_body, programs

from oracle import ptx

LANES = 40
U32 = 2**32


def test_a_loop_runs_as_often_as_each_thread_asks() -> None:
    body = """
        ld.global.u32 %r4, [%rd2];
        mov.u32 %r5, 0;
    LOOP:
        setp.eq.u32 %p1, %r4, 0;
        @%p1 bra DONE;
        add.u32 %r5, %r5, %r4;
        sub.u32 %r4, %r4, 1;
        bra LOOP;
    DONE:
        st.global.u32 [%rd2], %r5;
        ret;
    """
    data = np.arange(70, dtype=np.uint32) * 7 % 23
    assert np.array_equal(run(body, data), data * (data + 1) // 2)


def test_threads_meet_again_after_a_branch() -> None:
    body = """
        setp.lt.u32 %p1, %r1, 9;
        @%p1 bra LOW;
        mov.u32 %r5, 100;
        bra JOIN;
    LOW:
        mov.u32 %r5, 200;
    JOIN:
        activemask.b32 %r6;
        st.global.u32 [%rd2], %r6;
        ret;
    """
    assert set(run(body, np.zeros(64, np.uint32))) == {U32 - 1}


def test_a_return_inside_a_loop_ends_only_its_own_threads() -> None:
    body = """
        mov.u32 %r5, 0;
    LOOP:
        add.u32 %r5, %r5, 1;
        st.global.u32 [%rd2], %r5;
        setp.eq.u32 %p1, %r5, %r1;
        @%p1 ret;
        setp.lt.u32 %p2, %r5, 20;
        @%p2 bra LOOP;
        st.global.u32 [%rd2], 99;
        exit;
    """
    expected = [i if 1 <= i <= 20 else 99 for i in range(LANES)]
    expected[20] = 20
    assert run(body, np.zeros(LANES, np.uint32)).tolist() == expected


def test_guards_select_threads_without_a_branch() -> None:
    body = """
        and.b32 %r4, %r1, 1;
        setp.eq.u32 %p1, %r4, 1;
        mov.u32 %r5, 7;
        @%p1 add.u32 %r5, %r5, %r1;
        @!%p1 mul.lo.u32 %r5, %r5, 3;
        @%p1 st.global.u32 [%rd2], %r5;
        ret;
    """
    expected = [7 + i if i % 2 else 5 for i in range(33)]
    assert run(body, np.full(33, 5, np.uint32)).tolist() == expected


def test_a_branch_table_sends_every_thread_its_way() -> None:
    body = """
        rem.u32 %r4, %r1, 3;
    TABLE: .branchtargets A, B, C;
        brx.idx %r4, TABLE;
    A:  mov.u32 %r5, 10;
        bra.uni JOIN;
    B:  mov.u32 %r5, 20;
        bra.uni JOIN;
    C:  mov.u32 %r5, 30;
    JOIN:
        st.global.u32 [%rd2], %r5;
    """
    assert run(body, np.zeros(7, np.uint32)).tolist() == [10, 20, 30, 10, 20, 30, 10]


def test_a_thread_that_waits_for_another_does_not_starve_it() -> None:
    # Thread 1 spins at a place before the one where thread 0 sets the flag.
    body = """
        setp.eq.u32 %p1, %r1, 0;
        @%p1 bra SET;
    SPIN:
        ld.volatile.global.u32 %r4, [%rd1];
        setp.eq.u32 %p2, %r4, 0;
        @%p2 bra SPIN;
        st.global.u32 [%rd2], %r4;
        ret;
    SET:
        st.global.u32 [%rd1], 5;
        ret;
    """
    assert run(body, np.zeros(2, np.uint32)).tolist() == [5, 5]


def test_a_lock_passes_from_thread_to_thread_in_reasonable_time() -> None:
    # The work under the lock has several blocks, and those who wait for it come first in layout order.
    body = """
    ACQUIRE:
        atom.global.cas.b32 %r4, [%rd3], 0, 1;
        setp.ne.s32 %p1, %r4, 0;
        @%p1 bra ACQUIRE;
        mov.u32 %r5, 0;
    WORK:
        add.s32 %r5, %r5, 1;
        setp.lt.s32 %p2, %r5, 10;
        @%p2 bra WORK;
        ld.volatile.global.u32 %r6, [%rd1];
        add.s32 %r6, %r6, %r5;
        st.volatile.global.u32 [%rd1], %r6;
        atom.global.exch.b32 %r4, [%rd3], 0;
        ret;
    """
    result, execution = execute(body, np.zeros(32, np.uint32), other=np.zeros(1, np.uint32), sanitize=False)
    assert result[0] == 320
    assert execution.steps < 32 * 10_000


def test_a_launch_that_does_not_end_is_stopped() -> None:
    with pytest.raises(ptx.StepLimit, match="1000"):
        run("LOOP: bra LOOP;", np.zeros(2, np.uint32), max_steps=1000)


def test_instructions_are_counted_for_the_threads_that_execute_them() -> None:
    body = """
        setp.lt.u32 %p1, %r1, 10;
        @!%p1 bra DONE;
        popc.b32 %r4, %r1;
    DONE:
        ret;
    """
    _, execution = execute(body, np.zeros(32, np.uint32))
    assert execution.instructions["popc.b32"] == 10
    assert execution.instructions["ret"] == 32


@settings(deadline=None, max_examples=120)
@given(programs(3), st.lists(st.integers(0, 2**20), min_size=1, max_size=LANES))
def test_every_thread_computes_what_it_would_alone(nodes: list[Node], starts: list[int]) -> None:
    expected = [alone(nodes, thread, start) for thread, start in enumerate(starts)]
    assert run(kernel_body(nodes), np.array(starts, np.uint32), outside=FUNCTIONS).tolist() == expected
