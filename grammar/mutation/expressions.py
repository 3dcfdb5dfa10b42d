"""Operators on expressions: another of its type in its place, wrapped, unwrapped, moved into a function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from grammar import access, calls, conditions, domains, literals, nodes, terms, visiting
from grammar import expressions as productions
from grammar.choices import Choices, chance, pick, pick_weighted
from grammar.mutation.growth import Growth, fresh_name, with_aliases, with_definitions
from grammar.mutation.links import Demand, is_literal
from grammar.mutation.subject import Edit, Site, Subject
from grammar.mutation.tree import Expression, bare, children, code, name_of, walk
from grammar.registry import Overload
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import BOOL, Array, Scalar, Struct, Type, ValueType

ATTEMPTS = 6
"""How many sites an operator tries before it gives up."""

_HOISTED = ("part", "helper", "evaluate", "compute", "inner", "derive", "piece", "apply_rule")
_IDENTITIES = (("where", 3), ("ternary", 3), ("min", 2), ("max", 2), ("plus", 1), ("cast", 1))
"""Ways to write a value that must not change otherwise, by weight."""


def some_sites(choices: Choices, sites: Sequence[Site]) -> Iterator[Site]:
    """Yield a few different sites."""
    left = list(sites)
    for _ in range(min(ATTEMPTS, len(left))):
        yield left.pop(choices.integer(0, len(left) - 1))


def free_sites(subject: Subject) -> list[Site]:
    """Return the sites where another value may stand, of expressions that do nothing but compute it."""
    return [one for one in subject.sites if one.demand < Demand.PINNED and subject.is_pure(one.node)]


def grown_at(subject: Subject, choices: Choices, site: Site, types: Sequence[ValueType] = ()) -> Growth:
    """Return new code before a site's statement, of the site's type and some that are in scope."""
    around = [one.type for one in subject.sites if one.line is site.line and one.type != site.type]
    extra = [pick(choices, around)] if around and chance(choices, 60) else []
    return Growth(subject, choices, site.line, site.function, [site.type, *types, *extra], site.hoistable)


def placed_at(subject: Subject, growth: Growth, site: Site, node: Expression, *texts: str) -> Edit | None:
    """Put an expression, and what has grown for it, in a site's place."""
    growth.frame.commit(*texts)
    return growth.placed(subject.tree.rebuilt(site.line, [(site.node, node)]))


def existing(subject: Subject, site: Site) -> Term:
    """Return the expression at a site as the generator sees it: an integer may be any of its type."""
    inexact = subject.demands.is_inexact(site.function.name.value, site.node)
    return Term(bare(site.node), site.type, code(bare(site.node)), terms.full_range(site.type), inexact)


def replace(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Grow another expression of its type in an expression's place."""
    for site in some_sites(choices, free_sites(subject)):
        growth = grown_at(subject, choices, site)
        term = productions.grow(growth.frame, site.type, choices.integer(0, 3), site.exact)
        if code(term.node) != code(site.node):
            edit = placed_at(subject, growth, site, term.node, term.text)
            if edit is not None:
                return edit
    return None


def change_literal(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Put another literal in a literal's place, or a new parameter."""
    sites = [one for one in free_sites(subject) if is_literal(one.node)]
    for site in some_sites(choices, sites):
        growth = grown_at(subject, choices, site)
        term = literals.literal(choices, site.type)
        if chance(choices, 40) and growth.frame.is_kernel:
            term = access.new_value_parameter(growth.frame, site.type)
        if term is not None and code(term.node) != code(site.node):
            edit = placed_at(subject, growth, site, term.node, term.text)
            if edit is not None:
                return edit
    return None


def wrap(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Make an expression an operand of an operation that gives its type; a value that is relied on stays the same."""
    sites = [one for one in subject.sites if subject.is_pure(one.node) and not is_literal(one.node)]
    for site in some_sites(choices, sites):
        growth = grown_at(subject, choices, site)
        value = existing(subject, site)
        term = (
            _same(subject, growth.frame, value)
            if site.demand is Demand.PINNED
            else _operation(growth.frame, site, value)
        )
        if term is not None:
            edit = placed_at(subject, growth, site, term.node, term.text)
            if edit is not None:
                return edit
    return None


def _operation(frame: Frame, site: Site, value: Term) -> Term | None:
    """Return an operation on a value, or a choice between it and another."""
    if chance(frame.choices, 20) or site.type == BOOL:
        return _choice(frame, site, value)
    table = [
        (overload, domains.DOMAINS[name].weight)
        for name, overloads in frame.unit.palette.calls(site.type).items()
        for overload in overloads
        if site.type in overload.types and not (site.exact and domains.is_library(name))
        if not (value.inexact and domains.needs_exact_arguments(name))
    ]
    if not table:
        return None
    overload: Overload = pick_weighted(frame.choices, table)
    place = pick(frame.choices, [place for place, type_ in enumerate(overload.types) if type_ == site.type])
    grown = 0

    def grow(frame: Frame, type_: ValueType, depth: int, exact: bool) -> Term:
        nonlocal grown
        grown += 1
        return value if grown == place + 1 else productions.grow(frame, type_, min(depth, 1), exact)

    return calls.apply(frame, grow, overload, 1, site.exact)


def _choice(frame: Frame, site: Site, value: Term) -> Term | None:
    """Return `value if condition else other`, for a condition `value and other` or the like."""
    if site.type == BOOL:
        other = conditions.comparison(frame, productions.grow, 0)
        if chance(frame.choices, 25):
            return Term(nodes.negation(value.node), BOOL, f"not {value.text}", inexact=value.inexact)
        build = nodes.conjunction if chance(frame.choices, 50) else nodes.disjunction
        return Term(build(value.node, other.node), BOOL, f"{value.text} and {other.text}")
    other = productions.grow(frame, site.type, 1, site.exact)
    condition = conditions.condition(frame, productions.grow, 0)
    if condition.inexact or other.text == value.text:
        return None
    return _either(frame, condition, value, other)


def _either(frame: Frame, condition: Term, first: Term, second: Term) -> Term:
    if chance(frame.choices, 50):
        frame.unit.note(f"builtin:where(bool, {first.type}, {first.type})")
        return terms.call("wp.where", [condition, first, second], first.type)
    frame.unit.note("expression:ternary")
    node = nodes.ternary(condition.node, first.node, second.node)
    return Term(node, first.type, f"{first.text} if {condition.text} else {second.text}")


def _same(subject: Subject, frame: Frame, value: Term) -> Term | None:
    """Return a value in a way that takes more code: chosen between itself and itself, its own minimum, converted."""
    copy = Term(value.node.deep_clone(), value.type, value.text)
    kind = pick_weighted(frame.choices, _IDENTITIES)
    is_number = isinstance(value.type, Scalar) and value.type != BOOL
    if kind in ("where", "ternary") or not is_number:
        condition = conditions.condition(frame, productions.grow, 0)
        return None if condition.inexact else _either(frame, condition, value, copy)
    assert isinstance(value.type, Scalar)
    if kind == "cast":
        return terms.call(value.type.spelling, [value], value.type)
    if kind == "plus":
        return Term(nodes.unary("+", value.node), value.type, f"+{value.text}")
    return terms.call(f"wp.{kind}", [value, copy], value.type)


def unwrap(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Put an operand of its type in an operation's place."""
    sites = [one for one in free_sites(subject) if _operands(subject, one)]
    for site in some_sites(choices, sites):
        operand = pick(choices, _operands(subject, site))
        function = site.function.name.value
        if not (site.exact and subject.demands.is_inexact(function, operand)):
            return Edit(subject.tree.replaced([(site.node, operand)]))
    return None


def _operands(subject: Subject, site: Site) -> list[Expression]:
    """Return the largest parts of an expression that have its type and are no literals."""
    found: list[Expression] = []
    waiting = list(children(site.node))
    while waiting:
        part = waiting.pop()
        if isinstance(part, Expression) and subject.types.value(part) == site.type and not is_literal(part):
            found.append(part)
        elif not isinstance(part, cst.Index):  # what is an index is of another kind, though it has the type
            waiting.extend(children(part))
    return found


def hoist(subject: Subject, choices: Choices, donor: Subject | None) -> Edit | None:
    """Move an expression into a `@wp.func` that is called in its place."""
    for site in some_sites(choices, [one for one in subject.sites if _may_be_hoisted(subject, one)]):
        types = _free_names(subject, site)
        if not types or len(types) > 8:
            continue
        name = fresh_name(subject, choices, _HOISTED)
        result = fresh_name(subject, choices, ("value", "result", "found"), frozenset(types))
        body = [nodes.return_(bare(site.node))]
        if chance(choices, 40):
            body = [nodes.assign(nodes.target(nodes.name(result)), bare(site.node)), nodes.return_(nodes.name(result))]
        function = nodes.function("wp.func", name, [(one, annotation(type_)) for one, type_ in types.items()], body)
        if chance(choices, 30):
            function = nodes.returning(function, [annotation(site.type)])
        call = nodes.call(name, [nodes.name(one) for one in types])
        module = subject.tree.replaced([(site.node, call)])
        module = with_definitions(module, site.function.name.value, [function])
        return Edit(with_aliases(module, set(visiting.names_in(function))), features=frozenset({"expression:helper"}))
    return None


def annotation(type_: Type) -> nodes.Expression:
    """Build the annotation of a type."""
    if isinstance(type_, Array):
        return nodes.call_with_keywords(type_.constructor, [("dtype", nodes.name(type_.dtype.spelling))])
    return nodes.name(type_.spelling)


def _may_be_hoisted(subject: Subject, site: Site) -> bool:
    worked_out = isinstance(site.node, cst.BinaryOperation | cst.Call | cst.Comparison | cst.IfExp | cst.Subscript)
    return worked_out and subject.is_pure(site.node) and not is_literal(site.node)


def _free_names(subject: Subject, site: Site) -> dict[str, Type] | None:
    """Return the variables that an expression reads with their types, None where one of them is not known."""
    known = subject.types.variables[site.function.name.value]
    found: dict[str, Type] = {}
    for part in walk(site.node):
        name = name_of(part)
        if not name or name in ("wp", "True", "False") or (name in subject.types.constants and name not in known):
            continue
        type_ = known.get(name)
        if type_ is None or (isinstance(type_, Array) and isinstance(type_.dtype, Struct)):
            return None
        found[name] = type_
    return found
