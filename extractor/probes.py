"""Python functions are compiled anew with a probe on each way out of a branch: following them costs next to nothing.

A tracer (`sys.settrace`) is called for every line and makes Warp's code generation ten times as slow; `sys.monitoring`
(from Python 3.12 on) is called for every branch that has not yet gone both ways and makes it four times as slow. A
probe is one store into a list. It works in every version of Python, where a branch has the same name in all of them.

This module knows nothing of Warp: it takes a file's text and gives the code of its functions.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from types import CodeType
from typing import TypeVar

TAKEN, ENTER, LEAVE = "_warpsmith_taken", "_warpsmith_enter", "_warpsmith_leave"
"""The names that the functions' module must have: the list in which the ways taken are 1, what is called with an
argument of the functions that say whose turn it is, and what is called when they end."""

Place = tuple[str, int]
"""What finds a function's code: its qualified name and first line."""


@dataclass(frozen=True)
class Probed:
    """A file with probes: the code of its functions by their place, and the ways that the probes stand on, in order."""

    codes: dict[Place, CodeType]
    ways: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """Which functions get probes, by their qualified names, and which branches of them depend on more than the input.

    `enters` maps functions to the parameter that they hand to `ENTER` when they begin; they call `LEAVE` when they end.
    Conditions that read an attribute which is `lazy`, filled in at the first use, get no probes, nor do loops over a
    variable of the module that is `unordered`: a set, which has an order of its own in every process.
    """

    follow: Callable[[str], bool]
    enters: Mapping[str, str]
    lazy: Set[str] = frozenset()
    unordered: Set[str] = frozenset()


def probed(text: str, filename: str, wanted: Wanted, first: int = 0) -> Probed:
    """Put probes into the functions of a file that are wanted, numbered from `first` on.

    A way is named `Adjoint.emit_If: if 2, else`: the function, the branch by its kind and number there, the outcome.
    Ways that end in an error are left out: they lead to no kernel. So are functions that remember their results, as
    the way through them depends on what was asked before. Raises SyntaxError for a file that is no Python.
    """
    tree = ast.parse(text, filename)
    prober = _Prober(wanted, first)
    tree.body = [node for node in map(prober.visit, tree.body) if isinstance(node, _KEPT)]
    code = compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)
    found = [(_place(inner), inner) for inner in _nested(code)]
    times = Counter(place for place, _ in found)
    return Probed({place: inner for place, inner in found if times[place] == 1}, tuple(prober.ways))


def _place(code: CodeType) -> Place:
    return code.co_qualname, code.co_firstlineno


def _nested(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _nested(constant)


_KEPT = (ast.FunctionDef, ast.ClassDef, ast.ImportFrom)
"""What of a file can hold functions to follow, or decides how they are compiled: imports from the future."""

_Suite = list[ast.stmt]


class _Prober(ast.NodeTransformer):
    """Puts the probes in, and names them in order."""

    def __init__(self, wanted: Wanted, first: int) -> None:
        self.ways: list[str] = []
        self._wanted = wanted
        self._first = first
        self._path: list[str] = []
        self._branches: Counter[str] = Counter()
        self._function = ""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self._path.append(node.name)
        node.body = [self.visit(each) for each in node.body]
        self._path.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        outer = self._function
        self._path.append(node.name)
        name = ".".join(part for part in self._path if part != "<locals>")
        if not outer:
            self._function = name if self._wanted.follow(name) and not _remembers(node) else ""
        if self._function:
            node.body = self._suite(node.body)
        if name in self._wanted.enters:
            node.body = self._entering(self._wanted.enters[name], node)
        self._path.pop()
        self._function = outer
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if self._function and not self._is_lazy(node.test):
            branch = self._next("if")
            node.test = self.visit(node.test)
            node.body = self._way(node.body, f"{branch}, then", node)
            node.orelse = self._way(node.orelse, f"{branch}, else", node)
            return node
        return self.generic_visit(node)

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._loop(node, "for")

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._loop(node, "while")

    def _loop(self, node: ast.For | ast.While, kind: str) -> ast.AST:
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Name) and node.iter.id in self._wanted.unordered:
            return node
        if not self._function:
            return self.generic_visit(node)
        branch = self._next(kind)
        if isinstance(node, ast.While):
            node.test = self.visit(node.test)
        else:
            node.iter = self.visit(node.iter)
        node.body = self._way(node.body, f"{branch}, again", node)
        node.orelse = self._way(node.orelse, f"{branch}, over", node)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if self._function:
            node.body = self._way(node.body, self._next("except"), node)
            return node
        return self.generic_visit(node)

    def visit_Match(self, node: ast.Match) -> ast.AST:
        if self._function:
            branch = self._next("match")
            node.subject = self.visit(node.subject)
            for number, case in enumerate(node.cases):
                case.body = self._way(case.body, f"{branch}, case {number}", case.pattern)
            return node
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        if not self._function or self._is_lazy(node.test):
            return self.generic_visit(node)
        branch = self._next("expression")
        node.test = self.visit(node.test)
        node.body = self._value(self.visit(node.body), f"{branch}, then")
        node.orelse = self._value(self.visit(node.orelse), f"{branch}, else")
        return node

    def _is_lazy(self, test: ast.expr) -> bool:
        return any(isinstance(inner, ast.Attribute) and inner.attr in self._wanted.lazy for inner in ast.walk(test))

    def _suite(self, suite: _Suite) -> _Suite:
        return [self.visit(each) for each in suite]

    def _way(self, suite: _Suite, way: str, branch: ast.AST) -> _Suite:
        """Return a suite that begins with the probe of a way; one that ends in an error stays without."""
        if suite and isinstance(suite[-1], ast.Raise):
            return self._suite(suite)
        probe = ast.parse(f"{TAKEN}[{self._number(way)}] = 1").body[0]
        return [_at(probe, branch), *self._suite(suite)]

    def _value(self, value: ast.expr, way: str) -> ast.expr:
        """Return an expression of the same value that takes the probe of a way first; a list's method returns None."""
        probe = ast.parse(f"{TAKEN}.__setitem__({self._number(way)}, 1)", mode="eval").body
        return _at(ast.BoolOp(ast.Or(), [_at(probe, value), value]), value)

    def _entering(self, parameter: str, function: ast.FunctionDef) -> _Suite:
        """Return a function's body between its two calls."""
        enter, guarded = ast.parse(f"{ENTER}({parameter})\ntry:\n    pass\nfinally:\n    {LEAVE}()").body
        assert isinstance(guarded, ast.Try)
        enter, guarded = _at(enter, function), _at(guarded, function)
        guarded.body = function.body
        return [enter, guarded]

    def _next(self, kind: str) -> str:
        """Return the name of the next branch of a kind in the function."""
        self._branches[f"{self._function} {kind}"] += 1
        return f"{self._function}: {kind} {self._branches[f'{self._function} {kind}']}"

    def _number(self, way: str) -> int:
        self.ways.append(way)
        return self._first + len(self.ways) - 1


Node = TypeVar("Node", bound=ast.AST)


def _at(node: Node, where: ast.AST) -> Node:
    """Put a new node, with what is new in it, on the line of another: line numbers and tracebacks stay as they are."""
    inner = ast.walk(node) if not isinstance(node, ast.BoolOp) else (node,)
    for each in inner:
        if isinstance(each, (ast.expr, ast.stmt)):
            ast.copy_location(each, where)
    return node


def _remembers(node: ast.FunctionDef) -> bool:
    """Whether a function is decorated with a cache."""
    return any("cache" in ast.unparse(each) for each in node.decorator_list)
