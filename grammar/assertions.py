"""Assertions that hold: what is known of an integer, as a person notes it down."""

from __future__ import annotations

from grammar import conditions, nodes, terms
from grammar.choices import pick
from grammar.intervals import type_range
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import BOOL, INT32


def grow_assertion(frame: Frame) -> bool:
    """Emit an assertion about an integer in scope; False where nothing is known of any."""
    found = [v for v in frame.visible() if v.type == INT32 and v.interval and v.interval != type_range(INT32)]
    if not found:
        return False
    variable = pick(frame.choices, found)
    test = _bounds(frame, variable)
    frame.emit(nodes.assert_(test.node), test.text)
    frame.unit.note("statement:assert")
    return True


def _bounds(frame: Frame, variable: Variable) -> Term:
    """Return `k >= 0`, `k < 8` or `0 <= k < 8` for the values that a variable may have."""
    assert variable.interval is not None
    low, high = variable.interval.low, variable.interval.high
    value = Term(nodes.name(variable.name), INT32, variable.name)
    above, below = terms.integer_literal(low), terms.integer_literal(high + 1)
    match frame.choices.integer(0, 2):
        case 0:
            return conditions.compared(frame, ">=", value, above)
        case 1:
            return conditions.compared(frame, "<", value, below)
    node = nodes.chain(above.node, [("<=", value.node), ("<", below.node)])
    frame.unit.note("expression:chain")
    return Term(node, BOOL, f"{above.text} <= {value.text} < {below.text}")
