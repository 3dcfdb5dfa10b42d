"""Where expressions of a function may be taken out: those that compute a value and are no compile-time constant."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.program import Program, blocks, contains, name_of

_OPAQUE = ("static", "adjoint", "zeros", "array", "vector", "matrix", "quaternion", "transformation", "identity", "len")
"""Built-ins whose arguments Warp may ask to be constants, or reads in a way of its own."""


def expressions(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield the expressions of a function's statements and what they consist of, outer ones first.

    Bounds of loops are left out, and what must be constant: keyword arguments, bounds of slices.
    """
    for block in blocks(function):
        for statement in block:
            for root in _roots(statement):
                yield from _parts(root)


def unconditional(program: Program, statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield the parts of a statement's value that are computed whenever it runs; none unless all of it is pure."""
    value = statement.value if isinstance(statement, ast.Assign | ast.AugAssign | ast.Return) else None
    if value is not None and program.is_pure(value):
        yield from _parts(value, conditional=False)


def can_stand_alone(program: Program, node: ast.expr) -> bool:
    """Whether an expression computes one value, not known while code is generated, that a variable can hold."""
    worked_out = isinstance(node, ast.BinOp | ast.Call | ast.Compare | ast.IfExp | ast.Subscript)
    return worked_out and contains(node, ast.Name) and bool(variables(program, node)) and program.is_pure(node)


def variables(program: Program, node: ast.expr) -> list[str]:
    """Return the parameters and local variables that an expression reads, in the order of their first mention."""
    called = {id(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    names = [
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and id(part) not in called and part.id not in program.module_names
    ]
    return list(dict.fromkeys(name for name in names if name not in ("wp", "int", "float", "bool")))


def _roots(statement: ast.stmt) -> Iterator[ast.expr]:
    match statement:
        case ast.Assign() | ast.AugAssign() | ast.Return() | ast.Expr():
            if statement.value is not None:
                yield statement.value
        case ast.If() | ast.While():
            yield statement.test


def _parts(node: ast.expr, conditional: bool = True) -> Iterator[ast.expr]:
    """Yield an expression and its parts; those that only some evaluations reach only if `conditional`."""
    yield node
    for part in _children(node, conditional):
        yield from _parts(part, conditional)


def _children(node: ast.expr, conditional: bool) -> list[ast.expr]:
    match node:
        case ast.BinOp():
            return [node.left, node.right]
        case ast.UnaryOp():
            return [node.operand]
        case ast.Compare():
            return [node.left, *node.comparators] if len(node.ops) == 1 else []
        case ast.BoolOp():
            return node.values if conditional else node.values[:1]
        case ast.IfExp():
            return [node.test, node.body, node.orelse] if conditional else [node.test]
        case ast.Call():
            name = warp_name(node.func) or name_of(node.func)
            return [] if name in _OPAQUE or name.startswith("tile_") else node.args
        case ast.Subscript():
            index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return [] if any(isinstance(one, ast.Slice) for one in index) else index
    return []
