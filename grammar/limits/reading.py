"""A module source as the detectors read it: its functions, and what is known of their parameters and constants."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

_INTEGER = re.compile(
    r"(?:wp\.)?(?:bool|u?int(?:8|16|32|64)?|(?:vec\d|mat\d\d)(?:b|ub|s|us|i|ui|l|ul)|\w*(?:Query\w*))"
)
_ARRAY = re.compile(r"array|indexedarray")

LOOPS = (ast.For, ast.While)

_PARTS = (ast.stmt, ast.expr, ast.keyword)

T = TypeVar("T")


@dataclass(frozen=True)
class Array:
    """What an annotation says of an array: its number of axes, and its elements' type as it is spelled."""

    axes: int
    dtype: str

    @property
    def holds_integers(self) -> bool:
        """Whether no gradient belongs to its elements."""
        return is_integer_name(self.dtype)


@dataclass(frozen=True)
class Function:
    """One `@wp.kernel` or `@wp.func`, with the module that it stands in."""

    node: ast.FunctionDef
    module: Module
    is_kernel: bool
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def kept(self, make: Callable[[Function], T]) -> T:
        """Return what `make` makes of the function, the same for all detectors that ask."""
        if make not in self._kept:
            self._kept[make] = make(self)
        result: T = self._kept[make]
        return result

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the function's body."""
        found: list[ast.AST] = []
        waiting: list[ast.AST] = list(reversed(self.node.body))
        while waiting:  # ast.walk does the same in twice the time, since it visits contexts and operators too
            node = waiting.pop()
            found.append(node)
            for name in reversed(node._fields):
                value = getattr(node, name)
                if isinstance(value, _PARTS):
                    waiting.append(value)
                elif isinstance(value, list) and name != "ops":
                    waiting.extend(reversed(value))
        return found

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """The calls, each with the name of what is called, without `wp.`."""
        return [(name, node) for node in self.nodes if isinstance(node, ast.Call) and (name := called(node))]

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """The statements in the order of the source, those inside others included."""
        return list(statements(self.node.body))

    @cached_property
    def parameters(self) -> Mapping[str, ast.expr | None]:
        """The parameters' annotations."""
        return {one.arg: one.annotation for one in self.node.args.args}

    @cached_property
    def arrays(self) -> Mapping[str, Array]:
        """The parameters that are arrays."""
        found = {name: array_of(annotation) for name, annotation in self.parameters.items()}
        return {name: array for name, array in found.items() if array is not None}

    @cached_property
    def assigned(self) -> Mapping[str, list[ast.expr | None]]:
        """Every local name with what is assigned to it or a part of it; None where it is a loop's index."""
        found: dict[str, list[ast.expr | None]] = {}
        for node in self.statements:
            for name, value in bindings(node):
                found.setdefault(name, []).append(value)
            if isinstance(node, ast.Assign | ast.AugAssign):
                for name in changed_parts(node):
                    found.setdefault(name, []).append(node.value)
        return found

    def is_local(self, name: str) -> bool:
        """Whether a name is assigned to inside the function, and is no parameter."""
        return name in self.assigned and name not in self.parameters

    def array_at(self, node: ast.expr) -> Array | None:
        """Return the array that an expression names: a parameter, or a field of a struct."""
        if isinstance(node, ast.Name):
            return self.arrays.get(node.id)
        if isinstance(node, ast.Attribute):
            return self.module.array_fields.get(node.attr)
        return None


@dataclass(frozen=True)
class Module:
    """A module source's tree."""

    tree: ast.Module

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The kernels and functions; custom gradients and replays, which the user answers for, are left out."""
        kinds = ((node, _kind(node)) for node in self.tree.body if isinstance(node, ast.FunctionDef))
        return tuple(Function(node, self, kind == "kernel") for node, kind in kinds if kind in ("kernel", "func"))

    @cached_property
    def by_name(self) -> Mapping[str, list[Function]]:
        """The functions that others may call, overloads together."""
        found: dict[str, list[Function]] = {}
        for function in self.functions:
            if function.is_kernel:
                continue
            found.setdefault(function.node.name, []).append(function)
        return found

    @cached_property
    def structs(self) -> Mapping[str, Mapping[str, ast.expr]]:
        """The structs' fields with their annotations."""
        return {
            node.name: {
                field.target.id: field.annotation
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            }
            for node in self.tree.body
            if isinstance(node, ast.ClassDef)
        }

    @cached_property
    def array_fields(self) -> Mapping[str, Array]:
        """The names of the structs' fields that are arrays."""
        found = {name: array_of(note) for fields in self.structs.values() for name, note in fields.items()}
        return {name: array for name, array in found.items() if array is not None}

    @cached_property
    def integers(self) -> Mapping[str, int]:
        """The module's constants that are whole numbers."""
        found: dict[str, int] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = integer(node.value, found)
                if value is not None:
                    found[node.targets[0].id] = value
        return found


def array_of(annotation: ast.expr | None) -> Array | None:
    """Read `wp.array(dtype=float)`, `wp.array2d[float]` and the like; None for what is no array."""
    match annotation:
        case ast.Call(func=made):
            notes = {one.arg: one.value for one in annotation.keywords}
            dtype = notes.get("dtype") or (annotation.args[0] if annotation.args else None)
        case ast.Subscript(value=made, slice=dtype):
            notes = {}
        case _:
            return None
    spelled = ast.unparse(made).rpartition(".")[2]
    if not _ARRAY.match(spelled):
        return None
    digits = re.sub(r"\D", "", spelled)
    axes = integer(notes["ndim"], {}) if "ndim" in notes else int(digits or 1)
    return Array(axes or 1, ast.unparse(dtype) if dtype is not None else "Any")


def is_integer_name(spelled: str) -> bool:
    """Whether a type's name is that of integers, of a vector or matrix of such, or of a query."""
    return _INTEGER.fullmatch(spelled) is not None


def integer(node: ast.expr, known: Mapping[str, int]) -> int | None:
    """Return the whole number that an expression of literals and constants stands for, None if it is none."""
    match node:
        case ast.Constant(value=int() as value):
            return value
        case ast.Name(id=name):
            return known.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            negated = integer(operand, known)
            return None if negated is None else -negated
        case ast.Call(args=[only]) if ast.unparse(node.func) in ("wp.constant", "wp.static", "int", "wp.int32"):
            return integer(only, known)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            a, b = integer(left, known), integer(right, known)
            if a is None or b is None:
                return None
            return a + b if isinstance(node.op, ast.Add) else a - b if isinstance(node.op, ast.Sub) else a * b
    return None


def bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names that a statement binds as a whole, with the value where there is one of its own."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _bound(target, value)
        case ast.AugAssign(target=ast.Name(id=name)):
            yield name, ast.BinOp(ast.Name(name, ast.Load()), node.op, node.value, lineno=node.lineno, col_offset=0)
        case ast.For(target=target):
            yield from _bound(target, None)


def changed_parts(node: ast.stmt) -> set[str]:
    """Return the names of which a statement changes an element, component or field."""
    parts = (base(target) for target in stores(node) if isinstance(target, ast.Subscript | ast.Attribute))
    return {part.id for part in parts if isinstance(part, ast.Name)}


def stores(node: ast.stmt) -> list[ast.expr]:
    """Return the targets of an assignment, augmented or not; none for another statement."""
    return node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []


def _bound(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple):
        parts: Sequence[ast.expr | None] = [value] * len(target.elts)
        if isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts):
            parts = value.elts
        for inner, part in zip(target.elts, parts, strict=True):
            yield from _bound(inner, part)


def base(node: ast.expr) -> ast.expr:
    """Return what an element or part is taken of: `x` for `x[i].v[0]`, and `s.x` for `s.x[i]`."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Subscript | ast.Attribute):
            return node.value
        node = node.value
    return node


def called(node: ast.AST) -> str:
    """Return the name of the built-in or function that a call calls, without `wp.`; empty for anything else."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            return node.func.attr
        if isinstance(node.func, ast.Name):
            return node.func.id
    return ""


def blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    """Return the blocks inside a statement."""
    return [node.body, node.orelse] if isinstance(node, ast.If | ast.For | ast.While) else []


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block and of the blocks inside, in the order of the source."""
    for node in body:
        yield node
        for inner in blocks(node):
            yield from statements(inner)


def leaves_loop(body: Sequence[ast.stmt], kinds: tuple[type[ast.stmt], ...]) -> ast.stmt | None:
    """Return the first `break` or `continue` that belongs to the loop with this body, None if there is none."""
    for node in body:
        if isinstance(node, kinds):
            return node
        if not isinstance(node, LOOPS):
            for inner in blocks(node):
                if found := leaves_loop(inner, kinds):
                    return found
    return None


def _kind(node: ast.FunctionDef) -> str:
    for decorator in node.decorator_list:
        spelled = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
        return spelled.rpartition(".")[2]
    return ""
