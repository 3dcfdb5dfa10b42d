"""Kernels that Warp rejects, with what it says: working ones whose types are broken on purpose.

An edit replaces a piece of the source's text, so that everything else of it stays as it was. Nothing is taken for an
error before Warp, run on it, has said so.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from extractor.compiling import CompileFailure, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar.parsing import parsed
from grammar.recogniser import accept
from grammar.registry import builtin_names
from oracle.pool import Death, Pool

Edit = tuple[ast.expr, str]
"""An expression of the source, and the text that takes its place."""

SITES = 2
"""So many places are tried for each kind of edit: some are rejected by nobody."""

JOB_SIZE = 16


@dataclass(frozen=True)
class Working:
    """A kernel that compiles: its record's id, source, category, level and split."""

    id: str
    source: str
    category: str
    level: int
    split: str


@dataclass(frozen=True)
class Broken:
    """A working kernel after the edit named `mutation`, and at which `stage` with what `message` Warp rejects it."""

    id: str
    source: str
    message: str
    stage: str
    mutation: str
    working: str
    category: str
    level: int
    split: str


def _wrong_argument(kernel: ast.FunctionDef) -> Iterator[Edit]:
    for call in _builtin_calls(kernel):
        if call.args:
            yield call.args[0], "wp.quat_identity()" if call.lineno % 2 else "wp.mat33(1.0)"


def _missing_argument(kernel: ast.FunctionDef) -> Iterator[Edit]:
    for call in _builtin_calls(kernel):
        if len(call.args) >= 2 and not call.keywords:
            yield call, f"{ast.unparse(call.func)}({', '.join(map(ast.unparse, call.args[:-1]))})"


def _mixed_operands(kernel: ast.FunctionDef) -> Iterator[Edit]:
    for node in ast.walk(kernel):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            yield node.right, "wp.quat_identity()" if node.lineno % 2 else "wp.mat22(1.0)"


def _too_many_indices(kernel: ast.FunctionDef) -> Iterator[Edit]:
    arrays = {one.arg for one in kernel.args.args if one.annotation and "array" in ast.unparse(one.annotation)}
    for node in ast.walk(kernel):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in arrays:
            index = ast.unparse(node.slice).strip("()")
            yield node, f"{node.value.id}[{index}, 0, 0, 0, 0]"


def _wrong_element(kernel: ast.FunctionDef) -> Iterator[Edit]:
    for node in ast.walk(kernel):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            yield node.value, "wp.transform_identity()"


def _variable_retyped(kernel: ast.FunctionDef) -> Iterator[Edit]:
    for block in ast.walk(kernel):
        if isinstance(block, ast.For | ast.While | ast.If):
            for node in block.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    yield node.value, "wp.mat44(1.0)"


def _unknown_component(kernel: ast.FunctionDef) -> Iterator[Edit]:
    for node in ast.walk(kernel):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in ("x", "y", "z", "w"):
            yield node, f"{ast.unparse(node.value)}.q"


MUTATIONS: dict[str, Callable[[ast.FunctionDef], Iterator[Edit]]] = {
    "argument of another type": _wrong_argument,
    "argument left out": _missing_argument,
    "operand of another type": _mixed_operands,
    "more indices than dimensions": _too_many_indices,
    "element of another type stored": _wrong_element,
    "variable of another type assigned": _variable_retyped,
    "component that is not there": _unknown_component,
}
"""What is done to a kernel, and where it can be done."""


def attempts(working: Working) -> list[tuple[str, str]]:
    """Return what to try on a kernel, as pairs of the mutation's name and the broken source, in an order of its own.

    The recogniser accepts every one of them, so that Warp may be given them.
    """
    source = working.source
    kernel = next(
        (
            node
            for node in parsed(source).body
            if isinstance(node, ast.FunctionDef) and any("kernel" in ast.unparse(one) for one in node.decorator_list)
        ),
        None,
    )
    if kernel is None:
        return []
    drawn = random.Random(f"broken/{working.id}")
    found = []
    for name in drawn.sample(list(MUTATIONS), len(MUTATIONS)):
        edits = list(MUTATIONS[name](kernel))
        for node, text in drawn.sample(edits, min(SITES, len(edits))):
            edited = _replaced(source, node, text)
            if accept(edited) is None:
                found.append((name, edited))
    return found


def break_all(chosen: Sequence[Working], workers: int) -> list[Broken]:
    """Break each of the kernels in the first way that Warp rejects; those that no way breaks are left out.

    Warp runs in worker processes, on what the recogniser has accepted.
    """
    results: dict[int, Sequence[Broken | Death | None]] = {}
    with Pool(start_worker, workers) as pool:
        for first in range(0, len(chosen), JOB_SIZE):
            pool.submit(first, chosen[first : first + JOB_SIZE])
        while pool.unfinished:
            for key, outcomes in pool.completed(timeout=0.5):
                assert isinstance(key, int)
                results[key] = outcomes
    ordered = [one for key in sorted(results) for one in results[key]]
    return [one for one in ordered if isinstance(one, Broken)]


def start_worker(scratch: Path) -> Callable[[tuple[Working, ...]], Sequence[Broken | None]]:
    """Start Warp in this process, compiling under `scratch`, and return the function that breaks kernels."""
    workspace = open_workspace(scratch).__enter__()
    return lambda kernels: [_break(one, workspace) for one in kernels]


def _break(working: Working, workspace: Workspace) -> Broken | None:
    options = CompileOptions(backward=False, cuda_level=0, targets=("cuda",))
    for name, source in attempts(working):
        with compile_batch([source], options, workspace) as batch:
            (result,) = batch.results
            if isinstance(result, CompileFailure):
                return Broken(
                    id=working.id,
                    source=source,
                    message=result.diagnostic,
                    stage=result.stage,
                    mutation=name,
                    working=working.source,
                    category=working.category,
                    level=working.level,
                    split=working.split,
                )
    return None


def _builtin_calls(kernel: ast.FunctionDef) -> Iterator[ast.Call]:
    """Yield the calls of Warp's functions, but for those that make values of a type, and the thread's index."""
    for node in ast.walk(kernel):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            name = node.func.attr
            if node.func.value.id == "wp" and name in builtin_names() and not name[-1].isdigit() and name != "tid":
                yield node


def _replaced(source: str, node: ast.expr, text: str) -> str:
    """Return the source with the text of an expression replaced; positions count bytes of UTF-8."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    assert node.end_lineno is not None and node.end_col_offset is not None
    before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    after = lines[node.end_lineno - 1][node.end_col_offset :] + b"".join(lines[node.end_lineno :])
    return (before + text.encode() + after).decode()
