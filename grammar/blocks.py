"""Statements with a body: if chains, for and while loops, and the runs of statements in them.

Whatever a body declares is read before it ends, by the update of a variable that lives on outside: its sink.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grammar import access, binding, conditions, exits, expressions, literals, names, nodes, terms, variables
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.ranges import Range, choose_range
from grammar.scope import Block, Frame, Variable
from grammar.terms import Term
from grammar.types import BOOL, INT32, Matrix, Scalar, ValueType, is_float_type, is_integer_type

Simple = Callable[[Frame, int], None]
"""What fills a body with statements, given how many lines it may take."""


def sink_for(frame: Frame, total: bool) -> Variable:
    """Return a variable for a body to update: one in scope, or a new one."""
    found = [v for v in variables.assignable(frame) if not (frame.exact_only and v.inexact)]
    if found and chance(frame.choices, 50 if total else 65):
        return pick(frame.choices, found)
    type_ = pick_weighted(frame.choices, frame.unit.palette.main)
    if chance(frame.choices, 6):
        type_ = BOOL
    if isinstance(type_, Matrix) and is_integer_type(type_):  # No operator brings anything else into it.
        type_ = frame.unit.palette.scalar
    return variables.declare_mutable(frame, type_, total)


def body(
    frame: Frame, fill: Simple, lines: int, sinks: Sequence[Variable], extra: Variable | None = None, kind: str = ""
) -> Block:
    """Grow a body of about so many lines that ends with an update of each sink; `extra` is a loop's index."""
    block = Block(kind=kind)
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
    grown = [(test.node, body(frame, fill, _varied(frame, each), [sink], kind="branch").statements) for test in tests]
    otherwise = body(frame, fill, _varied(frame, each), [sink], kind="branch").statements if has_else else []
    frame.emit(nodes.if_chain(grown, otherwise), *(test.text for test in tests))
    frame.unit.note(f"statement:if({branches})")
    frame.unit.events.append("branch" if branches < 3 else "cases")
    frame.written(sink)


def assign_in_branches(frame: Frame) -> None:
    """Emit an if with an else, each branch of which assigns a variable that is not there before."""
    type_ = pick_weighted(frame.choices, frame.unit.palette.main)
    name = names.free_name(frame.choices, names.LOCALS[names.kind_of(type_)], frame.taken)
    frame.taken.add(name)
    tests = _tests(frame, pick_weighted(frame.choices, ((1, 5), (2, 2), (3, 1))))
    grown = [_assigning_branch(frame, name, type_) for _ in range(len(tests) + 1)]
    *chosen, (otherwise, _) = grown
    branches = [(test.node, statements) for test, (statements, _) in zip(tests, chosen, strict=True)]
    frame.emit(nodes.if_chain(branches, otherwise), *(test.text for test in tests))
    values = [value for _, value in grown]
    interval = expressions.hull(values) if is_integer_type(type_) else None
    inexact = any(term.inexact for term in (*values, *tests))
    frame.declare(Variable(name, type_, interval, interval, inexact))
    frame.unit.note(f"statement:assign in branches({len(tests) + 1})")
    frame.unit.events.append("branch" if len(tests) < 2 else "cases")


def _assigning_branch(frame: Frame, name: str, type_: ValueType) -> tuple[list[nodes.Statement], Term]:
    """Grow a branch that ends with the variable's assignment; what it declares, that reads."""
    frame.blocks.append(Block(kind="branch"))
    value = expressions.grow(frame, type_, 1)
    left = frame.unread(1)
    if left:
        value = expressions.consuming(frame, type_, left, frame.exact_only, 0)
    if value.literal:
        value = access.new_value_parameter(frame, type_)
    frame.emit(nodes.assign(nodes.name(name), value.node), value.text)
    return frame.blocks.pop().statements, value


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
    found = choose_range(frame)
    keeps_index = found.unrolls and chance(frame.choices, 12)
    name = _index_name(frame, found, keeps_index)
    index = Variable(name, INT32, found.interval, index=True)
    frame.loops.append("unrolled for" if keeps_index else "for")
    statements = _loop_body(frame, fill, lines - 1, sinks, index, found)
    frame.loops.pop()
    frame.emit(found.loop(name, statements), *(bound.text for bound in found.bounds))
    frame.unit.note(f"statement:for {found.form}")
    frame.unit.events.append("loop" if frame.loop_depth == 0 else "nested loop")
    if keeps_index and chance(frame.choices, 60):
        _read_after(frame, sinks[0], name, found)


def _read_after(frame: Frame, sink: Variable, name: str, over: Range) -> None:
    """Emit an update that reads a loop's index after the loop, which Warp has unrolled.

    After a dynamic loop Warp 1.19's backward pass has nothing in the index (`refused_forms`).
    """
    last = Variable(name, INT32, over.interval)
    variables.update(frame, sink, [last])
    if not last.unread:
        frame.unit.note("statement:index after loop")


def _index_name(frame: Frame, over: Range, keeps_index: bool) -> str:
    """Choose a loop index's name: that of an earlier loop which has ended, or now and then of one around it.

    Only an unrolled loop takes over the index of one around it, and within the other's values: Warp 1.19's backward
    pass reads the elements of the outer loop with what the inner one left in the index.
    """
    around = [v for v in frame.indices() if v not in frame.threads]
    hidden = [v for v in around if keeps_index and v.interval is not None and over.interval.within(v.interval)]
    if hidden and chance(frame.choices, 50):
        frame.unit.note("statement:index hidden")
        return pick(frame.choices, hidden).name
    open_names = {variable.name for variable in frame.indices()}
    ended = sorted(frame.loop_names - open_names)
    if ended and chance(frame.choices, 60):
        return pick(frame.choices, ended)
    return names.free_name(frame.choices, names.LOOP_INDICES[:4], frame.taken)


def _loop_body(
    frame: Frame, fill: Simple, lines: int, sinks: Sequence[Variable], index: Variable, over: Range
) -> list[nodes.Statement]:
    """Grow the body of a for loop, in which the index is visible and statements run as often as the range says."""
    frame.blocks.append(Block(kind="for"))
    outer_trips, outer_unrolled = frame.trips, frame.unrolled
    frame.trips *= max(1, over.trips)
    frame.unrolled *= max(1, over.trips) if over.constant else 1
    frame.loop_depth += 1
    frame.block.variables.append(index)
    frame.taken.add(index.name)
    frame.loop_names.add(index.name)
    early = exits.early_continue(frame, lines)
    grown = body(frame, fill, lines - len(early), sinks, index).statements
    late = exits.late_break(frame, sinks, lines)
    emitted = frame.block.statements
    frame.loop_depth -= 1
    frame.trips, frame.unrolled = outer_trips, outer_unrolled
    frame.blocks.pop()
    for sink in sinks:
        frame.written(sink)
    return [*emitted, *early, *grown, *late]


# while


def while_statement(frame: Frame, fill: Simple, lines: int) -> None:
    """Emit a while loop with a counter that bounds it, often with a second condition on what it updates."""
    sink = sink_for(frame, total=True)
    counter = _counter(frame)
    limit = _limit(frame)
    most = limit.interval.high if limit.interval else 8
    value = Term(nodes.name(counter.name), INT32, counter.name, counter.interval)
    endless = chance(frame.choices, 12)
    if endless:
        test = conditions.compared(frame, ">=", value, limit)
    else:
        test = _with_convergence(frame, sink, value, _bounded(frame, value, limit))
    # The body sees values below the limit, but Warp's backward pass repeats it with the value that comes after.
    counter.interval = Interval(0, max(1, most))
    stepped_first = chance(frame.choices, 20)
    statements = _while_body(frame, fill, lines - 3, sink, counter, most, stepped_first)
    if endless:
        leaving = nodes.if_chain([(test.node, [nodes.break_()])])
        # A `continue` after the step must not skip the way out.
        at_start = stepped_first or chance(frame.choices, 50)
        statements = [leaving, *statements] if at_start else [*statements, leaving]
        frame.unit.lines += 2
        frame.unit.note("statement:while True")
    frame.emit(nodes.while_(nodes.boolean(True) if endless else test.node, statements), test.text)
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
    high = 8 if frame.trips <= 16 else 3
    if frame.is_kernel and high == 8 and chance(frame.choices, 45):
        return access.read_variable(access.count_parameter(frame, pick(frame.choices, (4, 6, 8))))
    return terms.integer_literal(frame.choices.integer(2, high))


def _bounded(frame: Frame, counter: Term, limit: Term) -> Term:
    """Return `count < limit`, seldom as the chain `0 <= count < limit`."""
    test = conditions.compared(frame, "<", counter, limit)
    if not chance(frame.choices, 6):
        return test
    frame.unit.note("expression:chain")
    node = nodes.chain(nodes.integer(0), [("<=", counter.node.deep_clone()), ("<", limit.node.deep_clone())])
    return Term(node, BOOL, f"0 <= {test.text}")


def _with_convergence(frame: Frame, sink: Variable, counter: Term, test: Term) -> Term:
    """Add `value < limit and` before the counter's test where the sink can be compared, or `(… or count < 2) and`."""
    comparable = is_float_type(sink.type) and isinstance(sink.type, Scalar) and not sink.inexact
    if not comparable or not chance(frame.choices, 50):
        return test
    assert isinstance(sink.type, Scalar)
    value = Term(nodes.name(sink.name), sink.type, sink.name)
    limit = terms.float_literal(pick(frame.choices, ("1.0", "10.0", "100.0", "4.0")), sink.type)
    first = conditions.compared(frame, "<", value, limit)
    match frame.choices.weighted((70, 15, 15)):
        case 1:
            first = Term(nodes.negation(first.node), BOOL, f"not {first.text}")
            frame.unit.note("expression:not")
        case 2:
            early = conditions.compared(frame, "<", _again(counter), terms.integer_literal(2))
            first = Term(nodes.disjunction(first.node, early.node), BOOL, f"({first.text} or {early.text})")
            frame.unit.note("expression:or")
    frame.unit.note("expression:and")
    return Term(nodes.conjunction(first.node, test.node), BOOL, f"{first.text} and {test.text}")


def _again(term: Term) -> Term:
    """Return a term with a tree of its own, for a second use."""
    return Term(term.node.deep_clone(), term.type, term.text, term.interval, term.inexact)


def _while_body(
    frame: Frame, fill: Simple, lines: int, sink: Variable, counter: Variable, most: int, stepped_first: bool
) -> list[nodes.Statement]:
    """Grow the body of a while loop, in which the counter is stepped first or last."""
    outer_trips = frame.trips
    frame.trips *= max(1, most)
    frame.loop_depth += 1
    frame.loops.append("stepped while" if stepped_first else "while")
    grown = body(frame, fill, max(1, lines), [sink], counter, kind="while").statements
    late = exits.late_break(frame, [sink], lines)
    frame.loops.pop()
    frame.loop_depth -= 1
    frame.trips = outer_trips
    frame.unit.lines += 1
    step = nodes.augment("+", nodes.name(counter.name), nodes.integer(1))
    return [step, *grown, *late] if stepped_first else [*grown, *late, step]


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
