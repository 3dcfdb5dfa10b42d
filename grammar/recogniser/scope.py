"""The names that a source has defined so far, and how a rule refuses a node."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import NoReturn

from grammar.recogniser.vocabulary import PYTHON_NAMES
from grammar.registry import builtin_names

MAX_NAME = 64
_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9_]*|_")
_RESERVED = PYTHON_NAMES | {"wp", "warp"}


class RefusedError(Exception):
    """A node is outside the grammar; raised by `refuse`, caught by the recogniser."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.column = column
        self.reason = reason


def refuse(node: ast.AST | None, reason: str) -> NoReturn:
    """Refuse a node, or the whole source where there is none to point at."""
    raise RefusedError(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, reason)


def warp_name(node: ast.AST) -> str | None:
    """Return the `x` of a plain `wp.x`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wp":
        return node.attr
    return None


def keywords_of(call: ast.Call) -> dict[str, ast.expr]:
    """Return a call's keyword arguments; refuses `**` and starred arguments."""
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            refuse(argument, "starred argument")
    for keyword in call.keywords:
        if keyword.arg is None:
            refuse(keyword.value, "starred argument")
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}


def plain_name(node: ast.AST) -> str | None:
    """Return the name that a node is, None for anything but a name."""
    return node.id if isinstance(node, ast.Name) else None


Value = int | float | bool | None
"""A module-level constant's number, None for one that is no plain number (a vector)."""


@dataclass
class Scope:
    """A source's module level: its names by kind, and what the rules for the lines below must know of them."""

    constants: set[str] = field(default_factory=set)
    instances: set[str] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)
    structs: set[str] = field(default_factory=set)
    enums: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    adjoints: set[str] = field(default_factory=set)
    kernels: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)
    values: MutableMapping[str, Value] = field(default_factory=dict)
    """Constants by name, and enums' members as `Mode.FAST`."""
    signatures: dict[str, set[str]] = field(default_factory=dict)
    """The parameter types of a function's overloads, as text."""
    reinterpreted: list[ast.AST] = field(default_factory=list)
    """Where bits are read as another type."""
    holds_addresses: bool = False
    """Whether a struct has a field that is an array or an object: what lies in memory is an address."""
    allow_native: bool = False

    def define(self, node: ast.AST, name: str, kind: set[str]) -> None:
        """Add a module-level name."""
        self.check_name(node, name)
        if name in self.names:
            refuse(node, f"{name} is defined twice")
        self.names.add(name)
        kind.add(name)

    def define_function(self, node: ast.AST, name: str, signature: str, is_operator: bool) -> None:
        """Add a function, or an overload of one with other parameter types.

        It must not hide a built-in, for which Warp would take it, unless it overloads an operator for a struct.
        """
        if hides_builtin(name) and not is_operator:
            refuse(node, f"{name} would hide a built-in")
        if name not in self.functions:
            self.define(node, name, self.functions)
        overloads = self.signatures.setdefault(name, set())
        if signature in overloads:
            refuse(node, f"{name} is defined twice with the same parameters")
        overloads.add(signature)

    def check_local(self, node: ast.AST, name: str) -> None:
        """Check the name of a parameter or local variable: Warp resolves names in another order than Python does."""
        self.check_name(node, name)
        if name in self.names:
            refuse(node, f"{name} hides a module-level name")

    def check_name(self, node: ast.AST, name: str) -> None:
        """Check the spelling of a name that the source defines."""
        if not _NAME.fullmatch(name):
            refuse(node, f"{name!r} is no plain ASCII name, or starts with two underscores")
        if len(name) > MAX_NAME:
            refuse(node, f"name longer than {MAX_NAME} characters")
        if name in _RESERVED:
            refuse(node, f"{name} is reserved")


def hides_builtin(name: str) -> bool:
    """Whether a function of this name would stand before one of Warp's or Python's."""
    return name in builtin_names() or hasattr(builtins, name)
