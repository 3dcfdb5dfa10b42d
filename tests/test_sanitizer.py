"""Wrong kernels of Warp, and right code of Warp broken on purpose: the sanitizer names the Python line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from handwritten import SAMPLES

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.ptx_text import PtxText
from extractor.warp_setup import Workspace, open_workspace
from oracle.backends import cpu, emulator
from oracle.inputs import default_arguments, make_inputs
from oracle.judge import Judge, Judgement
from oracle.observation import Verdict
from oracle.ptx import Fault, Kind, Report
from oracle.second_look import look_again

DIMS = (64,)
LINE = "# here"

OUT_OF_BOUNDS = """import warp as wp

@wp.kernel
def k(x: wp.array(dtype=wp.float32), y: wp.array(dtype=wp.float32)):
    i = wp.tid()
    s = wp.float32(1.0)
    s += x[i + 3]  # here
    y[i] = s
"""

NEIGHBOUR = """import warp as wp

@wp.func
def before(y: wp.array(dtype=wp.float32), i: wp.int32):
    return y[i - 1]  # here

@wp.kernel
def k(x: wp.array(dtype=wp.float32), y: wp.array(dtype=wp.float32)):
    i = wp.tid()
    y[i] = x[i]
    if i > 0:
        x[i] = before(y, i)
"""

STORED_TWICE = """import warp as wp

@wp.kernel
def k(x: wp.array(dtype=wp.float32), y: wp.array(dtype=wp.float32)):
    i = wp.tid()
    y[i] = x[i] * 2.0
    if i % 3 == 1:
        y[i] = y[i - 1] * 3.0  # here
"""

NATIVE = """import warp as wp

@wp.func_native('''
#if defined(__CUDA_ARCH__)
{code}
#else
return v;
#endif
''')
def exchange(i: wp.int32, v: wp.float32) -> wp.float32: ...

@wp.kernel
def k(x: wp.array(dtype=wp.float32), y: wp.array(dtype=wp.float32)):
    i = wp.tid()
    v = x[i]
    w = wp.float32(0.0)
    if i < 64:
        w = exchange(i, v)  # here
    y[i] = w
"""

PAST_SHARED_MEMORY = NATIVE.format(code="__shared__ float s[64]; s[i + 1] = v; __syncthreads(); return s[i];")
MISSING_BARRIER = NATIVE.format(code="__shared__ float s[64]; s[i] = v; return s[63 - i];")
DIVERGENT_BARRIER = NATIVE.format(code="__syncthreads(); return v;").replace("i < 64", "i < 7")
UNINITIALISED = NATIVE.format(code="__shared__ float s[64]; if (i != 5) s[i] = v; __syncthreads(); return s[i];")
RIGHT = NATIVE.format(code="__shared__ float s[64]; s[i] = v; __syncthreads(); return s[63 - i];")

CAST_OF_A_LOOP_INDEX = """import warp as wp

@wp.kernel
def k(x: wp.array(dtype=wp.float64), y: wp.array(dtype=wp.float64)):
    i = wp.tid()
    s = wp.float64(0.0)
    for j in range(3):
        s += x[j]  # here
        s = s * wp.float64(j)
    y[i] = s
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder: Path = tmp_path_factory.mktemp("sanitizer")
    with open_workspace(folder) as opened:
        yield opened


def observed(compiled: Compiled) -> tuple[Report, ...]:
    inputs = make_inputs(compiled.kernel, default_arguments(compiled.kernel, DIMS), 1)
    try:
        return emulator.run(compiled, DIMS, inputs, backward=False).reports
    except Fault as fault:
        return fault.reports


def reports(source: str, workspace: Workspace) -> tuple[Report, ...]:
    options = CompileOptions(backward=False, line_info=True)
    with compile_batch([source], options, workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        return observed(compiled)


def marked_line(source: str) -> int:
    return 1 + next(number for number, text in enumerate(source.split("\n")) if text.endswith(LINE))


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        pytest.param(OUT_OF_BOUNDS, Kind.OUT_OF_BOUNDS, id="out of bounds"),
        pytest.param(NEIGHBOUR, Kind.RACE, id="neighbour"),
        pytest.param(PAST_SHARED_MEMORY, Kind.OUT_OF_BOUNDS, id="past shared memory"),
        pytest.param(MISSING_BARRIER, Kind.RACE, id="missing barrier"),
        pytest.param(DIVERGENT_BARRIER, Kind.BARRIER, id="divergent barrier"),
        pytest.param(UNINITIALISED, Kind.UNINITIALISED, id="uninitialised"),
    ],
)
def test_what_a_kernel_does_wrong_is_reported_at_its_python_line(source: str, kind: Kind, workspace: Workspace) -> None:
    (found,) = reports(source, workspace)
    assert found.kind is kind
    assert found.source.endswith(f":{marked_line(source)}")
    assert found.thread is not None
    assert (found.address is None) == (kind is Kind.BARRIER)


def test_both_lines_of_a_race_are_named_though_the_same_built_ins_stand_in_both(workspace: Workspace) -> None:
    race, *_ = reports(STORED_TWICE, workspace)
    assert race.kind is Kind.RACE and race.source.endswith(f":{marked_line(STORED_TWICE)}")
    assert f":{marked_line(STORED_TWICE) - 2} by block" in race.what


def test_a_right_exchange_is_not_reported(workspace: Workspace) -> None:
    assert reports(RIGHT, workspace) == ()


def test_a_barrier_taken_out_of_the_ptx_is_missed_at_the_line_that_needs_it(workspace: Workspace) -> None:
    with compile_batch([RIGHT], CompileOptions(backward=False, line_info=True), workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        text = compiled.ptx.text
        assert text.count("bar.sync") == 1
        (found,) = observed(replace(compiled, ptx=PtxText(text.replace("bar.sync", "// bar.sync"))))
    assert found.kind is Kind.RACE and found.source.endswith(f":{marked_line(RIGHT)}")


def test_an_output_is_not_read_before_it_is_written(workspace: Workspace) -> None:
    """The code is made to take its input from the output, which holds something, but nothing that the kernel wrote."""
    source = OUT_OF_BOUNDS.replace("i + 3", "i")
    with compile_batch([source], CompileOptions(backward=False, line_info=True), workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        pointer = f"[{compiled.forward_entry}_param_1]"
        assert pointer in compiled.ptx.text
        text = compiled.ptx.text.replace(pointer, f"[{compiled.forward_entry}_param_2]")
        (found,) = observed(replace(compiled, ptx=PtxText(text)))
        assert observed(compiled) == ()
    assert found.kind is Kind.UNINITIALISED and found.source.endswith(f":{marked_line(source)}")


def judged(source: str, workspace: Workspace, options: CompileOptions) -> Judgement:
    judge = Judge(cpu, emulator, "emulator")
    with compile_batch([source], options, workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        inputs = make_inputs(compiled.kernel, default_arguments(compiled.kernel, DIMS), 1)
        first = judge.judge(compiled, DIMS, inputs, options.backward)
        return look_again(first, judge, source, options, workspace, DIMS, inputs)


def test_what_the_sanitizer_sees_is_a_verdict_of_its_own_that_accuses(workspace: Workspace) -> None:
    judgement = judged(NEIGHBOUR, workspace, CompileOptions(backward=False))
    assert judgement.verdict is Verdict.SANITIZER and judgement.verdict.accuses
    assert f"(kernel.py:{marked_line(NEIGHBOUR)})" in judgement.reason


def test_a_mismatch_that_stems_from_a_variable_nobody_assigned_is_traced_to_it(workspace: Workspace) -> None:
    """`wp.float64(j)` changes the type of `j` itself, which then is a variable that Warp's code never sets."""
    judgement = judged(CAST_OF_A_LOOP_INDEX, workspace, CompileOptions(backward=False))
    assert judgement.verdict is Verdict.SANITIZER
    assert "nothing wrote" in judgement.reason
    assert f"(kernel.py:{marked_line(CAST_OF_A_LOOP_INDEX)})" in judgement.reason


def test_following_every_value_finds_nothing_in_handwritten_kernels(workspace: Workspace) -> None:
    with compile_batch([sample.source for sample in SAMPLES], CompileOptions(), workspace) as batch:
        for sample, compiled in zip(SAMPLES, batch.results, strict=True):
            assert isinstance(compiled, Compiled)
            inputs = make_inputs(compiled.kernel, sample.arguments, 1)
            seen = emulator.run(compiled, sample.dims, inputs, backward=True, definedness=True)
            assert seen.reports == (), sample.name
