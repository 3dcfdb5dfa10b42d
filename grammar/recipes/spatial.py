"""Spatial vectors: twists and wrenches constructed from their halves and their components."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import binding, expressions, snippets
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.types import FLOAT32, Vector


def _spatial_vector(frame: Frame, one: Registered) -> bool:
    """`wp.spatial_vector(w, v)`, six numbers, or zeros with one component assigned."""
    scalar = FLOAT32  # `wp.spatial_vector` refuses any other, as an argument and as `dtype`
    type_ = Vector(6, scalar)
    names = set(dict(one.parameters)) - {"dtype"}
    if not names:
        (twist,) = writing.call(frame, one, [type_], type_.spelling, [])
        (value,) = writing.arguments(frame, [scalar])
        place = frame.choices.integer(0, 5)
        snippets.emit(frame, f"{{twist}}[{place}] = {{value}}", twist=twist, value=value)
        writing.changed(frame, twist, value)
        return True
    if names == {"w", "v"}:
        values = writing.arguments(frame, [Vector(3, scalar), Vector(3, scalar)])
    else:
        grown = [writing.named(frame, scalar), *(expressions.leaf(frame, scalar) for _ in range(5))]
        values = binding.shortened_together(frame, grown)
    writing.call(frame, one, [type_], type_.spelling, values)
    return True


RECIPES: Mapping[str, Recipe] = {"spatial_vector": _spatial_vector}
