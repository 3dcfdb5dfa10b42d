"""Loops written otherwise: constant ones unrolled by hand, dynamic ones with `while`."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from copy import deepcopy

from oracle.peers.rewrites.effects import NO_EFFECTS, Effects
from oracle.peers.rewrites.program import (
    Program,
    Substitution,
    blocks,
    contains,
    literal,
    loads,
    name_of,
    statement,
    stored_names,
)

MOST_TRIPS = 8
"""Trips of a loop that is unrolled."""

MOST_NODES = 4000
"""Nodes of the tree that unrolling one loop may make."""


def unroll(program: Program, rng: random.Random) -> Effects | None:
    """Replace a constant loop by copies of its body, the counter by its values."""
    sites = [
        (block, index, node, counts)
        for _, block, index, node in _loops(program)
        if (counts := constant_range(node)) and not contains(node, ast.Break, ast.Continue, ast.Return)
        if len(list(ast.walk(node))) * len(counts) < MOST_NODES
    ]
    if not sites:
        return None
    block, index, node, counts = rng.choice(sites)
    counter = name_of(node.target)
    block[index : index + 1] = [
        Substitution(counter, literal(count)).visit(deepcopy(one)) for count in counts for one in node.body
    ]
    return NO_EFFECTS


def constant_range(node: ast.For) -> list[int]:
    """Return what a loop over literals counts, empty if there is nothing to count or too much."""
    call, backwards = node.iter, False
    if isinstance(call, ast.Call) and name_of(call.func) == "reversed":
        call, backwards = call.args[0], True
    if not isinstance(call, ast.Call) or name_of(call.func) != "range":
        return []
    try:
        bounds = [ast.literal_eval(argument) for argument in call.args]
    except ValueError:
        return []
    if not all(type(bound) is int for bound in bounds) or bounds[2:] == [0]:
        return []
    counts = range(*bounds)
    if len(counts) > MOST_TRIPS:
        return []
    return list(reversed(counts)) if backwards else list(counts)


def use_while(program: Program, rng: random.Random) -> Effects | None:
    """Write a loop over a range with a variable bound, that counts up, as a `while` loop.

    No loop that returns: the backward pass of such a `while` loop never ends.
    """
    sites = [
        (block, index, node)
        for _, block, index, node in _loops(program)
        if _counts_up(program, node) and not contains(node, ast.Return)
    ]
    if not sites:
        return None
    block, index, node = rng.choice(sites)
    assert isinstance(node.iter, ast.Call)
    bounds = node.iter.args
    start, stop = (ast.Constant(0), bounds[0]) if len(bounds) == 1 else bounds[:2]
    step = bounds[2] if len(bounds) == 3 else ast.Constant(1)
    counter, following = program.fresh("count"), program.fresh("following")
    before = [statement(f"{following} = int({ast.unparse(start)})")]
    if not isinstance(stop, ast.Constant):
        end = program.fresh("end")
        before.insert(0, statement(f"{end} = {ast.unparse(stop)}"))
        stop = ast.Name(end, ast.Load())
    loop = statement(f"while {following} < {ast.unparse(stop)}: pass")
    assert isinstance(loop, ast.While)
    substitution = Substitution(name_of(node.target), ast.Name(counter, ast.Load()))
    loop.body = [
        statement(f"{counter} = {following}"),
        statement(f"{following} += {ast.unparse(step)}"),
        *[substitution.visit(one) for one in node.body],
    ]
    block[index : index + 1] = [*before, loop]
    return NO_EFFECTS


def _counts_up(program: Program, node: ast.For) -> bool:
    """Whether a loop runs over a range with bounds known only at the launch, by literal steps above zero."""
    call = node.iter
    if not isinstance(call, ast.Call) or name_of(call.func) != "range":
        return False
    step = call.args[2] if len(call.args) == 3 else ast.Constant(1)
    dynamic = any(contains(bound, ast.Name) for bound in call.args[:2])
    return dynamic and isinstance(step, ast.Constant) and all(map(program.is_pure, call.args))


def _loops(program: Program) -> Iterator[tuple[ast.FunctionDef, list[ast.stmt], int, ast.For]]:
    """Yield the loops whose counter nobody else changes, and nobody reads behind them."""
    for function in program.functions:
        for block in blocks(function):
            for index, node in enumerate(block):
                if not isinstance(node, ast.For) or not isinstance(node.target, ast.Name):
                    continue
                counter = node.target.id
                inside = [one for part in node.body for one in stored_names(part)]
                if counter not in inside and not node.orelse and _read_in_loops_only(function, counter):
                    yield function, block, index, node


def _read_in_loops_only(function: ast.FunctionDef, counter: str) -> bool:
    """Whether every mention of a counter is inside a loop that counts with it."""
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For) and name_of(node.target) == counter]
    stores = stored_names(function).count(counter)
    return stores == len(loops) and loads(function, counter) == sum(loads(node, counter) for node in loops)
