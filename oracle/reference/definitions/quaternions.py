"""Quaternions: constructors, rotations of vectors, rotation matrices, interpolation.

What the documentation says of unit quaternions and rotation matrices only is open for others, by as much as they are
off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from oracle.reference.compounds import Compound, CompoundType
from oracle.reference.definitions.bounds import draw, finite, moves_open, near, undetermined
from oracle.reference.definitions.products import conjugated, rotated
from oracle.reference.definitions.vectors import dtype_of, normalized
from oracle.reference.run import LackingError, Run
from oracle.reference.scalars import ScalarType

TRIG_ULPS = 2.5
"""The error of a sine or cosine on either target (`oracle.ulp.BOUNDS`), and of its rounding."""


def _construct(run: Run, type_: CompoundType, *values: Any, **named: Any) -> Compound:
    """Return a quaternion of its vector and scalar parts, by position or name."""
    names = ("x", "y", "z", "w", "ijk", "real", "quat")
    values = (*values, *(named[name] for name in names if name in named))
    if len(values) == 2 and isinstance(values[0], Compound) and values[0].type.shape == (3,):
        return type_.converted([*values[0].items, values[1]])
    if len(values) in (0, 4) or (len(values) == 1 and isinstance(values[0], Compound)):
        return type_(*values)
    raise LackingError("a quaternion of other parts")


def make_quaternion(run: Run, *values: Any, dtype: Any = None, **named: Any) -> Compound:
    """Return `wp.quaternion(...)`: zeros, four numbers, a vector and a number, or a copy."""
    scalar = dtype_of(run, (*values, *named.values()), dtype)
    return _construct(run, run.quaternion(scalar), *values, **named)


def identity(run: Run, dtype: Any = None) -> Compound:
    """Return the rotation that turns nothing."""
    return run.quaternion(dtype_of(run, (), dtype)).converted([0, 0, 0, 1])


def off_unit(values: Sequence[Any]) -> float:
    """Return how far the squared length is from one."""
    return abs(sum(float(item) * float(item) for item in values) - 1.0)


def open_ulps(run: Run, scalar: ScalarType, off: float) -> float:
    """Return how far formulas for unit quaternions and the like may be apart, in ULPs, for what is off by so much."""
    return 2.0 * off / scalar.limits.eps if moves_open(run) else 0.0


def moved_all(run: Run, name: str, values: Sequence[Any], scalar: ScalarType, ulps: float, size: float) -> list[Any]:
    """Return numbers whose errors are all relative to one size."""
    return [near(run, f"{name} {place}", item, scalar, ulps, size) for place, item in enumerate(values)]


def _from_axis_angle(run: Run, axis: Compound, angle: Any) -> Compound:
    """Return `(axis * sin(angle / 2), cos(angle / 2))`."""
    scalar = axis.type.scalar
    half = float(angle * scalar(0.5))
    if not math.isfinite(half):
        return run.quaternion(scalar).converted([math.nan] * 4)
    sine, cosine = scalar(math.sin(half)), scalar(math.cos(half))
    sine = run.rounded("sin", sine, scalar, TRIG_ULPS)
    cosine = run.rounded("cos", cosine, scalar, TRIG_ULPS)
    return run.quaternion(scalar).of([item * sine for item in axis.items] + [cosine])


def _to_axis_angle(run: Run, quat: Compound) -> tuple[Compound, Any]:
    """Return the axis and the angle; where the scalar part is zero, the axis may point either way.

    The axis is open where the angle is zero, and both are where squares are too small or too large for the type.
    """
    name, scalar, limits = "quat_to_axis_angle", quat.type.scalar, quat.type.scalar.limits
    x, y, z, w = (float(item) for item in quat.items)
    sine = math.sqrt(x * x + y * y + z * z)
    sign = -1.0 if w < 0.0 else 1.0
    if run.noise is not None and abs(w) <= 4.0 * limits.eps * sine:
        sign = math.copysign(1.0, draw(run, name, x, y, z))
    axis = [scalar(sign * item / sine if sine > 0.0 else 0.0) for item in (x, y, z)]
    angle = scalar(2.0 * math.atan2(sine, abs(w)))
    if 16.0 * limits.smallest_subnormal / limits.eps < sine * sine < limits.max / 4.0:
        axis = [near(run, f"{name} {place}", item, scalar, 4.0, float(item)) for place, item in enumerate(axis)]
        angle = near(run, name, angle, scalar, 6.0, float(angle))
    else:
        axis = [undetermined(run, f"{name} {place}", item, scalar) for place, item in enumerate(axis)]
        angle = angle if sine == 0.0 else undetermined(run, name, angle, scalar)
    return run.vector(3, scalar).of(axis), angle


def rotation_of_matrix(run: Run, scalar: ScalarType, m: Sequence[Sequence[Any]]) -> list[Any]:
    """Return the unit quaternion of a rotation matrix' rows; its sign is open, and for other matrices all of it."""
    off = _off_rotation(m)
    if not off < 0.25:
        return [undetermined(run, f"quat_from_matrix {place}", scalar(place // 3), scalar) for place in range(4)]
    rows = [[float(item) for item in row] for row in m]
    trace = rows[0][0] + rows[1][1] + rows[2][2]
    largest = max(range(3), key=lambda place: rows[place][place])
    if trace >= 0.0:
        real = 1.0 + trace
        parts = [rows[2][1] - rows[1][2], rows[0][2] - rows[2][0], rows[1][0] - rows[0][1], real]
    else:
        i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
        parts = [0.0, 0.0, 0.0, rows[k][j] - rows[j][k]]
        parts[i] = 1.0 + rows[i][i] - rows[j][j] - rows[k][k]
        parts[j], parts[k] = rows[i][j] + rows[j][i], rows[i][k] + rows[k][i]
    size = math.sqrt(sum(part * part for part in parts))
    if moves_open(run) and draw(run, "sign of quat_from_matrix", *parts) < 0.0:
        size = -size
    values = [scalar(part / size) for part in parts]
    return moved_all(run, "quat_from_matrix", values, scalar, 8.0 + open_ulps(run, scalar, off), 1.0)


def _off_rotation(m: Sequence[Sequence[Any]]) -> float:
    """Return how far a matrix is from orthonormal, infinitely far if it mirrors."""
    rows = [[float(item) for item in row] for row in m]
    off = 0.0
    for i in range(3):
        for j in range(3):
            product = sum(rows[i][k] * rows[j][k] for k in range(3))
            error = abs(product - (i == j))
            off = error if not error <= off else off
    x, y, z = rows
    volume = (
        x[0] * (y[1] * z[2] - y[2] * z[1]) - x[1] * (y[0] * z[2] - y[2] * z[0]) + x[2] * (y[0] * z[1] - y[1] * z[0])
    )
    return off if volume > 0.0 else math.inf


def _from_matrix(run: Run, mat: Compound) -> Compound:
    scalar, width = mat.type.scalar, mat.type.shape[1]
    rows = [mat.items[row * width : row * width + 3] for row in range(3)]
    return run.quaternion(scalar).of(rotation_of_matrix(run, scalar, rows))


def matrix_of_rotation(run: Run, scalar: ScalarType, q: Sequence[Any]) -> list[list[Any]]:
    """Return the columns of the rotation matrix: what becomes of the axes."""
    one, zero = scalar(1), scalar(0)
    return [rotated(run, scalar, q, [one if row == axis else zero for row in range(3)]) for axis in range(3)]


def _to_matrix(run: Run, quat: Compound) -> Compound:
    scalar = quat.type.scalar
    columns = matrix_of_rotation(run, scalar, quat.items)
    return run.matrix(3, 3, scalar).of([columns[column][row] for row in range(3) for column in range(3)])


def _rotate(run: Run, quat: Compound, vec: Compound) -> Compound:
    return vec.like(rotated(run, vec.type.scalar, quat.items, vec.items))


def _rotate_inv(run: Run, quat: Compound, vec: Compound) -> Compound:
    return vec.like(rotated(run, vec.type.scalar, conjugated(quat.items), vec.items))


def _slerp(run: Run, a: Compound, b: Compound, t: Any) -> Compound:
    """Return the point of the shorter arc; where the two are orthogonal, either arc is as short."""
    scalar = a.type.scalar
    name = "quat_slerp"
    target = normalized(run, b)
    cosine = sum(float(x) * float(y) for x, y in zip(a.items, target.items, strict=True))
    step, off = float(t), off_unit(a.items)
    if not (finite(a.items, b.items, [t]) and off < 0.25 and 0.0 <= step <= 1.0 and any(b.items)):
        return a.like([undetermined(run, f"{name} {place}", item, scalar) for place, item in enumerate(a.items)])
    if run.noise is not None:
        cosine += 8.0 * scalar.limits.eps * draw(run, name, cosine)
    sign = -1.0 if cosine < 0.0 else 1.0
    angle = math.acos(min(abs(cosine), 1.0))
    sine = math.sin(angle)
    if sine > 1e-6:
        weights = math.sin((1.0 - step) * angle) / sine, sign * math.sin(step * angle) / sine
    else:
        weights = 1.0 - step, sign * step
    values = [scalar(weights[0] * float(x) + weights[1] * float(y)) for x, y in zip(a.items, target.items, strict=True)]
    return a.like(moved_all(run, name, values, scalar, 16.0 + open_ulps(run, scalar, off), 1.0))


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "construct quaternion": _construct,
        "quaternion": make_quaternion,
        "quat_identity": identity,
        "quat_from_axis_angle": _from_axis_angle,
        "quat_to_axis_angle": _to_axis_angle,
        "quat_from_matrix": _from_matrix,
        "quat_to_matrix": _to_matrix,
        "quat_inverse": lambda run, quat: quat.like(conjugated(quat.items)),
        "quat_rotate": _rotate,
        "quat_rotate_inv": _rotate_inv,
        "quat_slerp": _slerp,
    }
)
"""`dot`, `length`, `length_sq` and `normalize` take quaternions as well and stand with vectors."""
