"""Triangles, rays and edges: which side a point lies on decides, and near zero rounding may say either.

A ray and a triangle are compared by signed volumes of tetrahedra. Where one that matters is as small
as its rounding errors, noise takes it for either sign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound
from oracle.reference.definitions.geometry import made_of, mesh_corners
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import Undefined

_CLOSE = 64.0
"""Units in the last place of the product of three lengths, below which a volume's sign is open."""


def _sign(run: Run, name: str, volume: float, size: float, eps: float) -> int:
    """Return the sign of a volume; 0 and what is close to it may be either."""
    if abs(volume) > _CLOSE * eps * size:
        return 1 if volume > 0 else -1
    return int(run.either(f"{name} {volume!r}", *((1, -1) if volume >= 0 else (-1, 1))))


def _crosses(run: Run, start: np.ndarray, along: np.ndarray, triangle: np.ndarray, eps: float) -> bool:
    """Whether a line passes through a triangle: it turns the same way around all three edges."""
    ends = triangle - start
    size = float(np.linalg.norm(along)) * float(np.abs(ends).max()) ** 2
    turns = {
        _sign(run, "turn", float(np.dot(along, np.cross(ends[one], ends[other]))), size, eps)
        for one, other in ((0, 1), (1, 2), (2, 0))
    }
    return len(turns) == 1


def _hits(run: Run, handle: Any, start: Compound, direction: Compound, root: Any, most: float) -> int:
    """Count the faces of a mesh that a ray passes through, up to so many lengths of its direction."""
    if int(root) != -1:
        raise LackingError("queries from a node of a tree")
    origin, along = (np.array([float(item) for item in vector.items]) for vector in (start, direction))
    if not (np.isfinite(origin).all() and np.isfinite(along).all() and along.any()):
        raise Undefined("a ray without a direction")
    eps = float(np.finfo(np.float32).eps)
    count = 0
    for face in _candidates(made_of(run, handle, "mesh", mesh_corners).astype(np.float64), origin, along, eps):
        normal = np.cross(face[1] - face[0], face[2] - face[0])
        slope, height = float(np.dot(normal, along)), float(np.dot(normal, face[0] - origin))
        if not slope or not _crosses(run, origin, along, face, eps):
            continue
        size = float(np.linalg.norm(normal)) * (float(np.abs(face - origin).max()) + float(np.abs(origin).max()))
        ahead = _sign(run, "ahead", height * np.sign(slope), size, eps) > 0
        beyond = most < np.inf and _sign(run, "beyond", height / slope - most, abs(height / slope) + most, eps) > 0
        count += ahead and not beyond
    return count


def _candidates(faces: np.ndarray, origin: np.ndarray, along: np.ndarray, eps: float) -> np.ndarray:
    """Return the faces that a line may pass through: around no two edges of others does it surely turn one way."""
    ends = faces - origin
    turns = np.cross(ends, np.roll(ends, -1, axis=1)) @ along
    open_ = _CLOSE * eps * np.linalg.norm(along) * np.abs(ends).max(axis=(1, 2))[:, None] ** 2
    return np.asarray(faces[~((turns > open_).any(axis=1) & (turns < -open_).any(axis=1))])


def count_hits(run: Run, handle: Any, start: Compound, direction: Compound, root: Any = -1) -> Any:
    """Return how many faces of a mesh a ray passes through."""
    return np.int32(_hits(run, handle, start, direction, root, np.inf))


def any_hit(run: Run, handle: Any, start: Compound, direction: Compound, most: Any, root: Any = -1) -> bool:
    """Return whether a ray passes through a face of a mesh, within so many lengths of its direction."""
    return _hits(run, handle, start, direction, root, float(most)) > 0


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "mesh_query_ray_count_intersections": count_hits,
        "mesh_query_ray_anyhit": any_hit,
    }
)
