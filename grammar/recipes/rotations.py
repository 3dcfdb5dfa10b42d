"""Quaternions: constructed, and turned into angles and back."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import binding, conditions, expressions, snippets
from grammar.choices import chance, pick
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.types import FLOAT32, Quaternion, ValueType, Vector


def _quaternion(frame: Frame, one: Registered) -> bool:
    """Zeros with a component assigned, four numbers, a vector and a number, or a copy."""
    scalar = writing.dtype_of(frame, one)
    type_ = Quaternion(scalar)
    given = tuple(name for name, _ in one.parameters if name != "dtype")
    if not given:
        (zero,) = writing.call(frame, one, [type_], type_.spelling, [])
        (value,) = writing.arguments(frame, [scalar])
        snippets.emit(frame, f"{{q}}[{frame.choices.integer(0, 3)}] = {{value}}", q=zero, value=value)
        writing.changed(frame, zero, value)
        return True
    if given == ("quat",):
        values = [writing.named(frame, type_)]
    elif given == ("ijk", "real"):
        values = writing.arguments(frame, [Vector(3, scalar), scalar])
    else:
        grown = [writing.named(frame, scalar), *(expressions.leaf(frame, scalar) for _ in range(3))]
        values = binding.shortened_together(frame, grown)
    writing.call(frame, one, [type_], type_.spelling, values)
    return True


def _identity(frame: Frame, one: Registered) -> bool:
    """The identity and another rotation, by a condition."""
    type_ = Quaternion(writing.dtype_of(frame, one))
    call = writing.with_dtype(frame, "wp.quat_identity", type_.scalar)
    other = writing.named(frame, type_)
    condition = conditions.condition(frame, expressions.grow, 0)
    holes = {"other": other, "condition": condition}
    writing.assign(frame, one, [type_], f"{{other}} if {{condition}} else {call}", holes)
    return True


AXES = tuple((i, j, k) for i in range(3) for j in range(3) for k in range(3) if i != j and j != k)
"""Sequences of axes: the six of Tait and Bryan, and Euler's six, whose third axis is the first again."""


def _axes(frame: Frame) -> tuple[int, int, int]:
    """Choose a sequence, mostly of three axes: with two, equal angles cancel and rounding is all that remains."""
    several = [axes for axes in AXES if len(set(axes)) == 3]
    return pick(frame.choices, several if chance(frame.choices, 80) else AXES)


def _from_euler(frame: Frame, one: Registered) -> bool:
    if frame.exact_only:
        return False
    i, j, k = _axes(frame)
    (angles,) = writing.arguments(frame, [Vector(3, FLOAT32)])
    writing.call(frame, one, [Quaternion(FLOAT32)], "wp.quat_from_euler", [angles, i, j, k], library=True)
    return True


def _to_euler(frame: Frame, one: Registered) -> bool:
    """Angles of a rotation; near gimbal lock they jump, so what goes in is exact."""
    if frame.exact_only:
        return False
    i, j, k = _axes(frame)
    (rotation,) = writing.arguments(frame, [Quaternion(FLOAT32)], exact=True)
    writing.call(frame, one, [Vector(3, FLOAT32)], "wp.quat_to_euler", [rotation, i, j, k], library=True)
    return True


_NAMES = (("axis", "direction", "around"), ("angle", "theta", "phi"))


def _to_axis_angle(frame: Frame, one: Registered) -> bool:
    """`axis, angle = wp.quat_to_axis_angle(q)`, or the same into variables that are passed."""
    if frame.exact_only:
        return False
    scalar = writing.dtype_of(frame, one)
    rotation = writing.named(frame, Quaternion(scalar), exact=True)
    types: list[ValueType] = [Vector(3, scalar), scalar]
    if len(one.parameters) == 1:
        writing.call(frame, one, types, "wp.quat_to_axis_angle", [rotation], library=True, banks=_NAMES)
        return True
    axis, angle = (writing.zero(frame, type_, bank) for type_, bank in zip(types, _NAMES, strict=True))
    writing.call_into(frame, one, [rotation, axis, angle], [axis, angle], library=True)
    return True


RECIPES: Mapping[str, Recipe] = {
    "quaternion": _quaternion,
    "quat_identity": _identity,
    "quat_from_euler": _from_euler,
    "quat_to_euler": _to_euler,
    "quat_to_axis_angle": _to_axis_angle,
}
