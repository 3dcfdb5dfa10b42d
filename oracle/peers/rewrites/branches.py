"""Branches written otherwise: conditions inverted, alternatives that never run, guards that always hold."""

from __future__ import annotations

import ast
import random
from copy import deepcopy

from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.effects import NO_EFFECTS, Effects, about_half, add_parameter
from oracle.peers.rewrites.program import Program, blocks, contains, statement
from oracle.peers.rewrites.scalars import ScalarTypes


def invert_conditions(program: Program, rng: random.Random) -> Effects | None:
    """Exchange the branches of about half of the conditions, which are negated."""
    sites = [
        node
        for function in program.functions
        for node in ast.walk(function)
        if isinstance(node, ast.If | ast.IfExp) and not _is_static(node.test)
    ]
    chosen = about_half(sites, rng)
    for node in chosen:
        node.test = ast.UnaryOp(ast.Not(), node.test)
        if isinstance(node, ast.If):
            node.body, node.orelse = node.orelse or [ast.Pass()], node.body
        else:
            node.body, node.orelse = node.orelse, node.body
    return NO_EFFECTS if chosen else None


def _is_static(test: ast.expr) -> bool:
    """Whether a condition may be known while code is generated: then only one branch is."""
    return any(warp_name(node) == "static" for node in ast.walk(test)) or not any(
        isinstance(node, ast.Name) and node.id != "wp" for node in ast.walk(test)
    )


def add_dead_code(program: Program, rng: random.Random) -> Effects | None:
    """Repeat a statement in a branch or a loop that never runs, which the compiler cannot know: a parameter says so."""
    if program.is_generic or program.has_tiles:
        return None
    types = ScalarTypes(program.kernel)
    sites = [
        (block, index)
        for block in blocks(program.kernel)
        for index, node in enumerate(block)
        if _may_be_repeated(program, node, types)
    ]
    if not sites:
        return None
    block, index = rng.choice(sites)
    never = add_parameter(program, rng, "never", "int")
    trip = program.fresh("trip")
    head = rng.choice((f"if {never} > 0: pass", f"for {trip} in range({never}): pass"))
    dead = statement(head)
    assert isinstance(dead, ast.If | ast.For)
    dead.body = [deepcopy(block[index])]
    block.insert(index + 1, dead)
    return Effects(added={never: 0})


def guard_stores(program: Program, rng: random.Random) -> Effects | None:
    """Put about half of the kernel's stores into branches, or loops of one trip, that always run."""
    if program.is_generic or program.has_tiles:
        return None
    sites = [
        (block, index)
        for block in blocks(program.kernel)
        for index, node in enumerate(block)
        if isinstance(node, ast.Assign | ast.AugAssign) and _stores_an_element(program, node)
    ]
    chosen = about_half(sites, rng)
    if not chosen:
        return None
    once = add_parameter(program, rng, "once", "int")
    for block, index in chosen:
        head = rng.choice((f"if {once} > 0: pass", f"for {program.fresh('trip')} in range({once}): pass"))
        guard = statement(head)
        assert isinstance(guard, ast.If | ast.For)
        guard.body = [block[index]]
        block[index] = guard
    return Effects(added={once: 1})


def _may_be_repeated(program: Program, node: ast.stmt, types: ScalarTypes) -> bool:
    if not isinstance(node, ast.Assign | ast.AugAssign):
        return False
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if isinstance(target, ast.Name):
        variable = contains(node.value, ast.Name) and bool(types.of(target))
        return variable and program.is_pure(node.value)
    return _stores_an_element(program, node)


def _stores_an_element(program: Program, node: ast.Assign | ast.AugAssign) -> bool:
    """Whether a statement stores to an element of an array that the kernel is passed."""
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    arrays = {argument.arg for argument in program.kernel.args.args}
    is_element = isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id in arrays
    return is_element and program.is_pure(node.value)
