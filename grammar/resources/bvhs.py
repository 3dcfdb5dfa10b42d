"""Bvhs: boxes that overlap a box, a sphere, a ray or a swept sphere."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import snippets
from grammar.arguments import DEFAULT_ITEMS, GROUPS, MESH_FACES
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered, builtin_names
from grammar.resources import inputs, tallies
from grammar.resources.tallies import Found
from grammar.scope import Frame, Variable
from grammar.types import INT32

KINDS = ("aabb", "sphere", "ray", "capsule")

_QUERY_TYPES = {
    "_BvhQueryAabb": "aabb",
    "_BvhQuerySphere": "sphere",
    "_BvhQueryRay": "ray",
    "_BvhQueryCapsule": "capsule",
}
"""The kind of query behind Warp's words for their types; a `BvhQuery` is of a kind that only running tells."""


def kinds() -> tuple[str, ...]:
    """Return the kinds of queries that the installed Warp has: spheres and capsules came with 1.17."""
    return tuple(kind for kind in KINDS if f"bvh_query_{kind}" in builtin_names())


def query_call(frame: Frame, kind: str, handle: str, root: str = "") -> tuple[str, Variable]:
    """Emit what a query needs, and return its call and the position it looks from."""
    center = inputs.position(frame)
    arguments: tuple[str, ...]
    match kind:
        case "aabb":
            arguments = box(frame, center)
        case "sphere":
            arguments = (center.name, inputs.radius(frame))
        case "ray":
            arguments = (center.name, inputs.direction(frame, center).name)
        case _:
            arguments = (center.name, inputs.direction(frame, center).name, inputs.radius(frame))
    if root:
        arguments = (*arguments, root)
    return f"wp.bvh_query_{kind}({handle}, {', '.join(arguments)})", center


def box(frame: Frame, center: Variable) -> tuple[str, str]:
    """Emit the corners of a box around a position."""
    lower, upper = inputs.fresh(frame, ("lower", "lo", "box_min")), inputs.fresh(frame, ("upper", "hi", "box_max"))
    extent = inputs.radius(frame)
    if chance(frame.choices, 50):
        name = inputs.fresh(frame, ("margin", "half", "pad"))
        snippets.emit(frame, f"{name} = wp.vec3({extent}, {extent}, {inputs.radius(frame)})")
        extent = name
    else:
        extent = f"wp.vec3({extent})"
    snippets.emit(frame, f"{lower} = {{center}} - {extent}\n{upper} = {{center}} + {extent}", center=center)
    return lower, upper


def visit(
    frame: Frame, query: str, center: Variable, count: int, next_: str = "bvh_query_next", more: str = ""
) -> None:
    """Emit a loop over what a query finds, given as a call or as the name of a variable."""
    found = Found(center, count, radius=inputs.radius(frame))
    kept = tallies.start(frame, found)
    if "(" in query:
        name = inputs.fresh(frame, ("query", "candidates", "it"))
        snippets.emit(frame, f"{name} = {query}")
        query = name
    index = inputs.fresh(frame, ("index", "item", "j", "other", "hit"))
    lines = tallies.indented(tallies.body(kept, index))
    snippets.emit(frame, f"{index} = int(0)\nwhile wp.{next_}({query}, {index}{more}):\n{lines}")
    frame.unit.events.append("query")
    tallies.finish(frame, kept)


def group_root(frame: Frame, handle: str, function: str) -> str:
    """Emit the root of a group's part of a tree, and return its name."""
    name = inputs.fresh(frame, ("root", "group_root", "subtree"))
    snippets.emit(frame, f"{name} = wp.{function}({handle}, {inputs.index_below(frame, GROUPS)})")
    return name


def merged(frame: Frame, first: str, second: str, bank: tuple[str, ...] = ("query", "candidates")) -> str:
    """Emit a query that is of one kind or of the other, and return its name."""
    name = inputs.fresh(frame, bank)
    thread = pick(frame.choices, frame.threads)
    snippets.emit(frame, f"if {{thread}} % 2 == 0:\n    {name} = {first}\nelse:\n    {name} = {second}", thread=thread)
    return name


def _query(frame: Frame, one: Registered) -> bool:
    if not inputs.claim(frame, "bvh"):
        return False
    rooted = chance(frame.choices, 40)
    tree = inputs.resource(frame, "bvh_groups" if rooted else "bvh")
    root = group_root(frame, tree.name, "bvh_get_group_root") if rooted else ""
    call, center = query_call(frame, one.name.removeprefix("bvh_query_"), tree.name, root)
    visit(frame, call, center, DEFAULT_ITEMS)
    inputs.note(frame, one)
    return True


def _next(frame: Frame, one: Registered) -> bool:
    if not inputs.claim(frame, "bvh"):
        return False
    tree = inputs.resource(frame, "bvh")
    kind = _QUERY_TYPES.get(one.types[0], "")
    if kind:
        query, center = query_call(frame, kind, tree.name)
    else:
        first = pick(frame.choices, kinds())
        call, center = query_call(frame, first, tree.name)
        other, _ = query_call(frame, pick(frame.choices, [kind for kind in kinds() if kind != first]), tree.name)
        query = merged(frame, call, other)
    limit = kind in ("ray", "capsule") and chance(frame.choices, 60)
    visit(frame, query, center, DEFAULT_ITEMS, more=f", {inputs.number(frame, '1.0', '2.5', '0.5')}" if limit else "")
    inputs.note(frame, one)
    return True


def _group_root(frame: Frame, one: Registered) -> bool:
    """Search in one group, or say where its part of the tree begins: nowhere for a group that is not there."""
    tree = inputs.resource(frame, "bvh_groups")
    root = group_root(frame, tree.name, one.name)
    if chance(frame.choices, 30) or "bvh stack" in frame.unit.claimed:
        exists = inputs.fresh(frame, ("exists", "is_present", "found_group"))
        snippets.emit(frame, f"{exists} = 1 if {root} >= 0 else 0")
        inputs.result(frame, exists, INT32, Interval(0, 1))
    if inputs.claim(frame, "bvh"):
        call, center = query_call(frame, pick(frame.choices, kinds()), tree.name, root)
        visit(frame, call, center, DEFAULT_ITEMS)
    inputs.note(frame, one)
    return True


def _of_mesh(frame: Frame, one: Registered) -> bool:
    """Search the bvh of a mesh, whose items are its triangles."""
    if not inputs.claim(frame, "bvh"):
        return False
    mesh = inputs.resource(frame, "mesh")
    handle = f"wp.mesh_get_bvh({mesh.name})"
    if chance(frame.choices, 60):
        name = inputs.fresh(frame, ("mesh_bvh", "face_tree", "triangles"))
        snippets.emit(frame, f"{name} = {handle}")
        handle = name
    call, center = query_call(frame, pick(frame.choices, kinds()), handle)
    visit(frame, call, center, MESH_FACES)
    inputs.note(frame, one)
    return True


RECIPES: Mapping[str, Recipe] = {
    **{f"bvh_query_{kind}": _query for kind in KINDS},
    "bvh_query_next": _next,
    "bvh_get_group_root": _group_root,
    "mesh_get_bvh": _of_mesh,
}
