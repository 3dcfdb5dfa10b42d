"""Resources as kernel arguments: meshes, bvhs, hash grids, volumes and textures, small, and made from numbers alone.

Like all inputs they come from a seed by integer arithmetic, so a seed means the same resource everywhere. Builders that
put the same tree on every device are chosen where there is a choice, so that what a query finds comes in one order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from grammar.arguments import (
    GRID_CELLS,
    GRID_RADIUS,
    GROUPS,
    INDEX_VOXELS,
    TEXELS,
    TILE_VOXELS,
    VOLUME_CORNER,
    VOXEL_SIZE,
    family_of,
)

NUMBERS = 8192
"""How many random numbers a resource is made from."""

CONSTRUCTOR = "median"
"""How trees are built: by the host for every device, and not with the heuristic that compares sums of floats."""


@dataclass(frozen=True)
class ResourceInput:
    """What a resource is made from: a word of `grammar.arguments.RESOURCES`, a count of items, and `NUMBERS` uint64.

    `written` says that the kernel stores to it.
    """

    word: str
    count: int
    written: bool
    numbers: np.ndarray

    def coordinates(self, count: int, first: int = 0) -> np.ndarray:
        """Return (count, 3) float64 multiples of 1/256 from -2 to 2, from the numbers beginning at `first`."""
        raw = np.resize(self.numbers[first:], 3 * count)
        return ((raw >> np.uint64(20)) % np.uint64(1024)).astype(np.float64).reshape(count, 3) / 256.0 - 2.0


@dataclass(frozen=True)
class Resource:
    """A resource on a device: what a launch takes for it, and `objects` that must live as long as that is used.

    `handle` is the number by which native code finds it, `written` says that the kernel stores to it.
    """

    word: str
    value: Any
    handle: int
    objects: tuple[Any, ...]
    written: bool = False

    def stored(self) -> np.ndarray:
        """Return what kernels store to: a volume's voxels, tile by tile, on the cpu as a view of the volume itself."""
        return voxels_of(self.objects[0].array().numpy(), self.word)


def build(given: ResourceInput, device: str) -> Resource:
    """Build the resource on a device."""
    return _BUILDERS[family_of(given.word)](given, device)


def _groups(count: int, device: str) -> wp.array:
    return wp.array(np.arange(count, dtype=np.int32) % GROUPS, dtype=wp.int32, device=device)


_OCTAHEDRON = (
    ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)),
    ((0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)),
)
_TETRAHEDRON = (((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)), ((0, 1, 2), (0, 3, 1), (0, 2, 3), (1, 3, 2)))
_CUBE = (
    ((-1, -1, -1), (1, -1, -1), (1, 1, -1), (-1, 1, -1), (-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)),
    (
        (0, 2, 1), (0, 3, 2), (4, 5, 6), (4, 6, 7), (0, 1, 5), (0, 5, 4),
        (3, 6, 2), (3, 7, 6), (0, 4, 7), (0, 7, 3), (1, 2, 6), (1, 6, 5),
    ),
)  # fmt: skip
SHAPES = (
    (_OCTAHEDRON, (-1.0, -0.5, 0.0), 0.75),
    (_TETRAHEDRON, (0.5, 1.0, 0.25), 0.5),
    (_CUBE, (0.75, -0.75, -0.5), 0.5),
)
"""The closed shapes of a mesh: vertices and triangles (counterclockwise from outside), center, and size."""


def mesh_points(given: ResourceInput) -> np.ndarray:
    """Return the vertices of all shapes, (n, 3) float64, each moved by up to 1/16 along each axis."""
    places = [np.array(center) + size * np.array(vertices) for (vertices, _), center, size in SHAPES]
    exact = np.concatenate(places)
    return np.asarray(exact + given.coordinates(len(exact)) / 32.0)


def mesh_faces() -> np.ndarray:
    """Return the vertices of all triangles, (n, 3) int32."""
    first, faces = 0, []
    for (vertices, triangles), _, _ in SHAPES:
        faces.append(np.array(triangles, np.int32) + first)
        first += len(vertices)
    return np.concatenate(faces)


def mesh_velocities(given: ResourceInput) -> np.ndarray:
    """Return the velocities of all vertices, (n, 3) float64."""
    return given.coordinates(len(mesh_points(given)), first=1024)


def _mesh(given: ResourceInput, device: str) -> Resource:
    points, velocities = mesh_points(given), mesh_velocities(given)
    groups = None
    if given.word == "mesh_groups":
        sizes = [len(triangles) for (_, triangles), _, _ in SHAPES]
        groups = wp.array(np.repeat(np.arange(GROUPS, dtype=np.int32), sizes), dtype=wp.int32, device=device)
    mesh = wp.Mesh(
        points=wp.array(points.astype(np.float32), dtype=wp.vec3, device=device),
        velocities=wp.array(velocities.astype(np.float32), dtype=wp.vec3, device=device),
        indices=wp.array(mesh_faces().ravel(), dtype=wp.int32, device=device),
        # In Warp 1.19 the winding numbers of a mesh with groups are of unset memory (native/mesh.cpp).
        support_winding_number=given.word == "mesh",
        bvh_constructor=CONSTRUCTOR,
        groups=groups,
    )
    return Resource(given.word, mesh.id, mesh.id, (mesh, groups))


def boxes(given: ResourceInput) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest corners of a tree's boxes, (n, 3) float64."""
    lowers = given.coordinates(given.count)
    return lowers, lowers + (given.coordinates(given.count, first=2048) + 2.25) / 4.0


def _bvh(given: ResourceInput, device: str) -> Resource:
    arrays = [wp.array(corners.astype(np.float32), dtype=wp.vec3, device=device) for corners in boxes(given)]
    groups = _groups(given.count, device) if given.word == "bvh_groups" else None
    bvh = wp.Bvh(*arrays, constructor=CONSTRUCTOR, groups=groups)
    return Resource(given.word, bvh.id, bvh.id, (bvh, groups))


_GRID_TYPES = {"hash_grid_h": (wp.float16, wp.vec3h, np.float16), "hash_grid_d": (wp.float64, wp.vec3d, np.float64)}


def _hash_grid(given: ResourceInput, device: str) -> Resource:
    scalar, vector, dtype = _GRID_TYPES.get(given.word, (wp.float32, wp.vec3, np.float32))
    cells = (GRID_CELLS,) * 3
    grid = wp.HashGrid(*cells, device=device) if dtype == np.float32 else wp.HashGrid(*cells, device, dtype=scalar)
    points = wp.array(given.coordinates(given.count).astype(dtype), dtype=vector, device=device)
    if given.word == "hash_grid_groups":
        grid.build(points, GRID_RADIUS, groups=_groups(given.count, device))
    else:
        grid.build(points, GRID_RADIUS)
    return Resource(given.word, grid.id, grid.id, (grid, points))


_VOXELS: Mapping[str, tuple[Any, Any, int]] = {
    "volume_f": (0.5, np.float32, 1),
    "volume_d": (wp.float64(0.5), np.float64, 1),
    "volume_i": (wp.int32(-1), np.int32, 1),
    "volume_l": (wp.int64(-1), np.int64, 1),
    "volume_ui": (wp.uint32(1), np.uint32, 1),
    "volume_v": (wp.vec3(0.5, 0.0, -0.5), np.float32, 3),
    "volume_v3d": (wp.vec3d(0.5, 0.0, -0.5), np.float64, 3),
    "volume_v4": (wp.vec4(0.5, 0.0, -0.5, 1.0), np.float32, 4),
    "volume_v4d": (wp.vec4d(0.5, 0.0, -0.5, 1.0), np.float64, 4),
}
"""The background of each kind of volume, the dtype of its components, and how many a voxel has."""

STORABLE = frozenset(_VOXELS)
"""The resources that a kernel may store to."""

_TILES = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1))
"""The tiles of a volume, all in one node of the tree, which keeps it below half a megabyte."""

_TREE = 672
"""Where in a NanoVDB grid the tree begins (PNanoVDB.h, `pnanovdb_tree_t`).

Its first word is the distance to the leaves. They come last among the nodes, and a leaf ends with its 512 voxels.
"""


def _volume(given: ResourceInput, device: str) -> Resource:
    """Build a volume on the cpu and copy its bytes, so that they are the same on every device."""
    if given.word == "volume_index":
        voxels = np.stack(np.unravel_index(np.arange(INDEX_VOXELS), (4, 4, 4)), axis=-1).astype(np.int32)
        places = wp.array(voxels, dtype=wp.int32, device="cpu")
        volume = wp.Volume.allocate_by_voxels(places, VOXEL_SIZE, VOLUME_CORNER, device="cpu")
    else:
        tiles = wp.array(TILE_VOXELS * np.array(_TILES, np.int32), dtype=wp.int32, device="cpu")
        background = _VOXELS[given.word][0]
        volume = wp.Volume.allocate_by_tiles(tiles, VOXEL_SIZE, background, VOLUME_CORNER, device="cpu")
        values = voxels_of(volume.array().numpy(), given.word)
        values[...] = _voxel_values(given, values.shape, values.dtype)
    if device != "cpu":
        volume = wp.Volume(wp.clone(volume.array(), device=device))
    return Resource(given.word, volume.id, volume.id, (volume,), given.written)


def voxel_grid(given: ResourceInput) -> np.ndarray:
    """Return what a volume of tiles holds from voxel (0, 0, 0) on, (16, 16, 16, components): tiles and background.

    Tiles come in the order of their coordinates, their voxels with the last coordinate running fastest, as NanoVDB has
    them.
    """
    _, dtype, components = _VOXELS[given.word]
    values = _voxel_values(given, (len(_TILES), TILE_VOXELS**3, components), dtype)
    extent = TILE_VOXELS * (1 + int(np.max(_TILES)))
    grid = np.tile(voxel_background(given), (extent, extent, extent, 1))
    for tile, held in zip(sorted(_TILES), values, strict=True):
        part = tuple(slice(TILE_VOXELS * place, TILE_VOXELS * (place + 1)) for place in tile)
        grid[part] = held.reshape((TILE_VOXELS,) * 3 + (components,))
    return grid


def voxel_background(given: ResourceInput) -> np.ndarray:
    """Return what a volume holds where no tile is, (components,)."""
    background, dtype, components = _VOXELS[given.word]
    outside = [getattr(one, "value", one) for one in ([background] if components == 1 else background)]
    return np.asarray(outside, dtype)


def voxels_of(buffer: np.ndarray, word: str) -> np.ndarray:
    """Return the voxels in a grid's bytes as a view, (tiles, voxels of a tile, components)."""
    _, dtype, components = _VOXELS[word]
    leaves = _TREE + int(buffer[_TREE : _TREE + 8].view(np.int64)[0])
    count = int(buffer[_TREE + 32 : _TREE + 36].view(np.uint32)[0])
    size = (len(buffer) - leaves) // count
    width = np.dtype(dtype).itemsize
    shape = (count, TILE_VOXELS**3, components)
    first = leaves + size - shape[1] * components * width
    return np.ndarray(shape, dtype, buffer, first, (size, components * width, width))


def _voxel_values(given: ResourceInput, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return small integers, or for floats multiples of 1/16 from -4 to 4."""
    raw = np.resize(given.numbers, int(np.prod(shape))).reshape(shape) >> np.uint64(30)
    small = (raw % np.uint64(129)).astype(np.int64)
    if np.dtype(dtype).kind == "f":
        return np.asarray(small / 16.0 - 4.0, dtype)
    return np.asarray(small if np.dtype(dtype).kind == "u" else small - 64, dtype)


def _texture(given: ResourceInput, device: str) -> Resource:
    axes = int(given.word[len("texture")])
    texels = _voxel_values(given, (TEXELS,) * axes + (4,), np.float32)
    kind = {1: wp.Texture1D, 2: wp.Texture2D, 3: wp.Texture3D}[axes]
    nearest = wp.TextureFilterMode.CLOSEST
    texture = kind(texels, filter_mode=nearest, device=device)
    return Resource(given.word, texture, texture.id, (texels,))


_BUILDERS: Mapping[str, Callable[[ResourceInput, str], Resource]] = {
    "mesh": _mesh,
    "bvh": _bvh,
    "hash_grid": _hash_grid,
    "volume": _volume,
    "texture1d": _texture,
    "texture2d": _texture,
    "texture3d": _texture,
}
