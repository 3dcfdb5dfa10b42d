"""What every built-in means, from Warp's documentation and mathematics; a module for each group of them.

A definition is called with the run and the arguments, which are typed: literals have got the scalar type of the other
arguments. What the language defines to the bit is computed in the type itself; everything else as accurately as it is
at hand and given to `Run.rounded` with a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from oracle.reference.definitions import (
    angles,
    atomics,
    decompositions,
    geometry,
    geometry_triangles,
    geometry_volumes,
    library,
    matrices,
    memory,
    numbers,
    operators,
    products,
    quaternions,
    random_numbers,
    spatial,
    tiles,
    transforms,
    vectors,
)

DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        **operators.DEFINITIONS,
        **products.DEFINITIONS,
        **vectors.DEFINITIONS,
        **matrices.DEFINITIONS,
        **quaternions.DEFINITIONS,
        **angles.DEFINITIONS,
        **transforms.DEFINITIONS,
        **spatial.DEFINITIONS,
        **decompositions.DEFINITIONS,
        **numbers.DEFINITIONS,
        **library.DEFINITIONS,
        **memory.DEFINITIONS,
        **atomics.DEFINITIONS,
        **random_numbers.DEFINITIONS,
        **tiles.DEFINITIONS,
        **geometry.DEFINITIONS,
        **geometry_volumes.DEFINITIONS,
        **geometry_triangles.DEFINITIONS,
    }
)
"""The definitions by the built-in's name; `construct vector` and the like are those of constructors."""
