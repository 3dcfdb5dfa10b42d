"""Operators on statements: grown anew, duplicated, deleted, exchanged, put into a branch or loop, taken out of one.

What may not run, or run more than once, assigns only to variables that have a value already and that nothing relies on.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import libcst as cst

from grammar import conditions, focus, nodes, outputs
from grammar import expressions as productions
from grammar import statements as mixes
from grammar.choices import Choices, chance, pick, pick_weighted
from grammar.mutation.expressions import ATTEMPTS
from grammar.mutation.growth import Growth, fresh_name
from grammar.mutation.links import Demand
from grammar.mutation.subject import Edit, Subject, statements, stores_in
from grammar.mutation.totality import is_total_statement
from grammar.mutation.tree import (
    Statement,
    base_of,
    block_of,
    children,
    code,
    name_of,
    names_in,
    small,
    walk,
    warp_name,
)
from grammar.types import INT32, Array, Struct, ValueType

T = TypeVar("T")

_TRIPS = ((2, 5), (3, 3), (1, 1), (4, 1))
_COUNTERS = ("trip", "turn", "pass_index", "repeat")
_LINES = ((1, 4), (2, 3), (3, 2), (6, 1))
"""How many lines of new code there are, by weight."""


def lines_of(subject: Subject) -> list[tuple[Statement, cst.FunctionDef]]:
    """Return the statements that may be edited, each with its function."""
    return [(line, function) for function in subject.functions for line in statements(function)]


def grow(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Grow a few statements in the kernel, with stores of what they compute."""
    first = _first_line(subject)
    lines = [line for line, function in lines_of(subject) if function is subject.kernel and line is not first]
    for line in _some(choices, lines):
        types = [type_ for type_ in _types_around(subject, line) if not isinstance(type_, Struct)]
        aims = focus.choose(choices, subject.parent.category) if chance(choices, 40) else ()
        main = [pick(choices, types)] if types else []
        wanted = [type_ for aim in aims for type_ in aim.types]
        growth = Growth(subject, choices, line, subject.kernel, [*main, *wanted])
        if not growth.frame.is_kernel:
            continue
        for aim in aims:
            focus.emit(growth.frame, aim)
        mixes.fill(growth.frame, pick_weighted(choices, _LINES))
        outputs.finish(growth.frame)
        edit = growth.placed(None)
        if edit is not None:
            return edit
    return None


def _first_line(subject: Subject) -> Statement | None:
    """Return the docstring, which stays the first statement."""
    body = block_of(subject.kernel)
    one = small(body[0]) if body else None
    return body[0] if isinstance(one, cst.Expr) and isinstance(one.value, cst.SimpleString) else None


def _types_around(subject: Subject, line: Statement) -> list[ValueType]:
    return list(dict.fromkeys(one.type for one in subject.visible(line, subject.kernel)))


def _some(choices: Choices, lines: Sequence[Statement]) -> Iterator[Statement]:
    return itertools.islice(_shuffled(choices, lines), ATTEMPTS)


def _shuffled(choices: Choices, items: Sequence[T]) -> Iterator[T]:
    """Yield the items in an order that is drawn as far as it is asked for."""
    left = list(items)
    while left:
        yield left.pop(choices.integer(0, len(left) - 1))


Rule = Callable[[Subject, Statement, cst.FunctionDef], bool]


def _one(
    subject: Subject, choices: Choices, rule: Rule, where: Callable[[Statement], bool] = lambda line: True
) -> tuple[Statement, cst.FunctionDef] | None:
    """Return a statement that a rule allows with its function, None if there is none; the rule is asked in turn."""
    lines = [(line, function) for line, function in lines_of(subject) if where(line)]
    return next((one for one in _shuffled(choices, lines) if rule(subject, *one)), None)


# what may be left out or done twice


def may_be_skipped(subject: Subject, line: Statement, function: cst.FunctionDef) -> bool:
    """Whether a statement may as well not run: nothing relies on what it assigns, and all that has a value before."""
    if not _stays_inside(line):
        return False
    visible, own = {one.name for one in subject.visible(line, function)}, _own_names(line, function)
    return all(
        _is_loose(subject, part, function, visible, own)
        for part in walk(line)
        if isinstance(part, cst.BaseSmallStatement)
    )


def _own_names(line: Statement, function: cst.FunctionDef) -> set[str]:
    """Return the variables that a statement assigns to and that nothing outside of it mentions."""
    inside, everywhere = (Counter(map(name_of, walk(node))) for node in (line, function))
    parameters = {one.name.value for one in function.params.params}
    return {name for name in stores_in(line) if inside[name] == everywhere[name]} - parameters


def may_be_repeated(subject: Subject, line: Statement, function: cst.FunctionDef) -> bool:
    """Whether a statement may run several times in a row: as for one that may be skipped, and it stores nothing."""
    stores = [part for part in walk(line) if isinstance(part, cst.Assign)]
    whole = all(isinstance(part.targets[0].target, cst.Name) for part in stores)
    atomics = any(isinstance(part, cst.Expr) for part in walk(line))
    return whole and not atomics and may_be_skipped(subject, line, function)


def _is_loose(
    subject: Subject, one: cst.BaseSmallStatement, function: cst.FunctionDef, visible: set[str], own: set[str]
) -> bool:
    """Whether an assignment only changes what nothing relies on, or the statement's own variables."""
    name = function.name.value
    targets = [one.targets[0].target] if isinstance(one, cst.Assign) else [getattr(one, "target", one)]
    if isinstance(one, cst.Assign | cst.AugAssign) and name_of(targets[0]) in own:
        return subject.is_pure(one.value)
    if isinstance(one, cst.Assign) and len(one.targets) == 1:
        target = one.targets[0].target
        if not subject.is_pure(one.value) or isinstance(target, cst.Tuple):
            return False
        return _is_loose_target(subject, target, name, visible)
    if isinstance(one, cst.AugAssign):
        return subject.is_pure(one.value) and _is_loose_target(subject, one.target, name, visible)
    if isinstance(one, cst.Expr) and isinstance(one.value, cst.Call):
        arguments = one.value.args
        return warp_name(one.value.func).startswith("atomic_") and all(subject.is_pure(arg.value) for arg in arguments)
    return isinstance(one, cst.Pass | cst.Break | cst.Continue)


def _is_loose_target(subject: Subject, target: cst.CSTNode, function: str, visible: set[str]) -> bool:
    base = name_of(base_of(target))
    held = subject.types.variables[function].get(base)
    if held is None or isinstance(held, Struct) or subject.demands.on_variable(function, base) is Demand.PINNED:
        return False
    return isinstance(held, Array) or base in visible


def _stays_inside(line: Statement) -> bool:
    """Whether a statement ends where it stands: it returns nothing, and leaves no loop around it."""
    return not any(isinstance(part, cst.Return | cst.Assert) for part in walk(line)) and not _leaves_loop(line)


def _leaves_loop(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Break | cst.Continue):
        return True
    return not isinstance(node, cst.For | cst.While) and any(map(_leaves_loop, children(node)))


# operators


def duplicate(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Repeat an assignment right behind itself."""
    found = _one(subject, choices, may_be_repeated, _changes_something)
    if found is None:
        return None
    line = found[0]
    return Edit(subject.tree.replaced([(line, [line, line.with_changes(leading_lines=[])])]))


def _changes_something(line: Statement) -> bool:
    """Whether an assignment would give another value when it is made again."""
    one = small(line)
    if isinstance(one, cst.Assign):
        return name_of(one.targets[0].target) in names_in(one.value)
    return isinstance(one, cst.AugAssign)


def delete(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Delete a statement that may be skipped, but no kernel's only store."""
    stores = _outputs(subject.kernel)
    found = _one(subject, choices, may_be_skipped, lambda line: bool(stores - _outputs(line)) or not _outputs(line))
    return None if found is None else Edit(subject.tree.replaced([(found[0], [])]))


def _outputs(node: cst.CSTNode) -> set[int]:
    """Return the identities of the statements in a node that leave something behind in memory."""
    found = set()
    for part in walk(node):
        targets = part.targets if isinstance(part, cst.Assign) else ()
        if (
            any(isinstance(one.target, cst.Subscript) for one in targets)
            or isinstance(part, cst.Expr)
            or (isinstance(part, cst.AugAssign) and isinstance(part.target, cst.Subscript))
        ):
            found.add(id(part))
    return found


def exchange(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Exchange neighbouring statements that do not depend on each other."""
    found = [
        (line, following)
        for first, function in lines_of(subject)
        for line, following in itertools.pairwise(subject.tree.siblings(first))
        if line is first and _independent(subject, line, following, function)
    ]
    if not found:
        return None
    line, following = pick(choices, found)
    return Edit(subject.tree.replaced([(line, following), (following, line)]))


def _independent(subject: Subject, first: Statement, second: Statement, function: cst.FunctionDef) -> bool:
    """Whether two assignments to variables, which nothing assigns to again, may stand in either order.

    What loops carry over keeps its order: Warp carries it over in the order of the first assignments, which is wrong
    for some (`grammar.refused_forms.WRONG`).
    """
    stores = subject.stores[function.name.value]
    names = []
    for statement in (first, second):
        one = small(statement)
        if not isinstance(one, cst.Assign) or not subject.is_pure(one.value):
            return False
        name = name_of(one.targets[0].target)
        if not name or stores.get(name) != 1 or "wp.tid" in code(one.value):
            return False
        names.append(name)
    return names[0] not in names_in(second) and names[1] not in names_in(first)


def wrap(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Put a statement into a branch, or into a loop of a few trips."""
    into_loop = chance(choices, 40)
    found = _one(subject, choices, may_be_repeated if into_loop else may_be_skipped)
    if found is None:
        return None
    line, function = found
    if into_loop:
        counter = fresh_name(subject, choices, _COUNTERS)
        trips = nodes.integer(pick_weighted(choices, _TRIPS))
        loop = nodes.for_range(counter, [trips], [line.with_changes(leading_lines=[])])
        return Edit(subject.tree.replaced([(line, loop)]), features=frozenset({"statement:for"}))
    types = [one.type for one in subject.sites if one.function is function and not isinstance(one.type, Struct)]
    growth = Growth(subject, choices, line, function, [pick(choices, types)] if types else [])
    condition = conditions.condition(growth.frame, productions.grow, 1)
    if condition.inexact:
        return None
    growth.frame.commit(condition.text)
    growth.frame.unit.note("statement:if")
    return growth.placed(nodes.if_chain([(condition.node, [line.with_changes(leading_lines=[])])]))


def unwrap(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Put the body of a branch in its place, or that of a loop, once, or let the loop run less often."""
    found = _one(subject, choices, may_be_skipped, lambda line: _may_be_unwrapped(subject, line))
    if found is None:
        return None
    line = found[0]
    if isinstance(line, cst.If):
        return Edit(subject.tree.replaced([(line, list(pick(choices, _branches(line))))]))
    assert isinstance(line, cst.For)
    return _fewer_trips(subject, choices, line)


def _may_be_unwrapped(subject: Subject, line: Statement) -> bool:
    return (isinstance(line, cst.If) and _needs_no_test(subject, line)) or (
        isinstance(line, cst.For) and _counts_up(line)
    )


def _needs_no_test(subject: Subject, line: cst.If) -> bool:
    """Whether the branches are defined whatever the test says."""
    total = all(is_total_statement(subject, one) for branch in _branches(line) for one in branch)
    reads = any(
        isinstance(part, cst.Subscript) and isinstance(subject.types.of(part.value), Array) for part in walk(line)
    )
    return (total and not reads) or subject.demands.of(line.test) < Demand.PINNED


def _counts_up(line: cst.For) -> bool:
    """Whether a loop runs from 0 to a bound."""
    call = line.iter
    return isinstance(call, cst.Call) and name_of(call.func) == "range" and len(call.args) == 1 and line.orelse is None


def _fewer_trips(subject: Subject, choices: Choices, line: cst.For) -> Edit | None:
    """Return the module in which a loop has fewer trips, or where it certainly has one, that trip alone."""
    assert isinstance(line.iter, cst.Call)
    bound = line.iter.args[0].value
    trips = int(bound.value, 0) if isinstance(bound, cst.Integer) else 0
    if trips > 1 and chance(choices, 50):
        return Edit(subject.tree.replaced([(bound, nodes.integer(choices.integer(1, trips - 1)))]))
    if trips > 0 and _stands_without_loop(subject, line):
        zeros = [(part, cst.Integer("0")) for part in walk(line.body) if name_of(part) == name_of(line.target)]
        return Edit(subject.tree.replaced([(line, list(subject.tree.rebuilt(line.body, zeros).body))]))
    if trips == 0 and subject.types.of(bound) == INT32:
        fewer = nodes.call("wp.min", [bound, nodes.integer(choices.integer(1, 4))])
        return Edit(subject.tree.replaced([(bound, fewer)]))
    return None


def _stands_without_loop(subject: Subject, line: cst.For) -> bool:
    """Whether a loop's body may stand where the loop does: it leaves no loop, and the index is its own."""
    counter = name_of(line.target)
    mentions = [sum(name_of(part) == counter for part in walk(node)) for node in (subject.tree.function_of(line), line)]
    own = mentions[0] == mentions[1] and not stores_in(line.body).get(counter)
    return own and not any(map(_leaves_loop, block_of(line)))


def _branches(line: cst.If) -> list[Sequence[Statement]]:
    found = [block_of(line)]
    if isinstance(line.orelse, cst.Else):
        found.append(block_of(line.orelse))
    return found
