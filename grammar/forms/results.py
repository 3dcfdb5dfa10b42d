"""What functions give: several results at once, kept as a tuple, passed on, or in a struct."""

from __future__ import annotations

from collections.abc import Sequence

from grammar import expressions, snippets, structures
from grammar.choices import chance, pick
from grammar.forms import closed
from grammar.scope import Frame, Helper
from grammar.types import Scalar, ValueType, Vector

_PAIRS: Sequence[str] = (
    "return {a} + {b}, {a} - {b}",
    "low = wp.min({a}, {b})\n    high = wp.max({a}, {b})\n    return low, high",
    "if {a} > {b}:\n        return {b}, {a}\n    return {a}, {b}",
    "return {a} * {b}, {a}",
    "whole = wp.floor({a} / {b})\n    return whole, {a} - whole * {b}",
)
"""Bodies of functions with two results of one type; the last is for floats."""

_NAMES = ("ordered", "sum_and_difference", "split_value", "bounds_of", "halves", "pair_of")


def _pair(frame: Frame, scalar: Scalar, annotated: bool) -> Helper:
    name = closed.free(frame, _NAMES)
    a, b = pick(frame.choices, (("a", "b"), ("x", "y"), ("u", "v")))
    bank = _PAIRS if scalar.is_float and scalar.name != "bfloat16" else _PAIRS[:-1]
    body = snippets.filled_in(pick(frame.choices, bank), a=a, b=b).strip("\n")
    spelling = scalar.spelling
    result = f" -> tuple[{spelling}, {spelling}]" if annotated else ""
    return closed.define(frame, name, f"@wp.func\ndef {name}({a}: {spelling}, {b}: {spelling}){result}:\n    {body}\n")


def kept(frame: Frame) -> bool:
    """Emit a call whose results stay a tuple in a variable: indexed, unpacked later, or counted."""
    scalar = closed.scalar_of_kernel(frame, closed.has_no_bounds)
    annotated = chance(frame.choices, 50)
    helper = _pair(frame, scalar, annotated)
    operands = [expressions.grow(frame, scalar, 1, frame.exact_only) for _ in range(2)]
    inexact = closed.is_inexact(*operands)
    pair = _free_local(frame, ("pair", "parts", "both", "found"))
    snippets.emit(frame, f"{pair} = {helper.name}({{a}}, {{b}})", a=operands[0], b=operands[1])
    kind = pick(frame.choices, ("indexed", "unpacked", "counted"))
    first, second = closed.local(frame, scalar), closed.local(frame, scalar)
    if kind == "unpacked":
        snippets.emit(frame, f"{first}, {second} = {pair}")
    else:
        snippets.emit(frame, f"{first} = {pair}[0]")
        factor = f" * {scalar.spelling}(len({pair}))" if kind == "counted" else ""
        snippets.emit(frame, f"{second} = {pair}[1]{factor}")
    for name in (first, second):
        closed.declare(frame, name, scalar, inexact)
    frame.unit.note(f"form:results {kind}")
    return True


def passed_on(frame: Frame) -> bool:
    """Emit a call of a function that passes on the several results of another."""
    scalar = closed.scalar_of_kernel(frame, closed.has_no_bounds)
    inner = _pair(frame, scalar, chance(frame.choices, 30))
    name = closed.free(frame, ("refined", "scaled_parts", "normalized_pair", "from_middle"))
    one = closed.number(scalar, pick(frame.choices, ("1", "2", "3")))
    body = pick(
        frame.choices, (f"return {inner.name}(x, x + {one})", f"p, q = {inner.name}(x, {one})\n    return q, p + {one}")
    )
    closed.define(frame, name, f"@wp.func\ndef {name}(x: {scalar.spelling}):\n    {body}\n", depth=2)
    value = expressions.grow(frame, scalar, 1, frame.exact_only)
    first, second = closed.local(frame, scalar), closed.local(frame, scalar)
    snippets.emit(frame, f"{first}, {second} = {name}({{value}})", value=value)
    for result in (first, second):
        closed.declare(frame, result, scalar, value.inexact)
    frame.unit.note("form:results passed on")
    return True


def tuple_argument(frame: Frame) -> bool:
    """Emit a call of a function with a parameter that is a tuple."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    name = closed.free(frame, ("blend_pair", "weighted", "from_pair"))
    body = pick(
        frame.choices,
        (
            f"return pair[0] * {scalar.spelling}(pair[1])",
            f"total = {closed.zero(scalar)}\n    for k in range(pair[1]):\n        total += pair[0]\n    return total",
        ),
    )
    annotation = f"tuple[{scalar.spelling}, int]"
    closed.define(frame, name, f"@wp.func\ndef {name}(pair: {annotation}):\n    {body}\n")
    value = expressions.grow(frame, scalar, 1, frame.exact_only)
    result = closed.local(frame, scalar)
    count = frame.choices.integer(1, 5)
    if chance(frame.choices, 50):
        pair = _free_local(frame, ("pair", "entry"))
        snippets.emit(frame, f"{pair} = ({{value}}, {count})\n{result} = {name}({pair})", value=value)
    else:
        snippets.emit(frame, f"{result} = {name}(({{value}}, {count}))", value=value)
    closed.declare(frame, result, scalar, value.inexact)
    frame.unit.note("form:tuple argument")
    return True


def structured(frame: Frame) -> bool:
    """Emit a call of a function that gives a struct, or a field of what it gives."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    types: list[ValueType] = [scalar, Vector(frame.choices.integer(2, 4), scalar), scalar]
    struct = structures.define(frame, "particle", types[: frame.choices.integer(2, 3)])
    name = closed.free(frame, (f"make_{struct.name.lower()}", f"initial_{struct.name.lower()}"))
    spelling = scalar.spelling
    result = f" -> {struct.name}" if chance(frame.choices, 50) else ""
    values = [_of_scalar(frame, type_, scalar) for _, type_ in struct.fields]
    values[0] = pick(frame.choices, ("x + y", "x * y", "y - x", "wp.max(x, y)"))
    if chance(frame.choices, 50):
        body = f"return {struct.name}({', '.join(values)})"
        frame.unit.note("form:struct constructor arguments")
    else:
        lines = [f"made.{field} = {value}" for (field, _), value in zip(struct.fields, values, strict=True)]
        body = "\n    ".join([f"made = {struct.name}()", *lines, "return made"])
    closed.define(frame, name, f"@wp.func\ndef {name}(x: {spelling}, y: {spelling}){result}:\n    {body}\n")
    operands = [expressions.grow(frame, scalar, 1, frame.exact_only) for _ in range(2)]
    if chance(frame.choices, 30):
        field, type_ = pick(frame.choices, struct.fields)
        local = closed.local(frame, type_)  # type: ignore[arg-type]
        snippets.emit(frame, f"{local} = {name}({{a}}, {{b}}).{field}", a=operands[0], b=operands[1])
        closed.declare(frame, local, type_, closed.is_inexact(*operands))  # type: ignore[arg-type]
    else:
        local = closed.local(frame, struct)
        snippets.emit(frame, f"{local} = {name}({{a}}, {{b}})", a=operands[0], b=operands[1])
        closed.declare(frame, local, struct, closed.is_inexact(*operands))
    frame.unit.note("form:struct result")
    return True


def _of_scalar(frame: Frame, type_: object, scalar: Scalar) -> str:
    """Return a value of a field from the parameters `x` and `y`."""
    if isinstance(type_, Vector):
        parts = [pick(frame.choices, ("x", "y", closed.number(scalar, "0"))) for _ in range(type_.length)]
        return f"{type_.spelling}({', '.join(parts)})"
    return pick(frame.choices, ("x", "y", "x - y", "wp.min(x, y)"))


def _free_local(frame: Frame, bank: Sequence[str]) -> str:
    from grammar import names

    name = names.free_name(frame.choices, bank, frame.taken)
    frame.taken.add(name)
    return name


FORMS = ((kept, 3.0), (passed_on, 2.0), (tuple_argument, 1.0), (structured, 3.0))
