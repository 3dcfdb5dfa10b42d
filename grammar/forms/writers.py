"""Functions with effects: they store to arrays that they are passed, or change a struct of their own."""

from __future__ import annotations

from collections.abc import Sequence

from grammar import expressions, names, snippets, structures
from grammar.choices import chance, pick
from grammar.forms import closed
from grammar.intervals import Interval
from grammar.scope import ArrayParameter, Frame
from grammar.types import INT32, Array, Scalar, ValueType, Vector

_WRITERS = ("store_value", "write_out", "put", "record_value", "emit_result", "update_cell")
_READERS = ("fetch", "lookup", "value_at", "sample_at", "read_cell")


def writer(frame: Frame) -> bool:
    """Emit a call of a function that stores to the thread's element of an array that it is passed."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    array = _output(frame, scalar)
    name = closed.free(frame, _WRITERS)
    indices = [f"i{axis}" for axis in range(len(array.shape))] if len(array.shape) > 1 else ["i"]
    where = ", ".join(indices)
    bodies = (
        f"dest[{where}] = value",
        f"dest[{where}] = value * value",
        f"if value > {closed.number(scalar, '0')}:\n        dest[{where}] = value\n    else:\n"
        f"        dest[{where}] = -value",
    )
    signature = "".join(f", {index}: int" for index in indices)
    result = pick(frame.choices, ("", "", " -> None"))
    text = (
        f"@wp.func\ndef {name}(dest: {array.type.spelling}{signature}, value: {scalar.spelling}){result}:\n"
        f"    {pick(frame.choices, bodies)}\n"
    )
    closed.define(frame, name, text)
    value = expressions.grow(frame, scalar, 2, frame.exact_only)
    threads = ", ".join(thread.name for thread in frame.threads)
    snippets.emit(frame, f"{name}({array.name}, {threads}, {{value}})", value=value)
    frame.unit.note("form:function stores to array")
    return True


def _output(frame: Frame, scalar: ValueType) -> ArrayParameter:
    name = names.free_name(frame.choices, (*names.MORE_OUTPUTS[names.kind_of(scalar)], *names.OUTPUTS), frame.taken)
    shape = frame.unit.dims
    return frame.add_array_parameter(ArrayParameter(name, Array(scalar, len(shape)), shape, "", use="write"))


def counter(frame: Frame) -> bool:
    """Emit a call of a function that adds to an element that all threads share."""
    name = closed.free(frame, ("count_one", "tally_up", "add_to_bin", "accumulate_at"))
    extent = pick(frame.choices, (1, 4, 8))
    array = names.free_name(frame.choices, ("histogram", "counts", "bins_total", "sums"), frame.taken)
    frame.add_array_parameter(
        ArrayParameter(array, Array(INT32, 1), (extent,), "", "atomic_add", Interval(-1000, 1000))
    )
    by_call = chance(frame.choices, 60)
    body = "wp.atomic_add(bins, bin, amount)" if by_call else "bins[bin] += amount"
    text = f"@wp.func\ndef {name}(bins: wp.array(dtype=int), bin: int, amount: int):\n    {body}\n"
    closed.define(frame, name, text)
    index = "0" if extent == 1 else f"{frame.threads[0].name} % {extent}"
    snippets.emit(frame, f"{name}({array}, {index}, {pick(frame.choices, ('1', '2', frame.threads[0].name))})")
    frame.unit.note("form:function adds to array")
    return True


def reader(frame: Frame) -> bool:
    """Emit a call of a function that reads an array: an element with its neighbour, or a row as an array of its own."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    rows = chance(frame.choices, 50)
    name = closed.free(frame, ("row_sum", "row_total", "total_of") if rows else _READERS)
    extent = frame.unit.dims[0]
    plural = names.free_name(frame.choices, [pair[0] for pair in names.ELEMENTS["float"]], frame.taken)
    width = frame.choices.integer(2, 6)
    shape = (extent, width) if rows else (extent,)
    frame.add_array_parameter(ArrayParameter(plural, Array(scalar, len(shape)), shape, ""))
    spelling = scalar.spelling
    if rows:
        bound = pick(frame.choices, ("row.shape[0]", "len(row)", str(width)))
        sign = pick(frame.choices, ("+=", "-="))
        body = (
            f"@wp.func\ndef {name}(row: wp.array(dtype={spelling})):\n    total = {closed.zero(scalar)}\n"
            f"    for k in range({bound}):\n        total {sign} row[k]\n    return total\n"
        )
        call = f"{name}({plural}[{frame.threads[0].name}])"
    else:
        last = pick(frame.choices, ("src.shape[0] - 1", "len(src) - 1"))
        joined = pick(frame.choices, ("src[i] + src[j]", "src[j] - src[i]", "wp.max(src[i], src[j])"))
        body = (
            f"@wp.func\ndef {name}(src: wp.array(dtype={spelling}), i: int):\n    j = wp.min(i + 1, {last})\n"
            f"    return {joined}\n"
        )
        call = f"{name}({plural}, {frame.threads[0].name})"
    closed.define(frame, name, body)
    result = closed.local(frame, scalar)
    snippets.emit(frame, f"{result} = {call}")
    closed.declare(frame, result, scalar)
    frame.unit.note("form:function reads row" if rows else "form:function reads array")
    return True


_CHANGES: Sequence[str] = ("p.{f} = x", "p.{f} += x", "p.{f} *= x", "p.{f} = p.{f} - x", "p.{f} = wp.min(p.{f}, x)")


def changer(frame: Frame) -> bool:
    """Emit a call of a function that changes the struct it is passed: a copy, so the caller's stays as it was."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    types: list[ValueType] = [scalar, Vector(3, scalar), scalar]
    struct = structures.define(frame, "particle", types[: frame.choices.integer(1, 3)])
    field = next(name for name, type_ in struct.fields if isinstance(type_, Scalar))
    name = closed.free(frame, ("damped", "advanced", "after_step", "with_load"))
    change = pick(frame.choices, _CHANGES).format(f=field)
    result = pick(frame.choices, ("p", f"p.{field}"))
    text = f"@wp.func\ndef {name}(p: {struct.name}, x: {scalar.spelling}):\n    {change}\n    return {result}\n"
    closed.define(frame, name, text)
    before = structures.build(frame, struct)
    value = expressions.grow(frame, scalar, 1, True)
    type_ = struct if result == "p" else scalar
    after = closed.local(frame, type_)
    snippets.emit(frame, f"{after} = {name}({{p}}, {{x}})", p=before, x=value)
    closed.declare(frame, after, type_, closed.is_inexact(before, value))
    frame.written(before)
    frame.unit.note("form:function changes its struct")
    return True


FORMS = ((writer, 3.0), (counter, 1.5), (reader, 3.0), (changer, 2.0))
