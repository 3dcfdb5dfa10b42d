"""Expressions grown towards a wanted type: what is in scope, built-ins, constructors, ternaries, helpers.

`grow` is the one entry. Depth counts down to a leaf: something to read, or a literal. An argument whose source grows
long is given a name on a line of its own, as a person would.
"""

from __future__ import annotations

from collections.abc import Iterable

from grammar import access, binding, calls, conditions, constants, guards, literals, names, nodes, parts, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.registry import Overload
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import (
    BOOL,
    Array,
    Matrix,
    Quaternion,
    Scalar,
    Struct,
    Transform,
    Type,
    ValueType,
    Vector,
    is_float_type,
    is_integer_type,
    scalar_of,
)


def grow(frame: Frame, type_: ValueType, depth: int, exact: bool = False) -> Term:
    """Grow an expression of a type, at most `depth` operations deep; an exact one comes through no library function."""
    exact = exact or frame.exact_only
    if depth <= 0 or isinstance(type_, Struct):
        return leaf(frame, type_, exact)
    if type_ == BOOL:
        return conditions.condition(frame, grow, depth - 1)
    kind = pick_weighted(frame.choices, frame.unit.swarm.thinned("expression", _kinds(frame, type_)))
    term: Term | None = None
    match kind:
        case "call":
            term = calls.grow_call(frame, grow, type_, depth, exact)
        case "ternary":
            term = _ternary(frame, type_, depth, exact)
        case "construct":
            term = construct(frame, type_, depth, exact)
        case "helper":
            term = frame.unit.grow_helper_call(frame, type_, exact) if frame.unit.grow_helper_call else None
    if term is None:
        term = leaf(frame, type_, exact)
    return binding.shortened(frame, term)


SWITCHABLE = ("ternary", "construct", "helper", "part", "parameter")
"""The kinds of expressions and leaves that a swarm may switch off."""


def _kinds(frame: Frame, type_: ValueType) -> list[tuple[str, float]]:
    category = frame.unit.category
    helper = 0.0 if frame.unit.grow_helper_call is None else 2.0 if category == "combined" else 0.5
    return [
        ("call", 9),
        ("leaf", 1.5),
        ("ternary", 1.2 if category in ("control_flow", "multi_conditional") else 0.5),
        ("construct", 0.0 if isinstance(type_, Scalar) else 1.0),
        ("helper", helper),
    ]


def leaf(frame: Frame, type_: ValueType, exact: bool = False) -> Term:
    """Read something in scope, an array or a new parameter, or write a literal."""
    exact = exact or frame.exact_only
    found = access.readable(frame, type_, exact)
    inputs = len(frame.parameter_order)
    table: list[tuple[str, float]] = [("scope", sum(weight for _, weight in found))]
    if frame.is_kernel:
        table.append(("array", 2.0 if frame.arrays else 0.0))
        table.append(("new array", 3.0 if inputs < 3 else 0.7 if inputs < frame.max_parameters else 0.05))
    table.append(("parameter", _parameter_weight(frame, inputs)))
    table.append(("literal", _literal_weight(type_)))
    table.append(("part", 0.3 if isinstance(type_, Scalar) else 0.8))
    kind = pick_weighted(frame.choices, frame.unit.swarm.thinned("expression", table))
    if kind == "part":
        term = parts.read_some(frame, type_, exact)
        if term is not None:
            return term
        kind = "scope" if found else "new array"
    if kind == "array":
        term = access.read_array(frame, type_)
        if term is not None:
            return term
        kind = "scope" if found else "new array"
    if kind == "scope":
        return access.read(frame, pick_weighted(frame.choices, found), type_)
    if kind == "new array" and frame.is_kernel:
        return access.new_element(frame, type_)
    if kind == "literal":
        constant = constants.read(frame, type_) if chance(frame.choices, 6) else None
        if constant is not None:
            return constant
        term = literals.literal(frame.choices, type_)
        if term is not None:
            return term
    return access.new_value_parameter(frame, type_)


def _parameter_weight(frame: Frame, inputs: int) -> float:
    if frame.max_parameters == 0:
        return 0.0
    if not frame.is_kernel:
        return 4.0 if inputs < 2 else 1.0 if inputs < 3 else 0.1
    weight = 2.0 if frame.unit.category == "scalar_param" else 0.5
    return weight if inputs < frame.max_parameters else 0.02


def _literal_weight(type_: ValueType) -> float:
    if isinstance(type_, Scalar):
        return 0.0 if type_ == BOOL else 2.0
    return 0.0 if isinstance(type_, (Struct, Matrix, Quaternion, Transform)) else 0.6


def _ternary(frame: Frame, type_: ValueType, depth: int, exact: bool) -> Term | None:
    """Grow `a if condition else b`, or `wp.where(condition, a, b)`."""
    condition = conditions.condition(frame, grow, 0)
    first = grow(frame, type_, depth - 1, exact)
    second = leaf(frame, type_, exact)
    if first.text == second.text or (first.literal and second.literal):
        return None
    interval = None
    if is_integer_type(type_):
        interval = (first.interval or _full(type_)).hull(second.interval or _full(type_))
    inexact = first.inexact or second.inexact or condition.inexact
    if chance(frame.choices, 40):
        frame.unit.note(f"builtin:where(bool, {type_}, {type_})")
        term = terms.call("wp.where", [condition, first, second], type_, interval)
        return Term(term.node, type_, term.text, interval, inexact)
    frame.unit.note("expression:ternary")
    node = nodes.ternary(condition.node, first.node, second.node)
    return Term(node, type_, f"{first.text} if {condition.text} else {second.text}", interval, inexact)


def _full(type_: ValueType) -> Interval:
    interval = terms.full_range(type_)
    assert interval is not None
    return interval


def hull(values: Iterable[Term]) -> Interval | None:
    """Return what holds every value of integer terms of one type."""
    known = [value.interval or _full(value.type) for value in values]
    found = known[0]
    for interval in known[1:]:
        found = found.hull(interval)
    return found


def construct(frame: Frame, type_: ValueType, depth: int, exact: bool) -> Term | None:
    """Grow a constructor call of a vector, matrix, quaternion or transformation."""
    scalar = scalar_of(type_)
    if scalar is None:
        return None
    match type_:
        case Vector():
            values = [grow(frame, scalar, min(depth - 1, 1), exact) for _ in range(type_.length)]
        case Matrix() if type_.rows * type_.columns <= 6 and type_.takes_elements:
            values = [leaf(frame, scalar, exact) for _ in range(type_.rows * type_.columns)]
        case Matrix():
            return _from_vectors(frame, type_, exact)
        case Quaternion():
            values = [leaf(frame, scalar, exact) for _ in range(4)]
        case Transform():
            values = [grow(frame, Vector(3, scalar), min(depth - 1, 1), exact), leaf(frame, Quaternion(scalar), exact)]
        case _:
            return None
    if all(value.literal for value in values):
        return None
    frame.unit.note(f"builtin:{names.kind_of(type_)}({', '.join(str(value.type) for value in values)})")
    return terms.vector_literal(type_, values)  # type: ignore[arg-type]


def _from_vectors(frame: Frame, type_: Matrix, exact: bool) -> Term | None:
    """Grow `wp.matrix_from_rows` or `wp.matrix_from_cols`, or a scaled identity."""
    if type_.is_square and chance(frame.choices, 30):
        frame.unit.note("builtin:identity")
        keywords = [("n", nodes.integer(type_.rows)), ("dtype", nodes.name(type_.scalar.spelling))]
        node = nodes.call_with_keywords("wp.identity", keywords)
        identity = Term(node, type_, "wp.identity(n=3, dtype=float)", Interval(0, 1))
        if not is_float_type(type_):
            return None
        return terms.binary("*", identity, leaf(frame, type_.scalar, exact), type_)
    by_rows = chance(frame.choices, 50)
    vector = Vector(type_.columns if by_rows else type_.rows, type_.scalar)
    values = [leaf(frame, vector, exact) for _ in range(type_.rows if by_rows else type_.columns)]
    if any(value.literal for value in values):
        return None
    name = "matrix_from_rows" if by_rows else "matrix_from_cols"
    frame.unit.note(f"builtin:{name}({vector})")
    interval = terms.vector_literal(vector, values).interval
    return terms.call(f"wp.{name}", values, type_, interval)


def converted(frame: Frame, term: Term, scalar: Scalar) -> Term:
    """Cast a scalar to another dtype, within what that can hold."""
    if term.type == scalar:
        return term
    term = constants.unshared(frame, term, scalar)
    if scalar.is_integer:
        term = guards.convertible(frame.choices, term, scalar)
    frame.unit.note(f"builtin:{scalar.name}({term.type})")
    interval = None
    if scalar.is_integer:
        whole = _full(scalar)
        interval = term.interval if term.interval is not None and term.interval.within(whole) else whole
    return terms.call(scalar.spelling, [term], scalar, interval)


def as_type(frame: Frame, variable: Variable, type_: ValueType) -> Term | None:
    """Read a variable of any type as a value of another; None where there is no way, or only an inexact one."""
    if access.paths(variable.type, type_):
        return access.read(frame, variable, type_)
    scalar = scalar_of(type_)
    if scalar is None:
        return None
    if type_ == BOOL:
        return _as_condition(frame, variable)
    number = _as_number(frame, variable, scalar)
    if number is None or isinstance(type_, Scalar):
        return number
    scaled = [o for o in frame.unit.palette.calls(type_).get("mul", ()) if o.types == (type_, scalar)]
    if not scaled:
        return None
    return _with_operands(frame, scaled[0], leaf(frame, type_, True), number)


def _as_condition(frame: Frame, variable: Variable) -> Term | None:
    scalar = _numeric_part(variable.type)
    number = _as_number(frame, variable, scalar) if scalar else None
    if number is None or scalar is None:
        return None
    return conditions.compared(frame, ">", number, literals.threshold(frame.choices, scalar))


def _numeric_part(type_: Type) -> Scalar | None:
    """Return the dtype of a type's numbers, the first field's that has any for a struct."""
    if isinstance(type_, Struct):
        found = [_numeric_part(field) for _, field in type_.fields]
        return next((scalar for scalar in found if scalar is not None), None)
    scalar = None if isinstance(type_, Array) else scalar_of(type_)
    return None if scalar == BOOL else scalar


def _as_number(frame: Frame, variable: Variable, scalar: Scalar) -> Term | None:
    """Read a variable as a scalar: a part of it, its length, or 0 and 1 for a flag."""
    if variable.inexact and not scalar.is_float:
        return None
    if variable.type == BOOL:
        flag = access.read_variable(variable)
        interval = Interval(0, 1) if scalar.is_integer else None
        values = [terms.number(1, scalar), terms.number(0, scalar)]
        frame.unit.note(f"builtin:where(bool, {scalar}, {scalar})")
        return terms.call("wp.where", [flag, *values], scalar, interval)
    own = _numeric_part(variable.type)
    if own is None:
        return None
    if isinstance(variable.type, (Vector, Quaternion)) and own.is_float and chance(frame.choices, 50):
        name = pick(frame.choices, ("length", "length_sq"))
        frame.unit.note(f"builtin:{name}({variable.type})")
        return converted(frame, terms.call(f"wp.{name}", [access.read_variable(variable)], own), scalar)
    return converted(frame, access.read(frame, variable, own), scalar)


def combined(frame: Frame, base: Term, addend: Term) -> Term | None:
    """Return the sum, difference or product of two terms of one type, kept in bounds; None when there is no way."""
    type_ = base.type
    if type_ == BOOL:
        text = f"{base.text} or {addend.text}"
        inexact = base.inexact or addend.inexact
        return Term(nodes.disjunction(base.node, addend.node), BOOL, text, inexact=inexact)
    only_sums = not isinstance(type_, Scalar)
    for name in (pick_weighted(frame.choices, (("add", 6), ("sub", 2), ("mul", 0 if only_sums else 1.5))), "add"):
        overloads = [o for o in frame.unit.palette.calls(type_).get(name, ()) if o.types == (type_, type_)]
        term = _with_operands(frame, overloads[0], base, addend) if overloads else None
        if term is not None:
            return term
    return None


def _with_operands(frame: Frame, overload: Overload, *operands: Term) -> Term | None:
    """Apply an overload to terms that are grown already."""
    waiting = list(operands)

    def next_operand(frame: Frame, type_: ValueType, depth: int, exact: bool) -> Term:
        return waiting.pop(0)

    return calls.apply(frame, next_operand, overload, 1, False)


def consuming(frame: Frame, type_: ValueType, unread: Iterable[Variable], exact: bool, depth: int = 1) -> Term:
    """Grow an expression that reads the given variables as well, as far as their types allow."""
    term: Term | None = None
    for variable in unread:
        if variable.unread and not ((exact or frame.exact_only) and variable.inexact):
            addend = as_type(frame, variable, type_)
            joined = addend if term is None or addend is None else combined(frame, term, addend)
            term = joined or term
            if term is not None:
                term = binding.shortened(frame, term)
    if term is None:
        return grow(frame, type_, depth, exact)
    if depth > 0 and chance(frame.choices, 50):
        extra = grow(frame, type_, depth, exact)
        if not extra.literal and extra.text not in term.text:
            return combined(frame, term, extra) or term
    return term
