"""Splits, input seeds and what a record says of its kernel."""

from __future__ import annotations

import json
from collections import Counter

from extractor.record import Artifacts
from fuzzer.metadata import Origin, metadata, split
from grammar import CATEGORIES, SeededChoices, generate
from grammar.fingerprint import Fingerprint, shape
from oracle.judge import Judgement
from oracle.observation import Verdict
from oracle.opinions import Opinion, Stance
from oracle.work import Work

TEXTS = Artifacts("int i = 0;", "", "float x;", "")
WORK = Work(4, {"float": 10}, 6, 16, 8, 0.75, {"float": 3})

KERNELS = [generate(SeededChoices(f"metadata/{index}"), CATEGORIES[index % 10]) for index in range(300)]


def test_kernels_that_differ_in_names_and_literals_share_a_shape_and_a_split():
    for kernel in KERNELS:
        other = kernel.source.replace(kernel.name, "renamed").replace("0.5", "0.125").replace(" 10.0", " 7.0")
        assert shape(other) == shape(kernel.source)
        assert split(other) == split(kernel.source)


def test_splits_take_about_their_shares():
    counts = Counter(split(kernel.source) for kernel in KERNELS)
    assert 0.6 < counts["train"] / len(KERNELS) < 0.8
    assert 0.08 < counts["validation"] / len(KERNELS) < 0.22
    assert 0.08 < counts["test"] / len(KERNELS) < 0.22


def test_no_two_kernels_share_an_input_seed():
    seeds = {Origin(seed, index).input_seed for seed in range(20) for index in range(200)}
    assert len(seeds) == 20 * 200


def test_metadata_is_json_and_names_what_the_kernel_uses():
    for index, kernel in enumerate(KERNELS[:40]):
        opinions = (Opinion("reference", Stance.AGREES, "equal to the bit"),)
        match = Judgement(Verdict.MATCH, "equal to the bit", functions=("sinf",), opinions=opinions)
        data = metadata(kernel, Origin(3, index), {"warp": "any"}, ("cpu", "emulator"), match, TEXTS, WORK)
        assert (data["explained_by"], data["oracles"]) == (["sinf"], {"reference": "agrees"})
        assert json.loads(json.dumps(data, allow_nan=False)) == data
        assert "tid" in data["builtins"]
        assert all(f"wp.{name}" in kernel.source for name in [*data["builtins"], *data["types"]])
        assert not set(data["types"]) & {"kernel", "struct", "array", "tid"}
        assert data["launch_dims"] == list(kernel.dims)
        assert 1 <= data["level"] <= 5
        assert data["tokens"]["cpp_forward"] == 5 and "cpp_backward" not in data["tokens"]
        assert Fingerprint.from_json(data["fingerprint"]) == Fingerprint.of(kernel.source)
        assert data["performance"]["executed_per_thread"] == {"float": 2.5}
        assert (data["performance"]["arithmetic_intensity"], data["performance"]["active_lanes"]) == (0.25, 0.75)
