"""The body of a function or kernel: the statements and expressions that the recogniser lets through.

Warp looks a name up among the variables assigned so far, then the module's globals, then the whole `warp` package, then
Python's built-ins. So a name is allowed only where the text above it has bound it, and only what the source or the
vocabulary defines can be called.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from grammar.recogniser.calls import check_call, is_function
from grammar.recogniser.constants import check_literal, constant_value, enum_member
from grammar.recogniser.scope import RefusedError, Scope, Value, hides_builtin, plain_name, refuse, warp_name
from grammar.recogniser.type_language import is_callable_type
from grammar.recogniser.vocabulary import NAMED_VALUES, PYTHON_NAMES, vocabulary

MAX_DEPTH = 64
"""Statements and expressions inside each other: everyone who walks the tree later recurses with it."""

_REFUSED_OPERATORS = (ast.In, ast.NotIn, ast.Is, ast.IsNot)


class BodyRules:
    """Checks one function's body, top to bottom.

    `bound` are the parameters and the variables assigned so far, `callables` those that stand for functions, `queries`
    those that hold what a loop can run over, `counters` the largest values of the counters of the loops over constants
    around a statement.
    """

    def __init__(self, scope: Scope, function: ast.FunctionDef) -> None:
        arguments = function.args.args
        self.scope = scope
        self.bound = {argument.arg for argument in arguments}
        self.callables = {a.arg for a in arguments if a.annotation and is_callable_type(a.annotation, scope)}
        self.counters: dict[str, Value] = {}
        self.queries: set[str] = set()
        self.stores = Counter(
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
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
        if is_function(self, node.value):
            self._bind_function(node)
            return
        self.expression(node.value)
        for target in node.targets:
            self._target(target)
            if isinstance(target, ast.Name) and (_is_query(node.value) or plain_name(node.value) in self.queries):
                self.queries.add(target.id)

    def _bind_function(self, node: ast.Assign) -> None:
        """Check `f = helper`: the variable stands for that function from here on, and for nothing else."""
        name = plain_name(node.targets[0])
        if name is None or len(node.targets) != 1 or self.stores[name] != 1 or hides_builtin(name):
            refuse(node, "a function is given to one variable of its own")
        self._target(node.targets[0])
        self.callables.add(name)

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
        self.expression(node.test)
        self.check(node.body)
        if node.orelse:  # Warp drops it; it is checked all the same
            self.check(node.orelse)

    def _for(self, node: ast.For) -> None:
        """Check a loop over a range, forwards or `reversed`, or over what a query finds."""
        if not isinstance(node.target, ast.Name):
            refuse(node.target, "a loop has one variable")
        call = node.iter
        if isinstance(call, ast.Call) and plain_name(call.func) == "reversed" and len(call.args) == 1:
            call = call.args[0]
        if isinstance(call, ast.Call) and plain_name(call.func) == "range":
            self._range(call)
            largest = self._largest(call)
        elif node.iter is call and (plain_name(call) in self.queries or _is_query(call)):
            self.expression(call)
            largest = None
        else:
            refuse(call, "a for loop runs over range(...) or a query")
        self._target(node.target)
        self._loop_body(node.target.id, largest, node.body)
        if node.orelse:
            self.check(node.orelse)

    def _range(self, call: ast.Call) -> None:
        if not 1 <= len(call.args) <= 3 or call.keywords:
            refuse(call, "range takes one to three arguments")
        for argument in call.args:
            self.expression(argument)

    def _largest(self, call: ast.Call) -> Value:
        """Return the largest bound of a range over constants, None for any other."""
        try:
            bounds = [constant_value(argument, self.scope) for argument in call.args]
        except RefusedError:
            return None
        return max((abs(bound) for bound in bounds if bound is not None), default=None)

    def _loop_body(self, counter: str, largest: Value, body: Sequence[ast.stmt]) -> None:
        outside = dict(self.counters)
        self.counters.pop(counter, None)
        if largest is not None:
            self.counters[counter] = largest
        self.check(body)
        self.counters = outside

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.expression(node.value)

    def _assert(self, node: ast.Assert) -> None:
        """Check an assertion, whose text Warp pastes into a string of the C++."""
        if node.msg is not None:
            refuse(node.msg, "an assertion has no message")
        if node.lineno != node.end_lineno:
            refuse(node, "an assertion stands in one line")
        self.expression(node.test)

    def _call_statement(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Call):
            refuse(node, "an expression that is no call does nothing")
        self.expression(node.value)

    def _nothing(self, node: ast.stmt) -> None:
        pass

    # expressions

    def _name(self, node: ast.Name) -> None:
        if node.id in self.bound and node.id not in self.callables:
            return
        if node.id in self.scope.constants or node.id in self.scope.instances:
            return
        if node.id in self.scope.names or node.id in self.bound or node.id in PYTHON_NAMES or node.id == "wp":
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
        if enum_member(node, self.scope) is not None or _is_sampling_mode(node):
            return
        name = warp_name(node)
        if name is not None:
            if name not in vocabulary().constants:
                refuse(node, f"wp.{name} is no value of the grammar")
            return
        if node.attr not in vocabulary().attributes and node.attr not in self.scope.fields:
            refuse(node, f".{node.attr} is neither a component nor a struct's field")
        self.expression(node.value)

    def _subscript(self, node: ast.Subscript) -> None:
        if warp_name(node.value) != "adjoint":  # `wp.adjoint[x]` is the gradient of x
            self.expression(node.value)
        self.expression(node.slice)

    def _slice(self, node: ast.Slice) -> None:
        for bound in (node.lower, node.upper, node.step):
            if bound is not None:
                self.expression(bound)

    def _call(self, node: ast.Call) -> None:
        check_call(self, node)


def _is_query(node: ast.expr) -> bool:
    """Whether an expression calls a built-in whose result a loop can run over."""
    name = warp_name(node.func) if isinstance(node, ast.Call) else None
    return name in vocabulary().functions and "query" in name


def _is_sampling_mode(node: ast.Attribute) -> bool:
    """Whether an expression is one of the numbers that say how a volume is sampled, such as `wp.Volume.LINEAR`."""
    return node.attr in NAMED_VALUES.get(warp_name(node.value) or "", ())


_STATEMENTS: dict[type[ast.stmt], Callable[[BodyRules, Any], None]] = {
    ast.Assign: BodyRules._assign,
    ast.AugAssign: BodyRules._augmented,
    ast.If: BodyRules._if,
    ast.While: BodyRules._while,
    ast.For: BodyRules._for,
    ast.Return: BodyRules._return,
    ast.Assert: BodyRules._assert,
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
