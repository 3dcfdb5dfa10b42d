"""Rotations as angles: roll, pitch and yaw, Euler angles about any sequence of axes, twists."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from oracle.reference.compounds import Compound
from oracle.reference.definitions.bounds import draw, finite, moves_open, near, undetermined
from oracle.reference.definitions.products import hamilton
from oracle.reference.definitions.quaternions import TRIG_ULPS, moved_all, off_unit, open_ulps
from oracle.reference.definitions.vectors import dot, normalized
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import ScalarType


def _turn(run: Run, scalar: ScalarType, axis: int, angle: Any) -> list[Any]:
    """Return the quaternion of a rotation about the x, y or z axis."""
    half = float(angle * scalar(0.5))
    known = math.isfinite(half)
    sine, cosine = (scalar(function(half) if known else math.nan) for function in (math.sin, math.cos))
    items = [scalar(0)] * 3 + [run.rounded("cos", cosine, scalar, TRIG_ULPS)]
    items[axis] = run.rounded("sin", sine, scalar, TRIG_ULPS)
    return items


def _product_of_turns(
    run: Run, scalar: ScalarType, first: Sequence[Any], second: Sequence[Any], third: Sequence[Any]
) -> Compound:
    """Return the quaternion of three rotations, the first one applied first; formulas in closed form vary."""
    values = hamilton(run, scalar, third, hamilton(run, scalar, second, first))
    return run.quaternion(scalar).of(moved_all(run, "turns", values, scalar, 2.0, 1.0))


def _rpy(run: Run, roll: Any, pitch: Any, yaw: Any) -> Compound:
    scalar = run.scalar_of(roll) or run.scalars["float32"]
    turns = (_turn(run, scalar, axis, angle) for axis, angle in enumerate((roll, pitch, yaw)))
    return _product_of_turns(run, scalar, *turns)


def _from_euler(run: Run, e: Compound, i: Any, j: Any, k: Any) -> Compound:
    """Return `qk * qj * qi`, where `qi` is the rotation of `e[i]` about axis `i`, and so on."""
    scalar = e.type.scalar
    turns = (_turn(run, scalar, int(axis), e.items[int(axis)]) for axis in (i, j, k))
    return _product_of_turns(run, scalar, *turns)


def _is_rotation(q: Compound) -> bool:
    """Whether a quaternion is about as long as one."""
    return finite(q.items) and off_unit(q.items) < 0.25


def _unit(run: Run, name: str, q: Compound) -> list[float]:
    """Return a rotation's components moved within rounding."""
    scalar = q.type.scalar
    off = off_unit(q.items)
    if run.noise is None or not _is_rotation(q):
        return [float(item) for item in q.items]
    reach = 4.0 * scalar.limits.eps + (off if moves_open(run) else 0.0)
    return [float(item) + reach * draw(run, f"{name} {place}", float(item)) for place, item in enumerate(q.items)]


def _angles(run: Run, name: str, q: Compound, angles: Sequence[float]) -> Compound:
    """Return angles of a rotation, or of what is none: those are open."""
    scalar = q.type.scalar
    items = [scalar(angle) for angle in angles]
    if _is_rotation(q):
        items = moved_all(run, name, items, scalar, 4.0, math.pi)
    else:
        items = [undetermined(run, f"{name} {place}", item, scalar) for place, item in enumerate(items)]
    return run.vector(3, scalar).of(items)


def _to_rpy(run: Run, q: Compound) -> Compound:
    """Return roll, pitch and yaw, which are documented as inaccurate near gimbal lock."""
    x, y, z, w = _unit(run, "quat_to_rpy", q)
    scalar = q.type.scalar
    error = 4.0 * scalar.limits.eps
    sine, *parts = _moved(
        run,
        "quat_to_rpy",
        error,
        2.0 * (w * y - z * x),
        2.0 * (w * x + y * z),
        1.0 - 2.0 * (x * x + y * y),
        2.0 * (w * z + x * y),
        1.0 - 2.0 * (y * y + z * z),
    )
    angles = (math.atan2(*parts[:2]), math.asin(min(max(sine, -1.0), 1.0)), math.atan2(*parts[2:]))
    return _angles(run, "quat_to_rpy", q, angles)


def _moved(run: Run, name: str, reach: float, *values: float) -> list[float]:
    """Return numbers moved by up to `reach` if there is noise."""
    if run.noise is None:
        return list(values)
    return [value + reach * draw(run, f"{name} {place}", value) for place, value in enumerate(values)]


def _to_euler(run: Run, q: Compound, i: Any, j: Any, k: Any) -> Compound:
    """Return the angles about a sequence of axes, from the quaternion's components.

    Bernardes and Viollet, "Quaternion to Euler angles conversion: A direct, general and computationally efficient
    method", PLoS ONE 17 (2022). Angles that differ by a full turn are the same, and which of them is open; at gimbal
    lock only the sum or the difference of two is known.
    """
    scalar = q.type.scalar
    i, j, k = int(i), int(j), int(k)
    if i == j or j == k:
        raise LackingError("Euler angles about one axis twice in a row")
    unit = _unit(run, "quat_to_euler", q)
    proper = i == k
    k = 3 - i - j if proper else k
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    real, first, second, third = unit[3], unit[i], unit[j], unit[k] * sign
    if proper:
        a, b, c, d = real, first, second, third
    else:
        a, b, c, d = real - second, first + third, second + real, third - first
    middle = 2.0 * math.atan2(math.hypot(c, d), math.hypot(a, b))
    total, difference = _moved_apart(run, scalar, (a, b, c, d))
    angles = [0.0, 0.0, 0.0]
    angles[i] = _full_turns(run, "first", total - difference)
    angles[j] = middle if proper else middle - math.pi / 2.0
    angles[k] = _full_turns(run, "third", (total + difference) * (1.0 if proper else sign))
    return _angles(run, "quat_to_euler", q, angles)


def _moved_apart(run: Run, scalar: ScalarType, parts: tuple[float, float, float, float]) -> tuple[float, float]:
    """Return half the sum and half the difference of the outer angles; at gimbal lock one of them is open."""
    a, b, c, d = parts
    total, difference = math.atan2(b, a), math.atan2(d, c)
    if not moves_open(run):
        return total, difference
    for place, size in enumerate((math.hypot(a, b), math.hypot(c, d))):
        if size < 1e3 * scalar.limits.eps:  # each formula has a threshold of its own
            turn = math.pi * draw(run, f"gimbal lock {place}", a, b, c, d)
            total, difference = (total + turn, difference) if place == 0 else (total, difference + turn)
    return total, difference


def _full_turns(run: Run, name: str, angle: float) -> float:
    """Return an angle, or under noise one that differs by a full turn and is documented as possible too."""
    if not moves_open(run):
        return angle
    turn = 2.0 * math.pi * round(1.5 * draw(run, f"full turns {name}", angle))
    return angle + turn if abs(angle + turn) <= 2.0 * math.pi * 1.0001 else angle


def _parts_of_twist(run: Run, axis: Compound, q: Compound) -> tuple[Any, Compound, bool]:
    """Return a rotation's vector part along an axis, the twist before it is normalized, and whether that is open.

    It is for a rotation by 180 degrees about an axis perpendicular to that of the twist, about, and for an axis that is
    no unit vector to speak of; else it is as inaccurate as the axis is no unit vector.
    """
    scalar = q.type.scalar
    off = off_unit(axis.items)
    part = dot(run, axis, run.vector(3, scalar).of(q.items[:3]))
    along = near(run, "along axis", part, scalar, open_ulps(run, scalar, off) if off < 0.25 else 0.0, float(part))
    parts = q.like([along * item for item in axis.items] + [q.items[3]])
    size, whole = (sum(float(item) * float(item) for item in value.items) for value in (parts, q))
    return along, parts, not (off < 0.25 and size > 64.0 * scalar.limits.eps * whole)


def _twist(run: Run, axis: Compound, q: Compound) -> Compound:
    """Return the twist; the same rotation turned round is the same, and which of the two is open."""
    scalar = q.type.scalar
    _, parts, is_open = _parts_of_twist(run, axis, q)
    found = normalized(run, parts)
    if is_open:
        items = [undetermined(run, f"quat_twist {place}", item, scalar) for place, item in enumerate(found.items)]
        return q.like(items)
    if moves_open(run) and draw(run, "sign of quat_twist", *map(float, q.items)) < 0.0:
        return -found
    return found


def _angle_of_twist(signed: bool) -> Callable[[Run, Compound, Compound], Any]:
    """Return the angle of the twist, whose sign is that of the component along the axis if `signed`."""

    def define(run: Run, axis: Compound, q: Compound) -> Any:
        scalar = q.type.scalar
        along, _, is_open = _parts_of_twist(run, axis, q)
        angle = 2.0 * math.atan2(abs(float(along)), float(q.items[3]))  # an arc cosine would be blind to small angles
        value = scalar(-angle if signed and along < 0 else angle)
        if is_open:
            return undetermined(run, "twist angle", value, scalar)
        return near(run, "twist angle", value, scalar, 4.0, math.pi)

    return define


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "quat_rpy": _rpy,
        "quat_from_euler": _from_euler,
        "quat_to_rpy": _to_rpy,
        "quat_to_euler": _to_euler,
        "quat_twist": _twist,
        "quat_twist_angle": _angle_of_twist(signed=False),
        "quat_twist_angle_signed": _angle_of_twist(signed=True),
    }
)
