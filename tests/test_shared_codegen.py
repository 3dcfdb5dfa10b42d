"""A batch is translated once for both targets, and both get what a translation of their own would have given them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

import pytest
from handwritten import SAMPLES

import extractor.compiling as compiling
from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.record import Artifacts
from extractor.shared_codegen import neutral_options
from extractor.warp_setup import Workspace, open_workspace

LOOP = """import warp as wp

STEP = wp.constant(wp.vec3(1.0, 2.0, 3.0))


@wp.func
def shifted(x: float, by: float) -> float:
    return x + by * STEP[1]


@wp.kernel
def accumulate(xs: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    total = float(0.0)
    for j in range(3):
        total += shifted(xs[i], float(j))
    out[i] = total
"""

BLOCK_WIDE = """import warp as wp


@wp.kernel
def total(xs: wp.array(dtype=float), out: wp.array(dtype=float)):
    i, lane = wp.tid()
    x = xs[i + lane]
    values = wp.tile(x)
    wp.tile_store(out, wp.tile_sum(values), i)
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


def artifacts(sources: list[str], options: CompileOptions, workspace: Workspace) -> list[Artifacts]:
    with compile_batch(sources, options, workspace) as batch:
        compiled = [result for result in batch.results if isinstance(result, Compiled)]
        assert len(compiled) == len(sources), batch.results
        return [one.artifacts for one in compiled]


def translations(
    sources: list[str], options: CompileOptions, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Compile the sources; returns the functions that Warp translated, each as often as it did."""
    import warp._src.codegen as codegen

    found: list[str] = []
    build = codegen.Adjoint.build

    def noted(adjoint: codegen.Adjoint, *arguments: object, **options: object) -> None:
        found.append(adjoint.fun_name)
        build(adjoint, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(codegen.Adjoint, "build", noted)
        artifacts(sources, options, workspace)
    return found


def test_every_function_is_translated_once_for_both_targets(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(translations([LOOP], CompileOptions(), workspace, monkeypatch)) == ["accumulate", "shifted"]


def test_tiles_are_translated_once_for_blocks_of_one_size(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = CompileOptions().for_blocks_of(32)
    assert translations([BLOCK_WIDE], options, workspace, monkeypatch) == ["total"]


@pytest.mark.parametrize("backward", [True, False])
def test_the_code_is_that_of_a_translation_for_each_target(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, backward: bool
) -> None:
    sources = [LOOP, *(sample.source for sample in SAMPLES)]
    options = CompileOptions(backward=backward)
    shared = artifacts(sources, options, workspace)
    monkeypatch.setattr(compiling, "shared_codegen", lambda neutral: nullcontext())
    assert shared == artifacts(sources, options, workspace)


def test_a_target_that_is_compiled_alone_gets_the_same_code(workspace: Workspace) -> None:
    both = artifacts([LOOP], CompileOptions(), workspace)[0]
    alone = artifacts([LOOP], CompileOptions(targets=("cpu",)), workspace)[0]
    assert alone == replace(both, cuda_forward="", cuda_backward="")


def test_only_sources_without_tiles_are_translated_alike_for_blocks_of_any_size() -> None:
    assert "block_dim" in neutral_options([LOOP], plain_tiles=False)
    assert "block_dim" not in neutral_options([LOOP, BLOCK_WIDE], plain_tiles=True)
    assert "output_arch" not in neutral_options([BLOCK_WIDE], plain_tiles=False)
