"""Where an array's element is overwritten that was read before, or what an atomic returned is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grammar.limits.reading import Function, blocks, called

_Place = tuple[str, int]
"""An index: a name, or nothing, and the number that is added to it."""


@dataclass(frozen=True)
class _Access:
    """A read or a store: the array as it is spelled and the element, the line, when it happens, and in which loops."""

    array: str
    place: _Place | None
    line: int
    time: int
    loops: frozenset[str]
    stores: bool


def overwritten(function: Function) -> Iterator[int]:
    """Yield the lines that store to an array that is read before, in the same trip of a loop or in an earlier one."""
    accesses = function.kept(_Accesses).found
    lines = {
        store.line
        for store in accesses
        if store.stores
        for read in accesses
        if not read.stores and read.array == store.array and _may_come_before(read, store)
    }
    yield from sorted(lines)


def _may_come_before(read: _Access, store: _Access) -> bool:
    """Whether an element may be read before it is stored to: always but for elements that can be told apart.

    In a loop over j, `y[j + 1]` is stored to before it is read as `y[j]` in the next trip.
    """
    shared = read.loops & store.loops
    if read.time > store.time and not shared:
        return False
    if read.place is None or store.place is None or read.place[0] != store.place[0]:
        return True
    name = read.place[0]
    return read.place[1] == store.place[1] or (name in shared and read.place[1] > store.place[1])


def atomic_results(function: Function) -> Iterator[int]:
    """Yield the lines that use what an atomic returned, whatever for."""
    dropped = [node.value for node in function.statements if isinstance(node, ast.Expr)]
    for name, node in function.calls:
        if name.startswith("atomic_") and node not in dropped:
            yield node.lineno


class _Accesses:
    """The accesses to arrays of one function, those of the functions that it calls included."""

    def __init__(self, function: Function) -> None:
        self.found: list[_Access] = []
        self._function = function
        self._views: dict[str, str] = {}
        self._time = 0
        self._loops: frozenset[str] = frozenset()
        self._block(function.node.body)

    def _block(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            self._time += 1
            self._statement(node)
            outside = self._loops
            if isinstance(node, ast.For | ast.While):
                ascending = isinstance(node, ast.For) and isinstance(node.target, ast.Name) and _ascends(node.iter)
                self._loops |= {node.target.id if ascending else f"<{self._time}>"}  # type: ignore[union-attr]
            for inner in blocks(node):
                self._block(inner)
            self._loops = outside

    def _statement(self, node: ast.stmt) -> None:
        targets: list[ast.expr] = []
        match node:
            case ast.Assign():
                targets = node.targets
                self._note_view(node)
            case ast.AugAssign(target=target):
                targets = [target]
        for one in ast.iter_child_nodes(node):
            if isinstance(one, ast.expr):
                self._expression(one, any(one is target for target in targets))

    def _expression(self, node: ast.expr, stored: bool = False) -> None:
        parts: list[ast.AST] = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Subscript | ast.Attribute):
            parts = [node.slice] if isinstance(node, ast.Subscript) else []
            array = self._array(node)
            if array:
                self._note(array, node, stored)
                parts += _indices(node.value)
            else:
                parts.append(node.value)
        elif isinstance(node, ast.Call):
            self._call(node)
        for one in parts:
            if isinstance(one, ast.expr):
                self._expression(one, stored and isinstance(node, ast.Tuple))

    def _call(self, node: ast.Call) -> None:
        name = called(node)
        if name.startswith(("atomic_", "tile_store", "tile_atomic_")) and node.args:
            array = self._named(node.args[0]) or self._array(node.args[0])
            if array:
                self._note(array, node, True)
        elif name.startswith("tile_load") and node.args and (array := self._named(node.args[0])):
            self._note(array, node, False)
        for callee in self._function.module.by_name.get(name, []):
            for parameter, argument in zip(callee.parameters, node.args, strict=False):
                array = self._named(argument)
                for access in callee.kept(_Accesses).found if array else []:
                    if access.array == parameter:
                        self._note(array, node, access.stores)

    def _note(self, array: str, node: ast.expr, stores: bool) -> None:
        place = self._place(node.slice) if isinstance(node, ast.Subscript) else None
        self.found.append(_Access(array, place, node.lineno, self._time, self._loops, stores))

    def _place(self, index: ast.expr) -> _Place | None:
        """Return an index as a name and an offset; None for others, and for names that change nobody knows how."""
        match index:
            case ast.Constant(value=int() as value):
                return "", value
            case ast.Name(id=name):
                return (name, 0) if self._is_steady(name) else None
            case ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=ast.Constant(value=int() as value)):
                return (name, value) if self._is_steady(name) else None
            case ast.BinOp(left=ast.Name(id=name), op=ast.Sub(), right=ast.Constant(value=int() as value)):
                return (name, -value) if self._is_steady(name) else None
        return None

    def _is_steady(self, name: str) -> bool:
        """Whether a name has one value, or is the index of a loop that counts up."""
        return name in self._loops or (len(self._function.assigned.get(name, ())) <= 1 and not self._loops)

    def _note_view(self, node: ast.Assign) -> None:
        """Remember that a name stands for a part of an array from now on."""
        if isinstance(node.targets[0], ast.Name):
            name = self._named(node.value) or self._part(node.value)
            if called(node.value) == "zeros":
                name = node.targets[0].id
            if name:
                self._views[node.targets[0].id] = name

    def _part(self, node: ast.expr) -> str:
        """Return the array of which an expression is a row or a slice; empty for an element."""
        array = self._function.array_at(node.value) if isinstance(node, ast.Subscript) else None
        if array is None or not isinstance(node, ast.Subscript):
            return ""
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        whole = len(indices) >= array.axes and not any(isinstance(one, ast.Slice) for one in indices)
        return "" if whole else self._named(node.value)

    def _named(self, node: ast.expr) -> str:
        """Return how the array is spelled that an expression names as a whole; empty if it names none."""
        if isinstance(node, ast.Name) and node.id in self._views:
            return self._views[node.id]
        return ast.unparse(node) if self._function.array_at(node) is not None else ""

    def _array(self, node: ast.expr) -> str:
        """Return the array of which an expression is an element, or a part of one."""
        while isinstance(node, ast.Subscript | ast.Attribute):
            if isinstance(node, ast.Attribute) and node.attr == "shape":
                return ""
            if name := self._named(node.value):
                return name if isinstance(node, ast.Subscript) else ""
            node = node.value
        return ""


def _indices(node: ast.expr) -> list[ast.AST]:
    """Return the indices of all subscripts along an expression."""
    found: list[ast.AST] = []
    while isinstance(node, ast.Subscript | ast.Attribute):
        if isinstance(node, ast.Subscript):
            found.append(node.slice)
        node = node.value
    return found


def _ascends(iterated: ast.expr) -> bool:
    return called(iterated) == "range" and len(iterated.args) < 3  # type: ignore[attr-defined]
