"""Tests of triangles and edges against each other, which need no resource."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import snippets
from grammar.choices import pick
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.resources import inputs
from grammar.resources.inputs import VEC3
from grammar.scope import Frame
from grammar.types import FLOAT32, FLOAT64, INT32, Scalar, Vector

_OFFSETS = ("0.5, 0.0, 0.0", "0.0, 0.75, 0.25", "0.25, 0.5, 1.0", "1.0, 0.0, 0.5", "-0.5, 0.25, 0.0", "0.0, -1.0, 0.5")


def _corners(frame: Frame, scalar: Scalar, banks: tuple[tuple[str, ...], ...]) -> list[str]:
    """Emit further points near the thread's own, or between it and a parameter, and return their names."""
    p = inputs.position(frame, scalar)
    spelling = Vector(3, scalar).spelling
    target = inputs.access_parameter(frame, Vector(3, scalar), ("target", "tip", "apex"))
    names = []
    for bank in banks:
        name = inputs.fresh(frame, bank)
        parts = ", ".join(
            inputs.number(frame, part, scalar=scalar) for part in pick(frame.choices, _OFFSETS).split(", ")
        )
        origin = pick(frame.choices, (p, p, target))
        snippets.emit(frame, f"{name} = {origin.name} + {spelling}({parts})")
        names.append(name)
    return names


def _triangles(frame: Frame, one: Registered) -> bool:
    scalar = FLOAT64 if one.types[0] == "vec3d" else FLOAT32
    banks = tuple((f"{letter}{place}",) for letter in "ab" for place in range(3))
    corners = _corners(frame, scalar, banks)
    name = inputs.fresh(frame, ("collides", "crossing", "touching"))
    snippets.emit(frame, f"{name} = wp.{one.name}({', '.join(corners)})")
    inputs.result(frame, name, INT32, Interval(0, 1))
    inputs.note(frame, one)
    return True


def _edges(frame: Frame, one: Registered) -> bool:
    """Find the closest points of two edges: how far along each they are, and how far apart."""
    corners = _corners(frame, FLOAT32, (("p1",), ("q1",), ("p2",), ("q2",)))
    name = inputs.fresh(frame, ("st", "closest", "params"))
    epsilon = inputs.number(frame, "1.0e-5", "1.0e-6", "1.0e-3")
    snippets.emit(frame, f"{name} = wp.{one.name}({', '.join(corners)}, {epsilon})")
    inputs.result(frame, name, VEC3)
    inputs.note(frame, one)
    return True


RECIPES: Mapping[str, Recipe] = {"intersect_tri_tri": _triangles, "closest_point_edge_edge": _edges}
