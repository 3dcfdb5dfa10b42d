"""A deviation that Warp's documentation announces is no bug: which limit does a kernel exceed that explains it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from grammar.limits import BY_NAME, Effect, exceeded
from oracle.opinions import Opinion, Stance


def documented(opinion: Opinion, source: str) -> Opinion:
    """Return an opinion as it is, or as `documented` if all that it accuses is what a limit of `source` announces."""
    if opinion.stance is not Stance.ACCUSES or opinion.comparison is None:
        return opinion
    reason = excuse(source, (leaf.name for leaf in opinion.comparison.differing))
    return replace(opinion, stance=Stance.DOCUMENTED, reason=f"{reason}: {opinion.reason}") if reason else opinion


def excuse(source: str, leaves: Iterable[str]) -> str | None:
    """Return the limit, with its line and citation, that explains deviations in these leaves; None if none does.

    Only gradients are explained. What Warp leaves open in values the grammar does not write, beyond limits neither.
    """
    names = list(leaves)
    if not names or not all(name.endswith(".grad") for name in names):
        return None
    return gradient_limit(source)


def gradient_limit(source: str) -> str | None:
    """Return the first documented limit of gradients that a source exceeds, with its line and citation."""
    for one in exceeded(source, (Effect.GRADIENTS, Effect.UNRELIABLE)):
        limit = BY_NAME[one.limit_name]
        return f"{limit.name} at line {one.line} ({limit.citation})"
    return None
