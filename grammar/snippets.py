"""Snippets: statements written as Python text with holes, for productions whose shape is that of a known program.

    snippets.emit(frame, "{total} += {weight} * {values}[{j}]", total=sum, weight=term, values=array, j=index)

A hole takes a name, a variable, an array, a number, a grown `Term`, or grown statements (on a line of its own). A term
is put in parentheses where the text around it binds tighter.
"""

from __future__ import annotations

import ast
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
            return _term(value)
        return value.name if isinstance(value, (Variable, ArrayParameter)) else str(value)

    return "\n".join(map(_parenthesised, _HOLE.sub(word, _BODY.sub(block, text)).split("\n")))


_OPEN, _CLOSE = "\x01", "\x02"
"""Where a term begins and ends that may need parentheses."""


def _term(term: Term) -> str:
    code = _EMPTY.code_for_node(term.node)
    return code if isinstance(term.node, _ATOMS) or term.node.lpar else f"{_OPEN}{code}{_CLOSE}"


def _parenthesised(line: str) -> str:
    """Put a line's terms in parentheses where without them it would mean something else."""
    while _OPEN in line:
        before, _, rest = line.rpartition(_OPEN)
        code, _, after = rest.partition(_CLOSE)
        bare, kept = before + code + after, f"{before}({code}){after}"
        line = bare if _meaning(bare) == _meaning(kept) else kept
    return line


def _meaning(line: str) -> str:
    """Return the syntax tree of a line as text; the head of a block gets a body."""
    text = line.replace(_OPEN, "(").replace(_CLOSE, ")").strip().removeprefix("el")
    try:
        return ast.dump(ast.parse(f"{text} pass" if text.endswith(":") else text))
    except SyntaxError:  # part of a statement of several lines
        return line
