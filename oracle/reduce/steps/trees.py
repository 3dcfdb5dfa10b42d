"""Edits of the source's tree: those of the quick reduction, and the small ones that make what is left plain."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from extractor.expression_types import Span, span_of
from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.program import Program, decorator_of, name_of
from oracle.reduce.changes import Change, Edit, changed
from oracle.reduce.cleaning import own_expressions
from oracle.reduce.cost import weight_of_number
from oracle.reduce.edits import edits_of
from oracle.reduce.search import with_source
from oracle.reduce.steps.step import Step, Subject
from oracle.rerun import Case

VARIABLES = 3
"""How many parameters are tried in the place of one expression."""


def steps(subject: Subject) -> Iterator[Step]:
    """Yield a step for each edit, those that take most away first."""
    case = subject.case
    written = tuple(str(one["name"]) for one in case.arguments or () if one["written"])
    yield from (_step(edit, case.source) for edit in edits_of(case.source, subject.types, written))
    yield from (_step(edit, case.source) for edit in _Details(Program(case.source), subject.types).all())


def _step(edit: Edit, source: str) -> Step:
    def apply(case: Case) -> Case | None:
        return with_source(case, changed(case.source, edit)) if case.source == source else None

    return Step(edit_key(edit, source), apply, edit)


def edit_key(edit: Edit, source: str) -> str:
    """Return what an edit changes, by its text: it stays the same where the source around it changes."""
    nodes = _nodes(source)
    return " ".join(
        f"{ast.unparse(nodes[change.place])}>{change.block}{change.text}"
        + (ast.unparse(nodes[change.operand]) if change.operand >= 0 else "")
        for change in edit
    )


@lru_cache(maxsize=2)
def _nodes(source: str) -> list[ast.AST]:
    """Return the nodes of a source by their numbers."""
    return list(ast.walk(ast.parse(source)))


def joined_edit(case: Case, edit: Edit) -> Case:
    """Return a case after an edit of its source."""
    return with_source(case, changed(case.source, edit))


class _Details:
    """Lists the small edits of a program."""

    def __init__(self, program: Program, types: Mapping[Span, str]) -> None:
        self._program = program
        self._types = types
        self._numbers = {id(node): number for number, node in enumerate(ast.walk(program.tree))}

    def all(self) -> Iterator[Edit]:
        """Yield the edits of each function: its head, then its statements with their expressions."""
        for function in self._program.functions:
            yield from self._head(function)
            scalars = [(one.arg, self._type_named(one.annotation)) for one in function.args.args]
            for statement in [node for node in ast.walk(function) if isinstance(node, ast.stmt)]:
                if statement is function:
                    continue
                yield from self._statement(statement)
                for node in own_expressions(statement):
                    yield from self._expression(node)
                    if isinstance(node, ast.Call | ast.BinOp | ast.Subscript | ast.IfExp | ast.UnaryOp):
                        yield from self._variables(node, scalars)

    def _at(self, node: ast.AST, text: str = "", operand: ast.AST | None = None) -> Edit:
        other = self._numbers[id(operand)] if operand is not None else -1
        return (Change(self._numbers[id(node)], text=text, operand=other),)

    def _head(self, function: ast.FunctionDef) -> Iterator[Edit]:
        """Drop a decorator's options, and what a function says that it returns."""
        decorator = function.decorator_list[0]
        if isinstance(decorator, ast.Call):
            yield self._at(decorator, f"wp.{decorator_of(function)}")
        if function.returns is not None:
            yield self._at(function.returns)

    def _statement(self, statement: ast.stmt) -> Iterator[Edit]:
        match statement:
            case ast.AugAssign():
                yield self._at(statement, f"{ast.unparse(statement.target)} = {ast.unparse(statement.value)}")
            case ast.AnnAssign(value=ast.expr() as value):
                yield self._at(statement, f"{ast.unparse(statement.target)} = {ast.unparse(value)}")
            case ast.For() | ast.While():
                yield from self._left(statement)

    def _left(self, loop: ast.For | ast.While) -> Iterator[Edit]:
        """Put a loop's body in its place without what leaves it."""
        leaving = [node for node in ast.walk(loop) if isinstance(node, ast.Break | ast.Continue)]
        start = _start_of(loop.iter) if isinstance(loop, ast.For) else ""
        if not leaving or start is None:
            return
        text = f"{name_of(loop.target)} = {start}" if isinstance(loop, ast.For) else ""
        own = Change(self._numbers[id(loop)], "body", text=text)
        yield tuple(sorted([own, *(Change(self._numbers[id(one)]) for one in leaving)]))

    def _expression(self, node: ast.AST) -> Iterator[Edit]:
        match node:
            case ast.Constant(value=float() | int() as value) if not isinstance(value, bool):
                yield from (self._at(node, text) for text in plainer(value))
            case ast.Constant(value=True):
                yield self._at(node, "False")
            case ast.Call(func=called, args=arguments, keywords=keywords):
                yield from (self._at(one) for one in keywords)
                if name_of(called) == "range" and len(arguments) > 1:
                    yield self._at(arguments[0])
                    yield self._at(arguments[-1])
                elif len(arguments) > 1 and warp_name(called) is not None:
                    yield self._at(arguments[-1])
                elif len(arguments) == 1:
                    yield self._at(node, operand=arguments[0])
            case ast.BoolOp(values=values) if len(values) > 2:
                yield from (self._at(one) for one in values)
            case ast.UnaryOp(operand=operand):
                yield self._at(node, operand=operand)
            case ast.Compare(left=left, ops=[op, _, *_], comparators=[first, *_]):
                words = ast.unparse(ast.Compare(left, [op], [first]))
                yield self._at(node, words)
            case ast.Slice(lower=lower, upper=upper, step=step):
                yield from (self._at(one) for one in (lower, upper, step) if one is not None)

    def _variables(self, node: ast.expr, scalars: list[tuple[str, str]]) -> Iterator[Edit]:
        """Put a parameter of its type in the place of an expression."""
        type_ = self._types.get(span_of(node))
        alike = [name for name, own in scalars if own == type_]
        yield from (self._at(node, name) for name in alike[:VARIABLES])

    def _type_named(self, annotation: ast.expr | None) -> str:
        """Return the type of expressions that an annotation of a number stands for, the empty text for others."""
        name = name_of(annotation) if annotation is not None else ""
        plain = {"float": "float32", "int": "int32", "bool": "bool"}.get(name)
        return plain or (warp_name(annotation) if annotation is not None else None) or ""


def plainer(value: float | int) -> list[str]:
    """Return the literals of the same type that are plainer than a number, the plainest first."""
    if isinstance(value, float):
        short = float(f"{value:.2g}")
        found: list[float | int] = [0.0, 1.0, 2.0, float(round(value)) if abs(value) < 1e9 else 1.0, short]
    else:
        found = [0, 1, 2, 3, value // 2]
    weight = weight_of_number(value)
    return [repr(one) for one in dict.fromkeys(found) if weight_of_number(one) < weight]


def _start_of(iterable: ast.expr) -> str | None:
    """Return what the index of a range begins with, None for anything else to run over."""
    if not isinstance(iterable, ast.Call) or name_of(iterable.func) != "range":
        return None
    return ast.unparse(iterable.args[0]) if len(iterable.args) > 1 else "0"


def plain_source(case: Case) -> Case:
    """Return a case whose source is printed as an edit would print it."""
    return replace(case, source=Program(case.source).text)
