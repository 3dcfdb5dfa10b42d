"""Hypothesis strategies over the grammar, for this project's tests and for other people's.

    @given(kernels(category="vector"))
    def test_my_pass_keeps_vectors(kernel): ...

They drive the very productions that a campaign does, with Hypothesis' `draw` in place of a seed, so that a failing
kernel shrinks to a small one: each production offers its simplest outcome first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst
from hypothesis import assume
from hypothesis import strategies as st

from grammar import binding, outputs
from grammar import expressions as productions
from grammar import functions as helpers
from grammar import kernels as makers
from grammar.categories import CATEGORIES
from grammar.kernel import Kernel
from grammar.registry import from_warp
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import (
    FLOAT32,
    FLOAT64,
    INT32,
    SCALARS,
    Matrix,
    Quaternion,
    Scalar,
    Transform,
    Type,
    ValueType,
    Vector,
)

TYPES: Sequence[ValueType] = (
    FLOAT32,
    INT32,
    *(Vector(length, scalar) for length in (3, 2, 4, 5) for scalar in (FLOAT32, INT32, FLOAT64)),
    *(Matrix(rows, columns, FLOAT32) for rows, columns in ((3, 3), (2, 2), (2, 3))),
    Quaternion(FLOAT32),
    Transform(FLOAT32),
    *SCALARS,
)
"""Types of functions and expressions where the caller asks for none, the simplest first."""

_AROUND = "arithmetic"
"""The category of the kernel around a function or expression: it asks for nothing beside them."""


class DrawnChoices:
    """Decisions that Hypothesis makes, and shrinks."""

    def __init__(self, draw: st.DrawFn):
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, both included."""
        return self._draw(st.integers(low, high)) if high > low else low

    def weighted(self, weights: Sequence[float]) -> int:
        """Draw an index of a positive weight: in proportion to it, as far as whole percents tell."""
        total = sum(weights)
        point = self._draw(st.integers(0, 999)) / 1000 * total
        last = 0
        for index, weight in enumerate(weights):
            if weight > 0:
                last = index
                point -= weight
                if point < 0:
                    return index
        return last


@dataclass(frozen=True)
class Function:
    """One `@wp.func`, with the module that defines it and a kernel that calls it.

    `source` is a module with the function and what it needs, and without a kernel. `parameters` are its parameters'
    types by name. `kernel` calls it in each thread with values on which its body may rely, and stores the result.
    """

    name: str
    source: str
    parameters: Mapping[str, ValueType]
    result: ValueType
    kernel: Kernel

    def __repr__(self) -> str:
        return f"<function {self.name}>\n{self.kernel.source}"


@dataclass(frozen=True)
class Expression:
    """An expression, with a kernel that computes it in each thread.

    `source` is its text and `type` its type. `names` are the variables in it: parameters of the kernel, arrays among
    them, and thread indices. Constants and functions in it are defined in the kernel's module.
    """

    source: str
    type: ValueType
    names: Mapping[str, Type]
    kernel: Kernel

    def __repr__(self) -> str:
        return f"<expression {self.source}>\n{self.kernel.source}"


@st.composite
def kernels(draw: st.DrawFn, category: str | None = None, size: int | None = None) -> Kernel:
    """Return kernels of a category, of any of them without one.

    `size` is about how many lines a kernel has between the thread index and the stores, 1 to 60; without one small
    kernels and large ones come.
    """
    chosen = draw(st.sampled_from(CATEGORIES)) if category is None else category
    return makers.generate(DrawnChoices(draw), chosen, size)


@st.composite
def functions(draw: st.DrawFn, result: Any = None) -> Function:
    """Return functions with a result of a type, of any type without one.

    A type is one of the grammar's, or Warp's own (`wp.vec3`, `float`). Raises TypeError for what is neither.
    """
    chosen = _drawn_type(draw, result)
    frame = _new_frame(draw, chosen)
    frame.unit.grow_helper_call = frame.unit.grow_several = None
    helper = helpers.new_helper(frame.unit, frame, (chosen,), exact=False)
    assume(helper is not None)
    assert helper is not None
    kernel = _kernel_of(frame, helpers.call_helper(frame, helper, exact=False))
    parameters = {variable.name: variable.type for variable in helper.parameters}
    return Function(helper.name, _module_of(kernel.tree, helper.name), parameters, chosen, kernel)


@st.composite
def expressions(draw: st.DrawFn, type_: Any = None, depth: int = 2) -> Expression:
    """Return expressions of a type, at most `depth` operations deep; of any type without one.

    A type is one of the grammar's, or Warp's own (`wp.vec3`, `float`). Raises TypeError for what is neither.
    """
    chosen = _drawn_type(draw, type_)
    frame = _new_frame(draw, chosen)
    frame.may_hoist = False
    term = productions.grow(frame, chosen, depth)
    frame.may_hoist = True
    known = {one.name: one.type for one in (*frame.parameter_order, *frame.threads)}
    names = {name: type_ for name, type_ in known.items() if name in _names_in(term.node)}
    return Expression(cst.Module([]).code_for_node(term.node), chosen, names, _kernel_of(frame, term))


def _drawn_type(draw: st.DrawFn, wanted: Any) -> ValueType:
    if wanted is None:
        return draw(st.sampled_from(TYPES))
    if isinstance(wanted, Scalar | Vector | Matrix | Quaternion | Transform):
        return wanted
    found = from_warp(wanted)
    if found is None:
        raise TypeError(f"{wanted!r} is no scalar, vector, matrix, quaternion or transformation of the grammar")
    return found


def _new_frame(draw: st.DrawFn, type_: ValueType) -> Frame:
    """Start a kernel in which there are variables of the type, with its thread indices."""
    frame = Frame(makers.new_unit(DrawnChoices(draw), _AROUND, [type_]), is_kernel=True)
    makers.thread_indices(frame)
    return frame


def _kernel_of(frame: Frame, term: Term) -> Kernel:
    """Finish a kernel that computes the term and stores it."""
    binding.declare(frame, term, "result")
    outputs.finish(frame)
    return makers.finished(frame)


def _module_of(tree: cst.Module, function: str) -> str:
    """Return the module without its kernel and the constants that the kernel alone has read."""
    kept = [one for one in tree.body if not isinstance(one, cst.FunctionDef) or one.name.value == function]
    read = {name for one in kept if not isinstance(one, cst.SimpleStatementLine) for name in _names_in(one)}
    return tree.with_changes(body=[one for one in kept if _defined(one) in (None, *read)]).code


def _defined(statement: cst.BaseStatement | cst.SimpleStatementLine) -> str | None:
    """Return the constant or alias that a statement of a module defines, None for any other."""
    if isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Assign):
        target = statement.body[0].targets[0].target
        return target.value if isinstance(target, cst.Name) else None
    return None


def _names_in(node: cst.CSTNode) -> set[str]:
    """Return every name in a tree, attributes among them."""
    found = {node.value} if isinstance(node, cst.Name) else set()
    return found.union(*map(_names_in, node.children))
