"""Norms of vectors that Warp writes in Python: float32 vectors of any length, with and without their delta."""

from __future__ import annotations

from collections.abc import Mapping

from grammar.choices import chance, pick_weighted
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.types import FLOAT32, Vector

_LENGTHS = ((3, 6.0), (2, 3.0), (4, 2.0), (1, 0.3), (5, 0.5), (6, 0.7), (7, 0.3), (8, 0.4))


def _norm(frame: Frame, one: Registered) -> bool:
    """A norm or the vector divided by one; `wp.norm_huber` has a branch, so its vector is exact."""
    type_ = Vector(pick_weighted(frame.choices, _LENGTHS), FLOAT32)
    vector = writing.named(frame, type_, exact=one.name == "norm_huber")
    result = type_ if one.name == "smooth_normalize" else FLOAT32
    if "delta" not in one.optional or chance(frame.choices, 40):
        writing.assign(frame, one, [result], f"wp.{one.name}({{v}})", {"v": vector})
        return True
    deltas = (("0.5", 3.0), ("2.0", 3.0), ("0.1", 2.0), ("1e-3", 1.0), ("10.0", 1.0))
    delta = pick_weighted(frame.choices, deltas)
    keyword = "delta=" if chance(frame.choices, 40) else ""
    writing.assign(frame, one, [result], f"wp.{one.name}({{v}}, {keyword}{delta})", {"v": vector})
    return True


RECIPES: Mapping[str, Recipe] = dict.fromkeys(
    ("norm_l1", "norm_l2", "norm_huber", "norm_pseudo_huber", "smooth_normalize"), _norm
)
