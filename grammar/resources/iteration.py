"""`for` loops: over ranges, and over what a query finds."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import blocks, statements
from grammar.arguments import MESH_FACES
from grammar.choices import pick
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.resources import hash_grids, inputs, mesh_queries
from grammar.resources.tallies import Found
from grammar.scope import Frame
from grammar.types import FLOAT16, FLOAT32, FLOAT64

_GRIDS = (FLOAT32, FLOAT16, FLOAT64)
"""The dtypes of the overloads for hash grids, in Warp's order, which begins after the one for ranges."""


def _iterate(frame: Frame, one: Registered) -> bool:
    match one.types[0]:
        case "range_t":
            blocks.for_statement(frame, statements.fill, 5)
        case "MeshQuery":
            if not inputs.claim(frame, "mesh"):
                return False
            kind = pick(frame.choices, ("aabb", "sphere", ""))
            query, center = mesh_queries.query_call(frame, kind) if kind else mesh_queries.either(frame)
            found = Found(center, MESH_FACES, radius=inputs.radius(frame))
            hash_grids.visit_for(frame, query, found, ("face", "triangle", "j"))
        case _:
            scalar = _GRIDS[(one.place - 1) % len(_GRIDS)]
            hash_grids.visit_for(frame, *hash_grids.query_call(frame, scalar))
    inputs.note(frame, one)
    return True


RECIPES: Mapping[str, Recipe] = {"iter_next": _iterate}
