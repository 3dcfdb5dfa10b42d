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
    "mesh": "a wp.Mesh of closed shapes with velocities, passed as its id",
    "mesh_groups": "a mesh whose shapes are groups, without winding numbers",
    "bvh": "a wp.Bvh of boxes, as many as the shape says, passed as its id",
    "bvh_groups": "a bvh whose boxes belong to groups",
    "hash_grid": "a wp.HashGrid over as many points as the shape says, passed as its id",
    "hash_grid_groups": "a hash grid whose points belong to groups",
    "hash_grid_h": "a hash grid of vec3h",
    "hash_grid_d": "a hash grid of vec3d",
    "volume_f": "a wp.Volume of floats, passed as its id",
    "volume_d": "a volume of float64",
    "volume_i": "a volume of int32",
    "volume_l": "a volume of int64",
    "volume_ui": "a volume of uint32",
    "volume_v": "a volume of vec3",
    "volume_v3d": "a volume of vec3d",
    "volume_v4": "a volume of vec4",
    "volume_v4d": "a volume of vec4d",
    "volume_index": "a volume of voxel indices",
    "texture1d": "a wp.Texture1D of four channels, read at the nearest texel, passed as the object",
    "texture2d": "a wp.Texture2D of four channels, read at the nearest texel, passed as the object",
    "texture3d": "a wp.Texture3D of four channels, read at the nearest texel, passed as the object",
}
"""What a parameter stands for that is neither a value nor an array."""

RESOURCE_FAMILIES = ("mesh", "bvh", "hash_grid", "volume", "texture1d", "texture2d", "texture3d")
"""What a resource is as far as a kernel's source tells: each word above begins with one of these."""

DEFAULT_ITEMS = 32
"""How many boxes or points there are where no shape says it."""

MESH_POINTS, MESH_FACES, GROUPS = 18, 24, 3
"""How many vertices and triangles a mesh has, and how many groups, numbered from 0, there are where there are any."""

GRID_RADIUS = 0.5
"""The width of a hash grid's cells, which there are `GRID_CELLS` of along each axis before the grid repeats."""

GRID_CELLS = 8

VOXEL_SIZE, TILE_VOXELS = 0.25, 8
"""The width of a volume's voxels, and of its tiles in voxels; the tile from voxel (0, 0, 0) on is always there."""

VOLUME_CORNER = (-2.0, -2.0, -2.0)
"""Where voxel (0, 0, 0) of a volume is in world space."""

INDEX_VOXELS = 64
"""How many voxels a volume of indices has: those from (0, 0, 0) to (3, 3, 3)."""

TEXELS = 8
"""The extent of a texture along each axis."""


def family_of(resource: str) -> str:
    """Return the family that a word of `RESOURCES` belongs to; raises ValueError for another word."""
    if resource not in RESOURCES:
        raise ValueError(f"no resource is called {resource!r}")
    return next(family for family in RESOURCE_FAMILIES if resource.startswith(family))
