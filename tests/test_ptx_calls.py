"""Calls of device functions: parameters, results, nesting, and what cannot be called."""

from __future__ import annotations

import numpy as np
import pytest
from ptx_snippets import run

from oracle import ptx

DOUBLE = """
.func (.param .b32 out) double_it(.param .b32 in)
{
    .reg .b32 %r<3>;
    ld.param.u32 %r1, [in];
    add.u32 %r2, %r1, %r1;
    st.param.b32 [out], %r2;
    ret;
}
"""
CALL = """
    {{ .param .b32 p; .param .b32 q;
    st.param.b32 [p], {0};
    call.uni (q), {1}, (p);
    ld.param.b32 {0}, [q]; }}
"""


def test_a_call_returns_a_value_of_each_thread() -> None:
    body = "mov.u32 %r4, %r1;" + CALL.format("%r4", "double_it") + "st.global.u32 [%rd2], %r4; ret;"
    assert run(body, np.zeros(5, np.uint32), outside=DOUBLE).tolist() == [0, 2, 4, 6, 8]


def test_functions_call_functions_from_several_places() -> None:
    quadruple = (
        DOUBLE
        + """
    .func (.param .b32 out) quadruple(.param .b32 in)
    {
        .reg .b32 %r<3>;
        ld.param.u32 %r1, [in];
    """
        + CALL.format("%r1", "double_it") * 2
        + "st.param.b32 [out], %r1; ret; }"
    )
    body = (
        "mov.u32 %r4, %r1;"
        + CALL.format("%r4", "quadruple")
        + CALL.format("%r4", "double_it")
        + "st.global.u32 [%rd2], %r4; ret;"
    )
    assert run(body, np.zeros(4, np.uint32), outside=quadruple).tolist() == [0, 8, 16, 24]


def test_only_threads_that_call_change() -> None:
    body = (
        "mov.u32 %r4, %r1; setp.gt.u32 %p1, %r1, 2; @%p1 bra SKIP;"
        + CALL.format("%r4", "double_it")
        + "SKIP: st.global.u32 [%rd2], %r4; ret;"
    )
    assert run(body, np.zeros(6, np.uint32), outside=DOUBLE).tolist() == [0, 2, 4, 3, 4, 5]


def test_a_guard_decides_about_a_call() -> None:
    body = """
        mov.u32 %r4, %r1;
        setp.eq.u32 %p1, %r1, 1;
        { .param .b32 p; .param .b32 q;
        st.param.b32 [p], %r4;
        @%p1 call (q), double_it, (p);
        @%p1 ld.param.b32 %r4, [q]; }
        st.global.u32 [%rd2], %r4;
        ret;
    """
    assert run(body, np.zeros(4, np.uint32), outside=DOUBLE).tolist() == [0, 2, 2, 3]


def test_structures_pass_by_value_and_stay_the_callers() -> None:
    outside = """
    .func clobber(.param .align 8 .b8 s[16], .param .b64 where)
    {
        .reg .b64 %rd<4>; .reg .b32 %r<4>;
        ld.param.u32 %r1, [s+12];
        mov.u64 %rd1, s;
        ld.local.u32 %r2, [%rd1+4];
        st.local.u32 [%rd1+4], 0;
        add.u32 %r1, %r1, %r2;
        ld.param.u64 %rd2, [where];
        st.u32 [%rd2], %r1;
        ret;
    }
    """
    body = """
        { .param .align 8 .b8 a[16]; .param .b64 b;
        st.param.b32 [a+4], %r1;
        st.param.b32 [a+12], 1000;
        st.param.b64 [b], %rd2;
        call.uni clobber, (a, b);
        ld.param.b32 %r5, [a+4]; }
        ld.global.u32 %r4, [%rd2];
        add.u32 %r4, %r4, %r5;
        st.global.u32 [%rd2], %r4;
        ret;
    """
    assert run(body, np.zeros(3, np.uint32), outside=outside).tolist() == [1000, 1002, 1004]


@pytest.mark.parametrize("name", ["cudaMalloc", "vfprintf"])
def test_functions_of_the_driver_are_unsupported_by_name(name: str) -> None:
    outside = f".extern .func (.param .b32 r) {name} (.param .b64 a, .param .b64 b);"
    body = f"{{ .param .b64 x; .param .b64 y; .param .b32 z; call.uni (z), {name}, (x, y); }} ret;"
    with pytest.raises(ptx.Unsupported, match=f"call {name}"):
        run(body, np.zeros(1, np.uint32), outside=outside)


def test_endless_recursion_faults() -> None:
    outside = """
    .func forever(.param .b32 a)
    {
        .reg .b32 %r<2>;
        { .param .b32 b; st.param.b32 [b], %r1; call.uni forever, (b); }
        ret;
    }
    """
    with pytest.raises(ptx.Fault, match="local memory exhausted"):
        run(
            "{ .param .b32 a; st.param.b32 [a], %r1; call.uni forever, (a); } ret;",
            np.zeros(1, np.uint32),
            outside=outside,
        )
