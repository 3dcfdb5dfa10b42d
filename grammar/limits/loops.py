"""Where a dynamic loop leaves behind values that its backward pass needs and does not have.

Warp's backward pass does not run a dynamic loop again before it: what the loop carries from one trip to the next, and
what it leaves behind, is *stale* there. Sums are none the worse for it; whatever needs the value itself is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from grammar.limits.gradients import Gradients
from grammar.limits.reading import (
    LOOPS,
    Function,
    bindings,
    blocks,
    called,
    changed_parts,
    integer,
    statements,
)

MAX_UNROLL = 16
"""The default of `wp.config.max_unroll`: the most trips of a static loop that are written out one by one."""

_LINEAR = frozenset(
    {"float", "float16", "bfloat16", "float32", "float64", "neg", "pos", "add", "sub", "vector", "matrix"}
)
_CONSTRUCTORS = re.compile(
    r"(?:vec|mat)\d+[a-z]*|(?:quat|transform|spatial_vector|spatial_matrix)[hfd]?|transformation|quaternion"
)
_STORES = frozenset({"atomic_add", "atomic_sub"})


def beyond(function: Function) -> Iterator[int]:
    """Yield the lines that need a stale value of a loop which Warp's documentation calls dynamic."""
    yield from sorted(_Walk(function).lines())


def clobbered(function: Function) -> Iterator[int]:
    """Yield the lines before a dynamic loop that need a value which the loop changes.

    The backward pass changes the variable once more before it comes to them.
    """
    found: set[int] = set()
    for body in _bodies(function):
        for place, node in enumerate(body):
            inside = [one for one in [node, *statements(_inner(node))] if isinstance(one, LOOPS)]
            changed = frozenset().union(*(_assigned(one) for one in inside if is_dynamic(one, function)))
            for name in sorted(changed - frozenset(function.arrays)):
                found |= _needing(function, name, body[:place])
    yield from sorted(found)


def _inner(node: ast.stmt) -> list[ast.stmt]:
    """Return the statements of all blocks of a compound statement."""
    return [inner for block in blocks(node) for inner in block]


def _bodies(function: Function) -> Iterator[Sequence[ast.stmt]]:
    yield function.node.body
    for node in function.statements:
        yield from blocks(node)


def _needing(function: Function, name: str, earlier: Sequence[ast.stmt]) -> set[int]:
    """Return the lines that need the value that a name has at the end of some statements."""
    bound = [place for place, node in enumerate(earlier) if any(name == one for one, _ in bindings(node))]
    walk = _Walk(function)
    return walk.needing(earlier[bound[-1] + 1 if bound else 0 :], frozenset({name}))


def is_dynamic(node: ast.For | ast.While, function: Function) -> bool:
    """Whether Warp's documentation calls a loop dynamic: its number of trips is not known, or above `max_unroll`."""
    if isinstance(node, ast.While) or called(node.iter) != "range":
        return True
    assert isinstance(node.iter, ast.Call)
    if any(isinstance(one, ast.BinOp) for one in node.iter.args):
        return True  # Warp computes no bounds
    bounds = [integer(one, function.module.integers) for one in node.iter.args]
    known = [bound for bound in bounds if bound is not None]
    if len(known) < len(bounds) or not known or 0 in known[2:]:
        return True
    return len(range(*known)) > MAX_UNROLL


class _Walk:
    """Follows one function's statements in order, with the names that are stale in its backward pass."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._gradients = function.kept(Gradients)
        self._lines: set[int] = set()
        self._outer = frozenset(function.arrays)  # what is in memory outlives the forward pass

    def lines(self) -> set[int]:
        """Return the lines that need a stale value."""
        if any(isinstance(node, LOOPS) for node in self._function.statements):
            self._block(self._function.node.body, frozenset())
        return self._lines

    def needing(self, body: Sequence[ast.stmt], stale: frozenset[str]) -> set[int]:
        """Return the lines of some statements that need a stale value."""
        self._block(body, stale)
        return self._lines

    def _block(self, body: Sequence[ast.stmt], stale: frozenset[str]) -> frozenset[str]:
        for node in body:
            stale = self._statement(node, stale)
        return stale

    def _statement(self, node: ast.stmt, stale: frozenset[str]) -> frozenset[str]:
        match node:
            case ast.For() | ast.While():
                return self._loop(node, stale)
            case ast.If(test=test, body=body, orelse=orelse):
                if self._is_stale(test, stale) and (self._gradients.any_in(body) or self._gradients.any_in(orelse)):
                    self._lines.add(test.lineno)
                return self._block(body, stale) | self._block(orelse, stale)
            case ast.Assign(targets=targets, value=value):
                self._is_stale(value, stale)
                for target in targets:
                    self._store(target, value, stale)
            case ast.AugAssign(target=target, value=value):
                whole = ast.BinOp(_loaded(target), node.op, value, lineno=node.lineno, col_offset=0)
                if isinstance(target, ast.Name) or not isinstance(node.op, ast.Add | ast.Sub):
                    self._is_stale(whole, stale)
                else:
                    self._is_stale(value, stale)
                self._store(target, value, stale)
            case ast.Expr() | ast.Return() if node.value is not None:
                self._is_stale(node.value, stale)
        return self._after(node, stale)

    def _after(self, node: ast.stmt, stale: frozenset[str]) -> frozenset[str]:
        """Return what is stale after an assignment: it makes a name so, or mends it."""
        for name, bound in bindings(node):
            made_stale = bound is not None and self._quietly(bound, stale)
            stale = stale | {name} if made_stale else stale - {name}
        value = getattr(node, "value", None)
        if value is not None and self._quietly(value, stale):
            stale |= changed_parts(node) - self._outer
        return stale

    def _loop(self, node: ast.For | ast.While, stale: frozenset[str]) -> frozenset[str]:
        if isinstance(node, ast.For):
            self._is_stale(node.iter, stale)
        if not is_dynamic(node, self._function):
            for _ in range(2):
                stale = self._block(node.body, stale)
            return stale
        if isinstance(node, ast.For) and self._quietly(node.iter, stale) and self._gradients.any_in(node.body):
            self._lines.add(node.lineno)
        own = {name for name, _ in bindings(node)}
        inside = (stale - own) | self._carried(node)
        for _ in range(2):
            inside |= self._block(node.body, inside) - own
        return stale | (_assigned(node) - self._outer)

    def _carried(self, node: ast.For | ast.While) -> frozenset[str]:
        """Return the names that the loop changes and that a trip may read from the one before."""
        read: set[str] = set()
        if isinstance(node, ast.While):
            read |= _names(node.test)
        _exposed(node.body, read, set())
        own = {name for name, _ in bindings(node)}
        return frozenset(read) & _assigned(node) - self._outer - own

    def _store(self, target: ast.expr, value: ast.expr, stale: frozenset[str]) -> None:
        """An element that is stored to where a stale index says gets the gradient of another."""
        if isinstance(target, ast.Subscript):
            if self._quietly(target.slice, stale) and self._gradients.has(value):
                self._lines.add(target.lineno)
            if isinstance(target.value, ast.Subscript | ast.Attribute):
                self._store(target.value, value, stale)
        elif isinstance(target, ast.Attribute):
            self._store(target.value, value, stale)

    def _quietly(self, node: ast.AST, stale: frozenset[str]) -> bool:
        """Whether an expression's value is stale, with nothing noted."""
        return not stale.isdisjoint(_names(node))

    def _is_stale(self, node: ast.AST, stale: frozenset[str]) -> bool:
        """Whether an expression's value is stale; notes where a gradient needs one that is."""
        if not self._quietly(node, stale):
            return False
        operands = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
        match node:
            case ast.Name():
                return True
            case ast.Call():
                operands = [*node.args, *(one.value for one in node.keywords)]
                needed = self._call_needs(node, operands, stale)
            case ast.BinOp(left=left, op=ast.Mult() | ast.MatMult() | ast.Div(), right=right):
                needed = self._product_needs(left, right, isinstance(node.op, ast.Div), stale)
            case ast.BinOp(op=ast.Add() | ast.Sub()) | ast.UnaryOp() | ast.Tuple() | ast.Slice() | ast.Attribute():
                needed = False
            case ast.Subscript(value=value, slice=index):
                needed = self._quietly(index, stale) and self._gradients.of_element(value)
            case ast.IfExp(test=test):
                needed = self._quietly(test, stale) and self._gradients.has(node)
            case _:
                needed = self._gradients.has(node)
        if needed:
            self._lines.add(node.lineno)  # type: ignore[attr-defined]
        for operand in operands:
            self._is_stale(operand, stale)
        return True

    def _product_needs(self, left: ast.expr, right: ast.expr, divides: bool, stale: frozenset[str]) -> bool:
        """Each factor's gradient needs the other one; a divisor's needs both."""
        left_stale, right_stale = self._quietly(left, stale), self._quietly(right, stale)
        if self._gradients.has(left) and right_stale:
            return True
        return self._gradients.has(right) and (left_stale or (divides and right_stale))

    def _call_needs(self, node: ast.Call, operands: Sequence[ast.expr], stale: frozenset[str]) -> bool:
        name = called(node)
        if name in _LINEAR or _CONSTRUCTORS.fullmatch(name):
            return False
        if name in _STORES:
            return any(self._quietly(one, stale) for one in operands[1:-1]) and self._gradients.has(operands[-1])
        return any(self._gradients.has(one) for one in operands)


def _loaded(target: ast.expr) -> ast.expr:
    return (
        ast.Name(target.id, ast.Load(), lineno=target.lineno, col_offset=0) if isinstance(target, ast.Name) else target
    )


def _names(node: ast.AST) -> frozenset[str]:
    """Return the names in an expression; they are kept with it, since it is asked again and again."""
    found: frozenset[str] | None = getattr(node, "_names", None)
    if found is None:
        if isinstance(node, ast.Name):
            found = frozenset((node.id,))
        else:
            found = frozenset().union(*map(_names, ast.iter_child_nodes(node)))
        node._names = found  # type: ignore[attr-defined]
    return found


def _assigned(loop: ast.For | ast.While) -> frozenset[str]:
    """Return the names that a loop changes, its own index among them."""
    changed = {name for node in [loop, *statements(loop.body)] for name, _ in bindings(node)}
    return frozenset(changed.union(*map(changed_parts, statements(loop.body))))


def _exposed(body: Sequence[ast.stmt], read: set[str], written: set[str]) -> None:
    """Add to `read` the names that a block may read before it has written them, and to `written` those it has."""
    for node in body:
        match node:
            case ast.Assign(value=value):
                parts = [target for target in node.targets if not isinstance(target, ast.Name | ast.Tuple)]
                read |= frozenset().union(_names(value), *map(_names, parts)) - written
            case ast.AugAssign(target=target, value=value):
                read |= (_names(value) | _names(target)) - written
            case ast.If(test=test):
                read |= _names(test) - written
            case ast.For(iter=iterated):
                read |= _names(iterated) - written
            case ast.While(test=test):
                read |= _names(test) - written
            case _:
                read |= _names(node) - written
        inner = blocks(node)
        if inner:
            ends = []
            for block in inner:
                own = written | {name for name, _ in bindings(node)}
                _exposed(block, read, own)
                ends.append(own)
            if isinstance(node, ast.If):
                written |= ends[0] & ends[1]
        else:
            written |= {name for name, _ in bindings(node)}
