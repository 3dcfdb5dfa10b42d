"""Expressions of type bool: comparisons, their combinations, and flags.

Operands are exact but for a few, since a rounding error that flips a comparison changes everything after it.
"""

from __future__ import annotations

from grammar import access, calls, literals, nodes, terms
from grammar.calls import Grow
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import BOOL, Matrix, Quaternion, Scalar, Vector, scalar_of

_KINDS = (
    ("compare", 10.0),
    ("and", 1.6),
    ("or", 1.0),
    ("not", 0.5),
    ("flag", 2.0),
    ("between", 1.0),
    ("parity", 1.0),
    ("call", 0.5),
    ("equality", 0.15),
)
_ORDER = (("<", 4.0), (">", 5.0), ("<=", 1.5), (">=", 1.5))
_INTEGER_ORDER = (*_ORDER, ("==", 2.0), ("!=", 1.0))


def condition(frame: Frame, grow: Grow, depth: int = 2) -> Term:
    """Grow a condition for an if, a ternary or a flag."""
    exact = not chance(frame.choices, 1)
    kind = pick_weighted(frame.choices, _KINDS)
    if depth <= 0 and kind in ("and", "or", "not"):
        kind = "compare"
    match kind:
        case "and" | "or":
            return _combined(frame, grow, kind, depth)
        case "not":
            inner = flag(frame) or condition(frame, grow, 0)
            return Term(nodes.negation(inner.node), BOOL, f"not {inner.text}", inexact=inner.inexact)
        case "flag":
            return flag(frame) or comparison(frame, grow, depth, exact)
        case "between":
            return _between(frame, grow, exact) or comparison(frame, grow, depth, exact)
        case "equality":
            return _equality(frame) or comparison(frame, grow, depth, exact)
        case "parity":
            return _parity(frame) or comparison(frame, grow, depth, exact)
        case "call":
            return calls.grow_call(frame, grow, BOOL, 1, True) or comparison(frame, grow, depth, exact)
        case _:
            return comparison(frame, grow, depth, exact)


def _combined(frame: Frame, grow: Grow, kind: str, depth: int) -> Term:
    left = condition(frame, grow, depth - 1)
    right = condition(frame, grow, 0)
    if left.text == right.text:
        return left
    build = nodes.conjunction if kind == "and" else nodes.disjunction
    frame.unit.note(f"expression:{kind}")
    return Term(
        build(left.node, right.node), BOOL, f"{left.text} {kind} {right.text}", inexact=left.inexact or right.inexact
    )


def flag(frame: Frame) -> Term | None:
    """Read a bool that is in scope, None when there is none."""
    found = access.readable(frame, BOOL, True)
    if not found:
        return access.read_array(frame, BOOL)
    return access.read(frame, pick_weighted(frame.choices, found), BOOL)


def comparable(frame: Frame) -> Scalar:
    """Choose the dtype of a comparison: what the kernel is about, or what is unread."""
    scalar = frame.unit.palette.scalar
    unread = [scalar_of(v.type) for v in frame.unread() if not v.inexact]
    fitting = [s for s in unread if s is not None and s != BOOL and s in frame.unit.palette.types]
    if fitting and chance(frame.choices, 50):
        return pick(frame.choices, fitting)
    return scalar


def comparison(frame: Frame, grow: Grow, depth: int, exact: bool = True) -> Term:
    """Grow `left < right`; the right side is a threshold half of the time."""
    scalar = comparable(frame)
    left = grow(frame, scalar, min(depth, 1), exact)
    if left.literal:
        left = access.new_value_parameter(frame, scalar)
    right = _right_side(frame, grow, scalar, left, exact)
    operator = pick_weighted(frame.choices, _ORDER if scalar.is_float else _INTEGER_ORDER)
    return compared(frame, operator, left, right)


def _right_side(frame: Frame, grow: Grow, scalar: Scalar, left: Term, exact: bool) -> Term:
    if chance(frame.choices, 45):
        right = grow(frame, scalar, 0, exact)
        if right.text != left.text:
            return right
    right = literals.threshold(frame.choices, scalar)
    if scalar.is_integer and right.interval and left.interval and right.interval.low <= left.interval.low:
        middle = (left.interval.low + left.interval.high) // 2
        if 0 <= middle < 1000:
            return terms.integer_literal(middle, scalar)
    return right


def compared(frame: Frame, operator: str, left: Term, right: Term) -> Term:
    """Return a comparison of two terms."""
    frame.unit.note(f"expression:comparison({left.type})")
    node = nodes.comparison(operator, left.node, right.node)
    return Term(node, BOOL, f"{left.text} {operator} {right.text}", inexact=left.inexact or right.inexact)


def _between(frame: Frame, grow: Grow, exact: bool) -> Term | None:
    """Grow `low < value <= high`, or a chain that goes on: with literal bounds, or through variables of the type."""
    scalar = comparable(frame)
    value = grow(frame, scalar, 0, exact)
    if value.literal:
        return None
    low, high = (
        terms.number(bound, scalar) for bound in pick(frame.choices, ((0, 1), (0, 10), (1, 5), (2, 8), (0, 100)))
    )
    links = [(_below(frame), value), (_below(frame), high)]
    others = [v for v in frame.visible() if v.type == scalar and v.name != value.text and not (exact and v.inexact)]
    if others and chance(frame.choices, 40):
        other = access.read_variable(pick(frame.choices, others))
        place = frame.choices.integer(1, 2)
        links = [*links[:place], (_below(frame), other), *links[place:]][: frame.choices.integer(2, 3)]
    frame.unit.note("expression:chain")
    node = nodes.chain(low.node, [(symbol, term.node) for symbol, term in links])
    text = " ".join([low.text, *(f"{symbol} {term.text}" for symbol, term in links)])
    return Term(node, BOOL, text, inexact=any(term.inexact for _, term in links))


def _below(frame: Frame) -> str:
    return pick_weighted(frame.choices, (("<", 5), ("<=", 5), ("!=", 0.3)))


def _equality(frame: Frame) -> Term | None:
    """Return `v == w` for two vectors, matrices or quaternions in scope, None when there is no pair.

    Warp 1.19's C++ has no `!=` for them (`refused_forms`).
    """
    found = [v for v in frame.visible() if isinstance(v.type, (Vector, Matrix, Quaternion)) and not v.inexact]
    if len(found) < 2:
        return None
    first = pick(frame.choices, found)
    others = [v for v in found if v.type == first.type and v is not first]
    if not others:
        return None
    return compared(frame, "==", access.read_variable(first), access.read_variable(pick(frame.choices, others)))


def _parity(frame: Frame) -> Term | None:
    """Return `i % 2 == 0` or the like for an index in scope."""
    indices = [v for v in frame.indices() if v.interval and v.interval.high > 1]
    if not indices:
        return None
    return divisible(frame, pick(frame.choices, indices))


def divisible(frame: Frame, variable: Variable) -> Term:
    """Return whether an index leaves a certain remainder."""
    modulus = pick(frame.choices, (2, 2, 3, 4))
    left = terms.binary(
        "%", access.read_variable(variable), terms.integer_literal(modulus), variable.type, Interval(0, modulus - 1)
    )
    remainder = terms.integer_literal(pick(frame.choices, (0, 0, 1)))
    return compared(frame, pick(frame.choices, ("==", "==", "!=")), left, remainder)
