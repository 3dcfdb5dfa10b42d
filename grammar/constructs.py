"""Which constructs of a kernel's source stand in which: pairs of a parent and a child, with the child's slot.

They say what a source is put together from, without regard to names, types and values: a ternary in a loop's bound, a
helper's call as the index of a store. Any kernel's source will do, whoever wrote it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Set

_OPERATORS: Mapping[type[ast.AST], str] = {
    **dict.fromkeys((ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift), "bits"),
    **dict.fromkeys((ast.Div, ast.FloorDiv, ast.Mod), "division"),
    ast.Pow: "power",
    ast.MatMult: "product",
}
"""Operators that differ in kind from the rest of arithmetic."""

_CONVERSIONS = frozenset(("int", "float", "bool", "abs", "min", "max", "range", "len"))
"""What Python itself names, and Warp takes."""

_IDLE = frozenset(("ctx", "op", "ops", "annotation", "returns", "decorator_list", "type_comment", "kind"))
"""Fields of a node that hold no construct of their own."""


def construct_pairs(source: str) -> frozenset[str]:
    """Return the pairs in a module's functions, such as `for.body > if` or `built-in.args > ternary`.

    Raises SyntaxError for what is no Python.
    """
    module = ast.parse(source)
    functions = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    pairs: set[tuple[str, str, str]] = set()
    waiting: list[tuple[str, ast.AST]] = []
    for node in module.body:
        name = _name(node, functions)
        pairs.add(("module", "body", name))
        if isinstance(node, ast.FunctionDef):
            waiting.append((name, node))
    while waiting:
        parent, outer = waiting.pop()
        for slot in _slots(type(outer)):
            value = getattr(outer, slot)
            for inner in value if isinstance(value, list) else (value,):
                if isinstance(inner, ast.AST):
                    child = _name(inner, functions)
                    pairs.add((parent, slot, child))
                    if not isinstance(inner, (ast.Name, ast.Constant)):
                        waiting.append((child, inner))
    return frozenset(f"{parent}.{slot} > {child}" for parent, slot, child in pairs)


def _slots(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the fields of a kind of node that hold constructs."""
    if kind is ast.FunctionDef:
        return ("body",)
    if kind is ast.Call:
        return ("args", "keywords")
    return tuple([slot for slot in kind._fields if slot not in _IDLE])


def _name(node: ast.AST, functions: Set[str]) -> str:
    """Return the name of the construct that a node is."""
    describe = _DESCRIBED.get(type(node))
    return describe(node, functions) if describe else type(node).__name__.lower()


def _function(node: ast.FunctionDef, functions: Set[str]) -> str:
    decorators = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return " ".join(each.attr for each in decorators if isinstance(each, ast.Attribute)) or "def"


def _call(node: ast.Call, functions: Set[str]) -> str:
    called = node.func
    if isinstance(called, ast.Attribute):
        if not (isinstance(called.value, ast.Name) and called.value.id == "wp"):
            return "method"
        return f"tile {called.attr[5:]}" if called.attr.startswith("tile_") else "built-in"
    name = called.id if isinstance(called, ast.Name) else ""
    if name in functions:
        return "helper"
    return name if name in _CONVERSIONS else "constructor"


def _operation(node: ast.BinOp, functions: Set[str]) -> str:
    return _OPERATORS.get(type(node.op), "arithmetic")


def _augmented(node: ast.AugAssign, functions: Set[str]) -> str:
    return f"augmented {_OPERATORS.get(type(node.op), 'arithmetic')}"


def _assignment(node: ast.Assign, functions: Set[str]) -> str:
    return "unpacking" if isinstance(node.targets[0], ast.Tuple) else "assignment"


def _comparison(node: ast.Compare, functions: Set[str]) -> str:
    return "chain" if len(node.ops) > 1 else "comparison"


def _subscript(node: ast.Subscript, functions: Set[str]) -> str:
    match node.slice:
        case ast.Tuple():
            return "cell"
        case ast.Slice():
            return "slice"
        case ast.Constant():
            return "component"
        case _:
            return "element"


def _attribute(node: ast.Attribute, functions: Set[str]) -> str:
    return "wp name" if isinstance(node.value, ast.Name) and node.value.id == "wp" else "field"


def _logic(node: ast.BoolOp, functions: Set[str]) -> str:
    return type(node.op).__name__.lower()


def _unary(node: ast.UnaryOp, functions: Set[str]) -> str:
    return type(node.op).__name__.lower()


def _literal(node: ast.Constant, functions: Set[str]) -> str:
    return f"{type(node.value).__name__} literal"


_DESCRIBED: Mapping[type[ast.AST], Callable[..., str]] = {
    ast.FunctionDef: _function,
    ast.Call: _call,
    ast.BinOp: _operation,
    ast.AugAssign: _augmented,
    ast.Assign: _assignment,
    ast.Compare: _comparison,
    ast.Subscript: _subscript,
    ast.Attribute: _attribute,
    ast.BoolOp: _logic,
    ast.UnaryOp: _unary,
    ast.Constant: _literal,
}
