"""The body of a function or kernel: the statements and expressions that the recogniser lets through.

Warp looks a name up among the variables assigned so far, then the module's globals, then the whole `warp` package, then
Python's built-ins. So a name is allowed only where the text above it has bound it, and only what the source or the
vocabulary defines can be called.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from grammar.recogniser.constants import check_literal
from grammar.recogniser.scope import Scope, keywords_of, refuse, warp_name
from grammar.recogniser.type_language import is_value_type
from grammar.recogniser.vocabulary import COMPONENTS, PYTHON_NAMES, vocabulary

MAX_DEPTH = 64
"""Statements and expressions inside each other: everyone who walks the tree later recurses with it."""

_REFUSED_OPERATORS = (ast.In, ast.NotIn, ast.Is, ast.IsNot)


class BodyRules:
    """Checks one function's body, top to bottom; `bound` are the parameters and the variables assigned so far."""

    def __init__(self, scope: Scope, parameters: Iterable[str]) -> None:
        self.scope = scope
        self.bound = set(parameters)
        self.depth = 0

    def check(self, body: Sequence[ast.stmt]) -> None:
        """Refuse the first statement that is outside the grammar."""
        self._deeper(body[0] if body else None)
        for statement in body:
            rule = _STATEMENTS.get(type(statement))
            if rule is None:
                refuse(statement, f"statement {type(statement).__name__} is not allowed in a kernel")
            rule(self, statement)
        self.depth -= 1

    def expression(self, node: ast.expr) -> None:
        """Refuse the first part of an expression that is outside the grammar."""
        rule = _EXPRESSIONS.get(type(node))
        if rule is None:
            refuse(node, f"expression {type(node).__name__} is not allowed in a kernel")
        self._deeper(node)
        rule(self, node)
        self.depth -= 1

    def _deeper(self, node: ast.AST | None) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            refuse(node, f"nested more than {MAX_DEPTH} deep")

    # statements

    def _assign(self, node: ast.Assign) -> None:
        if len(node.targets) != 1:
            refuse(node, "one target to an assignment")
        self.expression(node.value)
        self._target(node.targets[0])

    def _target(self, node: ast.expr) -> None:
        if isinstance(node, ast.Name):
            self.scope.check_local(node, node.id)
            self.bound.add(node.id)
        elif isinstance(node, ast.Tuple):
            self._deeper(node)
            for element in node.elts:
                self._target(element)
            self.depth -= 1
        elif isinstance(node, ast.Attribute | ast.Subscript):
            self.expression(node)
        else:
            refuse(node, f"{type(node).__name__} cannot be assigned to")

    def _augmented(self, node: ast.AugAssign) -> None:
        if not isinstance(node.target, ast.Name | ast.Attribute | ast.Subscript):
            refuse(node.target, f"{type(node.target).__name__} cannot be assigned to")
        self.expression(node.target)
        self.expression(node.value)

    def _if(self, node: ast.If) -> None:
        self.expression(node.test)
        self.check(node.body)
        if node.orelse:
            self.check(node.orelse)

    def _while(self, node: ast.While) -> None:
        if node.orelse:
            refuse(node.orelse[0], "a loop has no else")
        self.expression(node.test)
        self.check(node.body)

    def _for(self, node: ast.For) -> None:
        if node.orelse:
            refuse(node.orelse[0], "a loop has no else")
        call = node.iter
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "range":
            refuse(call, "a for loop runs over range(...)")
        if not 1 <= len(call.args) <= 3 or call.keywords:
            refuse(call, "range takes one to three arguments")
        for argument in call.args:
            self.expression(argument)
        if not isinstance(node.target, ast.Name):
            refuse(node.target, "a loop has one variable")
        self._target(node.target)
        self.check(node.body)

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.expression(node.value)

    def _call_statement(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Call):
            refuse(node, "an expression that is no call does nothing")
        self.expression(node.value)

    def _nothing(self, node: ast.stmt) -> None:
        pass

    # expressions

    def _name(self, node: ast.Name) -> None:
        if node.id in self.bound or node.id in self.scope.constants:
            return
        if node.id in self.scope.names or node.id in PYTHON_NAMES or node.id == "wp":
            refuse(node, f"{node.id} is no value")
        refuse(node, f"{node.id} is not defined above")

    def _literal(self, node: ast.Constant) -> None:
        check_literal(node)

    def _binary(self, node: ast.BinOp) -> None:
        self.expression(node.left)
        self.expression(node.right)

    def _unary(self, node: ast.UnaryOp) -> None:
        self.expression(node.operand)

    def _boolean(self, node: ast.BoolOp) -> None:
        for value in node.values:
            self.expression(value)

    def _compare(self, node: ast.Compare) -> None:
        for operator in node.ops:
            if isinstance(operator, _REFUSED_OPERATORS):
                refuse(node, f"comparison {type(operator).__name__} is not allowed in a kernel")
        self.expression(node.left)
        for comparator in node.comparators:
            self.expression(comparator)

    def _ternary(self, node: ast.IfExp) -> None:
        self.expression(node.test)
        self.expression(node.body)
        self.expression(node.orelse)

    def _tuple(self, node: ast.Tuple) -> None:
        for element in node.elts:
            self.expression(element)

    def _attribute(self, node: ast.Attribute) -> None:
        name = warp_name(node)
        if name is not None:
            if name not in vocabulary().constants:
                refuse(node, f"wp.{name} is no value of the grammar")
            return
        if node.attr not in COMPONENTS and node.attr not in self.scope.fields:
            refuse(node, f".{node.attr} is neither a component nor a struct's field")
        self.expression(node.value)

    def _subscript(self, node: ast.Subscript) -> None:
        self.expression(node.value)
        self.expression(node.slice)

    def _slice(self, node: ast.Slice) -> None:
        for bound in (node.lower, node.upper, node.step):
            if bound is not None:
                self.expression(bound)

    def _call(self, node: ast.Call) -> None:
        self._callee(node.func)
        for name, value in keywords_of(node).items():
            if name.startswith("_"):
                refuse(value, f"keyword {name}")
            self._argument(value)
        for value in node.args:
            self._argument(value)

    def _callee(self, node: ast.expr) -> None:
        name = warp_name(node)
        if name is not None:
            if name not in vocabulary().functions and name not in vocabulary().types:
                refuse(node, f"wp.{name} is no built-in of the grammar")
        elif isinstance(node, ast.Name):
            scope = self.scope
            known = node.id in scope.functions or node.id in PYTHON_NAMES or is_value_type(node, scope)
            if node.id in self.bound or not known:
                refuse(node, f"{node.id} is no function of the source or the grammar")
        else:
            refuse(node, "only functions called by their name are allowed")

    def _argument(self, node: ast.expr) -> None:
        """An argument is a value, or a type (`dtype=wp.float64`)."""
        if not is_value_type(node, self.scope):
            self.expression(node)


_STATEMENTS: dict[type[ast.stmt], Callable[[BodyRules, Any], None]] = {
    ast.Assign: BodyRules._assign,
    ast.AugAssign: BodyRules._augmented,
    ast.If: BodyRules._if,
    ast.While: BodyRules._while,
    ast.For: BodyRules._for,
    ast.Return: BodyRules._return,
    ast.Expr: BodyRules._call_statement,
    ast.Break: BodyRules._nothing,
    ast.Continue: BodyRules._nothing,
    ast.Pass: BodyRules._nothing,
}

_EXPRESSIONS: dict[type[ast.expr], Callable[[BodyRules, Any], None]] = {
    ast.Name: BodyRules._name,
    ast.Constant: BodyRules._literal,
    ast.BinOp: BodyRules._binary,
    ast.UnaryOp: BodyRules._unary,
    ast.BoolOp: BodyRules._boolean,
    ast.Compare: BodyRules._compare,
    ast.IfExp: BodyRules._ternary,
    ast.Tuple: BodyRules._tuple,
    ast.Attribute: BodyRules._attribute,
    ast.Subscript: BodyRules._subscript,
    ast.Slice: BodyRules._slice,
    ast.Call: BodyRules._call,
}
