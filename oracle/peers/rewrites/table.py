"""The table of rewrites, and rewriting a source with some of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from oracle.peers.rewrites import branches, functions, loops, naming, order, parameters
from oracle.peers.rewrites.effects import Rewrite
from oracle.peers.rewrites.program import Program

REWRITES: Mapping[str, Rewrite] = MappingProxyType(
    {
        "expression hoisted": functions.hoist_expression,
        "store hoisted": functions.hoist_store,
        "loop unrolled": loops.unroll,
        "loop with while": loops.use_while,
        "literal passed": parameters.pass_literals,
        "fields passed": parameters.pass_fields,
        "operands swapped": order.swap_operands,
        "comparison mirrored": order.mirror_comparisons,
        "statements exchanged": order.exchange_statements,
        "extremes swapped": order.swap_extremes,
        "condition inverted": branches.invert_conditions,
        "dead code": branches.add_dead_code,
        "store guarded": branches.guard_stores,
        "expression named": naming.name_expression,
        "variable renamed": naming.rename,
        "update expanded": naming.expand_updates,
        "doubled by adding": naming.double_by_adding,
    }
)
"""By the name that an opinion has."""

MOST = 3
"""How many rewrites a source gets."""


@dataclass(frozen=True)
class Rewriting:
    """A rewritten source. `applied` are the rewrites, in their order.

    `added` are parameters that the kernel did not have, with their values; `moved` are those that take the place of a
    struct's fields, by the paths of those in the inputs.
    """

    source: str
    applied: tuple[str, ...]
    added: Mapping[str, int | float]
    moved: Mapping[str, str]

    @property
    def name(self) -> str:
        """What an opinion calls it."""
        return ", ".join(self.applied)


def rewrite(source: str, rng: random.Random, only: Sequence[str] = ()) -> Rewriting | None:
    """Rewrite a source inside the grammar with up to `MOST` of the rewrites (of `only`); None if none applies."""
    names = list(only or REWRITES)
    rng.shuffle(names)
    program = Program(source)
    applied: list[str] = []
    added: dict[str, int | float] = {}
    moved: dict[str, str] = {}
    for name in names:
        effects = REWRITES[name](program, rng)
        if effects is not None:
            applied.append(name)
            added |= effects.added
            moved |= effects.moved
        if len(applied) == MOST:
            break
    return Rewriting(program.text, tuple(applied), added, moved) if applied else None
