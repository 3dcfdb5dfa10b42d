"""Swarm testing: each kernel goes without a random part of the grammar, so that what is left is not crowded out.

A kernel that may use everything uses a little of everything, and two rare things hardly ever meet; where half of the
grammar is off, the other half meets twice as often (Groce et al., "Swarm Testing", ISSTA 2012). A swarm is the set of
words that are off. Productions give what is off no weight; what a category must contain, or an overload that a kernel
aims at, is written all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from grammar.choices import Choices, chance, pick

if TYPE_CHECKING:
    from grammar.registry import Overload, Registered

T = TypeVar("T")

_SHARES = (3, 10, 20, 35, 50, 70)
"""Of 100 words how many are off, one of these for a swarm: from nearly everything to a narrow part."""


@dataclass(frozen=True)
class Swarm:
    """The words of `words()` that are off; a word that is none there switches nothing."""

    off: frozenset[str] = frozenset()

    def thinned(self, family: str, table: Sequence[tuple[T, float]]) -> Sequence[tuple[T, float]]:
        """Return a table of items by weight with no weight for what is off, as it is where nothing would be left.

        An item's word is the family, a colon and the item's text.
        """
        if not self.off:
            return table
        thinned = [(item, 0.0 if f"{family}:{item}" in self.off else weight) for item, weight in table]
        return thinned if any(weight > 0 for _, weight in thinned) else table

    def percent(self, word: str, percent: float) -> float:
        """Return the chance of something, 0 where its word is off."""
        return 0.0 if word in self.off else percent

    def has(self, overload: Overload | Registered) -> bool:
        """Whether neither the built-in of an overload is off nor its group."""
        return f"built-in:{overload.name}" not in self.off and f"group:{overload.group}" not in self.off


EVERYTHING = Swarm()
"""Nothing is off."""


def draw_swarm(choices: Choices) -> Swarm:
    """Draw a swarm: how much is off, then which words."""
    share = pick(choices, _SHARES)
    return Swarm(frozenset(word for word in words() if chance(choices, share)))


@functools.cache
def words() -> tuple[str, ...]:
    """Return the words of everything that can be switched off with the installed Warp, in order."""
    return tuple(sorted(f"{family}:{word}" for family, found in _FAMILIES.items() for word in found()))


def _statements() -> Sequence[str]:
    from grammar import statements

    return statements.SWITCHABLE


def _expressions() -> Sequence[str]:
    from grammar import expressions

    return expressions.SWITCHABLE


def _forms() -> Sequence[str]:
    from grammar import forms

    return tuple(forms.forms())


def _builtins() -> Sequence[str]:
    from grammar import domains, registry

    return sorted(domains.DOMAINS.keys() & registry.builtins().keys())


def _groups() -> Sequence[str]:
    from grammar import registry

    return sorted({registry.builtins()[name].group for name in _builtins()})


def _scalars() -> Sequence[str]:
    from grammar import palette

    return [str(scalar) for scalar, _ in (*palette.FLOAT_WEIGHTS, *palette.INTEGER_WEIGHTS)]


def _composites() -> Sequence[str]:
    from grammar import palette

    return palette.KINDS


def _layouts() -> Sequence[str]:
    from grammar import layouts

    return layouts.SWITCHABLE


_FAMILIES: dict[str, Callable[[], Sequence[str]]] = {
    "statement": _statements,
    "expression": _expressions,
    "form": _forms,
    "built-in": _builtins,
    "group": _groups,
    "type": _scalars,
    "composite": _composites,
    "layout": _layouts,
}
"""The families of words, and where each has its own from."""
