"""Overloads to aim at: so that the rare ones occur as often as the common ones, some kernels are built around a few.

What a kernel would call by itself follows weights that people's code suggests, and would reach `sign(vec4s)` once in a
million. So the types of a few overloads, drawn evenly from all that the grammar can write, join the kernel's palette,
and a statement uses each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from grammar import access, binding, blocks, calls, domains, expressions, outputs, registry
from grammar.choices import Choices, chance, pick, pick_weighted
from grammar.coverage import generable_overloads
from grammar.recipes import SETTINGS, recipe_of, setting_of
from grammar.registry import Overload, Registered
from grammar.scope import Frame
from grammar.types import (
    BFLOAT16,
    FLOATS,
    INTEGERS,
    Matrix,
    Quaternion,
    Scalar,
    Transform,
    ValueType,
    Vector,
)

_COUNTS = ((0, 45), (1, 30), (2, 15), (3, 10))
"""How many overloads a kernel aims at, by weight."""

_ATTEMPTS = 4

_PLACES: Sequence[tuple[tuple[str, ...], float]] = (
    ((), 70), (("branch",), 8), (("for",), 8), (("while",), 4), (("for", "branch"), 5), (("while", "branch"), 5),
)  # fmt: skip
"""In which statements, from the outermost to the innermost, a kernel uses what a campaign aims at, by weight. Mostly in
none: gradients of what stands in dynamic loops and branches are often not defined, or known to be wrong."""

_STORED = 60
"""Percent of the overloads aimed at whose result is stored as it is, where nothing can hide what is wrong with it."""

_BODIES: Mapping[str, Callable[[Frame, blocks.Simple, int], None]] = {
    "branch": lambda frame, fill, lines: blocks.if_statement(frame, fill, lines, 1),
    "for": blocks.for_statement,
    "while": blocks.while_statement,
}


@dataclass(frozen=True)
class Focus:
    """An overload to use; `call` has the grammar's types where it is written as a plain call.

    `place` are the statements with a body that it is used in, the outermost first: `for`, `while`, `branch`. Outside of
    such, its result is `stored` as it is.
    """

    overload: Registered
    call: Overload | None = None
    place: tuple[str, ...] = ()
    stored: bool = False

    @property
    def types(self) -> tuple[ValueType, ...]:
        """The types that the kernel's palette needs for it."""
        return (*self.call.types, *self.call.results) if self.call else ()


def by_key(key: str) -> Registered:
    """Return the generable overload that a key names (`Registered.key`); raises KeyError where there is none such."""
    return _by_key()[key]


@functools.cache
def _by_key() -> Mapping[str, Registered]:
    return {one.key: one for one in everything()}


@functools.cache
def everything() -> tuple[Registered, ...]:
    """Return every overload that can be aimed at, in whichever category."""
    return tuple(one for setting in ("", *sorted(set(SETTINGS.values()))) for one in generable_overloads(setting))


def aim_at(choices: Choices, category: str, keys: Iterable[str]) -> tuple[Focus, ...]:
    """Return the foci on the overloads that keys name, without those that a kernel of the category cannot call.

    They share a place: code generation differs by place. Raises KeyError for a key of no generable overload.
    """
    setting = category if category in SETTINGS.values() else ""
    fitting = [one for one in map(by_key, keys) if setting_of(one) in ("", setting)]
    place = pick_weighted(choices, _PLACES)
    return tuple(
        replace(focus, place=place, stored=chance(choices, _STORED)) for one in fitting for focus in aim(choices, one)
    )


def choose(choices: Choices, category: str) -> tuple[Focus, ...]:
    """Choose what a kernel of a category aims at: none, or up to three overloads."""
    setting = category if category in SETTINGS.values() else ""
    overloads = generable_overloads(setting)
    if not overloads:
        return ()
    count = pick_weighted(choices, _COUNTS)
    found = (_focus(choices, pick(choices, overloads)) for _ in range(count))
    return tuple(one for one in found if one is not None)


def aim(choices: Choices, one: Registered) -> tuple[Focus, ...]:
    """Return the focus on one overload, none when no types of the grammar suit it."""
    found = _focus(choices, one)
    return (found,) if found else ()


def _focus(choices: Choices, one: Registered) -> Focus | None:
    if recipe_of(one) is not None:
        return Focus(one)
    if one.concrete is not None:
        return Focus(one, one.concrete)
    for _ in range(_ATTEMPTS):
        specialised = registry.specialise(one.name, _some_types(choices), only=one.place)
        found = sorted(filter(domains.generable, specialised), key=lambda overload: overload.signature)
        if found:
            return Focus(one, pick(choices, found))
    return None


def _some_types(choices: Choices) -> Sequence[ValueType]:
    """Return a dtype with vectors and matrices of two extents, quaternion and transformation: what fits together."""
    scalar: Scalar = pick(choices, FLOATS if chance(choices, 60) else INTEGERS)
    first, second = choices.integer(1, 6), choices.integer(1, 6)
    lengths = sorted({first, second, choices.integer(1, 8)})
    types: list[ValueType] = [scalar, *(Vector(length, scalar) for length in lengths)]
    types.extend(Matrix(rows, columns, scalar) for rows in {first, second} for columns in {first, second})
    if scalar.is_float and scalar != BFLOAT16:
        types.extend((Quaternion(scalar), Transform(scalar)))
    return types


def emit_all(frame: Frame, foci: Sequence[Focus]) -> None:
    """Emit a use of each overload: those of one place together in it, and outside of it what found no use there."""
    for place in dict.fromkeys(one.place for one in foci):
        left = [one for one in foci if one.place == place]
        if place:
            left = _emit_inside(frame, place, left)
        for one in left:
            emit(frame, one)


def _emit_inside(frame: Frame, place: tuple[str, ...], foci: Sequence[Focus]) -> list[Focus]:
    """Emit the statements of a place with uses of overloads inside; returns those of which nothing came."""
    left = list(foci)

    def fill(frame: Frame, lines: int) -> None:
        left[:] = [one for one in left if not emit(frame, one)]

    statement = functools.reduce(blocks.nested, (_BODIES[name] for name in place))
    statement(frame, fill, len(foci) + 4 * len(place))
    return left


def emit(frame: Frame, focus: Focus) -> bool:
    """Emit a use of the overload; False when nothing came of it."""
    if focus.call is None:
        recipe = recipe_of(focus.overload)
        return recipe is not None and any(recipe(frame, focus.overload) for _ in range(_ATTEMPTS))
    for _ in range(_ATTEMPTS):
        term = calls.apply(frame, expressions.grow, focus.call, 1, frame.exact_only)
        if term is not None:
            variable = binding.declare(frame, term)
            if focus.stored and frame.is_kernel and not focus.place:
                outputs.store(frame, access.read_variable(variable))
            return True
    return False
