"""The recipes of all built-ins that work on tiles, by name."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from grammar.recipes import Recipe
from grammar.tiles import algebra, arithmetic, creation, elements, memory, reductions, shapes, stacks


@functools.cache
def recipes() -> Mapping[str, Recipe]:
    """Return the recipe of each built-in, for its overloads with tiles alone."""
    modules = (algebra, arithmetic, creation, elements, memory, reductions, shapes, stacks)
    return {name: recipe for module in modules for name, recipe in module.RECIPES.items()}
