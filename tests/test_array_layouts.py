"""A kernel sees the same values however its arrays lie in memory, and its results are read back as it sees them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar.arguments import LAYOUTS
from grammar.kernel import Argument
from oracle.backends import cpu, emulator
from oracle.backends.layouts import layout_of
from oracle.inputs import make_inputs
from oracle.observation import Observation

SOURCE = """import warp as wp

mat23d = wp.types.matrix(shape=(2, 3), dtype=wp.float64)


@wp.struct
class Grid:
    cells: wp.{array}2d(dtype=float)
    spacing: float


@wp.kernel
def blend(
    points: wp.{array}(dtype=wp.vec3),
    blocks: wp.{array}4d(dtype=mat23d),
    grid: Grid,
    counts: wp.{array}3d(dtype=wp.uint8),
    total: wp.{array}(dtype=float),
    out: wp.{array}2d(dtype=float),
):
    i, j = wp.tid()
    b = blocks[i, j, 0, -1]
    x = wp.dot(points[i], points[i]) * float(b[1, 2]) + grid.cells[i, j] * grid.spacing
    grid.cells[i, j] = x * x
    wp.atomic_add(total, 0, x)
    counts[i, j, 1] = counts[i, j, 0] + wp.uint8(1)
    out[i, j] = x * 2.0
"""
DIMS = (3, 4)
SHAPES = {"points": (3,), "blocks": (3, 4, 1, 2), "grid.cells": (3, 4), "counts": (3, 4, 2), "total": (1,), "out": DIMS}
WRITTEN = ("grid.cells", "counts", "total", "out")


def arguments(layout: str) -> list[Argument]:
    return [Argument("grid"), *(Argument(n, s, written=n in WRITTEN, layout=layout) for n, s in SHAPES.items())]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.fixture(scope="module")
def compiled(workspace: Workspace) -> Iterator[dict[str, Compiled]]:
    """The kernel on arrays and on indexed arrays."""
    kinds = ("array", "indexedarray")
    with compile_batch([SOURCE.format(array=kind) for kind in kinds], CompileOptions(), workspace) as batch:
        yield dict(zip(kinds, batch.results, strict=True))


def observed(compiled: dict[str, Compiled], layout: str, backend, seed: int = 5) -> Observation:
    kernel = compiled["indexedarray" if layout == "indexed" else "array"]
    return backend.run(kernel, DIMS, make_inputs(kernel.kernel, arguments(layout), seed), True)


def assert_same(first: Observation, second: Observation) -> None:
    """The same leaves, but for sums of floats in another order."""
    assert list(first.values) == list(second.values)
    for name, values in first.values.items():
        bound = second.order_slack.get(name, np.zeros(values.shape))
        assert bound.shape == values.shape == second.values[name].shape
        one, other = (each.astype(np.float64) for each in (values, second.values[name]))
        with np.errstate(invalid="ignore"):
            apart = ~((one == other) | (np.isnan(one) & np.isnan(other)) | (np.abs(one - other) <= bound))
        assert not apart.any(), (name, values[apart], second.values[name][apart])


def forward(observation: Observation) -> Observation:
    return Observation({name: each for name, each in observation.values.items() if not name.endswith(".grad")})


@pytest.mark.parametrize("layout", LAYOUTS)
def test_results_and_gradients_are_those_of_contiguous_arrays(compiled, layout):
    for seed in (1, 2, 3):
        contiguous, other = observed(compiled, "", cpu, seed), observed(compiled, layout, cpu, seed)
        if layout == "indexed":  # Warp computes no gradients through indexed arrays
            contiguous, other = forward(contiguous), forward(other)
        assert_same(contiguous, other)


@pytest.mark.parametrize("layout", ["", *LAYOUTS])
def test_both_targets_agree_and_nothing_is_reported(compiled, layout):
    on_cpu, on_cuda = observed(compiled, layout, cpu), observed(compiled, layout, emulator)
    assert_same(on_cpu, on_cuda)
    assert not on_cuda.reports
    assert on_cuda.order_slack["total"] > 0


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout != "indexed"])
def test_gradients_flow_through_every_layout(compiled, layout):
    gradients = observed(compiled, layout, cpu).values
    for name in ("points.grad", "blocks.grad", "grid.cells.grad"):
        assert np.count_nonzero(gradients[name]), name


def test_an_indexed_arrays_gradient_is_left_as_it_was_given(compiled):
    kernel = compiled["indexedarray"]
    inputs = make_inputs(kernel.kernel, arguments("indexed"), 5)
    for backend in (cpu, emulator):
        values = backend.run(kernel, DIMS, inputs, True).values
        np.testing.assert_array_equal(values["out.grad"], inputs.gradients["out"])
        assert not np.count_nonzero(values["points.grad"])


@given(st.sampled_from(sorted(LAYOUTS)), st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple))
@settings(deadline=None, max_examples=60)
def test_what_is_spread_in_memory_reads_as_it_was_and_no_element_lies_where_another_does(layout, shape):
    values = np.arange(1, 1 + 2 * int(np.prod(shape))).reshape(*shape, 2)
    found = layout_of(layout, shape)
    memory = found.spread(values)
    assert memory.shape == (*found.memory, 2)
    np.testing.assert_array_equal(found.logical(memory), values)
    assert np.count_nonzero(memory) == values.size


def test_a_layout_that_does_not_go_with_the_parameters_type_is_refused(compiled):
    for kind, layout in (("array", "indexed"), ("indexedarray", "sliced")):
        kernel = compiled[kind]
        inputs = make_inputs(kernel.kernel, arguments(layout), 1)
        with pytest.raises(ValueError, match="cannot be passed with the layout"):
            cpu.run(kernel, DIMS, inputs, False)


def test_an_argument_may_be_sorted(compiled):
    given = [Argument("grid"), *(Argument(n, s, fill="sorted") for n, s in SHAPES.items())]
    values = make_inputs(compiled["array"].kernel, given, 3).values
    assert (np.diff(values["out"], axis=-1) >= 0).all()
    assert (np.diff(values["counts"].astype(int), axis=-1) >= 0).all()
    assert len(np.unique(values["out"])) > 4
