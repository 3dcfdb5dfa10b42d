"""Triangles of a mesh whose bounds overlap a box or a sphere."""

from __future__ import annotations

from collections.abc import Mapping

from grammar.arguments import MESH_FACES
from grammar.choices import pick
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.resources import bvhs, inputs
from grammar.scope import Frame, Variable

_QUERY_TYPES = {"MeshQueryAABB": "aabb", "_MeshQuerySphere": "sphere"}
"""The kind of query behind Warp's words for their types; a `MeshQuery` is of a kind that only running tells."""


def query_call(frame: Frame, kind: str) -> tuple[str, Variable]:
    """Emit what a query needs, and return its call and the position it looks from."""
    mesh, center = inputs.resource(frame, "mesh"), inputs.position(frame)
    if kind == "aabb":
        lower, upper = bvhs.box(frame, center)
        return f"wp.mesh_query_aabb({mesh.name}, {lower}, {upper})", center
    return f"wp.mesh_query_sphere({mesh.name}, {center.name}, {inputs.radius(frame)})", center


def either(frame: Frame) -> tuple[str, Variable]:
    """Emit a query that is of one kind or the other, and return its name."""
    first, center = query_call(frame, "aabb")
    second, _ = query_call(frame, "sphere")
    calls = (first, second) if frame.choices.integer(0, 1) else (second, first)
    return bvhs.merged(frame, *calls), center


def _query(frame: Frame, one: Registered) -> bool:
    if not inputs.claim(frame, "mesh"):
        return False
    call, center = query_call(frame, one.name.removeprefix("mesh_query_"))
    next_ = "mesh_query_next"
    if one.name == "mesh_query_aabb":
        next_ = pick(frame.choices, ("mesh_query_next", "mesh_query_aabb_next"))
    bvhs.visit(frame, call, center, MESH_FACES, next_)
    inputs.note(frame, one)
    return True


def _next(frame: Frame, one: Registered) -> bool:
    if not inputs.claim(frame, "mesh"):
        return False
    kind = _QUERY_TYPES.get(one.types[0])
    query, center = query_call(frame, kind) if kind else either(frame)
    bvhs.visit(frame, query, center, MESH_FACES, one.name)
    inputs.note(frame, one)
    return True


RECIPES: Mapping[str, Recipe] = {
    "mesh_query_aabb": _query,
    "mesh_query_sphere": _query,
    "mesh_query_next": _next,
    "mesh_query_aabb_next": _next,
}
