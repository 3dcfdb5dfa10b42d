"""Textures read at their nearest texel: `tex` with coordinates from 0 to 1, clamped to the texture.

The CUDA programming guide ("Texture Fetching", nearest-point sampling) says which texel that is: floor(N * x) of N
along an axis. How coordinates are rounded before is not said, so a program should stay away from the borders of texels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .decode import Form, Modifiers
from .errors import Fault
from .program import Emitter, Program
from .reports import Kind
from .types import TYPES, Array

if TYPE_CHECKING:
    from .machine import Machine

_AXES = {"1d": 1, "2d": 2, "3d": 3}


def _tex(m: Modifiers) -> Emitter:
    m.drop("level")  # there is one level
    geometry = m.one_of(*_AXES)
    axes = _AXES.get(geometry, 0)
    if not axes or not m.flag("v4") or m.type() is not TYPES["f32"] or m.type() is not TYPES["f32"]:
        raise m.unsupported()

    def emit(program: Program, operands: list[str]) -> None:
        # `[object, {x, y, ...}]`; three-dimensional coordinates come as four, the last of which is ignored.
        name, _, rest = operands[1].strip("[]").partition(",")
        floats = program.operands["f32"]
        coordinates = [text for text in rest.strip("{}").split(",") if text]
        if len(coordinates) < axes:
            raise ValueError(f"{axes} coordinates needed")
        places = [program.full(floats[text]) for text in coordinates[:axes]]
        results = [floats[text] for text in operands[0].strip("{}").split(",")]
        handles = program.full(program.operands["u64"][name])
        program.effect(lambda: _fetch(program.machine, handles, places, results))

    return emit


def _fetch(machine: Machine, handles: Array, places: Sequence[Array], results: Sequence[Array]) -> None:
    """Let every active thread read the texel that its coordinates say, of the one level that textures have here."""
    active = np.flatnonzero(machine.mask)
    for handle in np.unique(handles[active]).tolist():
        texels = machine.textures.get(handle)
        lanes = active[handles[active] == handle]
        if texels is None or texels.ndim != len(places) + 1:
            raise Fault(Kind.OUT_OF_BOUNDS, f"0x{handle:x} is no {len(places)}-dimensional texture", handle, 0)
        # The first coordinate runs along the last axis.
        index = [_nearest(place[lanes], extent) for place, extent in zip(places, texels.shape[-2::-1], strict=True)]
        found = texels[tuple(reversed(index))]
        for channel, result in enumerate(results):
            result[lanes] = found[:, channel]


def _nearest(place: Array, extent: int) -> Array:
    """The texel along one axis; NaN counts as 0."""
    scaled = np.nan_to_num(np.floor(place.astype(np.float64) * extent), nan=0.0, posinf=extent, neginf=0.0)
    return np.clip(scaled, 0, extent - 1).astype(np.int64)


FORMS: dict[str, Form] = {"tex": _tex}
"""Base opcode to the function that decodes its modifiers."""
