"""How much of what the grammar writes the reference defines: built-ins and overloads, group by group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from grammar import registry
from grammar.coverage import overload_status
from grammar.registry import Registered
from oracle.reference.definitions import DEFINITIONS
from oracle.reference.definitions.lacking import LACKING
from oracle.reference.language import Language
from oracle.reference.run import LackingError, Run

SYNTAX: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("range", "iter_next", "reversed"), "a loop"),
        **dict.fromkeys(("copy", "assign", "array_store", "assign_inplace"), "an assignment"),
        **dict.fromkeys(
            ("add_inplace", "sub_inplace", "bit_and_inplace", "bit_or_inplace", "bit_xor_inplace"),
            "an augmented assignment to a component",
        ),
        **dict.fromkeys(
            ("transform_add_inplace", "transform_sub_inplace"), "an augmented assignment to a part of a transformation"
        ),
        **dict.fromkeys(
            (
                "tile_add_inplace",
                "tile_sub_inplace",
                "tile_bit_and_inplace",
                "tile_bit_or_inplace",
                "tile_bit_xor_inplace",
            ),
            "an augmented assignment to a tile",
        ),
        **dict.fromkeys(("extract", "indexref", "tile_slice_indexed"), "a subscript"),
        **dict.fromkeys(("int", "float"), "Python's own name of a type"),
        "unot": "the operator not",
        "tuple": "a tuple",
        "slice": "a slice",
    }
)
"""Built-ins that sources spell without their name: the reference has them as Python's own syntax."""

CONSTRUCTORS: Mapping[str, str] = MappingProxyType({"transformation": "construct transform"})
"""Registered names of constructors that sources spell by a type, and the definition that stands for them."""


@dataclass(frozen=True)
class Group:
    """One group of Warp's registry: of its generable built-ins and overloads, how many are defined, and what lacks.

    `lacking` gives the reason by the built-in's name; it is empty for what nobody has explained yet. An overload counts
    as defined with its built-in.
    """

    name: str
    builtins: int
    defined: int
    overloads: int
    defined_overloads: int
    lacking: Mapping[str, str]


def is_defined(name: str) -> bool:
    """Whether the reference has a meaning for a built-in."""
    if name in SYNTAX or CONSTRUCTORS.get(name, name) in DEFINITIONS:
        return True
    try:
        getattr(Language(Run(definitions=DEFINITIONS)), name)
    except LackingError:
        return False
    return True


def reason(name: str) -> str | None:
    """Return why the reference lacks a built-in, the empty text if nobody has said; None where it has it."""
    if is_defined(name):
        return None
    return next((why for pattern, why in LACKING.items() if matches(pattern, name)), "")


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern of LACKING is for a built-in."""
    return re.fullmatch(pattern, name) is not None


def groups() -> tuple[Group, ...]:
    """Return the coverage of every group that the grammar writes built-ins of, in the registry's order."""
    found: dict[str, dict[str, list[Registered]]] = {}
    for builtin in registry.builtins().values():
        overloads = [one for one in builtin.overloads if overload_status(one).word == "generable"]
        if overloads:
            found.setdefault(builtin.group, {})[builtin.name] = overloads
    return tuple(_group(name, builtins) for name, builtins in found.items())


def _group(name: str, builtins: Mapping[str, list[Registered]]) -> Group:
    lacking = {builtin: why for builtin in builtins if (why := reason(builtin)) is not None}
    return Group(
        name=name,
        builtins=len(builtins),
        defined=len(builtins) - len(lacking),
        overloads=sum(map(len, builtins.values())),
        defined_overloads=sum(len(overloads) for builtin, overloads in builtins.items() if builtin not in lacking),
        lacking=lacking,
    )
