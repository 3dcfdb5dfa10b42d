"""Transformations: constructed, taken apart, and written to in place."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import binding, conditions, expressions, snippets
from grammar.choices import chance
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.types import Matrix, Quaternion, Transform, ValueType, Vector


def _from_parts(frame: Frame, one: Registered) -> bool:
    """`wp.transform(p, q)`, or `wp.transform(p)` with the identity for its rotation."""
    scalar = writing.dtype_of(frame, one)
    type_ = Transform(scalar)
    if chance(frame.choices, 25):
        (position,) = writing.arguments(frame, [Vector(3, scalar)])
        writing.call(frame, one, [type_], type_.spelling, [position])
        return True
    position, rotation = writing.arguments(frame, [Vector(3, scalar), Quaternion(scalar)])
    text = f"{type_.spelling}({{position}}, {{rotation}})"
    if chance(frame.choices, 15):
        text = f"{type_.spelling}(p={{position}}, q={{rotation}})"
    writing.assign(frame, one, [type_], text, {"position": position, "rotation": rotation})
    return True


def _from_numbers(frame: Frame, one: Registered) -> bool:
    """`wp.transform(x, y, z, qx, qy, qz, qw)`, or all zeros with a position assigned to it."""
    scalar = writing.dtype_of(frame, one)
    type_ = Transform(scalar)
    if chance(frame.choices, 30):
        (pose,) = writing.call(frame, one, [type_], type_.spelling, [])
        (position,) = writing.arguments(frame, [Vector(3, scalar)])
        snippets.emit(frame, "{pose}.p = {position}", pose=pose, position=position)
        writing.changed(frame, pose, position)
        return True
    values = [writing.named(frame, scalar) for _ in range(3)] + [expressions.leaf(frame, scalar) for _ in range(4)]
    writing.call(frame, one, [type_], type_.spelling, binding.shortened_together(frame, values))
    return True


def _transformation(frame: Frame, one: Registered) -> bool:
    return _from_parts(frame, one) if "p" in dict(one.parameters) else _from_numbers(frame, one)


def _identity(frame: Frame, one: Registered) -> bool:
    """The identity and another transformation, by a condition."""
    type_ = Transform(writing.dtype_of(frame, one))
    call = writing.with_dtype(frame, "wp.transform_identity", type_.scalar)
    other = writing.named(frame, type_)
    condition = conditions.condition(frame, expressions.grow, 0)
    holes = {"other": other, "condition": condition}
    writing.assign(frame, one, [type_], f"{{other}} if {{condition}} else {call}", holes)
    return True


def _in_place(frame: Frame, one: Registered) -> bool:
    """`wp.transform_set_translation(pose, p)`, and the other built-ins that write to a transformation.

    `wp.transform_add_inplace` has to be called by name: `pose.p += v` becomes a get, a sum and a set.
    """
    scalar = writing.dtype_of(frame, one)
    part = Quaternion(scalar) if one.name == "transform_set_rotation" else Vector(3, scalar)
    (value,) = writing.arguments(frame, [part], depth=2)
    pose = writing.local(frame, writing.named(frame, Transform(scalar)))
    writing.call_into(frame, one, [pose, value], [pose])
    return True


def _compose(frame: Frame, one: Registered) -> bool:
    scalar = writing.dtype_of(frame, one)
    types: list[ValueType] = [Vector(3, scalar), Quaternion(scalar), Vector(3, scalar)]
    position, rotation, scale = writing.arguments(frame, types)
    writing.call(frame, one, [Matrix(4, 4, scalar)], "wp.transform_compose", [position, rotation, scale])
    return True


_PARTS = (("position", "p", "translation"), ("rotation", "q", "rot"), ("scale", "s", "scaling"))


def _decompose(frame: Frame, one: Registered) -> bool:
    """Position, rotation and scale of a matrix; `wp.quat_from_matrix` is in it, which jumps."""
    scalar = writing.dtype_of(frame, one)
    (matrix,) = writing.arguments(frame, [Matrix(4, 4, scalar)], exact=True)
    types: list[ValueType] = [Vector(3, scalar), Quaternion(scalar), Vector(3, scalar)]
    writing.call(frame, one, types, "wp.transform_decompose", [matrix], banks=_PARTS)
    return True


RECIPES: Mapping[str, Recipe] = {
    "transformation": _transformation,
    "transform_identity": _identity,
    "transform_set_translation": _in_place,
    "transform_set_rotation": _in_place,
    "transform_add_inplace": _in_place,
    "transform_sub_inplace": _in_place,
    "transform_compose": _compose,
    "transform_decompose": _decompose,
}
