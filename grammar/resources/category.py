"""The category `geometry`: kernels about a mesh, a bvh, a hash grid, a volume, a texture, or triangles and edges."""

from __future__ import annotations

from grammar.choices import pick
from grammar.coverage import generable_overloads
from grammar.recipes import recipes
from grammar.scope import Frame

CATEGORY = "geometry"


def geometry(frame: Frame, lines: int) -> None:
    """Emit a use of one or two overloads of the groups Geometry, Volumes and Textures."""
    names = sorted({one.name for one in generable_overloads(CATEGORY)})
    for _ in range(2 if lines > 12 else 1):
        _use(frame, names)


def _use(frame: Frame, names: list[str]) -> None:
    """Emit a use of any of the built-ins, by name first, so that those with many overloads are not more frequent."""
    while True:
        name = pick(frame.choices, names)
        overloads = [one for one in generable_overloads(CATEGORY) if one.name == name]
        if recipes()[name](frame, pick(frame.choices, overloads)):
            return
