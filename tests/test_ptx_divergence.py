"""Threads that part ways do what each would have done alone, and come together again."""

from __future__ import annotations

import contextlib
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import execute, run

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


# A random program of structured control flow over one accumulator, as PTX and as Python.

Node = tuple[Any, ...]


def _nodes(depth: int) -> st.SearchStrategy[list[Node]]:
    leaf = st.one_of(
        st.tuples(st.just("add"), st.integers(1, 99)),
        st.tuples(st.just("scale"), st.integers(2, 9)),
        st.tuples(st.just("break"), st.integers(2, 5)),
        st.tuples(st.just("continue"), st.integers(2, 5)),
        st.tuples(st.just("return"), st.integers(5, 9)),
        st.tuples(st.just("call"), st.integers(0, 1)),
    )
    if depth == 0:
        return st.lists(leaf, min_size=1, max_size=3)
    inner = _nodes(depth - 1)
    branch = st.tuples(st.just("if"), st.integers(2, 4), inner, inner)
    loop = st.tuples(st.just("loop"), st.integers(1, 4), inner)
    return st.lists(st.one_of(leaf, branch, loop), min_size=1, max_size=3)


class _Left(Exception):  # noqa: N818
    """Control leaves a construct; `args[0]` says how."""


def _interpret(nodes: list[Node], state: list[int], in_loop: bool) -> None:
    """What one thread alone does; `state` is its number and its accumulator."""
    for kind, number, *parts in nodes:
        holds = (state[0] + state[1]) % max(number, 1) == 0
        if kind == "add":
            state[1] = (state[1] + number) % U32
        elif kind == "scale":
            state[1] = (state[1] * number + state[0]) % U32
        elif kind == "call":
            state[1] = _called(state[1], number)
        elif kind == "if":
            _interpret(parts[0] if holds else parts[1], state, in_loop)
        elif kind == "loop":
            _interpret_loop(number, parts[0], state)
        elif holds and (in_loop or kind == "return"):
            raise _Left(kind)


def _interpret_loop(number: int, body: list[Node], state: list[int]) -> None:
    for _ in range((state[0] + state[1]) % (number + 1)):
        try:
            _interpret(body, state, True)
        except _Left as left:
            if left.args[0] == "break":
                return
            if left.args[0] == "return":
                raise


def _called(value: int, which: int) -> int:
    if value % 3 == which:
        return (value * 5 + 1) % U32
    return value if value % 2 else _called(value // 2 + 1, which) if value > 2 else 11


_FUNCTIONS = """
.func (.param .b32 result) f{which}(.param .b32 value)
{{
    .reg .pred %p<4>;
    .reg .b32 %r<8>;
    ld.param.u32 %r1, [value];
    rem.u32 %r2, %r1, 3;
    setp.eq.u32 %p1, %r2, {which};
    @%p1 bra THIRD;
    and.b32 %r3, %r1, 1;
    setp.eq.u32 %p2, %r3, 1;
    @%p2 bra SAME;
    setp.le.u32 %p3, %r1, 2;
    @%p3 bra SMALL;
    shr.u32 %r4, %r1, 1;
    add.u32 %r4, %r4, 1;
    {{
        .param .b32 argument;
        .param .b32 outcome;
        st.param.b32 [argument], %r4;
        call.uni (outcome), f{which}, (argument);
        ld.param.b32 %r5, [outcome];
    }}
    st.param.b32 [result], %r5;
    ret;
SAME:
    st.param.b32 [result], %r1;
    ret;
SMALL:
    st.param.b32 [result], 11;
    ret;
THIRD:
    mad.lo.u32 %r6, %r1, 5, 1;
    st.param.b32 [result], %r6;
    ret;
}}
"""


class _Writer:
    """Writes nodes as PTX: the accumulator is %r10, loop counters are %r12 and up."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.labels = count()

    def holds(self, number: int) -> None:
        self.lines += ["add.u32 %r11, %r1, %r10;", f"rem.u32 %r11, %r11, {number};", "setp.eq.u32 %p1, %r11, 0;"]

    def write(self, nodes: list[Node], loops: list[tuple[str, str]]) -> None:
        for kind, number, *parts in nodes:
            if kind == "add":
                self.lines.append(f"add.u32 %r10, %r10, {number};")
            elif kind == "scale":
                self.lines.append(f"mad.lo.u32 %r10, %r10, {number}, %r1;")
            elif kind == "call":
                self.lines += [
                    "{ .param .b32 argument; .param .b32 outcome;",
                    "st.param.b32 [argument], %r10;",
                    f"call.uni (outcome), f{number}, (argument);",
                    "ld.param.b32 %r10, [outcome]; }",
                ]
            elif kind == "if":
                self.branch(number, parts, loops)
            elif kind == "loop":
                self.loop(number, parts[0], loops)
            elif loops or kind == "return":
                self.holds(number)
                target = "END" if kind == "return" else loops[-1][kind == "continue"]
                self.lines.append(f"@%p1 bra {target};")

    def branch(self, number: int, parts: list[list[Node]], loops: list[tuple[str, str]]) -> None:
        label = next(self.labels)
        self.holds(number)
        self.lines.append(f"@!%p1 bra ELSE{label};")
        self.write(parts[0], loops)
        self.lines += [f"bra JOIN{label};", f"ELSE{label}:"]
        self.write(parts[1], loops)
        self.lines.append(f"JOIN{label}:")

    def loop(self, number: int, body: list[Node], loops: list[tuple[str, str]]) -> None:
        label, counter = next(self.labels), f"%r{12 + len(loops)}"
        self.lines += [
            f"add.u32 {counter}, %r1, %r10;",
            f"rem.u32 {counter}, {counter}, {number + 1};",
            f"HEAD{label}:",
            f"setp.eq.u32 %p2, {counter}, 0;",
            f"@%p2 bra EXIT{label};",
            f"sub.u32 {counter}, {counter}, 1;",
        ]
        self.write(body, [*loops, (f"EXIT{label}", f"HEAD{label}")])
        self.lines += [f"bra HEAD{label};", f"EXIT{label}:"]


@settings(deadline=None, max_examples=120)
@given(_nodes(3), st.lists(st.integers(0, 2**20), min_size=1, max_size=LANES))
def test_every_thread_computes_what_it_would_alone(nodes: list[Node], starts: list[int]) -> None:
    writer = _Writer()
    writer.write(nodes, [])
    body = "\n".join(["ld.global.u32 %r10, [%rd2];", *writer.lines, "END:", "st.global.u32 [%rd2], %r10;", "ret;"])
    functions = "".join(_FUNCTIONS.format(which=which) for which in (0, 1))
    expected = []
    for thread, start in enumerate(starts):
        state = [thread, start]
        with contextlib.suppress(_Left):
            _interpret(nodes, state, False)
        expected.append(state[1])
    assert run(body, np.array(starts, np.uint32), outside=functions).tolist() == expected
