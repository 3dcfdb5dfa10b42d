"""What the emulator counts of a kernel's work, on kernels whose work is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extractor.compiling import Batch, Compiled, CompileOptions, compile_batch
from extractor.ptx_classes import CLASSES, bytes_moved, instruction_class, operations
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.inputs import make_inputs
from oracle.work import Work, measure_work

SCALE = """import warp as wp


@wp.kernel(enable_backward=False)
def scale(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = x[i] * 3.0 + 1.0
"""

PARTING = """import warp as wp


@wp.kernel(enable_backward=False)
def parting(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    s = x[i]
    k = int(0)
    while k < i:
        s = s * 0.5 + x[k]
        k += 1
    out[i] = s
"""

THREADS = 40


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    options = CompileOptions(backward=False)
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch([SCALE, PARTING], options, workspace) as compiled,
    ):
        yield compiled


def work_of(batch: Batch, place: int) -> Work:
    compiled = batch.results[place]
    assert isinstance(compiled, Compiled)
    arguments = [Argument("x", (THREADS,)), Argument("out", (THREADS,), written=True)]
    found = measure_work(compiled, (THREADS,), make_inputs(compiled.kernel, arguments, 1))
    assert found is not None
    return found


def test_operations_and_bytes_of_a_straight_kernel_are_what_its_source_says(batch: Batch) -> None:
    found = work_of(batch, 0).to_json()
    assert (found["flops_per_thread"], found["active_lanes"]) == (2.0, 1.0)
    assert (found["bytes_read_per_thread"], found["bytes_written_per_thread"]) == (4.0, 4.0)
    assert found["arithmetic_intensity"] == 0.25
    assert found["executed_per_thread"]["global"] == 2.0 <= found["ptx_instructions"]["global"]
    assert set(found["ptx_instructions"]) <= set(CLASSES)


def test_a_loop_counts_as_often_as_it_runs_and_threads_that_part_are_seen(batch: Batch) -> None:
    found = work_of(batch, 1)
    assert found.flops == 2 * sum(range(THREADS))
    assert found.read == 4 * (THREADS + sum(range(THREADS)))
    assert found.written == 4 * THREADS
    assert 0.4 < found.active < 0.9


@pytest.mark.parametrize(
    ("opcode", "kind", "flops", "moved"),
    [
        ("ld.global.v4.f32", "global", 0, (16, 0)),
        ("st.global.u8", "global", 0, (0, 1)),
        ("ld.u64", "global", 0, (8, 0)),
        ("ld.param.u64", "parameter", 0, (0, 0)),
        ("st.local.v2.f32", "local", 0, (0, 0)),
        ("ld.shared.f64", "shared", 0, (0, 0)),
        ("atom.global.add.f32", "atomic", 0, (4, 4)),
        ("atom.shared.add.u32", "atomic", 0, (0, 0)),
        ("fma.rn.f32", "float", 2, (0, 0)),
        ("mad.lo.s32", "integer", 0, (0, 0)),
        ("add.rn.f64", "float", 1, (0, 0)),
        ("neg.f32", "float", 0, (0, 0)),
        ("div.rn.f32", "special", 1, (0, 0)),
        ("div.s32", "integer", 0, (0, 0)),
        ("ex2.approx.ftz.f32", "special", 1, (0, 0)),
        ("cvt.rn.f32.s32", "convert", 0, (0, 0)),
        ("setp.lt.f32", "compare", 0, (0, 0)),
        ("xor.b32", "integer", 0, (0, 0)),
        ("bar.sync", "together", 0, (0, 0)),
        ("bra.uni", "control", 0, (0, 0)),
    ],
)
def test_each_opcode_has_its_class_its_operations_and_its_bytes(
    opcode: str, kind: str, flops: int, moved: tuple[int, int]
) -> None:
    assert (instruction_class(opcode), operations(opcode), bytes_moved(opcode)) == (kind, flops, moved)
