"""One evaluation: how floats are computed, the thread that runs, and what operators do to operands of any type."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oracle.reference.compounds import Compound, CompoundType
from oracle.reference.scalars import EXACT, FLOATS, INTEGERS, LITERALS, SCALARS, TYPE_NAMES, WIDE, ScalarType
from oracle.reference.structs import Struct

NUMBERS = FLOATS | INTEGERS

_HEADROOM = 256.0
"""How far below the largest number what is added up may lie for an order of evaluation to overflow, or not to."""

MOST_STEPS = 50_000
"""Tests and trips of loops in one launch: some tenths of a second."""


class TooLongError(Exception):
    """The kernel loops longer than the reference is willing to follow."""


class LackingError(Exception):
    """The reference has no definition of something that the kernel uses; the message is its name."""


@dataclass(frozen=True)
class Decision:
    """A test that a thread made: its line, how it went, and the operands if it compared two."""

    line: int
    outcome: bool
    left: Any = None
    right: Any = None


@dataclass
class Run:
    """The state of one evaluation.

    With `wide`, every float is a float64. `noise` is None for results as accurate as they get, or a seed: then every
    result that the language does not define to the bit is moved within its bound (`rounded`), and what it leaves open
    is settled one way or the other (`either`). `known` names deviations of Warp in which it is followed (the table in
    `deviations`). `thread` is the launch index of the thread that runs, over `dims`. `decisions` are the tests that it
    made, if `traced`. `block` is the `oracle.reference.blocks.Block` that runs, of a kernel with tiles.
    `resources` are what handles stand for, by the number that is passed,
    and what was made of them, by that number and how.
    """

    wide: bool = False
    noise: int | None = None
    traced: bool = False
    known: frozenset[str] = frozenset()
    dims: tuple[int, ...] = ()
    thread: tuple[int, ...] = ()
    steps: int = 0
    block: Any = None
    resources: dict[Any, Any] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    functions: dict[str, Any] = field(default_factory=dict)
    definitions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    _compounds: dict[Any, CompoundType] = field(default_factory=dict)

    @property
    def scalars(self) -> Mapping[str, ScalarType]:
        """The scalar types by name."""
        return WIDE if self.wide else EXACT

    def compound(self, family: str, scalar: ScalarType, shape: tuple[int, ...]) -> CompoundType:
        """Return the vector, matrix, quaternion or transformation type of these components, always the same one."""
        key = (family, scalar.name, shape)
        if key not in self._compounds:
            self._compounds[key] = CompoundType(family, scalar, shape, self._construct)
        return self._compounds[key]

    def definition(self, name: str) -> Callable[..., Any]:
        """Return what a built-in means; raises LackingError where nobody has written it down."""
        if name not in self.definitions:
            raise LackingError(name)
        return self.definitions[name]

    def vector(self, length: int, scalar: ScalarType) -> CompoundType:
        """Return a vector type."""
        return self.compound("vector", scalar, (length,))

    def matrix(self, rows: int, columns: int, scalar: ScalarType) -> CompoundType:
        """Return a matrix type."""
        return self.compound("matrix", scalar, (rows, columns))

    def quaternion(self, scalar: ScalarType) -> CompoundType:
        """Return the quaternion type of a scalar type."""
        return self.compound("quaternion", scalar, (4,))

    def transform(self, scalar: ScalarType) -> CompoundType:
        """Return the transformation type of a scalar type."""
        return self.compound("transform", scalar, (7,))

    def _construct(self, type_: CompoundType, *arguments: Any, **options: Any) -> Compound:
        """Construct a value of a vector, matrix, quaternion or transformation type."""
        if not options:
            if not arguments:
                return type_.zero
            if len(arguments) == type_.size and all(not isinstance(one, Compound) for one in arguments):
                return type_.converted(arguments)
            if len(arguments) == 1 and isinstance(arguments[0], Compound) and arguments[0].type.shape == type_.shape:
                return type_.converted(arguments[0].items)
            if len(arguments) == 1 and self.is_scalar(arguments[0]) and type_.family in ("vector", "matrix"):
                return type_.converted([arguments[0]] * type_.size)
        return self.definition(f"construct {type_.family}")(self, type_, *arguments, **options)

    @staticmethod
    def is_scalar(value: Any) -> bool:
        """Whether a value is a number or a truth value, typed or not."""
        return type(value) in SCALARS or type(value) in LITERALS

    def type_of(self, value: Any) -> Any:
        """Return the type of a value; of a literal the one that it gets when nothing else is asked of it."""
        name = TYPE_NAMES.get(type(value))
        if name is not None:
            return self.scalars[name]
        if type(value) is int:
            return self.scalars["int32"]
        if type(value) is float:
            return self.scalars["float32"]
        if isinstance(value, Compound):
            return value.type
        return value._type if isinstance(value, Struct) else type(value)

    def own(self, value: Any) -> Any:
        """Return what a variable holds after the value was assigned to it: typed, and nobody else's."""
        kind = type(value)
        if kind in SCALARS:
            return value
        if kind is float:
            return self.scalars["float32"].make(value)
        if kind is int:
            return self.scalars["int32"](value)
        if isinstance(value, Compound | Struct):
            return value.copy()
        return tuple(self.own(one) for one in value) if kind is tuple else value

    def convert(self, value: Any, kind: Any) -> Any:
        """Return a value as a parameter, a field or a result of a type holds it; any type if that is None."""
        if isinstance(kind, ScalarType):
            return kind(value)
        if isinstance(kind, CompoundType) and isinstance(value, Compound):
            return kind.converted(value.items)
        return self.own(value)

    def settle(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Give the literals among a call's arguments the scalar type that the other arguments have."""
        if len(values) == 2:
            first, second = map(type, values)
            if second in LITERALS and first in (FLOATS if second is float else NUMBERS):
                return values[0], self.scalars[TYPE_NAMES[first]](values[1])
            if first in LITERALS and second in (FLOATS if first is float else NUMBERS):
                return self.scalars[TYPE_NAMES[second]](values[0]), values[1]
        scalars = [scalar for scalar in map(self.scalar_of, values) if scalar is not None]

        def typed(value: Any) -> Any:
            if type(value) is float:
                return next((one for one in scalars if one.is_float), self.scalars["float32"])(value)
            if type(value) is int:
                return next((one for one in scalars if not one.is_bool), self.scalars["int32"])(value)
            return value

        return tuple(typed(value) for value in values)

    def scalar_of(self, value: Any) -> ScalarType | None:
        """Return the scalar type of a typed scalar or of the components of a compound, else None."""
        name = TYPE_NAMES.get(type(value))
        if name is not None:
            return self.scalars[name]
        return value.type.scalar if isinstance(value, Compound) else None

    def rounded(
        self, name: str, value: Any, scalar: ScalarType, ulps: float = 1.0, magnitude: float | None = None
    ) -> Any:
        """Return what a function computed in `scalar`, where the language does not define the result to the bit.

        `value` is the result as accurate as it is at hand. With noise it moves by up to `ulps` units in the last place
        of `magnitude` (of itself if None), by an amount that depends on the function's `name`, the result and the
        noise's seed only, so that equal calls give equal results.
        """
        if self.noise is None:
            return scalar(value)
        number = float(value)
        size = abs(number) if magnitude is None else float(magnitude)
        step = size * scalar.limits.eps
        mixed = zlib.crc32(f"{self.noise} {name} {number!r} {size!r}".encode())
        if magnitude is not None and scalar.limits.max / _HEADROOM < size < np.inf and mixed % 2:
            return scalar(np.inf if math.isfinite(number) else scalar.limits.max)  # another formula overflows elsewhere
        if magnitude is not None and not math.isfinite(number):
            return scalar((np.inf, -np.inf, np.nan)[mixed % 3])  # in another order infinities meet otherwise
        if not math.isfinite(step) or not math.isfinite(number):
            return scalar(value)
        step = max(step, scalar.limits.smallest_subnormal)
        return scalar(number + (mixed / 2**31 - 1.0) * ulps * step)

    def either(self, name: str, *options: Any) -> Any:
        """Return one of the results that the language allows: the first, or with noise any of them."""
        if self.noise is None:
            return options[0]
        return options[zlib.crc32(f"{self.noise} {name} {options!r}".encode()) % len(options)]

    def test(self, line: int, outcome: Any, left: Any = None, right: Any = None) -> bool:
        """Note a test of a thread and return its outcome."""
        self.step()
        if self.traced:
            self.decisions.append(Decision(line, bool(outcome), left, right))
        return bool(outcome)

    def step(self) -> None:
        """Count one test or trip of a loop; raises TooLongError beyond MOST_STEPS."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLongError(f"more than {MOST_STEPS} tests and trips of loops")

    def trips(self, *bounds: Any) -> Iterator[Any]:
        """Yield what `range` does, as int32 values."""
        for number in range(*(int(bound) for bound in bounds)):
            self.step()
            yield np.int32(number)

    def tid(self, count: int) -> Any:
        """Return the launch index of the thread as `count` int32 values, one alone as itself; zeros beyond it."""
        if count == 1:
            return np.int32(self.thread[0])
        return tuple([np.int32(place) for place in (*self.thread, 0, 0, 0)[:count]])

    def operate(self, name: str, a: Any, b: Any) -> Any:
        """Apply a binary operator that a definition stands for; a struct's operators are the kernel's functions."""
        if isinstance(a, Struct) or isinstance(b, Struct):
            if name not in self.functions:
                raise LackingError(f"{name} of structs")
            return self.functions[name](a, b)
        if type(a) in LITERALS or type(b) in LITERALS:
            a, b = self.settle((a, b))
        return self.definition(name)(self, a, b)

    def operate_on_one(self, name: str, value: Any) -> Any:
        """Apply a unary operator that a definition stands for."""
        if isinstance(value, Struct):
            if name not in self.functions:
                raise LackingError(f"{name} of a struct")
            return self.functions[name](value)
        return self.definition(name)(self, self.own(value))

    def multiply(self, a: Any, b: Any) -> Any:
        """Return `a * b`."""
        if type(a) in SCALARS and type(b) in SCALARS:
            return a * b
        return self.operate("mul", a, b)

    def add(self, a: Any, b: Any) -> Any:
        """Return `a + b` where the operands may be structs or literals."""
        if isinstance(a, Struct) or (type(a) in LITERALS and type(b) in LITERALS):
            return self.operate("add", a, b)
        return a + b

    def subtract(self, a: Any, b: Any) -> Any:
        """Return `a - b` where the operands may be structs or literals."""
        if isinstance(a, Struct) or (type(a) in LITERALS and type(b) in LITERALS):
            return self.operate("sub", a, b)
        return a - b
