"""What an argument may be beyond its type: how an array lies in memory, what fills it, what a handle stands for.

One table for all rooms: productions choose among these words, the back ends build what they say, records carry them.
"""

from __future__ import annotations

from collections.abc import Mapping

LAYOUTS: Mapping[str, str] = {
    "strided": "every second element of a larger array, along the last axis",
    "transposed": "an array whose memory runs along the first axis",
    "sliced": "the middle of a larger array",
    "indexed": "a wp.indexedarray: a larger array seen through lists of indices, no index twice",
}
"""How an array lies in memory; without a word it is contiguous."""

FILLS: Mapping[str, str] = {
    "whole": "floats that are small whole numbers, whose sums and products are exact in any order",
    "sorted": "ascending along the last axis",
    "unit": "floats from 0 to 1",
    "cdf": "ascending floats from above 0 to exactly 1, as wp.sample_cdf reads them",
    "lower": "whole floats, lower triangular with powers of 2 on the diagonal",
    "upper": "whole floats, upper triangular with powers of 2 on the diagonal",
    "definite": "the product of a `lower` matrix with its transpose, so that its Cholesky factor is exact",
    "point": "floats from -2 to 2, where the resources are",
}
"""What an argument's values have in common; without a word they are any values, edge values among them."""

RESOURCES: Mapping[str, str] = {
    "mesh": "a wp.Mesh, passed as its id",
    "bvh": "a wp.Bvh, passed as its id",
    "hash_grid": "a wp.HashGrid, passed as its id",
    "volume_f": "a wp.Volume of floats, passed as its id",
    "volume_v": "a wp.Volume of vec3, passed as its id",
    "volume_i": "a wp.Volume of int32, passed as its id",
    "volume_index": "a wp.Volume of voxel indices, passed as its id",
    "texture1d": "a wp.Texture1D, passed as the object",
    "texture2d": "a wp.Texture2D, passed as the object",
    "texture3d": "a wp.Texture3D, passed as the object",
}
"""What a parameter stands for that is neither a value nor an array."""
