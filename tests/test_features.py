"""Features: what a kernel exercises, as numbers that are the same in whatever batch and process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor.calls import call_sites
from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.feeds import feeds
from extractor.record import Record
from extractor.warp_setup import Workspace, open_workspace
from fuzzer.features import GROUPS, feature, features_of, features_of_record, group_of
from grammar import CATEGORIES, SeededChoices, focus, generate
from grammar.constructs import construct_pairs
from grammar.contexts import CONTEXTS
from grammar.kernel import Kernel

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = CompileOptions(cuda_level=0)
CHOSEN = ("arithmetic", "vector", "control_flow", "combined", "geometry")

SOURCE = """import warp as wp

@wp.func
def twice(x: float):
    return 2.0 * x

@wp.kernel
def mix(values: wp.array(dtype=wp.vec3), out: wp.array(dtype=float)):
    i = wp.tid()
    total = float(0.0)
    for k in range(i):
        total += wp.sin(wp.dot(values[k], values[i]))
    out[i] = twice(total) if total > 1.0 else 0.0
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.fixture(scope="module")
def kernels() -> list[Kernel]:
    return [generate(SeededChoices(("features", name)), name, size=6) for name in CHOSEN]


def of_batch(kernels: list[Kernel], workspace: Workspace) -> list[tuple[int, ...]]:
    with compile_batch([kernel.source for kernel in kernels], OPTIONS, workspace, follow_branches=True) as batch:
        found = []
        for place, (kernel, compiled) in enumerate(zip(kernels, batch.results, strict=True)):
            assert isinstance(compiled, Compiled)
            found.append(features_of(kernel, compiled, batch.branches[place]))
        return found


@pytest.fixture(scope="module")
def compiled(workspace: Workspace) -> Iterator[Compiled]:
    with compile_batch([SOURCE], OPTIONS, workspace) as batch:
        result = batch.results[0]
        assert isinstance(result, Compiled)
        yield result


def record_of(source: str, compiled: Compiled) -> Record:
    return Record("0" * 16, source, compiled.artifacts)


def test_features_are_the_same_in_whatever_batch(workspace, kernels):
    whole = of_batch(kernels, workspace)
    assert of_batch(kernels[::-1], workspace)[::-1] == whole
    assert [of_batch([kernel], workspace)[0] for kernel in kernels] == whole


def test_every_group_has_features_and_they_are_sorted(workspace, kernels):
    found = of_batch(kernels, workspace)
    assert all(list(one) == sorted(set(one)) for one in found)
    assert {group_of(number) for one in found for number in one} == set(GROUPS)


def test_no_more_is_covered_than_the_total_says(workspace, kernels):
    covered = {number for one in of_batch(kernels, workspace) for number in one}
    for group in GROUPS.values():
        total = group.total()
        assert total is None or sum(group_of(number) == group.name for number in covered) <= total


def test_a_record_shows_its_kernels_features_but_for_branches_contexts_and_ptx(workspace, kernels):
    with compile_batch([kernel.source for kernel in kernels], OPTIONS, workspace) as batch:
        for kernel, compiled in zip(kernels, batch.results, strict=True):
            assert isinstance(compiled, Compiled)
            shown = set(features_of_record(record_of(kernel.source, compiled)))
            lacking = set(features_of(kernel, compiled)) - shown
            assert shown <= set(features_of(kernel, compiled))
            assert {group_of(number) for number in lacking} <= {"context", "ptx"}


def test_an_overload_that_is_called_is_found_by_its_key(compiled):
    shown = features_of_record(record_of(SOURCE, compiled))
    keys = {one.signature: one.key for one in focus.everything()}
    assert feature("overload", keys["sin(float32)"]) in shown
    assert feature("adjoint", keys["sin(float32)"]) in shown
    assert feature("overload", keys["sin(float64)"]) not in shown
    assert feature("overload", keys["cos(float32)"]) not in shown


def test_who_feeds_whom_goes_through_loads_and_copies(compiled):
    found = feeds(call_sites(compiled.artifacts.cpp_forward))
    assert "dot > sin.0 (float)" in found
    assert "address > dot.0 (vector)" in found
    assert any(each.startswith("sin > add.") for each in found)
    assert not any("load" in each or "copy" in each for each in found)
    assert "parameter > mul.1 (float)" in found


def test_opcodes_are_those_of_the_kernels_own_entries(compiled):
    both = compiled.ptx.opcodes([compiled.forward_entry, compiled.backward_entry])
    forward = compiled.ptx.opcodes([compiled.forward_entry])
    assert forward <= both
    assert "bra" in {opcode.partition(".")[0] for opcode in forward}
    assert all(opcode.replace(".", "").replace("_", "").replace(":", "").isalnum() for opcode in both)
    assert not compiled.ptx.opcodes(["no_such_entry"])


def test_constructs_are_told_with_the_slot_they_stand_in():
    pairs = construct_pairs(SOURCE)
    assert "kernel.body > for" in pairs
    assert "for.body > augmented arithmetic" in pairs
    assert "built-in.args > built-in" in pairs
    assert "ifexp.body > helper" in pairs
    renamed = SOURCE.replace("total", "t").replace("twice", "double").replace("2.0", "7.5")
    assert construct_pairs(renamed) == pairs


@pytest.mark.parametrize("category", CATEGORIES)
def test_contexts_are_places_of_overloads_that_the_kernel_has(category):
    kernel = generate(SeededChoices(("contexts", category)), category)
    assert list(kernel.contexts) == sorted(set(kernel.contexts))
    for text in kernel.contexts:
        overload, place = text.split(" @ ")
        assert overload in kernel.features
        assert place in CONTEXTS
        assert ("tile" in place) == bool(kernel.block_dim) or place.startswith("function")
    noted = {text.split(" @ ")[0] for text in kernel.contexts}
    assert noted == {each for each in kernel.features if each.startswith("builtin:")}


def test_a_loop_and_a_branch_show_in_the_contexts():
    found = {
        text.split(" @ ")[1]
        for seed in range(40)
        for text in generate(SeededChoices(("places", seed)), "control_flow").contexts
    }
    assert {"kernel", "kernel, for", "kernel, branch", "kernel, for, branch", "kernel, while", "function"} <= found


def test_numbers_do_not_depend_on_the_process():
    code = "from fuzzer.features import feature; print(feature('pair', 'mul > add.0 (float)'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    number = feature("pair", "mul > add.0 (float)")
    assert int(done.stdout) == number < 1 << 64
    assert group_of(number) == "pair"
    with pytest.raises(KeyError):
        feature("no group", "x")
