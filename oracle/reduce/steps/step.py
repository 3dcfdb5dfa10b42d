"""A step: one way to make a case simpler, told by what it does, so that it can be made again on another case."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from extractor.expression_types import Span
from grammar.recogniser.scope import warp_name
from oracle.given import GRADIENT, Given
from oracle.peers.rewrites.program import Program
from oracle.reduce.changes import Edit
from oracle.rerun import Case


@dataclass(frozen=True)
class Subject:
    """What steps are listed for: a case, and the types of its expressions, empty where nobody knows them."""

    case: Case
    types: Mapping[Span, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One simplification: `what` it does in a few words, and the case after it, None where it does not apply.

    An `edit` is one of a tree, which can be joined with others of the same source; `apply` makes it.
    """

    what: str
    apply: Callable[[Case], Case | None]
    edit: Edit = ()


Family = Callable[[Subject], Iterator[Step]]
"""Yields the steps of one kind that apply to a subject."""


def of_program(what: str, change: Callable[[Program], bool | None]) -> Step:
    """Return the step that changes a source alone: `change` works on its tree, and returns False if it cannot."""

    def apply(case: Case) -> Case | None:
        program = Program(case.source)
        return None if change(program) is False else replace(case, source=program.text)

    return Step(what, apply)


def with_arguments(case: Case, arguments: Iterable[Mapping[str, Any]], values: Mapping[str, np.ndarray]) -> Case:
    """Return a case with other arguments, and other numbers for them."""
    given = Given(case.given.seed, values) if case.given is not None else None
    return replace(case, arguments=list(arguments), given=given)


def values_of(case: Case) -> dict[str, np.ndarray]:
    """Return the numbers that are given, by path."""
    return dict(case.given.values) if case.given is not None else {}


def root_of(path: str) -> str:
    """Return the parameter that a path is in."""
    return path.partition(".")[0]


def under(path: str, leaf: str) -> bool:
    """Whether a leaf is what a path names, or a part or a gradient of it."""
    return leaf == path or leaf.startswith(path + ".")


def is_gradient(leaf: str) -> bool:
    """Whether a leaf holds gradients."""
    return leaf.endswith(GRADIENT)


def moved(leaf: str, old: str, new: str) -> str:
    """Return a leaf under another path, as it is if it is not under the old one."""
    return new + leaf.removeprefix(old) if under(old, leaf) else leaf


def argument_of(case: Case, path: str) -> dict[str, Any] | None:
    """Return a copy of the argument for a path, None if there is none."""
    return next((dict(one) for one in case.arguments or () if one["name"] == path), None)


def element_type(annotation: ast.expr | None) -> ast.expr | None:
    """Return the type of an array's elements by its annotation, None for what is no array."""
    if isinstance(annotation, ast.Call) and is_array(annotation):
        kinds = [word.value for word in annotation.keywords if word.arg == "dtype"]
        return kinds[0] if kinds else (annotation.args[0] if annotation.args else None)
    if isinstance(annotation, ast.Subscript) and is_array_name(annotation.value):
        return annotation.slice
    return None


def is_array(annotation: ast.expr | None) -> bool:
    """Whether an annotation is of a plain array, written as a call or as a subscript."""
    match annotation:
        case ast.Call(func=called):
            return is_array_name(called)
        case ast.Subscript(value=called):
            return is_array_name(called)
    return False


def is_array_name(node: ast.expr) -> bool:
    """Whether a name is one of those for arrays: `wp.array`, `wp.array2d`, …"""
    return warp_name(node) in ("array", "array1d", "array2d", "array3d", "array4d")


def parameters(program: Program) -> list[ast.arg]:
    """Return the kernel's parameters."""
    return program.kernel.args.args


def parents_of(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """Return the parent of every node of a tree."""
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
