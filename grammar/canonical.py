"""The canonical source: what stays of a kernel without its names, layout, comments and the spelling of its literals.

Two sources have the same canonical source exactly when they differ in nothing else, so its hash identifies the kernel.
It is printed by the rules here, and not by `ast.unparse`, whose parentheses change between releases of Python: an `id`
must outlive them.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from grammar.parsing import parsed
from grammar.struct_types import OPERATOR_FUNCTIONS, Inferred, StructTypes

ID_LENGTH = 32
"""Hexadecimal digits of a kernel's id: 128 bits, so that a chance collision stays out of reach of any corpus."""

_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*(?:(?<=e)[+-]\d+)?|[-+*/%&|^<>=!~@]+|[^\s\w]")

_BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.MatMult: "@",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}
_UNARY = {ast.UAdd: "+", ast.USub: "-", ast.Invert: "~", ast.Not: "not "}
_BOOLEAN = {ast.And: " and ", ast.Or: " or "}
_COMPARE = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def kernel_id(source: str) -> str:
    """Return the id of a kernel: the start of the SHA-256 of its canonical source, in hexadecimal."""
    return hashlib.sha256(canonical(source).encode()).hexdigest()[:ID_LENGTH]


@lru_cache(maxsize=8)
def canonical(source: str) -> str:
    """Return the canonical source of a kernel that the recogniser accepts.

    Raises SyntaxError for what is not Python, and ValueError naming the place for a construct outside the grammar.
    """
    return _Printer().module(parsed(source))


def tokens(canonical_source: str) -> list[str]:
    """Split a canonical source into its tokens, without layout."""
    return _TOKEN.findall(canonical_source)


class _Printer:
    """Prints a tree with every name of the source's own replaced by its kind and number of first appearance.

    Functions are f0, f1, …, structs s0, …, classes of constants e0, …, constants c0, …, type aliases t0, …, variables
    of a function v0, … and a struct's fields m0, … by position. Overloads share their function's name, and those of
    operators keep it, which says what they are. Every operation is in parentheses.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.indent = ""
        self.globals: dict[str, str] = {}
        self.locals: dict[str, str] = {}
        self.types = StructTypes()
        self.parameters: dict[str, dict[str, str]] = {}
        self.members: dict[str, dict[str, str]] = {}
        self.result: Inferred = None

    def module(self, tree: ast.Module) -> str:
        """Return the text of a whole module."""
        self.block(_without_docstring(tree.body))
        return "\n".join(self.lines) + "\n"

    def block(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            rule = _STATEMENTS.get(type(statement))
            if rule is None:
                raise _outside(statement)
            rule(self, statement)

    def nested(self, body: Sequence[ast.stmt]) -> None:
        self.indent += " "
        self.block(body)
        self.indent = self.indent[1:]

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def name(self, name: str) -> str:
        return self.locals.get(name) or self.globals.get(name, name)

    def define(self, name: str, kind: str) -> str:
        """Number a module-level name; functions of one name keep its number, as overloads of one another."""
        if name not in self.globals:
            self.globals[name] = f"{kind}{sum(given[0] == kind for given in self.globals.values())}"
        return self.globals[name]

    # statements

    def _import(self, node: ast.Import) -> None:
        if [(alias.name, alias.asname) for alias in node.names] != [("warp", "wp")]:
            raise _outside(node)
        self.line("import warp as wp")

    def _import_names(self, node: ast.ImportFrom) -> None:
        self.line(f"from {node.module} import {', '.join(alias.name for alias in node.names)}")

    def _class(self, node: ast.ClassDef) -> None:
        if node.decorator_list:
            self._struct(node)
        else:
            self._class_of_constants(node)

    def _class_of_constants(self, node: ast.ClassDef) -> None:
        """Print an enum, or a class of constants, with its members m0, … by position."""
        places: dict[str, str] = {}
        values = []
        for member in _without_docstring(node.body):
            if not isinstance(member, ast.Assign) or not isinstance(member.targets[0], ast.Name):
                raise _outside(member)
            places[member.targets[0].id] = f"m{len(places)}"
            values.append(self.text(member.value))
        self.members[node.name] = places
        bases = ", ".join(map(self.text, node.bases))
        fields = ", ".join(f"m{place} = {value}" for place, value in enumerate(values))
        self.line(f"class {self.define(node.name, 'e')}({bases}): {fields}")

    def _struct(self, node: ast.ClassDef) -> None:
        self.types.add_struct(node)
        annotations = [field.annotation for field in node.body if isinstance(field, ast.AnnAssign)]
        fields = ", ".join(f"m{place}: {self.text(annotation)}" for place, annotation in enumerate(annotations))
        self.line(f"struct {self.define(node.name, 's')}: {fields}")

    def _function(self, node: ast.FunctionDef) -> None:
        self.locals = {}
        self.result = None
        self.types.enter(node)
        if node.name in OPERATOR_FUNCTIONS.values():
            self.globals[node.name] = node.name
        names = [self.variable(argument.arg) for argument in node.args.args]
        self.parameters.setdefault(node.name, {}).update(self.locals)
        annotations = [self.text(argument.annotation) for argument in node.args.args if argument.annotation]
        defaults = [""] * (len(names) - len(node.args.defaults))
        defaults += [f" = {self.text(default)}" for default in node.args.defaults]
        parameters = ", ".join(map("{}: {}{}".format, names, annotations, defaults))
        result = f" -> {self.text(node.returns)}" if node.returns else ""
        decorators = " ".join(f"@{self.text(decorator)}" for decorator in node.decorator_list)
        self.line(f"{decorators} def {self.define(node.name, 'f')}({parameters}){result}:")
        self.nested(_without_docstring(node.body))
        self.types.leave(node, self.result)
        self.locals = {}

    def variable(self, name: str) -> str:
        return self.locals.setdefault(name, f"v{len(self.locals)}")

    def _assign(self, node: ast.Assign) -> None:
        value = self.text(node.value)
        target = node.targets[0]
        if self.indent or isinstance(target, ast.Attribute):
            for each in node.targets:
                self.types.assign(each, node.value)
            self.line(f"{' = '.join(map(self.target, node.targets))} = {value}")
        elif isinstance(target, ast.Name) and len(node.targets) == 1:
            self.types.add_instance(target.id, node.value)
            is_alias = isinstance(node.value, ast.Call) and ".types." in value
            self.line(f"{self.define(target.id, 't' if is_alias else 'c')} = {value}")
        else:
            raise _outside(node)

    def target(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self.variable(node.id)
        if isinstance(node, ast.Tuple):
            return f"({', '.join(self.target(element) for element in node.elts)},)"
        return self.text(node)

    def _augmented(self, node: ast.AugAssign) -> None:
        self.line(f"{self.text(node.target)} {_BINARY[type(node.op)]}= {self.text(node.value)}")

    def _if(self, node: ast.If) -> None:
        self.line(f"if {self.text(node.test)}:")
        self.nested(node.body)
        self.otherwise(node.orelse)

    def otherwise(self, body: Sequence[ast.stmt]) -> None:
        if body:
            self.line("else:")
            self.nested(body)

    def _while(self, node: ast.While) -> None:
        self.line(f"while {self.text(node.test)}:")
        self.nested(node.body)
        self.otherwise(node.orelse)

    def _for(self, node: ast.For) -> None:
        iterable = self.text(node.iter)
        self.line(f"for {self.target(node.target)} in {iterable}:")
        self.nested(node.body)
        self.otherwise(node.orelse)

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.result = self.result or self.types.infer(node.value)
        self.line(f"return {self.text(node.value)}" if node.value is not None else "return")

    def _assert(self, node: ast.Assert) -> None:
        if node.msg is not None:
            raise _outside(node)
        self.line(f"assert {self.text(node.test)}")

    def _expression_statement(self, node: ast.Expr) -> None:
        self.line(self.text(node.value))

    def _keyword_statement(self, node: ast.stmt) -> None:
        self.line(type(node).__name__.lower())

    # expressions

    def text(self, node: ast.expr) -> str:
        """Return the text of an expression."""
        rule = _EXPRESSIONS.get(type(node))
        if rule is None:
            raise _outside(node)
        return rule(self, node)

    def _name(self, node: ast.Name) -> str:
        return self.name(node.id)

    def _constant(self, node: ast.Constant) -> str:
        if node.value is Ellipsis:
            return "..."
        if not isinstance(node.value, int | float | str | None):  # bool is an int
            raise _outside(node)
        return repr(node.value)

    def _binary(self, node: ast.BinOp) -> str:
        return f"({self.text(node.left)} {_BINARY[type(node.op)]} {self.text(node.right)})"

    def _unary(self, node: ast.UnaryOp) -> str:
        return f"({_UNARY[type(node.op)]}{self.text(node.operand)})"

    def _boolean(self, node: ast.BoolOp) -> str:
        return f"({_BOOLEAN[type(node.op)].join(map(self.text, node.values))})"

    def _compare(self, node: ast.Compare) -> str:
        parts = [self.text(node.left)]
        for operator, comparator in zip(node.ops, node.comparators, strict=True):
            if type(operator) not in _COMPARE:
                raise _outside(node)
            parts += [_COMPARE[type(operator)], self.text(comparator)]
        return f"({' '.join(parts)})"

    def _ternary(self, node: ast.IfExp) -> str:
        return f"({self.text(node.body)} if {self.text(node.test)} else {self.text(node.orelse)})"

    def _tuple(self, node: ast.Tuple) -> str:
        return f"({', '.join(map(self.text, node.elts))},)"

    def _dictionary(self, node: ast.Dict) -> str:
        """The options of a module."""
        keys = [self.text(key) if key else "" for key in node.keys]
        return f"{{{', '.join(f'{key}: {self.text(value)}' for key, value in zip(keys, node.values, strict=True))}}}"

    def _attribute(self, node: ast.Attribute) -> str:
        if isinstance(node.value, ast.Name) and node.value.id not in self.locals and node.value.id in self.members:
            return f"{self.name(node.value.id)}.{self.members[node.value.id].get(node.attr, node.attr)}"
        place = self.types.field_place(node)
        return f"{self.text(node.value)}.{node.attr if place is None else f'm{place}'}"

    def _subscript(self, node: ast.Subscript) -> str:
        return f"{self.text(node.value)}[{self.text(node.slice)}]"

    def _slice(self, node: ast.Slice) -> str:
        return ":".join(self.text(part) if part else "" for part in (node.lower, node.upper, node.step))

    def _call(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "overload" and len(node.args) == 2:
            return self._overload(node)
        callee = node.func.id if isinstance(node.func, ast.Name) else ""
        callee = self.types.aliases.get(callee, callee)
        arguments = [self.text(argument) for argument in node.args]
        arguments += [f"{self.keyword(callee, keyword)}={self.text(keyword.value)}" for keyword in node.keywords]
        return f"{self.text(node.func)}({', '.join(arguments)})"

    def _overload(self, node: ast.Call) -> str:
        """Print `wp.overload(kernel, {…})` with the kernel's parameters by their numbers."""
        kernel, types = node.args
        if not isinstance(kernel, ast.Name) or not isinstance(types, ast.Dict | ast.List):
            raise _outside(node)
        if isinstance(types, ast.List):
            return f"overload({self.name(kernel.id)}, [{', '.join(map(self.text, types.elts))}])"
        numbers = self.parameters.get(kernel.id, {})
        keys = [key.value if isinstance(key, ast.Constant) else None for key in types.keys]
        entries = [
            f"{numbers.get(str(key), key)}: {self.text(value)}" for key, value in zip(keys, types.values, strict=True)
        ]
        return f"overload({self.name(kernel.id)}, {{{', '.join(entries)}}})"

    def keyword(self, callee: str, keyword: ast.keyword) -> str:
        """The name of a keyword argument: a parameter or field when the callee is the source's own."""
        if keyword.arg is None:
            raise _outside(keyword.value)
        place = self.types.place_in(callee, keyword.arg)
        if place is not None:
            return f"m{place}"
        return self.parameters.get(callee, {}).get(keyword.arg, keyword.arg)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0].value if body and isinstance(body[0], ast.Expr) else None
    return body[1:] if isinstance(first, ast.Constant) and isinstance(first.value, str) else body


def _outside(node: ast.stmt | ast.expr) -> ValueError:
    return ValueError(f"{node.lineno}:{node.col_offset + 1}: {type(node).__name__} is outside the grammar")


_STATEMENTS: dict[type[ast.stmt], Callable[[_Printer, Any], None]] = {
    ast.Import: _Printer._import,
    ast.ImportFrom: _Printer._import_names,
    ast.ClassDef: _Printer._class,
    ast.FunctionDef: _Printer._function,
    ast.Assign: _Printer._assign,
    ast.AugAssign: _Printer._augmented,
    ast.If: _Printer._if,
    ast.While: _Printer._while,
    ast.For: _Printer._for,
    ast.Return: _Printer._return,
    ast.Assert: _Printer._assert,
    ast.Expr: _Printer._expression_statement,
    ast.Break: _Printer._keyword_statement,
    ast.Continue: _Printer._keyword_statement,
    ast.Pass: _Printer._keyword_statement,
}

_EXPRESSIONS: dict[type[ast.expr], Callable[[_Printer, Any], str]] = {
    ast.Name: _Printer._name,
    ast.Constant: _Printer._constant,
    ast.BinOp: _Printer._binary,
    ast.UnaryOp: _Printer._unary,
    ast.BoolOp: _Printer._boolean,
    ast.Compare: _Printer._compare,
    ast.IfExp: _Printer._ternary,
    ast.Tuple: _Printer._tuple,
    ast.Dict: _Printer._dictionary,
    ast.Attribute: _Printer._attribute,
    ast.Subscript: _Printer._subscript,
    ast.Slice: _Printer._slice,
    ast.Call: _Printer._call,
}
