"""Queries that a block of threads makes together: each step hands every thread one item, or none.

Which thread gets which item is left open, so what is found goes into integer atomics. Only one query of a kind is made:
Warp allows one at a time in a block.
"""

from __future__ import annotations

from collections.abc import Mapping

from grammar import names, snippets
from grammar.arguments import DEFAULT_ITEMS, MESH_FACES
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.resources import inputs
from grammar.scope import ArrayParameter, Frame
from grammar.tiles import launch
from grammar.types import INT32, Array

_NEXT = {
    "bvh": ("tile_bvh_query_next", "bvh_query_next_tiled"),
    "mesh": ("tile_mesh_query_aabb_next", "mesh_query_aabb_next_tiled"),
}
_START = {
    "bvh": ("tile_bvh_query_aabb", "tile_bvh_query_ray", "bvh_query_aabb_tiled", "bvh_query_ray_tiled"),
    "mesh": ("tile_mesh_query_aabb", "mesh_query_aabb_tiled"),
}
"""What makes a query of a mesh or a bvh, and what advances it, under its old names as well."""


def _search(frame: Frame, one: Registered) -> bool:
    """Emit a loop over what a block finds around its position."""
    kind = "mesh" if "mesh" in one.name or one.types[0].startswith("Mesh") else "bvh"
    if not inputs.claim(frame, f"tiled {kind}"):
        return False
    start = one.name if one.name in _START[kind] else pick(frame.choices, _START[kind])
    next_ = one.name if one.name in _NEXT[kind] else pick(frame.choices, _NEXT[kind])
    handle = inputs.resource(frame, kind)
    query = inputs.fresh(frame, ("query", "candidates", "search"))
    snippets.emit(frame, f"{query} = wp.{start}({handle.name}, {_around(frame, 'ray' in start)})")
    item = inputs.fresh(frame, ("item", "index", "found", "bound"))
    use = _use(frame, item, DEFAULT_ITEMS if kind == "bvh" else MESH_FACES)
    snippets.emit(
        frame,
        f"while wp.tile_query_valid({query}):\n"
        f"    {item} = wp.untile(wp.{next_}({query}))\n    if {item} >= 0:\n        {use}",
    )
    frame.unit.events.append("query")
    inputs.note(frame, one)
    return True


def _around(frame: Frame, along_ray: bool) -> str:
    """Emit the block's position, and return the arguments of a query from there."""
    grid = launch.grid(frame)
    indices = frame.threads[: len(grid)]
    plural, singular = (
        inputs.fresh(frame, ("points", "centers", "probes")),
        inputs.fresh(frame, ("p", "center", "origin")),
    )
    array = ArrayParameter(plural, Array(inputs.VEC3, len(grid)), grid, "", fill="point")
    frame.add_array_parameter(array)
    snippets.emit(frame, f"{singular} = {plural}[{', '.join(index.name for index in indices)}]")
    if along_ray:
        target = inputs.access_parameter(frame, inputs.VEC3, ("target", "light", "goal"))
        return f"{singular}, {target.name} - {singular}"
    extent = inputs.number(frame, "0.5", "0.75", "1.0", "1.5")
    return f"{singular} - wp.vec3({extent}), {singular} + wp.vec3({extent})"


def _use(frame: Frame, item: str, count: int) -> str:
    """Return what is done with an item: counted for itself, or for the block."""
    grid = launch.grid(frame)
    atomic = pick(frame.choices, ("atomic_add", "atomic_add", "atomic_max", "atomic_min"))
    bank = dict(names.ATOMIC_OUTPUTS)[atomic]
    name = names.free_name(frame.choices, bank, frame.taken)
    by_item = atomic == "atomic_add" and chance(frame.choices, 50)
    shape = (count,) if by_item else grid
    array = ArrayParameter(name, Array(INT32, len(shape)), shape, "", atomic, Interval(-1000, 1000))
    frame.add_array_parameter(array)
    if by_item:
        return f"wp.atomic_add({name}, {item}, 1)"
    value = item
    if atomic == "atomic_add":
        weights = inputs.items(frame, INT32, ("weights", "scores", "labels"), count)
        value = pick(frame.choices, ("1", f"{weights.name}[{item}]"))
    place = ", ".join(index.name for index in frame.threads[: len(grid)])
    return f"wp.{atomic}({name}, {place}, {value})"


RECIPES: Mapping[str, Recipe] = dict.fromkeys(
    (*_START["bvh"], *_START["mesh"], *_NEXT["bvh"], *_NEXT["mesh"], "tile_query_valid"), _search
)
