"""Meshes: closest points and signed distances, rays, and reading a mesh's own points, velocities and triangles."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import snippets
from grammar.arguments import MESH_FACES, MESH_POINTS
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.resources import bvhs, inputs
from grammar.resources.inputs import VEC3
from grammar.scope import Frame, Variable
from grammar.types import BOOL, FLOAT32, INT32, ValueType

_CONSTANTS: Mapping[str, tuple[str, ...]] = {
    "epsilon": ("1.0e-3", "1.0e-4"),
    "accuracy": ("2.0", "3.0", "1.0"),
    "threshold": ("0.5", "0.6"),
    "n_sample": ("3", "5"),
    "perturbation_scale": ("0.1", "0.05"),
}
"""Literals for the parameters that have a default."""

_FACE = Interval(0, MESH_FACES - 1)


def _options(frame: Frame, one: Registered) -> str:
    """Return arguments for some of the parameters that have a default, in their order."""
    text = ""
    for name, _ in one.parameters:
        if name in _CONSTANTS and name in one.optional:
            if not chance(frame.choices, 50):
                break
            text += f", {pick(frame.choices, _CONSTANTS[name])}"
    return text


def _query_point(frame: Frame, one: Registered) -> bool:
    """Find the closest (or furthest) point of a mesh, through a result or through arguments that are written to."""
    mesh, p = inputs.resource(frame, pick(frame.choices, ("mesh", "mesh", "mesh_groups"))), inputs.position(frame)
    distance = inputs.number(frame, "0.0", "0.5") if "furthest" in one.name else inputs.reach(frame)
    (_through_arguments if "face" in dict(one.parameters) else _through_result)(frame, one, mesh, p, distance)
    inputs.note(frame, one)
    frame.unit.events.append("query")
    return True


def _through_result(frame: Frame, one: Registered, mesh: Variable, p: Variable, distance: str) -> None:
    query = inputs.fresh(frame, ("query", "hit", "nearest", "res"))
    snippets.emit(frame, f"{query} = wp.{one.name}({mesh.name}, {p.name}, {distance}{_options(frame, one)})")
    signed = f"{query}.sign" if "no_sign" not in one.name else ""
    _use_point(frame, mesh, p, f"{query}.result", (f"{query}.face", f"{query}.u", f"{query}.v"), signed)


def _through_arguments(frame: Frame, one: Registered, mesh: Variable, p: Variable, distance: str) -> None:
    face, u, v = (inputs.fresh(frame, (name, f"{name}_hit")) for name in ("face", "u", "v"))
    signed, start = "", ""
    if "inside" in dict(one.parameters):
        signed = inputs.fresh(frame, ("sign", "inside"))
        start = f"{signed} = float(0.0)\n"
    arguments = ", ".join(word for word in (mesh.name, p.name, distance, signed, face, u, v) if word)
    found = inputs.fresh(frame, ("found", "is_near", "ok"))
    snippets.emit(
        frame,
        f"{start}{face} = int(0)\n{u} = float(0.0)\n{v} = float(0.0)\n"
        f"{found} = wp.{one.name}({arguments}{_options(frame, one)})",
    )
    _use_point(frame, mesh, p, found, (face, u, v), signed)


def _use_point(frame: Frame, mesh: Variable, p: Variable, test: str, place: tuple[str, str, str], signed: str) -> None:
    """Emit what is made of the point that was found: the distance, the point, the velocity there, or the face."""
    face, u, v = place
    where = f"{mesh.name}, {face}, {u}, {v}"
    kind = pick(frame.choices, ("distance", "distance", "point", "velocity", "face"))
    closest = inputs.fresh(frame, ("closest", "surface_point", "anchor"))
    type_: ValueType
    match kind:
        case "distance":
            name = inputs.fresh(frame, ("distance", "signed_dist", "depth", "gap"))
            sign = f"{signed} * " if signed else ""
            then = f"{closest} = wp.mesh_eval_position({where})\n{name} = {sign}wp.length({p.name} - {closest})"
            start, type_, interval = inputs.number(frame, "100.0", "0.0"), FLOAT32, None
        case "point":
            name = inputs.fresh(frame, ("projected", "contact", "target_point"))
            then = f"{name} = wp.mesh_eval_position({where})"
            if signed and chance(frame.choices, 50):
                then = f"if {signed} < 0.0:\n    {then}"
            start, type_, interval = p.name, VEC3, None
        case "velocity":
            name = inputs.fresh(frame, ("surface_velocity", "drift", "wall_speed"))
            then = f"{name} = wp.mesh_eval_velocity({where})"
            if chance(frame.choices, 40):
                then += f" * {signed or '0.5'}"
            start, type_, interval = "wp.vec3(0.0, 0.0, 0.0)", VEC3, None
        case _:
            name = inputs.fresh(frame, ("nearest_face", "owner", "triangle"))
            then, start, type_, interval = f"{name} = {face}", "-1", INT32, Interval(-1, MESH_FACES - 1)
    snippets.emit(frame, f"{name} = {start}\nif {test}:\n{_indented(then)}")
    inputs.result(frame, name, type_, interval)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _rooted(frame: Frame, one: Registered) -> tuple[Variable, str]:
    """Return a mesh, and the root of a group's part of its tree as one more argument, for some rays."""
    if not chance(frame.choices, 35) or "root" not in one.optional:
        return inputs.resource(frame, "mesh"), ""
    mesh = inputs.resource(frame, "mesh_groups")
    return mesh, f", {bvhs.group_root(frame, mesh.name, 'mesh_get_group_root')}"


def _query_ray(frame: Frame, one: Registered) -> bool:
    mesh, root = _rooted(frame, one)
    p = inputs.position(frame)
    ray = inputs.direction(frame, p)
    limit = inputs.reach(frame)
    if "bary_u" in dict(one.parameters):
        _ray_through_arguments(frame, f"{mesh.name}, {p.name}, {ray.name}, {limit}", root)
    else:
        query = inputs.fresh(frame, ("query", "hit", "res"))
        snippets.emit(frame, f"{query} = wp.mesh_query_ray({mesh.name}, {p.name}, {ray.name}, {limit}{root})")
        names = {key: f"{query}.{key}" for key in ("t", "u", "v", "sign", "normal", "face")}
        _use_ray(frame, mesh, p, ray, f"{query}.result", names)
    inputs.note(frame, one)
    frame.unit.events.append("query")
    return True


def _ray_through_arguments(frame: Frame, arguments: str, root: str) -> None:
    names = {key: inputs.fresh(frame, (key, f"{key}_hit")) for key in ("t", "u", "v", "sign", "normal", "face")}
    starts = dict.fromkeys(names, "float(0.0)") | {"normal": "wp.vec3()", "face": "int(0)"}
    lines = "\n".join(f"{name} = {starts[key]}" for key, name in names.items())
    found = inputs.fresh(frame, ("found", "is_hit", "ok"))
    snippets.emit(frame, f"{lines}\n{found} = wp.mesh_query_ray({arguments}, {', '.join(names.values())}{root})")
    mesh_name, start, ray = arguments.split(", ")[:3]
    variables = {v.name: v for v in frame.visible()}
    mesh = next(p for p in frame.parameter_order if isinstance(p, Variable) and p.name == mesh_name)
    _use_ray(frame, mesh, variables[start], variables[ray], found, names)


def _use_ray(frame: Frame, mesh: Variable, p: Variable, ray: Variable, test: str, names: Mapping[str, str]) -> None:
    """Emit what is made of a hit: how far it is, where, the normal or how the ray is reflected, or the face."""
    kind = pick(frame.choices, ("distance", "point", "reflected", "normal", "face", "velocity"))
    zero = "wp.vec3(0.0, 0.0, 0.0)"
    face = names["face"]
    type_: ValueType
    match kind:
        case "distance":
            name = inputs.fresh(frame, ("depth", "travel", "hit_dist"))
            start, then, type_ = inputs.number(frame, "1000.0", "-1.0"), names["t"], FLOAT32
        case "point":
            name = inputs.fresh(frame, ("hit_point", "contact", "landing"))
            start, then, type_ = p.name, f"{p.name} + {names['t']} * {ray.name}", VEC3
        case "reflected":
            name = inputs.fresh(frame, ("reflected", "bounce"))
            normal = names["normal"]
            start, then, type_ = ray.name, f"{ray.name} - 2.0 * wp.dot({ray.name}, {normal}) * {normal}", VEC3
        case "normal":
            name = inputs.fresh(frame, ("shading_normal", "facing"))
            start, then, type_ = zero, f"{names['sign']} * {names['normal']}", VEC3
        case "velocity":
            name = inputs.fresh(frame, ("hit_velocity", "wall_speed"))
            then = f"wp.mesh_eval_velocity({mesh.name}, {face}, {names['u']}, {names['v']})"
            start, type_ = zero, VEC3
        case _:
            name = inputs.fresh(frame, ("hit_face", "triangle"))
            snippets.emit(frame, f"{name} = {face} if {test} else -1")
            inputs.result(frame, name, INT32, Interval(-1, MESH_FACES - 1))
            return
    snippets.emit(frame, f"{name} = {start}\nif {test}:\n    {name} = {then}")
    inputs.result(frame, name, type_)


def _any_hit(frame: Frame, one: Registered) -> bool:
    mesh, root = _rooted(frame, one)
    p = inputs.position(frame)
    ray = inputs.direction(frame, p)
    name = inputs.fresh(frame, ("blocked", "in_shadow", "occluded"))
    snippets.emit(frame, f"{name} = wp.{one.name}({mesh.name}, {p.name}, {ray.name}, {inputs.reach(frame)}{root})")
    inputs.result(frame, name, BOOL)
    inputs.note(frame, one)
    return True


def _intersections(frame: Frame, one: Registered) -> bool:
    """Count how often a ray crosses the surface; an odd number says that it began inside."""
    mesh, root = _rooted(frame, one)
    p = inputs.position(frame)
    ray = inputs.direction(frame, p)
    name = inputs.fresh(frame, ("crossings", "hits", "layers"))
    snippets.emit(frame, f"{name} = wp.{one.name}({mesh.name}, {p.name}, {ray.name}{root})")
    if chance(frame.choices, 50):
        inside = inputs.fresh(frame, ("is_inside", "enclosed"))
        snippets.emit(frame, f"{inside} = {name} % 2 == 1")
        inputs.result(frame, inside, BOOL)
    inputs.result(frame, name, INT32, Interval(0, MESH_FACES))
    inputs.note(frame, one)
    return True


def _group_root(frame: Frame, one: Registered) -> bool:
    mesh = inputs.resource(frame, "mesh_groups")
    root = bvhs.group_root(frame, mesh.name, one.name)
    if chance(frame.choices, 40) and inputs.claim(frame, "bvh"):
        call, center = bvhs.query_call(frame, pick(frame.choices, bvhs.kinds()), f"wp.mesh_get_bvh({mesh.name})", root)
        bvhs.visit(frame, call, center, MESH_FACES)
    else:
        p = inputs.position(frame)
        ray = inputs.direction(frame, p)
        name = inputs.fresh(frame, ("blocked", "occluded", "visible_part"))
        limit = inputs.reach(frame)
        snippets.emit(frame, f"{name} = wp.mesh_query_ray_anyhit({mesh.name}, {p.name}, {ray.name}, {limit}, {root})")
        inputs.result(frame, name, BOOL)
    inputs.note(frame, one)
    return True


def _at_barycentric(frame: Frame, one: Registered) -> bool:
    """Evaluate position or velocity at a place on one of the mesh's triangles."""
    mesh = inputs.resource(frame, "mesh")
    face = _face(frame)
    u = inputs.number(frame, "0.25", "0.2", "0.5", "0.3333")
    v = inputs.number(frame, "0.25", "0.5", "0.3333", "0.1")
    bank = ("surface_point", "sample_point") if one.name == "mesh_eval_position" else ("surface_velocity", "drift")
    name = inputs.fresh(frame, bank)
    snippets.emit(frame, f"{name} = wp.{one.name}({mesh.name}, {face}, {u}, {v})")
    inputs.result(frame, name, VEC3)
    inputs.note(frame, one)
    return True


def _face(frame: Frame) -> str:
    name = inputs.fresh(frame, ("face", "triangle", "tri"))
    snippets.emit(frame, f"{name} = {inputs.index_below(frame, MESH_FACES)}")
    return name


def _normal(frame: Frame, one: Registered) -> bool:
    mesh = inputs.resource(frame, "mesh")
    name = inputs.fresh(frame, ("normal", "face_normal", "n"))
    snippets.emit(frame, f"{name} = wp.{one.name}({mesh.name}, {_face(frame)})")
    inputs.result(frame, name, VEC3)
    inputs.note(frame, one)
    return True


def _get_point(frame: Frame, one: Registered) -> bool:
    """Read a triangle's corner: the functions count three corners to a triangle."""
    mesh = inputs.resource(frame, "mesh")
    name = inputs.fresh(
        frame,
        {"mesh_get_point": ("corner", "vertex"), "mesh_get_velocity": ("speed", "motion")}.get(
            one.name, ("vertex_index", "corner_index")
        ),
    )
    offset = frame.choices.integer(0, 2)
    corner = f"{_face(frame)} * 3 + {offset}" if offset else f"{_face(frame)} * 3"
    snippets.emit(frame, f"{name} = wp.{one.name}({mesh.name}, {corner})")
    if one.name == "mesh_get_index":
        inputs.result(frame, name, INT32, Interval(0, MESH_POINTS - 1))
    else:
        inputs.result(frame, name, VEC3)
    inputs.note(frame, one)
    return True


def _get(frame: Frame, one: Registered) -> bool:
    """Read the mesh's own arrays: a triangle's corners, its area or its center."""
    mesh = inputs.resource(frame, "mesh")
    geometry = inputs.fresh(frame, ("geometry", "m", "surface_mesh"))
    snippets.emit(frame, f"{geometry} = wp.mesh_get({mesh.name})")
    face = _face(frame)
    corners = [inputs.fresh(frame, bank) for bank in (("a", "p0", "v0"), ("b", "p1", "v1"), ("c", "p2", "v2"))]
    array = pick(frame.choices, ("points", "points", "velocities"))
    for place, corner in enumerate(corners):
        offset = f"{face} * 3 + {place}" if place else f"{face} * 3"
        snippets.emit(frame, f"{corner} = {geometry}.{array}[{geometry}.indices[{offset}]]")
    a, b, c = corners
    if chance(frame.choices, 50):
        name = inputs.fresh(frame, ("area", "strain", "extent"))
        snippets.emit(frame, f"{name} = 0.5 * wp.length(wp.cross({b} - {a}, {c} - {a}))")
        inputs.result(frame, name, FLOAT32)
    else:
        name = inputs.fresh(frame, ("center", "mean", "centroid"))
        snippets.emit(frame, f"{name} = ({a} + {b} + {c}) / 3.0")
        inputs.result(frame, name, VEC3)
    inputs.note(frame, one)
    return True


_POINTS = (
    "mesh_query_point",
    "mesh_query_point_sign_parity",
    "mesh_query_point_no_sign",
    "mesh_query_furthest_point_no_sign",
    "mesh_query_point_sign_normal",
    "mesh_query_point_sign_winding_number",
)

RECIPES: Mapping[str, Recipe] = {
    **dict.fromkeys(_POINTS, _query_point),
    "mesh_query_ray": _query_ray,
    "mesh_query_ray_anyhit": _any_hit,
    "mesh_query_ray_count_intersections": _intersections,
    "mesh_get_group_root": _group_root,
    "mesh_eval_position": _at_barycentric,
    "mesh_eval_velocity": _at_barycentric,
    "mesh_eval_face_normal": _normal,
    "mesh_get_point": _get_point,
    "mesh_get_velocity": _get_point,
    "mesh_get_index": _get_point,
    "mesh_get": _get,
}
