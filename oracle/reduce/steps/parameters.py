"""What is passed: an array becomes an element of it, a value a literal, two parameters one, an array loses an axis."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from functools import partial
from itertools import permutations

import numpy as np

from grammar.recogniser.scope import warp_name
from oracle.peers.rewrites.program import Program, Replacement, Substitution
from oracle.reduce.cost import shortest
from oracle.reduce.steps.step import (
    Step,
    Subject,
    argument_of,
    element_type,
    is_gradient,
    parameters,
    parents_of,
    root_of,
    under,
    values_of,
    with_arguments,
)
from oracle.rerun import Case

AXES = {"array1d": 1, "array2d": 2, "array3d": 3, "array4d": 4}
"""Names of arrays that say how many axes they have."""


def steps(subject: Subject) -> Iterator[Step]:
    """Yield the steps for each parameter of the kernel."""
    program = Program(subject.case.source)
    if program.is_generic:
        return
    found = parameters(program)
    for one, other in permutations(found, 2):
        if ast.dump(one.annotation or one) == ast.dump(other.annotation or other):
            yield Step(f"{one.arg} for {other.arg}", partial(_merged, kept=one.arg, dropped=other.arg))
    for one in found:
        name = one.arg
        if element_type(one.annotation) is not None:
            yield Step(f"element of {name}", partial(_element, name=name))
            for axis in range(_rank(one.annotation)):
                yield Step(f"axis {axis} of {name}", partial(_without_axis, name=name, axis=axis))
        else:
            yield Step(f"literal for {name}", partial(_literal, name=name))


def _parameter(program: Program, name: str) -> ast.arg | None:
    return next((one for one in parameters(program) if one.arg == name), None)


def _mentions(program: Program, name: str) -> list[ast.Name]:
    """Return where the kernel names a parameter, in the order of its text."""
    found = [node for node in ast.walk(program.kernel) if isinstance(node, ast.Name) and node.id == name]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _dropped(case: Case, program: Program, name: str) -> Case:
    """Return the case for a program that has lost a parameter, and what was passed for it."""
    kernel = program.kernel.args
    kernel.args = [one for one in kernel.args if one.arg != name]
    arguments = [one for one in case.arguments or () if root_of(str(one["name"])) != name]
    values = {leaf: part for leaf, part in values_of(case).items() if root_of(leaf) != name}
    return with_arguments(replace(case, source=program.text), arguments, values)


def _element(case: Case, name: str) -> Case | None:
    """Pass an element in the place of an array that is only read: the first that is read with a plain index."""
    program = Program(case.source)
    parameter, argument = _parameter(program, name), argument_of(case, name)
    type_ = element_type(parameter.annotation) if parameter is not None else None
    if parameter is None or type_ is None or argument is None or argument["written"] or not argument["shape"]:
        return None
    parents = parents_of(program.kernel)
    others: dict[ast.AST, ast.AST] = {}
    place: tuple[int, ...] = (0,) * len(argument["shape"])
    for node in _mentions(program, name):
        holder = parents[node]
        if not isinstance(holder, ast.Subscript) or holder.value is not node:
            return None
        if not isinstance(holder.ctx, ast.Load) or any(isinstance(one, ast.Slice) for one in ast.walk(holder.slice)):
            return None
        indices = holder.slice.elts if isinstance(holder.slice, ast.Tuple) else [holder.slice]
        if len(indices) != len(place):
            return None
        plain = [one.value for one in indices if isinstance(one, ast.Constant) and isinstance(one.value, int)]
        if (
            not others
            and len(plain) == len(place)
            and all(i < n for i, n in zip(plain, argument["shape"], strict=True))
        ):
            place = tuple(plain)
        others[holder] = ast.Name(name, ast.Load())
    Replacement(others).visit(program.kernel)
    parameter.annotation = type_
    argument |= {"shape": []}
    argument.pop("layout", None)
    arguments = [argument if one["name"] == name else one for one in case.arguments or ()]
    values = {
        leaf: part[place] if under(name, leaf) and not is_gradient(leaf) else part
        for leaf, part in values_of(case).items()
    }
    return with_arguments(replace(case, source=program.text), arguments, _arrays(values))


def _arrays(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {leaf: np.asarray(part) for leaf, part in values.items()}


def _literal(case: Case, name: str) -> Case | None:
    """Put the value that is passed in the place of a parameter that holds a number, or the numbers of a vector."""
    program = Program(case.source)
    parameter, value = _parameter(program, name), values_of(case).get(name)
    if parameter is None or parameter.annotation is None or value is None or value.ndim > 1:
        return None
    if any(not isinstance(node.ctx, ast.Load) for node in _mentions(program, name)):
        return None
    text = _text(parameter.annotation, value)
    if text is None:
        return None
    Substitution(name, ast.parse(text, mode="eval").body).visit(program.kernel)
    return _dropped(case, program, name)


def _text(annotation: ast.expr, value: np.ndarray) -> str | None:
    """Return the expression for a value of an annotated type, None where there is none."""
    parts = [_number(one) for one in value.ravel().tolist()]
    if any(part is None for part in parts):
        return None
    word = annotation.id if isinstance(annotation, ast.Name) else warp_name(annotation)
    if value.ndim == 0 and word in ("float", "int", "bool", "float32", "int32"):
        return parts[0]
    return f"{ast.unparse(annotation)}({', '.join(str(part) for part in parts)})"


def _number(value: float | int | bool) -> str | None:
    if isinstance(value, float):
        return shortest(value) if math.isfinite(value) else None
    return repr(value)


def _merged(case: Case, kept: str, dropped: str) -> Case | None:
    """Read one parameter where another of the same type was read."""
    program = Program(case.source)
    if _parameter(program, kept) is None or _parameter(program, dropped) is None:
        return None
    mentions = _mentions(program, dropped)
    for node in mentions:
        node.id = kept
    first, second = argument_of(case, kept), argument_of(case, dropped)
    if first is None or second is None or first["written"] != second["written"]:
        return None
    return _dropped(case, program, dropped)


def _rank(annotation: ast.expr | None) -> int:
    """Return how many axes an array has by its annotation."""
    called = annotation.func if isinstance(annotation, ast.Call) else getattr(annotation, "value", None)
    name = (warp_name(called) if called is not None else None) or ""
    for word in annotation.keywords if isinstance(annotation, ast.Call) else ():
        if word.arg == "ndim" and isinstance(word.value, ast.Constant):
            return int(word.value.value) if isinstance(word.value.value, int) else 1
    return AXES.get(name, 1)


def _without_axis(case: Case, name: str, axis: int) -> Case | None:
    """Drop an axis of an array that is always indexed along all of them; what lies at its beginning is passed."""
    program = Program(case.source)
    parameter, argument = _parameter(program, name), argument_of(case, name)
    if parameter is None or argument is None:
        return None
    rank = _rank(parameter.annotation)
    if rank < 2 or axis >= rank or len(argument["shape"]) != rank or not _lose_index(program, name, rank, axis):
        return None
    type_ = element_type(parameter.annotation)
    assert type_ is not None
    shorter = "wp.array" if rank == 2 else f"wp.array{rank - 1}d"
    parameter.annotation = ast.parse(f"{shorter}(dtype={ast.unparse(type_)})", mode="eval").body
    argument["shape"] = [extent for number, extent in enumerate(argument["shape"]) if number != axis]
    if argument.get("layout", "") == "transposed":
        del argument["layout"]
    arguments = [argument if one["name"] == name else one for one in case.arguments or ()]
    values = {
        leaf: np.take(part, 0, axis) if under(name, leaf) and part.size else part
        for leaf, part in values_of(case).items()
    }
    return with_arguments(replace(case, source=program.text), arguments, values)


def _lose_index(program: Program, name: str, rank: int, axis: int) -> bool:
    parents = parents_of(program.kernel)
    for node in _mentions(program, name):
        holder = parents[node]
        if isinstance(holder, ast.Subscript) and holder.value is node and isinstance(holder.slice, ast.Tuple):
            indices = holder.slice.elts
        elif isinstance(holder, ast.Call) and node in holder.args and "atomic" in (warp_name(holder.func) or ""):
            indices = holder.args[1 : 1 + rank]
            del holder.args[1 + axis]
            if len(indices) == rank:
                continue
            return False
        else:
            return False
        if len(indices) != rank:
            return False
        left = [deepcopy(one) for number, one in enumerate(indices) if number != axis]
        holder.slice = left[0] if len(left) == 1 else ast.Tuple(left, ast.Load())
    return True
