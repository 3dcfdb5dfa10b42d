"""How Warp lays out what it passes to a CUDA kernel, for PTX that arrives without the Warp that made it.

The first parameter are the launch bounds (`launch_bounds_t` in Warp's `builtin.h`), arrays are descriptors (`array_t`
in `array.h`); the backward entry takes the same parameters and then one adjoint for each but the bounds. As in Warp
1.19; older releases pass bounds of another layout.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence

ENTRY = re.compile(r"(?P<kernel>\w+?)(?:_[0-9a-f]{8})?_cuda_kernel_(?P<direction>forward|backward)$")
"""The name of an entry that Warp generated: the kernel's, a hash, the direction."""

BOUNDS = {1: "<I4xQQ", 2: "<2IQQ", 3: "<3I4xQQ", 4: "<4IQQ"}
"""Launch bounds by number of dimensions: extents, number of threads, threads that share each coordinate."""

ARRAY = "<QQ4i4iHH4x"
"""An array's descriptor: data, gradient, four extents, four strides in bytes, number of dimensions, flags."""

ARRAY_BYTES = struct.calcsize(ARRAY)
GRADIENT_OFFSET = 8
STRIDES_OFFSET = 32


def launch_bounds(dims: Sequence[int], threads_each: int = 1) -> bytes:
    """Bounds of a launch over 1 to 4 `dims`, with `threads_each` threads (a block, for tiles) at each place."""
    return struct.pack(BOUNDS[len(dims)], *dims, math.prod(dims) * threads_each, threads_each)


def array_descriptor(data: int, gradient: int, shape: Sequence[int], element_bytes: int) -> bytes:
    """The descriptor of a contiguous array of up to four dimensions; addresses in the device's memory, 0 for none."""
    strides = [element_bytes * math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    padding = [0] * (4 - len(shape))
    return struct.pack(ARRAY, data, gradient, *shape, *padding, *strides, *padding, len(shape), 0)


def bounds_ranks(size: int) -> tuple[int, ...]:
    """How many dimensions bounds of `size` bytes may have."""
    return tuple(rank for rank, layout in BOUNDS.items() if struct.calcsize(layout) == size)
