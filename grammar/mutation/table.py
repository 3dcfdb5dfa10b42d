"""The table of operators on trees, and making a mutant with one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import libcst as cst

from grammar.choices import Choices, pick_weighted
from grammar.mutation import expressions, retype, splice, statements
from grammar.mutation.finish import finished
from grammar.mutation.parent import Mutant, Parent
from grammar.mutation.subject import Edit, Subject
from grammar.mutation.tree import Tree

Operator = Callable[[Subject, Choices, Subject | None], Edit | None]
"""Edits a subject, perhaps with something from a donor; None where a few attempts found nothing."""

OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        "expression replaced": expressions.replace,
        "literal changed": expressions.change_literal,
        "expression wrapped": expressions.wrap,
        "expression unwrapped": expressions.unwrap,
        "expression hoisted": expressions.hoist,
        "expression spliced": splice.expression,
        "statements spliced": splice.block,
        "statements grown": statements.grow,
        "statement duplicated": statements.duplicate,
        "statement deleted": statements.delete,
        "statements exchanged": statements.exchange,
        "statement wrapped": statements.wrap,
        "statement unwrapped": statements.unwrap,
        "float retyped": retype.change_float,
        "vector lengthened": retype.change_length,
    }
)
"""By the name that a mutant's origin has."""

ATTEMPTS = 4
"""How many operators, or times the same one, are tried for a mutant."""


def mutate(
    parent: Parent, choices: Choices, donor: Parent | None = None, operators: Sequence[str] = ()
) -> Mutant | None:
    """Return a new kernel made from a parent by one of the operators, of all without any; None if attempts fail.

    The parent's source is accepted by the recogniser. `donor` is another kernel, of which parts may go into the new
    one. Raises KeyError for an operator that is none, and libcst.ParserSyntaxError for a source that is not Python.
    """
    subject = read(parent)
    giver = None if donor is None else read(donor)
    names = list(operators or OPERATORS)
    for _ in range(ATTEMPTS):
        if not names:
            break
        name = pick_weighted(choices, [(name, 1.0) for name in names])
        edit = OPERATORS[name](subject, choices, giver)
        kernel = None if edit is None else finished(subject, edit)
        if kernel is not None:
            return Mutant(kernel, name)
        if edit is None:
            names.remove(name)
    return None


def read(parent: Parent) -> Subject:
    """Return a parent's tree with what is known of it; raises libcst.ParserSyntaxError for what is not Python."""
    return Subject(parent, Tree(cst.parse_module(parent.source)))
