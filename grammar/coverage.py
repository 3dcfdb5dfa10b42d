"""Which of Warp's registered overloads the grammar writes, and why it does not write the others."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from grammar import domains, registry
from grammar.recipes import recipe_of, setting_of
from grammar.registry import Builtin, Registered
from grammar.types import FLOAT32, INT32, Matrix, Quaternion, Transform, Vector


@dataclass(frozen=True)
class Status:
    """Whether something is generated: `generable`, `excluded` or `unclassified`, and how or why not."""

    word: str
    reason: str = ""


def status_of(builtin: Builtin) -> Status:
    """Say what the grammar does with a built-in: it is generable when at least one of its overloads is."""
    unwanted = domains.EXCLUDED.get(builtin.name) or domains.GONE.get(builtin.name)
    if unwanted:
        return Status("excluded", unwanted)
    if builtin.name in domains.DOMAINS:
        operator = domains.DOMAINS[builtin.name].operator
        return Status("generable", f"the operator {operator}" if operator else "a call")
    if builtin.name in domains.SPELLED:
        return Status("generable", domains.SPELLED[builtin.name])
    if any(map(recipe_of, builtin.overloads)):
        return Status("generable", "a recipe")
    return Status("unclassified", "no row in the table of domains, and no recipe")


def overload_status(one: Registered) -> Status:
    """Say what the grammar does with one registered overload."""
    reason = domains.EXCLUDED.get(one.name) or domains.GONE.get(one.name) or domains.left_out(one)
    if reason:
        return Status("excluded", reason)
    if recipe_of(one) is not None:
        return Status("generable", "a recipe")
    if one.name in domains.DOMAINS:
        if one.concrete is not None and domains.generable(one.concrete):
            return Status("generable", "a call")
        if registry.is_specialised(one) and any(
            map(domains.generable, registry.specialise(one.name, _TYPES, one.place))
        ):
            return Status("generable", "a call, for types of the grammar that it takes")
        return Status("unclassified", "its types or its results are outside the grammar")
    if one.name in domains.SPELLED:
        return Status("generable", domains.SPELLED[one.name])
    return Status("unclassified", "no row in the table of domains, and no recipe")


_TYPES = tuple(
    kind
    for scalar in (FLOAT32, INT32)
    for kind in (
        scalar,
        *(Vector(length, scalar) for length in (2, 3, 6)),
        *(Matrix(extent, extent, scalar) for extent in (2, 3, 4)),
        *((Quaternion(scalar), Transform(scalar)) if scalar.is_float else ()),
    )
)
"""Types of which every generic overload of a call takes some."""


@functools.cache
def generable_overloads(setting: str = "") -> tuple[Registered, ...]:
    """Return the overloads to aim at, those that need the category `setting` (without it, those that need none)."""
    return tuple(
        one
        for builtin in registry.builtins().values()
        for one in builtin.overloads
        if setting_of(one) == setting and overload_status(one).word == "generable"
    )
