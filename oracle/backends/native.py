"""A target run as Warp itself runs it, on the cpu or on a CUDA device: `wp.launch`, forward and then backward."""

from __future__ import annotations

from collections.abc import Sequence

import warp as wp

from extractor.compiling import Compiled
from oracle.backends.launching import forward_leaves, gradient_leaves, prepare
from oracle.inputs import Inputs
from oracle.observation import Observation


def run_native(compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool, device: str) -> Observation:
    """Launch on `device` with fresh copies of `inputs`; backward continues on the arrays that forward left."""
    backward = backward and compiled.has_backward
    arguments = prepare(compiled.kernel, inputs, device, backward)
    launch = {"kernel": compiled.kernel, "dim": tuple(dims), "inputs": arguments.inputs, "device": device}
    start = wp.launch
    if compiled.block_dim:
        start, launch["block_dim"] = wp.launch_tiled, compiled.block_dim
    start(**launch)
    wp.synchronize_device(device)
    values = forward_leaves(arguments)
    if backward:
        start(**launch, adjoint=True, adj_inputs=arguments.adjoints)
        wp.synchronize_device(device)
        values |= gradient_leaves(arguments)
    return Observation(values)
