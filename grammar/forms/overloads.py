"""One name for several functions: overloads by their signatures, generic functions, operators of structs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grammar import expressions, snippets, structures
from grammar.choices import chance, pick
from grammar.forms import closed
from grammar.functions import call_helper
from grammar.scope import Frame
from grammar.types import FLOAT32, FLOAT64, INT32, Scalar, Struct, Type, ValueType, Vector, is_float_type

_OVERLOADED = ("measure", "weight", "energy", "cost", "score", "magnitude", "evaluate_term", "size_of")


def by_signature(frame: Frame) -> bool:
    """Emit calls of two or three functions of one name that differ in their parameters' types or number."""
    scalar = closed.scalar_of_kernel(frame, closed.has_no_bounds)
    name = closed.free(frame, _OVERLOADED)
    helpers = [closed.grown(frame, name, signature, scalar) for signature in _signatures(frame, scalar)]
    found = [helper for helper in helpers if helper is not None]
    if len(found) < 2:
        return False
    together = replace(found[0], results=(), more=tuple(helper.node for helper in found[1:]))
    together.mentioned = frozenset().union(*(helper.mentioned for helper in found))
    frame.unit.helpers.append(together)
    for helper in found:
        term = call_helper(frame, helper, frame.exact_only)
        variable = closed.local(frame, scalar)
        snippets.emit(frame, f"{variable} = {{term}}", term=term)
        closed.declare(frame, variable, scalar, term.inexact)
    frame.unit.note(f"form:overloads({len(found)})")
    return True


def _signatures(frame: Frame, scalar: Scalar) -> list[list[tuple[str, ValueType]]]:
    others: list[ValueType] = [t for t, _ in frame.unit.palette.main if t != scalar and not isinstance(t, Struct)]
    others = [t for t in others if is_float_type(t)] or [INT32 if scalar != INT32 else FLOAT32]
    signatures: list[list[tuple[str, ValueType]]] = [[("x", scalar)], [("x", pick(frame.choices, others))]]
    if chance(frame.choices, 50):
        signatures.append([("x", scalar), ("y", scalar)])
    return signatures


# Generic functions

_GENERIC: Sequence[tuple[str, str]] = (
    ("a, b", "return a + b + b"),
    ("a, b", "return wp.max(a, b) - wp.min(a, b)"),
    ("a, b", "c = a - b\n    return c + c"),
    ("a, b", "if i > 0:\n        return a\n    return b - a"),
    ("a, b", "return wp.where(i > 1, a, b)"),
    ("a, b", "total = a\n    for k in range(i):\n        total += a - b\n    return total"),
)
"""Bodies that any type with sums takes; `i` is an int."""

_GENERIC_SCALARS: Sequence[tuple[str, str]] = (
    ("a, b", "return a * b + a"),
    ("a, b", "return a * type(a)(2) - b"),
    ("a, b", "if a > b:\n        return a - b\n    return b * b"),
    ("a, b", "return wp.clamp(a, type(a)(0), b * b)"),
)
"""Bodies that any scalar takes."""


def generic(frame: Frame) -> bool:
    """Emit calls of a function whose parameters are `Any`, with two types where the kernel has them."""
    scalar = closed.scalar_of_kernel(frame, closed.has_no_bounds)
    floats = [t for t, _ in frame.unit.palette.main if isinstance(t, (Vector, Scalar)) and is_float_type(t)]
    others = [t for t in floats if t != scalar]
    types = [scalar, *(others[:1] or [FLOAT64 if scalar != FLOAT64 else FLOAT32])]
    bank = _GENERIC if any(isinstance(t, Vector) for t in types) else (*_GENERIC, *_GENERIC_SCALARS)
    parameters, body = pick(frame.choices, bank)
    name = closed.free(frame, ("combine", "mix", "accumulate", "spread", "select_value", "join"))
    count = ", i: int" if "i " in body or "(i)" in body else ""
    annotated = ", ".join(f"{parameter}: Any" for parameter in parameters.split(", "))
    closed.define(frame, name, f"@wp.func\ndef {name}({annotated}{count}):\n    {body}\n")
    _needs_any(frame)
    for type_ in types:
        operands = [expressions.grow(frame, type_, 1, frame.exact_only) for _ in range(2)]
        extra = f", {frame.choices.integer(0, 3)}" if count else ""
        variable = closed.local(frame, type_)
        snippets.emit(frame, f"{variable} = {name}({{a}}, {{b}}{extra})", a=operands[0], b=operands[1])
        closed.declare(frame, variable, type_, closed.is_inexact(*operands))
    frame.unit.note("form:generic function")
    return True


def generic_vector(frame: Frame) -> bool:
    """Emit calls of a function that takes vectors of any length, of one dtype."""
    floats = [t for t, _ in frame.unit.palette.main if isinstance(t, Vector) and is_float_type(t)]
    scalar = floats[0].scalar if floats else closed.scalar_of_kernel(frame, lambda one: one.is_float)
    if scalar.name == "bfloat16":
        return False
    body = pick(
        frame.choices,
        (
            "return wp.dot(v, v)",
            "return v[0] - v[1]",
            "total = v.dtype(0.0)\n    for k in range(2):\n        total += v[k] * v[k]\n    return total",
            "return wp.max(v[0], v[1]) + v.dtype(1.0)",
        ),
    )
    name = closed.free(frame, ("norm_of", "spread_of", "contract", "sum_of_parts"))
    annotation = f"wp.types.vector(length=Any, dtype={scalar.spelling})"
    closed.define(frame, name, f"@wp.func\ndef {name}(v: {annotation}):\n    {body}\n")
    _needs_any(frame)
    lengths = [t.length for t in floats if t.scalar == scalar and t.length > 1][:1] or [3]
    for length in dict.fromkeys([*lengths, pick(frame.choices, (2, 3, 4))]):
        value = expressions.grow(frame, Vector(length, scalar), 1, frame.exact_only)
        variable = closed.local(frame, scalar)
        snippets.emit(frame, f"{variable} = {name}({{value}})", value=value)
        closed.declare(frame, variable, scalar, value.inexact)
    frame.unit.note("form:generic vector function")
    return True


def _needs_any(frame: Frame) -> None:
    if "from typing import Any" not in frame.unit.imports:
        frame.unit.imports.append("from typing import Any")


# Operators

_OPERATORS: Sequence[tuple[str, str, float]] = (
    ("add", "+", 5), ("sub", "-", 4), ("mul", "*", 3), ("div", "/", 1), ("mod", "%", 0.5), ("floordiv", "//", 0.3),
    ("bit_and", "&", 0.3), ("bit_or", "|", 0.3), ("bit_xor", "^", 0.3), ("lshift", "<<", 0.3), ("rshift", ">>", 0.3),
)  # fmt: skip
"""Functions by which Warp resolves operators between structs, with the operator."""


def operator(frame: Frame) -> bool:
    """Emit an operator between structs that a function of the module defines, or between a struct and a scalar."""
    unit = frame.unit
    struct = _float_struct(frame)
    function, symbol = pick_operator(frame)
    if function in unit.taken:
        return False
    unit.taken.add(function)
    scaled = function in ("mul", "div") and chance(frame.choices, 50)
    scalar = next(type_ for _, type_ in struct.fields if isinstance(type_, Scalar))
    second = scalar.spelling if scaled else struct.name
    lines = [f"result.{field} = {_fieldwise(frame, field, type_, scaled)}" for field, type_ in struct.fields]
    body = "\n    ".join([f"result = {struct.name}()", *lines, "return result"])
    text = f"@wp.func\ndef {function}(a: {struct.name}, b: {second}):\n    {body}\n"
    closed.define(frame, function, text)
    first = structures.build(frame, struct)
    other: object = expressions.grow(frame, scalar, 1, frame.exact_only) if scaled else structures.build(frame, struct)
    name = closed.local(frame, struct)
    frame.mentioned.add(function)
    snippets.emit(frame, f"{name} = {{a}} {symbol} {{b}}", a=first, b=other)  # type: ignore[arg-type]
    inexact = first.inexact or bool(getattr(other, "inexact", False))
    closed.declare(frame, name, struct, inexact)
    if not scaled and chance(frame.choices, 30):
        snippets.emit(frame, f"{name} {symbol}= {{b}}", b=other)  # type: ignore[arg-type]
        unit.note("form:augmented operator on structs")
    unit.note(f"form:operator {symbol} on structs")
    return True


def pick_operator(frame: Frame) -> tuple[str, str]:
    """Choose a function with its operator."""
    place = frame.choices.weighted([weight for *_, weight in _OPERATORS])
    return _OPERATORS[place][:2]


def _fieldwise(frame: Frame, field: str, type_: Type, scaled: bool) -> str:
    if scaled:
        return f"a.{field} * b"
    joined = ("a.{0} + b.{0}", "a.{0} - b.{0}", "b.{0} - a.{0}", "wp.max(a.{0}, b.{0})", "a.{0} + b.{0} + b.{0}")
    return pick(frame.choices, joined).format(field)


def _float_struct(frame: Frame) -> Struct:
    """Define a struct of a scalar and one or two scalars or vectors of one float dtype."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    kinds: list[ValueType] = [scalar, Vector(frame.choices.integer(2, 4), scalar), scalar]
    return structures.define(frame, pick(frame.choices, ("particle", "pair")), kinds[: frame.choices.integer(2, 3)])


FORMS = ((by_signature, 3.0), (generic, 2.0), (generic_vector, 1.0), (operator, 4.0))
