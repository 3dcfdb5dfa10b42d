"""The launch gets smaller: one thread, the one that shows it, then arrays without the elements that nobody needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.program import Program, Substitution
from oracle.reduce.steps.step import Step, Subject, argument_of, under, values_of, with_arguments
from oracle.rerun import Case, launch_rank

MOST_THREADS = 16
"""So many threads are tried one by one."""


def steps(subject: Subject) -> Iterator[Step]:
    """Yield the steps for the launch, then for each axis of each array."""
    case = subject.case
    dims = case.dims or ()
    for axis, extent in enumerate(dims):
        for start, count in _pieces(extent):
            yield Step(
                f"threads {start}+{count} of axis {axis}", partial(_threads, axis=axis, start=start, count=count)
            )
    if len(dims) > 1:
        yield Step("plain launch", _fewer_dims)
    if case.options.tiled:
        for threads in (1, 32):
            if threads < case.options.block_dim:
                yield Step(f"blocks of {threads}", partial(_blocks, threads=threads))
    for argument in case.arguments or ():
        name = str(argument["name"])
        if argument.get("resource"):
            continue
        for axis, extent in enumerate(argument["shape"]):
            for start, count in _pieces(extent):
                yield Step(
                    f"{name}[{start}+{count}] of axis {axis}",
                    partial(_slice, names=(name,), axis=axis, start=start, count=count),
                )


def _pieces(extent: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of an axis that may do: one alone, halves, all but the last."""
    singles = range(extent) if extent <= MOST_THREADS else (0, 1, extent // 2, extent - 1)
    yield from ((place, 1) for place in singles if extent > 1)
    if extent > 3:
        yield from ((0, extent // 2), (extent // 2, extent - extent // 2))
    if extent > 2:
        yield 0, extent - 1


def _threads(case: Case, axis: int, start: int, count: int) -> Case | None:
    """Launch some threads along an axis, with that part of every array which has as many elements along it."""
    dims = list(case.dims or ())
    if axis >= len(dims) or start + count > dims[axis] or count >= dims[axis]:
        return None
    extent, dims[axis] = dims[axis], count
    launched = replace(case, dims=tuple(dims))
    names = tuple(
        str(one["name"])
        for one in case.arguments or ()
        if not one.get("resource") and _axis_of(one["shape"], extent, axis) is not None
    )
    return _slice(launched, names, None, start, count, (extent, axis)) or launched


def _axis_of(shape: Sequence[int], extent: int, axis: int) -> int | None:
    """Return which axis of an array runs along one of the launch: the same one, or the first of its extent."""
    if axis < len(shape) and shape[axis] == extent:
        return axis
    return shape.index(extent) if extent in shape else None


def _slice(
    case: Case, names: tuple[str, ...], axis: int | None, start: int, count: int, along: tuple[int, int] = (0, 0)
) -> Case | None:
    """Pass a part of some arrays: of an `axis`, or of that which runs `along` one of the launch."""
    arguments, values = list(case.arguments or ()), values_of(case)
    for name in names:
        argument = argument_of(case, name)
        if argument is None:
            return None
        shape = list(argument["shape"])
        place = _axis_of(shape, *along) if axis is None else axis
        if place is None or place >= len(shape) or start + count > shape[place]:
            return None
        shape[place] = count
        argument["shape"] = shape
        arguments = [argument if one["name"] == name else one for one in arguments]
        part = slice(start, start + count)
        for leaf in values:
            if under(name, leaf) and values[leaf].ndim > place:
                values[leaf] = np.ascontiguousarray(values[leaf][(slice(None),) * place + (part,)])
    return with_arguments(case, arguments, values) if names else None


def _fewer_dims(case: Case) -> Case | None:
    """Launch along the first axis alone; a thread's other numbers are 0."""
    program = Program(case.source)
    for function in program.functions:
        for node in list(ast.walk(function)):
            match node:
                case ast.Assign(targets=[ast.Tuple(elts=[ast.Name() as first, *others])], value=ast.Call(func=called)):
                    if warp_name(called) == "tid":
                        node.targets = [first]
                        for other in others:
                            if isinstance(other, ast.Name):
                                Substitution(other.id, ast.Constant(0)).visit(function)
    changed = replace(case, source=program.text, dims=(case.dims or (1,))[:1])
    return changed if launch_rank(changed.source) == 1 else None


def _blocks(case: Case, threads: int) -> Case:
    return replace(case, options=case.options.for_blocks_of(threads))
