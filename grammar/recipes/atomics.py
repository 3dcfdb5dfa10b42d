"""Atomics on purpose: every index dtype, one to four dimensions, arrays and indexed arrays.

Their outcome depends on no order of threads: either each thread has an element of its own, and may use what was there
before, or several threads add, join or compare integers, whose result any order gives, and nobody uses what was there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grammar import guards, names, snippets, terms
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.recipes import elements
from grammar.recipes.elements import Place
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    UINT32,
    UINT64,
    Scalar,
    ValueType,
    is_float_type,
    is_integer_type,
)

_WORDS = (INT32, UINT32, INT64, UINT64)
_EXTREMES = (*_WORDS, FLOAT32, FLOAT64, BFLOAT16)
_SUMS = (*_EXTREMES, FLOAT16)
_SHAPES = (("scalar", 6.0), ("vector", 3.0), ("matrix", 2.0))

_DTYPES: Mapping[str, Sequence[Scalar]] = {
    "atomic_add": _SUMS,
    "atomic_sub": _SUMS,
    "atomic_min": _EXTREMES,
    "atomic_max": _EXTREMES,
    "atomic_cas": (*_WORDS, FLOAT32, FLOAT64),
    "atomic_exch": (*_WORDS, FLOAT32, FLOAT64),
    "atomic_and": _WORDS,
    "atomic_or": _WORDS,
    "atomic_xor": _WORDS,
}
"""The dtypes that Warp accepts (its builtins.py, atomic value functions)."""

_KINDS: Mapping[str, Sequence[tuple[str, float]]] = {
    "atomic_add": (*_SHAPES, ("quaternion", 1.0), ("transform", 1.0)),
    "atomic_sub": (*_SHAPES, ("quaternion", 1.0), ("transform", 1.0)),
    # CUDA's atomicCAS and atomicExch, to which Warp hands them, take scalars.
    "atomic_cas": (("scalar", 1.0),),
    "atomic_exch": (("scalar", 1.0),),
}
"""What else than scalars the arrays hold; the others have vectors and matrices."""

_RESULTS = ("previous", "before", "old", "former", "prior")

_CAS_VALUES = Interval(0, 3)
"""What is compared with and what is there, so that some comparisons hold."""


def atomic(frame: Frame, one: Registered) -> bool:
    """Write an atomic on an element of an array or an indexed array."""
    # The adjoints of extremes in indexed arrays do not compile (`indexed-array-min-adjoint` in the findings).
    if (
        one.types[0].startswith("Indexed")
        and one.name in ("atomic_min", "atomic_max")
        and not elements.forward_only(frame)
    ):
        return False
    words = elements.index_parameters(one)
    index = elements.index_dtype(frame, words[0])
    dtype = elements.element_type(frame, _DTYPES[one.name], _KINDS.get(one.name, _SHAPES))
    if one.name not in ("atomic_cas", "atomic_exch") and is_integer_type(dtype) and chance(frame.choices, 35):
        _shared(frame, one, dtype, index, len(words))
    else:
        _owned(frame, one, dtype, index, len(words))
    frame.unit.events.append(one.name if one.name in dict(names.ATOMIC_OUTPUTS) else "atomic_add")
    return elements.note(frame, one)


def _owned(frame: Frame, one: Registered, dtype: ValueType, index: Scalar, ndim: int) -> None:
    """Write an atomic on the thread's own element, and mostly keep what was there before in another array.

    The result goes nowhere else: the replay before a backward pass does not repeat atomics, so it has none there.
    """
    compared, operand = _compared(frame, one.name, dtype), _operand(frame, one.name, dtype)
    place = _place(frame, one, dtype, index, elements.owned_axes(frame, ndim))
    call = f"wp.{one.name}({place.array.name}, {place.index}, {compared}{{x}})"
    if not chance(frame.choices, 65):
        snippets.emit(frame, call, x=operand)
        return
    out = elements.own_place(frame, dtype, len(frame.unit.dims), use="write")
    if chance(frame.choices, 50):
        snippets.emit(frame, f"{out.text} = {call}", x=operand)
        return
    name = names.free_name(frame.choices, _RESULTS, frame.taken)
    frame.taken.add(name)
    snippets.emit(frame, f"{name} = {call}\n{out.text} = {name}", x=operand)


def _place(frame: Frame, one: Registered, dtype: ValueType, index: Scalar, axes: Sequence[tuple[str, int]]) -> Place:
    """Return an element whose old value the atomic may be applied to."""
    indexed = one.types[0].startswith("Indexed")
    # Floats are compared by value on the cpu and by their bits on cuda: no -0.0 and no NaN may be there.
    fill = "whole" if one.name == "atomic_cas" and is_float_type(dtype) else ""
    place = elements.new_place(frame, dtype, axes, use=one.name, index=index, indexed=indexed, fill=fill)
    place.array.interval = _old_values(one.name, dtype)
    return place


def _old_values(name: str, dtype: ValueType) -> Interval | None:
    """Return what an array of integers may hold before the atomic."""
    if not is_integer_type(dtype):
        return None
    if name == "atomic_cas":
        return _CAS_VALUES
    if name in ("atomic_add", "atomic_sub") and guards.scalar_type_of(dtype).is_signed:
        return Interval(-1000, 1000)
    return terms.full_range(dtype)


def _compared(frame: Frame, name: str, dtype: ValueType) -> str:
    """Return the source of what `atomic_cas` compares with, and the empty text for other atomics."""
    if name != "atomic_cas":
        return ""
    assert isinstance(dtype, Scalar)
    return f"{terms.number(frame.choices.integer(_CAS_VALUES.low, _CAS_VALUES.high), dtype).text}, "


def _operand(frame: Frame, name: str, dtype: ValueType) -> Term:
    if name in ("atomic_add", "atomic_sub"):
        return elements.near_zero(frame, dtype)
    return elements.value(frame, dtype, 1 if name in ("atomic_exch", "atomic_cas") else 0)


def _shared(frame: Frame, one: Registered, dtype: ValueType, index: Scalar, ndim: int) -> None:
    """Write an atomic of integers on an element that several threads share; nothing reads what was there."""
    operand = _operand(frame, one.name, dtype)
    extent = pick(frame.choices, (1, 2, 4, 8))
    thread = frame.threads[0].name
    axes = [("0" if extent == 1 else f"{thread} % {extent}", extent)]
    axes.extend((str(frame.choices.integer(0, 1)), 2) for _ in range(ndim - 1))
    place = _place(frame, one, dtype, index, axes)
    snippets.emit(frame, f"wp.{one.name}({place.array.name}, {place.index}, {{x}})", x=operand)


RECIPES = dict.fromkeys(_DTYPES, atomic)
