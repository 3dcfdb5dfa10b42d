"""Deviations of Warp from its own documentation that the reference can be told to follow, so that it says them once.

A campaign that has reported one would meet it in kernel after kernel; with its name in `Run.known` the reference does
as Warp does, or has no opinion where that cannot be said. Definitions ask with `name in run.known`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Deviation:
    """What Warp does instead on both targets, and where that is reported: a finding's folder, or Warp's issue."""

    what: str
    reported: str


NEGATED_ZERO = "negated-zero"
SLICE_OF_ITSELF = "slice-changed-by-whole"
INVERSE_ERF = "erfinv-small-arguments"
SVD2_SINGULAR = "svd2-of-singular-matrix"
TILE_ELEMENT_RACE = "tile-element-change-race"
SVD2_ROTATION = "svd2-of-scaled-rotation"

DEVIATIONS: Mapping[str, Deviation] = MappingProxyType(
    {
        TILE_ELEMENT_RACE: Deviation(
            "a change of a tile's elements does not wait for those who still read the tile", "tile-element-change-race"
        ),
        SVD2_SINGULAR: Deviation(
            "the smaller singular value of a nearly singular matrix is NaN at times", "svd2-of-singular-matrix"
        ),
        SVD2_ROTATION: Deviation(
            "`svd2` of a scaled rotation or reflection returns identities for `U` and `V`",
            "https://github.com/NVIDIA/warp/issues/1734",
        ),
        INVERSE_ERF: Deviation(
            "`erfinv` and `erfcinv` lose their small arguments on the cpu", "erfinv-small-arguments"
        ),
        NEGATED_ZERO: Deviation(
            "`-x` of a scalar is computed as 0 - x: of a positive zero it is a positive zero", "negated-zero"
        ),
        SLICE_OF_ITSELF: Deviation("`v[::-1] += v` adds components that it changed already", "slice-changed-by-whole"),
    }
)
"""By the name that `Run.known` holds."""
