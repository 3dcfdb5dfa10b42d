"""The table of all families of steps, in the order in which a pass takes them."""

from __future__ import annotations

from collections.abc import Mapping

from oracle.reduce.steps import functions, launch, names, order, parameters, structs, trees, types, values
from oracle.reduce.steps.step import Family

FAMILIES: Mapping[str, Family] = {
    "launch": launch.steps,
    "statements and expressions": trees.steps,
    "functions and variables": functions.steps,
    "structs": structs.steps,
    "parameters": parameters.steps,
    "types": types.steps,
    "inputs": values.steps,
    "order of operands": order.steps,
    "names": names.steps,
}
"""A smaller launch first: whatever follows then takes less time. Names last: nothing else depends on them."""

OF_LAUNCHES = frozenset({"launch", "inputs"})
"""Families that do nothing for a kernel which does not compile, and so is never launched."""
