"""`python -m oracle emulate` runs one kernel, from Python or from PTX, and shows what it did and what was wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handwritten import ENDLESS
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import execute, source

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.errors import UserError
from oracle import ptx
from oracle.__main__ import main
from oracle.emulate.pointer_use import uses_of
from oracle.emulate.printing import class_of
from oracle.emulate.ptx_parameters import describe
from oracle.emulate.specs import DTYPES, ArraySpec, parse_spec
from oracle.emulate.warp_layout import ARRAY_BYTES, ENTRY

KERNEL = """import warp as wp


@wp.kernel
def scale(points: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.vec3), factor: float):
    i = wp.tid()
    out[i] = points[i] * factor


"""

ASTRAY = """import warp as wp


@wp.kernel
def astray(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    if i > 8:
        out[i] = x[i + 1]
"""

OWN = """import os

import warp as wp

SCALE = float(os.environ.get("NOBODY_SETS_THIS", "2.0"))


@wp.kernel
def doubled(x: wp.array(dtype=float)):
    x[wp.tid()] *= SCALE


@wp.kernel
def chatty(x: wp.array(dtype=int)):
    wp.printf("thread %d\\n", wp.tid())


@wp.kernel
def row_sums(a: wp.array2d(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    wp.tile_store(out, wp.tile_sum(wp.tile_load(a[i], shape=8)), offset=i)
"""


def emulate(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    code = main(["emulate", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def emulate_json(capsys: pytest.CaptureFixture[str], *arguments: Any) -> dict[str, Any]:
    code, out, _ = emulate(capsys, *arguments, "--json")
    found = json.loads(out)
    assert isinstance(found, dict) and found["clean"] == (code == 0)
    return found


def array(result: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (each for each in result["arrays"] if each["name"] == name)
    return found


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The PTX of `scale`, forward and backward, as a file."""
    folder = tmp_path_factory.mktemp("ptx")
    with open_workspace(folder) as workspace, compile_batch([KERNEL], CompileOptions(), workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        (folder / "module.ptx").write_text(compiled.ptx.text)
    return folder / "module.ptx"


# Python files.


def test_a_kernel_file_shows_outputs_and_instructions(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "scale.py").write_text(KERNEL)
    code, out, _ = emulate(capsys, tmp_path / "scale.py", "--dims", 5)
    assert code == 0
    assert re.search(r"out +│ float32 +│ 5x3 +│ yes", out)
    assert re.search(r"st\.global\.f32 +│ +15 ", out)
    assert "block (32, 1, 1), over (5,)" in out and "nothing to report" in out


def test_backward_also_shows_gradients(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "scale.py").write_text(KERNEL)
    result = emulate_json(capsys, tmp_path / "scale.py", "--backward", "--seed", 3)
    directions = [ENTRY.match(launch["entry"])["direction"] for launch in result["launches"]]  # type: ignore[index]
    assert directions == ["forward", "backward"]
    assert array(result, "points.grad")["changed"] and not array(result, "points")["changed"]


def test_a_read_out_of_bounds_names_thread_and_python_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "astray.py").write_text(ASTRAY)
    code, out, _ = emulate(capsys, tmp_path / "astray.py")
    assert code == 1
    assert re.search(r"sanitizer: out-of-bounds 4-byte read .* thread \(63, 0, 0\) .*\(astray\.py:8\)", out)


def test_a_launch_without_end_is_stopped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    code, out, _ = emulate(capsys, tmp_path / "endless.py", "--dims", 1)
    assert code == 1 and "stopped: " in out and "still running after" in out


def test_a_file_outside_the_grammar_runs_only_if_trusted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "own_kernels.py"
    path.write_text(OWN)
    code, out, err = emulate(capsys, path, "--entry", "doubled")
    assert (code, out) == (2, "") and "outside the grammar" in err and "--trust" in err
    code, _, err = emulate(capsys, path, "--trust")
    assert code == 2 and "doubled, chatty, row_sums" in err and err.count("\n") == 1
    assert array(emulate_json(capsys, path, "--trust", "--entry", "doubled"), "x")["changed"]


def test_what_a_kernel_prints_is_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "printing_kernels.py"
    path.write_text(OWN)
    code, out, _ = emulate(capsys, path, "--trust", "--entry", "chatty", "--dims", 2)
    assert code == 0 and "printed: thread 0\nprinted: thread 1\n" in out


def test_tiles_get_a_block_each(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "tile_kernels.py"
    path.write_text(OWN)
    result = emulate_json(capsys, path, "--trust", "--entry", "row_sums", "--dims", 8, "--block-dim", 32)
    assert result["launches"][0]["grid"] == [8, 1, 1] and result["clean"]
    assert array(result, "out")["changed"]


# PTX files.


def test_a_ptx_file_runs_on_guessed_parameters(capsys: pytest.CaptureFixture[str], module: Path) -> None:
    result = emulate_json(capsys, module, "--entry", "scale", "--dims", 10)
    assert array(result, "param_2") | {"first": []} == {
        "name": "param_2",
        "changed": True,
        "dtype": "float32",
        "shape": [10, 3],
        "first": [],
        "min": array(result, "param_2")["min"],
        "max": array(result, "param_2")["max"],
        "nan": 0,
    }
    assert result["launches"][0]["instructions"]["st.global.f32"] == 30
    assert any("param_1 is f32x3[10]" in guess for guess in result["guesses"])


def test_parameters_of_a_ptx_file_can_be_given(
    capsys: pytest.CaptureFixture[str], module: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "points.npy", np.arange(6, dtype=np.float32).reshape(6))
    spec = ["--param", "f32x3[2]=1,2,3,4,5,6", "--param", "auto", "--param", "-0.5"]
    result = emulate_json(capsys, module, "--dims", 2, *spec)
    assert array(result, "param_2")["first"] == [-0.5, -1.0, -1.5]
    assert result["guesses"] == ["param_2 is f32x3[2], random"]


def test_backward_of_a_ptx_file_gives_the_gradient(capsys: pytest.CaptureFixture[str], module: Path) -> None:
    result = emulate_json(capsys, module, "--backward", "--dims", 4, "--param", "auto", "--param", "auto", "--param", 3)
    points, out = array(result, "param_1.grad"), array(result, "param_2.grad")
    assert points["changed"] and len(result["launches"]) == 2
    assert array(result, "param_2")["first"] == pytest.approx([3 * x for x in array(result, "param_1")["first"]])
    assert out["first"] == [0, 0, 0]  # Warp moves the gradient of what is overwritten


def test_warp_is_not_imported_for_ptx(module: Path) -> None:
    program = (
        "import sys; from oracle.__main__ import main\n"
        f"code = main(['emulate', {str(module)!r}, '--dims', '4'])\n"
        "sys.exit(code or 10 * ('warp' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--entry", "nothing"], "no entry nothing: choose with --entry one of scale"),
        (["--param", "f32[4]"] * 4, "has 3 parameters to give, not 4"),
        (["--param", "f32(4)"], "is no float64"),
        (["--param", "f32[3]=1,2"], "2 values for 3"),
        (["--param", "3"], "takes no number"),
        (["--param", "@nowhere.npy"], "nowhere.npy"),
        (["--dims", "0"], "invalid"),
        (["--dims", "2,2,2"], "1 or 2 dimensions, not 3"),
        (["--block-dim", "5000"], "--block-dim must be between 1 and 1024"),
        (["--trace", "a:b"], "a thread's number, or BLOCK:THREAD"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_bad_call_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], module: Path, arguments: list[str], message: str
) -> None:
    code, out, err = emulate(capsys, module, *arguments)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1


def test_a_file_that_is_no_ptx_is_a_bad_call(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty.ptx").write_text("nothing")
    assert emulate(capsys, tmp_path / "empty.ptx")[0] == 2
    assert emulate(capsys, tmp_path / "missing.ptx")[0] == 2
    assert emulate(capsys, tmp_path / "module.cubin")[0] == 2


def test_an_unsupported_instruction_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "texture.ptx").write_text(source("tex.cube.v4.f32.f32 {%f1,%f2,%f3,%f4}, [%rd1, {%f1, %f2}];\nret;"))
    code, _, err = emulate(capsys, tmp_path / "texture.ptx")
    assert code == 2 and "cannot run tex.cube.v4.f32.f32" in err


def test_a_kernel_that_warp_did_not_make_runs_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    body = "ld.global.u32 %r4, [%rd2];\nadd.u32 %r4, %r4, 1;\nst.global.u32 [%rd2], %r4;\nret;"
    (tmp_path / "plain.ptx").write_text(source(body))
    result = emulate_json(capsys, tmp_path / "plain.ptx", "--param", "u32[64]=7", "--param", "0x0")
    assert array(result, "data") | {"name": ""} == {
        "name": "", "changed": True, "dtype": "uint32", "shape": [64], "first": [8] * 3, "min": 8, "max": 8, "nan": 0,
    }  # fmt: skip


# Tracing.

DIVERGENT = """
    setp.lt.u32 %p1, %r1, 36;
    @%p1 bra LOW;
    ld.global.f32 %f1, [%rd2];
    fma.rn.f32 %f1, %f1, 0f40000000, %f1;
    st.global.f32 [%rd2], %f1;
    bra BOTH;
LOW:
    @%p1 mov.u32 %r4, 9;
    @!%p1 mov.u32 %r4, 1;
BOTH:
    bar.sync 0;
    @!%p1 bar.sync 1;
    ret;
"""


def traced(body: str, block: int, thread: int, **options: Any) -> list[ptx.Traced]:
    """What a thread of two blocks of 40 executes of `body`."""
    seen: list[ptx.Traced] = []
    tracer = ptx.Tracer(block, thread, seen.append)
    try:
        execute(body, np.arange(80, dtype=np.float32), blocks=2, trace=tracer, **options)
    except ptx.Fault:
        tracer.finish()
    return seen


def test_a_divergent_branch_shows_who_takes_it() -> None:
    seen = traced("\n".join(DIVERGENT.replace("36", "20").splitlines()), 0, 3)
    branch = next(each for each in seen if "bra LOW" in each.text)
    assert branch.mask == 0xFFFFFFFF and branch.notes == ("taken, by 000fffff",)
    inside = next(each for each in seen if each.text.startswith("@%p1 mov"))
    assert inside.mask == 0x000FFFFF and inside.notes == ("%r4 = 9",)
    skipped = next(each for each in seen if each.text.startswith("@!%p1 mov"))
    assert skipped.notes == ("skipped", "%r4 = 9")
    assert next(each for each in seen if each.text == "bar.sync 0").mask == 0xFFFFFFFF
    assert next(each for each in seen if "bar.sync 1" in each.text).notes == ("skipped",)


def test_a_warp_that_is_not_full_has_a_short_mask() -> None:
    assert {each.mask for each in traced("ret;", 1, 39)} == {0xFF}


def test_values_addresses_and_lines_are_those_of_the_thread() -> None:
    seen = traced(DIVERGENT, 1, 5)
    lines = source(DIVERGENT).splitlines()
    for each in seen:
        assert each.text.split()[-1] in lines[each.line - 1]
    loaded = next(each for each in seen if each.text.startswith("ld.global"))
    assert loaded.notes[1] == "%f1 = 45.0" and loaded.notes[0].startswith("at 0x")
    assert next(each for each in seen if each.text.startswith("fma")).notes == ("%f1 = 135.0",)


def test_the_instruction_that_faults_is_the_last() -> None:
    last = traced("ld.global.f32 %f1, [%rd1+4096000];\nret;", 0, 0)[-1]
    assert last.text.startswith("ld.global.f32") and last.notes[-1] == "stopped here"


def test_a_traced_launch_computes_what_others_do() -> None:
    data = np.arange(80, dtype=np.float32)
    plain, counted = execute(DIVERGENT, data, blocks=2)
    observed, again = execute(DIVERGENT, data, blocks=2, trace=ptx.Tracer(0, 3, lambda each: None))
    assert plain.tobytes() == observed.tobytes() and counted.instructions == again.instructions


def test_calls_are_indented() -> None:
    outside = """
    .func (.reg .b32 %out) twice(.reg .b32 %in)
    {
        add.u32 %out, %in, %in;
        ret;
    }
    """
    seen = traced("mov.u32 %r4, 4;\ncall (%r5), twice, (%r4);\nmov.u32 %r6, %r5;\nret;", 0, 0, outside=outside)
    texts = [(each.depth, each.text.split()[0], each.notes) for each in seen][-6:]
    assert texts[2] == (1, "add.u32", ("%out = 8",))
    assert [depth for depth, *_ in texts] == [0, 0, 1, 1, 0, 0] and texts[4][2] == ("%r6 = 8",)


def test_the_command_traces_with_python_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "scale.py").write_text(KERNEL)
    code, out, _ = emulate(capsys, tmp_path / "scale.py", "--dims", 40, "--trace", "1:2", "--block-dim", 32)
    assert code == 0
    assert "scale.py:7  out[i] = points[i] * factor" in out
    assert re.search(r"^ +\d+  000000ff  .*st\.global\.f32 \[%rd\d+\], %f\d+  // at 0x7f\w+, %f\d+ = \S+$", out, re.M)


def test_the_trace_is_part_of_the_json(capsys: pytest.CaptureFixture[str], module: Path) -> None:
    trace = emulate_json(capsys, module, "--dims", 32, "--trace")["trace"]
    assert trace[-1]["text"] == "ret" and {each["mask"] for each in trace} == {"ffffffff"}


# What is read from the text.


@settings(deadline=None, max_examples=50)
@given(
    st.sampled_from(sorted(DTYPES)),
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.integers(1, 4),
)
def test_an_array_is_described_as_it_can_be_given(name: str, shape: list[int], components: int) -> None:
    spec = ArraySpec(DTYPES[name], tuple(shape), components)
    assert parse_spec(describe(spec)) == spec


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(DTYPES)), st.integers(-(2**70), 2**70))
def test_a_number_is_stored_or_refused(name: str, value: int) -> None:
    dtype = DTYPES[name]
    low, high = (-np.inf, np.inf) if dtype.kind == "f" else (-(1 << 8 * dtype.itemsize - 1), 1 << 8 * dtype.itemsize)
    if low <= value < high:
        spec = parse_spec(f"{name}[2]={value}")
        assert isinstance(spec, ArraySpec) and spec.values is not None
        with np.errstate(over="ignore"):
            expected = np.float64(value).astype(dtype) if dtype.kind == "f" else value % (1 << 8 * dtype.itemsize)
        stored = spec.values.ravel()[1]
        assert stored == expected if dtype.kind == "f" else int(stored) % (1 << 8 * dtype.itemsize) == expected
    else:
        with pytest.raises(UserError, match="does not fit"):
            parse_spec(f"{name}[2]={value}")


def test_element_and_rank_are_read_from_what_the_code_does(module: Path) -> None:
    functions = ptx.Module(module.read_text()).index.functions
    (entry,) = (function for name, function in functions.items() if name.endswith("forward"))
    uses = uses_of(entry)
    points, out = (uses.pointers[parameter.name, 0] for parameter in entry.parameters if parameter.size == ARRAY_BYTES)
    assert (points.extent, points.written, set(points.types)) == (12, False, {"f32"})
    assert (out.extent, out.written, set(out.types)) == (12, True, {"f32"})


def test_constants_count_whether_added_to_the_pointer_or_to_the_index() -> None:
    body = """
        add.s64 %rd4, %rd1, 16;
        ld.global.f32 %f1, [%rd4+4];
        mul.lo.s64 %rd6, %rd2, 24;
        add.s64 %rd7, %rd6, 8;
        add.s64 %rd8, %rd3, %rd7;
        st.global.v2.f64 [%rd8], {%d1, %d2};
        ret;
    """
    uses = uses_of(ptx.Module(source(body)).index.functions["snippet"])
    assert uses.pointers["data", 0].extent == 24
    assert uses.pointers["other", 0].extent == 24 and uses.pointers["other", 0].written


def test_every_instruction_has_a_class() -> None:
    opcodes = ("ld.global.f32", "fma.rn.f64", "mad.wide.s32", "bar.sync", "shfl.sync.b32")
    assert [class_of(opcode) for opcode in opcodes] == [
        "load", "float", "integer", "barrier", "between threads",
    ]  # fmt: skip
