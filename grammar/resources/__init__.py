"""Kernels on resources: meshes, bvhs, hash grids, volumes and textures, each overload of their built-ins with a recipe.

What a query finds comes in an order that only the resource's builder knows. So what is made of it does not depend on
the order: counts, sums of whole numbers, extremes.
"""

from __future__ import annotations

from collections.abc import Mapping

from grammar.recipes import Recipe
from grammar.resources import bvhs, hash_grids, iteration, mesh_queries, meshes, shapes, textures, tiled, volumes

RECIPES: Mapping[str, Recipe] = {
    name: recipe
    for module in (bvhs, hash_grids, iteration, meshes, mesh_queries, shapes, textures, tiled, volumes)
    for name, recipe in module.RECIPES.items()
}
"""The recipe of each built-in of the groups Geometry, Volumes and Textures."""
