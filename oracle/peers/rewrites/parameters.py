"""Another signature for the same kernel: literals passed as arguments, the fields of a struct passed one by one."""

from __future__ import annotations

import ast
import random

import numpy as np

from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.effects import Effects, add_parameter
from oracle.peers.rewrites.program import Program, Replacement, name_of, statement
from oracle.peers.rewrites.scalars import ScalarTypes
from oracle.peers.rewrites.sites import expressions

_CASTS = {"float64": np.float64, "float32": np.float32, "int64": np.int64, "uint32": np.uint32, "uint64": np.uint64}
"""Types to which Warp converts a literal exactly as NumPy does; of float16 it may round twice."""


def pass_literals(program: Program, rng: random.Random) -> Effects | None:
    """Make up to three literals of the kernel parameters; the new arguments have their values."""
    if program.is_generic or program.has_tiles:
        return None
    types = ScalarTypes(program.kernel)
    sites = [(node, annotation) for one in expressions(program.kernel) for node, annotation in _literals(one, types)]
    sites = list({id(node): (node, annotation) for node, annotation in sites}.values())
    if not sites:
        return None
    others: dict[ast.AST, ast.AST] = {}
    added = {}
    for node, annotation in rng.sample(sites, min(len(sites), rng.randint(1, 3))):
        name = add_parameter(program, rng, "passed", annotation)
        others[node] = ast.Name(name, ast.Load())
        added[name] = _number(node)
    Replacement(others).visit(program.kernel)
    return Effects(added=added)


def _literals(node: ast.expr, types: ScalarTypes) -> list[tuple[ast.expr, str]]:
    """Return the literals that are operands of a node, or the whole node `wp.float64(0.5)`, with their types."""
    if isinstance(node, ast.Call):
        cast = warp_name(node.func)
        return [(node, f"wp.{cast}")] if cast in _CASTS and len(node.args) == 1 and _is_number(node.args[0]) else []
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Pow):
        pairs = [(node.left, node.right), (node.right, node.left)]
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        pairs = [(node.left, node.comparators[0]), (node.comparators[0], node.left)]
    else:
        return []
    return [
        (one, types.of(one))
        for one, other in pairs
        if _is_number(one) and types.of(one) == types.of(other) and not _is_number(other)
    ]


def _is_number(node: ast.expr) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31)


def _number(node: ast.expr) -> int | float:
    value = node.args[0] if isinstance(node, ast.Call) else node
    assert isinstance(value, ast.Constant) and isinstance(value.value, int | float)
    return value.value


def pass_fields(program: Program, rng: random.Random) -> Effects | None:
    """Pass the fields of a struct one by one; the kernel makes the struct of them where it needs it whole."""
    if program.is_generic:
        return None
    parameters = program.kernel.args.args
    structs = program.structs
    sites = [place for place, one in enumerate(parameters) if name_of(one.annotation or one) in structs]
    if not sites:
        return None
    place = rng.choice(sites)
    passed = parameters[place]
    fields = _fields(structs[name_of(passed.annotation or passed)])
    names = {field: program.fresh(f"{passed.arg}_{field}"[:48]) for field in fields}
    parameters[place : place + 1] = [ast.arg(names[field], annotation) for field, annotation in fields.items()]
    reads: dict[ast.AST, ast.AST] = {
        node: ast.Name(names[node.attr], ast.Load())
        for node in ast.walk(program.kernel)
        if isinstance(node, ast.Attribute) and name_of(node.value) == passed.arg and isinstance(node.ctx, ast.Load)
    }
    mentions = sum(name_of(node) == passed.arg for node in ast.walk(program.kernel))
    if len(reads) == mentions:
        Replacement(reads).visit(program.kernel)
    else:
        _assemble(program.kernel, passed, names)
    return Effects(moved={name: f"{passed.arg}.{field}" for field, name in names.items()})


def _fields(struct: ast.ClassDef) -> dict[str, ast.expr]:
    entries = (entry for entry in struct.body if isinstance(entry, ast.AnnAssign))
    return {name_of(entry.target): entry.annotation for entry in entries}


def _assemble(kernel: ast.FunctionDef, passed: ast.arg, names: dict[str, str]) -> None:
    """Make the struct at the start of the kernel, behind its docstring."""
    assert passed.annotation is not None
    texts = [f"{passed.arg} = {ast.unparse(passed.annotation)}()"]
    texts += [f"{passed.arg}.{field} = {name}" for field, name in names.items()]
    start = 1 if ast.get_docstring(kernel) is not None else 0
    kernel.body[start:start] = [statement(text) for text in texts]
