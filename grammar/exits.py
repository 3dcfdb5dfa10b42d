"""Leaving a loop or a kernel early: `if …: break`, `continue` and `return` at any depth."""

from __future__ import annotations

from collections.abc import Sequence

from grammar import conditions, expressions, literals, nodes, terms, variables
from grammar.choices import chance, pick, pick_weighted
from grammar.scope import Block, Frame, Variable
from grammar.terms import Term
from grammar.types import BOOL, Scalar, ValueType, is_float_type

MOST_RETURNS = 2
"""How many early returns a function has."""


def leave(frame: Frame) -> bool:
    """Emit a guarded `break` or `continue` of the innermost loop; False outside of loops."""
    if not frame.loops or len(frame.block.statements) == 0:
        return False
    statement, word = _exit(frame)
    _emit_guarded(frame, conditions.condition(frame, expressions.grow, 1), statement, word)
    return True


def _exit(frame: Frame) -> tuple[nodes.Statement, str]:
    """Return `break` or `continue`, the one that the innermost loop can have.

    A while loop that steps its counter last would not end with a `continue`, and Warp unrolls no loop with a `break`.
    """
    kind = frame.loops[-1]
    if kind == "while" or (kind != "unrolled for" and chance(frame.choices, 45)):
        return nodes.break_(), "break"
    return nodes.continue_(), "continue"


def _emit_guarded(frame: Frame, test: Term, statement: nodes.Statement, word: str) -> None:
    """Emit `if test: statement`, sometimes with an update of a variable before it."""
    before: list[nodes.Statement] = []
    found = [v for v in variables.assignable(frame) if not (frame.exact_only and v.inexact)]
    if found and word != "return" and chance(frame.choices, 25):
        frame.blocks.append(Block(kind="branch"))
        variables.update(frame, pick(frame.choices, found))
        before = frame.blocks.pop().statements
    frame.emit(nodes.if_chain([(test.node, [*before, statement])]), test.text)
    frame.unit.lines += 1
    frame.unit.note(f"statement:{word}")


def early_continue(frame: Frame, lines: int) -> list[nodes.Statement]:
    """Return `if …: continue` for some loops, for their beginning."""
    if lines < 3 or not chance(frame.choices, 10):
        return []
    test = conditions.comparison(frame, expressions.grow, 1)
    frame.commit(test.text)
    frame.unit.note("statement:continue")
    frame.unit.lines += 2
    return [nodes.if_chain([(test.node, [nodes.continue_()])])]


def late_break(frame: Frame, sinks: Sequence[Variable], lines: int) -> list[nodes.Statement]:
    """Return `if …: break` for some loops, for their end, mostly on what the loop accumulates."""
    if lines < 3 or frame.loops[-1] == "unrolled for" or not chance(frame.choices, 14):
        return []
    scalars = [v for v in sinks if isinstance(v.type, Scalar) and v.type != BOOL and not v.inexact]
    if scalars:
        sink = pick(frame.choices, scalars)
        assert isinstance(sink.type, Scalar)
        value = Term(nodes.name(sink.name), sink.type, sink.name, sink.interval)
        limit = literals.threshold(frame.choices, sink.type)
        test = conditions.compared(frame, pick(frame.choices, (">", ">", "<")), value, limit)
    else:
        test = conditions.comparison(frame, expressions.grow, 0)
    frame.commit(test.text)
    frame.unit.note("statement:break")
    frame.unit.lines += 2
    return [nodes.if_chain([(test.node, [nodes.break_()])])]


def return_early(frame: Frame) -> bool:
    """Emit a guarded `return`; False where there are enough, or where a while loop runs around it.

    Warp 1.19's backward pass of a `return` in a while loop never ends (`refused_forms`).
    """
    if frame.returns >= MOST_RETURNS or any("while" in kind for kind in frame.loops):
        return False
    values: list[Term] = []
    if not frame.is_kernel:
        if not frame.result_types:
            return False
        values = [_early_value(frame, type_) for type_ in frame.result_types]
        frame.early_values.append(values)
    test = conditions.comparison(frame, expressions.grow, 1)
    frame.returns += 1
    frame.commit(*(value.text for value in values))
    returned = [value.node for value in values]
    value = None if not returned else returned[0] if len(returned) == 1 else nodes.tuple_(returned)
    _emit_guarded(frame, test, nodes.return_(value), "return")
    return True


def _early_value(frame: Frame, type_: ValueType) -> Term:
    """Return a literal or something simple: what a function gives in a special case."""
    if isinstance(type_, Scalar) and type_ != BOOL and chance(frame.choices, 40):
        return terms.number(pick_weighted(frame.choices, ((0, 2), (1, 1))), type_)
    return expressions.leaf(frame, type_, not is_float_type(type_))
