"""What every built-in means, from Warp's documentation and mathematics; a module for each group of them.

A definition is called with the run and the arguments, which are typed: literals have got the scalar type of the other
arguments. What the language defines to the bit is computed in the type itself; everything else as accurately as it is
at hand and given to `Run.rounded` with a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from oracle.reference.definitions import operators

DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType({**operators.DEFINITIONS})
"""The definitions by the built-in's name; `construct vector` and the like are those of constructors."""
