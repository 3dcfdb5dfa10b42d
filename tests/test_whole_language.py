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


FORGED = """import warp as wp


@wp.kernel
def forge(handle: wp.uint64, out: wp.array(dtype=wp.uint64)):
    {}
"""
ADDRESSES = [
    "wp.store(handle, wp.uint64(1))",
    "wp.store(wp.uint64(4096), wp.uint64(1))",
    "wp.store(handle + wp.uint64(8), handle)",
    "out[0] = wp.load(handle)",
    "wp.array_store(handle, 0, handle)",
    "wp.store(wp.address(handle, 0), handle)",
    "wp.store(wp.index(handle, 0), handle)",
    "out[0] = wp.view(handle, 0)[0]",
    "wp.atomic_add(handle, 0, handle)",
    "handle[0] = handle",
    "out[0] = wp.array(ptr=handle.ptr, shape=(1,), dtype=wp.uint64)[0]",
]


def test_no_number_passes_for_an_address(tmp_path: Path) -> None:
    """The recogniser does not check types; that a number is no pointer, Warp and the C++ behind it say."""
    sources = [FORGED.format(line) for line in ADDRESSES]
    with (
        open_workspace(tmp_path) as workspace,
        compile_batch(sources, CompileOptions(backward=False), workspace) as batch,
    ):
        taken = [line for line, result in zip(ADDRESSES, batch.results, strict=True) if isinstance(result, Compiled)]
    assert not taken
