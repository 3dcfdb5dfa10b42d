"""Division and inverses that the target cuda computes with approximate instructions.

Those leave the range of ordinary numbers badly (PTX ISA, `div`: a divisor beyond 2^126 gives 0; `rcp.approx.ftz.f64`:
subnormals count as 0), so divisors are kept near 1 here.
"""

from __future__ import annotations

from collections.abc import Mapping

from grammar import binding, terms
from grammar.choices import pick, pick_weighted
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import FLOAT32, FLOAT64, Matrix, Quaternion, Scalar, ValueType, Vector

_DTYPES = ((FLOAT32, 6.0), (FLOAT64, 1.0))
"""The dtypes with such instructions; narrower ones go through float32 in a function that nudging does not reach."""

_BOUNDS = (("0.5", "2.0"), ("0.1", "10.0"), ("1.0", "4.0"), ("0.25", "8.0"))


def _divisor(frame: Frame, type_: ValueType) -> Term:
    """Return a value of which every component is clamped to ordinary numbers."""
    if isinstance(type_, Scalar):
        low, high = (terms.float_literal(text, type_) for text in pick(frame.choices, _BOUNDS))
        return terms.call("wp.clamp", [writing.named(frame, type_), low, high], type_)
    scalar = writing.scalar_of(type_)
    assert scalar is not None
    if isinstance(type_, Quaternion):
        parts = [binding.bind(frame, _divisor(frame, scalar)) for _ in range(2)]
        return terms.call(type_.spelling, [parts[0], parts[1], parts[0], parts[1]], type_)
    return terms.call(type_.spelling, [_divisor(frame, scalar)], type_)


def _type(frame: Frame, word: str, scalar: Scalar) -> ValueType:
    """Return a type for one of Warp's words: a vector of any length, a matrix of any shape, a quaternion."""
    if word.startswith("Vector"):
        return Vector(frame.choices.integer(2, 5), scalar)
    if word.startswith("Matrix"):
        return Matrix(frame.choices.integer(2, 4), frame.choices.integer(2, 4), scalar)
    return Quaternion(scalar) if word.startswith("Quaternion") else scalar


def _division(frame: Frame, one: Registered) -> bool:
    if frame.exact_only:
        return False
    scalar = pick_weighted(frame.choices, _DTYPES)
    first, second = (_type(frame, word, scalar) for word in one.types)
    dividend = writing.named(frame, first)
    divisor = binding.shortened(frame, _divisor(frame, second), limit=30)
    result = second if isinstance(first, Scalar) else first
    writing.call(frame, one, [result], "wp.div_approx", [dividend, divisor], library=True)
    return True


def _inverse(frame: Frame, one: Registered) -> bool:
    """Invert a matrix that is far from singular: ordinary numbers on its diagonal, small ones beside it."""
    if frame.exact_only:
        return False
    size = next(size for size in (2, 3, 4) if f"Literal[{size}]" in one.types[0])
    scalar = pick_weighted(frame.choices, _DTYPES)
    type_ = Matrix(size, size, scalar)
    diagonal = [binding.bind(frame, _divisor(frame, scalar)) for _ in range(2)]
    holes = {"a": diagonal[0], "b": diagonal[1]}
    small = pick(frame.choices, ("0.125", "0.05", "-0.01"))
    cells = [
        ("{a}", "{b}")[row % 2] if row == column else ("0.0", small)[(row + column) % 2]
        for row in range(size)
        for column in range(size)
    ]
    text = f"wp.inverse_approx({type_.spelling}({', '.join(cells)}))"
    writing.assign(frame, one, [type_], text, holes, library=True)
    return True


RECIPES: Mapping[str, Recipe] = {"div_approx": _division, "inverse_approx": _inverse}
