"""Random programs of structured control flow over one accumulator, as PTX and as Python for one thread alone."""

from __future__ import annotations

import contextlib
from itertools import count
from typing import Any

from hypothesis import strategies as st

U32 = 2**32

Node = tuple[Any, ...]


def programs(depth: int) -> st.SearchStrategy[list[Node]]:
    """Programs with constructs nested so deep."""
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
    inner = programs(depth - 1)
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


def kernel_body(nodes: list[Node]) -> str:
    """A kernel's body that runs the program in every thread, from the thread's element of `data` on."""
    writer = _Writer()
    writer.write(nodes, [])
    return "\n".join(["ld.global.u32 %r10, [%rd2];", *writer.lines, "END:", "st.global.u32 [%rd2], %r10;", "ret;"])


FUNCTIONS = "".join(_FUNCTIONS.format(which=which) for which in (0, 1))
"""What the bodies call."""


def alone(nodes: list[Node], thread: int, start: int) -> int:
    """The accumulator that a thread ends with."""
    state = [thread, start]
    with contextlib.suppress(_Left):
        _interpret(nodes, state, False)
    return state[1]
