"""A finding says which option makes it go away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu, emulator
from oracle.inputs import make_inputs
from oracle.judge import Judge, Judgement
from oracle.observation import Verdict
from oracle.peers.toggles import Accused, options_that_change

RACE = """import warp as wp


@wp.kernel
def shifted(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    for k in range(1, 3):
        out[k] = out[k - 1] + x[i]
"""
"""What it leaves behind depends on the threads' order, which its loop's unrolling does not change."""

REFUSED_WITH_BACKWARD = """import warp as wp


@wp.kernel
def sprung(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    total = 0.0
    for _k in range(20):
        total = total + x[i]
    out[i] = total
"""
"""Warp refuses a dynamic loop that changes a variable that began as a literal; 20 trips are unrolled if it may."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("warp")) as opened:
        yield opened


def test_the_option_under_which_a_refused_kernel_compiles_is_named(workspace: Workspace) -> None:
    accused = Accused(REFUSED_WITH_BACKWARD, CompileOptions(), (4,))
    judgement = Judgement(Verdict.COMPILE_ERROR, "codegen")
    assert options_that_change(accused, Judge(cpu, emulator, "emulator"), workspace, judgement) == ("max_unroll 64",)


def test_no_option_helps_a_kernel_that_races(workspace: Workspace) -> None:
    judge = Judge(cpu, emulator, "emulator")
    with compile_batch([RACE], CompileOptions(), workspace) as batch:
        compiled = batch.results[0]
        assert isinstance(compiled, Compiled)
        inputs = make_inputs(compiled.kernel, [Argument("x", (64,)), Argument("out", (64,), written=True)], 1)
        judgement = judge.judge(compiled, (64,), inputs, backward=True)
    assert judgement.verdict.accuses
    accused = Accused(RACE, CompileOptions(), (64,), inputs)
    assert options_that_change(accused, judge, workspace, judgement) == ()


def test_a_kernel_that_nothing_accuses_is_left_alone(workspace: Workspace) -> None:
    accused = Accused(RACE, CompileOptions(), (64,))
    judgement = Judgement(Verdict.MATCH, "equal to the bit")
    assert options_that_change(accused, Judge(cpu, emulator, "emulator"), workspace, judgement) == ()
