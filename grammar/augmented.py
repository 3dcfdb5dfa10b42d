"""Augmented assignments beyond `+=` and `-=`, with an operand for which the operator is defined."""

from __future__ import annotations

from grammar import expressions, nodes, terms
from grammar.choices import pick, pick_weighted
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import BOOL, Matrix, Scalar, is_float_type

_FLOAT_OPERANDS = {
    "/": ("2.0", "3.0", "10.0", "0.5"),
    "*": ("0.5", "2.0", "0.9", "-1.0"),
    "%": ("1.0", "2.0", "10.0"),
    "//": ("1.0", "0.5", "2.0"),
    "**": ("2.0", "3.0", "0.5"),
}
"""Right sides that people write after each operator on a float."""

_SHRINKING = {
    "//": (2, 3, 5),
    "%": (7, 10, 16, 5),
    ">>": (1, 2, 3),
    "&": (15, 7, 31, 1),
}
"""Right sides for integers after which the result is no farther from zero, or stays small."""


def update(frame: Frame, variable: Variable) -> bool:
    """Emit an augmented assignment that fits the variable's type; False where none does."""
    type_ = variable.type
    if type_ == BOOL:
        return False
    if isinstance(type_, Matrix):
        return _matrix(frame, variable, type_)
    if not isinstance(type_, Scalar):
        return False
    operator, operand = _of_float(frame, variable, type_) if type_.is_float else _of_integer(frame, variable, type_)
    return _emit(frame, variable, operator, operand)


def _emit(frame: Frame, variable: Variable, operator: str, operand: Term) -> bool:
    frame.emit(nodes.augment(operator, nodes.name(variable.name), operand.node), operand.text)
    frame.unit.note(f"statement:augment {operator}= {variable.type}")
    frame.written(variable)
    return True


def _of_float(frame: Frame, variable: Variable, scalar: Scalar) -> tuple[str, Term]:
    """Choose an operator for a float; a step needs an exact operand, a power brings rounding of its own."""
    inexact = variable.inexact
    table = (
        ("*", 3.0),
        ("/", 3.0),
        ("%", 0.0 if inexact else 1.0),
        ("//", 0.0 if inexact else 1.0),
        ("**", 3.0 if inexact and not frame.loop_depth else 0.0),
    )
    operator = pick_weighted(frame.choices, table)
    return operator, terms.float_literal(pick(frame.choices, _FLOAT_OPERANDS[operator]), scalar)


def _of_integer(frame: Frame, variable: Variable, scalar: Scalar) -> tuple[str, Term]:
    """Choose an operator for an integer: any for those that wrap, those that shrink it for signed ones."""
    table = [("//", 1.5), ("%", 2.0), (">>", 1.5), ("&", 2.0)]
    if not scalar.is_signed:
        table += [("|", 1.5), ("^", 1.5), ("<<", 1.5)]
    operator = pick_weighted(frame.choices, table)
    values = _SHRINKING.get(operator, (1, 2, 3, 5))
    return operator, terms.integer_literal(pick(frame.choices, values), scalar)


def _matrix(frame: Frame, variable: Variable, type_: Matrix) -> bool:
    """Emit `m @= n` of a square matrix, or scale one, outside loops, in which either would run off."""
    if not is_float_type(type_) or frame.loop_depth:
        return False
    if type_.is_square and pick_weighted(frame.choices, ((True, 2), (False, 1))):
        factor = expressions.leaf(frame, type_, not variable.inexact)
        frame.unit.note(f"builtin:mul({type_}, {type_})")
        return _emit(frame, variable, "@", factor)
    factor = terms.float_literal(pick(frame.choices, ("0.5", "2.0")), type_.scalar)
    return _emit(frame, variable, pick(frame.choices, ("*", "/")), factor)


def pack_bits(frame: Frame, variable: Variable) -> bool:
    """Emit `key &= 7`, `key <<= 2`, `key |= 1` on a signed integer; False for what is too narrow."""
    scalar = variable.type
    if not isinstance(scalar, Scalar) or not scalar.is_signed or scalar.bits < 16:
        return False
    mask, shift = pick(frame.choices, ((7, 2), (15, 1), (3, 4), (15, 4)))
    steps = [("&", mask), ("<<", shift), (pick(frame.choices, ("|", "^")), pick(frame.choices, (1, 3, 2)))]
    for operator, value in steps:
        _emit(frame, variable, operator, terms.integer_literal(value, scalar))
    return True
