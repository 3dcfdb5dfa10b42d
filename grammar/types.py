"""Warp's types as plain values: what a variable, an argument or an expression of a kernel can be.

They mirror Warp's own type objects without importing Warp, so that productions can compare, hash and spell them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

_BITS = {
    "bool": 8,
    "int8": 8, "int16": 16, "int32": 32, "int64": 64,
    "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64,
    "float16": 16, "float32": 32, "float64": 64,
}  # fmt: skip

_PYTHON_NAMES = {"int32": "int", "float32": "float", "bool": "bool"}

_SUFFIXES = {
    "int8": "b", "uint8": "ub", "int16": "s", "uint16": "us", "int32": "i", "uint32": "ui",
    "int64": "l", "uint64": "ul", "float16": "h", "float32": "", "float64": "d",
}  # fmt: skip
"""What Warp appends to `vec3` and `mat33` for each dtype; float32 has the bare name."""


@dataclass(frozen=True)
class Scalar:
    """A scalar dtype by Warp's name for it, such as `float32`."""

    name: str

    @property
    def bits(self) -> int:
        """Width in memory."""
        return _BITS[self.name]

    @property
    def is_float(self) -> bool:
        """Whether it is float16, float32 or float64."""
        return self.name.startswith("float")

    @property
    def is_integer(self) -> bool:
        """Whether it is one of the eight integer dtypes; bool is none."""
        return not self.is_float and self.name != "bool"

    @property
    def is_signed(self) -> bool:
        """Whether it is one of int8 to int64."""
        return self.name.startswith("int")

    @property
    def spelling(self) -> str:
        """How a kernel author writes it: `float`, `int` and `bool` where Python has the name."""
        return _PYTHON_NAMES.get(self.name, f"wp.{self.name}")

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Vector:
    """A vector of 2 to 4 components."""

    length: int
    scalar: Scalar

    @property
    def spelling(self) -> str:
        """Warp's name for it, such as `wp.vec3` or `wp.vec2d`."""
        return f"wp.vec{self.length}{_SUFFIXES[self.scalar.name]}"

    def __str__(self) -> str:
        return f"vec{self.length}[{self.scalar}]"


@dataclass(frozen=True)
class Matrix:
    """A matrix of 2 to 4 rows and columns."""

    rows: int
    columns: int
    scalar: Scalar

    @property
    def is_square(self) -> bool:
        """Whether it has as many rows as columns."""
        return self.rows == self.columns

    @property
    def is_named(self) -> bool:
        """Whether Warp has a name for it; the others need an alias at module level."""
        return self.is_square and self.scalar.is_float

    @property
    def alias(self) -> str:
        """The name that a module gives it: `mat23d`."""
        return f"mat{self.rows}{self.columns}{_SUFFIXES[self.scalar.name]}"

    @property
    def spelling(self) -> str:
        """Warp's name for it, or the alias that the module must define."""
        return f"wp.{self.alias}" if self.is_named else self.alias

    def __str__(self) -> str:
        return f"mat{self.rows}{self.columns}[{self.scalar}]"


@dataclass(frozen=True)
class Quaternion:
    """A quaternion, stored as (x, y, z, w)."""

    scalar: Scalar

    @property
    def spelling(self) -> str:
        """Warp's name for it, such as `wp.quat`."""
        return f"wp.quat{_SUFFIXES[self.scalar.name]}"

    def __str__(self) -> str:
        return f"quat[{self.scalar}]"


@dataclass(frozen=True)
class Struct:
    """A `@wp.struct` of the module, with its fields in order."""

    name: str
    fields: tuple[tuple[str, ValueType], ...]

    @property
    def spelling(self) -> str:
        """The class's own name."""
        return self.name

    def __str__(self) -> str:
        return f"struct[{', '.join(str(field) for _, field in self.fields)}]"


@dataclass(frozen=True)
class Array:
    """A `wp.array` of 1 to 3 dimensions."""

    dtype: ValueType
    ndim: int = 1

    @property
    def spelling(self) -> str:
        """The annotation: `wp.array(dtype=float)`, `wp.array2d(dtype=wp.vec3)`."""
        dimensions = "" if self.ndim == 1 else f"{self.ndim}d"
        return f"wp.array{dimensions}(dtype={self.dtype.spelling})"

    def __str__(self) -> str:
        return f"array{self.ndim}d[{self.dtype}]"


ValueType: TypeAlias = Scalar | Vector | Matrix | Quaternion | Struct
"""What a local variable holds."""

Type: TypeAlias = ValueType | Array
"""What a parameter holds."""

BOOL = Scalar("bool")
INT8, INT16, INT32, INT64 = (Scalar(f"int{bits}") for bits in (8, 16, 32, 64))
UINT8, UINT16, UINT32, UINT64 = (Scalar(f"uint{bits}") for bits in (8, 16, 32, 64))
FLOAT16, FLOAT32, FLOAT64 = (Scalar(f"float{bits}") for bits in (16, 32, 64))

SIGNED = (INT32, INT64, INT16, INT8)
UNSIGNED = (UINT32, UINT64, UINT16, UINT8)
INTEGERS = SIGNED + UNSIGNED
FLOATS = (FLOAT32, FLOAT64, FLOAT16)
SCALARS = (BOOL, *INTEGERS, *FLOATS)


def scalar_of(type_: ValueType) -> Scalar | None:
    """Return the dtype of a type's components, the type itself for a scalar, None for a struct."""
    if isinstance(type_, Scalar):
        return type_
    return None if isinstance(type_, Struct) else type_.scalar


def is_float_type(type_: ValueType) -> bool:
    """Whether every component is a floating-point number."""
    scalar = scalar_of(type_)
    return scalar is not None and scalar.is_float


def is_integer_type(type_: ValueType) -> bool:
    """Whether every component is an integer."""
    scalar = scalar_of(type_)
    return scalar is not None and scalar.is_integer


def component_count(type_: ValueType) -> int:
    """Return how many scalars a value holds; a struct's fields are summed."""
    match type_:
        case Vector():
            return type_.length
        case Matrix():
            return type_.rows * type_.columns
        case Quaternion():
            return 4
        case Struct():
            return sum(component_count(field) for _, field in type_.fields)
        case _:
            return 1
