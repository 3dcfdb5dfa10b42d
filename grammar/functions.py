"""Helper functions: `@wp.func`s grown where an expression calls for one, with one result or several."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import (
    access,
    binding,
    conditions,
    expressions,
    guards,
    literals,
    names,
    nodes,
    statements,
    terms,
    variables,
)
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.scope import Frame, Helper, Unit, Variable
from grammar.terms import Term
from grammar.types import BOOL, Matrix, Quaternion, Scalar, Struct, ValueType, is_float_type, is_integer_type

MOST_HELPERS = 2
DEEPEST = 3
"""How many functions may call each other in a chain."""


def grow_helper_call(frame: Frame, type_: ValueType, exact: bool) -> Term | None:
    """Call a helper that returns the type, an old or a new one; None when there is none and none should be made."""
    unit = frame.unit
    called = 0 if frame.is_kernel else 1 + unit.growing
    fitting = [
        h for h in unit.helpers if h.results == (type_,) and not (exact and h.inexact) and called + h.depth <= DEEPEST
    ]
    enough = len(unit.helpers) + unit.growing >= (MOST_HELPERS if frame.is_kernel else MOST_HELPERS + 1)
    if fitting and (chance(frame.choices, 60) or enough):
        helper: Helper | None = pick(frame.choices, fitting)
    elif not enough and (frame.is_kernel or (unit.growing < DEEPEST and chance(frame.choices, 40))):
        helper = new_helper(unit, frame, (type_,), exact)
    else:
        helper = None
    return None if helper is None else call_helper(frame, helper, exact)


def call_helper(frame: Frame, helper: Helper, exact: bool) -> Term:
    """Grow the arguments of a helper and call it; parameters with a default at the end may be left out."""
    parameters = list(helper.parameters)
    while parameters and parameters[-1].name in helper.defaults and chance(frame.choices, 50):
        parameters.pop()
        frame.unit.note("form:default argument")
    arguments = [_argument(frame, parameter, exact) for parameter in parameters]
    arguments = binding.shortened_together(frame, arguments)
    frame.taken.add(helper.name)
    frame.unit.note("expression:helper")
    frame.unit.events.append("helper")
    if not frame.is_kernel:
        frame.unit.note("form:function calls function")
        frame.deepest_call = max(frame.deepest_call, helper.depth)
    term = terms.call(helper.name, arguments, helper.results[0], helper.intervals[0])
    node = term.node
    if len(arguments) > 1 and chance(frame.choices, 8):
        node = _with_keywords(frame, helper.name, [p.name for p in parameters], arguments)
    return Term(node, term.type, term.text, term.interval, term.inexact or helper.inexact)


def _argument(frame: Frame, parameter: Variable, exact: bool) -> Term:
    argument = expressions.grow(frame, parameter.type, 1, exact or not parameter.inexact)
    if parameter.interval is None:
        return argument
    return guards.fitted(frame.choices, argument, parameter.interval)


def _with_keywords(frame: Frame, name: str, parameters: list[str], arguments: list[Term]) -> nodes.Expression:
    """Build a call whose arguments are named from some place on, sometimes in another order: none has side effects."""
    first = frame.choices.integer(0, len(arguments) - 1)
    named = [(parameter, argument.node) for parameter, argument in zip(parameters, arguments, strict=True)][first:]
    frame.unit.note("form:keyword argument")
    if len(named) > 1 and chance(frame.choices, 30):
        named.reverse()
        frame.unit.note("form:keyword arguments reordered")
    return nodes.call_mixed(name, [argument.node for argument in arguments[:first]], named)


def grow_several(frame: Frame) -> bool:
    """Emit `a, b = helper(…)` with a new helper of several results; False when there are enough helpers already."""
    if len(frame.unit.helpers) >= MOST_HELPERS or not frame.is_kernel:
        return False
    count = pick_weighted(frame.choices, ((2, 5), (3, 1)))
    results = tuple(pick_weighted(frame.choices, frame.unit.palette.main) for _ in range(count))
    helper = new_helper(frame.unit, frame, results, frame.exact_only)
    if helper is None:
        return False
    term = call_helper(frame, helper, frame.exact_only)
    targets = []
    for type_, interval in zip(helper.results, helper.intervals, strict=True):
        name = names.free_name(frame.choices, names.LOCALS[names.kind_of(type_)], frame.taken)
        frame.taken.add(name)
        targets.append(Variable(name, type_, interval, interval, term.inexact))
    frame.emit(nodes.assign(nodes.tuple_([nodes.name(v.name) for v in targets]), term.node), term.text)
    for variable in targets:
        frame.declare(variable)
    frame.unit.note(f"statement:several results({count})")
    return True


def new_helper(unit: Unit, caller: Frame, results: tuple[ValueType, ...], exact: bool) -> Helper | None:
    """Grow a function with these results; None when it came out without a parameter, or returns one as it is."""
    if any(isinstance(type_, Struct) for type_ in results) or _has_integer_matrices(unit):
        return None
    before = unit.noted()
    frame = Frame(unit, is_kernel=False)
    frame.taken |= unit.module_names
    frame.exact_only = exact or not any(map(is_float_type, results))
    unit.growing += 1
    with unit.growing_in(frame):
        worthwhile = grow_body(frame, results)
    unit.growing -= 1
    frame.values = [v for v in frame.values if v.name in frame.mentioned]
    if not frame.values or not worthwhile:
        unit.forget_since(before)
        return None
    kind = "several" if len(results) > 1 else names.kind_of(results[0])
    name = names.free_name(unit.choices, names.HELPERS[kind], unit.taken | caller.taken)
    unit.taken.add(name)
    helper = finished(frame, name, results, _defaults(frame))
    unit.helpers.append(helper)
    unit.lines += 2
    return helper


def finished(frame: Frame, name: str, results: tuple[ValueType, ...], defaults: Mapping[str, Term]) -> Helper:
    """Make the helper of a frame whose body is grown; its result is sometimes annotated."""
    unit = frame.unit
    unit.close(frame.taken)
    parameters = [(v.name, unit.annotation(v.type)) for v in frame.values]
    node = nodes.function("wp.func", name, parameters, frame.block.statements)
    node = nodes.with_defaults(node, {parameter: value.node for parameter, value in defaults.items()})
    if chance(unit.choices, 25):
        node = nodes.returning(node, [unit.annotation(type_) for type_ in results])
        unit.note("form:annotated results" if len(results) > 1 else "form:annotated result")
    return Helper(
        name,
        tuple(frame.values),
        results,
        frame.result_intervals,
        frame.result_inexact,
        frozenset(frame.mentioned | {name for term in defaults.values() for name in Frame.names_in(term.text)}),
        node,
        defaults=defaults,
        depth=1 + frame.deepest_call,
    )


def _defaults(frame: Frame) -> dict[str, Term]:
    """Choose literals for some of the last parameters, within what the body relies on."""
    found: dict[str, Term] = {}
    for parameter in reversed(frame.values[1:]):
        value = literals.literal(frame.choices, parameter.type) if chance(frame.choices, 12) else None
        if value is None or isinstance(parameter.type, (Matrix, Quaternion)) or not _is_within(value, parameter):
            break
        found[parameter.name] = value
    return found


def _is_within(value: Term, parameter: Variable) -> bool:
    if parameter.interval is None:
        return True
    return value.interval is not None and value.interval.within(parameter.interval)


def _has_integer_matrices(unit: Unit) -> bool:
    """Whether a helper might take an integer matrix, which no operator keeps within an interval."""
    return any(isinstance(type_, Matrix) and not is_float_type(type_) for type_ in unit.palette.types)


def grow_body(frame: Frame, results: tuple[ValueType, ...]) -> bool:
    """Grow statements and the return, sometimes an early return before them; False when it all comes to nothing."""
    early = _early_return(frame, results) if chance(frame.choices, 18) else None
    frame.result_types = results
    lines = frame.choices.weighted((30, 25, 20, 10, 8, 7))
    if lines:
        statements.fill(frame, lines)
    if chance(frame.choices, 15):
        _assign_to_parameter(frame)
    values = _results(frame, results)
    frame.emit(nodes.return_(_returned(values)), *(value.text for value in values))
    everything = [values, *frame.early_values] if early is None else [values, early, *frame.early_values]
    frame.result_inexact = any(value.inexact for row in everything for value in row)
    frame.result_intervals = tuple(
        _hull([row[place] for row in everything]) if is_integer_type(type_) else None
        for place, type_ in enumerate(results)
    )
    texts = [value.text for value in values]
    if early is not None and texts == [value.text for value in early]:
        return False
    return lines > 0 or not all(text in frame.taken for text in texts)


def _assign_to_parameter(frame: Frame) -> None:
    """Emit a change of a parameter, which stays within the function: Warp passes every value as a copy."""
    found = [v for v in frame.values if v.name in frame.mentioned and _has_no_bounds(v.type)]
    if found:
        parameter = pick(frame.choices, found)
        variables.update(frame, parameter, [v for v in frame.unread() if v is not parameter][:1])
        parameter.unread = False
        frame.commit(parameter.name)
        frame.unit.note("form:parameter assigned to")


def _has_no_bounds(type_: ValueType) -> bool:
    """Whether a variable of the type may take any value: no operation on it relies on an interval."""
    if isinstance(type_, Struct):
        return False
    return is_float_type(type_) or (is_integer_type(type_) and not guards.scalar_type_of(type_).is_signed)


def _results(frame: Frame, results: tuple[ValueType, ...]) -> list[Term]:
    """Grow the results; together they read every variable of the body."""
    values = []
    for place, type_ in enumerate(results):
        unread = frame.unread()
        share = unread if place == len(results) - 1 else unread[: max(1, len(unread) // len(results))]
        depth = pick(frame.choices, (1, 2, 2)) if not unread else pick(frame.choices, (0, 1))
        value = expressions.consuming(frame, type_, share, not is_float_type(type_), depth)
        if value.literal:
            value = access.new_value_parameter(frame, type_)
        values.append(value)
    left = [variable for variable in frame.unread() if variable.type != BOOL]
    for variable in left:
        addend = expressions.as_type(frame, variable, results[-1])
        joined = None if addend is None else expressions.combined(frame, values[-1], addend)
        values[-1] = joined or values[-1]
    return values


def _early_return(frame: Frame, results: tuple[ValueType, ...]) -> list[Term] | None:
    """Emit `if …: return …` on what is passed in."""
    test = conditions.comparison(frame, expressions.grow, 0)
    values = [_early_value(frame, type_) for type_ in results]
    early = nodes.return_(_returned(values))
    frame.emit(nodes.if_chain([(test.node, [early])]), test.text, *(value.text for value in values))
    frame.unit.lines += 1
    frame.unit.note("statement:early return")
    return values


def _early_value(frame: Frame, type_: ValueType) -> Term:
    """Return a literal or something simple: what a function gives in a special case."""
    if isinstance(type_, Scalar) and type_ != BOOL and chance(frame.choices, 50):
        return terms.number(pick(frame.choices, (0, 0, 1)), type_)
    return expressions.grow(frame, type_, 1, True)


def _returned(values: list[Term]) -> nodes.Expression:
    if len(values) == 1:
        return values[0].node
    return nodes.tuple_([value.node for value in values])


def _hull(values: list[Term]) -> Interval | None:
    known = [value.interval or terms.full_range(value.type) for value in values]
    result = known[0]
    for interval in known[1:]:
        result = result.hull(interval) if result is not None and interval is not None else None
    return result
