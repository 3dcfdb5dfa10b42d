"""The virtual CUDA device: Warp's own Python runs kernels, tapes, tiles and graphs on `cuda:0` with no GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("virtual_device_script.py")
CHECKS = ("arrays_and_gradients", "tiles_and_graphs", "copies_of_strided_arrays", "wrong_accesses", "what_is_missing")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    cache = tmp_path_factory.mktemp("kernels")
    return subprocess.run(
        [sys.executable, SCRIPT, cache], capture_output=True, text=True, timeout=300, cwd=SCRIPT.parent, check=False
    )


@pytest.mark.parametrize("check", CHECKS)
def test_warp_sees_a_device_that_does(check, run):
    assert check in run.stdout.splitlines(), run.stderr[-2000:]


def test_nothing_else_goes_wrong_on_the_virtual_device(run):
    assert run.returncode == 0, run.stderr[-2000:]
