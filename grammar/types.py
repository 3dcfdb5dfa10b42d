"""Warp's types as plain values: what a variable, an argument or an expression of a kernel can be.

They mirror Warp's own type objects without importing Warp, so that productions can compare, hash and spell them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

_BITS = {
    "bool": 8,
    "int8": 8, "int16": 16, "int32": 32, "int64": 64,
    "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64,
    "float16": 16, "bfloat16": 16, "float32": 32, "float64": 64,
}  # fmt: skip

_PYTHON_NAMES = {"int32": "int", "float32": "float", "bool": "bool"}

_SUFFIXES = {
    "int8": "b", "uint8": "ub", "int16": "s", "uint16": "us", "int32": "i", "uint32": "ui",
    "int64": "l", "uint64": "ul", "float16": "h", "bfloat16": "bf", "float32": "", "float64": "d", "bool": "flags",
}  # fmt: skip
"""What Warp appends to `vec3` and `mat33` for each dtype, float32 having the bare name; `bf` and `flags` are ours."""

_DTYPES = {suffix: name for name, suffix in _SUFFIXES.items()}
_NAMED_FLOATS = ("float16", "float32", "float64")
"""The dtypes for which Warp names matrices, quaternions and transformations."""


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
        """Whether it is float16, bfloat16, float32 or float64."""
        return "float" in self.name

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
    """A vector of 1 to 8 components."""

    length: int
    scalar: Scalar

    @property
    def is_named(self) -> bool:
        """Whether Warp has a name for it; the others need an alias at module level."""
        if self.length == 6:
            return self.scalar.name in _NAMED_FLOATS
        return self.length in (2, 3, 4) and self.scalar.name not in ("bool", "bfloat16")

    @property
    def alias(self) -> str:
        """The name that a module gives it: `vec5d`."""
        return f"vec{self.length}{_SUFFIXES[self.scalar.name]}"

    @property
    def spelling(self) -> str:
        """Warp's name for it, such as `wp.vec3` or `wp.spatial_vectord`, or the alias that the module must define."""
        if self.length == 6 and self.is_named:
            return f"wp.spatial_vector{_SUFFIXES[self.scalar.name]}"
        return f"wp.{self.alias}" if self.is_named else self.alias

    def __str__(self) -> str:
        return f"vec{self.length}[{self.scalar}]"


@dataclass(frozen=True)
class Matrix:
    """A matrix of 1 to 6 rows and columns."""

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
        return self.is_square and self.rows in (2, 3, 4, 6) and self.scalar.name in _NAMED_FLOATS

    @property
    def takes_elements(self) -> bool:
        """Whether a constructor call with an argument per element compiles.

        For one row or column the C++ that Warp 1.19 makes of it is ambiguous (`one-row-matrix` in the findings).
        """
        return self.rows > 1 and self.columns > 1

    @property
    def alias(self) -> str:
        """The name that a module gives it: `mat23d`."""
        return f"mat{self.rows}{self.columns}{_SUFFIXES[self.scalar.name]}"

    @property
    def spelling(self) -> str:
        """Warp's name for it, or the alias that the module must define."""
        if self.rows == 6 and self.is_named:
            return f"wp.spatial_matrix{_SUFFIXES[self.scalar.name]}"
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
class Transform:
    """A transformation, stored as a position (x, y, z) and a quaternion (x, y, z, w)."""

    scalar: Scalar

    @property
    def spelling(self) -> str:
        """Warp's name for it, such as `wp.transform`."""
        return f"wp.transform{_SUFFIXES[self.scalar.name]}"

    def __str__(self) -> str:
        return f"transform[{self.scalar}]"


@dataclass(frozen=True)
class Struct:
    """A `@wp.struct` of the module, with its fields in order; a field may be an array."""

    name: str
    fields: tuple[tuple[str, Type], ...]

    @property
    def spelling(self) -> str:
        """The class's own name."""
        return self.name

    def __str__(self) -> str:
        return f"struct[{', '.join(str(field) for _, field in self.fields)}]"


@dataclass(frozen=True)
class Array:
    """A `wp.array` of 1 to 4 dimensions, or with `indexed` a `wp.indexedarray`."""

    dtype: ValueType
    ndim: int = 1
    indexed: bool = False

    @property
    def constructor(self) -> str:
        """The name that an annotation calls: `wp.array2d`."""
        return f"wp.{'indexed' if self.indexed else ''}array{'' if self.ndim == 1 else f'{self.ndim}d'}"

    @property
    def spelling(self) -> str:
        """The annotation: `wp.array(dtype=float)`, `wp.array2d(dtype=wp.vec3)`."""
        return f"{self.constructor}(dtype={self.dtype.spelling})"

    def __str__(self) -> str:
        return f"{'indexed' if self.indexed else ''}array{self.ndim}d[{self.dtype}]"


ValueType: TypeAlias = Scalar | Vector | Matrix | Quaternion | Transform | Struct
"""What a local variable holds."""

Type: TypeAlias = ValueType | Array
"""What a parameter holds."""

BOOL = Scalar("bool")
INT8, INT16, INT32, INT64 = (Scalar(f"int{bits}") for bits in (8, 16, 32, 64))
UINT8, UINT16, UINT32, UINT64 = (Scalar(f"uint{bits}") for bits in (8, 16, 32, 64))
FLOAT16, FLOAT32, FLOAT64 = (Scalar(f"float{bits}") for bits in (16, 32, 64))
BFLOAT16 = Scalar("bfloat16")

SIGNED = (INT32, INT64, INT16, INT8)
UNSIGNED = (UINT32, UINT64, UINT16, UINT8)
INTEGERS = SIGNED + UNSIGNED
FLOATS = (FLOAT32, FLOAT64, FLOAT16, BFLOAT16)
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


def from_alias(name: str) -> Vector | Matrix | None:
    """Return the type that a module-level alias such as `mat23d` or `vec5` stands for, None for any other name."""
    found = _ALIAS.fullmatch(name)
    if found is None or found["suffix"] not in _DTYPES:
        return None
    scalar = Scalar(_DTYPES[found["suffix"]])
    if found["length"]:
        return Vector(int(found["length"]), scalar)
    return Matrix(int(found["rows"]), int(found["columns"]), scalar)


_ALIAS = re.compile(r"(?:vec(?P<length>[1-8])|mat(?P<rows>[1-6])(?P<columns>[1-6]))(?P<suffix>[a-z]*)")


def component_count(type_: Type) -> int:
    """Return how many scalars a value holds; a struct's fields are summed, arrays hold none."""
    match type_:
        case Vector():
            return type_.length
        case Matrix():
            return type_.rows * type_.columns
        case Quaternion():
            return 4
        case Transform():
            return 7
        case Array():
            return 0
        case Struct():
            return sum(component_count(field) for _, field in type_.fields)
        case _:
            return 1
