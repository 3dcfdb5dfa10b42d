"""Statements with a body: if chains, for and while loops, and the runs of statements in them.

Whatever a body declares is read before it ends, by the update of a variable that lives on outside: its sink.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grammar import access, binding, conditions, expressions, literals, names, nodes, terms, variables
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.scope import Block, Frame, Variable
from grammar.terms import Term
from grammar.types import BOOL, INT32, Scalar, is_float_type

Simple = Callable[[Frame, int], None]
"""What fills a body with statements, given how many lines it may take."""

MOST_UNROLLED = 16
"""How many copies of a body Warp's unrolling of nested constant loops may make; more compiles slowly."""


def sink_for(frame: Frame, total: bool) -> Variable:
    """Return a variable for a body to update: one in scope, or a new one."""
    found = [v for v in variables.assignable(frame) if not (frame.exact_only and v.inexact)]
    if found and chance(frame.choices, 50 if total else 65):
        return pick(frame.choices, found)
    type_ = pick_weighted(frame.choices, frame.unit.palette.main)
    if chance(frame.choices, 6):
        type_ = BOOL
    return variables.declare_mutable(frame, type_, total)


def body(frame: Frame, fill: Simple, lines: int, sinks: Sequence[Variable], extra: Variable | None = None) -> Block:
    """Grow a body of about so many lines that ends with an update of each sink; `extra` is a loop's index."""
    block = Block()
    frame.blocks.append(block)
    outer_exact = frame.exact_only
    frame.exact_only = outer_exact or not any(sink.inexact for sink in sinks)
    if lines > len(sinks):
        fill(frame, lines - len(sinks))
    ordered = sorted(sinks, key=lambda sink: not sink.inexact)
    for place, sink in enumerate(ordered):
        unread = frame.unread(1) if place == 0 else []
        if place == 0 and extra is not None and extra.unread and chance(frame.choices, 50):
            unread = [*unread, extra]
        variables.update(frame, sink, unread)
    _use_up(frame, ordered)
    frame.exact_only = outer_exact
    frame.blocks.pop()
    return block


def _use_up(frame: Frame, sinks: Sequence[Variable]) -> None:
    """Let some sink read whatever the body declared and nothing has read yet."""
    for variable in frame.unread(1):
        for sink in (*sinks, *variables.assignable(frame)):
            if variable.unread and sink is not variable:
                variables.update(frame, sink, [variable])


# if


def if_statement(frame: Frame, fill: Simple, lines: int, branches: int | None = None) -> None:
    """Emit an if with so many branches, the else included, each of which updates a variable from outside."""
    if branches is None:
        branches = pick_weighted(frame.choices, ((1, 4), (2, 5), (3, 2), (4, 0.7)))
    sink = sink_for(frame, total=False)
    has_else = branches > 1 and (branches > 2 or chance(frame.choices, 85))
    if branches > 2 and chance(frame.choices, 20):
        has_else = False
    tests = _tests(frame, branches - has_else)
    each = max(1, (lines - branches) // branches)
    grown = [(test.node, body(frame, fill, _varied(frame, each), [sink]).statements) for test in tests]
    otherwise = body(frame, fill, _varied(frame, each), [sink]).statements if has_else else []
    frame.emit(nodes.if_chain(grown, otherwise), *(test.text for test in tests))
    frame.unit.note(f"statement:if({branches})")
    frame.unit.events.append("branch" if branches < 3 else "cases")
    frame.written(sink)


def _varied(frame: Frame, lines: int) -> int:
    return max(1, frame.choices.integer((lines + 1) // 2, lines + 1))


def _tests(frame: Frame, count: int) -> list[Term]:
    """Return the conditions of a chain: free ones, or rising thresholds on one value."""
    if count > 1 and chance(frame.choices, 60):
        return _thresholds(frame, count)
    found: list[Term] = []
    for _ in range(count):
        test = conditions.condition(frame, expressions.grow, 1)
        if any(test.text == other.text for other in found):
            value = access.new_value_parameter(frame, frame.unit.palette.scalar)
            limit = literals.threshold(frame.choices, frame.unit.palette.scalar)
            test = conditions.compared(frame, ">", value, limit)
        found.append(test)
    return found


def _thresholds(frame: Frame, count: int) -> list[Term]:
    """Return `x < 0.0`, `x < 0.5`, … with literals that rise, or integers compared for equality."""
    scalar = conditions.comparable(frame)
    value = expressions.grow(frame, scalar, 1, True)
    if value.literal:
        value = access.new_value_parameter(frame, scalar)
    if len(value.text) > 12 and frame.may_hoist:
        value = binding.bind(frame, value)
    operator = pick(frame.choices, ("<", "<", "<="))
    if scalar.is_integer:
        operator = pick(frame.choices, ("<", "=="))
        steps = frame.choices.integer(1, 5)
        low = max(0, value.interval.low) if value.interval and value.interval.low < 100 else 0
        limits = [terms.integer_literal(low + steps * (place + 1), scalar) for place in range(count)]
    else:
        rising = pick(
            frame.choices,
            (("0.0", "0.5", "1.0", "2.0"), ("-1.0", "0.0", "1.0", "10.0"), ("0.25", "0.5", "0.75", "1.0")),
        )
        limits = [terms.float_literal(text, scalar) for text in rising[:count]]
    return [
        conditions.compared(frame, operator, Term(value.node.deep_clone(), scalar, value.text, value.interval), limit)
        for limit in limits
    ]  # fmt: skip


# for


def for_statement(frame: Frame, fill: Simple, lines: int) -> None:
    """Emit a for loop over a range that updates a variable from outside."""
    sinks = [sink_for(frame, total=True)]
    if chance(frame.choices, 12):
        other = sink_for(frame, total=True)
        sinks.extend(v for v in [other] if v not in sinks)
    found = _range(frame)
    name = _index_name(frame)
    index = Variable(name, INT32, found.interval, index=True)
    statements = _loop_body(frame, fill, lines - 1, sinks, index, found)
    frame.emit(
        nodes.for_range(name, [bound.node for bound in found.bounds], statements),
        *(bound.text for bound in found.bounds),
    )
    frame.unit.note("statement:for" if found.constant else "statement:for dynamic")
    frame.unit.events.append("loop" if frame.loop_depth == 0 else "nested loop")


def _index_name(frame: Frame) -> str:
    """Choose a loop index's name, often that of an earlier loop which has ended."""
    open_names = {variable.name for variable in frame.indices()}
    ended = sorted(frame.loop_names - open_names)
    if ended and chance(frame.choices, 60):
        return pick(frame.choices, ended)
    return names.free_name(frame.choices, names.LOOP_INDICES[:4], frame.taken)


def _loop_body(
    frame: Frame, fill: Simple, lines: int, sinks: Sequence[Variable], index: Variable, over: Range
) -> list[nodes.Statement]:
    """Grow the body of a for loop, in which the index is visible and statements run as often as the range says."""
    frame.blocks.append(Block())
    outer_trips, outer_unrolled = frame.trips, frame.unrolled
    frame.trips *= max(1, over.trips)
    frame.unrolled *= over.trips if over.constant else 1
    frame.loop_depth += 1
    frame.block.variables.append(index)
    frame.taken.add(index.name)
    frame.loop_names.add(index.name)
    early = _early_continue(frame, lines)
    grown = body(frame, fill, lines - len(early), sinks, index).statements
    late = _late_break(frame, sinks, lines)
    emitted = frame.block.statements
    frame.loop_depth -= 1
    frame.trips, frame.unrolled = outer_trips, outer_unrolled
    frame.blocks.pop()
    for sink in sinks:
        frame.written(sink)
    return [*emitted, *early, *grown, *late]


def _early_continue(frame: Frame, lines: int) -> list[nodes.Statement]:
    """Return `if …: continue` for some loops."""
    if lines < 3 or not chance(frame.choices, 10):
        return []
    test = conditions.comparison(frame, expressions.grow, 1)
    frame.commit(test.text)
    frame.unit.note("statement:continue")
    frame.unit.lines += 2
    return [nodes.if_chain([(test.node, [nodes.continue_()])])]


def _late_break(frame: Frame, sinks: Sequence[Variable], lines: int) -> list[nodes.Statement]:
    """Return `if …: break` for some loops, mostly on what the loop accumulates."""
    if lines < 3 or not chance(frame.choices, 14):
        return []
    scalars = [v for v in sinks if isinstance(v.type, Scalar) and v.type != BOOL and not v.inexact]
    if scalars:
        sink = pick(frame.choices, scalars)
        assert isinstance(sink.type, Scalar)
        value = Term(nodes.name(sink.name), sink.type, sink.name, sink.interval)
        test = conditions.compared(
            frame, pick(frame.choices, (">", ">", "<")), value, literals.threshold(frame.choices, sink.type)
        )
    else:
        test = conditions.comparison(frame, expressions.grow, 0)
    frame.commit(test.text)
    frame.unit.note("statement:break")
    frame.unit.lines += 2
    return [nodes.if_chain([(test.node, [nodes.break_()])])]


@dataclass(frozen=True)
class Range:
    """A loop's bounds, the interval of its index, how often it runs at most, and whether the bounds are literals."""

    bounds: list[Term]
    interval: Interval
    trips: int
    constant: bool = False


def _range(frame: Frame) -> Range:
    """Choose the range of a for loop."""
    unrollable = MOST_UNROLLED // frame.unrolled
    table = (
        ("constant", 5.0 if unrollable >= 2 else 0.0),
        ("count", 5.0 if frame.is_kernel else 0.0),
        ("shape", 2.0 if frame.arrays else 0.0),
        ("span", 1.0),
        ("down", 0.5 if frame.is_kernel else 0.0),
    )
    match pick_weighted(frame.choices, table):
        case "constant":
            trips = frame.choices.integer(2, max(2, min(unrollable, 8)))
            return Range([terms.integer_literal(trips)], Interval(0, trips - 1), trips, True)
        case "shape":
            return _shape_range(frame) or _span(frame, unrollable)
        case "span":
            return _span(frame, unrollable)
        case kind:
            return _counted_range(frame, downwards=kind == "down")


def _counted_range(frame: Frame, downwards: bool) -> Range:
    """Return `range(n)` for an int parameter, or `range(n - 1, -1, -1)`."""
    count = access.count_parameter(frame, pick(frame.choices, (4, 6, 8)))
    assert count.interval is not None
    term, most = access.read_variable(count), count.interval.high
    interval = Interval(0, most - 1)
    if not downwards:
        return Range([term], interval, most)
    minus_one = terms.integer_literal(-1)
    first = terms.binary("-", term, terms.integer_literal(1), INT32)
    return Range([first, minus_one, minus_one], interval, most)


def _span(frame: Frame, unrollable: int) -> Range:
    """Return `range(1, 7, 2)`: a start of 1 or 2, and mostly a step."""
    start, step = frame.choices.integer(1, 2), pick(frame.choices, (1, 2, 3))
    stop = start + step * frame.choices.integer(2, max(2, min(6, unrollable)))
    bounds = [terms.integer_literal(value) for value in (start, stop, step)]
    trips = len(range(start, stop, step))
    return Range(bounds if step > 1 else bounds[:2], Interval(start, stop - 1), trips, True)


def _shape_range(frame: Frame) -> Range | None:
    """Return `range(a.shape[1])` for an array with a short axis, None when there is none."""
    axes = [(array, axis) for array in frame.arrays for axis, extent in enumerate(array.shape) if 2 <= extent <= 16]
    if not axes:
        return None
    array, axis = pick(frame.choices, axes)
    extent = array.shape[axis]
    node = nodes.subscript(nodes.name(f"{array.name}.shape"), [nodes.integer(axis)])
    array.reads += 1
    frame.unit.note("expression:shape")
    bound = Term(node, INT32, f"{array.name}.shape[{axis}]", Interval(extent, extent))
    return Range([bound], Interval(0, extent - 1), extent)


# while


def while_statement(frame: Frame, fill: Simple, lines: int) -> None:
    """Emit a while loop with a counter that bounds it, often with a second condition on what it updates."""
    sink = sink_for(frame, total=True)
    counter = _counter(frame)
    limit = _limit(frame)
    most = limit.interval.high if limit.interval else 8
    test = conditions.compared(frame, "<", Term(nodes.name(counter.name), INT32, counter.name, counter.interval), limit)
    test = _with_convergence(frame, sink, test)
    # The body sees values below the limit, but Warp's backward pass repeats it with the value that comes after.
    counter.interval = Interval(0, most)
    statements = _while_body(frame, fill, lines - 3, sink, counter, most)
    frame.emit(nodes.while_(test.node, statements), test.text)
    frame.written(sink)
    frame.unit.note("statement:while")
    frame.unit.events.append("while")


def _counter(frame: Frame) -> Variable:
    """Declare `count = int(0)`, which bounds the loop.

    It is never an array's index: Warp 1.19's backward pass would use its final value, past the end of the array.
    """
    bank = ("step", "iteration", "count", "k", "it", "n_steps", "tries")
    name = names.free_name(frame.choices, bank, frame.taken)
    zero = terms.call("int", [terms.integer_literal(0)], INT32)
    frame.emit(nodes.assign(nodes.name(name), zero.node))
    return frame.declare(Variable(name, INT32, Interval(0, 0), counter=True))


def _limit(frame: Frame) -> Term:
    if frame.is_kernel and chance(frame.choices, 45):
        return access.read_variable(access.count_parameter(frame, pick(frame.choices, (4, 6, 8))))
    return terms.integer_literal(frame.choices.integer(2, 8))


def _with_convergence(frame: Frame, sink: Variable, test: Term) -> Term:
    """Add `value < limit and` before the counter's test where the sink can be compared."""
    if (
        sink.inexact
        or not is_float_type(sink.type)
        or not isinstance(sink.type, Scalar)
        or not chance(frame.choices, 50)
    ):
        return test
    value = Term(nodes.name(sink.name), sink.type, sink.name)
    limit = terms.float_literal(pick(frame.choices, ("1.0", "10.0", "100.0", "4.0")), sink.type)
    first = conditions.compared(frame, "<", value, limit)
    frame.unit.note("expression:and")
    return Term(nodes.conjunction(first.node, test.node), BOOL, f"{first.text} and {test.text}")


def _while_body(
    frame: Frame, fill: Simple, lines: int, sink: Variable, counter: Variable, most: int
) -> list[nodes.Statement]:
    """Grow the body of a while loop, in which the counter is stepped first or last."""
    outer_trips = frame.trips
    frame.trips *= max(1, most)
    frame.loop_depth += 1
    grown = body(frame, fill, max(1, lines), [sink], counter).statements
    frame.loop_depth -= 1
    frame.trips = outer_trips
    frame.unit.lines += 1
    step = nodes.augment("+", nodes.name(counter.name), nodes.integer(1))
    return [*grown, *_late_break(frame, [sink], lines), step]


def nested(
    outer: Callable[[Frame, Simple, int], None], inner: Callable[[Frame, Simple, int], None]
) -> Callable[[Frame, Simple, int], None]:
    """Return a production whose body holds another one, whatever else fills it."""

    def grow_nested(frame: Frame, fill: Simple, lines: int) -> None:
        planted = [False]

        def fill_with_inner(frame: Frame, lines: int) -> None:
            if planted[0]:
                fill(frame, lines)
                return
            planted[0] = True
            inner(frame, fill, max(2, lines))

        outer(frame, fill_with_inner, max(5, lines))

    return grow_nested
