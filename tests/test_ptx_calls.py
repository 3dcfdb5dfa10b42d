"""Calls of device functions: parameters, results, nesting, and what cannot be called."""

from __future__ import annotations

import math
import struct
import sys
from typing import Any

import numpy as np
import pytest
import warp as wp
from ptx_snippets import execute, run

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


PROTOTYPE = "{{ .param .b32 p; .param .b32 q; st.param.b32 [p], {0}; \
    proto: .callprototype (.param .b32 _) _ (.param .b32 _); call (q), {1}, (p), proto; ld.param.b32 {0}, [q]; }}"
TRIPLE = DOUBLE.replace("double_it", "triple_it").replace(
    "ret;", "add.u32 %r2, %r2, %r1; st.param.b32 [out], %r2; ret;"
)


def test_a_register_holds_the_function_to_call() -> None:
    body = "mov.u32 %r4, %r1; mov.u64 %rd5, double_it;" + PROTOTYPE.format("%r4", "%rd5")
    assert run(body + "st.global.u32 [%rd2], %r4; ret;", np.arange(5, dtype=np.uint32), outside=DOUBLE).tolist() == [
        0,
        2,
        4,
        6,
        8,
    ]


def test_threads_that_call_different_functions_part_and_meet_again() -> None:
    table = DOUBLE + TRIPLE + ".global .align 8 .u64 table[2] = {double_it, triple_it};"
    body = (
        "mov.u32 %r4, %r1; and.b32 %r5, %r1, 1; mov.u64 %rd6, table; mul.wide.u32 %rd7, %r5, 8;"
        "add.s64 %rd6, %rd6, %rd7; ld.global.u64 %rd5, [%rd6];"
        + PROTOTYPE.format("%r4", "%rd5")
        + "activemask.b32 %r6; shl.b32 %r6, %r6, 8; or.b32 %r4, %r4, %r6; st.global.u32 [%rd2], %r4; ret;"
    )
    found = run(body, np.zeros(6, np.uint32), outside=table)
    assert (found & 255).tolist() == [0, 3, 4, 9, 8, 15]
    assert (found >> 8).tolist() == [63] * 6


def test_a_call_to_no_function_faults() -> None:
    body = "mov.u32 %r4, 0; mov.u64 %rd5, 4096;" + PROTOTYPE.format("%r4", "%rd5") + "ret;"
    with pytest.raises(ptx.Fault, match="call of 0x1000, where no function is by call in block") as caught:
        run(body, np.zeros(2, np.uint32), outside=DOUBLE)
    assert caught.value.report.kind is ptx.Kind.CALL


def test_the_thread_that_calls_no_function_is_named() -> None:
    body = "mov.u32 %r4, 0; mov.u64 %rd5, double_it; setp.eq.u32 %p1, %r1, 2; @%p1 mov.u64 %rd5, 4096;"
    with pytest.raises(ptx.Fault, match=r"call of 0x1000.* in block \(0, 0, 0\) thread \(2, 0, 0\)"):
        run(body + PROTOTYPE.format("%r4", "%rd5") + "ret;", np.zeros(4, np.uint32), outside=DOUBLE)


FACTORIAL = """
.func (.param .b32 out) factorial(.param .b32 in)
{
    .reg .b32 %r<6>;
    .reg .pred %p<2>;
    ld.param.u32 %r1, [in];
    mov.u32 %r2, 1;
    setp.lt.u32 %p1, %r1, 2;
    @%p1 bra DONE;
    sub.u32 %r3, %r1, 1;
    { .param .b32 p; .param .b32 q; st.param.b32 [p], %r3; call.uni (q), factorial, (p); ld.param.b32 %r4, [q]; }
    mul.lo.u32 %r2, %r1, %r4;
DONE:
    st.param.b32 [out], %r2;
    ret;
}
"""


def test_functions_may_call_themselves_each_thread_to_its_own_depth() -> None:
    body = "mov.u32 %r4, %r1;" + CALL.format("%r4", "factorial") + "st.global.u32 [%rd2], %r4; ret;"
    expected = [math.factorial(n) for n in range(12)]
    assert run(body, np.zeros(12, np.uint32), outside=FACTORIAL).tolist() == expected


PRINTF = (
    ".extern .func (.param .b32 r) vprintf (.param .b64 format, .param .b64 arguments);"
    ".global .align 1 .b8 text[7] = {37, 100, 32, 37, 103, 33, 0};"
)
PRINT = """
    .local .align 8 .b8 depot[16];
    mov.u64 %rd5, depot;
    cvta.local.u64 %rd5, %rd5;
    st.u32 [%rd5], %r1;
    st.f64 [%rd5+8], 0d3FF8000000000000;
    { .param .b64 x; .param .b64 y; .param .b32 z;
    mov.u64 %rd6, text;
    st.param.b64 [x], %rd6;
    st.param.b64 [y], %rd5;
    call.uni (z), vprintf, (x, y);
    ld.param.b32 %r4, [z]; }
"""


def test_each_active_thread_prints_in_turn() -> None:
    body = "setp.eq.u32 %p1, %r1, 1; @%p1 bra DONE;" + PRINT + "st.global.u32 [%rd2], %r4; DONE: ret;"
    for _ in range(2):
        results, execution = execute(body, np.zeros(3, np.uint32), outside=PRINTF)
        assert execution.printed == ("0 1.5!", "2 1.5!")
        assert results.tolist() == [2, 0, 2]


def test_blocks_that_run_one_after_another_all_print() -> None:
    _, execution = execute(PRINT + "ret;", np.zeros(6, np.uint32), outside=PRINTF, blocks=3, max_lanes=2)
    assert execution.printed == tuple(f"{n} 1.5!" for n in range(6))


def test_a_fault_keeps_what_was_printed_before_it() -> None:
    body = PRINT + "setp.eq.u32 %p1, %r1, 5; @%p1 trap; ret;"
    with pytest.raises(ptx.Fault) as caught:
        execute(body, np.zeros(6, np.uint32), outside=PRINTF, blocks=3, max_lanes=2)
    assert caught.value.printed == tuple(f"{n} 1.5!" for n in range(6))


def test_a_text_without_an_end_or_outside_of_memory_faults() -> None:
    endless = PRINTF.replace("b8 text[7]", "b8 text[6]").replace("33, 0}", "33}")
    with pytest.raises(ptx.Fault, match="has no end"):
        run(PRINT + "ret;", np.zeros(1, np.uint32), outside=endless)
    with pytest.raises(ptx.Fault, match="out-of-bounds 4-byte read"):
        run(PRINT.replace("[y], %rd5", "[y], 4096") + "ret;", np.zeros(1, np.uint32), outside=PRINTF)


@wp.kernel
def talkative(x: wp.array(dtype=float)):
    i = wp.tid()
    if i != 1:
        wp.printf("%d: %5.2f %s\n", i, x[i], "m/s")
        print(x[i])
        print("done")


@wp.kernel
def careful(x: wp.array(dtype=float)):
    i = wp.tid()
    assert x[i] < 2.0, "too large"
    x[i] = 7.0


def launched(module: ptx.Module, memory: ptx.GlobalMemory, kernel: Any, host: Any) -> ptx.Execution:
    address = memory.allocate(host)
    bounds = struct.pack("<I4xQQ", len(host), len(host), 1)
    array = struct.pack("<QQ4i4iHH4x", address, 0, len(host), 0, 0, 0, 4, 0, 0, 0, 1, 0)
    (entry,) = (e for e in module.entries if e.startswith(kernel.key + "_") and e.endswith("forward"))
    return ptx.launch(module, entry, (1, 1, 1), (32, 1, 1), [bounds, array], memory, shared_bytes=8192)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ptx.Module:
    """This file's kernels, compiled so that assertions are checked."""
    folder = tmp_path_factory.mktemp("calls")
    wp.set_module_options({"mode": "debug"}, module=sys.modules[__name__])
    wp.compile_aot_module(sys.modules[__name__], device=None, arch=75, module_dir=str(folder), use_ptx=True)
    (text,) = folder.glob("*.ptx")
    return ptx.Module(text.read_text())


def test_kernels_print_what_they_print_on_a_device(module: ptx.Module) -> None:
    execution = launched(module, ptx.GlobalMemory(), talkative, np.array([0.5, 1.0, -2.25], np.float32))
    assert execution.printed == ("0:  0.50 m/s\n", "2: -2.25 m/s\n", "0.5\n", "-2.25\n", "done\n", "done\n")


def test_a_failed_assertion_names_condition_place_and_thread(module: ptx.Module) -> None:
    launched(module, ptx.GlobalMemory(), careful, np.array([0.5, 1.0], np.float32))
    with pytest.raises(ptx.Fault, match=r"assertion `.*too large.*' failed at .*:\d+ in .*careful") as caught:
        launched(module, ptx.GlobalMemory(), careful, np.array([0.5, 1.0, 3.0], np.float32))
    assert caught.value.report.kind is ptx.Kind.ASSERTION
    assert caught.value.report.thread == ((0, 0, 0), (2, 0, 0))


# Triples its argument; a thread whose argument is at least 1000 first waits for all others to do so.
PATIENT = """
.func (.param .b32 out) patient(.param .b32 in)
{
    .reg .pred %p<2>;
    .reg .b32 %r<4>;
    ld.param.u32 %r1, [in];
    mul.lo.u32 %r1, %r1, 3;
    st.param.b32 [out], %r1;
    setp.lt.u32 %p1, %r1, 3000;
    @%p1 bra DONE;
    bar.sync 0;
    ld.param.u32 %r2, [in];
    mul.lo.u32 %r3, %r2, 3;
    st.param.b32 [out], %r3;
DONE:
    ret;
}
"""


def test_a_call_leaves_the_arguments_of_threads_inside_the_function_alone() -> None:
    """One warp waits inside the function while the other calls it from elsewhere."""
    body = (
        "add.u32 %r4, %r1, 1000; setp.gt.u32 %p1, %r1, 31; @%p1 bra OTHER;"
        + CALL.format("%r4", "patient")
        + "bra JOIN; OTHER:"
        + CALL.format("%r4", "patient")
        + "JOIN: st.global.u32 [%rd2], %r4; ret;"
    )
    assert run(body, np.zeros(64, np.uint32), outside=PATIENT).tolist() == [3 * (1000 + i) for i in range(64)]


def test_a_return_leaves_the_results_of_threads_that_went_on_alone() -> None:
    """One warp comes back from a first call while the other, its first result unread, waits inside a second one."""
    body = """
        setp.gt.u32 %p1, %r1, 31;
        selp.u32 %r4, 1000, 10, %p1;
        selp.u32 %r5, 10, 1000, %p1;
        add.u32 %r4, %r4, %r1;
        add.u32 %r5, %r5, %r1;
        { .param .b32 p; .param .b32 q; .param .b32 s; .param .b32 t;
        st.param.b32 [p], %r4;
        call.uni (q), patient, (p);
        st.param.b32 [s], %r5;
        call.uni (t), patient, (s);
        ld.param.b32 %r6, [q];
        ld.param.b32 %r7, [t]; }
        sub.u32 %r6, %r6, %r7;
        st.global.u32 [%rd2], %r6;
        ret;
    """
    difference = run(body, np.zeros(64, np.uint32), outside=PATIENT).view(np.int32)
    assert difference.tolist() == [-2970] * 32 + [2970] * 32


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
