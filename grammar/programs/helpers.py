"""The functions and structs of a program: `@wp.func`s made of text, often with a random term of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grammar import expressions, guards, names, nodes, terms
from grammar.programs.page import Page
from grammar.programs.roles import ROLES
from grammar.scope import Frame, Helper
from grammar.terms import Term
from grammar.types import Struct, Type, ValueType

_TARGET = re.compile(r"^\s*\{(\w+)\} =", re.MULTILINE)

MOST_HELPERS = 3


def formula(page: Page, role: str, text: str, operands: Sequence[str], inexact: bool = False) -> Term:
    """Return a scalar formula of the roles of `operands`: in place, or as a call of a function made for it.

    The function may have a random term of its own, in which it uses the same parameters.
    """
    if len(page.frame.unit.helpers) >= MOST_HELPERS or page.chance(45):
        term = page.expression(text, page.scalar)
    else:
        parameters = [(operand, page.scalar) for operand in operands]
        term = call(page, function(page, role, parameters, text, page.scalar, inexact), operands)
    return Term(term.node, term.type, term.text, None, term.inexact or inexact)


def function(
    page: Page,
    role: str,
    parameters: Sequence[tuple[str, ValueType]],
    result: str,
    type_: ValueType,
    inexact: bool = False,
    before: str = "",
    spice: float = 35,
) -> Helper:
    """Define a function of these parameters that runs the text `before` and returns `result`.

    In `spice` of 100 cases it joins the result with a random term.
    """
    inner = Frame(page.frame.unit, is_kernel=False)
    inner.taken |= inner.unit.module_names
    inner.exact_only = not inexact
    own = Page(inner, 0)
    own.scalar, own.end = page.scalar, page.end
    own.roles.update({key: hole for key, hole in page.roles.items() if isinstance(hole, str)})
    for parameter, parameter_type in parameters:
        own.value(parameter, parameter_type, terms.full_range(parameter_type))
    inner.max_parameters = 0
    for target in dict.fromkeys(_TARGET.findall(before)):
        own.roles[target] = own.new_name(target)
    with inner.unit.growing_in(inner):
        if before:
            own.emit(before)
        if not (page.chance(spice) and _return_spiced(own, result, type_)):
            own.emit(f"return {result}")
    grown = [value for value in inner.values[len(parameters) :] if value.name in inner.mentioned]
    inner.values = [*inner.values[: len(parameters)], *grown]
    return _finished(page, inner, role, type_, inexact)


def _return_spiced(page: Page, result: str, type_: ValueType) -> bool:
    """Return the result joined with a random term, as a function does; False when none works out."""
    base = page.expression(result, type_)
    extra = expressions.grow(page.frame, type_, 1, True)
    if extra.literal or not page.frame.names_in(extra.text):
        return False
    joined = expressions.combined(page.frame, base, extra)
    if joined is None:
        return False
    page.frame.emit(nodes.return_(joined.node), joined.text)
    return True


def _finished(page: Page, inner: Frame, role: str, type_: ValueType, inexact: bool) -> Helper:
    """Add the function to the module, under a name that the kernel does not use."""
    unit = page.frame.unit
    name = names.free_name(page.choices, ROLES.get(role, (role,)), unit.taken | page.frame.taken)
    unit.taken.add(name)
    unit.close(inner.taken)
    page.frame.taken.add(name)
    values = tuple(inner.values)
    signature = [(value.name, unit.annotation(value.type)) for value in values]
    node = nodes.function("wp.func", name, signature, inner.block.statements)
    helper = Helper(name, values, (type_,), (None,), inexact, frozenset(inner.mentioned), node)
    unit.helpers.append(helper)
    unit.lines += 2
    unit.note("expression:helper")
    return helper


def call(page: Page, helper: Helper, operands: Sequence[str]) -> Term:
    """Call a function with roles for its first arguments; what it takes besides is grown."""
    arguments = [
        page.expression(f"{{{operand}}}", parameter.type)
        for operand, parameter in zip(operands, helper.parameters, strict=False)
    ]
    for parameter in helper.parameters[len(arguments) :]:
        argument = page.grown(parameter.type, 1, exact=True)
        if parameter.interval is not None:
            argument = guards.fitted(page.choices, argument, parameter.interval)
        arguments.append(argument)
    page.frame.unit.events.append("helper")
    term = terms.call(helper.name, arguments, helper.results[0])
    return Term(term.node, term.type, term.text, None, term.inexact or helper.inexact)


def struct(page: Page, role: str, fields: Sequence[tuple[str, Type]]) -> Struct:
    """Define a struct of these fields."""
    unit = page.frame.unit
    name = names.free_name(page.choices, ROLES.get(role, (role,)), unit.taken)
    unit.taken.add(name)
    made = Struct(name, tuple(fields))
    unit.structs.append(made)
    unit.note(f"type:{made}")
    unit.lines += 2 + len(fields)
    page.roles[role] = name
    return made
