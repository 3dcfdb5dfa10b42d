"""A grown expression: its tree, its type, and what is known of its value.

`Term`s are composed, never edited. The text that each carries is an approximation of its source, good for line
lengths and for telling two operands apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from grammar import nodes
from grammar.intervals import Interval, point, type_range
from grammar.types import (
    BOOL,
    INT32,
    Matrix,
    Quaternion,
    Scalar,
    Transform,
    ValueType,
    Vector,
    is_integer_type,
    scalar_of,
)


@dataclass(frozen=True)
class Term:
    """An expression. `interval` bounds integers (each component); `inexact` says that a library function is in it."""

    node: nodes.Expression
    type: ValueType
    text: str
    interval: Interval | None = None
    inexact: bool = False
    literal: bool = False


def integer_literal(value: int, scalar: Scalar = INT32) -> Term:
    """Return an integer literal of a dtype: `3`, or `wp.uint8(3)` where Python's int is another type.

    Warp reads every literal as int32 before it converts, so the value must fit that.
    """
    node = nodes.integer(value)
    text = str(value)
    if scalar != INT32:
        node, text = nodes.call(scalar.spelling, [node]), f"{scalar.spelling}({text})"
    return Term(node, scalar, text, point(value), literal=True)


def float_literal(text: str, scalar: Scalar) -> Term:
    """Return a float literal of a dtype: `0.5`, or `wp.float64(0.5)` where Python's float is another type."""
    node = nodes.floating(text)
    if scalar.name != "float32":
        node, text = nodes.call(scalar.spelling, [node]), f"{scalar.spelling}({text})"
    return Term(node, scalar, text, literal=True)


def number(value: int, scalar: Scalar) -> Term:
    """Return a small whole number as a literal of any numeric dtype."""
    return float_literal(f"{value}.0", scalar) if scalar.is_float else integer_literal(value, scalar)


def boolean_literal(value: bool) -> Term:
    """Return `True` or `False`."""
    return Term(nodes.boolean(value), BOOL, str(value), literal=True)


def call(function: str, arguments: list[Term], result: ValueType, interval: Interval | None = None) -> Term:
    """Return a call with positional arguments; it is as inexact as they are."""
    text = f"{function}({', '.join(argument.text for argument in arguments)})"
    inexact = any(argument.inexact for argument in arguments)
    node = nodes.call(function, [argument.node for argument in arguments])
    return Term(node, result, text, interval, inexact, all(argument.literal for argument in arguments))


def binary(operator: str, left: Term, right: Term, result: ValueType, interval: Interval | None = None) -> Term:
    """Return `left operator right`."""
    node = nodes.binary(operator, left.node, right.node)
    text = f"{left.text} {operator} {right.text}"
    return Term(node, result, text, interval, left.inexact or right.inexact, left.literal and right.literal)


def vector_literal(type_: Vector, values: list[Term]) -> Term:
    """Return a constructor with one argument per component."""
    interval = values[0].interval
    for value in values[1:]:
        if interval is not None and value.interval is not None:
            interval = interval.hull(value.interval)
    return call(type_.spelling, values, type_, interval)


def constant_vector(type_: Vector, value: int) -> Term:
    """Return a vector whose components all are one whole number."""
    return vector_literal(type_, [_component_literal(value, type_.scalar) for _ in range(type_.length)])


def _component_literal(value: int, scalar: Scalar) -> Term:
    """Return a literal without a cast: constructors convert their literals themselves."""
    term = float_literal(f"{value}.0", Scalar("float32")) if scalar.is_float else integer_literal(value)
    return replace(term, type=scalar)


def constant(type_: ValueType, value: int) -> Term:
    """Return a scalar, vector or matrix of which every component is one whole number."""
    if isinstance(type_, Matrix):  # one argument fills all of it
        return call(type_.spelling, [_component_literal(value, type_.scalar)], type_, point(value))
    if isinstance(type_, Vector):
        return constant_vector(type_, value)
    assert isinstance(type_, Scalar)
    return number(value, type_)


def full_range(type_: ValueType) -> Interval | None:
    """Return the interval of an integer type of which nothing is known, None for other types."""
    scalar = scalar_of(type_)
    return type_range(scalar) if scalar is not None and is_integer_type(type_) else None


_COMPONENTS = "xyzw"


def component(value: Term, index: int, dotted: bool) -> Term:
    """Return a vector's or quaternion's component, as `v[0]` or, dotted, as `v.x`."""
    assert isinstance(value.type, (Vector, Quaternion, Transform))
    if dotted and index < len(_COMPONENTS) and not isinstance(value.type, Transform):
        node: nodes.Expression = nodes.attribute(value.node, _COMPONENTS[index])
        text = f"{value.text}.{_COMPONENTS[index]}"
    else:
        node = nodes.subscript(value.node, [nodes.integer(index)])
        text = f"{value.text}[{index}]"
    return Term(node, value.type.scalar, text, value.interval, value.inexact)


def part(value: Term, name: str) -> Term:
    """Return a transformation's position `p` or quaternion `q`."""
    assert isinstance(value.type, Transform)
    type_ = Vector(3, value.type.scalar) if name == "p" else Quaternion(value.type.scalar)
    return Term(nodes.attribute(value.node, name), type_, f"{value.text}.{name}", None, value.inexact)


def cell(value: Term, row: int, column: int) -> Term:
    """Return a matrix's element."""
    assert isinstance(value.type, Matrix)
    node = nodes.subscript(value.node, [nodes.integer(row), nodes.integer(column)])
    return Term(node, value.type.scalar, f"{value.text}[{row}, {column}]", value.interval, value.inexact)


def row(value: Term, index: int) -> Term:
    """Return a matrix's row as a vector."""
    assert isinstance(value.type, Matrix)
    node = nodes.subscript(value.node, [nodes.integer(index)])
    type_ = Vector(value.type.columns, value.type.scalar)
    return Term(node, type_, f"{value.text}[{index}]", value.interval, value.inexact)


def struct_field(value: Term, name: str, type_: ValueType, interval: Interval | None) -> Term:
    """Return a struct's field."""
    return Term(nodes.attribute(value.node, name), type_, f"{value.text}.{name}", interval, value.inexact)
