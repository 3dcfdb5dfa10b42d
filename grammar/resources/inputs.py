"""What kernels on resources take: handles and textures as parameters, positions where the resources are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grammar import access, names, nodes, snippets, terms
from grammar.arguments import DEFAULT_ITEMS, family_of
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.registry import Registered
from grammar.scope import ArrayParameter, Frame, Variable
from grammar.types import FLOAT32, INT32, UINT64, Array, Scalar, Struct, ValueType, Vector

VEC3 = Vector(3, FLOAT32)

_NAMES: Mapping[str, Sequence[str]] = {
    "mesh": ("mesh", "mesh_id", "surface", "collider", "body_mesh"),
    "bvh": ("bvh", "bvh_id", "tree", "boxes"),
    "hash_grid": ("grid", "grid_id", "hash_grid", "neighbor_grid"),
    "volume": ("volume", "volume_id", "sdf", "field", "density_grid"),
    "texture1d": ("ramp", "lookup_table", "profile"),
    "texture2d": ("texture", "image", "height_map", "tex"),
    "texture3d": ("texture", "volume_tex", "fog", "tex"),
}
_PLACES = (("points", "p"), ("positions", "position"), ("queries", "q"), ("samples", "x"), ("centers", "center"))
_ITEMS = ("particles", "sites", "neighbors", "anchors")


def resource(frame: Frame, word: str) -> Variable:
    """Return the parameter for a resource, mostly one that is there already and that nothing is stored to."""
    old = [p for p in frame.parameter_order if isinstance(p, Variable) and p.resource == word and not p.stored]
    if old and chance(frame.choices, 80):
        return old[0]
    family = family_of(word)
    name = names.free_name(frame.choices, _NAMES[family], frame.taken)
    type_: ValueType = UINT64
    if family.startswith("texture"):
        type_ = Struct(f"wp.Texture{family[len('texture')]}D", ())
    variable = Variable(name, type_, unread=False, resource=word)
    # Not among the frame's values: a handle is passed on, and no expression may read it.
    frame.parameter_order.append(variable)
    frame.taken.add(name)
    frame.unit.note(f"parameter:{word}")
    return variable


def claim(frame: Frame, stack: str) -> bool:
    """Whether a kernel may still make a query that keeps its place on a stack: on cuda all share the thread's one.

    In Warp 1.19 a second query overwrites what the first has left to visit (`bvh-queries-share-stack` in the findings),
    in the backward pass also when the loops over them follow each other. `stack` is `bvh` or `mesh`: each has one of
    its own.
    """
    return frame.unit.claim(f"{stack} stack", unless=f"{stack} stack")


def position(frame: Frame, scalar: Scalar = FLOAT32) -> Variable:
    """Return the thread's own position, a variable that is read from an array of positions."""
    type_ = Vector(3, scalar)
    old = [v for v in frame.visible() if v.fill == "point" and v.type == type_]
    if old and chance(frame.choices, 75):
        return old[0]
    free = [pair for pair in _PLACES if pair[0] not in frame.taken and pair[1] not in frame.taken]
    plural, singular = pick(frame.choices, free) if free else ("", "")
    if not free:
        plural, singular = (fresh(frame, (name,)) for name in _PLACES[0])
    array = ArrayParameter(plural, Array(type_, len(frame.unit.dims)), frame.unit.dims, singular, fill="point")
    frame.add_array_parameter(array)
    term = access.element(frame, array, [access.read_variable(thread) for thread in frame.threads])
    frame.emit(nodes.assign(nodes.name(singular), term.node), term.text)
    return frame.declare(Variable(singular, type_, unread=False, fill="point"))


def direction(frame: Frame, start: Variable) -> Variable:
    """Emit a direction to look in from a position, of length one or not."""
    target = access_parameter(frame, VEC3, ("target", "light", "camera", "goal"))
    name = fresh(frame, ("dir", "ray", "d", "heading"))
    text = "wp.normalize({target} - {start})" if chance(frame.choices, 60) else "{target} - {start}"
    snippets.emit(frame, f"{name} = {text}", target=target, start=start)
    return frame.declare(Variable(name, VEC3, unread=False))


def access_parameter(frame: Frame, type_: ValueType, bank: Sequence[str]) -> Variable:
    """Return a parameter passed by value that lies where the resources are."""
    old = [v for v in frame.values if v.fill == "point" and v.type == type_]
    if old and chance(frame.choices, 60):
        return old[0]
    name = names.free_name(frame.choices, bank, frame.taken)
    return frame.add_value_parameter(Variable(name, type_, unread=False, fill="point"))


def items(frame: Frame, type_: ValueType, bank: Sequence[str], count: int, fill: str = "") -> ArrayParameter:
    """Return an array with an element for each item that a query may find."""
    old = [a for a in frame.arrays if a.use == "read" and a.type.dtype == type_ and a.shape == (count,)]
    old = [array for array in old if array.fill == fill and array.name in bank]
    if old:
        return old[0]
    name = names.free_name(frame.choices, bank, frame.taken)
    interval = Interval(-100, 100) if type_ == INT32 else None
    return frame.add_array_parameter(ArrayParameter(name, Array(type_, 1), (count,), "", interval=interval, fill=fill))


def sites(frame: Frame, scalar: Scalar = FLOAT32, count: int = DEFAULT_ITEMS) -> ArrayParameter:
    """Return an array of positions, one for each item."""
    return items(frame, Vector(3, scalar), _ITEMS, count, fill="point")


def number(frame: Frame, *texts: str, scalar: Scalar = FLOAT32) -> str:
    """Return one of some literals, in a dtype."""
    return terms.float_literal(pick(frame.choices, texts), scalar).text


def radius(frame: Frame, scalar: Scalar = FLOAT32) -> str:
    """Return how far a query looks around."""
    return number(frame, "0.25", "0.5", "0.4", "0.75", "1.0", scalar=scalar)


def reach(frame: Frame) -> str:
    """Return how far a query looks for a mesh, mostly far enough."""
    return number(frame, "10.0", "100.0", "4.0", "1.0", "0.5", "1.0e6")


def index_below(frame: Frame, count: int) -> str:
    """Return an index of one of some items that the thread chooses: `i % 24`, or a constant."""
    thread = pick(frame.choices, frame.threads)
    thread.unread = False
    if thread.interval is not None and thread.interval.high < count and chance(frame.choices, 60):
        return thread.name
    if chance(frame.choices, 80):
        return f"{thread.name} % {count}"
    return str(frame.choices.integer(0, count - 1))


def fresh(frame: Frame, bank: Sequence[str]) -> str:
    """Choose a free name and take it."""
    name = names.free_name(frame.choices, bank, frame.taken)
    frame.taken.add(name)
    return name


def result(frame: Frame, name: str, type_: ValueType, interval: Interval | None = None, inexact: bool = False) -> None:
    """Make a variable that was just assigned visible; something will read it."""
    if type_ == INT32 and interval is None:
        interval = terms.full_range(INT32)
    frame.declare(Variable(name, type_, interval, interval, inexact))
    frame.committed.discard(name)


def note(frame: Frame, one: Registered) -> None:
    """Record that the overload was used."""
    frame.unit.note(f"builtin:{one.signature}")
