"""How much an operation asks of its operands, by what is asked of its result: a table of demands and their links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

import libcst as cst

from grammar import domains
from grammar.domains import Guard
from grammar.mutation.tree import walk, warp_name
from grammar.types import BOOL, Array, Scalar, ValueType, scalar_of


class Demand(IntEnum):
    """How much an expression's place asks of its value; each level asks for what the lower ones do."""

    FREE = 0
    """Any value of its type."""
    EXACT = 1
    """Any value that comes through no library function: both targets have the same bits."""
    DECISION = 2
    """A condition: another one may stand there if it is about floats, since integers may guard what depends on it."""
    PINNED = 3
    """This value."""


Link = tuple[Demand, Demand, Demand, Demand]
"""The demand on a part, by the demand on the whole."""

_F, _E, _D, _P = Demand.FREE, Demand.EXACT, Demand.DECISION, Demand.PINNED
INHERITED: Link = (_F, _E, _D, _P)
PINNED: Link = (_P, _P, _P, _P)
AT_LEAST_EXACT: Link = (_E, _E, _D, _P)
EXACT: Link = (_E, _E, _E, _E)
DECISION: Link = (_D, _D, _D, _D)
CLAMPED: Link = (_F, _E, _E, _E)
"""A float between literal bounds: what is between them is relied on whatever the float was."""
COMPARED_FLOAT: Link = (_E, _E, _E, _P)
COMPARED_INTEGER: Link = (_E, _E, _P, _P)
GUARDING: Link = (_F, _E, _P, _P)
"""A condition about integers: what it decides may be undefined without it."""

BOUNDED = frozenset({"min", "max", "clamp", "sign", "step", "nonzero", "transpose", "get_diag", "argmin", "argmax"})
"""Built-ins whose integer results stay within the type for any arguments."""
_BITWISE = ("bit_and", "bit_or", "bit_xor", "invert")
_WIDE = 32


def scalar_kind(type_: ValueType | None) -> str:
    """Return what arithmetic on a type is: `float`, `bool`, `wrapping` (unsigned, at least 32 bits), else `signed`."""
    scalar = None if type_ is None else scalar_of(type_)
    if scalar is None:
        return "signed"
    if scalar.is_float:
        return "float"
    if scalar == BOOL:
        return "bool"
    return "signed" if scalar.is_signed or scalar.bits < _WIDE else "wrapping"


def operands(name: str, type_: ValueType | None, right: cst.CSTNode) -> tuple[Link, Link]:
    """Return the demands on both operands of an operator whose result has a type."""
    kind = scalar_kind(type_)
    if type_ is None:
        return PINNED, PINNED
    if kind == "float":
        link = AT_LEAST_EXACT if name in domains.DOMAINS and domains.needs_exact_arguments(name) else INHERITED
        return link, link
    if name == "bit_and" and is_mask(right):
        return EXACT, PINNED
    if name in _BITWISE or (kind == "wrapping" and name in ("add", "sub", "mul")):
        return AT_LEAST_EXACT, AT_LEAST_EXACT
    return (AT_LEAST_EXACT if kind == "wrapping" else PINNED), PINNED


def is_mask(node: cst.CSTNode) -> bool:
    """Whether an operand is a literal of at least zero, that bounds what is joined with it bit by bit."""
    if isinstance(node, cst.Call) and len(node.args) == 1 and warp_name(node.func):
        node = node.args[0].value
    return isinstance(node, cst.Integer)


def operand(operator: cst.BaseUnaryOp, type_: ValueType | None) -> Link:
    """Return the demand on the operand of a sign, a negation or an inversion whose result has a type."""
    if type_ is None or (isinstance(operator, cst.Minus) and scalar_kind(type_) == "signed"):
        return PINNED
    return INHERITED


def condition(values: Sequence[cst.CSTNode]) -> Link:
    """Return the demand on the condition that chooses between values, which may guard those that are no literals."""
    literals = all(is_literal(value) for value in values)
    return EXACT if literals else (_D, _D, _P, _P)


def is_literal(node: cst.CSTNode) -> bool:
    """Whether an expression is made of literals and casts alone."""
    return not any(isinstance(part, cst.Name | cst.Attribute | cst.Subscript) for part in walk(node))


def converted(result: ValueType | None, argument: ValueType | None) -> Link:
    """Return the demand on what is converted to a type, or is a component of it."""
    into, out_of = scalar_of(result) if result else None, scalar_of(argument) if argument else None
    if into is None or out_of is None or (into != out_of and not isinstance(result, Scalar)):
        return PINNED  # the literals of a constructor are of its type, though they look like others
    if into.is_float:
        return INHERITED if out_of.is_float else AT_LEAST_EXACT
    if into == BOOL or not out_of.is_float:
        return AT_LEAST_EXACT
    return PINNED


def atomic(name: str, held: Array, whole: bool) -> Link:
    """Return the demand on the value of an atomic whose result nobody reads."""
    scalar = scalar_of(held.dtype)
    if scalar is None or whole or name in ("atomic_cas", "atomic_exch"):
        return PINNED
    if scalar.is_float:
        return INHERITED if name in ("atomic_add", "atomic_sub") and scalar.bits >= _WIDE else PINNED
    return EXACT if scalar_kind(scalar) == "wrapping" else PINNED


def built_in(
    name: str, result: ValueType | None, types: Sequence[ValueType | None], arguments: Sequence[cst.CSTNode]
) -> list[Link]:
    """Return the demands on the arguments of a built-in."""
    if name == "where" and len(arguments) == 3:
        return [condition(arguments[1:]), INHERITED, INHERITED]
    if name not in domains.DOMAINS or result is None or None in types:
        return [PINNED for _ in arguments]
    guards: Mapping[int, Guard] = domains.DOMAINS[name].guards or {}
    base = AT_LEAST_EXACT if domains.needs_exact_arguments(name) else INHERITED
    kinds = [scalar_kind(type_) for type_ in types]
    if scalar_kind(result) == "signed" and name not in BOUNDED:
        base = PINNED
    links = [base if kind == "float" or base is PINNED else AT_LEAST_EXACT for kind in kinds]
    if name == "clamp" and kinds[0] == "float" and all(is_literal(bound) for bound in arguments[1:]):
        links[0] = CLAMPED
    for place, guard in guards.items():
        if guard is Guard.NUMBER or (guard is Guard.NONZERO and kinds[place] != "float") or guard is Guard.SHIFT:
            links[place] = PINNED
    return links
