"""Names given and changed: an expression gets a variable, a variable another name, an update its long form."""

from __future__ import annotations

import ast
import random

from oracle.peers.rewrites.effects import NO_EFFECTS, Effects, about_half
from oracle.peers.rewrites.program import Program, Replacement, blocks, stored_names
from oracle.peers.rewrites.scalars import FLOATS, ScalarTypes
from oracle.peers.rewrites.sites import can_stand_alone, unconditional

_LONGEST = 40
"""Characters of a new name, before its number."""


def name_expression(program: Program, rng: random.Random) -> Effects | None:
    """Assign a part of a statement to a variable before the statement."""
    if program.has_tiles:
        return None
    sites = [
        (block, index, node)
        for function in program.functions
        for block in blocks(function)
        for index, one in enumerate(block)
        for node in unconditional(program, one)
        if can_stand_alone(program, node)
    ]
    if not sites:
        return None
    block, index, node = rng.choice(sites)
    name = program.fresh("part")
    Replacement({node: ast.Name(name, ast.Load())}).visit(block[index])
    block.insert(index, ast.Assign([ast.Name(name, ast.Store())], node))
    return NO_EFFECTS


def rename(program: Program, rng: random.Random) -> Effects | None:
    """Give about half of the local variables other names, whose alphabetical order is another as well."""
    sites = []
    for function in program.functions:
        parameters = {argument.arg for argument in function.args.args}
        names = dict.fromkeys(stored_names(function))
        sites += [(function, name) for name in names if name not in parameters and name != "_"]
    chosen = about_half(sites, rng)
    for function, name in chosen:
        other = program.fresh(f"{rng.choice('aeiouz')}_{name}"[:_LONGEST])
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id == name:
                node.id = other
    return NO_EFFECTS if chosen else None


def expand_updates(program: Program, rng: random.Random) -> Effects | None:
    """Write about half of the updates of scalar variables out: `a += b` as `a = a + b`."""
    sites = []
    for function in program.functions:
        types = ScalarTypes(function)
        for block in blocks(function):
            sites += [
                (block, index, node, node.target.id)
                for index, node in enumerate(block)
                if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
                if types.of(node.target) and program.is_pure(node.value)
            ]
    chosen = about_half(sites, rng)
    for block, index, node, name in chosen:
        value = ast.BinOp(ast.Name(name, ast.Load()), node.op, node.value)
        block[index] = ast.Assign([ast.Name(name, ast.Store())], value)
    return NO_EFFECTS if chosen else None


def double_by_adding(program: Program, rng: random.Random) -> Effects | None:
    """Write `2.0 * a` as `a + a`, and `a / 2.0` as `a * 0.5`, which are the same to the bit."""
    sites: list[tuple[ast.FunctionDef, ast.BinOp, ast.expr]] = []
    for function in program.functions:
        types = ScalarTypes(function)
        for node in ast.walk(function):
            if isinstance(node, ast.BinOp) and types.of(node) in FLOATS and program.is_pure(node):
                other = _doubled(node) or _halved(node, types)
                sites += [(function, node, other)] if other is not None else []
    chosen = about_half(sites, rng)
    for function, node, other in chosen:
        Replacement({node: other}).visit(function)
    return NO_EFFECTS if chosen else None


def _doubled(node: ast.BinOp) -> ast.expr | None:
    if isinstance(node.op, ast.Mult):
        for two, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(two, ast.Constant) and two.value == 2.0 and isinstance(other, ast.Name):
                return ast.BinOp(other, ast.Add(), ast.Name(other.id, ast.Load()))
    return None


def _halved(node: ast.BinOp, types: ScalarTypes) -> ast.expr | None:
    two = node.right
    if (
        isinstance(node.op, ast.Div)
        and types.of(node) == "float"
        and isinstance(two, ast.Constant)
        and two.value == 2.0
    ):
        return ast.BinOp(node.left, ast.Mult(), ast.Constant(0.5))
    return None
