"""Keeping arguments where operations on them are defined.

Each function takes a term and returns one that lies where it must, as a person would write it: a literal instead, a
`%`, a mask, `wp.clamp`, `wp.max(x, 1)`. A term that already lies there comes back as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from grammar import intervals, terms
from grammar.choices import Choices, chance, pick
from grammar.intervals import Interval, type_range
from grammar.terms import Term
from grammar.types import Matrix, Scalar, ValueType, Vector, scalar_of

SMALL = {8: 7, 16: 100, 32: 1000, 64: 1000}
"""How far a reduced operand may lie from zero, by width: two of them can be multiplied and summed."""

_CONVERSION_RANGES: Sequence[tuple[int, int]] = ((0, 10), (-10, 10), (0, 100), (-100, 100), (0, 7), (0, 255), (0, 1000))
"""Ranges that floats are clamped to before a conversion; every float dtype has their bounds exactly."""


def scalar_type_of(type_: ValueType) -> Scalar:
    """Return the dtype of a type that is no struct."""
    scalar = scalar_of(type_)
    assert scalar is not None
    return scalar


def scalar_type(term: Term) -> Scalar:
    """Return the dtype of a term that is no struct."""
    scalar = scalar_of(term.type)
    assert scalar is not None
    return scalar


def reduced(choices: Choices, term: Term) -> Term:
    """Bring an integer term near zero."""
    scalar = scalar_type(term)
    bound = SMALL[scalar.bits]
    if term.interval is not None and term.interval.within(Interval(-bound, bound)):
        return term
    if isinstance(term.type, Matrix) or chance(choices, 40):
        mask = (1 << bound.bit_length() - 1) - 1
        return terms.binary("&", term, terms.constant(term.type, mask), term.type, Interval(0, mask))
    modulus = pick(choices, [m for m in (5, 7, 10, 16, 64, 100, 256, 1000) if m <= bound])
    low = 0 if term.interval is not None and term.interval.low >= 0 else 1 - modulus
    return terms.binary("%", term, terms.constant(term.type, modulus), term.type, Interval(low, modulus - 1))


def fitted(choices: Choices, term: Term, target: Interval) -> Term:
    """Bring an integer term into an interval that spans 0 or starts there; a TypeError for what has no components."""
    if term.interval is not None and term.interval.within(target):
        return term
    if isinstance(term.type, Vector):
        return _fitted_vector(term, target)
    if isinstance(term.type, Matrix):  # of all operators that bound a value, matrices have the bitwise ones
        mask = (1 << (target.high + 1).bit_length() - 1) - 1
        return terms.binary("&", term, terms.constant(term.type, mask), term.type, Interval(0, mask))
    if not isinstance(term.type, Scalar):
        raise TypeError(f"no operator keeps a {term.type} within an interval")
    scalar = scalar_type(term)
    low, high = max(target.low, type_range(scalar).low), min(target.high, type_range(scalar).high)
    nonnegative = term.interval is not None and term.interval.low >= 0
    if low == 0 and high & (high + 1) == 0 and high > 0 and chance(choices, 30):
        return terms.binary("&", term, terms.number(high, scalar), term.type, Interval(0, high))
    if low <= 0 and nonnegative and _is_literal_value(high + 1) and chance(choices, 60):
        return terms.binary("%", term, terms.number(high + 1, scalar), term.type, Interval(0, high))
    if nonnegative and low <= 0:
        return terms.call("wp.min", [term, terms.number(high, scalar)], term.type, Interval(0, high))
    if -low == high and chance(choices, 40):
        return terms.binary("%", term, terms.number(high, scalar), term.type, Interval(1 - high, high - 1))
    bounds = [terms.number(low, scalar), terms.number(high, scalar)]
    return terms.call("wp.clamp", [term, *bounds], term.type, Interval(low, high))


def _fitted_vector(term: Term, target: Interval) -> Term:
    """Bring each component into the interval: with the remainder where it is symmetric, else with min and max."""
    assert isinstance(term.type, Vector)
    if target.low <= 0 <= target.high and target.high >= -target.low > 0:
        bound = -target.low
        return terms.binary("%", term, terms.constant(term.type, bound + 1), term.type, Interval(-bound, bound))
    low, high = terms.constant(term.type, target.low), terms.constant(term.type, target.high)
    lowest = terms.call("wp.max", [term, low], term.type)
    return terms.call("wp.min", [lowest, high], term.type, target)


def _is_literal_value(value: int) -> bool:
    return 0 <= value < 2**31


def divisor(choices: Choices, term: Term, dividend: Term, only_literal: bool = False) -> Term | None:
    """Return a divisor that is never 0, nor -1 where the dividend may be the lowest value; None for other types.

    A division that joins a vector or matrix with a scalar has `only_literal`s for divisors, small ones: Warp 1.19's
    adjoint of it divides by the divisor's square, also for integers, where that may be 0 (native/vec.h, adj_div).
    """
    scalar = scalar_type(term)
    dividend_scalar = scalar_type(dividend)
    lowest = dividend_scalar.is_signed and type_range(dividend_scalar).low in (
        dividend.interval or type_range(dividend_scalar)
    )
    interval = term.interval or type_range(scalar)
    small = term.literal and interval.within(Interval(-(2**15), 2**15))
    if 0 not in interval and not (lowest and -1 in interval) and (small or not only_literal):
        return term
    if isinstance(term.type, Matrix):
        return terms.constant(term.type, pick(choices, (2, 3, 4, 5)))
    if not isinstance(term.type, (Scalar, Vector)):
        return None
    if only_literal or term.literal or chance(choices, 50):
        return terms.constant(term.type, pick(choices, (2, 3, 4, 5, 7, 8, 10, 16)))
    if not lowest and interval.low >= 0 and isinstance(term.type, Scalar) and interval.high < type_range(scalar).high:
        one = terms.number(1, scalar)
        return terms.binary("+", term, one, term.type, intervals.add(interval, intervals.point(1)))
    least = pick(choices, (1, 1, 2))
    result = Interval(least, max(least, interval.high))
    return terms.call("wp.max", [term, terms.constant(term.type, least)], term.type, result)


def shift_amount(choices: Choices, term: Term) -> Term:
    """Return a shift amount of at least 0 and below the width."""
    scalar = scalar_type(term)
    if term.interval is not None and term.interval.within(Interval(0, scalar.bits - 1)):
        return term
    if term.literal or chance(choices, 60):
        return terms.constant(term.type, choices.integer(1, min(8, scalar.bits - 1)))
    mask = min(scalar.bits - 1, pick(choices, (3, 7, 15)))
    return terms.binary("&", term, terms.constant(term.type, mask), term.type, Interval(0, mask))


def convertible(choices: Choices, term: Term, target: Scalar) -> Term:
    """Return a float that the integer dtype can hold, whatever it was before: `wp.clamp` turns NaN into a bound."""
    if not scalar_type(term).is_float:
        return term
    ranges = [(low, high) for low, high in _CONVERSION_RANGES if intervals.fits(Interval(low, high), target)]
    return _clamped(term, *pick(choices, ranges))


def number(choices: Choices, term: Term) -> Term:
    """Return a float that is no NaN, on either side of zero."""
    if term.literal:
        return term
    return _clamped(term, *pick(choices, [(low, high) for low, high in _CONVERSION_RANGES if low < 0]))


def _clamped(term: Term, low: int, high: int) -> Term:
    scalar = scalar_type(term)
    bounds = [terms.number(low, scalar), terms.number(high, scalar)]
    return terms.call("wp.clamp", [term, *bounds], scalar, Interval(low, high))
