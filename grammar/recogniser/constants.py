"""Module-level constants: literals, arithmetic on them, and constructors of Warp's types.

Python evaluates them while the source is loaded, so the value is worked out here first, in bounded numbers.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from grammar.recogniser.scope import Scope, keywords_of, refuse, warp_name
from grammar.recogniser.vocabulary import PYTHON_TYPES, vocabulary

Number = int | float | bool

LARGEST_INTEGER = 2**64 - 1
MAX_ITEMS = 64
"""Arguments of a constructor."""
MAX_NESTING = 16

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}


def check_literal(node: ast.Constant) -> Number:
    """Return a literal's number; refuses strings, None, complex numbers and integers beyond 64 bits."""
    value = node.value
    if not isinstance(value, int | float):  # bool is an int
        refuse(node, f"a literal of type {type(value).__name__}")
    return _bounded(node, value)


def constant_value(node: ast.expr, scope: Scope, depth: int = 0) -> Number | None:
    """Return the number that a constant expression stands for, None for one that is no number (a vector)."""
    if depth > MAX_NESTING:
        refuse(node, f"a constant nested more than {MAX_NESTING} deep")
    if isinstance(node, ast.Constant):
        return check_literal(node)
    if isinstance(node, ast.Name):
        if node.id not in scope.values:
            refuse(node, f"{node.id} is no constant defined above")
        return scope.values[node.id]
    if isinstance(node, ast.Attribute):
        if warp_name(node) not in vocabulary().constants:
            refuse(node, "not one of Warp's constants")
        return 0.0
    if isinstance(node, ast.Call):
        return _constructed(node, scope, depth)
    if not isinstance(node, ast.BinOp | ast.UnaryOp):
        refuse(node, f"{type(node).__name__} in a module-level constant")
    return _computed(node, scope, depth)


def _computed(node: ast.BinOp | ast.UnaryOp, scope: Scope, depth: int) -> Number:
    operands = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
    apply: Callable[..., Any] | None
    apply = _UNARY.get(type(node.op)) if isinstance(node, ast.UnaryOp) else _BINARY.get(type(node.op))
    if apply is None:
        refuse(node, f"operator {type(node.op).__name__} in a module-level constant")
    values = [constant_value(operand, scope, depth + 1) for operand in operands]
    if None in values:
        refuse(node, "arithmetic on a constant that is no plain number")
    if isinstance(node.op, ast.LShift) and not 0 <= (values[1] or 0) <= 64:
        refuse(node, "shift out of range")
    try:
        return _bounded(node, apply(*values))
    except (ArithmeticError, TypeError, ValueError) as error:
        refuse(node, f"cannot be computed: {error}")


def _constructed(node: ast.Call, scope: Scope, depth: int) -> Number | None:
    """`wp.constant(x)` is x; a type's constructor takes constants and is no plain number."""
    if keywords_of(node):
        refuse(node, "keyword arguments in a module-level constant")
    if len(node.args) > MAX_ITEMS:
        refuse(node, f"more than {MAX_ITEMS} arguments")
    values = [constant_value(argument, scope, depth + 1) for argument in node.args]
    name = warp_name(node.func)
    if name == "constant" and len(values) == 1:
        return values[0]
    plain = node.func.id if isinstance(node.func, ast.Name) else None
    if name not in vocabulary().types and plain not in scope.aliases and plain not in PYTHON_TYPES:
        refuse(node.func, "a module-level constant calls only wp.constant and constructors of Warp's types")
    return None


def _bounded(node: ast.AST, value: Number) -> Number:
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        refuse(node, "an integer beyond 64 bits")
    return value
