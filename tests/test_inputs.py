"""Inputs: the same from the same seed, within their ranges, with edge values among ordinary ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import warp as wp
from handwritten import BODIES, INTEGERS, SAMPLES, SCALE, Sample
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.loading import forget_source, load_kernel
from extractor.warp_internals import forget_module
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.inputs import Inputs, default_arguments, edge_values, make_inputs
from oracle.parameters import describe, parameters_of

FLOATS = (np.float16, np.float32, np.float64)
INTEGER_TYPES = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, wp.Kernel]]:
    """Every sample's kernel, loaded but not compiled."""
    with open_workspace(tmp_path_factory.mktemp("scratch")):
        yield {sample.name: load_kernel(sample.source, "test_inputs", sample.name) for sample in SAMPLES}
        forget_module("test_inputs")
        for sample in SAMPLES:
            forget_source(sample.name)


def kernel_of(**types: object) -> SimpleNamespace:
    """Stand for a kernel with these parameters, where only the parameters matter."""
    args = [SimpleNamespace(label=name, type=kind) for name, kind in types.items()]
    return SimpleNamespace(adj=SimpleNamespace(args=args))


def array_inputs(dtype: object, count: int, seed: int, **ranges: tuple[int, int]) -> np.ndarray:
    bounds = dict.fromkeys(ranges and [""], ranges.get("x", (0, 0)))
    inputs = make_inputs(kernel_of(x=wp.array(dtype=dtype)), [Argument("x", (count,), bounds)], seed)
    return inputs.values["x"]


def digest(inputs: Inputs) -> str:
    hasher = hashlib.sha256()

    def add(value: object) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                hasher.update(name.encode())
                add(part)
        else:
            hasher.update(np.ascontiguousarray(value).tobytes())

    add(dict(inputs.values))
    add(dict(inputs.gradients))
    return hasher.hexdigest()


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**64), sample=st.sampled_from(SAMPLES))
def test_a_seed_means_the_same_inputs(kernels, seed, sample):
    first, again = (make_inputs(kernels[sample.name], sample.arguments, seed) for _ in range(2))
    assert digest(first) == digest(again)


def test_a_seed_means_the_same_inputs_on_every_platform(kernels):
    assert digest(make_inputs(kernels["bodies"], BODIES.arguments, 7))[:16] == "3124b2fa1153b1d6"


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), sample=st.sampled_from(SAMPLES))
def test_inputs_have_the_shapes_and_types_of_the_parameters(kernels, seed, sample: Sample):
    kernel = kernels[sample.name]
    inputs = make_inputs(kernel, sample.arguments, seed)
    described = {argument.name: argument for argument in sample.arguments}
    for parameter in parameters_of(kernel):
        value = inputs.values[parameter.name]
        if hasattr(parameter.type, "rank"):
            element = parameter.type.element
            assert value.dtype == element.dtype
            assert value.shape == described[parameter.name].shape + element.shape
    written = {argument.name for argument in sample.arguments if argument.written}
    assert set(inputs.gradients) <= written
    assert all(np.isfinite(gradient).all() for gradient in inputs.gradients.values() if gradient.dtype.kind == "f")


@settings(deadline=None, max_examples=60)
@given(data=st.data(), dtype=st.sampled_from(INTEGER_TYPES), seed=st.integers(0, 2**32))
def test_an_integer_stays_in_its_range_and_reaches_both_ends(data, dtype, seed):
    info = np.iinfo(dtype)
    low = data.draw(st.integers(int(info.min), int(info.max)))
    high = data.draw(st.integers(low, int(info.max)))
    values = array_inputs(wp.dtype_from_numpy(dtype), 400, seed, x=(low, high)).tolist()
    assert low <= min(values) and max(values) <= high
    assert {low, high} <= set(values)


def test_a_range_of_a_struct_field_bounds_that_field():
    @wp.struct
    class Cell:
        index: wp.int32
        free: wp.int32

    arguments = [Argument("cells", (500,), {"index": (3, 9)}), Argument("cell", (), {"index": (4, 4)})]
    inputs = make_inputs(kernel_of(cells=wp.array(dtype=Cell), cell=Cell), arguments, 1)
    assert set(inputs.values["cells"]["index"].tolist()) == set(range(3, 10))
    assert inputs.values["cell"]["index"] == 4
    assert inputs.values["cells"]["free"].max() > 9


@pytest.mark.parametrize("dtype", FLOATS)
def test_edge_values_are_among_ordinary_ones_and_rare(dtype):
    values = np.concatenate([array_inputs(wp.dtype_from_numpy(dtype), 500, seed) for seed in range(40)])
    limits = np.finfo(dtype)
    assert np.isnan(values).any() and np.isinf(values).any()
    extremes = {float(limits.max), float(limits.smallest_normal), float(limits.smallest_subnormal)}
    assert extremes <= set(values.tolist())
    assert (np.signbit(values) & (values == 0)).any()
    ordinary = np.isfinite(values) & (np.abs(values) <= 8) & (np.abs(values) >= 2.0**-16)
    assert 0.94 < ordinary.mean() < 0.99


def test_many_seeds_bring_no_edge_value_at_all():
    without = [np.isfinite(array_inputs(wp.float32, 2000, seed)).all() for seed in range(200)]
    assert 0.3 < np.mean(without) < 0.5


@pytest.mark.parametrize("dtype", INTEGER_TYPES)
def test_integers_without_a_range_are_small_or_any(dtype):
    values = np.concatenate([array_inputs(wp.dtype_from_numpy(dtype), 500, seed) for seed in range(20)])
    info = np.iinfo(dtype)
    assert {info.min, info.max} <= set(values.tolist())
    assert ((values.astype(object) >= -8) & (values.astype(object) < 24)).mean() > 0.5
    assert len(set(values.tolist())) > 100


@pytest.mark.parametrize("dtype", (*FLOATS, *INTEGER_TYPES))
def test_edge_values_are_distinct_values_of_their_type(dtype):
    values = edge_values(np.dtype(dtype))
    assert values.dtype == dtype
    assert len({value.tobytes() for value in values}) == len(values)


def test_removing_a_parameter_leaves_the_others_as_they_were():
    x, y = Argument("x", (20,)), Argument("y", (20,))
    both = make_inputs(kernel_of(x=wp.array(dtype=float), y=wp.array(dtype=float)), [x, y], 3)
    one = make_inputs(kernel_of(y=wp.array(dtype=float)), [y], 3)
    assert both.values["y"].tobytes() == one.values["y"].tobytes()
    assert both.values["x"].tobytes() != one.values["y"].tobytes()


def test_an_array_inside_a_struct_value_is_described_by_its_path():
    @wp.struct
    class Cloud:
        points: wp.array(dtype=wp.vec3)
        scale: float

    kernel = kernel_of(cloud=Cloud)
    inputs = make_inputs(kernel, [Argument("cloud"), Argument("cloud.points", (6,), {}, True)], 2)
    assert inputs.values["cloud"]["points"].shape == (6, 3)
    assert set(inputs.gradients) == {"cloud.points"}
    with pytest.raises(KeyError, match=r"cloud\.points"):
        make_inputs(kernel, [Argument("cloud")], 2)


def test_a_shape_or_range_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="'x' has 1 dimensions"):
        make_inputs(kernel_of(x=wp.array(dtype=float)), [Argument("x", (2, 3))], 0)
    with pytest.raises(ValueError, match="does not fit int8"):
        array_inputs(wp.int8, 4, 0, x=(0, 300))


@pytest.mark.skipif(not hasattr(wp.array, "__class_getitem__"), reason="this Warp has no wp.array[float]")
def test_both_spellings_of_an_array_mean_the_same():
    assert describe(wp.array[wp.vec3]) == describe(wp.array(dtype=wp.vec3))
    assert describe(wp.array3d[wp.int8]) == describe(wp.array3d(dtype=wp.int8))


def test_a_type_that_cannot_be_passed_is_named():
    with pytest.raises(TypeError, match="cannot be passed"):
        describe(object)


def test_default_arguments_give_arrays_the_launch_and_keep_indices_valid(kernels):
    arguments = {argument.name: argument for argument in default_arguments(kernels["bodies"], (6, 4))}
    assert arguments["bodies"].shape == (6,)
    assert arguments["energies"].shape == (6, 4)
    assert arguments["energies"].written and not arguments["bodies"].written
    assert arguments["steps"].ranges == {"": (0, 3)}
    assert {name for name, each in arguments.items() if each.written} == {"energies", "moved"}
    deep = default_arguments(kernels["atomics"], (5,))
    assert {argument.name: argument.shape for argument in deep}["values"] == (5, 5, 5)


def test_default_arguments_do_for_every_sample(kernels):
    for sample in (SCALE, INTEGERS):
        make_inputs(kernels[sample.name], default_arguments(kernels[sample.name], sample.dims), 0)
