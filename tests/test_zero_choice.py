"""min and max of two zeros: the targets return different ones, C lets them, and nothing else passes for that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from extractor.compiling import Batch, Compiled, CompileOptions, compile_batch
from extractor.ptx_text import PtxText
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu, emulator
from oracle.inputs import make_inputs
from oracle.judge import Judge, Judgement
from oracle.observation import Verdict

KERNEL = """
import warp as wp


@wp.kernel
def choose(x: wp.array(dtype=wp.{dtype}), lower: wp.array(dtype=wp.{dtype}), upper: wp.array(dtype=wp.{dtype})):
    i = wp.tid()
    up = wp.abs(x[i]) * wp.{dtype}(0.0)
    down = up * wp.{dtype}(-1.0)
    lower[i] = wp.min(up, down)
    upper[i] = wp.max(down, up)
"""
DTYPES = ("float16", "float32", "float64")
COUNT = 64
ARGUMENTS = tuple(Argument(name, (COUNT,), written=name != "x") for name in ("x", "lower", "upper"))


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    sources = [KERNEL.format(dtype=dtype) for dtype in DTYPES]
    with (
        open_workspace(tmp_path_factory.mktemp("zeros")) as workspace,
        compile_batch(sources, CompileOptions(), workspace) as batch,
    ):
        yield batch


def _judge(compiled: Compiled) -> Judgement:
    inputs = make_inputs(compiled.kernel, ARGUMENTS, 3)
    return Judge(cpu, emulator, "emulator").judge(compiled, (COUNT,), inputs, False)


def _compiled(batch: Batch, dtype: str) -> Compiled:
    compiled = batch.results[DTYPES.index(dtype)]
    assert isinstance(compiled, Compiled)
    return compiled


@pytest.mark.parametrize("dtype", DTYPES)
def test_another_zero_is_a_match_and_the_reason_says_so(batch, dtype):
    judgement = _judge(_compiled(batch, dtype))
    assert judgement.verdict is Verdict.MATCH, judgement.reason
    assert "which of two zeros" in judgement.reason
    assert judgement.comparison is not None and not judgement.comparison.equal


def test_a_value_that_is_no_zero_is_still_a_mismatch(batch):
    compiled = _compiled(batch, "float32")
    start = compiled.ptx.text.index(compiled.forward_entry)
    end = compiled.ptx.text.index("\n}\n", start)
    body, edits = re.subn(r"(mul\.rn\.f32 .*), 0f00000000", r"\1, 0f3F800000", compiled.ptx.text[start:end])
    assert edits
    wrong = replace(compiled, ptx=PtxText(compiled.ptx.text[:start] + body + compiled.ptx.text[end:]))
    assert _judge(wrong).verdict is Verdict.MISMATCH
