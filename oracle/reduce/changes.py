"""Changes to a source: in the place of a node comes nothing, a part of it, or a text; several are made at once.

A node is told by its number in the order of `ast.walk`, so that changes which were found one by one can be joined.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from oracle.peers.rewrites.program import Program
from oracle.reduce.cleaning import clean, unneeded


@dataclass(frozen=True, order=True)
class Change:
    """What comes in the place of the node with the number `place`.

    With `block` (`body` or `orelse`) the statements of that block, `text` before them; with `operand` the node of that
    number, which is a part of it; else what `text` says, which may be nothing.
    """

    place: int
    block: str = ""
    operand: int = -1
    text: str = ""


Edit = tuple[Change, ...]
"""Changes that belong together."""


def joined(edits: Iterable[Edit]) -> Edit:
    """Return all changes of some edits; of two in one place the first counts."""
    found: dict[int, Change] = {}
    for edit in edits:
        for change in edit:
            found.setdefault(change.place, change)
    return tuple(sorted(found.values()))


def changed(source: str, edit: Edit) -> str:
    """Return the source after an edit, without what has become useless by it. It need not be inside the grammar."""
    program = Program(source)
    useless = unneeded(program)
    nodes = list(ast.walk(program.tree))
    _Changing(nodes, {change.place: change for change in edit}).visit(program.tree)
    clean(program, useless)
    return program.text


def changed_alone(source: str, edit: Edit) -> str:
    """Return any Python source after an edit, and nothing else changed; empty where nothing is left of it."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    _Changing(nodes, {change.place: change for change in edit}).visit(tree)
    text = ast.unparse(ast.fix_missing_locations(tree))
    return text + "\n" if text else ""


class _Changing(ast.NodeTransformer):
    """Makes changes; those inside what stays of a changed node are made as well."""

    def __init__(self, nodes: list[ast.AST], changes: Mapping[int, Change]) -> None:
        self._nodes = nodes
        self._changes = {id(nodes[place]): change for place, change in changes.items()}

    def visit(self, node: ast.AST) -> ast.AST | list[ast.AST] | None:
        """Return what stands in a node's place."""
        change = self._changes.get(id(node))
        if change is None:
            self.generic_visit(node)
            return _whole(node)
        if change.operand >= 0:
            return self.visit(self._nodes[change.operand])
        statements: list[ast.AST] = list(ast.parse(change.text).body)
        if change.block:
            for inner in getattr(node, change.block):
                left = self.visit(inner)
                statements += left if isinstance(left, list) else [left] if left is not None else []
            return statements
        if isinstance(node, ast.expr):
            return ast.parse(change.text, mode="eval").body if change.text else None
        return statements or None


def _whole(node: ast.AST) -> ast.AST:
    """Return a node whose blocks may have lost all their statements, with a `pass` where Python wants one."""
    if isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.FunctionDef | ast.ClassDef) and not node.body:
        node.body = [ast.Pass()]
    return node
