"""A minimised kernel becomes a script that fails as it says, and a report that holds what Warp's form asks for."""

from __future__ import annotations

import json
import shutil
import sys
import venv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warp as wp
from hypothesis import given
from hypothesis import strategies as st

from extractor.compiling import CompileOptions
from fuzzer.bug_report.arguments import Unwritable
from fuzzer.bug_report.folder import NO_DEVICE, Written, chosen, write_folder
from fuzzer.bug_report.generated import Texts, excerpt
from fuzzer.bug_report.running import Ending, Run, alike, run_script, run_text
from fuzzer.bug_report.script import scripts
from fuzzer.bug_report.values import creation, nested, scalar
from fuzzer.bug_report.variants import nearest_variant
from oracle.observation import Verdict
from oracle.opinions import Opinion, Stance
from oracle.reduce.accuser import FORWARD, GRADIENT, TARGETS, Accuser
from oracle.reduce.minimal import CPU, CUDA, REFERENCE, Minimal
from oracle.reduce.reduced import Reduced
from oracle.rerun import Case

HERE = Path(sys.executable)

LEAST = """import warp as wp


@wp.kernel
def least(x: wp.array(dtype=int), limit: int, out: wp.array(dtype=int)):
    i = wp.tid()
    out[i] = wp.min(x[i], limit)
"""

SIGN = """import warp as wp


@wp.kernel
def side(x: wp.array(dtype=wp.int64), out: wp.array(dtype=wp.int64)):
    i = wp.tid()
    out[i] = wp.sign(x[i])
"""

REMAINDER = """import warp as wp


@wp.kernel
def wrap(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    out[0] = x[0] % x[1]
"""

SECOND = """import warp as wp


@wp.kernel
def second(q: wp.array(dtype=wp.quat), out: wp.array(dtype=float)):
    i = wp.tid()
    value = q[i]
    out[i] = value[wp.int16(1)]
"""

PLANTED = {
    "T min(T a, T b) { return a<b?a:b; }": "T min(T a, T b) { return a<b?b:a; }",
    "int8 sign(int64 x) { return x < 0 ? -1 : 1; }": "int8 sign(int64 x) { __builtin_trap(); }",
}
"""Faults in a private copy of Warp's own C++: what stands there, and what comes in its place."""


def _minimal(source: str, verdict: Verdict, inputs: dict[str, Any], **more: Any) -> Minimal:
    """Return a minimised kernel by hand; `more` are fields of `Minimal`, `Accuser` and `Case`."""
    accuser = Accuser(verdict, **{name: more.pop(name) for name in ("oracle", "direction", "wrong") if name in more})
    arguments = [
        {"name": name, "shape": [len(value)] if np.ndim(value) else [], "ranges": {}, "written": name == "out"}
        for name, value in inputs.items()
    ]
    case = Case(source, more.pop("options", CompileOptions()), (7,), more.pop("dims", (1,)), arguments)
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    return Minimal(case, case, arrays, accuser, Reduced(case, (), 1, 2, 3), tried=3, compiles=1, **more)


def _floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def _whole(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


LEAST_MINIMAL = _minimal(
    LEAST,
    Verdict.MISMATCH,
    {"x": _whole(1, 5), "limit": np.int32(2), "out": _whole(0, 0)},
    oracle=TARGETS,
    wrong=CPU,
    dims=(2,),
    outputs={CPU: {"out": _whole(2, 5)}, CUDA: {"out": _whole(1, 2)}, REFERENCE: {"out": _whole(1, 2)}},
    place=("out", (0,)),
    reason="out[0]: cpu 0x00000002 (2), cuda 0x00000001 (1)",
    opinions=(Opinion("reference", Stance.ACCUSES, "out[0] is 1", target="cpu"),),
    origin={"seed": 41, "index": 7},
)

REMAINDER_MINIMAL = _minimal(
    REMAINDER,
    Verdict.MISMATCH,
    {"x": _floats(5.5, 2.0), "out": _floats(0.0)},
    oracle="gradient",
    direction=GRADIENT,
    wrong="both",
    gradients={"out": _floats(1.0)},
    outputs={
        side: {"out": _floats(1.5), "x.grad": _floats(1.0, 0.0), "out.grad": _floats(0.0)} for side in (CPU, CUDA)
    },
    reason="gradient: x.grad[1]: the adjoint gives 0, central differences -2 +- 0.001",
    opinions=(Opinion("gradient", Stance.ACCUSES, "x.grad[1]: the adjoint gives 0, central differences -2 +- 0.001"),),
)

SECOND_MINIMAL = _minimal(
    SECOND,
    Verdict.COMPILE_ERROR,
    {},
    reason="native for cpu and cuda: kernel.cpp:1:1: error: no matching function for call to 'adj_extract'",
)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of an environment whose Warp has the planted faults: its C++ is copied, its libraries are not."""
    folder = tmp_path_factory.mktemp("faulty")
    original = Path(wp.__file__).parent
    copy = folder / "packages" / "warp"
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("bin", "tests", "examples", "__pycache__"))
    (copy / "bin").symlink_to(original / "bin")
    header = copy / "native" / "builtin.h"
    text = header.read_text(encoding="utf-8")
    for right, wrong in PLANTED.items():
        assert text.count(right) == 1, "Warp's own C++ has changed"
        text = text.replace(right, wrong)
    header.write_text(text, encoding="utf-8")
    venv.create(folder / "environment", with_pip=False)
    (packages,) = (folder / "environment" / "lib").glob("python*/site-packages")
    (packages / "faulty.pth").write_text(f"{copy.parent}\n{Path(np.__file__).parents[1]}\n", encoding="utf-8")
    yield folder / "environment" / "bin" / "python"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def written(faulty: Path, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The folder of a kernel that a planted fault makes wrong on the cpu."""
    return write_folder(
        LEAST_MINIMAL,
        tmp_path_factory.mktemp("findings") / "least",
        command="python -m fuzzer minimize findings/least",
        python=faulty,
        look_for_variants=False,
    )


def test_the_script_of_a_planted_fault_fails_as_stated(written):
    assert written.verified and not written.problem
    finding = json.loads((written.folder / "finding.json").read_text())
    assert finding["reproduced"] is True
    assert (finding["expected"], finding["observed"]) == ("[1, 2]", "[2, 5]")


def test_the_script_passes_with_the_fault_mended(written):
    run = run_script(HERE, written.folder / "repro.py")
    assert run.ending is Ending.PASSES, run


def test_the_script_is_short_needs_only_warp_and_numpy_and_ends_in_an_assertion(written):
    lines = (written.folder / "repro.py").read_text().splitlines()
    assert 10 <= len(lines) <= 25
    assert lines[-1] == "assert observed == [1, 2]"
    assert {line for line in lines if "import" in line} <= {"import warp as wp", "import numpy as np"}


def test_a_report_has_all_that_warps_form_and_a_maintainer_ask_for(written):
    report = (written.folder / "report.md").read_text()
    parts = (
        "# mismatch: out[0]",
        "## Bug Description",
        (written.folder / "repro.py").read_text().rstrip(),
        "| expected | observed |",
        "| `[1, 2]` | `[2, 5]` |",
        "| targets | cpu |",
        "| oracle | cpu against cuda, reference |",
        "wp::min(",
        "seed 41, kernel 7",
        "python -m fuzzer minimize findings/least",
        "## System Information",
        f"- warp: {wp.config.version}",
        f"- numpy: {np.__version__}",
    )
    positions = [report.find(part) for part in parts]
    assert -1 not in positions and positions == sorted(positions), dict(zip(parts, positions, strict=True))
    if hasattr(wp, "print_diagnostics"):
        assert "wp.print_diagnostics()" in report and "Devices" in report


def test_a_finding_keeps_the_fields_of_those_that_were_written_by_hand(written):
    findings = Path(__file__).parents[1] / "corpus" / "findings"
    ours = json.loads((written.folder / "finding.json").read_text())
    byhand = json.loads((findings / "swap-in-dynamic-loop" / "finding.json").read_text())
    assert byhand.keys() - ours.keys() <= {"since", "releases"}  # those come from a bisection
    assert (written.folder / "kernel.py").read_text() == LEAST


def test_a_crash_is_seen_in_a_child_process_of_the_script(faulty):
    inputs = {"x": np.array([3], np.int64), "out": np.array([0], np.int64)}
    minimal = _minimal(SIGN, Verdict.CRASH, inputs, wrong=CPU, options=CompileOptions(backward=False))
    script, run, problem = chosen(minimal, lambda text: run_text(faulty, text), has_device=False)
    assert script is not None and run is not None and not problem
    assert run.observed.startswith("exit code -")
    assert script.text.splitlines()[-1] == '    assert observed == "exit code 0"'


def test_a_wrong_gradient_is_shown_with_a_tape_and_held_to_the_differences():
    script, run, problem = chosen(REMAINDER_MINIMAL, lambda text: run_text(HERE, text), has_device=False)
    assert script is not None and run is not None and not problem
    assert "with wp.Tape() as tape:" in script.text and run.expected == "-2.0"


def test_a_compile_error_is_stated_and_without_a_backward_pass_it_is_none():
    script, run, problem = chosen(SECOND_MINIMAL, lambda text: run_text(HERE, text), has_device=False)
    assert script is not None and run is not None and not problem
    assert run.expected == "compiled"
    variant = nearest_variant(SECOND_MINIMAL, script.text, lambda text: run_text(HERE, text))
    assert variant is not None and "enable_backward" in variant.what
    assert variant.difference.splitlines()[-1].startswith("+wp.set_module_options(")


def test_what_needs_a_device_is_not_called_verified_where_there_is_none():
    minimal = replace(LEAST_MINIMAL, accuser=replace(LEAST_MINIMAL.accuser, wrong=CUDA))
    script, run, problem = chosen(minimal, lambda text: pytest.fail("it must not run"), has_device=False)
    assert script is not None and run is None and problem == NO_DEVICE
    assert 'device="cuda:0"' in script.text and 'device="cpu"' not in script.text


def test_a_script_that_passes_is_not_called_verified():
    script, _, problem = chosen(LEAST_MINIMAL, lambda text: Run(0, "", ""), has_device=False)
    assert script is not None and problem == "in a fresh process it passes"


def test_where_nobody_says_what_is_right_there_is_no_script():
    with pytest.raises(Unwritable, match="no element"):
        list(scripts(replace(LEAST_MINIMAL, place=None)))


def test_a_struct_and_a_strided_array_are_made_as_a_person_would():
    source = """import warp as wp


@wp.struct
class Body:
    mass: float
    at: wp.vec3
    points: wp.array(dtype=wp.vec2)


@wp.kernel
def weigh(body: Body, x: wp.array2d(dtype=int), out: wp.array(dtype=float)):
    out[0] = body.mass * body.at[1] * body.points[0][1] + float(x[0, 0])
"""
    body = {"mass": np.float32(2.0), "at": _floats(0.0, 1.0, 0.0), "points": np.array([[0.0, 3.0]], np.float32)}
    minimal = _minimal(source, Verdict.MISMATCH, {"x": np.array([[4]], np.int32), "out": _floats(0.0)}, wrong="both")
    arguments = [*(minimal.case.arguments or ()), {"name": "body.points", "shape": [1], "ranges": {}, "written": False}]
    arguments[0] = {**arguments[0], "shape": [1, 1]}
    minimal = replace(
        minimal,
        case=replace(minimal.case, arguments=arguments),
        inputs={**minimal.inputs, "body": body},
        layouts={"x": "strided"},
        outputs={REFERENCE: {"out": _floats(10.0)}, CPU: {"out": _floats(9.0)}},
        place=("out", (0,)),
    )
    text = next(scripts(minimal)).text
    for line in (
        'body_points = wp.array([[0.0, 3.0]], dtype=wp.vec2, device="cpu")',
        "body = Body()",
        "body.mass = 2.0",
        "body.at = wp.vec3(0.0, 1.0, 0.0)",
        "body.points = body_points",
        'whole_x = wp.array([[4, 0]], dtype=int, device="cpu")',
        "x = whole_x[:, ::2]",
        'wp.launch(weigh, dim=1, inputs=[body, x, out], device="cpu")',
        "assert observed == 10.0",
    ):
        assert f"\n{line}\n" in f"\n{text}", text
    compile(text, "repro.py", "exec")


def test_a_kernel_with_overloads_is_passed_numbers_with_their_types():
    source = """from typing import Any

import warp as wp


@wp.kernel
def pick(x: wp.array(dtype=Any), at: wp.uint16, out: wp.array(dtype=wp.float16)):
    out[0] = wp.float16(x[int(at)])


wp.overload(pick, {"x": wp.array(dtype=wp.uint16)})
"""
    inputs = {"x": np.array([7], np.uint16), "at": np.uint16(0), "out": np.array([0], np.float16)}
    right, wrong = ({"out": np.array([value], np.float16)} for value in (37.625, 38.0))
    minimal = _minimal(source, Verdict.MISMATCH, inputs, wrong="both")
    text = next(scripts(replace(minimal, outputs={REFERENCE: right, CPU: wrong}, place=("out", (0,))))).text
    assert "x = wp.full" not in text and 'x = wp.array([7], dtype=wp.uint16, device="cpu")' in text
    assert "inputs=[x, wp.uint16(0), out]" in text
    assert text.endswith("assert observed == 37.625\n")


def test_the_lines_of_ptx_that_the_sanitizer_names_are_shown():
    minimal = replace(
        LEAST_MINIMAL,
        accuser=Accuser(Verdict.SANITIZER, direction=FORWARD),
        reason="the sanitizer saw: out-of-bounds read in thread (3, 0, 0) at PTX line 12 (kernel.py:7)",
    )
    shown = excerpt(minimal, Texts(ptx="\n".join(f"instruction {number};" for number in range(1, 40))))
    assert shown is not None and "12: instruction 12;" in shown.lines and "16:" not in shown.lines


@given(st.floats(width=32))
def test_a_literal_means_the_very_float(value):
    again = np.float32(eval(scalar(np.float32(value)), {"np": np}))
    assert again.tobytes() == np.float32(value).tobytes() or np.isnan(value)


@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2), min_size=1, max_size=4))
def test_nested_lists_hold_the_very_integers(rows):
    values = np.array(rows, np.int64)
    assert np.array_equal(np.array(eval(nested(values)), np.int64), values)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (_floats(0.0, 0.0), 'wp.zeros(2, dtype=float, device="cpu")'),
        (_floats(1.0, 1.0), 'wp.ones(2, dtype=float, device="cpu")'),
        (_floats(0.5, 0.5), 'wp.full(2, 0.5, dtype=float, device="cpu")'),
        (_floats(-0.0, 1.5), 'wp.array([-0.0, 1.5], dtype=float, device="cpu")'),
        (_floats(np.nan, np.inf), 'wp.array([np.nan, np.inf], dtype=float, device="cpu")'),
    ],
)
def test_arrays_are_made_by_the_shortest_call(values, text):
    assert creation(values, (2,), "float", '"cpu"') == text


@pytest.mark.parametrize(
    ("run", "ending"),
    [
        (Run(1, "expected 1, observed 2", "Traceback\nAssertionError\n"), Ending.SHOWS),
        (Run(-11, "expected 1; observed: killed by SIGSEGV", ""), Ending.SHOWS),
        (Run(-8, "expected 1; observed: killed by SIGSEGV", ""), Ending.OTHERWISE),
        (Run(1, "", "AttributeError: module 'warp' has no attribute 'bfloat16'"), Ending.OTHERWISE),
        (Run(1, "", "ValueError: Invalid device identifier: cuda:0"), Ending.NO_DEVICE),
        (Run(None, "", ""), Ending.OTHERWISE),
        (Run(0, "expected 1, observed 1", ""), Ending.PASSES),
    ],
)
def test_a_script_shows_a_bug_by_its_assertion_or_by_the_signal_that_it_announced(run, ending):
    assert run.ending is ending


def test_what_is_observed_is_alike_but_for_numbers_names_and_places():
    assert alike("[0.0, 2.5]", "[1e-7, nan]") and alike(
        "unknown type name 'A_1b2c3d4'", "unknown type name 'A_99aabbc'"
    )
    assert not alike("no matching function for call", "CPU kernel build failed")
    lines = ("Error while parsing function at x.py:1: a = b ;Cannot chain types: {}" for _ in range(2))
    assert alike(
        *(line.format(kind) for line, kind in zip(lines, ("float32 < ref", "<class 'f'> < <Ref>"), strict=True))
    )
