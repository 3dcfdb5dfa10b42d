"""Atomic operations: colliding threads update in the order of their numbers, and sums of floats are logged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exact_atomics import ATOMICS, SPACES, THREADS, Atomic, check, has, start
from exact_forms import SEEDED, on_emulator
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import execute, run

SHARED = ".shared .align 8 .b8 tile[64];"


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("atomic", ATOMICS, ids=lambda atomic: atomic.name)
@settings(SEEDED, max_examples=6)
@given(cells=st.sampled_from((1, 3, THREADS)), seed=st.integers(0, 2**32))
def test_threads_update_one_after_another(atomic: Atomic, space: str, cells: int, seed: int) -> None:
    memory, columns = start(atomic, cells, seed)
    for base in ("atom", "red"):
        if has(base, atomic):
            check(atomic, base, space, memory, columns, on_emulator)


def test_shared_memory_has_atomics_too() -> None:
    body = """
        mov.u64 %rd5, tile;
        st.shared.v4.u32 [%rd5], {0, 0, 0, 0};
        bar.sync 0;
        atom.shared.add.u32 %r4, [%rd5+4], 2;
        red.shared.max.u32 [%rd5+8], %r1;
        bar.sync 0;
        ld.shared.v2.u32 {%r5, %r6}, [tile];
        ld.shared.u32 %r7, [tile+8];
        add.u32 %r6, %r6, %r7;
        st.global.u32 [%rd2], %r6;
        ret;
    """
    assert set(run(body, np.zeros(20, np.uint32), outside=SHARED)) == {59}


def test_compare_and_swap_lets_one_thread_through() -> None:
    body = "atom.global.cas.b64 %rd4, [%rd1], 0, 7; st.global.u64 [%rd2+8], %rd4; ret;"
    assert run(body, np.zeros(6, np.uint64), threads=5).tolist() == [7, 0, 7, 7, 7, 7]


def test_a_compare_and_swap_loop_applies_every_thread_once() -> None:
    body = """
        ld.global.u32 %r4, [%rd1];
    LOOP:
        mov.u32 %r5, %r4;
        mul.lo.u32 %r6, %r5, 3;
        add.u32 %r6, %r6, 1;
        atom.global.cas.b32 %r4, [%rd1], %r5, %r6;
        setp.ne.u32 %p1, %r4, %r5;
        @%p1 bra LOOP;
        ret;
    """
    value = 0
    for _ in range(33):
        value = (3 * value + 1) % 2**32
    assert run(body, np.zeros(1, np.uint32), threads=33)[0] == value


FLOATS: list[tuple[str, Any, str, str]] = [
    ("atom.global.add.f32 %f2, [%rd1], %f1;", np.float32, "f32", "%f1"),
    ("red.global.add.f64 [%rd1], %d1;", np.float64, "f64", "%d1"),
    ("atom.add.noftz.f16 %h2, [%rd1], %h1;", np.float16, "b16", "%h1"),
]


@pytest.mark.parametrize(("instruction", "dtype", "name", "register"), FLOATS)
def test_float_sums_round_after_each_thread_and_are_logged(
    instruction: str, dtype: Any, name: str, register: str
) -> None:
    values = (np.sin(np.arange(50)) * 10).astype(dtype)
    body = f"ld.global.{name} {register}, [%rd2]; bar.sync 0; {instruction} ret;"
    total = values[0]
    for value in values:
        total = dtype(total + value)
    result, execution = execute(body, values)
    assert result[0] == total
    ((_, logged),) = execution.float_atomics.items()
    assert logged.additions == 50
    assert np.isclose(logged.magnitude, np.abs(values.astype(np.float64)).sum(), rtol=1e-12)


def test_float_sums_flush_subnormals_in_global_but_not_in_shared_memory() -> None:
    tiny = np.full(3, 1e-40, np.float32)
    in_global = "ld.global.f32 %f1, [%rd2]; bar.sync 0; red.global.add.f32 [%rd1], %f1; ret;"
    assert run(in_global, tiny)[0] == 0
    in_shared = """
        ld.global.f32 %f1, [%rd2];
        st.shared.f32 [tile], 0f00000000;
        bar.sync 0;
        red.shared.add.f32 [tile], %f1;
        bar.sync 0;
        ld.shared.f32 %f2, [tile];
        st.global.f32 [%rd2], %f2;
        ret;
    """
    assert run(in_shared, tiny, outside=SHARED)[0] == tiny[0] * 3


def test_packed_halves_add_element_by_element() -> None:
    pair = np.array([1.5, -2.0], np.float16).view(np.uint32)[0]
    body = f"mov.b32 %r4, {pair}; atom.global.add.noftz.f16x2 %r5, [%rd1], %r4; ret;"
    result = run(body, np.zeros(1, np.uint32), threads=4)
    assert result.view(np.float16).tolist() == [6.0, -8.0]
