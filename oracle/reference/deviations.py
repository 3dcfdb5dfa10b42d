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
INVERSE_ERF = "erfinv-small-arguments"

DEVIATIONS: Mapping[str, Deviation] = MappingProxyType(
    {
        INVERSE_ERF: Deviation(
            "`erfinv` and `erfcinv` lose their small arguments on the cpu", "erfinv-small-arguments"
        ),
        NEGATED_ZERO: Deviation("`-x` is computed as 0 - x: of a positive zero it is a positive zero", "negated-zero"),
    }
)
"""By the name that `Run.known` holds."""
