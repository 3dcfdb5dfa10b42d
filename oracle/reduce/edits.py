"""What to try on a source, the largest edits first: every one leaves each variable that is read set before.

A statement goes with all that reads what only it sets. An expression gives way to a literal, or to a part of it, of the
same type.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from extractor.expression_types import Span, span_of
from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.program import Program, blocks, name_of
from oracle.reduce.changes import Change, Edit
from oracle.reduce.cleaning import arguments_for, own_expressions, parameters_without_use, root, set_by

LITERALS: Mapping[str, str] = {
    **{f"{sign}int{bits}": f"wp.{sign}int{bits}(1)" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{name: f"wp.{name}(1.0)" for name in ("float16", "float64", "bfloat16")},
    "bool": "True",
    "int32": "1",
    "float32": "1.0",
}
"""By type, a number that is safe to divide by; an index is 0 instead."""

OPERANDS = 4
"""How many parts are tried in the place of one expression, those nearest to it."""


def edits_of(source: str, types: Mapping[Span, str], written: tuple[str, ...] = ()) -> list[Edit]:
    """Return the edits of a source, those that take the most nodes away first.

    `types` are those of its expressions; `written` the kernel's parameters that it stores to.
    """
    listing = _Listing(Program(source), types)
    found = dict(listing.all(written))
    return sorted(found, key=lambda edit: (-found[edit], edit))


@dataclass(frozen=True)
class _Spot:
    """Where a statement stands: its function, the statements that it stands in, and its place in the text's order."""

    function: ast.FunctionDef
    around: tuple[ast.stmt, ...]
    order: int


class _Listing:
    """Lists a program's edits, each with how many nodes it takes away."""

    def __init__(self, program: Program, types: Mapping[Span, str]) -> None:
        self._program = program
        self._types = types
        self._numbers = {id(node): number for number, node in enumerate(ast.walk(program.tree))}
        self._spots: dict[ast.stmt, _Spot] = {}
        for function in program.functions:
            self._place(function, function.body, ())

    def _place(self, function: ast.FunctionDef, body: list[ast.stmt], around: tuple[ast.stmt, ...]) -> None:
        for statement in body:
            self._spots[statement] = _Spot(function, around, len(self._spots))
            for block in ("body", "orelse"):
                self._place(function, getattr(statement, block, []), (*around, statement))

    def all(self, written: tuple[str, ...]) -> Iterator[tuple[Edit, int]]:
        """Yield every edit with its size; an edit may come twice."""
        yield from self._single_outputs(written)
        for function in self._program.functions:
            for block in blocks(function):
                yield from self._runs(block)
        for statement in self._spots:
            yield from self._inlined(statement)
            yield from self._unwrapped(statement)
            yield from self._simpler(statement)
        yield from self._parameters()

    def _number(self, node: ast.AST) -> int:
        return self._numbers[id(node)]

    def _deletion(self, statements: list[ast.stmt]) -> tuple[Edit, int]:
        """Return the edit that deletes statements with all that could not be without them."""
        gone = dict.fromkeys(statements)
        waiting = list(statements)
        while waiting:
            for reader in self._orphans(waiting.pop(), gone):
                gone[reader] = None
                waiting.append(reader)
        outer = [one for one in gone if not any(around in gone for around in self._spots[one].around)]
        edit = tuple(sorted(Change(self._number(one)) for one in outer))
        return edit, sum(size_of(one) for one in outer)

    def _orphans(self, lost: ast.stmt, gone: dict[ast.stmt, None]) -> list[ast.stmt]:
        """Return the statements that read a variable which nothing else sets for certain before them."""
        function = self._spots[lost].function
        names = {name for inner in ast.walk(lost) if isinstance(inner, ast.stmt) for name in _bound(inner)}
        found = []
        for statement, spot in self._spots.items():
            if spot.function is function and statement not in gone:
                for name in names & _reads(statement):
                    if not self._is_set(name, statement, gone):
                        found.append(statement)
                        break
        return found

    def _is_set(self, name: str, reader: ast.stmt, gone: dict[ast.stmt, None]) -> bool:
        spot = self._spots[reader]
        if name in {one.arg for one in spot.function.args.args}:
            return True
        for statement, other in self._spots.items():
            left = statement not in gone and not any(around in gone for around in other.around)
            if left and other.function is spot.function and other.order < spot.order and name in _bound(statement):
                holder = other.around[-1:] if not isinstance(statement, ast.For) else (statement,)
                if all(around in spot.around for around in holder) or not other.around:
                    return True
        return False

    def _runs(self, block: list[ast.stmt]) -> Iterator[tuple[Edit, int]]:
        """Delete halves and quarters of a block, and each of its statements."""
        lengths = {1, len(block) // 2, len(block) // 4} - {0}
        for length in sorted(lengths, reverse=True):
            for start in range(0, len(block), length):
                yield self._deletion(block[start : start + length])

    def _single_outputs(self, written: tuple[str, ...]) -> Iterator[tuple[Edit, int]]:
        """Keep the stores to one parameter of the kernel, and delete those to the others."""
        roots = {name.partition(".")[0] for name in written}
        stores: dict[str, list[ast.stmt]] = {name: [] for name in sorted(roots)}
        for statement, spot in self._spots.items():
            if spot.function is self._program.kernel:
                for name in roots & _stored(statement):
                    stores[name].append(statement)
        for kept in stores if len(stores) > 1 else ():
            others = [one for name, found in stores.items() if name != kept for one in found if one not in stores[kept]]
            if others:
                yield self._deletion(list(dict.fromkeys(others)))

    def _inlined(self, statement: ast.stmt) -> Iterator[tuple[Edit, int]]:
        """Put what is assigned to a variable where alone that is read."""
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not _calls_tid(value):
                function = self._spots[statement].function
                uses = [one for one in ast.walk(function) if isinstance(one, ast.Name) and one.id == name]
                if len(uses) == 2 and _is_read(uses[1]) != _is_read(uses[0]):
                    read = uses[0] if _is_read(uses[0]) else uses[1]
                    yield (Change(self._number(read), operand=self._number(value)),), 4

    def _unwrapped(self, statement: ast.stmt) -> Iterator[tuple[Edit, int]]:
        """Put a block in the place of the branch or the loop that it belongs to."""
        place = self._number(statement)
        if isinstance(statement, ast.If):
            yield (Change(place, "body"),), 1 + size_of(statement.test) + sum(map(size_of, statement.orelse))
            if statement.orelse:
                yield (Change(place, "orelse"),), 1 + size_of(statement.test) + sum(map(size_of, statement.body))
        elif isinstance(statement, ast.While) and not _leaves(statement):
            yield (Change(place, "body"),), 1 + size_of(statement.test)
        elif isinstance(statement, ast.For) and not _leaves(statement):
            start = _first_of(statement.iter)
            if start:
                index = f"{name_of(statement.target)} = {start}"
                yield (Change(place, "body", text=index),), 1 + size_of(statement.iter)

    def _simpler(self, statement: ast.stmt) -> Iterator[tuple[Edit, int]]:
        """Put a literal or a part of it in the place of an expression."""
        indices = _indices(statement)
        for node in own_expressions(statement):
            if not isinstance(node, ast.expr) or isinstance(node, ast.Constant) or not _is_read(node):
                continue
            type_ = self._types.get(span_of(node))
            if type_ is None or _is_literal(node) or _calls_tid(node):
                continue
            literal = "0" if id(node) in indices and type_ == "int32" else LITERALS.get(type_)
            saved = size_of(node) - size_of(ast.parse(literal, mode="eval").body) if literal else 0
            if literal and saved > 0:
                yield (Change(self._number(node), text=literal),), saved
            for part in self._parts_of(node, type_):
                yield (Change(self._number(node), operand=self._number(part)),), size_of(node) - size_of(part)

    def _parts_of(self, node: ast.expr, type_: str) -> list[ast.expr]:
        """Return the nearest parts of an expression that have its type and stand on their own."""
        parts = [part for part in ast.walk(node) if isinstance(part, ast.expr) and part is not node]
        alike = [part for part in parts if _is_read(part) and self._types.get(span_of(part)) == type_]
        return alike[:OPERANDS]

    def _parameters(self) -> Iterator[tuple[Edit, int]]:
        """Drop parameters that nothing reads."""
        for function, parameter in parameters_without_use(self._program):
            passed = [] if function is self._program.kernel else arguments_for(self._program, function, parameter)
            changes = [Change(self._number(parameter)), *(Change(self._number(one)) for one in passed)]
            yield tuple(sorted(changes)), size_of(parameter) + sum(map(size_of, passed))


def size_of(node: ast.AST) -> int:
    """Count the nodes of a tree."""
    return sum(1 for _ in ast.walk(node))


def _bound(statement: ast.stmt) -> set[str]:
    """Return the variables that a statement itself sets as a whole."""
    return {node.id for node in own_expressions(statement) if isinstance(node, ast.Name) and not _is_read(node)}


def _reads(statement: ast.stmt) -> set[str]:
    names = {node.id for node in own_expressions(statement) if isinstance(node, ast.Name) and _is_read(node)}
    if isinstance(statement, ast.AugAssign):
        names.add(root(statement.target))
    return names


def _is_read(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", None) or ast.Load(), ast.Load)


def _stored(statement: ast.stmt) -> set[str]:
    """Return the variables that a statement stores to a part of, or that it passes to something that may."""
    names = set_by(statement)
    for node in own_expressions(statement):
        called = warp_name(node.func) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and called is not None and ("atomic" in called or "store" in called):
            names.add(root(node.args[0]))
    return names


def _leaves(loop: ast.For | ast.While) -> bool:
    """Whether a loop's body leaves it or goes on early; inside a loop of its own that counts, too."""
    return any(isinstance(node, ast.Break | ast.Continue) for node in ast.walk(loop))


def _first_of(iterable: ast.expr) -> str:
    """Return what the index of a range begins with, the empty text for anything else to run over."""
    if not isinstance(iterable, ast.Call) or name_of(iterable.func) != "range":
        return ""
    return ast.unparse(iterable.args[0]) if len(iterable.args) > 1 else "0"


def _indices(statement: ast.stmt) -> set[int]:
    """Return by `id` the expressions of a statement that are an index, or one of several."""
    found: set[int] = set()
    for node in own_expressions(statement):
        if isinstance(node, ast.Subscript):
            found |= {id(one) for one in (node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])}
    return found


def _is_literal(node: ast.expr) -> bool:
    """Whether a node is a literal with a sign or a type: `-1`, `wp.float64(1.0)`, `wp.vec3()`."""
    if isinstance(node, ast.UnaryOp):
        return _is_literal(node.operand)
    if isinstance(node, ast.Call):
        return warp_name(node.func) in {text[3:].partition("(")[0] for text in LITERALS.values()} and all(
            map(_is_literal, node.args)
        )
    return isinstance(node, ast.Constant)


def _calls_tid(node: ast.expr) -> bool:
    return any(isinstance(one, ast.Call) and warp_name(one.func) == "tid" for one in ast.walk(node))
