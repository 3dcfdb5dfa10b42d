"""Module-level constants: literals, arithmetic on them, and constructors of Warp's types.

Python evaluates them while the source is loaded, so the value is worked out here first, in bounded numbers.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from grammar.recogniser.scope import Scope, keywords_of, plain_name, refuse, warp_name
from grammar.recogniser.vocabulary import PYTHON_TYPES, vocabulary

Number = int | float | bool

LARGEST_INTEGER = 2**64 - 1
MAX_ITEMS = 64
"""Arguments of a constructor."""
MAX_NESTING = 16
MAX_EXPONENT = 64
"""Bits of a shift, and exponents: with operands of 64 bits what is computed stays small before it is refused."""

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
    ast.Pow: operator.pow,
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
        if node.id in scope.instances:
            return None
        if node.id not in scope.values:
            refuse(node, f"{node.id} is no constant defined above")
        return scope.values[node.id]
    if isinstance(node, ast.Attribute):
        return _attribute(node, scope)
    if isinstance(node, ast.Call):
        return _constructed(node, scope, depth)
    if not isinstance(node, ast.BinOp | ast.UnaryOp):
        refuse(node, f"{type(node).__name__} in a module-level constant")
    return _computed(node, scope, depth)


def enum_member(node: ast.expr, scope: Scope) -> str | None:
    """Return the `Mode.FAST` that an expression names, `Mode.FAST.value` included; None for anything else."""
    if isinstance(node, ast.Attribute) and node.attr == "value" and isinstance(node.value, ast.Attribute):
        node = node.value
    if not isinstance(node, ast.Attribute) or plain_name(node.value) not in scope.enums:
        return None
    member = f"{plain_name(node.value)}.{node.attr}"
    if member not in scope.values:
        refuse(node, f"{member} is no member")
    return member


def _attribute(node: ast.Attribute, scope: Scope) -> Number | None:
    member = enum_member(node, scope)
    if member is not None:
        return scope.values[member]
    if plain_name(node.value) in scope.instances and node.attr in scope.fields:
        return None
    if warp_name(node) not in vocabulary().constants:
        refuse(node, "not one of Warp's constants")
    return 0.0


def _computed(node: ast.BinOp | ast.UnaryOp, scope: Scope, depth: int) -> Number:
    operands = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
    apply: Callable[..., Any] | None
    apply = _UNARY.get(type(node.op)) if isinstance(node, ast.UnaryOp) else _BINARY.get(type(node.op))
    if apply is None:
        refuse(node, f"operator {type(node.op).__name__} in a module-level constant")
    values = [constant_value(operand, scope, depth + 1) for operand in operands]
    if None in values:
        refuse(node, "arithmetic on a constant that is no plain number")
    if isinstance(node.op, ast.LShift) and not 0 <= (values[1] or 0) <= MAX_EXPONENT:
        refuse(node, "shift out of range")
    if isinstance(node.op, ast.Pow) and abs(values[1] or 0) > MAX_EXPONENT:
        refuse(node, "exponent out of range")
    try:
        result = apply(*values)
        if isinstance(result, complex):
            refuse(node, "a complex number")
        return _bounded(node, result)
    except (ArithmeticError, TypeError, ValueError) as error:
        refuse(node, f"cannot be computed: {error}")


def _constructed(node: ast.Call, scope: Scope, depth: int) -> Number | None:
    """`wp.constant(x)` and `int(x)` are numbers; a type's constructor takes constants and is no plain number."""
    if keywords_of(node):
        refuse(node, "keyword arguments in a module-level constant")
    if len(node.args) > MAX_ITEMS:
        refuse(node, f"more than {MAX_ITEMS} arguments")
    values = [constant_value(argument, scope, depth + 1) for argument in node.args]
    name = warp_name(node.func)
    if name == "constant" and len(values) == 1:
        return values[0]
    plain = plain_name(node.func)
    if plain in PYTHON_TYPES and len(values) == 1 and values[0] is not None:
        return _converted(node, plain or "", values[0])
    if name not in vocabulary().types and plain not in scope.aliases and plain not in PYTHON_TYPES:
        refuse(node.func, "a module-level constant calls only wp.constant and constructors of Warp's types")
    return None


def _converted(node: ast.Call, type_: str, value: Number) -> Number:
    try:
        return _bounded(node, {"int": int, "float": float, "bool": bool}[type_](value))
    except (ArithmeticError, ValueError) as error:
        refuse(node, f"cannot be computed: {error}")


def _bounded(node: ast.AST, value: Number) -> Number:
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        refuse(node, "an integer beyond 64 bits")
    return value
