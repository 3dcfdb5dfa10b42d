"""Warp's scalar types as the reference computes with them: NumPy scalars, which round and wrap at every step.

A value's Python type says what it is: `np.float32`, `np.int8`, … and `BFloat16` for what NumPy lacks. Python's own
`int` and `float` are literals that have no type yet, and its `bool` is Warp's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, total_ordering
from types import MappingProxyType
from typing import Any

import numpy as np

from grammar.types import Scalar
from oracle.floats import BFLOAT16, Limits, limits


def _shortened(single: np.float32) -> np.float32:
    """Round a float32 to the eight bits of significand that a bfloat16 has, to nearest and ties to even."""
    if single != single:
        return single
    bits = int(single.view(np.uint32))
    return np.uint32((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


@total_ordering
class BFloat16:
    """A bfloat16 number, kept as the float32 that has its value.

    An operation is that of float32 rounded once more: twice the significand's bits and two are enough for both
    roundings to be as one (Figueroa, "When is double rounding innocuous?", 1995).
    """

    __slots__ = ("single",)

    single: np.float32

    def __init__(self, value: Any) -> None:
        self.single = value.single if isinstance(value, BFloat16) else _shortened(np.float32(value))

    def _single(self, other: Any) -> Any:
        """Return the other operand as a float32; a literal becomes a bfloat16 first."""
        return other.single if isinstance(other, BFloat16) else BFloat16(other).single

    def __add__(self, other: Any) -> BFloat16:
        return BFloat16(self.single + self._single(other))

    def __radd__(self, other: Any) -> BFloat16:
        return BFloat16(self._single(other) + self.single)

    def __sub__(self, other: Any) -> BFloat16:
        return BFloat16(self.single - self._single(other))

    def __rsub__(self, other: Any) -> BFloat16:
        return BFloat16(self._single(other) - self.single)

    def __mul__(self, other: Any) -> BFloat16:
        return BFloat16(self.single * self._single(other))

    def __rmul__(self, other: Any) -> BFloat16:
        return BFloat16(self._single(other) * self.single)

    def __truediv__(self, other: Any) -> BFloat16:
        return BFloat16(self.single / self._single(other))

    def __rtruediv__(self, other: Any) -> BFloat16:
        return BFloat16(self._single(other) / self.single)

    def __neg__(self) -> BFloat16:
        return BFloat16(-self.single)

    def __abs__(self) -> BFloat16:
        return BFloat16(abs(self.single))

    def __pos__(self) -> BFloat16:
        return self

    def __eq__(self, other: object) -> bool:
        return bool(self.single == self._single(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.single < self._single(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.single > self._single(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.single <= self._single(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.single >= self._single(other))

    def __hash__(self) -> int:
        return hash(float(self.single))

    def __float__(self) -> float:
        return float(self.single)

    def __int__(self) -> int:
        return int(self.single)

    def __bool__(self) -> bool:
        return bool(self.single)

    def __repr__(self) -> str:
        return f"BFloat16({self.single!r})"


@dataclass(frozen=True, eq=False)
class ScalarType:
    """A scalar type of the language. Called with a number, it converts, as Warp's casts do.

    `make` is the Python type of its values: another one than the name says when floats are evaluated in float64.
    """

    name: str
    make: Any

    @cached_property
    def is_float(self) -> bool:
        """Whether values are floating-point numbers."""
        return "float" in self.name

    @cached_property
    def is_bool(self) -> bool:
        """Whether values are truth values."""
        return self.name == "bool"

    @cached_property
    def limits(self) -> Limits:
        """The limits of the float type that values have."""
        return limits(BFLOAT16 if self.make is BFloat16 else np.dtype(self.make))

    @cached_property
    def bits(self) -> int:
        """The width that the name says."""
        return Scalar(self.name).bits

    def __call__(self, value: Any = 0) -> Any:
        """Convert a number: to integers by truncation and wrap-around, to bool by comparison with zero."""
        if type(value) is self.make:
            return value
        if self.is_bool:
            return bool(value)
        if self.is_float:
            return self.make(value.single if isinstance(value, BFloat16) else value)
        return self._integer(value)

    def _integer(self, value: Any) -> Any:
        """Wrap an integer around; a float's fraction is dropped.

        Where the truncated float does not fit, or is no number, C leaves the result open: raises Undefined.
        """
        if isinstance(value, (float, np.floating, BFloat16)):
            number = float(value)
            if not math.isfinite(number) or not self._fits(int(number)):
                raise Undefined(f"{number} is converted to {self.name}")
            value = int(number)
        wrapped = int(value) & ((1 << self.bits) - 1)
        signed = self.name.startswith("int") and wrapped >> (self.bits - 1)
        return self.make(wrapped - (1 << self.bits) if signed else wrapped)

    def _fits(self, value: int) -> bool:
        if self.name.startswith("int"):
            return -(1 << (self.bits - 1)) <= value < 1 << (self.bits - 1)
        return 0 <= value < 1 << self.bits

    def __repr__(self) -> str:
        return f"wp.{self.name}"


class Undefined(Exception):  # noqa: N818
    """The kernel does what has no defined meaning: nobody's code is right or wrong then."""


NAMES = (
    "bool",
    *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")),
    *("float16", "bfloat16", "float32", "float64"),
)
"""The scalar types by Warp's names for them."""

_MAKERS: Mapping[str, Any] = {
    name: bool if name == "bool" else BFloat16 if name == "bfloat16" else getattr(np, name) for name in NAMES
}

EXACT: Mapping[str, ScalarType] = MappingProxyType({name: ScalarType(name, _MAKERS[name]) for name in NAMES})
"""The types as they are."""

WIDE: Mapping[str, ScalarType] = MappingProxyType(
    {name: ScalarType(name, np.float64 if "float" in name else _MAKERS[name]) for name in NAMES}
)
"""The types with every float a float64: what a kernel computes when nothing to speak of is rounded."""

TYPE_NAMES: Mapping[Any, str] = MappingProxyType({make: name for name, make in _MAKERS.items()} | {np.bool_: "bool"})
"""The name of the type that a value of a Python type has."""

INTEGERS = frozenset(make for name, make in _MAKERS.items() if "int" in name)
FLOATS = frozenset(make for name, make in _MAKERS.items() if "float" in name)
SCALARS = frozenset(TYPE_NAMES)
LITERALS = frozenset({int, float})
