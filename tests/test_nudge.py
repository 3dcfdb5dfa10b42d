"""Library functions in the object file that ran are moved by their bounds, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from extractor.compiling import Batch, Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu
from oracle.compare import compare, distance
from oracle.cpu_object import compile_cpp
from oracle.elf import redirect, symbols
from oracle.inputs import make_inputs
from oracle.nudge import ALL_DOWN, ALL_UP, UNCHANGED, NudgedModule, nudges_source
from oracle.observation import Observation
from oracle.ulp import BOUNDS, INSTRUCTIONS

COUNT = 64
ARGUMENTS = (Argument("x", (COUNT,)), Argument("out", (COUNT,), written=True))

CALLS = """
import warp as wp

@wp.kernel
def apply(x: wp.array(dtype=wp.{dtype}), out: wp.array(dtype=wp.{dtype})):
    i = wp.tid()
    out[i] = {call}
"""

EXACT = """
import warp as wp

@wp.kernel
def scale(x: wp.array(dtype=wp.float32), out: wp.array(dtype=wp.float32)):
    i = wp.tid()
    out[i] = wp.sqrt(wp.abs(x[i])) * 3.0 + wp.floor(x[i]) / 7.0 + wp.mod(x[i], 2.5)
"""

THROUGH_HEADERS = """
import warp as wp

@wp.kernel
def turn(x: wp.array(dtype=wp.float32), out: wp.array(dtype=wp.float32)):
    i = wp.tid()
    rotation = wp.quat_from_axis_angle(wp.vec3(0.0, 0.6, 0.8), x[i])
    out[i] = wp.quat_rotate(rotation, wp.vec3(x[i], 1.0, 2.0))[0]
"""


INSTRUCTION = """
import warp as wp

@wp.kernel
def apply(x: wp.array(dtype=wp.{dtype}), out: wp.array(dtype=wp.{dtype})):
    i = wp.tid()
    a = wp.clamp(x[i], wp.{dtype}(0.5), wp.{dtype}(4.0))
    {statement}
"""

STATEMENTS = {
    "rsqrt": "q, r = wp.qr3(wp.skew({vector}(a, a, a)) + wp.identity(n=3, dtype=wp.{dtype}))\n    out[i] = q[1, 0]",
    "approx_div": "out[i] = wp.div_approx(x[i], a)",
    "approx_rcp": "m = wp.inverse_approx(wp.identity(n=2, dtype=wp.{dtype}) * a)\n    out[i] = m[0, 0] * a",
}
"""A statement for each of `INSTRUCTIONS`, by its name for float64."""


def call_of(name: str) -> tuple[str, str]:
    """Return the dtype and the Warp call for a function of the C library."""
    dtype = "float32" if name.endswith("f") and name != "erf" else "float64"
    builtin = name[:-1] if dtype == "float32" else name
    if builtin == "exp2":
        return dtype, f"wp.pow(wp.{dtype}(2.0), x[i])"  # Warp calls pow; no built-in is called exp2
    second = ", x[i]" if builtin in ("pow", "atan2") else ""
    return dtype, f"wp.{builtin}(x[i]{second})"


NAMES = tuple(name for name in BOUNDS if not name.startswith("exp2"))


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    sources = [CALLS.format(dtype=dtype, call=call) for dtype, call in map(call_of, NAMES)]
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch([*sources, EXACT, THROUGH_HEADERS], CompileOptions(), workspace) as compiled,
    ):
        yield compiled


def launch(compiled: Compiled, seed: int = 5) -> Observation:
    return cpu.run(compiled, (COUNT,), make_inputs(compiled.kernel, ARGUMENTS, seed), backward=True)


def compiled_at(batch: Batch, position: int) -> tuple[Compiled, NudgedModule]:
    compiled = batch.results[position]
    assert isinstance(compiled, Compiled)
    return compiled, NudgedModule(compiled.kernel, compiled.cpu_object)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_moves_by_its_bound_and_no_further(batch: Batch, name: str) -> None:
    compiled, module = compiled_at(batch, NAMES.index(name))
    unchanged, called = module.run(lambda: launch(compiled), UNCHANGED)
    assert name in called
    assert compare(launch(compiled), unchanged).equal
    assert np.isfinite(unchanged.values["out"]).any()
    moved = [
        distance(unchanged.values["out"], module.run(lambda: launch(compiled), seed)[0].values["out"]).max()
        for seed in (ALL_UP, ALL_DOWN, 3, 4, 5)
    ]
    assert max(moved[:2]) == BOUNDS[name].apart
    assert max(moved) <= BOUNDS[name].apart


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_what_cuda_has_approximate_instructions_for_moves_by_their_bounds(tmp_path: Path, name: str) -> None:
    single = name.endswith("f")
    dtype = "float32" if single else "float64"
    statement = STATEMENTS[name[:-1] if single else name].format(
        dtype=dtype, vector="wp.vec3" if single else "wp.vec3d"
    )
    source = INSTRUCTION.format(dtype=dtype, statement=statement)
    with open_workspace(tmp_path) as workspace, compile_batch([source], CompileOptions(), workspace) as batch:
        compiled, nudged = compiled_at(batch, 0)
        unchanged, called = nudged.run(lambda: launch(compiled), UNCHANGED)
        assert called == (name,)
        assert compare(launch(compiled), unchanged).equal
        up, down = (nudged.run(lambda: launch(compiled), seed)[0].values["out"] for seed in (ALL_UP, ALL_DOWN))
        moved = max(distance(unchanged.values["out"], values).max() for values in (up, down))
        assert 0 < moved <= 16 * INSTRUCTIONS[name].apart
        if name.startswith("approx_div"):
            assert moved == INSTRUCTIONS[name].apart


def test_a_kernel_without_library_functions_never_moves(batch: Batch) -> None:
    compiled, module = compiled_at(batch, len(NAMES))
    for seed in (UNCHANGED, ALL_UP, 7):
        observation, called = module.run(lambda: launch(compiled), seed)
        assert called == () and compare(launch(compiled), observation).equal


def test_calls_inside_warps_headers_and_adjoints_move_too(batch: Batch) -> None:
    compiled, module = compiled_at(batch, len(NAMES) + 1)
    observation, called = module.run(lambda: launch(compiled), 9)
    assert called == ("cosf", "sinf")
    assert module.calls == {"cosf": 3 * COUNT, "sinf": 3 * COUNT}  # forward, again before backward, in the adjoint
    moved = {leaf.name for leaf in compare(launch(compiled), observation).differing}
    assert moved == {"out", "x.grad"}


def test_equal_seeds_give_equal_nudges_and_different_seeds_others(batch: Batch) -> None:
    compiled, module = compiled_at(batch, NAMES.index("sinf"))
    first, again, other = (module.run(lambda: launch(compiled), seed)[0] for seed in (11, 11, 12))
    assert compare(first, again).equal
    assert not compare(first, other).equal


def test_the_kernel_itself_is_as_before_afterwards(batch: Batch) -> None:
    compiled, module = compiled_at(batch, NAMES.index("powf"))
    before = launch(compiled)
    module.run(lambda: launch(compiled), ALL_UP)
    assert compare(before, launch(compiled)).equal


def test_redirecting_adds_symbols_and_keeps_the_others() -> None:
    data = compile_cpp('extern "C" float sinf(float); extern "C" float twice(float x) { return 2.0f * sinf(x); }')
    edited = redirect(data, {"sinf": 0x1234})
    assert {"sinf", "twice"} <= symbols(data)
    assert symbols(edited) == symbols(data) - {"sinf"} | {"redirected.sinf"}
    with pytest.raises(ValueError, match="ELF"):
        redirect(b"MZ", {})


def test_the_nudging_code_compiles_for_every_function_of_the_table() -> None:
    assert {f"nudged_{name}" for name in (*BOUNDS, *INSTRUCTIONS)} <= symbols(compile_cpp(nudges_source()))


def test_a_negative_zero_that_a_function_returns_keeps_its_sign(tmp_path: Path) -> None:
    """pow(-1e-30, 3) underflows to -0, which a nudge may only move away from zero on its own side."""
    source = CALLS.format(dtype="float32", call="wp.pow(x[i] * 0.0 - 1.0e-30, 3.0)")
    with open_workspace(tmp_path) as workspace, compile_batch([source], CompileOptions(), workspace) as batch:
        compiled, nudged = compiled_at(batch, 0)
        for seed in (UNCHANGED, ALL_UP, ALL_DOWN, 7):
            results = nudged.run(lambda: launch(compiled), seed)[0].values["out"]
            numbers = results[~np.isnan(results)]
            assert numbers.size and np.signbit(numbers).all()
            assert (np.abs(numbers) <= BOUNDS["powf"].apart * np.finfo(np.float32).smallest_subnormal).all()
