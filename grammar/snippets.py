"""Snippets: statements written as Python text with holes, for productions whose shape is that of a known program.

    snippets.emit(frame, "{total} += {weight} * {values}[{j}]", total=sum, weight=term, values=array, j=index)

A hole takes a name, a variable, an array, a number, a grown `Term`, or grown statements (on a line of its own). A term
is put in parentheses where the text around it binds tighter.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import libcst as cst

from grammar import nodes
from grammar.scope import ArrayParameter, Frame, Variable
from grammar.terms import Term

Hole = str | int | Variable | ArrayParameter | Term | Sequence[nodes.Statement]

_HOLE = re.compile(r"\{(\w+)\}")
_BODY = re.compile(r"^( *)\{(\w+)\}$", re.MULTILINE)
_ATOMS = (cst.Name, cst.Call, cst.Attribute, cst.Subscript, cst.Integer, cst.Float)
_EMPTY = cst.Module([])


def emit(frame: Frame, text: str, **holes: Hole) -> None:
    """Append the text's statements, its holes filled, to the innermost block."""
    for statement in statements(frame, text, **holes):
        frame.emit(statement)


def statements(frame: Frame, text: str, **holes: Hole) -> list[nodes.Statement]:
    """Return the text's statements, its holes filled; the names in them count as read."""
    filled = filled_in(text, **holes)
    frame.commit(filled)
    return parsed(filled)


def parsed(text: str) -> list[nodes.Statement]:
    """Return the statements of a text without holes."""
    return list(cst.parse_module(text).body)


def filled_in(text: str, **holes: Hole) -> str:
    """Return the text with its holes filled, its common indentation removed; raises KeyError for an unknown hole."""
    text = textwrap.dedent(text).strip("\n") + "\n"

    def block(match: re.Match[str]) -> str:
        value = holes[match[2]]
        if isinstance(value, (str, int, Variable, ArrayParameter, Term)):
            return match[0]
        return textwrap.indent("".join(map(_EMPTY.code_for_node, value)).strip("\n"), match[1])

    def word(match: re.Match[str]) -> str:
        value = holes[match[1]]
        if isinstance(value, Term):
            return _term(value, match.string[: match.start()], match.string[match.end() :])
        return value.name if isinstance(value, (Variable, ArrayParameter)) else str(value)

    return _HOLE.sub(word, _BODY.sub(block, text))


def _term(term: Term, before: str, after: str) -> str:
    """Return a term's source, in parentheses unless it stands alone between brackets, commas, `=` and line ends."""
    code = _EMPTY.code_for_node(term.node)
    node = term.node
    if isinstance(node, _ATOMS) or node.lpar:
        return code
    alone = re.search(r"([(\[,]|(?<![=!<>])=|\breturn)\s*$", before) and re.match(r"\s*([)\],\n]|$)", after)
    return code if alone else f"({code})"
