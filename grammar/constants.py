"""Constants of the module: `wp.constant`s of every type, captured numbers, classes of them, enums and `wp.static`.

Warp reads all of them while it generates code. A constant is one variable of each function that reads it, and a cast to
a 64-bit type changes that variable's own type (`cast-retypes-constant` in the findings), so a constant goes through
`float` or `int` before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import libcst as cst

from grammar import literals, names, nodes, snippets, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval, add, mul, point, sub
from grammar.scope import Frame, Named
from grammar.terms import Term
from grammar.types import (
    FLOAT32,
    FLOATS,
    INT32,
    INT64,
    UINT64,
    Matrix,
    Quaternion,
    Scalar,
    Transform,
    ValueType,
    Vector,
)

ENUMS: Sequence[tuple[str, Sequence[str]]] = (
    ("Mode", ("LINEAR", "SMOOTH", "CLAMPED", "MIRRORED")),
    ("Kind", ("SOLID", "FLUID", "BOUNDARY")),
    ("Shape", ("SPHERE", "BOX", "CAPSULE", "PLANE")),
    ("State", ("IDLE", "ACTIVE", "DONE")),
    ("Axis", ("X", "Y", "Z")),
    ("Boundary", ("PERIODIC", "FIXED", "OPEN")),
)
"""Names of `IntEnum` classes with those of their members."""

CLASSES: Sequence[str] = ("Config", "Limits", "Defaults", "Constants")

_KINDS: Mapping[ValueType, Sequence[tuple[str, float]]] = {
    INT32: (("constant", 10), ("plain", 4), ("class", 2), ("enum", 3), ("static", 4)),
    FLOAT32: (("constant", 12), ("plain", 4), ("class", 2), ("static", 4)),
}
"""How constants of the types that Python's numbers are in a kernel come about, by weight; others are `wp.constant`s."""


def read(frame: Frame, type_: ValueType) -> Term | None:
    """Read a constant of a type, an old or a new one; None for a type that has none."""
    old = [name for name, term in frame.unit.constants.items() if term.type == type_]
    if old and chance(frame.choices, 60):
        return _named(frame, pick(frame.choices, old))
    kind = pick_weighted(frame.choices, _KINDS.get(type_, (("constant", 1),)))
    if kind == "enum":
        return member(frame)
    if kind == "static":
        return static(frame, type_)
    value = _value(frame, type_)
    if value is None:
        return None
    name = names.free_name(frame.choices, names.CONSTANTS[_bank(type_)], frame.unit.taken)
    frame.unit.taken.add(name)
    if kind == "class":
        name = _class_of(frame, name, value)
    else:
        frame.unit.constant_values[name] = value.node if kind == "plain" else nodes.call("wp.constant", [value.node])
    frame.unit.constants[name] = value
    frame.unit.note(f"constant:{kind} {type_}")
    return _named(frame, name)


def _named(frame: Frame, name: str) -> Term:
    frame.unit.note("expression:constant")
    value = frame.unit.constants[name]
    return Term(nodes.name(name), value.type, name, value.interval)


def _bank(type_: ValueType) -> str:
    kind = names.kind_of(type_)
    return kind if kind in names.CONSTANTS else "vector"


def _value(frame: Frame, type_: ValueType) -> Term | None:
    """Return what a constant of a type is: mostly a literal as elsewhere, for 64-bit integers often a wide one."""
    choices = frame.choices
    match type_:
        case Scalar() if type_ in (INT64, UINT64) and chance(choices, 50):
            return literals.wide(choices, type_)
        case Matrix() if type_.scalar not in FLOATS:
            return None
        case Matrix():
            count = type_.rows * type_.columns
            return terms.vector_literal(type_, literals.plain(choices, type_.scalar, count))  # type: ignore[arg-type]
        case Transform():
            vector, rotation = Vector(3, type_.scalar), Quaternion(type_.scalar)
            parts = [literals.literal(choices, vector), literals.literal(choices, rotation)]
            return terms.call(type_.spelling, [part for part in parts if part], type_)
        case _:
            return literals.literal(choices, type_)


def _class_of(frame: Frame, name: str, value: Term) -> str:
    """Make a class that holds nothing but this constant and another, and return the constant's dotted name."""
    unit = frame.unit
    owner = names.free_name(frame.choices, CLASSES, unit.taken)
    unit.taken.add(owner)
    other = names.free_name(frame.choices, names.CONSTANTS["integer"], unit.taken | {name})
    number = literals.scalar_literal(frame.choices, INT32)
    text = f"class {owner}:\n    {name} = {{value}}\n    {other} = {{number}}\n"
    _define_class(frame, owner, snippets.filled_in(text, value=value, number=number))
    unit.constants[f"{owner}.{other}"] = number
    return f"{owner}.{name}"


def _define_class(frame: Frame, name: str, text: str) -> None:
    node = cst.parse_statement(text)
    assert isinstance(node, cst.ClassDef)
    leading = [cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)]
    frame.unit.named.append(Named(name, node.with_changes(leading_lines=leading)))
    frame.unit.lines += len(text.splitlines())


# Enums


def enum(frame: Frame) -> tuple[str, Sequence[str]]:
    """Return the name and the members of an `IntEnum`, an old or a new one; members count from 0 or 1, or as flags."""
    unit = frame.unit
    known = dict(ENUMS)
    old = [named.name for named in unit.named if named.name in known]
    if old:
        name = pick(frame.choices, old)
        return name, known[name]
    free = [(name, members) for name, members in ENUMS if name not in unit.taken]
    name, members = pick(frame.choices, free)
    unit.taken.add(name)
    if "from enum import IntEnum" not in unit.imports:
        unit.imports.append("from enum import IntEnum")
    first = frame.choices.integer(0, 1)
    text = f"class {name}(IntEnum):\n"
    for place, word in enumerate(members):
        text += f"    {word} = {first + place}\n"
        unit.constants[f"{name}.{word}"] = terms.integer_literal(first + place)
    _define_class(frame, name, text)
    unit.note("constant:enum")
    return name, members


def member(frame: Frame) -> Term:
    """Read a member of an enum as the int that it is, sometimes in so many words."""
    name, members = enum(frame)
    term = _named(frame, f"{name}.{pick(frame.choices, members)}")
    if chance(frame.choices, 40):
        term = terms.call("int", [term], INT32, term.interval)
    frame.unit.note("constant:enum member")
    return term


# wp.static

_OPERATORS: Sequence[tuple[str, Callable[[Interval, Interval], Interval]]] = (("+", add), ("-", sub), ("*", mul))


def static(frame: Frame, type_: ValueType) -> Term | None:
    """Return `wp.static` of arithmetic on literals and constants; None for a type that Python's numbers are not."""
    if not isinstance(type_, Scalar) or type_ not in (INT32, FLOAT32):
        return None
    left, right = _static_operand(frame, type_), literals.scalar_literal(frame.choices, type_)
    if type_ == INT32:
        operator, bounds = pick(frame.choices, _OPERATORS)
        interval: Interval | None = bounds(left.interval or point(0), right.interval or point(0))
        if interval is None or max(abs(interval.low), abs(interval.high)) > 2**30:
            return None
    else:
        is_zero = not right.text.strip("-0.")  # Python divides here, and raises for a zero
        operator, interval = pick(frame.choices, ("+", "-", "*") if is_zero else ("+", "-", "*", "/")), None
    inner = terms.binary(operator, left, right, type_)
    frame.unit.note(f"expression:static {type_}")
    return terms.call("wp.static", [Term(inner.node, type_, inner.text)], type_, interval)


def _static_operand(frame: Frame, type_: Scalar) -> Term:
    """Return a constant of the module that is a plain number, else a literal."""
    unit = frame.unit
    old = [name for name, term in unit.constants.items() if term.type == type_]
    if old and chance(frame.choices, 70):
        return _named(frame, pick(frame.choices, old))
    return literals.scalar_literal(frame.choices, type_)


def unshared(frame: Frame, term: Term, target: Scalar) -> Term:
    """Return a term that a cast to the target may retype: one that Warp holds for a constant goes through its own type.

    Constants are those of the module, and the indices of loops that Warp unrolls, also after them.
    """
    if target.bits < 64 or not isinstance(term.type, Scalar):
        return term
    if term.text not in frame.unit.constants and (term.text not in frame.loop_names or chance(frame.choices, 2)):
        return term
    return terms.call(term.type.spelling, [term], term.type, term.interval)
