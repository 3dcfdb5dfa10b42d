"""The lines of a script that build a mesh, a tree or a hash grid from written-out numbers."""

from __future__ import annotations

import numpy as np

from fuzzer.bug_report.values import nested
from grammar.arguments import GRID_CELLS, GRID_RADIUS, GROUPS, family_of
from oracle.resources import CONSTRUCTOR, SHAPES, ResourceInput, boxes, mesh_faces, mesh_points, mesh_velocities

_VECTORS = {"hash_grid_h": ("wp.vec3h", np.float16), "hash_grid_d": ("wp.vec3d", np.float64)}


def resource_lines(name: str, given: ResourceInput, device: str) -> list[str] | None:
    """Return the lines that leave the resource in the variable `name`, None for volumes and textures."""
    match family_of(given.word):
        case "mesh":
            return _mesh(name, given, device)
        case "bvh":
            return _bvh(name, given, device)
        case "hash_grid":
            return _hash_grid(name, given, device)
    return None


def _mesh(name: str, given: ResourceInput, device: str) -> list[str]:
    grouped = given.word == "mesh_groups"
    groups = [np.full(len(faces), group) for group, ((_, faces), _, _) in enumerate(SHAPES)]
    return [
        _vectors(f"{name}_points", mesh_points(given), device),
        _vectors(f"{name}_velocities", mesh_velocities(given), device),
        f"{name}_faces = {_integers(mesh_faces().ravel(), device)}",
        *([f"{name}_groups = {_integers(np.concatenate(groups), device)}"] if grouped else []),
        f"{name} = wp.Mesh(points={name}_points, indices={name}_faces, velocities={name}_velocities, "
        + (f"groups={name}_groups, " if grouped else "support_winding_number=True, ")
        + f'bvh_constructor="{CONSTRUCTOR}")',
    ]


def _bvh(name: str, given: ResourceInput, device: str) -> list[str]:
    lowers, uppers = boxes(given)
    grouped = given.word == "bvh_groups"
    groups = f", groups={_integers(np.arange(given.count) % GROUPS, device)}" if grouped else ""
    return [
        _vectors(f"{name}_lowers", lowers, device),
        _vectors(f"{name}_uppers", uppers, device),
        f'{name} = wp.Bvh({name}_lowers, {name}_uppers, constructor="{CONSTRUCTOR}"{groups})',
    ]


def _hash_grid(name: str, given: ResourceInput, device: str) -> list[str]:
    vector, dtype = _VECTORS.get(given.word, ("wp.vec3", np.float32))
    scalar = "" if dtype is np.float32 else f", dtype=wp.{np.dtype(dtype)}"
    grouped = given.word == "hash_grid_groups"
    groups = f", groups={_integers(np.arange(given.count) % GROUPS, device)}" if grouped else ""
    return [
        _vectors(f"{name}_points", given.coordinates(given.count), device, vector),
        f"{name} = wp.HashGrid({GRID_CELLS}, {GRID_CELLS}, {GRID_CELLS}, device={device}{scalar})",
        f"{name}.build({name}_points, {GRID_RADIUS}{groups})",
    ]


def _vectors(name: str, values: np.ndarray, device: str, dtype: str = "wp.vec3") -> str:
    return f"{name} = wp.array({nested(values.astype(np.float32))}, dtype={dtype}, device={device})"


def _integers(values: np.ndarray, device: str) -> str:
    return f"wp.array({nested(values)}, dtype=int, device={device})"
