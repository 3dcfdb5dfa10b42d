"""Where a kernel's values are left open by Warp's documentation, or differ from Python's as it says."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from grammar.limits.gradients import Gradients
from grammar.limits.reading import Function, bindings, called

_LANES = frozenset({"block_dim", "tile", "untile", "tile_randf", "tile_randi", "tile_from_thread"})


def unassigned(function: Function) -> Iterator[int]:
    """Yield the lines that read a name which only some of the branches before assign to."""
    lines: set[int] = set()
    _assigned(function.node.body, frozenset(function.parameters), frozenset(function.assigned), lines)
    yield from sorted(lines)


def _assigned(
    body: Sequence[ast.stmt], sure: frozenset[str], names: frozenset[str], lines: set[int]
) -> frozenset[str] | None:
    """Return the names that are assigned to wherever the block ends, None if it never does; notes other reads."""
    for node in body:
        expressions = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
        for inner in (inner for one in expressions for inner in ast.walk(one)):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load) and inner.id in names - sure:
                lines.add(inner.lineno)
        match node:
            case ast.If():
                ends = [_assigned(block, sure, names, lines) for block in (node.body, node.orelse)]
                going_on = [end for end in ends if end is not None]
                if not going_on:
                    return None
                sure = going_on[0].intersection(*going_on)
            case ast.For() | ast.While():
                _assigned(node.body, sure | {name for name, _ in bindings(node)}, names, lines)
            case ast.Return() | ast.Break() | ast.Continue():
                return None
            case _:
                sure |= {name for name, _ in bindings(node)}
    return sure


def float_atomics(function: Function) -> Iterator[int]:
    """Yield the lines that add to an element of floats, which other threads may do at the same time."""
    gradients = function.kept(Gradients)
    for node in function.nodes:
        if isinstance(node, ast.Call) and called(node) in ("atomic_add", "atomic_sub", "tile_atomic_add") and node.args:
            if gradients.is_array(node.args[0]):
                yield node.lineno
            continue
        match node:
            case ast.AugAssign(target=ast.Subscript(value=array), op=ast.Add() | ast.Sub()) if gradients.is_array(
                array
            ):
                yield node.lineno


def lanes(function: Function) -> Iterator[int]:
    """Yield the lines that depend on how many threads a block has."""
    for name, node in function.calls:
        if name in _LANES or name.startswith("tile_stack_p"):
            yield node.lineno


def remainders(function: Function) -> Iterator[int]:
    """Yield the lines that take a remainder."""
    for node in function.nodes:
        if (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Mod)) or called(node) == "mod":
            yield node.lineno  # type: ignore[attr-defined]


def rounds(function: Function) -> Iterator[int]:
    """Yield the lines that call `wp.round`."""
    return (node.lineno for name, node in function.calls if name == "round")


def arcsines(function: Function) -> Iterator[int]:
    """Yield the lines that call `wp.asin` or `wp.acos`."""
    return (node.lineno for name, node in function.calls if name in ("asin", "acos"))
