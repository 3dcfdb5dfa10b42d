"""Steps for any Python file, whatever it holds: what people minimise with a command of their own.

Nothing is known of types or of what the file does, so much of what is tried is wrong, and the command says so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from oracle.peers.rewrites.program import Substitution, name_of
from oracle.reduce.changes import Change, Edit, changed_alone
from oracle.reduce.steps.step import Step, Subject
from oracle.reduce.steps.trees import plainer
from oracle.rerun import Case

LITERALS = ("0", "1.0", "True", "None")
"""What is tried in the place of an expression."""

OPERANDS = 3
"""How many parts are tried in its place, those nearest to it."""


def steps(subject: Subject) -> Iterator[Step]:
    """Yield the steps for each block of statements, then for each node."""
    source = subject.case.source
    tree = ast.parse(source)
    listing = _Listing(tree)
    yield from (_step(edit, source) for edit in listing.statements())
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for place, one in enumerate(function.args.args):
            yield Step(f"drop {function.name}.{one.arg}", partial(_without_parameter, name=function.name, place=place))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and name_of(node.targets[0]):
            yield Step(f"spread {name_of(node.targets[0])}", partial(_spread, name=name_of(node.targets[0])))
    yield from (_step(edit, source) for edit in listing.parts())


def _step(edit: Edit, source: str) -> Step:
    def apply(case: Case) -> Case | None:
        return replace(case, source=changed_alone(source, edit)) if case.source == source else None

    nodes = list(ast.walk(ast.parse(source)))
    return Step(" ".join(f"{ast.unparse(nodes[one.place])[:80]}>{one.block}{one.text}" for one in edit), apply, edit)


class _Listing:
    """Lists the edits of a tree."""

    def __init__(self, tree: ast.Module) -> None:
        self._nodes = list(ast.walk(tree))
        self._numbers = {id(node): number for number, node in enumerate(self._nodes)}

    def _at(self, *nodes: ast.AST, text: str = "") -> Edit:
        return tuple(Change(self._numbers[id(node)], text=text) for node in nodes)

    def statements(self) -> Iterator[Edit]:
        """Delete halves and quarters of blocks and each statement; put what is in a statement in its place."""
        for block in [block for node in self._nodes for block in _blocks(node)]:
            for length in sorted({len(block) // 2, len(block) // 4, 1} - {0}, reverse=True):
                for start in range(0, len(block), length):
                    yield self._at(*block[start : start + length])
        for node in self._nodes:
            if isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try | ast.FunctionDef | ast.ClassDef):
                yield from (
                    (Change(self._numbers[id(node)], name),) for name in ("body", "orelse") if getattr(node, name, [])
                )

    def parts(self) -> Iterator[Edit]:
        """Drop parts of lists, calls and heads; put a part of an expression, or a literal, in its place."""
        for node in self._nodes:
            yield from self._members(node)
            if isinstance(node, ast.Constant):
                if type(node.value) in (int, float):
                    yield from (self._at(node, text=text) for text in plainer(node.value))  # type: ignore[arg-type]
            elif isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                inner = [one for one in ast.walk(node) if isinstance(one, ast.expr) and one is not node]
                for part in inner[:OPERANDS]:
                    yield (Change(self._numbers[id(node)], operand=self._numbers[id(part)]),)
                if not isinstance(node, ast.Name):
                    yield from (self._at(node, text=text) for text in LITERALS)

    def _members(self, node: ast.AST) -> Iterator[Edit]:
        for name in ("args", "keywords", "decorator_list", "bases", "elts", "values"):
            members = getattr(node, name, None)
            few = isinstance(node, ast.Dict | ast.arguments) or (isinstance(node, ast.BoolOp) and len(node.values) < 2)
            if isinstance(members, list) and not few:
                yield from (self._at(one) for one in members)
        for name in ("returns", "annotation"):
            part = getattr(node, name, None)
            if isinstance(part, ast.expr) and not isinstance(node, ast.AnnAssign):
                yield self._at(part)


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    """Return the lists of statements that a node holds."""
    found = [getattr(node, name, None) for name in ("body", "orelse", "finalbody")]
    return [block for block in found if isinstance(block, list) and block and isinstance(block[0], ast.stmt)]


def _without_parameter(case: Case, name: str, place: int) -> Case | None:
    """Drop a function's parameter with what its calls, or launches of it with `inputs`, pass for it."""
    tree = ast.parse(case.source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name and place < len(node.args.args):
            del node.args.args[place]
        if not isinstance(node, ast.Call):
            continue
        if name_of(node.func) == name and place < len(node.args):
            del node.args[place]
        elif node.args and name_of(node.args[0]) == name:
            for word in node.keywords:
                if (
                    word.arg == "inputs"
                    and isinstance(word.value, ast.List | ast.Tuple)
                    and place < len(word.value.elts)
                ):
                    del word.value.elts[place]
    return replace(case, source=ast.unparse(tree) + "\n")


def _spread(case: Case, name: str) -> Case | None:
    """Put what is assigned to a name where it is read, if it is assigned once."""
    tree = ast.parse(case.source)
    own = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and name in map(name_of, node.targets)]
    if len(own) != 1 or len(own[0].targets) != 1:
        return None
    for node in ast.walk(tree):
        for block in (getattr(node, "body", None), getattr(node, "orelse", None)):
            if isinstance(block, list) and own[0] in block:
                block.remove(own[0])
                block += [] if block or isinstance(node, ast.Module) else [ast.Pass()]
    Substitution(name, own[0].value).visit(tree)
    return replace(case, source=ast.unparse(ast.fix_missing_locations(tree)) + "\n")
