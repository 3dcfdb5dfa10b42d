"""Matrix products of a warp, against products of integers, which every format here holds exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import run

from oracle import ptx

Array = np.ndarray[Any, Any]


def small(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).integers(-8, 9, shape)


def halves(values: Array) -> Array:
    """As `.f16` bits, two in a word."""
    return np.ascontiguousarray(values, np.float16).view(np.uint32).ravel()


def product_of_a_warp(mma: str, k: int, a: Array, b: Array, c: Array, outcome: str, threads: int = 32) -> Array:
    """m16n8 with matrices as they lie in memory, row by row: loaded from shared memory as NVRTC's libraries do."""
    words = np.concatenate([halves(a), halves(b), np.ascontiguousarray(c, np.float32).view(np.uint32).ravel()])
    size, parts = (
        4 * len(words),
        {16: ("x4", "%r10,%r11,%r12,%r13", "x2", "%r14,%r15"), 8: ("x2", "%r10,%r11", "x1", "%r14")}[k],
    )
    body = f"""
        .shared .align 16 .b8 tile[{size}];
        mov.u32 %r4, %tid.x;
        LOOP: setp.ge.u32 %p1, %r4, {len(words)};
        @%p1 bra LOADED;
        mul.wide.u32 %rd4, %r4, 4;
        add.u64 %rd5, %rd4, %rd3;
        ld.global.u32 %r5, [%rd5];
        cvt.u32.u64 %r6, %rd4;
        mov.u32 %r7, tile;
        add.u32 %r6, %r6, %r7;
        st.shared.u32 [%r6], %r5;
        add.u32 %r4, %r4, {threads};
        bra.uni LOOP;
        LOADED: bar.sync 0;
        mov.u32 %r4, %laneid;
        and.b32 %r5, %r4, 15;
        mul.lo.u32 %r5, %r5, {2 * k};
        shr.u32 %r6, %r4, 4;
        mul.lo.u32 %r6, %r6, 16;
        add.u32 %r5, %r5, %r6;
        add.u32 %r5, %r5, %r7;
        ldmatrix.sync.aligned.m8n8.{parts[0]}.shared.b16 {{{parts[1]}}}, [%r5];
        and.b32 %r5, %r4, {k - 1};
        mul.lo.u32 %r5, %r5, 16;
        add.u32 %r5, %r5, %r7;
        ldmatrix.sync.aligned.m8n8.{parts[2]}.trans.shared.b16 {{{parts[3]}}}, [%r5+{32 * k}];
        shr.u32 %r5, %r4, 2;
        and.b32 %r6, %r4, 3;
        mul.lo.u32 %r5, %r5, 8;
        mul.lo.u32 %r6, %r6, 2;
        add.u32 %r5, %r5, %r6;
        mul.lo.u32 %r6, %r5, 4;
        add.u32 %r6, %r6, %r7;
        ld.shared.v2.f32 {{%f1, %f2}}, [%r6+{48 * k}];
        ld.shared.v2.f32 {{%f3, %f4}}, [%r6+{48 * k + 256}];
        {mma.format(a=parts[1], b=parts[3])}
        shr.u32 %r8, %r1, 5;
        mul.lo.u32 %r8, %r8, 128;
        add.u32 %r5, %r5, %r8;
        mul.wide.u32 %rd4, %r5, 4;
        add.u64 %rd4, %rd4, %rd1;
        {outcome}
        ret;
    """
    return run(body, np.zeros(4 * threads, np.float32), other=words, threads=threads)


STORE = "st.global.v2.f32 [%rd4], {%f5, %f6}; st.global.v2.f32 [%rd4+256], {%f7, %f8};"


@pytest.mark.parametrize("k", [8, 16])
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_halves_are_multiplied_and_added_in_single_precision(k: int, seed: int) -> None:
    a, b, c = small(seed, 16, k), small(seed + 1, k, 8), small(seed + 2, 16, 8)
    mma = (
        f"mma.sync.aligned.m16n8k{k}.row.col.f32.f16.f16.f32 "
        "{{%f5,%f6,%f7,%f8}}, {{{a}}}, {{{b}}}, {{%f1,%f2,%f3,%f4}};"
    )
    found = product_of_a_warp(mma, k, a, b, c, STORE)
    assert np.array_equal(found.reshape(16, 8), a @ b + c)


@pytest.mark.parametrize("k", [8, 16])
def test_halves_are_added_in_half_precision_too_in_every_warp(k: int) -> None:
    a, b, c = small(1, 16, k), small(2, k, 8), small(3, 16, 8)
    mma = f"""
        cvt.rn.f16x2.f32 %r20, %f2, %f1; cvt.rn.f16x2.f32 %r21, %f4, %f3;
        mma.sync.aligned.m16n8k{k}.row.col.f16.f16.f16.f16
            {{{{%r22,%r23}}}}, {{{{{{a}}}}}}, {{{{{{b}}}}}}, {{{{%r20,%r21}}}};
        mov.b32 {{{{%h1, %h2}}}}, %r22; mov.b32 {{{{%h3, %h4}}}}, %r23;
        cvt.f32.f16 %f5, %h1; cvt.f32.f16 %f6, %h2; cvt.f32.f16 %f7, %h3; cvt.f32.f16 %f8, %h4;
    """
    found = product_of_a_warp(mma, k, a, b, c, STORE, threads=64)
    assert np.array_equal(found.reshape(2, 16, 8), [a @ b + c] * 2)


def test_doubles_are_multiplied_four_at_a_time() -> None:
    a, b, c = small(4, 8, 4), small(5, 4, 8), small(6, 8, 8)
    body = """
        shr.u32 %r4, %r1, 2; and.b32 %r5, %r1, 3;
        mad.lo.u32 %r6, %r4, 4, %r5; mul.wide.u32 %rd4, %r6, 8; add.u64 %rd4, %rd4, %rd3; ld.global.f64 %d1, [%rd4];
        mad.lo.u32 %r6, %r5, 8, %r4; mul.wide.u32 %rd4, %r6, 8; add.u64 %rd4, %rd4, %rd3; ld.global.f64 %d2, [%rd4+256];
        shl.b32 %r6, %r1, 1; mul.wide.u32 %rd4, %r6, 8; add.u64 %rd5, %rd4, %rd3;
        ld.global.v2.f64 {%d3, %d4}, [%rd5+512];
        mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%d5, %d6}, {%d1}, {%d2}, {%d3, %d4};
        add.u64 %rd4, %rd4, %rd1; st.global.v2.f64 [%rd4], {%d5, %d6};
        ret;
    """
    other = np.concatenate([a.ravel(), b.ravel(), c.ravel()]).astype(np.float64)
    found = run(body, np.zeros(64), other=other, threads=32)
    assert np.array_equal(found.reshape(8, 8), a @ b + c)


def test_a_warp_with_missing_threads_has_no_products() -> None:
    body = "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%d5, %d6}, {%d1}, {%d2}, {%d3, %d4}; ret;"
    with pytest.raises(ptx.Unsupported, match="in a block of 20 threads"):
        run(body, np.zeros(20))
