"""Textures, read at the centers of their texels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grammar import snippets
from grammar.arguments import TEXELS
from grammar.choices import pick
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.resources import inputs
from grammar.scope import Frame
from grammar.types import FLOAT32, ValueType, Vector

_DTYPES: Sequence[ValueType] = (FLOAT32, Vector(2, FLOAT32), Vector(4, FLOAT32))


def _sample(frame: Frame, one: Registered) -> bool:
    """Sample where the outcome does not depend on how coordinates are rounded: each axis at a texel's center."""
    axes = int(one.types[0][len("Texture")])
    texture = inputs.resource(frame, f"texture{axes}d")
    type_ = pick(frame.choices, _DTYPES)
    coordinates = [_coordinate(frame, name) for name in ("u", "v", "w")[:axes]]
    joined = ", ".join(coordinates)
    if len(one.parameters) == 4 and axes > 1:
        joined = f"wp.vec{axes}({joined})"
    name = inputs.fresh(frame, ("texel", "color", "sampled", "height"))
    snippets.emit(frame, f"{name} = wp.texture_sample({texture.name}, {joined}, dtype={type_.spelling})")
    inputs.result(frame, name, type_)
    inputs.note(frame, one)
    return True


def _coordinate(frame: Frame, name: str) -> str:
    """Emit a texture coordinate of the thread's, and return its name."""
    thread = pick(frame.choices, frame.threads)
    place = pick(
        frame.choices, (f"{thread.name} % {TEXELS}", f"{thread.name} // {TEXELS} % {TEXELS}", f"{thread.name}")
    )
    name = inputs.fresh(frame, (name, f"{name}_coord"))
    snippets.emit(frame, f"{name} = (float({place}) + 0.5) / {TEXELS}.0")
    return name


RECIPES: Mapping[str, Recipe] = {"texture_sample": _sample}
