"""Variables that change: how they begin, and the assignments that update them.

A signed variable has an interval that all its values lie in. A plain assignment stays within `base`; `+=` and `-=` use
up the room between `base` and `interval`, as often as the loops around them run. What no longer fits is reduced.
"""

from __future__ import annotations

from collections.abc import Sequence

from grammar import access, conditions, expressions, guards, literals, names, nodes, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval, type_range
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import (
    BOOL,
    Matrix,
    Quaternion,
    Scalar,
    Struct,
    Transform,
    ValueType,
    Vector,
    is_float_type,
    is_integer_type,
    scalar_of,
)

_BASE = {8: 30, 16: 1000, 32: 1000, 64: 1000}
_WHOLE = {8: 120, 16: 30000, 32: 2 * 10**6, 64: 10**9}
"""How far from zero a signed variable of a width is assigned, and how far it may drift."""


def declare_mutable(frame: Frame, type_: ValueType, total: bool, inexact: bool | None = None) -> Variable:
    """Declare a variable to be updated; a `total` begins at a constant, written so that loops may change it."""
    if inexact is None:
        inexact = is_float_type(type_) and not frame.exact_only and chance(frame.choices, 40)
    term = None if total else _initial_expression(frame, type_, inexact)
    literal = term is None
    if term is None:
        term = initial_literal(frame, type_)
    base, whole = mutable_intervals(type_)
    if base is not None and not literal and not isinstance(type_, Matrix):
        term = guards.fitted(frame.choices, term, base)
    bank = names.LOCALS["total" if literal and type_ != BOOL else names.kind_of(type_)]
    name = names.free_name(frame.choices, bank, frame.taken)
    frame.emit(nodes.assign(nodes.name(name), term.node), term.text)
    return frame.declare(Variable(name, type_, whole, base, inexact, mutable=True, from_zero=literal))


def _initial_expression(frame: Frame, type_: ValueType, inexact: bool) -> Term | None:
    term = expressions.grow(frame, type_, pick(frame.choices, (0, 1, 1)), not inexact)
    base, _ = mutable_intervals(type_)
    outside = isinstance(type_, Matrix) and base is not None and not (term.interval or base).within(base)
    return None if term.literal or outside else term


def initial_literal(frame: Frame, type_: ValueType) -> Term:
    """Return the constant that a total begins at: zero, one, False, or an empty vector."""
    match type_:
        case Scalar() if type_ == BOOL:
            return terms.call("bool", [terms.boolean_literal(chance(frame.choices, 30))], BOOL)
        case Scalar():
            value = pick_weighted(frame.choices, ((0, 6), (1, 1)))
            plain = terms.number(value, Scalar("float32" if type_.is_float else "int32"))
            return terms.call(type_.spelling, [plain], type_, plain.interval)
        case Quaternion():
            literal = literals.literal(frame.choices, type_)
            assert literal is not None
            return literal
        case Vector() if chance(frame.choices, 50):
            return terms.constant_vector(type_, 0)
        case _:
            return terms.call(type_.spelling, [], type_, Interval(0, 0))


def mutable_intervals(type_: ValueType) -> tuple[Interval | None, Interval | None]:
    """Return what a variable of a type may be assigned, and all that it may become."""
    scalar = scalar_of(type_)
    if scalar is None or not is_integer_type(type_):
        return None, None
    if not scalar.is_signed:
        return type_range(scalar), type_range(scalar)
    base, whole = _BASE[scalar.bits], _WHOLE[scalar.bits]
    return Interval(-base, base), Interval(-whole, whole)


def assignable(frame: Frame) -> list[Variable]:
    """Return the variables in scope that may be updated."""
    return [variable for variable in frame.visible() if variable.mutable and not variable.index]


def update(frame: Frame, variable: Variable, unread: Sequence[Variable] = ()) -> None:
    """Emit an assignment to a variable that also reads the given ones."""
    exact = not variable.inexact
    if isinstance(variable.type, Struct):
        return
    if variable.type == BOOL:
        _update_flag(frame, variable, unread)
    elif isinstance(variable.type, (Matrix, Quaternion, Transform)):
        _update_composite(frame, variable, unread, exact)
    elif is_integer_type(variable.type) and guards.scalar_type_of(variable.type).is_signed:
        _update_signed(frame, variable, unread)
    else:
        _update_number(frame, variable, unread, exact)
    frame.written(variable)


def _write(frame: Frame, variable: Variable, operator: str, value: Term) -> None:
    target = nodes.name(variable.name)
    if operator:
        frame.emit(nodes.augment(operator, target, value.node), value.text)
        frame.unit.note(f"statement:augment {operator}= {variable.type}")
    else:
        frame.emit(nodes.assign(target, value.node), value.text)
        frame.unit.note("statement:assign")


def _self(variable: Variable) -> Term:
    interval = variable.interval if is_integer_type(variable.type) else None
    return Term(nodes.name(variable.name), variable.type, variable.name, interval, variable.inexact)


def _update_flag(frame: Frame, variable: Variable, unread: Sequence[Variable]) -> None:
    value = expressions.consuming(frame, BOOL, unread, True)
    if value.text == variable.name:
        value = conditions.comparison(frame, expressions.grow, 1)
    if frame.loop_depth and chance(frame.choices, 70):
        build, word = pick(frame.choices, ((nodes.disjunction, "or"), (nodes.conjunction, "and")))
        frame.unit.note(f"expression:{word}")
        value = Term(build(nodes.name(variable.name), value.node), BOOL, f"{variable.name} {word} {value.text}")
    _write(frame, variable, "", value)


def _update_composite(frame: Frame, variable: Variable, unread: Sequence[Variable], exact: bool) -> None:
    value = expressions.consuming(frame, variable.type, unread, exact, depth=2)
    if value.text == variable.name:
        value = expressions.leaf(frame, variable.type, exact)
    base = variable.base
    if base is not None and value.interval is not None and not value.interval.within(base):
        value = access.new_element(frame, variable.type) if frame.is_kernel else initial_literal(frame, variable.type)
        if not (value.interval or base).within(base):
            value = initial_literal(frame, variable.type)
    if isinstance(variable.type, Quaternion) and chance(frame.choices, 60) and value.text != variable.name:
        product = terms.binary("*", _self(variable), value, variable.type)
        value = terms.call("wp.normalize", [product], variable.type)
    elif is_float_type(variable.type) and (_is_unread(frame, variable, value) or chance(frame.choices, 50)):
        _write(frame, variable, "+", value)
        return
    _write(frame, variable, "", value)


def _update_number(frame: Frame, variable: Variable, unread: Sequence[Variable], exact: bool) -> None:
    """Update a float, an unsigned integer, or a vector of either."""
    scalar = scalar_of(variable.type)
    assert scalar is not None
    value = expressions.consuming(frame, variable.type, unread, exact, depth=pick(frame.choices, (1, 1, 2)))
    value = _enriched(frame, variable, value)
    kind = _update_kind(frame, variable, scalar)
    if value.text == variable.name and kind in ("=", "extremum", "-", "^"):
        kind = "+"
    # Warp takes a variable that is assigned a bare literal for a constant, which no loop may change any more.
    if kind == "=" and value.literal:
        kind = "extremum"
    if kind == "=" and _is_unread(frame, variable, value):
        kind = "+"
    if kind == "*" and (isinstance(variable.type, Vector) or _narrow_product(scalar)):
        kind = "+"
    match kind:
        case "extremum":
            name = pick(frame.choices, ("wp.min", "wp.max"))
            _write(frame, variable, "", terms.call(name, [_self(variable), value], variable.type))
        case "decay":
            factor = terms.float_literal(pick(frame.choices, ("0.5", "0.9", "0.25")), scalar)
            damped = terms.binary("*", _self(variable), factor, variable.type)
            _write(frame, variable, "", terms.binary("+", damped, value, variable.type))
        case "=":
            _write(frame, variable, "", value)
        case _:
            _write(frame, variable, kind, value)


def _update_kind(frame: Frame, variable: Variable, scalar: Scalar) -> str:
    """Choose an augmented operator, `=`, `extremum` or `decay`; in loops nothing that magnifies rounding errors."""
    tame = variable.from_zero or (variable.inexact and frame.loop_depth > 0)
    table = (
        ("+", 7.0),
        ("-", 2.0),
        ("=", 0.5 if frame.loop_depth else 3.0),
        ("extremum", 1.5),
        ("*", 0.0 if tame else 0.7),
        ("decay", 1.0 if scalar.is_float and isinstance(variable.type, Scalar) else 0.0),
        ("^", 0.0 if scalar.is_float else 2.0),
    )
    return pick_weighted(frame.choices, table)


def _is_unread(frame: Frame, variable: Variable, value: Term) -> bool:
    """Whether a plain assignment would overwrite a value that nothing has read."""
    return variable.name not in frame.committed and variable.name not in value.text


def _enriched(frame: Frame, variable: Variable, value: Term) -> Term:
    """Let a value read something besides the variable that it updates: a total of itself alone stays zero."""
    if not frame.is_kernel or frame.names_in(value.text) - {variable.name}:
        return value
    other = access.new_element(frame, variable.type)
    return other if value.literal else expressions.combined(frame, value, other) or other


def _narrow_product(scalar: Scalar) -> bool:
    """Whether a product of two full-range values overflows the int that C++ computes it in."""
    return scalar.name == "uint16"


def _update_signed(frame: Frame, variable: Variable, unread: Sequence[Variable]) -> None:
    """Update a signed integer, or a vector of them, within its interval."""
    assert variable.base is not None and variable.interval is not None
    value = expressions.consuming(frame, variable.type, unread, True, depth=pick(frame.choices, (1, 1, 2)))
    value = _enriched(frame, variable, value)
    operator = pick_weighted(frame.choices, (("+", 7), ("-", 2), ("", 3)))
    if operator and _has_room(frame, variable, value):
        _write(frame, variable, operator, value)
        return
    value = guards.fitted(frame.choices, value, variable.base)
    if value.text == variable.name:
        value = terms.binary("-", terms.constant(variable.type, 1), _self(variable), variable.type)
        value = guards.fitted(
            frame.choices, Term(value.node, value.type, value.text, terms.full_range(value.type)), variable.base
        )
    if value.literal or _is_unread(frame, variable, value) or chance(frame.choices, 35):
        name = pick(frame.choices, ("wp.min", "wp.max"))
        value = terms.call(name, [_self(variable), value], variable.type)
    _write(frame, variable, "", value)


def _has_room(frame: Frame, variable: Variable, value: Term) -> bool:
    """Take up the room that adding a value needs in the loops since the declaration; False when it is not there."""
    assert variable.base is not None and variable.interval is not None
    if value.interval is None:
        return False
    times = max(1, frame.trips // variable.declared_trips)
    reach = max(abs(value.interval.low), abs(value.interval.high)) * times
    if variable.spent + reach > variable.interval.high - variable.base.high:
        return False
    variable.spent += reach
    return True
