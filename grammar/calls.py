"""Calls of built-ins: an overload that gives the wanted type, its arguments, and the guards that its row asks for."""

from __future__ import annotations

from collections.abc import Callable

from grammar import binding, constants, domains, guards, intervals, literals, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.domains import Domain, Guard
from grammar.intervals import Interval
from grammar.registry import Overload
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import BOOL, INT32, Matrix, Scalar, ValueType, is_integer_type, scalar_of

Grow = Callable[[Frame, ValueType, int, bool], Term]
"""The production of an expression of a type, at most so deep, exact or not."""

_EMPHASIS: dict[str, dict[str, float]] = {
    "math": {"Scalar Math": 4.0, "Operators": 0.5},
    "arithmetic": {"Operators": 3.0, "Scalar Math": 0.4},
    "vector": {"Vector Math": 3.0},
    "matrix": {"Vector Math": 2.0},
    "combined": {"Scalar Math": 1.5, "Vector Math": 1.5},
}
"""How much more a category calls the built-ins of a group."""


def _commutes(overload: Overload) -> bool:
    """Whether a literal may well stand first: `2.0 * x`, `1.0 - x`, `1.0 / x`."""
    return overload.name in ("add", "sub", "mul", "div")


_CASTS = ("int", "float", *(scalar.name for scalar in domains.INTEGERS + domains.FLOATS), "bool")


def choose_overload(frame: Frame, type_: ValueType, exact: bool) -> Overload | None:
    """Choose an overload with the result, by its built-in's weight first; None when the palette has none."""
    palette = frame.unit.palette
    emphasis = _EMPHASIS.get(frame.unit.category, {})
    table = []
    for name, overloads in palette.calls(type_).items():
        if (exact and domains.is_library(name)) or not frame.unit.swarm.has(overloads[0]):
            continue
        weight = domains.DOMAINS[name].weight * emphasis.get(overloads[0].group, 1.0)
        if name in _CASTS:
            weight *= 0.1 if name in ("int32", "float32") else 0.6
        table.append((overloads, weight))
    if not table:
        return None
    return pick(frame.choices, pick_weighted(frame.choices, table))


def grow_call(frame: Frame, grow: Grow, type_: ValueType, depth: int, exact: bool) -> Term | None:
    """Grow a call or an operator with the wanted result; None when no overload works out."""
    overload = choose_overload(frame, type_, exact)
    if overload is None:
        return None
    return apply(frame, grow, overload, depth, exact)


def apply(frame: Frame, grow: Grow, overload: Overload, depth: int, exact: bool) -> Term | None:
    """Grow the arguments of an overload and call it; None when its integers cannot be kept in bounds."""
    domain = domains.DOMAINS[overload.name]
    exact = exact or (domains.needs_exact_arguments(overload.name) and not chance(frame.choices, 2))
    exact = exact or (domains.is_library(overload.name) and not chance(frame.choices, 12))
    arguments = _arguments(frame, grow, overload, depth, exact)
    if arguments is None:
        return None
    guarded = _guarded(frame, domain, overload, arguments)
    if guarded is None:
        return None
    arguments = guarded
    if overload.name in _CASTS:
        arguments = [
            constants.unshared(frame, argument, guards.scalar_type_of(overload.results[0])) for argument in arguments
        ]
    if all(argument.literal for argument in arguments) or _is_idle(overload.name, arguments):
        return None
    interval = None
    if is_integer_type(overload.results[0]):
        bounded = _bounded(frame, domain, overload, arguments)
        if bounded is None:
            return None
        arguments, interval = bounded
    arguments = _ordered(overload, binding.shortened_together(frame, arguments))
    frame.unit.note(f"builtin:{overload.signature}")
    return _spelled(frame, domain, overload, arguments, interval)


def _arguments(frame: Frame, grow: Grow, overload: Overload, depth: int, exact: bool) -> list[Term] | None:
    """Grow the arguments; at most one of them is a literal, and no two are the same."""
    arguments: list[Term] = []
    for type_ in overload.types:
        argument = grow(frame, type_, depth - 1, exact)
        if argument.literal and not arguments and (len(overload.types) == 1 or not _commutes(overload)):
            argument = grow(frame, type_, 0, exact)
            if argument.literal:
                return None
        if any(argument.text == other.text for other in arguments) and overload.name != "dot":
            replacement = literals.literal(frame.choices, type_)
            if replacement is None or arguments[0].literal:
                return None
            argument = replacement
        arguments.append(argument)
    return arguments


_IDLE = {"mul": ("1", "1.0", "0.0"), "div": ("1", "1.0"), "floordiv": ("1", "1.0"), "mod": ("1",), "pow": ("1.0",)}
"""Literals with which an operation does nothing worth writing down."""


def _is_idle(name: str, arguments: list[Term]) -> bool:
    """Whether nobody would write the operation down: `x * 1`, `-(-x)`."""
    last = arguments[-1]
    if name in ("neg", "pos", "invert") and last.text[0] in "-+~":
        return True
    return last.literal and last.text.rstrip(")").rpartition("(")[2] in _IDLE.get(name, ())


def _guarded(frame: Frame, domain: Domain, overload: Overload, arguments: list[Term]) -> list[Term] | None:
    """Apply the table's guards to the arguments that are integers, or are converted to one; None where none exists."""
    arguments = list(arguments)
    for place, guard in (domain.guards or {}).items():
        argument = arguments[place]
        result = scalar_of(overload.results[0])
        if guard is Guard.CONVERTIBLE and result is not None and result.is_integer:
            arguments[place] = guards.convertible(frame.choices, argument, result)
        elif guard is Guard.NONZERO and is_integer_type(argument.type):
            whole = all(isinstance(type_, Scalar) for type_ in overload.types) or overload.name != "div"
            guarded = guards.divisor(frame.choices, argument, arguments[0], only_literal=not whole)
            if guarded is None:
                return None
            arguments[place] = guarded
        elif guard is Guard.SHIFT:
            arguments[place] = guards.shift_amount(frame.choices, argument)
        elif guard is Guard.NUMBER:
            arguments[place] = guards.number(frame.choices, argument)
    return arguments


def _bounded(
    frame: Frame, domain: Domain, overload: Overload, arguments: list[Term]
) -> tuple[list[Term], Interval] | None:
    """Return the arguments, reduced where the result would overflow otherwise, and the result's interval."""
    for attempt in range(2):
        interval = _result_interval(domain, overload, arguments)
        if interval is not None:
            return arguments, interval
        if attempt == 0:
            reduced = [_reduced(frame, overload, place, argument) for place, argument in enumerate(arguments)]
            arguments = reduced
    return None


def _reduced(frame: Frame, overload: Overload, place: int, argument: Term) -> Term:
    """Bring an operand near zero; a shift's left operand also to at least zero."""
    if not is_integer_type(argument.type) or argument.literal:
        return argument
    if place in (domains.DOMAINS[overload.name].guards or {}):
        return argument
    if overload.name == "lshift":
        return guards.fitted(frame.choices, argument, Interval(0, 15 if guards.scalar_type(argument).bits > 8 else 3))
    return guards.reduced(frame.choices, argument)


def _result_interval(domain: Domain, overload: Overload, arguments: list[Term]) -> Interval | None:
    """Return where the result lies, None when it may overflow or is undefined."""
    assert domain.bounds is not None
    known = tuple(_argument_interval(argument) for argument in arguments)
    if overload.name == "lshift" and known[0].low < 0:
        return None
    interval = domain.bounds(overload, known)
    scalar = scalar_of(overload.results[0])
    assert scalar is not None
    if scalar.is_signed:
        return interval if intervals.fits(interval, scalar) else None
    # C++ computes in int what is narrower than it, so uint16 * uint16 can overflow although it is unsigned.
    if scalar.bits < 32 and not intervals.fits(interval, INT32):
        return None
    return intervals.wrapped(interval, scalar)


def _argument_interval(argument: Term) -> Interval:
    if argument.interval is not None:
        return argument.interval
    if argument.type == BOOL:
        return Interval(0, 1)
    return terms.full_range(argument.type) or Interval(0, 0)


def _ordered(overload: Overload, arguments: list[Term]) -> list[Term]:
    """Put literal bounds in their order: `wp.clamp(x, 0.5, 2.0)`, `wp.smoothstep(0.0, 1.0, x)`."""
    places = {"clamp": (1, 2), "smoothstep": (0, 1)}.get(overload.name)
    if places is None or not all(arguments[place].literal for place in places):
        return arguments
    low, high = (literals.value(arguments[place]) for place in places)
    if low > high:
        arguments = list(arguments)
        arguments[places[0]], arguments[places[1]] = arguments[places[1]], arguments[places[0]]
    return arguments


def _spelled(
    frame: Frame, domain: Domain, overload: Overload, arguments: list[Term], interval: Interval | None
) -> Term:
    """Write the call: an operator between two operands, before one, or a function's name."""
    result = overload.results[0]
    if domain.operator == "not":
        return Term(terms.nodes.negation(arguments[0].node), BOOL, f"not {arguments[0].text}")
    if domain.operator and len(arguments) == 2:
        operator = "@" if _is_matrix_product(overload) and chance(frame.choices, 40) else domain.operator
        term = terms.binary(operator, arguments[0], arguments[1], result, interval)
    elif overload.name == "pow" and chance(frame.choices, 40):
        term = terms.binary("**", arguments[0], arguments[1], result, interval)
    elif domain.operator:
        operand = arguments[0]
        node = terms.nodes.unary(domain.operator, operand.node)
        term = Term(node, result, f"{domain.operator}{operand.text}", interval, operand.inexact, operand.literal)
    else:
        term = terms.call(_function(frame, overload), arguments, result, interval)
    inexact = term.inexact or domains.is_library(overload.name)
    return Term(term.node, result, term.text, interval, inexact, term.literal)


def _is_matrix_product(overload: Overload) -> bool:
    """Whether `*` means a product of a matrix with a matrix or vector, which `@` may write as well."""
    return (
        overload.name == "mul"
        and any(isinstance(type_, Matrix) for type_ in overload.types)
        and not any(isinstance(type_, Scalar) for type_ in overload.types)
    )


_PYTHON_FUNCTIONS = ("abs", "min", "max")


def _function(frame: Frame, overload: Overload) -> str:
    """Return how a built-in is called: the dtypes that Python names go without `wp`, and some functions may."""
    name = overload.name
    if name in ("int", "float", "bool"):
        return name
    scalars = all(isinstance(type_, Scalar) for type_ in overload.types)
    if name in _PYTHON_FUNCTIONS and scalars and chance(frame.choices, 12):
        return name
    return f"wp.{name}"
