"""Literals that people write."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grammar import terms
from grammar.choices import Choices, pick, pick_weighted
from grammar.terms import Term
from grammar.types import BOOL, Matrix, Quaternion, Scalar, ValueType, Vector

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
    if scalar.is_float:
        return terms.float_literal(_float_text(choices, scalar), scalar)
    return terms.integer_literal(pick_weighted(choices, _INTEGERS), scalar)


def _float_text(choices: Choices, scalar: Scalar) -> str:
    return pick_weighted(choices, _HALF_FLOATS if scalar.bits == 16 else _FLOATS)


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
    return float(re.findall(r"-?\d[\d.]*(?:e-?\d+)?", re.sub(r"wp\.\w+", "", term.text))[0])


def threshold(choices: Choices, scalar: Scalar) -> Term:
    """Return a literal to compare with."""
    if scalar.is_float:
        return terms.float_literal(pick_weighted(choices, _THRESHOLDS), scalar)
    return terms.integer_literal(pick_weighted(choices, ((0, 6), *_INTEGERS)), scalar)
