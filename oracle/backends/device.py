"""The target `cuda` on a real device, the first one that Warp sees."""

from __future__ import annotations

from collections.abc import Sequence

import warp as wp

from extractor.compiling import Compiled
from oracle.backends.native import run_native
from oracle.inputs import Inputs
from oracle.observation import Observation

DEVICE = "cuda:0"


def available() -> bool:
    """Whether Warp can launch on a CUDA device here."""
    return bool(wp.is_cuda_available())


def run(compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
    """Run the kernel over `dims` on the device, which Warp compiles it for at the first launch.

    Raises RuntimeError without a device. An illegal access leaves the process' CUDA context unusable: call it in a
    worker process.
    """
    return run_native(compiled, dims, inputs, backward, DEVICE)
