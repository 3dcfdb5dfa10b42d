"""Meshes and trees of boxes: what a query finds is a set, whose order is open.

Resources are what `oracle.resources` makes them from. Tests that rounding may decide either way are decided by
`Run.either` where they are that close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound
from oracle.reference.definitions.tiles_sums import moved
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import ScalarType, Undefined
from oracle.reference.tiles import Tile
from oracle.resources import ResourceInput, boxes, mesh_faces, mesh_points, mesh_velocities

_CLOSE = 2.0**-20
"""Distances that differ by less, relative to their size, may compare either way in float32."""


class Query:
    """What a query found, in one of the orders in which it may come."""

    def __init__(self, run: Run, found: np.ndarray) -> None:
        order = found.tolist()
        self._rest = iter(run.either("query", order, order[::-1]))
        self.valid = True

    def next(self) -> Any:
        """Return the next index, None after the last."""
        place = next(self._rest, None)
        return None if place is None else np.int32(place)

    def __iter__(self) -> Iterator[Any]:
        return map(np.int32, self._rest)


def resource(run: Run, handle: Any, family: str) -> ResourceInput:
    """Return what a handle stands for; raises Undefined if it stands for nothing of that family."""
    found = run.resources.get(int(handle))
    if found is None or not found.word.startswith(family):
        raise Undefined(f"a handle that is no {family}'s")
    return found


def made_of(run: Run, handle: Any, family: str, make: Callable[[ResourceInput], Any]) -> Any:
    """Return what is made of a resource, once for a run; `make` is a function of a module."""
    given = resource(run, handle, family)
    key = (int(handle), make)
    if key not in run.resources:
        run.resources[key] = make(given)
    return run.resources[key]


def _single(values_of: Callable[[ResourceInput], np.ndarray]) -> Callable[[ResourceInput], np.ndarray]:
    """Return a function that gives its numbers as float32, as Warp's arrays hold them."""
    return lambda given: values_of(given).astype(np.float32)


_points = _single(mesh_points)
_velocities = _single(mesh_velocities)


def mesh_corners(given: ResourceInput) -> np.ndarray:
    """Return the vertices of a mesh's faces, (faces, 3, 3) float32."""
    return np.asarray(_points(given)[mesh_faces()])


def _bounds(given: ResourceInput) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest corners of all boxes of a tree, or of all faces, as float32 numbers in float64."""
    if given.word.startswith("mesh"):
        points = mesh_corners(given).astype(np.float64)
        return points.min(axis=1), points.max(axis=1)
    lowers, uppers = (ends.astype(np.float32).astype(np.float64) for ends in boxes(given))
    return lowers, uppers


def _whole_tree(root: Any) -> None:
    if int(root) != -1:
        raise LackingError("queries from a node of a tree")


def _numbers(vector: Compound) -> np.ndarray:
    return np.array([float(item) for item in vector.items])


# Queries


def _in_box(family: str) -> Callable[..., Query]:
    """Return a query for what overlaps a box; whether touching counts, the documentation does not say."""

    def define(run: Run, handle: Any, low: Compound, high: Compound, root: Any = -1) -> Query:
        _whole_tree(root)
        lowers, uppers = made_of(run, handle, family, _bounds)
        first, last = _numbers(low), _numbers(high)
        gaps = np.maximum(lowers - last, first - uppers).max(axis=1)
        touching = run.either("touching boxes", True, False)
        return Query(run, np.flatnonzero((gaps < 0) | (touching & (gaps == 0))))

    return define


def _in_sphere(family: str) -> Callable[..., Query]:
    """Return a query for the boxes, or the faces, that a sphere reaches, touching included."""

    def define(run: Run, handle: Any, center: Compound, radius: Any, root: Any = -1) -> Query:
        _whole_tree(root)
        place, reach = _numbers(center), max(float(radius), 0.0)
        lowers, uppers = made_of(run, handle, family, _bounds)
        distances = np.linalg.norm(np.maximum(np.maximum(lowers - place, place - uppers), 0.0), axis=1)
        if family == "mesh":
            faces = made_of(run, handle, family, mesh_corners).astype(np.float64)
            for near in np.flatnonzero(distances <= 1.001 * reach):
                distances[near] = _distance(place, *faces[near])
        close = np.abs(distances - reach) <= _CLOSE * (reach + np.abs(place).max() + 1.0)
        inside = np.where(close, run.either("a sphere that touches", True, False), distances <= reach)
        return Query(run, np.flatnonzero(inside if run.noise is not None else distances <= reach))

    return define


def _distance(point: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Return how far a point is from a triangle: from its plane if it lies above it, else from the nearest edge."""
    normal = np.cross(b - a, c - a)
    length = float(np.linalg.norm(normal))
    edges = ((a, b), (b, c), (c, a))
    if length and all(np.dot(np.cross(normal, end - start), point - start) >= 0 for start, end in edges):
        return abs(float(np.dot(point - a, normal))) / length
    return min(_segment_distance(point, start, end) for start, end in edges)


def _segment_distance(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    along = end - start
    square = float(np.dot(along, along))
    part = min(max(float(np.dot(point - start, along)) / square, 0.0), 1.0) if square else 0.0
    return float(np.linalg.norm(point - start - part * along))


def advance(run: Run, query: Query, index: Any, *limit: Any) -> tuple[bool, Any]:
    """Return whether there is one more, and its index; the old index if there is none."""
    found = query.next()
    return (False, index) if found is None else (True, found)


def advance_together(run: Run, query: Query) -> Tile:
    """Return one index for each thread of the block, -1 for threads that get none."""
    found = [place for _ in range(run.block.size) if (place := query.next()) is not None]
    query.valid = bool(found)
    found += [np.int32(-1)] * (run.block.size - len(found))
    if run.noise is not None:
        found = run.either("a query's threads", found, found[::-1])
    return Tile(run, run.scalars["int32"], np.array(found, np.int32))


def still_valid(run: Run, query: Query) -> bool:
    """Whether a query of a block is to be asked again."""
    return query.valid


# Meshes


def _floats(run: Run) -> tuple[Any, ScalarType]:
    scalar = run.scalars["float32"]
    return run.vector(3, scalar), scalar


def _face(run: Run, handle: Any, face: Any, values: np.ndarray) -> np.ndarray:
    faces = mesh_faces()
    if not 0 <= int(face) < len(faces):
        raise Undefined(f"face {int(face)} of a mesh")
    return values[faces[int(face)]]


def _interpolated(values_of: Callable[[ResourceInput], np.ndarray]) -> Callable[..., Compound]:
    """Return what three vertices of a face have, weighed by barycentric coordinates."""

    def define(run: Run, handle: Any, face: Any, u: Any, v: Any) -> Compound:
        vector, scalar = _floats(run)
        values = made_of(run, handle, "mesh", values_of)
        a, b, c = _face(run, handle, face, values).astype(np.float64)
        third = scalar.make(1) - u - v
        terms = np.stack([a * float(u), b * float(v), c * float(third)])
        weights = abs(float(u)) + abs(float(v)) + 1.0
        sizes = np.abs(terms).sum(axis=0) + weights * np.abs(c)
        sums = terms.sum(axis=0).astype(scalar.make)
        return vector.converted(moved(run, "mesh_eval", sums, scalar, 4.0, sizes).tolist())

    return define


def face_normal(run: Run, handle: Any, face: Any) -> Compound:
    """Return the unit normal of a face, whose vertices turn counterclockwise around it."""
    vector, scalar = _floats(run)
    a, b, c = _face(run, handle, face, made_of(run, handle, "mesh", _points)).astype(np.float64)
    first, second = b - a, c - a
    normal = np.cross(first, second)
    length = float(np.linalg.norm(normal))
    if not length:
        raise Undefined("the normal of a face without an area")
    # differences and products round, relative to the coordinates; the cross product divides that by its length
    size = (np.abs(first).max() + np.abs(a).max()) * (np.abs(second).max() + np.abs(a).max()) / length
    values = (normal / length).astype(scalar.make)
    return vector.converted(moved(run, "mesh_eval_face_normal", values, scalar, 8.0, np.asarray(size)).tolist())


def _vertex(values_of: Callable[[ResourceInput], np.ndarray]) -> Callable[..., Compound]:
    def define(run: Run, handle: Any, index: Any) -> Compound:
        vector, _ = _floats(run)
        values = made_of(run, handle, "mesh", values_of)
        return vector.converted(values[int(get_index(run, handle, index))].tolist())

    return define


def get_index(run: Run, handle: Any, index: Any) -> Any:
    """Return the vertex at a place of the mesh's indices."""
    resource(run, handle, "mesh")
    places = mesh_faces().ravel()
    if not 0 <= int(index) < len(places):
        raise Undefined(f"index {int(index)} of a mesh")
    return np.int32(places[int(index)])


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "bvh_query_aabb": _in_box("bvh"),
        "bvh_query_sphere": _in_sphere("bvh"),
        "mesh_query_aabb": _in_box("mesh"),
        "mesh_query_sphere": _in_sphere("mesh"),
        **dict.fromkeys(("bvh_query_aabb_tiled", "tile_bvh_query_aabb"), _in_box("bvh")),
        **dict.fromkeys(("mesh_query_aabb_tiled", "tile_mesh_query_aabb"), _in_box("mesh")),
        **dict.fromkeys(("bvh_query_next", "mesh_query_next", "mesh_query_aabb_next"), advance),
        **dict.fromkeys(("bvh_query_next_tiled", "tile_bvh_query_next"), advance_together),
        **dict.fromkeys(("mesh_query_aabb_next_tiled", "tile_mesh_query_aabb_next"), advance_together),
        "tile_query_valid": still_valid,
        "mesh_eval_position": _interpolated(_points),
        "mesh_eval_velocity": _interpolated(_velocities),
        "mesh_eval_face_normal": face_normal,
        "mesh_get_point": _vertex(_points),
        "mesh_get_velocity": _vertex(_velocities),
        "mesh_get_index": get_index,
    }
)
for _name in ("tile_query_valid", "bvh_query_next_tiled", "mesh_query_aabb_next_tiled"):
    DEFINITIONS[_name].takes_literals = True  # type: ignore[attr-defined]
