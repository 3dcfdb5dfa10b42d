"""Hypothesis strategies over the grammar, for this project's tests and for other people's.

    @given(kernels(category="vector"))
    def test_my_pass_keeps_vectors(kernel): ...

They drive the very productions that a campaign does, with Hypothesis' `draw` in place of a seed, so that a failing
kernel shrinks to a small one: each production offers its simplest outcome first.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from grammar.categories import CATEGORIES
from grammar.kernel import Kernel
from grammar.kernels import generate


class DrawnChoices:
    """Decisions that Hypothesis makes, and shrinks."""

    def __init__(self, draw: st.DrawFn):
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, both included."""
        return self._draw(st.integers(low, high)) if high > low else low

    def weighted(self, weights: Sequence[float]) -> int:
        """Draw an index of a positive weight: in proportion to it, as far as whole percents tell."""
        total = sum(weights)
        point = self._draw(st.integers(0, 999)) / 1000 * total
        last = 0
        for index, weight in enumerate(weights):
            if weight > 0:
                last = index
                point -= weight
                if point < 0:
                    return index
        return last


@st.composite
def kernels(draw: st.DrawFn, category: str | None = None) -> Kernel:
    """Return kernels of a category, of any of them without one."""
    chosen = draw(st.sampled_from(CATEGORIES)) if category is None else category
    return generate(DrawnChoices(draw), chosen)
