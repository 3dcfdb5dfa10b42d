"""Assignments to several variables at once: unpacking, swaps, recurrences, and tuples that have a name.

Warp 1.19 binds what stands on the right without copying it, and carries values through a loop one after the other. So a
variable of a tuple's right side is only ever exchanged with another, under an `if` where a loop repeats it, and
recurrences assign in the order of declaration; what comes out wrong otherwise is listed in `refused_forms`.
"""

from __future__ import annotations

import libcst as cst

from grammar import access, conditions, expressions, guards, names, nodes, terms, variables
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval, type_range
from grammar.ranges import Range, choose_range
from grammar.scope import Block, Frame, Variable
from grammar.terms import Term
from grammar.types import BOOL, INT32, Scalar, Struct, is_integer_type

_FRESH = (cst.BinaryOperation, cst.Call, cst.UnaryOperation, cst.IfExp, cst.Comparison, cst.BooleanOperation)
"""What Warp stores in a variable of its own: neither a name nor a place in an array or struct."""


def unpack(frame: Frame) -> bool:
    """Emit `a, b = x + 1.0, y * 2.0`; False when no two such expressions came up."""
    found = _fresh_terms(frame, pick_weighted(frame.choices, ((2, 5), (3, 1))))
    if len(found) < 2:
        return False
    _declare_together(frame, found, nodes.tuple_([term.node for term in found]), [term.text for term in found])
    frame.unit.note(f"statement:unpack({len(found)})")
    return True


def named_tuple(frame: Frame) -> bool:
    """Emit a tuple with a name, and what unpacks it or reads its elements; False also inside loops.

    Warp 1.19 unrolls and repeats a loop's body, and then takes the name for another tuple's, of another type.
    """
    found = [] if frame.loop_depth else _fresh_terms(frame, 2)
    if len(found) < 2:
        return False
    name = names.free_name(frame.choices, ("pair", "both", "bounds", "state", "parts"), frame.taken)
    frame.taken.add(name)
    tuple_ = nodes.tuple_([term.node for term in found], parentheses=True)
    frame.emit(nodes.assign(nodes.name(name), tuple_), *(term.text for term in found))
    frame.unit.note("statement:tuple")
    if chance(frame.choices, 60):
        _declare_together(frame, found, nodes.name(name), [name])
        return True
    for place, term in enumerate(found):
        element = Term(nodes.part(nodes.name(name), [place]), term.type, f"{name}[{place}]")
        variable = _variable(frame, term)
        frame.emit(nodes.assign(nodes.name(variable.name), element.node), element.text)
        frame.declare(variable)
    return True


def _fresh_terms(frame: Frame, count: int) -> list[Term]:
    """Grow expressions that Warp keeps in variables of their own, each of a type of the kernel's."""
    found: list[Term] = []
    type_ = pick_weighted(frame.choices, frame.unit.palette.main)
    for _ in range(3 * count):
        if len(found) < count:
            term = expressions.grow(frame, type_, 1)
            if isinstance(term.node, _FRESH) and not term.literal and all(term.text != other.text for other in found):
                found.append(term)
                if chance(frame.choices, 30):
                    type_ = pick_weighted(frame.choices, frame.unit.palette.main)
    return found if sum(len(term.text) for term in found) < 80 else found[:1]


def _variable(frame: Frame, term: Term) -> Variable:
    name = names.free_name(frame.choices, names.LOCALS[names.kind_of(term.type)], frame.taken)
    frame.taken.add(name)
    interval = term.interval if is_integer_type(term.type) else None
    return Variable(name, term.type, interval, interval, term.inexact)


def _declare_together(frame: Frame, found: list[Term], value: nodes.Expression, texts: list[str]) -> None:
    declared = [_variable(frame, term) for term in found]
    frame.emit(nodes.assign(nodes.tuple_([nodes.name(variable.name) for variable in declared]), value), *texts)
    for variable in declared:
        frame.declare(variable)


# Swaps


def swap(frame: Frame) -> bool:
    """Emit `a, b = b, a` or a rotation of three, under a condition inside loops; False when no variables fit."""
    group = _exchangeable(frame)
    if len(group) < 2:
        return False
    count = 3 if len(group) > 2 and chance(frame.choices, 35) else 2
    chosen = group[:count]
    places = [nodes.name(v.name) for v in chosen]
    turned = [nodes.name(v.name) for v in (*chosen[1:], chosen[0])]
    statement = nodes.assign(nodes.tuple_(places), nodes.tuple_(turned))
    guarded = frame.loop_depth > 0 or chance(frame.choices, 40)
    texts = [v.name for v in chosen]
    if guarded:
        test = _order_test(frame, chosen)
        frame.emit(nodes.if_chain([(test.node, [statement])]), test.text, *texts)
        frame.unit.lines += 1
    else:
        frame.emit(statement, *texts)
    frame.unit.note("statement:swap" if count == 2 else "statement:rotate")
    for variable in chosen:
        variable.spent = max(v.spent for v in chosen)
        variable.from_zero = any(v.from_zero for v in chosen)
        frame.written(variable)
    return True


def _exchangeable(frame: Frame) -> list[Variable]:
    """Return variables that may hold each other's values, all of one type."""
    found = [v for v in variables.assignable(frame) if not isinstance(v.type, Struct) and v.type != BOOL]
    found = [v for v in found if v.name in frame.committed or not v.from_zero]
    if not found:
        return []
    first = pick(frame.choices, found)
    signed = is_integer_type(first.type) and guards.scalar_type_of(first.type).is_signed
    if signed and frame.loop_depth:
        return []
    return [
        v
        for v in found
        if (v.type, v.inexact, v.interval, v.base) == (first.type, first.inexact, first.interval, first.base)
        and (not signed or v.declared_trips == first.declared_trips)
        and not v.written_components
    ]


def _order_test(frame: Frame, chosen: list[Variable]) -> Term:
    """Return `a > b` where the variables have an order and are exact, else some condition."""
    first, second = chosen[:2]
    if isinstance(first.type, Scalar) and not first.inexact:
        return conditions.compared(
            frame, pick(frame.choices, (">", "<")), access.read_variable(first), access.read_variable(second)
        )
    return conditions.comparison(frame, expressions.grow, 1)


# Recurrences


_NAMES = (("previous", "current"), ("a", "b"), ("x0", "x1"), ("older", "newer"), ("prev", "curr"), ("last", "here"))
_INTEGER_NAMES = (("previous", "current"), ("a", "b"), ("f0", "f1"), ("prev", "curr"), ("low_word", "high_word"))


def recurrence(frame: Frame) -> bool:
    """Emit a loop around `a, b = b, a + b` or the like; False for a kernel without a scalar for it."""
    scalar = frame.unit.palette.scalar
    if scalar == BOOL or scalar.bits < 16:
        return False
    bank = [pair for pair in (_NAMES if scalar.is_float else _INTEGER_NAMES) if not frame.taken & set(pair)]
    if not bank:
        return False
    pair = pick(frame.choices, bank)
    interval = Interval(-1000, 1000) if scalar.is_signed else type_range(scalar) if scalar.is_integer else None
    declared = [_begin(frame, name, scalar, interval, first=place == 0) for place, name in enumerate(pair)]
    over = choose_range(frame)
    index = names.free_name(frame.choices, names.LOOP_INDICES[:4], frame.taken)
    frame.taken.add(index)
    body = _recurrence_body(frame, declared, index, over)
    frame.emit(over.loop(index, body), *(bound.text for bound in over.bounds))
    frame.unit.note("statement:recurrence")
    frame.unit.events.append("loop" if frame.loop_depth == 0 else "nested loop")
    for variable in declared:
        frame.written(variable)
    return True


def _begin(frame: Frame, name: str, scalar: Scalar, interval: Interval | None, first: bool) -> Variable:
    """Declare one of the two values: a constant that loops may change, or an expression."""
    term: Term | None = None
    if chance(frame.choices, 50):
        term = expressions.grow(frame, scalar, 1, True)
        if not isinstance(term.node, _FRESH) or term.literal:
            term = None
        elif interval is not None:
            term = guards.fitted(frame.choices, term, interval)
    if term is None:
        value = 0 if first else 1
        plain = terms.number(value, Scalar("float32") if scalar.is_float else INT32)
        term = terms.call(scalar.spelling, [plain], scalar)
    frame.emit(nodes.assign(nodes.name(name), term.node), term.text)
    return frame.declare(Variable(name, scalar, interval, interval))


def _recurrence_body(frame: Frame, pair: list[Variable], index: str, over: Range) -> list[nodes.Statement]:
    """Grow the body: the next value of both, sometimes with an element that the loop reads."""
    outer_trips, outer_unrolled = frame.trips, frame.unrolled
    frame.trips *= max(1, over.trips)
    frame.unrolled *= max(1, over.trips) if over.constant else 1
    frame.blocks.append(Block(kind="for"))
    frame.loop_depth += 1
    frame.block.variables.append(Variable(index, INT32, over.interval, index=True))
    frame.taken.add(index)
    frame.loop_names.add(index)
    value = _next_value(frame, *pair)
    targets = nodes.tuple_([nodes.name(variable.name) for variable in pair])
    both = nodes.tuple_([nodes.name(pair[1].name), value.node])
    frame.emit(nodes.assign(targets, both), value.text, *(variable.name for variable in pair))
    frame.loop_depth -= 1
    statements = frame.blocks.pop().statements
    frame.trips, frame.unrolled = outer_trips, outer_unrolled
    return statements


def _next_value(frame: Frame, first: Variable, second: Variable) -> Term:
    """Return what follows two values: their sum, damped or kept in an interval, with something read now and then."""
    scalar = first.type
    assert isinstance(scalar, Scalar)
    old, new = access.read_variable(first), access.read_variable(second)
    if scalar.is_float:
        factors = pick(frame.choices, (("0.5", "0.25"), ("1.5", "-0.5"), ("0.9", "0.1"), ("1.0", "0.5")))
        weights = [terms.float_literal(factor, scalar) for factor in factors]
        total = terms.binary(
            "+", terms.binary("*", new, weights[0], scalar), terms.binary("*", old, weights[1], scalar), scalar
        )
        if frame.is_kernel and chance(frame.choices, 50):
            total = terms.binary("+", total, expressions.leaf(frame, scalar, True), scalar)
        return total
    if not scalar.is_signed:
        return terms.binary(pick(frame.choices, ("+", "^")), old, new, scalar, type_range(scalar))
    total = terms.binary("+", old, new, scalar, Interval(-2000, 2000))
    modulus = terms.number(pick(frame.choices, (7, 10, 100, 1000)), scalar)
    return terms.binary("%", total, modulus, scalar, Interval(-999, 999))
