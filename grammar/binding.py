"""Names for intermediate results: an expression that grows long gets a line of its own, as a person would give it."""

from __future__ import annotations

from collections.abc import Sequence

from grammar import access, names, nodes, terms
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import is_integer_type

LONG = 40
"""From how many characters on an operand gets a name."""

LONGEST = 76
"""How many characters the operands of one call or operator have at most together."""


def declare(frame: Frame, term: Term, role: str = "", mutable: bool = False) -> Variable:
    """Emit an assignment of an expression to a new variable; one that changes later may become any value."""
    bank = (role,) if role else names.LOCALS[names.kind_of(term.type)]
    name = names.free_name(frame.choices, bank, frame.taken)
    known = term.interval if is_integer_type(term.type) else None
    interval = terms.full_range(term.type) if mutable else known
    variable = Variable(name, term.type, interval, interval, term.inexact, mutable)
    frame.emit(nodes.assign(nodes.name(name), term.node), term.text)
    frame.unit.note("statement:assign")
    return frame.declare(variable)


def bind(frame: Frame, term: Term) -> Term:
    """Assign an expression to a new variable that is never changed, and read it."""
    return access.read_variable(declare(frame, term))


def shortened(frame: Frame, term: Term, limit: int = LONG) -> Term:
    """Give an expression of more than `limit` characters a name, where a statement may still be put before."""
    if len(term.text) <= limit or not frame.may_hoist or term.literal:
        return term
    return bind(frame, term)


def shortened_together(frame: Frame, operands: Sequence[Term]) -> list[Term]:
    """Give the longest operands names until what they form fits on a line."""
    operands = list(operands)
    for _ in operands:
        if sum(len(operand.text) + 2 for operand in operands) <= LONGEST:
            break
        place = max(range(len(operands)), key=lambda place: len(operands[place].text))
        operands[place] = shortened(frame, operands[place], limit=14)
    return operands
