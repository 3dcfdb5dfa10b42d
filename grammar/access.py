"""Reading what a function can see: variables and their components, elements of arrays, and new parameters.

Parameters come into being when something reads them, so none is ever unused. An array's shape follows from the
indices that read it: each index expression's interval lies within the extent.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from grammar import intervals, layouts, names, nodes, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.scope import ArrayParameter, Frame, Unit, Variable
from grammar.terms import Term
from grammar.types import (
    INT32,
    Array,
    Matrix,
    Quaternion,
    Struct,
    Transform,
    Type,
    ValueType,
    Vector,
    component_count,
    is_integer_type,
    scalar_of,
)

Path = tuple[tuple[str, object], ...]
"""How to come from a value to a part of it: steps of kind `component`, `cell`, `row` or `field`."""

INPUT_RANGES: dict[str, Sequence[tuple[Interval, float]]] = {
    "int8": ((Interval(-10, 10), 5), (Interval(0, 15), 2), (Interval(-128, 127), 1)),
    "int16": ((Interval(-100, 100), 5), (Interval(0, 200), 2), (Interval(-32768, 32767), 1)),
    "int32": (
        (Interval(-100, 100), 5), (Interval(0, 255), 3), (Interval(-1000, 1000), 3), (Interval(0, 15), 2),
        (Interval(-(2**31), 2**31 - 1), 2),
    ),
    "int64": ((Interval(-1000, 1000), 4), (Interval(0, 10**6), 3), (Interval(-(2**63), 2**63 - 1), 1)),
}  # fmt: skip
"""What signed inputs are asked to lie in, so that arithmetic on them needs few guards. The last is no restriction."""


@functools.cache
def paths(source: Type, target: ValueType) -> tuple[Path, ...]:
    """Return every way to read a value of type `target` out of one of type `source`."""
    if source == target:
        return ((),)
    found: list[Path] = []
    match source:
        case Vector() | Quaternion() if source.scalar == target:
            length = source.length if isinstance(source, Vector) else 4
            found.extend((("component", index),) for index in range(length))
        case Matrix() if source.scalar == target:
            found.extend((("cell", (r, c)),) for r in range(source.rows) for c in range(source.columns))
            found.extend((("row", source.rows - 1), ("component", c)) for c in range(source.columns))
        case Matrix() if target == Vector(source.columns, source.scalar):
            found.extend((("row", index),) for index in range(source.rows))
        case Transform() if target == Vector(3, source.scalar):
            found.append((("part", "p"),))
        case Transform() if target == Quaternion(source.scalar):
            found.append((("part", "q"),))
        case Transform() if source.scalar == target:
            found.extend((("component", index),) for index in range(7))
            found.extend((("part", "p"), ("component", index)) for index in range(3))
            found.append((("part", "q"), ("component", 3)))
        case Struct():
            for name, type_ in source.fields:
                found.extend((("field", (name, type_)), *rest) for rest in paths(type_, target))
    return tuple(found)


def follow(unit: Unit, value: Term, path: Path) -> Term:
    """Read the part of a value that a path leads to."""
    for kind, where in path:
        match kind, where:
            case "component", int(index):
                value = _component(unit, value, index)
                unit.note("expression:component")
            case "cell", (int(row), int(column)):
                value = terms.cell(value, row, column)
                unit.note("expression:cell")
            case "part", str(name):
                value = terms.part(value, name)
                unit.note(f"expression:part .{name}")
            case "row", int(index):
                value = terms.row(value, index)
                unit.note("expression:row")
            case "field", (str(name), type_):
                assert isinstance(value.type, Struct)
                interval = unit.field_intervals.get((value.type.name, name))
                value = terms.struct_field(value, name, type_, interval)  # type: ignore[arg-type]
                unit.note("expression:field")
    return value


def _component(unit: Unit, value: Term, index: int) -> Term:
    """Read a component by its name or its index, at times counted from the end."""
    if chance(unit.choices, 5):
        count = component_count(value.type)
        return terms.component(value, index - count, dotted=False)
    return terms.component(value, index, unit.dotted)


def read_variable(variable: Variable) -> Term:
    """Read a variable, which then is no longer unread."""
    variable.unread = False
    interval = variable.interval if is_integer_type(variable.type) else None
    return Term(nodes.name(variable.name), variable.type, variable.name, interval, variable.inexact)


def readable(frame: Frame, type_: ValueType, exact: bool) -> list[tuple[Variable, float]]:
    """Return the visible variables that hold a value of the type, weighted for use: the unread first."""
    found = []
    for variable in frame.visible():
        if (exact and variable.inexact) or not paths(variable.type, type_):
            continue
        direct = 1.0 if variable.type == type_ else 0.5
        if variable.index:
            found.append((variable, 0.6 * direct))
        else:
            found.append((variable, (9.0 if variable.unread else 1.5) * direct))
    return found


def read(frame: Frame, variable: Variable, type_: ValueType) -> Term:
    """Read a value of the type out of a variable that has one."""
    found = paths(variable.type, type_)
    return follow(frame.unit, read_variable(variable), pick(frame.choices, found))


# Elements of arrays


def index_term(frame: Frame, extent: int, axis: int = 0, axes: int = 1) -> Term | None:
    """Return an index within `extent` for one of an array's axes, None when only a constant would fit.

    An array with as many axes as the launch is mostly read by the thread's own indices.
    """
    top = Interval(0, extent - 1)
    if axes == len(frame.threads) and frame.unit.dims[axis] == extent and axes > 1 and chance(frame.choices, 90):
        return _shifted(frame, frame.threads[axis], extent)
    fitting = [v for v in frame.indices() if v.interval is not None and v.interval.within(top)]
    if not fitting:
        return None
    if axes == 1 and frame.is_kernel and extent > 2 and chance(frame.choices, 4):
        return _gathered(frame, extent)
    exact_fit = [v for v in fitting if v.interval is not None and v.interval.high == extent - 1]
    variable = pick(frame.choices, exact_fit or fitting)
    return _shifted(frame, variable, extent)


def _gathered(frame: Frame, extent: int) -> Term:
    """Return an element of an array of indices, an old one or a new one: `values[neighbors[i]]`."""
    top = Interval(0, extent - 1)
    index_arrays = (a for a in frame.arrays if a.element == "" and a.use == "read" and a.type.dtype == INT32)
    old = [a for a in index_arrays if a.type.ndim == 1 and a.interval == top]
    if old:
        array = pick(frame.choices, old)
    else:
        name = names.free_name(frame.choices, names.INDEX_ARRAYS, frame.taken)
        shape = (frame.unit.dims[0],)
        array = frame.add_array_parameter(ArrayParameter(name, Array(INT32, 1), shape, "", interval=top))
    frame.unit.note("expression:gather")
    return element(frame, array, [read_variable(frame.threads[0])])


def _shifted(frame: Frame, variable: Variable, extent: int) -> Term:
    """Return the index itself, or a neighbour of it that stays in bounds."""
    term = read_variable(variable)
    assert term.interval is not None
    one = terms.integer_literal(1)
    if term.interval.high + 1 < extent and chance(frame.choices, 50):
        step = terms.integer_literal(pick(frame.choices, range(1, min(2, extent - 1 - term.interval.high) + 1)))
        return terms.binary("+", term, step, INT32, intervals.add(term.interval, step.interval or intervals.point(1)))
    if extent > 1 and term.interval.high == extent - 1 and chance(frame.choices, 7):
        ahead = terms.binary("+", term, one, INT32)
        if chance(frame.choices, 50):
            size = terms.integer_literal(extent)
            return terms.binary("%", ahead, size, INT32, Interval(0, extent - 1))
        return terms.call("wp.min", [ahead, terms.integer_literal(extent - 1)], INT32, Interval(0, extent - 1))
    return term


def element(frame: Frame, array: ArrayParameter, indices: Sequence[Term]) -> Term:
    """Read an element of an array."""
    array.reads += 1
    text = f"{array.name}[{', '.join(index.text for index in indices)}]"
    node = nodes.subscript(nodes.name(array.name), [index.node for index in indices])
    frame.unit.note(f"array:{array.type}")
    return Term(node, array.type.dtype, text, array.interval)


def read_array(frame: Frame, type_: ValueType) -> Term | None:
    """Read a value of the type from one of the kernel's arrays, None when none has one within reach."""
    arrays = [array for array in frame.arrays if array.use == "read" and paths(array.type.dtype, type_)]
    if not arrays:
        return None
    array = pick(frame.choices, arrays)
    axes = len(array.shape)
    indices = [index_term(frame, extent, axis, axes) for axis, extent in enumerate(array.shape)]
    for axis, extent in enumerate(array.shape):
        if indices[axis] is None:
            indices[axis] = terms.integer_literal(frame.choices.integer(0, extent - 1))
    if all(index is not None and index.literal for index in indices):
        return None
    value = element(frame, array, [index for index in indices if index])
    return follow(frame.unit, value, pick(frame.choices, paths(array.type.dtype, type_)))


def new_array(frame: Frame, dtype: ValueType) -> ArrayParameter:
    """Add an input array whose shape suits the indices in scope."""
    variables = _array_axes(frame)
    halo = frame.choices.weighted((88, 6, 6)) if len(variables) == 1 else 0
    shape = tuple(v.interval.high + 1 + halo for v in variables if v.interval is not None)
    shape = layouts.padded(frame, shape)
    bank = names.element_names(dtype)
    free = [pair for pair in bank if pair[0] not in frame.taken]
    plural, singular = (
        pick(frame.choices, free) if free else (names.free_name(frame.choices, [bank[0][0]], frame.taken), "")
    )
    interval = input_interval(frame, dtype)
    array = ArrayParameter(plural, Array(dtype, len(shape)), shape, singular, interval=interval)
    return frame.add_array_parameter(layouts.lay_out(frame, array))


def _array_axes(frame: Frame) -> list[Variable]:
    """Choose the indices that the axes of a new array run along: loops, threads, or a thread's row of a loop."""
    loops = [v for v in frame.indices() if v not in frame.threads]
    threads = frame.threads
    if not loops or chance(frame.choices, 25):
        if len(threads) > 1 and chance(frame.choices, 25):
            return [pick(frame.choices, threads)]
        return list(threads)
    inner = loops[0]
    options: list[tuple[list[Variable], float]] = [([inner], 4), ([threads[0], inner], 4)]
    if len(loops) > 1:
        options.append(([loops[1], inner], 4))
        options.append(([threads[0], loops[1], inner], 1.5))
    elif len(threads) > 1:
        options.append(([threads[0], threads[1], inner], 1.5))
    return pick_weighted(frame.choices, options)


def new_element(frame: Frame, type_: ValueType) -> Term:
    """Add an input array of the type and read an element of it."""
    array = new_array(frame, type_)
    indices = [
        index_term(frame, extent, axis, len(array.shape)) or terms.integer_literal(0)
        for axis, extent in enumerate(array.shape)
    ]
    return element(frame, array, indices)


# Parameters passed by value


def input_interval(frame: Frame, type_: ValueType) -> Interval | None:
    """Choose the range that an integer input is asked to lie in; None for types that are no integers."""
    scalar = scalar_of(type_)
    if scalar is None or not is_integer_type(type_):
        return None
    if scalar.is_signed:
        return pick_weighted(frame.choices, INPUT_RANGES[scalar.name])
    return intervals.type_range(scalar)


def new_value_parameter(frame: Frame, type_: ValueType, inexact: bool = False) -> Term:
    """Add a parameter passed by value, and read it."""
    bank = names.PARAMETERS[names.kind_of(type_)] if frame.is_kernel else names.LOCALS[names.kind_of(type_)]
    name = names.free_name(frame.choices, bank, frame.taken)
    interval = helper_interval(frame, type_) if not frame.is_kernel else input_interval(frame, type_)
    variable = Variable(name, type_, interval, inexact=inexact, unread=False)
    frame.add_value_parameter(variable)
    frame.unit.note(f"parameter:{type_}")
    return read_variable(variable)


def helper_interval(frame: Frame, type_: ValueType) -> Interval | None:
    """Return the range that a helper's parameter must keep: narrow, so that its arithmetic fits."""
    scalar = scalar_of(type_)
    if scalar is None or not is_integer_type(type_):
        return None
    return INPUT_RANGES[scalar.name][0][0] if scalar.is_signed else intervals.type_range(scalar)


def count_parameter(frame: Frame, most: int) -> Variable:
    """Return an int parameter that bounds a loop, an old one or a new one with a range of 1 to `most`."""
    old = [
        v for v in frame.values if v.type == INT32 and v.interval and v.interval.low >= 0 and v.interval.high <= most
    ]
    if old and chance(frame.choices, 60):
        return pick(frame.choices, old)
    name = names.free_name(frame.choices, names.PARAMETERS["count"], frame.taken)
    variable = Variable(name, INT32, Interval(frame.choices.integer(0, 1), most), unread=False)
    frame.unit.note("parameter:int32")
    return frame.add_value_parameter(variable)
