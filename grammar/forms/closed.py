"""Functions whose parameters are decided before their body grows: callbacks, overloads, operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grammar import access, functions, names, nodes, snippets
from grammar.choices import pick_weighted
from grammar.scope import ArrayParameter, Frame, Helper, Variable
from grammar.terms import Term
from grammar.types import FLOAT32, INT32, UINT8, UINT16, Scalar, ValueType, is_integer_type

_ATTEMPTS = 20


class _NoParameterError(Exception):
    """A production asked for a parameter that the function does not have."""


class ClosedFrame(Frame):
    """A function under construction that gets no further parameters."""

    def add_value_parameter(self, variable: Variable) -> Variable:
        """Refuse the parameter."""
        raise _NoParameterError

    def add_array_parameter(self, array: ArrayParameter) -> ArrayParameter:
        """Refuse the parameter."""
        raise _NoParameterError


def grown(frame: Frame, name: str, parameters: Sequence[tuple[str, ValueType]], result: ValueType) -> Helper | None:
    """Grow a function of these parameters; None when no body came out that reads every one of them.

    The helper is not yet part of the module: the form that asked for it says what belongs together.
    """
    unit = frame.unit
    for _ in range(_ATTEMPTS):
        before = unit.noted()
        inner = _closed(frame, parameters)
        unit.growing += functions.DEEPEST
        try:
            with unit.growing_in(inner):
                worthwhile = functions.grow_body(inner, (result,))
        except _NoParameterError:
            worthwhile = False
        unit.growing -= functions.DEEPEST
        if worthwhile and all(parameter in inner.mentioned for parameter, _ in parameters):
            unit.lines += 2
            return functions.finished(inner, name, (result,), {})
        unit.forget_since(before)
    return None


def _closed(frame: Frame, parameters: Sequence[tuple[str, ValueType]]) -> ClosedFrame:
    inner = ClosedFrame(frame.unit, is_kernel=False)
    inner.taken |= frame.unit.module_names
    inner.exact_only = True
    inner.max_parameters = 0
    for parameter, type_ in parameters:
        interval = access.helper_interval(frame, type_)
        inner.values.append(Variable(parameter, type_, interval, unread=True))
        inner.parameter_order.append(inner.values[-1])
        inner.taken.add(parameter)
    return inner


def free(frame: Frame, bank: Sequence[str]) -> str:
    """Return a name for something at module level that is not taken, and take it."""
    name = names.free_name(frame.choices, bank, frame.unit.taken | frame.taken)
    frame.unit.taken.add(name)
    frame.taken.add(name)
    return name


def define(frame: Frame, name: str, text: str, depth: int = 1, **holes: snippets.Hole) -> Helper:
    """Add functions to the module, written as text with holes; they are kept when the kernel mentions `name`."""
    filled = snippets.filled_in(text, **holes)
    first, *more = snippets.parsed(filled)
    leading = nodes.EMPTY_LINES
    first, *more = (node.with_changes(leading_lines=leading) for node in (first, *more))
    mentioned = frozenset(Frame.all_names_in(filled)) - {name}
    helper = Helper(name, (), (), (), False, mentioned, first, tuple(more), depth=depth)
    frame.unit.helpers.append(helper)
    frame.unit.close(mentioned)
    frame.unit.lines += len(filled.splitlines())
    frame.unit.events.append("helper")
    return helper


def scalar_of_kernel(frame: Frame, fits: Callable[[Scalar], bool]) -> Scalar:
    """Return a scalar type that the kernel works with and that fits, float where none does."""
    found = [(t, w) for t, w in frame.unit.palette.main if isinstance(t, Scalar) and fits(t)]
    return pick_weighted(frame.choices, found) if found else FLOAT32


def has_no_bounds(scalar: Scalar) -> bool:
    """Whether arithmetic on the type is defined for all values: floats, and unsigned integers from 32 bits on."""
    return scalar.is_float or (scalar.is_integer and not scalar.is_signed and scalar not in (UINT8, UINT16))


def number(scalar: Scalar, text: str) -> str:
    """Return a number, written `2`, as a kernel writes it in a dtype: `2.0`, `2`, `wp.float64(2.0)`."""
    text = f"{text}.0" if scalar.is_float else text
    return text if scalar in (FLOAT32, INT32) else f"{scalar.spelling}({text})"


def zero(scalar: Scalar) -> str:
    """Return how a variable that changes later starts: `float(0.0)`."""
    return f"{scalar.spelling}({'0.0' if scalar.is_float else '0'})"


def declare(frame: Frame, name: str, type_: ValueType, inexact: bool = False) -> Variable:
    """Make a variable that a form's text has assigned to visible; an integer may have any value."""
    from grammar import terms

    interval = terms.full_range(type_) if is_integer_type(type_) else None
    variable = frame.declare(Variable(name, type_, interval, interval, inexact))
    frame.written(variable)
    return variable


def local(frame: Frame, type_: ValueType) -> str:
    """Return a name for a new local variable of a type, and take it."""
    name = names.free_name(frame.choices, names.LOCALS[names.kind_of(type_)], frame.taken)
    frame.taken.add(name)
    return name


def is_inexact(*values: Term | Variable) -> bool:
    """Whether a library function is in one of them."""
    return any(value.inexact for value in values)
