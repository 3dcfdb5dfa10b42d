"""Decompositions of small matrices: singular values, eigenvalues, orthogonal and triangular factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grammar import access, binding, terms
from grammar.choices import chance
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import FLOAT16, Matrix, Scalar, ValueType, Vector


def _factors(name: str, scalar: Scalar) -> Sequence[ValueType]:
    size = int(name[-1])
    matrix, vector = Matrix(size, size, scalar), Vector(size, scalar)
    return {"svd": (matrix, vector, matrix), "qr": (matrix, matrix), "eig": (matrix, vector)}[name[:-1]]


_NAMES: Mapping[str, Sequence[Sequence[str]]] = {
    "svd": (("u", "left"), ("sigma", "s", "stretches"), ("v", "right")),
    "qr": (("q", "ortho"), ("r", "upper")),
    "eig": (("q", "vectors", "principal"), ("d", "eigenvalues", "lam")),
}
"""What the factors are called."""


def _decomposition(frame: Frame, one: Registered) -> bool:
    """Factors of an exact matrix, returned or written to variables that are passed.

    The reciprocal square root in all of them is approximate on cuda, but for float16, which has none (native/svd.h).
    """
    scalar = writing.dtype_of(frame, one)
    library = scalar != FLOAT16
    if library and frame.exact_only:
        return False
    matrix = _matrix(frame, one.name, scalar)
    types, banks = _factors(one.name, scalar), _NAMES[one.name[:-1]]
    if len(one.parameters) == 1:
        factors = writing.call(frame, one, types, f"wp.{one.name}", [matrix], library=library, banks=banks)
    else:
        factors = [writing.zero(frame, type_, bank) for type_, bank in zip(types, banks, strict=True)]
        writing.call_into(frame, one, [matrix, *factors], factors, library=library)
    if one.name == "qr3":
        _put_together(frame, factors[1:], "wp.get_diag({f0})", Vector(3, scalar))
    if one.name == "qr3" or chance(frame.choices, 60):
        (product,) = _put_together(frame, factors, _PRODUCTS[one.name], types[0])
        _put_together(frame, [product], "wp.ddot({f0}, {f0})", scalar)
    return True


_PRODUCTS: Mapping[str, str] = {
    "svd2": "{f0} * wp.diag({f1}) * wp.transpose({f2})",
    "svd3": "{f0} * wp.diag({f1}) * wp.transpose({f2})",
    "qr3": "{f0} * {f1}",
    "eig3": "{f0} * wp.diag({f1}) * wp.transpose({f0})",
}
"""How the factors give the matrix again.

What is kept of it is the sum of its squares, and for `qr3` the diagonal: where the matrix or a factor has a zero there
is nothing but what rounding left.
"""


def _put_together(frame: Frame, factors: Sequence[Variable], text: str, type_: ValueType) -> list[Variable]:
    """Emit the assignment of what a text makes of the factors."""
    holes = {f"f{place}": factor for place, factor in enumerate(factors)}
    inexact = any(factor.inexact for factor in factors)
    return writing.declare(frame, [type_], text, holes, library=inexact)


def _matrix(frame: Frame, name: str, scalar: Scalar) -> Term:
    """Return an exact matrix: a symmetric one for eigenvalues, one far from singular where the adjoint inverts it."""
    size = int(name[-1])
    type_ = Matrix(size, size, scalar)
    matrix = binding.shortened(frame, writing.named(frame, type_, exact=True), limit=20)
    if name.startswith("svd"):
        return matrix
    ten = terms.float_literal("10.0", scalar)
    text = (
        "{m} + wp.transpose({m})" if name == "eig3" else f"{{m}} + wp.identity(n=3, dtype={scalar.spelling}) * {{ten}}"
    )
    (found,) = writing.declare(frame, [type_], text, {"m": matrix, "ten": ten})
    return access.read_variable(found)


RECIPES: Mapping[str, Recipe] = dict.fromkeys(("svd2", "svd3", "qr3", "eig3"), _decomposition)
