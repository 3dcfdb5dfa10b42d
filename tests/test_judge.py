"""A judge knows what a difference may come from besides a wrong compiler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import handwritten
import numpy as np
import pytest

from extractor.compiling import Batch, Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from oracle.backends import cpu, emulator
from oracle.compare import compare
from oracle.explain import explain
from oracle.inputs import Inputs, make_inputs
from oracle.judge import Judge, Judgement
from oracle.observation import Observation, Verdict

SAMPLES = handwritten.SAMPLES


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    sources = [sample.source for sample in SAMPLES]
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch(sources, CompileOptions(), workspace) as compiled,
    ):
        yield compiled


def judge(batch: Batch, sample: handwritten.Sample, judge: Judge, seed: int) -> Judgement:
    compiled = batch.results[SAMPLES.index(sample)]
    assert isinstance(compiled, Compiled)
    inputs = make_inputs(compiled.kernel, sample.arguments, seed)
    return judge.judge(compiled, sample.dims, inputs, backward=True)


class WithoutSlack:
    """The emulator as blind as a device is to the order in which it adds, which is that of its warps' instructions."""

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(emulator.DeviceMemory, "sum_in_thread_order", lambda memory, atomics: {})
            return replace(emulator.run(compiled, dims, inputs, backward), order_slack={})


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_the_targets_agree_on_kernels_written_by_hand(batch: Batch, sample: handwritten.Sample) -> None:
    for seed in range(4):
        found = judge(batch, sample, Judge(cpu, emulator, "emulator"), seed)
        assert found.verdict is Verdict.MATCH, found.reason
        assert sample not in handwritten.EXACT or not found.functions


def test_a_device_gets_the_slack_of_its_atomics_from_the_emulator(batch: Batch) -> None:
    sums = handwritten.HALVES  # two threads add to each gradient
    blind = [judge(batch, sums, Judge(cpu, WithoutSlack(), "emulator"), seed) for seed in range(3)]
    helped = [judge(batch, sums, Judge(cpu, WithoutSlack(), "device"), seed) for seed in range(3)]
    assert Verdict.MISMATCH in {found.verdict for found in blind}
    assert {found.verdict for found in helped} == {Verdict.MATCH}


def test_the_emulator_adds_in_the_order_of_the_threads(batch: Batch) -> None:
    compiled = batch.results[SAMPLES.index(handwritten.HALVES)]
    assert isinstance(compiled, Compiled)
    for seed in range(3):
        inputs = make_inputs(compiled.kernel, handwritten.HALVES.arguments, seed)
        on_cpu = cpu.run(compiled, handwritten.HALVES.dims, inputs, True)
        found = emulator.run(compiled, handwritten.HALVES.dims, inputs, True)
        assert compare(on_cpu, found).equal
        assert found.order_slack and found.order_slack.keys() == found.in_thread_order.keys()


def test_order_explains_nothing_where_it_is_the_threads(batch: Batch) -> None:
    compiled = batch.results[SAMPLES.index(handwritten.HALVES)]
    assert isinstance(compiled, Compiled)
    inputs = make_inputs(compiled.kernel, handwritten.HALVES.arguments, 0)
    found = emulator.run(compiled, handwritten.HALVES.dims, inputs, True)
    leaf = next(name for name in found.order_slack if name == "y.grad")
    values = found.values[leaf].copy()
    values.view(np.uint64)[3] ^= 1
    other = replace(found, values={**found.values, leaf: values})
    assert explain(found, other, compare(found, other), ()).verdict is Verdict.MISMATCH
    blind = replace(other, in_thread_order={})
    assert explain(found, blind, compare(found, blind), ()).verdict is Verdict.MATCH


def test_a_judgement_names_the_functions_and_bounds_that_explain_it(batch: Batch) -> None:
    found = judge(batch, handwritten.LIBRARY, Judge(cpu, emulator, "emulator"), 0)
    assert found.functions == ("cosf", "expf", "sinf")
    assert "explained by rounding in cosf (3 ULP), expf (3 ULP), sinf (3 ULP)" in found.reason
    data = found.to_json()
    assert data["library_functions"] == ["cosf", "expf", "sinf"]
    assert 0 < max(data["worst"].values()) < float("inf")


def test_judging_twice_gives_the_same_words(batch: Batch) -> None:
    judges = Judge(cpu, emulator, "emulator"), Judge(cpu, emulator, "emulator")
    first, second = (judge(batch, handwritten.LIBRARY, one, 2) for one in judges)
    assert first.to_json() == second.to_json()
