"""The target `cpu`, as Warp runs it: one thread after another."""

from __future__ import annotations

from collections.abc import Sequence

from extractor.compiling import Compiled
from oracle.backends.native import run_native
from oracle.inputs import Inputs
from oracle.observation import Observation


def run(compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
    """Run the kernel over `dims`. Nothing guards against a crash of the compiled code: call it in a worker process."""
    return run_native(compiled, dims, inputs, backward, "cpu")
