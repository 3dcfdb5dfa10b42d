"""Literals that people write."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

import libcst as cst

from grammar import nodes, terms
from grammar.choices import Choices, chance, pick, pick_weighted
from grammar.intervals import point
from grammar.terms import Term
from grammar.types import BOOL, INT32, Matrix, Quaternion, Scalar, ValueType, Vector

_FLOATS: Sequence[tuple[str, float]] = (
    ("2.0", 10), ("0.5", 10), ("1.0", 10), ("0.1", 4), ("0.25", 4), ("3.0", 3), ("1.5", 3), ("0.01", 2), ("4.0", 2),
    ("10.0", 2), ("0.75", 2), ("1e-3", 2), ("5.0", 1), ("100.0", 1), ("0.05", 1), ("0.9", 1), ("0.2", 1), ("2.5", 1),
    ("0.3", 1), ("1.25", 1), ("6.0", 1), ("1e-6", 0.5), ("9.81", 0.5), ("3.14159", 0.5), ("0.333", 0.5), ("8.0", 0.5),
)  # fmt: skip
_HALF_FLOATS = tuple((text, weight) for text, weight in _FLOATS if text not in ("1e-6", "3.14159"))
_INTEGERS: Sequence[tuple[int, float]] = (
    (1, 10), (2, 10), (3, 6), (4, 4), (5, 3), (7, 3), (8, 3), (10, 3), (16, 2), (6, 1), (12, 1), (32, 1),
    (9, 1), (100, 1),
)  # fmt: skip
_RARE_FLOATS: Mapping[str, Sequence[str]] = {
    "": ("1.", ".5", "2.", "1e2", "1E-2", "-0.5", "-1.0", "-2.0", "1_000.0", "0.125", ".25", "3.", "-0.0"),
    "float16": ("65504.0", "6e-8", "-.5"),
    "float32": ("1e3", "1e-45", "1e38", "3.4028235e38", "1.1754944e-38", "-1e10", "1e-12", "6.02214076e23"),
    "float64": ("1e-300", "1e300", "2.220446049250313e-16", "3.141592653589793", "1e15", "4.9e-324"),
}
"""Literals in unusual spellings, at the edges of a dtype, and what people paste; for every dtype, and for one."""
_RARE_INTEGERS: Mapping[int, Sequence[str]] = {
    8: ("0x0F", "0x7F", "-1", "-3"),
    16: ("0xFF", "1_000", "0x7FFF", "-1", "0o17"),
    32: ("0xFF", "0x0F", "1_000", "0b1010", "0x7FFFFFFF", "2147483647", "-2147483648", "65_536", "-1", "-7", "0xFFFF"),
}
_WIDE: Sequence[int] = (
    2**40, 2**63 - 1, 10**12, 2**32, 2**33 + 1, 0x9E3779B9, 6364136223846793005, 1442695040888963407, 2**53 + 1,
)  # fmt: skip
_WIDE_UNSIGNED: Sequence[int] = (2**64 - 1, 0x9E3779B97F4A7C15, 0xCBF29CE484222325, 2**63)
_WIDE_NEGATIVE: Sequence[int] = (-(2**63), -(2**40), -(10**12))
_THRESHOLDS: Sequence[tuple[str, float]] = (("0.0", 12), ("0.5", 6), ("1.0", 6), ("0.1", 2), ("2.0", 2), ("10.0", 1))


def literal(choices: Choices, type_: ValueType) -> Term | None:
    """Return a literal of a type, None for structs."""
    match type_:
        case Scalar():
            return scalar_literal(choices, type_)
        case Vector():
            return terms.vector_literal(type_, [_plain(choices, type_.scalar) for _ in range(type_.length)])
        case Matrix() if type_.takes_elements:
            values = [_plain(choices, type_.scalar) for _ in range(type_.rows * type_.columns)]
            return terms.vector_literal(type_, values) if len(values) <= 6 else None  # type: ignore[arg-type]
        case Quaternion():
            values = [terms.float_literal(text, Scalar("float32")) for text in ("0.0", "0.0", "0.0", "1.0")]
            return terms.call(type_.spelling, values, type_)
        case _:
            return None


def scalar_literal(choices: Choices, scalar: Scalar) -> Term:
    """Return a scalar literal with its cast where it needs one."""
    if scalar == BOOL:
        return terms.boolean_literal(choices.integer(0, 1) == 1)
    if chance(choices, 4):
        return _rare(choices, scalar)
    if scalar.is_float:
        return terms.float_literal(_float_text(choices, scalar), scalar)
    return terms.integer_literal(pick_weighted(choices, _INTEGERS), scalar)


def _rare(choices: Choices, scalar: Scalar) -> Term:
    """Return a literal in an unusual spelling, or one at the edge of its dtype."""
    if scalar.is_float:
        return terms.float_literal(pick(choices, (*_RARE_FLOATS[""], *_RARE_FLOATS.get(scalar.name, ()))), scalar)
    if scalar.bits == 64 and chance(choices, 60):
        return wide(choices, scalar)
    texts = _RARE_INTEGERS[min(scalar.bits, 32)]
    text = pick(choices, [text for text in texts if scalar.is_signed or not text.startswith("-")])
    return _spelled(int(text, 0), text, scalar)


def wide(choices: Choices, scalar: Scalar) -> Term:
    """Return a literal of a 64-bit integer dtype that mostly does not fit 32 bits."""
    numbers = (*_WIDE, *(_WIDE_NEGATIVE if scalar.is_signed else _WIDE_UNSIGNED))
    number = pick(choices, numbers)
    text = hex(number).upper().replace("X", "x") if number > 0 and chance(choices, 60) else str(number)
    return _spelled(number, text, scalar)


def _spelled(number: int, text: str, scalar: Scalar) -> Term:
    """Return an integer literal in a spelling of its own, in a cast where its dtype is not int32."""
    digits = cst.Integer(text.lstrip("-"))
    node: nodes.Expression = cst.UnaryOperation(cst.Minus(), digits) if number < 0 else digits
    if scalar != INT32:
        node, text = nodes.call(scalar.spelling, [node]), f"{scalar.spelling}({text})"
    return Term(node, scalar, text, point(number), literal=True)


def _float_text(choices: Choices, scalar: Scalar) -> str:
    return pick_weighted(choices, _HALF_FLOATS if scalar.bits == 16 else _FLOATS)


def plain(choices: Choices, scalar: Scalar, count: int) -> list[Term]:
    """Return components of a constructor that is all literals."""
    return [_plain(choices, scalar) for _ in range(count)]


def _plain(choices: Choices, scalar: Scalar) -> Term:
    """Return a component of a constructor that is all literals, which needs no casts."""
    if scalar.is_float:
        text = pick_weighted(choices, (("0.0", 8), ("1.0", 8), *_FLOATS[:8]))
        return terms.Term(terms.float_literal(text, Scalar("float32")).node, scalar, text, literal=True)
    value = pick(choices, (0, 1, 1, 2, 3, 4))
    term = terms.integer_literal(value)
    return terms.Term(term.node, scalar, term.text, term.interval, literal=True)


def value(term: Term) -> float:
    """Return the number that a literal stands for, the first component's for a vector."""
    found = re.search(r"-?(?:0[xob][\da-fA-F_]+|[\d_]*\.?[\d_]*(?:[eE][-+]?\d+)?)\)*$", term.text.partition(",")[0])
    assert found is not None, term.text
    return float(ast.literal_eval(found[0].rstrip(")")))


def threshold(choices: Choices, scalar: Scalar) -> Term:
    """Return a literal to compare with."""
    if scalar.is_float:
        return terms.float_literal(pick_weighted(choices, _THRESHOLDS), scalar)
    return terms.integer_literal(pick_weighted(choices, ((0, 6), *_INTEGERS)), scalar)
