"""bfloat16, which NumPy lacks, is a float wherever inputs are drawn and results compared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import warp as wp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu, emulator
from oracle.compare import compare, hexadecimal
from oracle.explain import explain, unstable_spread
from oracle.floats import BFLOAT16, is_float, limits, name, numbers, rounded
from oracle.inputs import Inputs, edge_values, make_inputs
from oracle.judge import Judge
from oracle.observation import Observation, Verdict
from oracle.parameters import leaves_of, parameters_of
from oracle.ulp import ulp_distance

vec3bf = wp.types.vector(length=3, dtype=wp.bfloat16)


@wp.struct
class Body:
    """Every way in which a struct holds a bfloat16, with a uint16 of the same size beside it."""

    mass: wp.bfloat16
    tag: wp.uint16
    velocity: vec3bf


@wp.kernel
def move(step: wp.bfloat16, pull: vec3bf, weights: wp.array(dtype=wp.bfloat16), bodies: wp.array(dtype=Body)):
    """Use each parameter, so that every one is passed."""
    i = wp.tid()
    body = bodies[i]
    body.velocity = body.velocity + pull * (step * weights[i] * body.mass)
    bodies[i] = body


ARGUMENTS = (
    Argument("step"),
    Argument("pull"),
    Argument("weights", (64,)),
    Argument("bodies", (64,), {}, written=True),
)


def bits(*patterns: int) -> np.ndarray:
    """Return bfloat16 values from their bits."""
    return np.array(patterns, np.uint16).view(BFLOAT16)


@given(arrays.arrays(np.uint16, 32))
@settings(deadline=None, max_examples=50)
def test_every_bfloat16_comes_back_from_the_number_that_it_stands_for(patterns: np.ndarray) -> None:
    values = patterns.view(BFLOAT16)
    same = rounded(numbers(values), BFLOAT16)
    assert not compare(Observation({"x": values}), Observation({"x": same})).differing


TIES = st.integers(0, 2**15 - 1).map(lambda upper: float(np.uint32(upper << 16 | 0x8000).view(np.float32)))
"""Numbers half-way between two of bfloat16, NaNs among them."""


@given(st.floats(width=32, allow_nan=False) | TIES.filter(lambda number: number == number))
@settings(deadline=None, max_examples=300)
def test_a_number_is_rounded_as_warp_rounds_it(number: float) -> None:
    ours = rounded(np.array([number]), BFLOAT16)["bfloat16"][0]
    theirs = wp.array([number], dtype=wp.bfloat16, device="cpu").view(wp.uint16).numpy()[0]
    assert ours == theirs


def test_the_edge_values_are_bfloat16s_own() -> None:
    patterns = set(edge_values(BFLOAT16)["bfloat16"].tolist())
    assert {0x0000, 0x8000, 0x3F80, 0x3F81, 0x7F7F, 0xFF7F, 0x0080, 0x007F, 0x0001, 0x7F80, 0xFF80, 0x7FC0} < patterns


def test_inputs_of_bfloat16_are_ordinary_floats_with_gradients() -> None:
    inputs = make_inputs(move, ARGUMENTS, seed=0)
    weights = inputs.values["weights"]
    assert weights.dtype == BFLOAT16
    within = np.abs(numbers(weights)) <= 8.0
    assert within.mean() > 0.8
    assert len(np.unique(weights["bfloat16"])) > 40
    gradients = inputs.gradients["bodies"]
    assert (gradients["mass"] != 0).any()
    assert (gradients["velocity"] != 0).any()
    assert not gradients["tag"].any()


def test_leaves_of_a_struct_tell_bfloat16_from_uint16() -> None:
    bodies = next(parameter for parameter in parameters_of(move) if parameter.name == "bodies").type
    leaves = dict(leaves_of("bodies", bodies.element, np.zeros(5, bodies.element.dtype)))
    assert leaves["bodies.mass"].dtype == leaves["bodies.velocity"].dtype == BFLOAT16
    assert leaves["bodies.velocity"].shape == (5, 3)
    assert leaves["bodies.tag"].dtype == np.uint16


@pytest.mark.parametrize(
    ("first", "second", "steps"),
    [
        (0x3F80, 0x3F81, 1),
        (0x0000, 0x8000, 1),
        (0x0001, 0x8001, 3),
        (0x7F7F, 0x7F80, 1),
        (0x7FC0, 0xFFC1, 0),
        (0x7FC0, 0x7F80, np.inf),
    ],
)
def test_distances_are_counted_in_bfloat16s_own_steps(first: int, second: int, steps: float) -> None:
    assert ulp_distance(bits(first), bits(second)) == steps


def test_nan_equals_nan_and_a_difference_is_shown_as_a_number() -> None:
    comparison = compare(Observation({"x": bits(0x7FC0, 0x3F80)}), Observation({"x": bits(0xFFC5, 0x3F82)}))
    (leaf,) = comparison.leaves
    assert (leaf.differing, leaf.worst, leaf.unit) == (1, 2.0, "ULP")
    assert leaf.first is not None
    assert leaf.first.cpu == hexadecimal(bits(0x3F80)[0]) == "0x3f80 (1.0)"


def test_what_nudging_moves_explains_a_difference_and_no_more() -> None:
    cpu, cuda, far = (Observation({"x": bits(pattern)}) for pattern in (0x3F80, 0x3F81, 0x4000))
    moved = Observation({"x": bits(0x3F81)})
    assert explain(cpu, cuda, compare(cpu, cuda), [moved]).verdict is Verdict.MATCH
    assert explain(cpu, far, compare(cpu, far), [moved]).verdict is Verdict.MISMATCH
    assert explain(cpu, far, compare(cpu, far), [far]).verdict is Verdict.UNSTABLE
    assert unstable_spread(BFLOAT16) == 0.25


def test_bfloat16_has_the_limits_of_its_format() -> None:
    of = limits(BFLOAT16)
    assert rounded(np.array([of.max]), BFLOAT16)["bfloat16"] == 0x7F7F
    assert rounded(np.array([of.smallest_normal]), BFLOAT16)["bfloat16"] == 0x0080
    assert rounded(np.array([of.smallest_subnormal]), BFLOAT16)["bfloat16"] == 0x0001
    assert rounded(np.array([1.0 + of.eps]), BFLOAT16)["bfloat16"] == 0x3F81
    assert is_float(BFLOAT16)
    assert not is_float(np.dtype(np.uint16))
    assert name(BFLOAT16) == "bfloat16"


SOURCE = """import warp as wp

vec3bf = wp.types.vector(length=3, dtype=wp.bfloat16)


@wp.struct
class Body:
    mass: wp.bfloat16
    velocity: vec3bf


@wp.kernel
def move(
    step: wp.bfloat16,
    pull: vec3bf,
    weights: wp.array(dtype=wp.bfloat16),
    bodies: wp.array(dtype=Body),
    speeds: wp.array(dtype=vec3bf),
    total: wp.array(dtype=wp.bfloat16),
):
    i = wp.tid()
    body = bodies[i]
    body.velocity = body.velocity + pull * (step * weights[i] / body.mass)
    bodies[i] = body
    speeds[i] = body.velocity
    total[i] = wp.exp(weights[i]) - step
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compiled]:
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch([SOURCE], CompileOptions(), workspace) as batch,
    ):
        (result,) = batch.results
        assert isinstance(result, Compiled)
        yield result


SOURCE_ARGUMENTS = (
    *ARGUMENTS,
    Argument("speeds", (64,), {}, written=True),
    Argument("total", (64,), {}, written=True),
)


@pytest.mark.parametrize("seed", range(4))
def test_the_targets_agree_on_a_kernel_of_bfloat16(compiled: Compiled, seed: int) -> None:
    inputs = make_inputs(compiled.kernel, SOURCE_ARGUMENTS, seed)
    found = Judge(cpu, emulator, "emulator").judge(compiled, (64,), inputs, backward=True)
    assert found.verdict in (Verdict.MATCH, Verdict.UNSTABLE), found.reason
    assert found.comparison is not None
    floats = {leaf.name for leaf in found.comparison.leaves if leaf.dtype == BFLOAT16}
    plain = {"weights", "bodies.mass", "bodies.velocity", "speeds", "total"}
    assert floats == plain | {f"{leaf}.grad" for leaf in plain}


def test_a_kernel_computes_with_the_numbers_that_it_was_passed(compiled: Compiled) -> None:
    inputs = make_inputs(compiled.kernel, SOURCE_ARGUMENTS, 0)
    values = dict(inputs.values)
    values["step"] = rounded(np.array(0.5), BFLOAT16)
    values["pull"] = rounded(np.array([1.0, 2.0, -3.0]), BFLOAT16)
    values["weights"] = rounded(np.full(64, 4.0), BFLOAT16)
    values["bodies"]["mass"] = rounded(np.full(64, 2.0), BFLOAT16)["bfloat16"]
    values["bodies"]["velocity"] = 0
    seen = cpu.run(compiled, (64,), Inputs(0, values, inputs.gradients), backward=False)
    assert numbers(seen.values["speeds"])[0].tolist() == [1.0, 2.0, -3.0]
    assert numbers(seen.values["bodies.velocity"])[63].tolist() == [1.0, 2.0, -3.0]


SHARED_SUM = """import warp as wp


@wp.kernel
def accumulate(xs: wp.array(dtype=wp.bfloat16), total: wp.array(dtype=wp.bfloat16)):
    i = wp.tid()
    wp.atomic_add(total, 0, xs[i])
"""


def test_sums_of_bfloat16_that_loops_make_leave_the_order_open(tmp_path_factory: pytest.TempPathFactory) -> None:
    arguments = (Argument("xs", (64,)), Argument("total", (1,), written=True))
    with (
        open_workspace(tmp_path_factory.mktemp("scratch")) as workspace,
        compile_batch([SHARED_SUM], CompileOptions(backward=False), workspace) as batch,
    ):
        result = batch.results[0]
        assert isinstance(result, Compiled)
        inputs = make_inputs(result.kernel, arguments, 6)
        observed = emulator.run(result, (64,), inputs, backward=False)
        summands = numbers(inputs.values["xs"])
        assert np.isfinite(summands).all()
        assert observed.order_slack["total"][0] >= np.abs(summands).sum() / 2**8
        assert "xs" not in observed.order_slack
