"""The hand-written kernels are what they are for: accepted by the recogniser, and compiled by Warp for both targets."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_language import NATIVE, SOURCES

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.recogniser import accept


@pytest.mark.parametrize("name", SOURCES)
def test_a_kernel_across_the_language_is_accepted(name: str) -> None:
    assert accept(SOURCES[name]) is None
    assert accept(SOURCES[name].encode()) is None


def test_kernels_across_the_language_compile(tmp_path: Path) -> None:
    sources = {**SOURCES, "native": NATIVE}
    with (
        open_workspace(tmp_path) as workspace,
        compile_batch(list(sources.values()), CompileOptions(), workspace) as batch,
    ):
        failed = {
            name: result
            for name, result in zip(sources, batch.results, strict=True)
            if not isinstance(result, Compiled)
        }
    assert not failed
