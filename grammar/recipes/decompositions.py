"""Decompositions of small matrices: singular values, eigenvalues, orthogonal and triangular factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grammar import names, snippets
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import FLOAT16, Matrix, Scalar, ValueType, Vector


def _factors(name: str, scalar: Scalar) -> Sequence[ValueType]:
    size = int(name[-1])
    matrix, vector = Matrix(size, size, scalar), Vector(size, scalar)
    return {"svd": (matrix, vector, matrix), "qr": (matrix, matrix), "eig": (matrix, vector)}[name[:-1]]


def _decomposition(frame: Frame, one: Registered) -> bool:
    """Factors of an exact matrix, returned or written to variables that are passed.

    The reciprocal square root in all of them is approximate on cuda, but for float16, which has none (native/svd.h).
    """
    scalar = writing.dtype_of(frame, one)
    library = scalar != FLOAT16
    if library and frame.exact_only:
        return False
    matrix = _matrix(frame, one.name, scalar)
    types = _factors(one.name, scalar)
    if len(one.parameters) == 1:
        writing.call(frame, one, types, f"wp.{one.name}", [matrix], library=library)
        return True
    factors = [writing.zero(frame, type_) for type_ in types]
    holes = {f"f{place}": factor for place, factor in enumerate(factors)}
    passed = "".join(f", {{{key}}}" for key in holes)
    snippets.emit(frame, f"wp.{one.name}({{a}}{passed})", a=matrix, **holes)
    for factor in factors:
        factor.inexact = library
        writing.changed(frame, factor, matrix)
    writing.note(frame, one)
    return True


def _matrix(frame: Frame, name: str, scalar: Scalar) -> Term:
    """Return an exact matrix, for eigenvalues a symmetric one."""
    size = int(name[-1])
    type_ = Matrix(size, size, scalar)
    matrix = writing.named(frame, type_, exact=True)
    if not name.startswith("eig"):
        return matrix
    symmetric = names.free_name(frame.choices, names.LOCALS["matrix"], frame.taken)
    frame.taken.add(symmetric)
    variable = writing.local(frame, matrix) if len(matrix.text) > 20 else None
    holes: dict[str, snippets.Hole] = {"m": variable if variable else matrix}
    snippets.emit(frame, f"{symmetric} = {{m}} + wp.transpose({{m}})", **holes)
    found = writing.Variable(symmetric, type_)
    frame.declare(found)
    return writing.expressions.access.read_variable(found)


RECIPES: Mapping[str, Recipe] = dict.fromkeys(("svd2", "svd3", "qr3", "eig3"), _decomposition)
