"""Code moved into a function of its own, whose parameters take any type."""

from __future__ import annotations

import ast
import random
from copy import deepcopy

from oracle.peers.rewrites.effects import NO_EFFECTS, Effects
from oracle.peers.rewrites.program import Program, Replacement, blocks, contains, statement
from oracle.peers.rewrites.sites import can_stand_alone, expressions, variables


def hoist_expression(program: Program, rng: random.Random) -> Effects | None:
    """Move an expression into a `@wp.func` that is called in its place."""
    if program.has_tiles:
        return None
    sites = [
        (function, node)
        for function in program.functions
        for node in expressions(function)
        if can_stand_alone(program, node)
    ]
    if not sites:
        return None
    function, node = rng.choice(sites)
    names = variables(program, node)
    name = _define(program, function, "hoisted", names, ast.Return(deepcopy(node)))
    call = ast.Call(ast.Name(name, ast.Load()), [ast.Name(one, ast.Load()) for one in names], [])
    Replacement({node: call}).visit(function)
    return NO_EFFECTS


def hoist_store(program: Program, rng: random.Random) -> Effects | None:
    """Move a store to an element of an array into a `@wp.func` that is passed the array, the indices and the value."""
    if program.has_tiles:
        return None
    arrays = {argument.arg for argument in program.kernel.args.args}
    sites = [
        (block, index, node, node.targets[0])
        for block in blocks(program.kernel)
        for index, node in enumerate(block)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)
        if isinstance(node.targets[0].value, ast.Name) and node.targets[0].value.id in arrays
        if program.is_pure(node.value) and not contains(node.targets[0], ast.Slice) and contains(node.value, ast.Name)
    ]
    if not sites:
        return None
    block, index, node, target = rng.choice(sites)
    values = [target.value, *(target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]), node.value]
    names = ["array_of", *[f"at{axis}" for axis in range(len(values) - 2)], "value"]
    names = [program.fresh(name) for name in names]
    store = statement(f"{names[0]}[{', '.join(names[1:-1])}] = {names[-1]}")
    name = _define(program, program.kernel, "stored", names, store)
    arguments = [_read(value) for value in values]
    block[index] = ast.Expr(ast.Call(ast.Name(name, ast.Load()), arguments, []))
    return NO_EFFECTS


def _read(node: ast.expr) -> ast.expr:
    return ast.Name(node.id, ast.Load()) if isinstance(node, ast.Name) else node


def _define(program: Program, before: ast.FunctionDef, stem: str, names: list[str], body: ast.stmt) -> str:
    """Define a function of one statement before another one, and return its name."""
    name = program.fresh(stem)
    parameters = ", ".join(f"{one}: Any" for one in names)
    function = statement(f"@wp.func\ndef {name}({parameters}): pass")
    assert isinstance(function, ast.FunctionDef)
    function.body = [body]
    place = next(place for place, one in enumerate(program.tree.body) if one is before)
    program.tree.body.insert(place, function)
    imported = (name.name for node in program.tree.body if isinstance(node, ast.ImportFrom) for name in node.names)
    if "Any" not in imported:
        program.tree.body.insert(0, statement("from typing import Any"))
    return name
