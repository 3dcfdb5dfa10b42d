"""The table of library functions says what the code of Warp's built-ins calls, and how far apart results may be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from extractor.compiling import Batch, Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu
from oracle.inputs import make_inputs
from oracle.nudge import UNCHANGED, NudgedModule
from oracle.ulp import BEHIND, BOUNDS, apart, bounds_of, ulp_distance

COUNT = 64
ARGUMENTS = (Argument("x", (COUNT,)), Argument("out", (COUNT,), written=True))

SOURCE = """import warp as wp

Vec2 = wp.types.vector(length=2, dtype=wp.{dtype})
Vec3 = wp.types.vector(length=3, dtype=wp.{dtype})
Quat = wp.types.quaternion(dtype=wp.{dtype})


@wp.kernel
def apply(x: wp.array(dtype=wp.{dtype}), out: wp.array(dtype=wp.{dtype})):
    i = wp.tid()
    a = x[i]
    v = Vec3(a, wp.{dtype}(0.5), wp.{dtype}(-2.0))
    m = wp.outer(v, Vec3(wp.{dtype}(1.0), a, wp.{dtype}(3.0))) + wp.identity(n=3, dtype=wp.{dtype})
    q = wp.normalize(Quat(a, wp.{dtype}(0.5), wp.{dtype}(-2.0), wp.{dtype}(1.0)))
    state = wp.rand_init(7, i)
    {statement}
"""

STATEMENTS = {
    "quat_from_axis_angle": "out[i] = wp.quat_from_axis_angle(wp.normalize(v), a)[0]",
    "quat_rpy": "out[i] = wp.quat_rpy(a, a, a)[0]",
    "quat_slerp": "out[i] = wp.quat_slerp(q, wp.quat_inverse(q), a)[0]",
    "quat_to_axis_angle": "axis, angle = wp.quat_to_axis_angle(q)\n    out[i] = angle",
    "quat_to_rpy": "out[i] = wp.quat_to_rpy(q)[0]",
    "svd2": "s, d, t = wp.svd2(wp.outer(Vec2(a, a), Vec2(a, wp.{dtype}(1.0))))\n    out[i] = d[0]",
    "svd3": "s, d, t = wp.svd3(m)\n    out[i] = d[0]",
    "eig3": "s, d = wp.eig3(m + wp.transpose(m))\n    out[i] = d[0]",
    "qr3": "s, d = wp.qr3(m)\n    out[i] = s[0, 0]",
    "inverse_approx": "out[i] = wp.inverse_approx(m)[0, 0]",
    "div_approx": "out[i] = wp.div_approx(wp.{dtype}(1.0), a)",
    "randn": "out[i] = wp.randn(state)",
    "poisson": "out[i] = float(wp.poisson(state, 3.0) + wp.poisson(state, 30.0))",
    "sample_unit_ring": "out[i] = wp.sample_unit_ring(state)[0]",
    "sample_unit_disk": "out[i] = wp.sample_unit_disk(state)[0]",
    "sample_unit_sphere_surface": "out[i] = wp.sample_unit_sphere_surface(state)[0]",
    "sample_unit_sphere": "out[i] = wp.sample_unit_sphere(state)[0]",
    "sample_unit_hemisphere_surface": "out[i] = wp.sample_unit_hemisphere_surface(state)[0]",
    "sample_unit_hemisphere": "out[i] = wp.sample_unit_hemisphere(state)[0]",
}
"""A statement for each built-in of `BEHIND`."""

SINGLE = {name for name in BEHIND if name in ("randn", "poisson", "quat_to_rpy") or name.startswith("sample")}
"""The built-ins of float32 alone."""

EXACT = ("sqrt", "floor", "mod", "length", "normalize", "dot", "quat_rotate", "transform_point", "smoothstep", "lerp")
CASES = [
    (name, dtype) for name in BEHIND for dtype in ("float32", "float64") if dtype == "float32" or name not in SINGLE
]
HALVES = [(name, dtype) for name in ("sin", "pow", "atan2", "erfc", "tanh") for dtype in ("float16", "bfloat16")]


def source_of(name: str, dtype: str) -> str:
    second = ", a" if name in ("pow", "atan2") else ""
    statement = STATEMENTS.get(name, f"out[i] = wp.{name}(a{second})").format(dtype=dtype)
    text = SOURCE.format(dtype=dtype, statement=statement)
    if dtype == "bfloat16":  # whose matrices and quaternions cannot do what the others' can
        text = "\n".join(line for line in text.split("\n") if not line.startswith(("    m =", "    q =", "    v =")))
    return text


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    sources = [source_of(*case) for case in [*CASES, *HALVES]]
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch(sources, CompileOptions(backward=False), workspace) as compiled,
    ):
        yield compiled


def compiled_of(batch: Batch, case: tuple[str, str]) -> Compiled:
    compiled = batch.results[[*CASES, *HALVES].index(case)]
    assert isinstance(compiled, Compiled), compiled
    return compiled


def called(compiled: Compiled) -> set[str]:
    """Return the library functions that a kernel calls on a few inputs, those that choose between zeros left out."""
    module = NudgedModule(compiled.kernel, compiled.cpu_object)
    names: set[str] = set()
    for seed in range(4):
        inputs = make_inputs(compiled.kernel, ARGUMENTS, seed)
        names.update(module.run(lambda inputs=inputs: cpu.run(compiled, (COUNT,), inputs, False), UNCHANGED)[1])
    return {name for name in names if not name.startswith(("fmin", "fmax"))}


@pytest.mark.parametrize("case", [*CASES, *HALVES], ids=[" ".join(case) for case in [*CASES, *HALVES]])
def test_a_built_in_calls_the_functions_of_the_table(batch: Batch, case: tuple[str, str]) -> None:
    assert called(compiled_of(batch, case)) == set(bounds_of(*case))


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_built_ins_of_exact_operations_have_no_bound(name: str, dtype: str) -> None:
    assert bounds_of(name, dtype) == {}


def test_every_function_of_the_table_is_a_built_in_of_each_dtype() -> None:
    for name, bound in BOUNDS.items():
        dtype = "float64" if name == "erf" or not name.endswith("f") else "float32"
        builtin = name if dtype == "float64" else name[:-1]
        assert bounds_of(builtin, dtype) == {name: bound}
        assert apart(builtin, dtype) == bound.apart


@pytest.mark.parametrize("case", HALVES, ids=[" ".join(case) for case in HALVES])
def test_short_floats_are_at_most_a_step_apart(batch: Batch, case: tuple[str, str]) -> None:
    compiled = compiled_of(batch, case)
    module = NudgedModule(compiled.kernel, compiled.cpu_object)
    inputs = make_inputs(compiled.kernel, ARGUMENTS, 1)
    runs = [module.run(lambda: cpu.run(compiled, (COUNT,), inputs, False), seed)[0] for seed in range(40)]
    worst = max(np.max(ulp_distance(runs[0].values["out"], run.values["out"])) for run in runs)
    assert worst <= apart(*case) == 1
