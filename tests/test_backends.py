"""The back ends run one kernel alike: same inputs, same leaves, same protocol of forward and backward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import warp as wp
from handwritten import ATOMICS, BODIES, EXACT, INTEGERS, SAMPLES, SCALE, Sample, into, out

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.ptx_text import PtxText
from extractor.warp_setup import Workspace, open_workspace
from grammar.errors import UserError
from grammar.kernel import Argument
from oracle import ptx
from oracle.backends import choose_cuda, cpu, cuda_backend, device, emulator, native
from oracle.backends.launching import prepare
from oracle.inputs import Inputs, make_inputs
from oracle.observation import Observation
from oracle.ptx.memory import GLOBAL_BASE

NESTED = Sample(
    "nested",
    """import warp as wp


@wp.struct
class Cloud:
    points: wp.array(dtype=wp.vec3)
    scale: float
    weights: wp.array2d(dtype=wp.float64)


@wp.kernel
def stretch(cloud: Cloud, out: wp.array(dtype=wp.float64)):
    i = wp.tid()
    out[i] = wp.float64(wp.dot(cloud.points[i], cloud.points[i]) * cloud.scale) + cloud.weights[i, 1]
    cloud.points[i] = cloud.points[i] * 2.0
""",
    (9,),
    (into("cloud"), out("cloud.points", 9), into("cloud.weights", 9, 2), out("out", 9)),
)

TILES = """import warp as wp


@wp.kernel
def sums(a: wp.array2d(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    wp.tile_store(out, wp.tile_sum(wp.tile_load(a[i], shape=64)), offset=i)
"""

MANY = Sample("many", SCALE.source, (700,), (into("source", 700), into("factor"), out("out", 700)))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.fixture(scope="module")
def compiled(workspace: Workspace) -> Iterator[dict[str, Compiled]]:
    """Every sample, compiled with its backward pass."""
    samples = (*SAMPLES, NESTED, MANY)
    with compile_batch([sample.source for sample in samples], CompileOptions(), workspace) as batch:
        yield {sample.name: result for sample, result in zip(samples, batch.results, strict=True)}


def both(kernel: Compiled, sample: Sample, seed: int) -> tuple[Observation, Observation]:
    inputs = make_inputs(kernel.kernel, sample.arguments, seed)
    return tuple(backend.run(kernel, sample.dims, inputs, True) for backend in (cpu, emulator))


def assert_agree(first: Observation, second: Observation) -> None:
    """Same leaves, and the same bits but where float atomics may add in another order."""
    assert list(first.values) == list(second.values)
    for name, values in first.values.items():
        others = second.values[name]
        assert (values.dtype, values.shape) == (others.dtype, others.shape)
        same = (values == others) | ((values != values) & (others != others))
        if name in second.order_slack:
            with np.errstate(all="ignore"):
                distance = np.abs(values.astype(np.float64) - others.astype(np.float64))
            same |= (distance <= second.order_slack[name]) | np.isinf(second.order_slack[name])
        assert same.all(), (name, values[~same][:3], others[~same][:3])
    assert second.reports == ()


def contents(inputs: Inputs) -> dict[str, bytes]:
    """Return the bytes of every array and plain value, by path."""

    def flat(path: str, value: object) -> dict[str, bytes]:
        if isinstance(value, dict):
            parts = [flat(f"{path}.{name}", part) for name, part in value.items()]
            return {name: part for each in parts for name, part in each.items()}
        return {path: np.asarray(value).tobytes()}

    return flat("", dict(inputs.values)) | flat("grad", dict(inputs.gradients))


@pytest.mark.parametrize("sample", [*EXACT, ATOMICS, NESTED, MANY], ids=lambda sample: sample.name)
def test_the_cpu_and_the_emulator_agree(compiled, sample):
    for seed in range(6):
        assert_agree(*both(compiled[sample.name], sample, seed))


@pytest.mark.skipif(not hasattr(wp.config, "enable_cpu_blocks"), reason="this Warp has no blocks on the cpu")
def test_both_run_a_block_of_threads_for_each_point_of_a_launch_of_tiles(workspace, monkeypatch):
    monkeypatch.setattr(wp.config, "enable_cpu_blocks", True)
    inputs = {"a": np.arange(3 * 64, dtype=np.float32).reshape(3, 64), "out": np.zeros(3, np.float32)}
    with compile_batch([TILES], CompileOptions().for_blocks_of(32), workspace) as batch:
        (compiled,) = batch.results
        given = Inputs(0, inputs, {"out": np.array([1, 2, 3], np.float32)})
        found = [
            native.run_native(compiled, (3,), given, True, "cpu"),
            emulator.run(compiled, (3,), given, True),
        ]
    for observation in found:
        assert observation.values["out"].tolist() == inputs["a"].sum(axis=1).tolist()
        assert observation.values["a.grad"].tolist() == [[1.0] * 64, [2.0] * 64, [3.0] * 64]
    assert found[1].reports == ()


@pytest.mark.gpu
@pytest.mark.parametrize("sample", [*EXACT, ATOMICS, NESTED, MANY], ids=lambda sample: sample.name)
def test_the_device_and_the_emulator_agree(compiled, sample):
    if not device.available():
        pytest.skip("no CUDA device")
    kernel = compiled[sample.name]
    inputs = make_inputs(kernel.kernel, sample.arguments, 1)
    assert_agree(device.run(kernel, sample.dims, inputs, True), emulator.run(kernel, sample.dims, inputs, True))


@pytest.mark.parametrize("backend", [cpu, emulator])
def test_a_run_leaves_its_inputs_as_they_were(compiled, backend):
    inputs = make_inputs(compiled["bodies"].kernel, BODIES.arguments, 4)
    before = contents(inputs)
    first = backend.run(compiled["bodies"], BODIES.dims, inputs, True)
    again = backend.run(compiled["bodies"], BODIES.dims, inputs, True)
    assert contents(inputs) == before
    np.testing.assert_equal(dict(first.values), dict(again.values))


@pytest.mark.parametrize("backend", [cpu, emulator])
def test_outputs_and_gradients_are_what_the_kernel_means(compiled, backend):
    source = np.array([1.0, -2.0, 0.5], np.float32)
    values = {"source": source, "factor": np.array(3.0, np.float32), "out": np.full(3, 9.0, np.float32)}
    seeds = np.array([1.0, 10.0, -1.0], np.float32)
    observation = backend.run(compiled["scale"], (3,), Inputs(0, values, {"out": seeds}), True)
    np.testing.assert_array_equal(observation.values["out"], source * 3.0 + 1.5)
    np.testing.assert_array_equal(observation.values["source.grad"], seeds * 3.0)
    np.testing.assert_array_equal(observation.values["out.grad"], np.zeros(3))
    forward = backend.run(compiled["scale"], (3,), Inputs(0, values, {"out": seeds}), False)
    assert list(forward.values) == ["source", "out"]


def test_leaves_are_named_by_their_path_and_shaped_by_array_and_element(compiled):
    observation = both(compiled["bodies"], BODIES, 2)[0]
    shapes = {name: values.shape for name, values in observation.values.items()}
    assert shapes == {
        "bodies.position": (5, 3),
        "bodies.mass": (5,),
        "bodies.inner.weight": (5,),
        "bodies.inner.kind": (5,),
        "energies": (5, 3),
        "moved": (5, 3),
        "bodies.position.grad": (5, 3),
        "bodies.mass.grad": (5,),
        "bodies.inner.weight.grad": (5,),
        "energies.grad": (5, 3),
        "moved.grad": (5, 3),
    }
    assert observation.values["bodies.inner.kind"].dtype == np.int8
    nested = both(compiled["nested"], NESTED, 2)[1]
    assert set(nested.values) == {
        f"{path}{suffix}" for path in ("cloud.points", "cloud.weights", "out") for suffix in ("", ".grad")
    }


def test_only_sums_of_floats_get_slack_for_their_order(compiled):
    observation = both(compiled["atomics"], ATOMICS, 3)[1]
    assert {name for name in observation.order_slack if not name.endswith(".grad")} == {"sums"}
    slack = observation.order_slack["sums"]
    assert slack.shape == (6,) and slack.dtype == np.float64 and (slack > 0).any()
    integers = both(compiled["integers"], INTEGERS, 3)[1]
    assert integers.order_slack == {}


def test_the_slack_bounds_what_the_order_does_and_little_more(compiled):
    rng = np.random.default_rng(5)
    values = {
        "values": rng.normal(size=(4, 6, 5)).astype(np.float32),
        "counts": np.zeros(4, np.uint64),
        "sums": np.zeros(6, np.float32),
        "lowest": np.full(5, np.inf, np.float32),
        "tally": np.zeros(2, np.int32),
    }
    observation = emulator.run(compiled["atomics"], ATOMICS.dims, Inputs(0, values), False)
    summands = values["values"] * np.float32(0.5)
    exact = summands.astype(np.float64).sum(axis=(0, 2))
    assert (np.abs(observation.values["sums"] - exact) <= observation.order_slack["sums"]).all()
    assert (observation.order_slack["sums"] < 1e-4 * np.abs(summands).sum(axis=(0, 2))).all()


def test_a_sum_with_a_nan_gets_no_slack_and_one_that_overflows_gets_all(compiled):
    values = make_inputs(compiled["atomics"].kernel, ATOMICS.arguments, 0).values
    numbers = np.ones((4, 6, 5), np.float32)
    numbers[0, 0, 0] = np.nan
    numbers[:, 1, 0] = np.finfo(np.float32).max
    observation = emulator.run(compiled["atomics"], ATOMICS.dims, Inputs(0, {**values, "values": numbers}), False)
    slack = observation.order_slack["sums"]
    assert slack[0] == 0 and np.isinf(slack[1]) and 0 < slack[2] < 1e-3


def test_an_instruction_that_the_emulator_lacks_is_named(compiled):
    kernel = compiled["scale"]
    text = kernel.ptx.text.replace("mul.rn.f32", "mul.sideways.f32")
    broken = replace(kernel, ptx=PtxText(text))
    inputs = make_inputs(kernel.kernel, SCALE.arguments, 1)
    with pytest.raises(ptx.Unsupported, match=r"mul\.sideways\.f32"):
        emulator.run(broken, SCALE.dims, inputs, False)


def test_an_access_out_of_bounds_is_a_fault(compiled):
    inputs = make_inputs(compiled["scale"].kernel, SCALE.arguments, 1)
    with pytest.raises(ptx.Fault):
        emulator.run(compiled["scale"], (41,), inputs, False)


def test_the_cuda_back_end_is_chosen_by_name():
    assert choose_cuda("emulator") == "emulator"
    assert cuda_backend("emulator") is emulator and cuda_backend("device") is device
    with pytest.raises(UserError, match="no such CUDA back end: 'gpu'"):
        choose_cuda("gpu")


def test_without_a_device_auto_is_the_emulator_and_device_an_error(compiled):
    if device.available():
        pytest.skip("there is a CUDA device")
    assert choose_cuda("auto") == "emulator"
    with pytest.raises(UserError, match="no CUDA device"):
        choose_cuda("device")


def test_arguments_can_be_described_as_json_and_back(compiled):
    for sample in SAMPLES:
        again = [Argument.from_json(argument.to_json()) for argument in sample.arguments]
        first, second = (make_inputs(compiled[sample.name].kernel, each, 8) for each in (sample.arguments, again))
        assert contents(first) == contents(second)


def test_padding_may_be_stored_uninitialised_but_no_field_may(compiled: dict[str, Compiled]) -> None:
    """A `Body` has its fields in bytes 0 to 12, 12 to 16, 16 to 24 and 24, and is 32 bytes long."""
    kernel = compiled["bodies"].kernel
    arguments = prepare(kernel, make_inputs(kernel, BODIES.arguments, 0), "cpu", backward=False)
    memory = emulator.DeviceMemory(arguments)
    bodies = arguments.arrays["bodies"].whole
    size = emulator.host_size(bodies)
    assert size % 32 == 0
    start = next(a for a in range(GLOBAL_BASE, 2**63, 256) if _is_allocated(memory.memory, a, size))
    reports = [
        ptx.Report(ptx.Kind.UNINITIALISED, "", address=start + 32 + offset) for offset in (0, 12, 16, 24, 25, 31)
    ]
    assert memory.without_padding(reports) == reports[:4]
    race = ptx.Report(ptx.Kind.RACE, "", address=start + 25)
    assert memory.without_padding([race]) == [race]


def _is_allocated(memory: ptx.GlobalMemory, address: int, size: int) -> bool:
    try:
        memory.read(address, size)
    except ValueError:
        return False
    return True
