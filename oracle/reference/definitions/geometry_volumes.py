"""Volumes: their coordinates, their voxels, and what lies between these.

What a volume of indices numbers its voxels by is open, so nothing is defined of these numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from grammar.arguments import INDEX_VOXELS, VOLUME_CORNER, VOXEL_SIZE
from oracle.reference.compounds import Compound
from oracle.reference.definitions.geometry import made_of, resource
from oracle.reference.definitions.tiles_sums import moved
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import Undefined
from oracle.resources import STORABLE, voxel_background, voxel_grid

LINEAR = 1
"""The sampling mode that interpolates; the other one takes the closest voxel."""

_MATRIX_ROUNDINGS = 6.0
"""Roundings of a coordinate that an affine map computes: three products, three sums."""


# Coordinates


def _to_world(direction: bool) -> Callable[..., Compound]:
    def define(run: Run, handle: Any, place: Compound) -> Compound:
        resource(run, handle, "volume")
        corner = (0.0, 0.0, 0.0) if direction else VOLUME_CORNER
        return _mapped(run, place, lambda axis, x: (x * VOXEL_SIZE, corner[axis]))

    return define


def _to_index(direction: bool) -> Callable[..., Compound]:
    def define(run: Run, handle: Any, place: Compound) -> Compound:
        resource(run, handle, "volume")
        corner = (0.0, 0.0, 0.0) if direction else VOLUME_CORNER
        return _mapped(run, place, lambda axis, x: (x / VOXEL_SIZE, -corner[axis] / VOXEL_SIZE))

    return define


def _mapped(run: Run, place: Compound, terms_of: Callable[[int, float], tuple[float, float]]) -> Compound:
    """Return a position of which each coordinate is the sum of two terms, in float32 or the position's own type."""
    terms = np.array([terms_of(axis, float(item)) for axis, item in enumerate(place.items)]).T
    scalar = place.type.scalar
    single = run.scalars["float32"]
    with np.errstate(all="ignore"):
        sums = terms.sum(axis=0).astype(scalar.make)
    # the other axes' coordinates are multiplied by zeros, which keeps what is infinite or no number
    if not np.isfinite(terms).all():
        raise Undefined("coordinates of what is not finite")
    sizes = np.abs(terms).sum(axis=0) * (single.limits.eps / scalar.limits.eps)
    values = moved(run, "volume coordinates", sums, scalar, _MATRIX_ROUNDINGS, sizes, _exact(terms))
    return place.type.converted(values.tolist())


def _exact(terms: np.ndarray) -> np.ndarray:
    """Say of each coordinate whether all that leads to it is exact in float32: the scale is a power of two."""
    return np.asarray(terms.sum(axis=0) == terms.astype(np.float32).sum(axis=0, dtype=np.float32))


# Voxels


def _volume(run: Run, handle: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxels of a volume of tiles and its background, made once for a run."""
    if resource(run, handle, "volume").word not in STORABLE:
        raise LackingError("the numbers of a volume's voxels")
    return made_of(run, handle, "volume", voxel_grid), made_of(run, handle, "volume", voxel_background)


def _value(run: Run, components: Any) -> Any:
    """Return a voxel's value in the type that the volume has."""
    array = np.atleast_1d(components)
    scalar = run.scalars[str(array.dtype)]
    items = [scalar(item) for item in array.tolist()]
    return items[0] if len(items) == 1 else run.vector(len(items), scalar).of(items)


def _voxel(run: Run, handle: Any, index: tuple[int, ...]) -> np.ndarray:
    grid, background = _volume(run, handle)
    inside = all(0 <= place < extent for place, extent in zip(index, grid.shape, strict=False))
    return np.asarray(grid[index] if inside else background)


def lookup(run: Run, handle: Any, i: Any, j: Any, k: Any, dtype: Any = None) -> Any:
    """Return a voxel's value, the background where there is none."""
    return _value(run, _voxel(run, handle, (int(i), int(j), int(k))))


def sample(run: Run, handle: Any, place: Compound, mode: Any = 0, dtype: Any = None) -> Any:
    """Return the closest voxel's value, or what lies between the eight around a place."""
    coordinates = [float(item) for item in place.items]
    if not all(math.isfinite(x) and abs(x) < 2**24 for x in coordinates):
        raise Undefined("a volume sampled at what is no place in it")
    if int(mode) != LINEAR:
        nearest = tuple(int(math.copysign(math.floor(abs(x) + 0.5), x)) for x in coordinates)
        return _value(run, _voxel(run, handle, nearest))
    return _between(run, handle, coordinates)


def _between(run: Run, handle: Any, coordinates: list[float]) -> Any:
    """Interpolate along the three axes; all rounds in float32 at least, relative to the largest voxel around."""
    lowest = [math.floor(x) for x in coordinates]
    parts = [x - low for x, low in zip(coordinates, lowest, strict=True)]
    terms, around = [], []
    for corner in itertools.product((0, 1), repeat=3):
        index = tuple(low + step for low, step in zip(lowest, corner, strict=True))
        weight = math.prod(part if step else 1.0 - part for part, step in zip(parts, corner, strict=True))
        around.append(_voxel(run, handle, index))
        terms.append(weight * around[-1].astype(np.float64))
    dtype = around[0].dtype
    if dtype.kind != "f":
        raise LackingError("interpolation between integers")
    scalar = run.scalars[str(dtype)]
    sums = np.sum(terms, axis=0).astype(scalar.make)
    sizes = np.max(np.abs(around), axis=0) * (run.scalars["float32"].limits.eps / scalar.limits.eps)
    values = moved(run, "volume_sample", sums, scalar, 8.0, sizes)
    return _value(run, values.astype(dtype) if not run.wide else values)


def voxel_count(run: Run, handle: Any) -> Any:
    """Return how many voxels a volume of indices has."""
    if resource(run, handle, "volume").word in STORABLE:
        raise LackingError("the number of voxels of a volume of tiles")
    return run.scalars["uint64"](INDEX_VOXELS)


_SUFFIXES = ("", "_f", "_v", "_i")

DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "volume_index_to_world": _to_world(direction=False),
        "volume_index_to_world_dir": _to_world(direction=True),
        "volume_world_to_index": _to_index(direction=False),
        "volume_world_to_index_dir": _to_index(direction=True),
        **{f"volume_lookup{suffix}": lookup for suffix in _SUFFIXES},
        **{f"volume_sample{suffix}": sample for suffix in _SUFFIXES},
        "volume_voxel_count": voxel_count,
    }
)
