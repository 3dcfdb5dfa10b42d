"""The same PTX on a device and on the emulator gives the same bits, and approximations within their bounds on both.

Left out is what PTX leaves open: division by zero and its like (`exact_forms.OPEN`), the bits of a NaN where the
manual does not say that it is the canonical one, the sign of a zero that `.sat` and `.relu` make, and the order in
which colliding atomics happen.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import exact_atomics
import exact_forms_data
import exact_forms_float
import exact_forms_integer
import numpy as np
import pytest
from cuda_driver import Driver, open_driver
from exact_atomics import ATOMICS, SPACES, Atomic
from exact_bounds import APPROXIMATIONS, Approximation, violations
from exact_forms import ANY_ZERO, OPEN, WAYS, Execute, Form, agrees, execute, on_emulator, operands, value
from hypothesis import given, settings
from ptx_snippets import source
from structured_programs import FUNCTIONS, Node, kernel_body, programs
from test_ptx_calls import CALL, DOUBLE, PATIENT
from test_ptx_threads import TREE_SUM

Array = np.ndarray[Any, Any]

FAMILIES: dict[str, list[Form]] = defaultdict(list)
for _module in (exact_forms_float, exact_forms_integer, exact_forms_data):
    for _form in _module.forms():
        FAMILIES[_form.opcode.partition(".")[0]].append(_form)

SEED = 20_25


@pytest.fixture(scope="module")
def device() -> Driver:
    driver = open_driver()
    if driver is None:
        pytest.skip("no CUDA device")
    return driver


# What is compared; `run` and `reference` are a device and the emulator.


def compare_form(form: Form, way: str, run: Execute, reference: Execute) -> None:
    rows = operands(form, SEED)
    ours, theirs = (execute(form, rows, way, side) for side in (reference, run))
    for lane, (row, left, right) in enumerate(zip(rows.tolist(), ours.tolist(), theirs.tolist(), strict=True)):
        numbers = [value(t, pattern) for t, pattern in zip(form.sources, row, strict=True)]
        expected = form.exact(*numbers)
        if expected is OPEN or left == right:
            continue
        wanted = expected if len(form.results) > 1 else (expected,)
        for type_, want, x, y in zip(form.results, wanted, left, right, strict=True):
            if x != y:
                assert _is_open(want) and agrees(type_, y, want, form.canonical), (
                    f"{form}, {way}, thread {lane}, of {numbers} ({[hex(p) for p in row]}): "
                    f"emulator {value(type_, x)} ({x:#x}), device {value(type_, y)} ({y:#x})"
                )


def _is_open(expected: Any) -> bool:
    """Whether an expected result has more than one pattern."""
    if isinstance(expected, tuple):
        return any(map(_is_open, expected))
    return expected is ANY_ZERO or (isinstance(expected, float) and math.isnan(expected))


def compare_approximation(approximation: Approximation, run: Execute) -> None:
    columns = [np.arange(77, 1 << 32, 1 << 16, dtype=np.uint64)] * (2 if approximation.function == "div" else 1)
    if approximation.function == "div":
        columns[1] = np.random.default_rng(SEED).permutation(columns[1])
    if approximation.type == "f64":
        columns = [column << np.uint64(32) | column for column in columns]
    if approximation.type in ("f16", "bf16"):
        columns = [np.arange(1 << 16, dtype=np.uint64)]
    rows = np.concatenate([np.stack(columns, -1), operands(approximation.form, SEED)])
    results = execute(approximation.form, rows, "everywhere", run)[:, 0]
    wrong = np.unique(np.argwhere(violations(approximation, rows, results))[:, 0])
    found = [([hex(pattern) for pattern in rows[i].tolist()], hex(results[i])) for i in wrong[:5]]
    assert not found, f"{approximation.opcode}: {len(wrong)} results beyond the bound, as {found}"


def compare_atomic(atomic: Atomic, space: str, run: Execute) -> None:
    """Without collisions all operations are defined; with them those whose order makes no difference."""
    for base in ("atom", "red"):
        if exact_atomics.has(base, atomic):
            memory, columns = exact_atomics.start(atomic, exact_atomics.THREADS, SEED)
            exact_atomics.check(atomic, base, space, memory, columns, run)
    if not atomic.ordered:
        memory, columns = exact_atomics.start(atomic, 3, SEED)
        left, _ = exact_atomics.execute(atomic, "red", space, memory, columns, run)
        expected, _ = exact_atomics.execute(atomic, "red", space, memory, columns, on_emulator)
        assert left == expected


SHUFFLES = "".join(
    f"shfl.sync.{mode}.b32 %r6|%p1, %r4, {b}, {c}, -1; xor.b32 %r5, %r5, %r6; mul.lo.u32 %r5, %r5, 33;"
    f"selp.u32 %r6, 1, 0, %p1; add.u32 %r5, %r5, %r6;"
    for mode, b, c in (("up", 3, 0), ("down", 5, 31), ("bfly", 17, 31), ("idx", 9, 31), ("bfly", 2, 0x181F))
)
VOTES = """
    and.b32 %r6, %r4, 3;
    setp.eq.u32 %p1, %r6, 1;
    vote.sync.ballot.b32 %r5, %p1, -1;
    vote.sync.any.pred %p2, %p1, -1;
    vote.sync.all.pred %p3, %p1, -1;
    vote.sync.uni.pred %p4, %p1, -1;
    match.any.sync.b32 %r7, %r6, -1;
    xor.b32 %r5, %r5, %r7;
    selp.u32 %r8, 1, 0, %p2; add.u32 %r5, %r5, %r8;
    selp.u32 %r8, 2, 0, %p3; add.u32 %r5, %r5, %r8;
    selp.u32 %r8, 4, 0, %p4; add.u32 %r5, %r5, %r8;
"""
LOAD, STORE = "ld.global.u32 %r4, [%rd2]; mov.u32 %r5, 0;", "st.global.u32 [%rd2], %r5; ret;"
SNIPPETS: dict[str, tuple[str, str]] = {
    # A kernel's body, and what stands outside it.
    "shuffles": (LOAD + SHUFFLES + STORE, ""),
    "votes and matches": (LOAD + VOTES + STORE, ""),
    "barriers and shared memory": (TREE_SUM, ".shared .align 4 .b8 tile[256];"),
    "calls": ("mov.u32 %r5, %r1;" + CALL.format("%r5", "double_it") * 3 + STORE, DOUBLE),
    "a barrier in a function": ("add.u32 %r5, %r1, 1000;" + CALL.format("%r5", "patient") + STORE, PATIENT),
}


def compare_text(text: str, start: Array, run: Execute, reference: Execute) -> None:
    ours, theirs = (side(text, start, start, len(start)) for side in (reference, run))
    assert ours.tolist() == theirs.tolist()


START = (np.arange(256, dtype=np.uint64) * 2654435761 % 1013).astype(np.uint32)


# On a device.


@pytest.mark.gpu
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", FAMILIES)
def test_forms_agree_to_the_bit(family: str, way: str, device: Driver) -> None:
    for form in FAMILIES[family]:
        if form.minimum <= device.capability:
            compare_form(form, way, device.execute, on_emulator)


@pytest.mark.gpu
@pytest.mark.parametrize("approximation", APPROXIMATIONS, ids=lambda a: a.opcode)
def test_a_device_s_approximations_are_within_the_bounds(approximation: Approximation, device: Driver) -> None:
    if approximation.minimum > device.capability:
        pytest.skip(f"needs compute capability {approximation.minimum / 10}")
    compare_approximation(approximation, device.execute)


@pytest.mark.gpu
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("atomic", ATOMICS, ids=lambda atomic: atomic.name)
def test_atomics_agree(atomic: Atomic, space: str, device: Driver) -> None:
    if atomic.minimum > device.capability:
        pytest.skip(f"needs compute capability {atomic.minimum / 10}")
    compare_atomic(atomic, space, device.execute)


@pytest.mark.gpu
@pytest.mark.parametrize("name", SNIPPETS)
def test_what_threads_do_together_agrees(name: str, device: Driver) -> None:
    compare_text(source(*SNIPPETS[name]), START, device.execute, on_emulator)


@pytest.mark.gpu
@settings(deadline=None, max_examples=50)
@given(nodes=programs(3))
def test_divergent_programs_agree(nodes: list[Node], device: Driver) -> None:
    compare_text(source(kernel_body(nodes), FUNCTIONS), START, device.execute, on_emulator)


# The same comparisons with the emulator in the device's place, so that they are known to work.


@pytest.mark.parametrize("family", ("add", "shf", "slct", "copysign", "div", "bfind"))
def test_the_comparison_of_forms_runs(family: str) -> None:
    for form in FAMILIES[family]:
        compare_form(form, "everywhere", on_emulator, on_emulator)


def test_the_comparison_of_forms_sees_a_wrong_bit_but_not_another_nan() -> None:
    (form,) = (form for form in FAMILIES["add"] if form.opcode == "add.f32")

    def flipped(where: Any) -> Execute:
        def run(text: str, data: Array, other: Array, threads: int) -> Array:
            result = on_emulator(text, data, other, threads).copy()
            result[where(result.astype(np.uint32).view(np.float32))] ^= np.uint64(1)
            return result

        return run

    compare_form(form, "everywhere", flipped(np.isnan), on_emulator)
    with pytest.raises(AssertionError, match="device"):
        compare_form(form, "everywhere", flipped(np.isfinite), on_emulator)


def test_the_other_comparisons_run() -> None:
    for approximation in APPROXIMATIONS[-4:]:
        compare_approximation(approximation, on_emulator)
    for atomic in ATOMICS[::5]:
        compare_atomic(atomic, "shared", on_emulator)
    for text in SNIPPETS.values():
        compare_text(source(*text), START, on_emulator, on_emulator)
    assert len(set(on_emulator(source(*SNIPPETS["shuffles"]), START, START, len(START)).tolist())) > 200


def test_without_a_driver_there_is_no_device() -> None:
    driver = open_driver()
    assert driver is None or driver.capability >= 50
