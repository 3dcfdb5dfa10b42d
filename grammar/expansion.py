"""How much code a kernel becomes: its operations, those in loops that Warp unrolls as often as these run.

Warp writes each operation out as a call with a variable for its result, several for its adjoint, and unrolls constant
loops of up to 16 trips. So a kernel's operations tell the size of its C++ and CUDA before any is made: over 1,564
kernels of Warp 1.19, the logarithms of both correlate with 0.93. A line count does not: lines vary threefold where
code varies tenfold.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from grammar.parsing import parsed

UNROLLED = 16
"""The longest constant loop that Warp unrolls by default (`max_unroll`)."""

_OPERATIONS = (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Subscript, ast.Attribute)

_LOOP = 2
"""What a loop itself is counted as: its range and its step."""


def operations(source: str) -> int:
    """Return how many operations a module becomes when its loops are unrolled; raises SyntaxError for no Python."""
    return _operations(parsed(source))


def _operations(node: ast.AST) -> int:
    if isinstance(node, ast.For):
        return _LOOP + _trips(node.iter) * sum(map(_operations, node.body))
    return isinstance(node, _OPERATIONS) + sum(map(_operations, ast.iter_child_nodes(node)))


def _trips(over: ast.expr) -> int:
    """Return how often a loop's body is written: once unless it runs over a constant range that is unrolled."""
    if not (isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "range"):
        return 1
    bounds = _constants(over.args)
    trips = len(range(*bounds)) if bounds and 0 not in bounds[2:] else 1
    return trips if trips <= UNROLLED else 1


def _constants(nodes: Sequence[ast.expr]) -> list[int]:
    """Return the integers that expressions are, none if one of them is something else."""
    try:
        values = [ast.literal_eval(node) for node in nodes]
    except ValueError:
        return []
    return values if all(isinstance(value, int) for value in values) else []
