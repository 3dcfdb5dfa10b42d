"""Integer intervals: what keeps signed arithmetic from overflowing and indices in bounds.

Every integer expression carries the interval that its value, or each of its components, lies in. The functions here
give the interval of a mathematical result, unbounded by any dtype; `fits` says whether the dtype can hold it. C and
C++ leave signed overflow undefined (C++17 [expr.pre]/4), so a production that does not fit must guard or give up;
unsigned arithmetic wraps, and `wrapped` gives what is known then.
"""

from __future__ import annotations

from dataclasses import dataclass

from grammar.types import Scalar


@dataclass(frozen=True, slots=True)
class Interval:
    """The integers from `low` to `high`, both included."""

    low: int
    high: int

    def __contains__(self, value: int) -> bool:
        return self.low <= value <= self.high

    def within(self, other: Interval) -> bool:
        """Whether every value of this interval lies in the other."""
        return other.low <= self.low and self.high <= other.high

    def hull(self, other: Interval) -> Interval:
        """Return the smallest interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))


def type_range(scalar: Scalar) -> Interval:
    """Return all values of an integer dtype; bool counts as 0 and 1."""
    if scalar.name == "bool":
        return Interval(0, 1)
    if scalar.is_signed:
        return Interval(-(1 << scalar.bits - 1), (1 << scalar.bits - 1) - 1)
    return Interval(0, (1 << scalar.bits) - 1)


def fits(interval: Interval, scalar: Scalar) -> bool:
    """Whether the dtype holds every value of the interval."""
    return interval.within(type_range(scalar))


def wrapped(interval: Interval, scalar: Scalar) -> Interval:
    """Return where a result lies after an unsigned dtype has wrapped it."""
    return interval if fits(interval, scalar) else type_range(scalar)


def point(value: int) -> Interval:
    """Return the interval of one value."""
    return Interval(value, value)


def add(a: Interval, b: Interval) -> Interval:
    """Bound a + b."""
    return Interval(a.low + b.low, a.high + b.high)


def sub(a: Interval, b: Interval) -> Interval:
    """Bound a - b."""
    return Interval(a.low - b.high, a.high - b.low)


def neg(a: Interval) -> Interval:
    """Bound -a."""
    return Interval(-a.high, -a.low)


def mul(a: Interval, b: Interval) -> Interval:
    """Bound a * b."""
    products = (a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high)
    return Interval(min(products), max(products))


def scale(a: Interval, count: int) -> Interval:
    """Bound the sum of `count` values of the interval."""
    return Interval(a.low * count, a.high * count)


def truncated_div(a: Interval, b: Interval) -> Interval:
    """Bound a / b as C divides, rounding towards zero; `b` must not hold 0."""
    quotients = [_truncate(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    if 0 in a:
        quotients.append(0)
    return Interval(min(quotients), max(quotients))


def floor_div(a: Interval, b: Interval) -> Interval:
    """Bound a // b as Python divides, rounding down; `b` must not hold 0."""
    quotients = [x // y for x in (a.low, a.high) for y in (b.low, b.high)]
    return Interval(min(quotients), max(quotients))


def truncated_mod(a: Interval, b: Interval) -> Interval:
    """Bound a % b as C takes it, with the dividend's sign; `b` must not hold 0."""
    largest = max(abs(b.low), abs(b.high)) - 1
    low = 0 if a.low >= 0 else max(-largest, a.low)
    high = 0 if a.high <= 0 else min(largest, a.high)
    return Interval(low, high)


def absolute(a: Interval) -> Interval:
    """Bound abs(a)."""
    if a.low >= 0:
        return a
    return Interval(0 if a.high >= 0 else -a.high, max(-a.low, a.high))


def minimum(a: Interval, b: Interval) -> Interval:
    """Bound min(a, b)."""
    return Interval(min(a.low, b.low), min(a.high, b.high))


def maximum(a: Interval, b: Interval) -> Interval:
    """Bound max(a, b)."""
    return Interval(max(a.low, b.low), max(a.high, b.high))


def clamp(x: Interval, low: Interval, high: Interval) -> Interval:
    """Bound min(max(low, x), high), which is what Warp's clamp computes also when low > high."""
    return minimum(maximum(low, x), high)


def bitwise(a: Interval, b: Interval) -> Interval:
    """Bound a | b, a ^ b and a & b: the widest two's complement that holds both."""
    if a.low >= 0 and b.low >= 0:
        return Interval(0, (1 << max(a.high, b.high).bit_length()) - 1)
    bits = max(x.bit_length() for x in (a.low, a.high, b.low, b.high))
    return Interval(-(1 << bits), (1 << bits) - 1)


def bit_and(a: Interval, b: Interval) -> Interval:
    """Bound a & b: no larger than an operand that is never negative."""
    ceilings = [x.high for x in (a, b) if x.low >= 0]
    return Interval(0, min(ceilings)) if ceilings else bitwise(a, b)


def invert(a: Interval) -> Interval:
    """Bound ~a in two's complement."""
    return Interval(-a.high - 1, -a.low - 1)


def shift_left(a: Interval, b: Interval) -> Interval:
    """Bound a << b for b >= 0."""
    return Interval(min(a.low << b.low, a.low << b.high), max(a.high << b.high, a.high << b.low))


def shift_right(a: Interval, b: Interval) -> Interval:
    """Bound a >> b for b >= 0, an arithmetic shift."""
    return Interval(min(a.low >> b.low, a.low >> b.high), max(a.high >> b.low, a.high >> b.high))


def _truncate(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient
