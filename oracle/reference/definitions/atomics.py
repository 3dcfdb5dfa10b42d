"""Atomics: one thread after the other changes an element of an array, and learns what was there before."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from oracle.reference.definitions.operators import each
from oracle.reference.run import Run
from oracle.reference.scalars import FLOATS

Combine = Callable[[Run, Any, Any], Any]
"""What becomes of an element, given the old value and the operand."""


def atomic(combine: Combine) -> Callable[..., Any]:
    """Return the atomic `f(array, i, ..., value)`, applied component by component."""

    def define(run: Run, array: Any, *arguments: Any) -> Any:
        *indices, value = arguments
        operand = run.convert(value, array.element)
        return _replace(run, array, indices, lambda old: each(run, lambda x, y: combine(run, x, y), old, operand))

    return define


def compare_and_swap(run: Run, array: Any, *arguments: Any) -> Any:
    """Store a value where another one is: `atomic_cas(array, i, ..., compare, value)`."""
    *indices, first, second = arguments
    compare, value = (run.convert(one, array.element) for one in (first, second))
    return _replace(run, array, indices, lambda old: value if _same(run, old, compare) else old)


def _replace(run: Run, array: Any, indices: list[Any], change: Callable[[Any], Any]) -> Any:
    key = tuple(indices)
    old = run.own(array.old(key))
    array[key] = change(old)
    return old


def _extreme(name: str, goes_first: Callable[[Any, Any], bool]) -> Combine:
    """Return the smaller or larger value; which one, where a NaN or zeros of two signs meet, is not documented."""

    def combine(run: Run, old: Any, value: Any) -> Any:
        if goes_first(old, value):
            return old
        if goes_first(value, old):
            return value
        return run.either(name, old, value) if type(old) in FLOATS else old

    return combine


def _same(run: Run, old: Any, compare: Any) -> bool:
    """Whether the values are equal; of zeros and NaNs the documentation does not say."""
    if type(old) in FLOATS and (old != old or (not old and not compare)):
        return bool(run.either("atomic_cas", old == compare, old != compare))
    return bool(old == compare)


DEFINITIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "atomic_add": atomic(lambda run, old, value: old + value),
        "atomic_sub": atomic(lambda run, old, value: old - value),
        "atomic_min": atomic(_extreme("atomic_min", operator.lt)),
        "atomic_max": atomic(_extreme("atomic_max", operator.gt)),
        "atomic_exch": atomic(lambda run, old, value: value),
        "atomic_and": atomic(lambda run, old, value: old & value),
        "atomic_or": atomic(lambda run, old, value: old | value),
        "atomic_xor": atomic(lambda run, old, value: old ^ value),
        "atomic_cas": compare_and_swap,
    }
)

for _definition in DEFINITIONS.values():
    # a literal operand has the type of the array's elements, whatever the type of the indices
    _definition.takes_literals = True  # type: ignore[attr-defined]
