"""The same operations in another order: operands swapped, comparisons mirrored, independent statements exchanged."""

from __future__ import annotations

import ast
import itertools
import random
from collections import Counter
from collections.abc import Iterator

from oracle.peers.rewrites.effects import NO_EFFECTS, Effects, about_half
from oracle.peers.rewrites.program import Program, blocks, loads, stored_names
from oracle.peers.rewrites.scalars import INTEGERS, ScalarTypes

_COMMUTE = (ast.Add, ast.BitAnd, ast.BitOr, ast.BitXor)
"""Operators that commute to the bit for scalars, vectors and matrices alike."""

_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}


def swap_operands(program: Program, rng: random.Random) -> Effects | None:
    """Swap the operands of about half of the operators that commute exactly: of products only with a scalar."""
    sites = [
        node
        for function in program.functions
        for node in _commuting(program, function)
        if program.is_pure(node.left) and program.is_pure(node.right)
    ]
    chosen = about_half(sites, rng)
    for node in chosen:
        node.left, node.right = node.right, node.left
    return NO_EFFECTS if chosen else None


def _commuting(program: Program, function: ast.FunctionDef) -> Iterator[ast.BinOp]:
    types = ScalarTypes(function)
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp):
            a_scalar = bool(types.of(node.left) or types.of(node.right))
            commutes = a_scalar or not program.has_tiles
            if (isinstance(node.op, ast.Mult) and a_scalar) or (isinstance(node.op, _COMMUTE) and commutes):
                yield node


def mirror_comparisons(program: Program, rng: random.Random) -> Effects | None:
    """Write about half of the comparisons the other way round: `a < b` as `b > a`."""
    sites = [
        node
        for function in program.functions
        for node in ast.walk(function)
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _MIRRORED and program.is_pure(node)
    ]
    chosen = about_half(sites, rng)
    for node in chosen:
        node.left, node.comparators = node.comparators[0], [node.left]
        node.ops = [_MIRRORED[type(node.ops[0])]()]
    return NO_EFFECTS if chosen else None


def exchange_statements(program: Program, rng: random.Random) -> Effects | None:
    """Exchange neighbouring assignments to variables that do not depend on each other, and do not change later.

    What loops carry over keeps its order: Warp's code carries it over in the order of the first assignments, which is
    wrong for `a, b = b, a + b` in some of them (`grammar.refused_forms.WRONG`).
    """
    sites = []
    for function in program.functions:
        stores = Counter(stored_names(function))
        for block in blocks(function):
            pairs = enumerate(itertools.pairwise(block))
            sites += [(block, place) for place, pair in pairs if _independent(program, stores, *pair)]
    exchanged: list[ast.stmt] = []
    for block, place in about_half(sites, rng):
        if block[place] not in exchanged:  # a statement moves once
            block[place : place + 2] = reversed(block[place : place + 2])
            exchanged += block[place : place + 2]
    return NO_EFFECTS if exchanged else None


def _independent(program: Program, stores: Counter[str], first: ast.stmt, second: ast.stmt) -> bool:
    names = []
    for statement in (first, second):
        if not isinstance(statement, ast.Assign) or not program.is_pure(statement.value):
            return False
        target = statement.targets[0]
        if len(statement.targets) != 1 or not isinstance(target, ast.Name) or stores[target.id] != 1:
            return False
        names.append(target.id)
    return names[0] != names[1] and not loads(second, names[0]) and not loads(first, names[1])


def swap_extremes(program: Program, rng: random.Random) -> Effects | None:
    """Swap the arguments of `wp.min` and `wp.max` of integers; of floats, a zero's sign may depend on the order."""
    sites = []
    for function in program.functions:
        types = ScalarTypes(function)
        sites += [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("wp.min", "wp.max")
            and len(node.args) == 2
            and types.of(node) in INTEGERS
            and program.is_pure(node)
        ]
    chosen = about_half(sites, rng)
    for node in chosen:
        node.args.reverse()
    return NO_EFFECTS if chosen else None
