"""Operands in a normal order: what is named before what is written out, by the alphabet."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from oracle.peers.rewrites.program import Program
from oracle.reduce.steps.step import Step, Subject, of_program


def steps(subject: Subject) -> Iterator[Step]:
    """Yield a step for each pair of operands that may stand the other way round."""
    for number, _ in enumerate(_pairs(Program(subject.case.source))):
        yield of_program(f"swap {number}", partial(_swapped, number=number))


def out_of_order(program: Program) -> int:
    """Count the pairs of operands that do not stand in the normal order."""
    return len(_pairs(program))


def _pairs(program: Program) -> list[ast.Call | ast.BinOp]:
    """Return the calls with two arguments, sums and products whose operands are not in order."""
    found: list[ast.Call | ast.BinOp] = []
    for function in program.functions:
        for node in ast.walk(function):
            match node:
                case ast.Call(args=[left, right], keywords=[]) if _key(right) < _key(left):
                    found.append(node)
                case ast.BinOp(left=left, op=ast.Add() | ast.Mult(), right=right) if _key(right) < _key(left):
                    found.append(node)
    return found


def _key(node: ast.expr) -> tuple[bool, str]:
    named = any(isinstance(one, ast.Name) and one.id != "wp" for one in ast.walk(node))
    return not named, ast.unparse(node)


def _swapped(program: Program, number: int) -> bool:
    pairs = _pairs(program)
    if number >= len(pairs):
        return False
    node = pairs[number]
    if isinstance(node, ast.Call):
        node.args.reverse()
    else:
        node.left, node.right = node.right, node.left
    return True
