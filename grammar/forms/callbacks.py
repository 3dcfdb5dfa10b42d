"""Functions as values: passed as arguments, given another name at module level or in the kernel."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from grammar import expressions, releases, snippets
from grammar.choices import chance, pick
from grammar.forms import closed
from grammar.scope import Frame, Helper, Named
from grammar.types import Scalar

_APPLIERS: Sequence[str] = (
    "return f({x}) + {step}",
    "return f(f({x})) - {step}",
    "return f({x} + {step}) - f({x})",
    "return (f({x} + {step}) - f({x} - {step})) / {divisor}",
    "if {x} > {step}:\n        return f({x})\n    return {step} - {x}",
    "total = {zero}\n    for k in range({n}):\n        total += f({x} + {step} * {scalar}(k))\n    return total",
    "y = f({x})\n    return wp.max(y, {x}) * f({step})",
)
"""Bodies of functions that take a function `f`; `step` is another parameter."""

_NAMES = ("apply", "integrate_with", "difference", "transform_by", "evaluate_at", "sample_with", "map_value")
_CALLBACKS = ("square", "cube", "ramp", "hat", "bump", "soften", "invert_value", "profile", "basis", "flux")


def passed(frame: Frame) -> bool:
    """Emit calls of a function that takes a function, with one or two different ones."""
    if not releases.has_function_arguments():
        return False
    scalar = closed.scalar_of_kernel(frame, closed.has_no_bounds)
    first = _callback(frame, scalar)
    if first is None:
        return False
    second = _callback(frame, scalar) if chance(frame.choices, 50) else None
    applier = closed.free(frame, _NAMES)
    x, step = (frame.choices.integer(0, 1) and ("x", "h")) or ("a", "b")
    body = pick(frame.choices, _APPLIERS)
    two = closed.number(scalar, "2")
    words = {"x": x, "step": step, "scalar": scalar.spelling, "zero": closed.zero(scalar)}
    # an integer step may be 0, and twice one may wrap around to it
    divisor = f"({two} * {step})" if scalar.is_float else f"wp.max({step}, {two})"
    inner = snippets.filled_in(body, n=frame.choices.integer(2, 6), divisor=divisor, **words).strip("\n")
    text = f"@wp.func\ndef {applier}(f: wp.Function, {x}: {scalar.spelling}, {step}: {scalar.spelling}):\n    {inner}\n"
    closed.define(frame, applier, text, depth=2)
    for function in filter(None, (first, second)):
        value = expressions.grow(frame, scalar, 1, frame.exact_only)
        width = expressions.leaf(frame, scalar, frame.exact_only)
        name = closed.local(frame, scalar)
        call = f"{name} = {applier}({function.name}, {{value}}, {{width}})"
        snippets.emit(frame, call, value=value, width=width)
        closed.declare(frame, name, scalar, closed.is_inexact(value, width))
    frame.unit.note("form:function argument")
    return True


def _callback(frame: Frame, scalar: Scalar) -> Helper | None:
    name = closed.free(frame, _CALLBACKS)
    helper = closed.grown(frame, name, [(pick(frame.choices, ("x", "t", "u", "v")), scalar)], scalar)
    if helper is not None:
        frame.unit.helpers.append(helper)
    return helper


def renamed(frame: Frame) -> bool:
    """Emit a call through another name of a function: one of the module's, or a variable of the kernel."""
    scalar = closed.scalar_of_kernel(frame, closed.has_no_bounds)
    function = _callback(frame, scalar)
    if function is None:
        return False
    value = expressions.grow(frame, scalar, 1, frame.exact_only)
    name = closed.local(frame, scalar)
    alias = closed.free(frame, ("g", "func", "shape_function", "weight_of", "kernel_function"))
    if chance(frame.choices, 40):
        statement = cst.parse_statement(f"{alias} = {function.name}")
        leading = [cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)]
        frame.unit.named.append(Named(alias, statement.with_changes(leading_lines=leading), after_functions=True))
        frame.commit(function.name)
        frame.unit.note("form:function renamed in the module")
    else:
        snippets.emit(frame, f"{alias} = {function.name}")
        frame.taken.add(alias)
        frame.unit.note("form:function in a variable")
    snippets.emit(frame, f"{name} = {alias}({{value}})", value=value)
    closed.declare(frame, name, scalar, value.inexact)
    return True


FORMS = ((passed, 3.0), (renamed, 1.0))
