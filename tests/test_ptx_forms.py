"""Instruction forms are read as the manual writes them, and unknown ones are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ptx_snippets import run

from oracle import ptx

U = np.uint64


def _result(instructions: str) -> int:
    """What `%rd9` holds after some instructions, in one thread."""
    return int(run(f"{instructions} st.global.u64 [%rd2], %rd9; ret;", np.zeros(1, np.uint64))[0])


def _bits(value: float, dtype: Any) -> int:
    return int(np.array(value, dtype).view(f"u{np.dtype(dtype).itemsize}"))


R = "cvt.u64.u32 %rd9, %r9;"
H = "cvt.u64.u16 %rd9, %h9;"
F = "mov.b32 %r9, %f9;" + R
D = "mov.b64 %rd9, %d9;"
P = "selp.u64 %rd9, 1, 0, %p9;"

CASES: list[tuple[str, int]] = [
    ("add.s32 %r9, -5, 3;" + R, 2**32 - 2),
    ("add.sat.s32 %r9, 2147483647, 1;" + R, 2**31 - 1),
    ("mul.hi.u64 %rd9, 0xFFFFFFFFFFFFFFFF, 16;", 15),
    ("mul.wide.s32 %rd9, -3, 4;", 2**64 - 12),
    ("mad.wide.u16 %r9, 300, 400, 5;" + R, 120005),
    ("mov.u32 %r4, -1; add.cc.u32 %r5, %r4, 1; addc.u32 %r9, 5, 0;" + R, 6),
    ("sub.cc.u32 %r4, 0, 1; subc.cc.u32 %r5, 0, 0; subc.u32 %r9, 10, 0;" + R, 9),
    ("mad.lo.cc.u32 %r4, 65536, 65536, -1; madc.hi.u32 %r9, 65536, 65536, 0;" + R, 1),
    ("div.s32 %r9, -7, 2;" + R, 2**32 - 3),
    ("rem.s64 %rd9, -7, 2;", 2**64 - 1),
    ("shl.b32 %r9, 1, 40;" + R, 0),
    ("mov.u32 %r4, 33; shr.s32 %r9, -8, %r4;" + R, 2**32 - 1),
    ("shr.u64 %rd9, 0x8000000000000000, 63;", 1),
    ("bfe.u32 %r9, 0xABCD, 4, 8;" + R, 0xBC),
    ("bfi.b64 %rd9, 0xF, 0, 60, 4;", 0xF << 60),
    ("prmt.b32 %r9, 0x33221100, 0x77665544, 0x7531;" + R, 0x77553311),
    ("lop3.b32 %r9, 0xF0, 0xCC, 0xAA, 0x80;" + R, 0x80),
    ("popc.b64 %r9, -1;" + R, 64),
    ("clz.b32 %r9, 1;" + R, 31),
    ("brev.b32 %r9, 1;" + R, 2**31),
    ("bfind.u32 %r9, 0x100;" + R, 8),
    ("shf.l.wrap.b32 %r9, 0x80000000, 1, 1;" + R, 3),
    ("dp4a.s32.s32 %r9, 0x01020304, 0x01010101, 5;" + R, 15),
    ("not.b16 %h9, 0;" + H, 0xFFFF),
    ("cnot.b32 %r9, 0;" + R, 1),
    ("sad.u32 %r9, 3, 10, 1;" + R, 8),
    ("min.s32 %r9, -1, 1;" + R, 2**32 - 1),
    ("max.u32 %r9, -1, 1;" + R, 2**32 - 1),
    ("mov.b64 %rd9, {1, 2};", 2**33 + 1),
    ("mov.b64 %rd4, 0x500000007; mov.b64 {%r9, _}, %rd4;" + R, 7),
    ("mov.b32 %r4, 0x50007; mov.b32 {_, %h9}, %r4;" + H, 5),
    ("add.rn.f32 %f9, 0f3F800000, 0f40000000;" + F, _bits(3, np.float32)),
    ("add.f32 %f9, 1.5, 2;" + F, _bits(3.5, np.float32)),
    ("mul.rz.f64 %d9, 0d3FB999999999999A, 0d3FB999999999999A;" + D, 0x3F847AE147AE147B),
    ("fma.rn.f32 %f9, 2.0, 3.0, 4.0;" + F, _bits(10, np.float32)),
    ("fma.rn.sat.f32 %f9, 2.0, 3.0, 4.0;" + F, _bits(1, np.float32)),
    ("add.ftz.f32 %f9, 0f00000001, 0f00000001;" + F, 0),
    ("div.rn.f64 %d9, 0d3FF0000000000000, 0d4008000000000000;" + D, _bits(1 / 3, np.float64)),
    ("sqrt.rn.f32 %f9, 0f40000000;" + F, _bits(np.sqrt(np.float32(2)), np.float32)),
    ("rcp.rn.f64 %d9, 0d4010000000000000;" + D, _bits(0.25, np.float64)),
    ("neg.f32 %f9, 0f00000000;" + F, 2**31),
    ("abs.f64 %d9, 0dBFF0000000000000;" + D, _bits(1, np.float64)),
    ("min.f32 %f9, 0f7FC00000, 0f3F800000;" + F, _bits(1, np.float32)),
    ("max.NaN.f32 %f9, 0f7FC00000, 0f3F800000; testp.notanumber.f32 %p9, %f9;" + P, 1),
    ("copysign.f32 %f9, 0fBF800000, 0f40000000;" + F, _bits(-2, np.float32)),
    ("ex2.approx.ftz.f32 %f9, 0f40400000;" + F, _bits(8, np.float32)),
    ("cvt.rzi.s32.f32 %r9, 0fC0200000;" + R, 2**32 - 2),
    ("cvt.rni.s64.f64 %rd9, 0d4004000000000000;", 2),
    ("cvt.rzi.u32.f32 %r9, 0fBF800000;" + R, 0),
    ("cvt.rzi.s8.f32 %r9, 0f43480000;" + R, 127),
    ("cvt.rn.f32.u64 %f9, 16777217;" + F, _bits(2**24, np.float32)),
    ("cvt.sat.f32.f32 %f9, 0f40000000;" + F, _bits(1, np.float32)),
    ("cvt.rmi.f32.f32 %f9, 0fBFC00000;" + F, _bits(-2, np.float32)),
    ("mov.u32 %r4, 0x1FF; cvt.s32.s8 %r9, %r4;" + R, 2**32 - 1),
    ("mov.u32 %r4, 0x1FF; cvt.u8.u32 %r9, %r4;" + R, 255),
    ("mov.s32 %r4, -200; cvt.sat.s8.s32 %r9, %r4;" + R, 2**32 - 128),
    ("mov.f32 %f4, 0f3FC00000; cvt.rn.f16.f32 %h9, %f4;" + H, _bits(1.5, np.float16)),
    ("cvt.f32.f16 %f9, 0x3E00;" + F, _bits(1.5, np.float32)),
    ("mov.f32 %f4, 0f3FC00000; cvt.rn.bf16.f32 %h9, %f4;" + H, 0x3FC0),
    ("mov.b16 %h4, 0x3FC0; fma.rn.bf16 %h9, %h4, %h4, %h4;" + H, 0x4070),
    ("mov.b16 %h4, 0x3C00; add.f16 %h9, %h4, %h4;" + H, 0x4000),
    ("cvt.rn.f16x2.f32 %r9, 1.0, 2.0;" + R, 0x3C004000),
    ("mov.b32 %r4, 0x3C004000; add.f16x2 %r9, %r4, %r4;" + R, 0x40004400),
    ("setp.lt.s32 %p9, -1, 1;" + P, 1),
    ("setp.lt.u32 %p9, -1, 1;" + P, 0),
    ("setp.ltu.f32 %p9, 0f7FC00000, 1.0;" + P, 1),
    ("setp.eq.u32 %p1, 1, 1; setp.gt.and.s32 %p9, 2, 1, !%p1;" + P, 0),
    ("setp.gt.s32 %p8|%p9, 2, 1;" + P, 0),
    ("setp.eq.u32 %p1, 1, 1; setp.ne.or.s32 %p8|%p9, 2, 2, %p1;" + P, 1),
    ("set.gt.u32.f32 %r9, 2.0, 1.0;" + R, 2**32 - 1),
    ("slct.u32.s32 %r9, 10, 20, -1;" + R, 20),
    ("setp.eq.u32 %p1, 1, 1; setp.eq.u32 %p2, 1, 2; xor.pred %p9, %p1, %p2;" + P, 1),
    ("isspacep.global %p9, %rd1;" + P, 1),
    ("isspacep.shared %p9, %rd1;" + P, 0),
    ("mov.u32 %r9, WARP_SZ;" + R, 32),
    ("st.global.u64 [%rd2], 7; ldu.global.u64 %rd9, [%rd2];", 7),
    ("membar.gl; fence.acq_rel.gpu; mov.u32 %r9, %nctaid.x;" + R, 1),
    ("{ .reg .b32 %r9; mov.b32 %r9, 5; { .reg .b32 %r9; mov.b32 %r9, 6; } cvt.u64.u32 %rd9, %r9; }", 5),
]


@pytest.mark.parametrize(("instructions", "expected"), CASES, ids=[case[0].partition(";")[0] for case in CASES])
def test_an_instruction_gives_its_documented_result(instructions: str, expected: int) -> None:
    assert _result(instructions) == expected


@pytest.mark.parametrize(
    "form",
    [
        "tex.cube.v4.f32.f32",
        "wmma.load.a.sync.aligned.row.m16n16k16.f16",
        "cp.async.bulk.shared::cluster.global",
        "add.weird.u32",
    ],
)
def test_an_unknown_form_is_unsupported_by_its_name(form: str) -> None:
    with pytest.raises(ptx.Unsupported) as caught:
        run(f"{form} %r4, [%rd1], 4; ret;", np.zeros(1, np.uint32))
    assert caught.value.form == form


def test_an_unknown_form_on_no_thread_s_way_does_no_harm() -> None:
    body = "setp.eq.u32 %p1, %r1, 99; @!%p1 bra DONE; tex.cube.v4.f32.f32 %r4, [%rd1]; DONE: ret;"
    run(body, np.zeros(4, np.uint32))


@pytest.mark.parametrize("instruction", ("trap", "brkpt"))
def test_a_trap_stops_the_launch_only_if_a_thread_reaches_it(instruction: str) -> None:
    body = f"setp.eq.u32 %p1, %r1, {{}}; @%p1 {instruction}; ret;"
    run(body.format(99), np.zeros(4, np.uint32))
    with pytest.raises(ptx.Fault, match=f"stopped by {instruction} in block"):
        run(body.format(2), np.zeros(4, np.uint32))


@pytest.mark.parametrize(
    "body", ["add.u32 %r4, %r5;", "bra NOWHERE;", "mov.u32 %r4, %unknown;", "mov.u32 %r4, %rd1 + ;"]
)
def test_text_that_is_not_ptx_is_refused(body: str) -> None:
    with pytest.raises(ptx.Malformed):
        run(body + " ret;", np.zeros(1, np.uint32))


def test_a_module_needs_an_entry_and_a_launch_its_parameters() -> None:
    with pytest.raises(ptx.Malformed, match="entry"):
        ptx.Module("hello")
    module = ptx.Module(".visible .entry a(.param .u32 x) { ret; } .visible .entry b() { ret; } ")
    assert module.entries == ("a", "b")
    assert module.parameter_sizes("a") == (4,)
    with pytest.raises(ValueError, match="has 1 parameters, 0 were given"):
        ptx.launch(module, "a", (1, 1, 1), (1, 1, 1), [], ptx.GlobalMemory())
    with pytest.raises(ValueError, match="has 4 bytes, 8 were given"):
        ptx.launch(module, "a", (1, 1, 1), (1, 1, 1), [bytes(8)], ptx.GlobalMemory())
    with pytest.raises(ptx.Malformed, match="no kernel 'c'"):
        ptx.launch(module, "c", (1, 1, 1), (1, 1, 1), [], ptx.GlobalMemory())


@pytest.mark.parametrize("clock", ["clock64", "globaltimer"])
def test_a_thread_that_waits_for_a_clock_goes_on(clock: str) -> None:
    body = f"""
        mov.u64 %rd4, %{clock};
        WAIT: mov.u64 %rd5, %{clock};
        sub.u64 %rd6, %rd5, %rd4;
        setp.lt.u64 %p1, %rd6, 100000000;
        @%p1 bra WAIT;
        st.global.u64 [%rd2], %rd6;
        ret;
    """
    assert (run(body, np.zeros(2, np.uint64)) >= 100_000_000).all()
