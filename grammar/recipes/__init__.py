"""Recipes: statements that use exactly one registered overload, for built-ins that no plain call covers.

`grammar.domains` has a row for every built-in that is called with values and gives one. The others (stores, atomics,
tiles, queries) are written in a way of their own: a recipe is given one overload of such a built-in, in Warp's words
for its types, and emits statements in which Warp's resolution picks just that one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from grammar.registry import Registered
from grammar.scope import Frame

Recipe = Callable[[Frame, Registered], bool]
"""Emits a use of the overload; False says that nothing came of it."""


@functools.cache
def recipes() -> Mapping[str, Recipe]:
    """Return the recipe of each built-in that has one."""
    from grammar import resources
    from grammar.recipes import (
        approximations,
        arrays,
        atomics,
        components,
        constructors,
        decompositions,
        norms,
        random_numbers,
        rotations,
        spatial,
        transforms,
    )

    modules = (
        approximations,
        arrays,
        atomics,
        components,
        constructors,
        decompositions,
        norms,
        random_numbers,
        resources,
        rotations,
        spatial,
        transforms,
    )
    return {name: recipe for module in modules for name, recipe in module.RECIPES.items()}


SETTINGS: Mapping[str, str] = {
    "Tile Primitives": "tile",
    "Geometry": "geometry",
    "Volumes": "geometry",
    "Textures": "geometry",
}
"""The category that a group's overloads need, for those whose launch or arguments are of a kind of their own."""


def setting_of(one: Registered) -> str:
    """Return the category that an overload needs, the empty text for none: `tile` where it works on tiles."""
    if one.name.endswith("_tiled") or any("Tile[" in type_ or type_.endswith("Tiled") for type_ in one.types):
        return "tile"
    return SETTINGS.get(one.group, "")


def recipe_of(one: Registered) -> Recipe | None:
    """Return the recipe of an overload: operators and the like have one for tiles, and are plain calls otherwise."""
    if setting_of(one) == "tile":
        from grammar.tiles.recipes import recipes as of_tiles

        return of_tiles().get(one.name) or recipes().get(one.name)
    return recipes().get(one.name)
