"""Operators that bring code from another kernel: an expression, or a run of statements with what it computes.

Only what is defined whatever its variables hold moves, and its variables are bound to what the generator would read
there: a value in scope, an element of an input, a literal, a new parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from grammar import expressions as productions
from grammar import nodes, variables
from grammar.choices import Choices, chance, pick
from grammar.mutation.expressions import free_sites, grown_at, placed_at, some_sites
from grammar.mutation.growth import Growth, fresh_name
from grammar.mutation.links import is_literal, scalar_kind
from grammar.mutation.subject import Edit, Site, Subject, statements, stores_in
from grammar.mutation.totality import is_leaf, is_total, is_total_statement
from grammar.mutation.tree import Statement, children, code, name_of, names_in, small, walk
from grammar.scope import Frame
from grammar.types import Array, Struct, ValueType

MOST_LINES = 4
"""How many statements of a block move together."""

_RESULTS = ("moved", "grafted", "carried", "borrowed")


def expression(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Put an expression from another kernel, or from elsewhere in this one, in the place of one of its type."""
    giver = donor or subject
    moving = [one for one in giver.sites if _moves(giver, one)]
    types = {one.type for one in moving}
    for site in some_sites(choices, [one for one in free_sites(subject) if one.type in types]):
        fitting = [one for one in moving if one.type == site.type and not (site.exact and _is_inexact(giver, one))]
        if not fitting:
            continue
        source = pick(choices, fitting)
        growth = grown_at(subject, choices, site)
        if not _bring_functions(subject, growth, giver, [source.node]):
            continue
        node = giver.tree.rebuilt(source.node, _bound(giver, growth.frame, [source.node]))
        if code(node) != code(site.node):
            growth.frame.unit.note("mutation:splice")
            edit = placed_at(subject, growth, site, node, code(node))
            if edit is not None:
                return edit
    return None


def _moves(giver: Subject, site: Site) -> bool:
    return not is_literal(site.node) and not is_leaf(giver, site.node) and is_total(giver, site.node)


def _is_inexact(giver: Subject, site: Site) -> bool:
    return giver.demands.is_inexact(site.function.name.value, site.node)


def _leaves(giver: Subject, node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """Yield what an expression or statement reads, the largest parts that only read."""
    if isinstance(node, cst.BaseExpression) and is_leaf(giver, node):
        yield node
        return
    for child in children(node):
        if not isinstance(child, cst.AssignTarget):
            yield from _leaves(giver, child)


def _bound(
    giver: Subject, frame: Frame, roots: Sequence[cst.CSTNode], own: frozenset[str] = frozenset()
) -> list[tuple[cst.CSTNode, cst.CSTNode]]:
    """Return an exact value of the place's own for everything that some code reads, but for its `own` variables."""
    terms: dict[str, cst.BaseExpression] = {}
    changes: list[tuple[cst.CSTNode, cst.CSTNode]] = []
    for root in roots:
        for leaf in _leaves(giver, root):
            text, type_ = code(leaf), giver.types.value(leaf)
            assert type_ is not None
            if name_of(leaf) in own:
                continue
            if text not in terms:
                term = productions.leaf(frame, type_, True)
                frame.commit(term.text)
                terms[text] = term.node
            changes.append((leaf, terms[text].deep_clone()))
    return changes


def _bring_functions(subject: Subject, growth: Growth, giver: Subject, roots: Sequence[cst.CSTNode]) -> bool:
    """Define the giver's functions that some code calls; False where a name stands for something else here."""
    wanted: set[str] = set()
    waiting = [name for root in roots for name in names_in(root)]
    while waiting:
        name = waiting.pop()
        if name in giver.types.functions and name not in wanted:
            wanted.add(name)
            waiting.extend(names_in(giver.types.functions[name][0]))
    if giver is subject:
        return True
    brought = [one for one in giver.tree.functions if one.name.value in wanted]
    if any(one.name.value in subject.names for one in brought):
        return False
    growth.definitions.extend(brought)
    return True


@dataclass(frozen=True)
class Run:
    """Neighbouring statements of a function, and one of the variables that they leave a value in."""

    lines: tuple[Statement, ...]
    function: cst.FunctionDef
    variable: str
    type: ValueType


def block(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Bring a few statements from another kernel, and read what they compute in an expression's place."""
    giver = donor or subject
    runs = list(_runs(giver))
    types = {run.type for run in runs}
    sites = [one for one in free_sites(subject) if one.hoistable and one.type in types]
    for site in some_sites(choices, sites):
        fitting = [run for run in runs if run.type == site.type and not (site.exact and _is_inexact_run(giver, run))]
        if not fitting:
            continue
        run = pick(choices, fitting)
        growth = grown_at(subject, choices, site)
        if not _bring_functions(subject, growth, giver, run.lines):
            continue
        name = _emit(subject, growth, giver, run)
        growth.frame.unit.note("mutation:splice")
        node: cst.BaseExpression = nodes.name(name)
        if scalar_kind(site.type) in ("float", "wrapping") and chance(choices, 50):
            node = nodes.binary("+", site.node, node)
        edit = placed_at(subject, growth, site, node, name)
        if edit is not None:
            return edit
    return None


def _runs(giver: Subject) -> Iterator[Run]:
    """Yield the runs of statements that may move."""
    for function in giver.functions:
        known = giver.types.variables[function.name.value]
        for line in statements(function):
            siblings = giver.tree.siblings(line)
            start = next(place for place, one in enumerate(siblings) if one is line)
            for length in range(1, MOST_LINES + 1):
                lines = tuple(siblings[start : start + length])
                if len(lines) < length or not is_total_statement(giver, lines[-1]):
                    break
                for name in stores_in(lines[-1]):
                    type_ = known.get(name)
                    if type_ is not None and not isinstance(type_, Array | Struct) and _is_worthwhile(lines):
                        yield Run(lines, function, name, type_)


def _is_worthwhile(lines: Sequence[Statement]) -> bool:
    return len(lines) > 1 or small(lines[0]) is None


def _is_inexact_run(giver: Subject, run: Run) -> bool:
    name = run.function.name.value
    return any(
        giver.demands.is_inexact(name, part)
        for line in run.lines
        for part in walk(line)
        if isinstance(part, cst.Call | cst.BinaryOperation)
    )


def _emit(subject: Subject, growth: Growth, giver: Subject, run: Run) -> str:
    """Emit a run with names of its own, after what its variables begin with; return its variable's new name."""
    frame, known = growth.frame, giver.types.variables[run.function.name.value]
    renamed: dict[str, str] = {}
    for line in run.lines:
        for name in stores_in(line):
            renamed.setdefault(
                name, fresh_name(subject, frame.choices, _RESULTS, frozenset({*renamed.values(), *frame.taken}))
            )
    frame.taken.update(renamed.values())
    changes = _bound(giver, frame, run.lines, frozenset(renamed))
    for name in _begun_outside(run.lines):
        type_ = known.get(name)
        if type_ is not None and not isinstance(type_, Array | Struct):
            _begin(frame, renamed[name], type_)
    changes += [
        (part, cst.Name(renamed[part.value]))
        for line in run.lines
        for part in walk(line)
        if isinstance(part, cst.Name) and part.value in renamed and part.value not in ("True", "False")
    ]
    for line in run.lines:
        moved = giver.tree.rebuilt(line, changes).with_changes(leading_lines=[])
        frame.emit(moved, code(moved))
    return renamed[run.variable]


def _begun_outside(lines: Sequence[Statement]) -> list[str]:
    """Return the variables that a run changes, but for those that it certainly assigns to before it reads them."""
    begun: set[str] = set()
    found: dict[str, None] = {}
    for line in lines:
        one = small(line)
        counters = {name_of(part.target) for part in walk(line) if isinstance(part, cst.For)}
        assigned = name_of(one.targets[0].target) if isinstance(one, cst.Assign) else ""
        read = names_in(one.value) if isinstance(one, cst.Assign) else names_in(line)
        for name in stores_in(line):
            if name not in begun and name not in counters and (name != assigned or name in read):
                found[name] = None
        begun |= {assigned, *counters, *found}
    return list(found)


def _begin(frame: Frame, name: str, type_: ValueType) -> None:
    """Emit the first value of a variable that changes: something in scope, or the literal that a total begins at."""
    term = productions.leaf(frame, type_, True)
    if term.literal or term.text.isupper():
        term = variables.initial_literal(frame, type_)
    frame.emit(nodes.assign(nodes.target(nodes.name(name)), term.node), term.text)
