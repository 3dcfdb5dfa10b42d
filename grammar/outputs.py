"""What a kernel leaves behind: elements that a thread owns, and atomics on shared ones.

A plain store goes to the element that the whole thread index names, so no two threads meet. Atomics are those whose
outcome no order of threads changes, their results are not used, and their arrays are not read.
"""

from __future__ import annotations

from collections.abc import Sequence

from grammar import access, binding, expressions, guards, intervals, layouts, literals, names, nodes, slots, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.scope import ArrayParameter, Frame, Variable
from grammar.terms import Term
from grammar.types import (
    BOOL,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    UINT32,
    UINT64,
    Array,
    Scalar,
    Struct,
    ValueType,
    Vector,
    is_float_type,
    is_integer_type,
)

ATOMIC_DTYPES = (INT32, UINT32, INT64, UINT64, FLOAT32, FLOAT64)
"""The dtypes of which Warp has all four atomics; float16 can only be added and subtracted."""

MOST_ADDED = 1000
"""The largest signed value that one atomic adds: with 128 threads and nested loops the sum stays far below 2**31."""


def finish(frame: Frame) -> None:
    """Store everything that nothing has read yet, so that nothing is computed in vain; store something in any case."""
    pending = frame.unread()
    stored = [array for array in frame.arrays if array.use != "read"]
    outputs = 0
    while pending or not (stored or outputs):
        _store_some(frame, pending, last=outputs >= 1)
        outputs += 1
        pending = frame.unread()


def _store_some(frame: Frame, pending: Sequence[Variable], last: bool) -> None:
    """Emit one store that reads some of the pending variables, all that it can when it is the last."""
    if not pending:
        type_ = pick_weighted(frame.choices, frame.unit.palette.main)
        value = expressions.grow(frame, type_, 2, is_integer_type(type_))
        if value.literal:
            value = access.new_value_parameter(frame, type_)
        store(frame, value)
        return
    first = pick(frame.choices, pending)
    if isinstance(first.type, Struct):
        store(frame, access.read_variable(first))
        return
    together = [first, *(v for v in pending if v is not first and not isinstance(v.type, Struct))]
    if not last and len(together) > 1 and chance(frame.choices, 40):
        together = together[: frame.choices.integer(1, len(together) - 1)]
    depth = 1 if chance(frame.choices, 60) else 0
    value = expressions.consuming(frame, first.type, together, not is_float_type(first.type), depth)
    store(frame, value)
    if first in frame.unread():
        store(frame, access.read_variable(first))


def store(frame: Frame, value: Term) -> None:
    """Emit `out[i] = value` to a new output array, at times to a part of an element of one."""
    whole = slots.choose(frame, value.type) if chance(frame.choices, 7) else None
    if whole is not None:
        array = _output_array(frame, whole, use="update", indexable=False)
        slots.store(frame, array.name, _own_indices(frame, array), whole, value)
        return
    array = _output_array(frame, value.type)
    target = nodes.subscript(nodes.name(array.name), [index.node for index in _own_indices(frame, array)])
    frame.unit.note(f"array:{array.type}")
    if _may_accumulate(frame, array, value) and chance(frame.choices, 8):
        frame.emit(nodes.augment(pick(frame.choices, ("+", "-")), target, value.node), array.name, value.text)
        frame.unit.note("statement:store +=")
    else:
        frame.emit(nodes.assign(target, value.node), array.name, value.text)
        frame.unit.note("statement:store")


def _may_accumulate(frame: Frame, array: ArrayParameter, value: Term) -> bool:
    """Whether `out[i] += value` is defined: always for floats, within the dtype for integers."""
    if not isinstance(value.type, (Scalar, Vector)) or value.type == BOOL or frame.loop_depth:
        return False
    scalar = guards.scalar_type(value)
    if scalar.is_float or scalar in (UINT32, UINT64):
        return True
    if scalar.bits < 32 or value.interval is None or not value.interval.within(Interval(-(10**6), 10**6)):
        return False
    array.interval = Interval(-1000, 1000)
    return True


def _output_array(frame: Frame, dtype: ValueType, use: str = "write", indexable: bool = True) -> ArrayParameter:
    """Add an output array with an element per thread: of the launch's shape, or flat."""
    bank: Sequence[str] = names.OUTPUTS
    if use != "write" or any(array.use == "write" for array in frame.arrays):
        kind = names.kind_of(dtype)
        bank = names.MORE_OUTPUTS[kind]
    name = names.free_name(frame.choices, bank, frame.taken)
    shape = frame.unit.dims
    if len(shape) == 2 and chance(frame.choices, 12):
        shape = (shape[0] * shape[1],)
    array = ArrayParameter(name, Array(dtype, len(shape)), shape, "", use=use)
    return frame.add_array_parameter(layouts.lay_out(frame, array, indexable))


def _own_indices(frame: Frame, array: ArrayParameter) -> list[Term]:
    """Return the indices of the element that the thread owns."""
    threads = [access.read_variable(thread) for thread in frame.threads]
    if len(array.shape) == len(threads):
        return threads
    width = terms.integer_literal(frame.unit.dims[1])
    rows = terms.binary("*", threads[0], width, INT32)
    return [terms.binary("+", rows, threads[1], INT32)]


# Atomics


def atomic(frame: Frame, unread: Sequence[Variable] = (), as_call: bool = False) -> None:
    """Emit an atomic on an array that several threads share, as a call or as `a[i] += x`."""
    name = pick_weighted(
        frame.choices, (("atomic_add", 6), ("atomic_max", 2.5), ("atomic_min", 2.5), ("atomic_sub", 1))
    )
    type_ = _atomic_type(frame, name)
    array = _shared_array(frame, name, type_)
    value = _atomic_value(frame, type_, name, unread)
    value = binding.shortened(frame, value, limit=50)
    indices = [binding.shortened(frame, _shared_index(frame, extent), limit=24) for extent in array.shape]
    frame.unit.note(f"builtin:{name}({array.type}, {', '.join(['int32'] * len(indices))}, {type_})")
    frame.unit.events.append(name)
    texts = (array.name, value.text, *(index.text for index in indices))
    if not as_call and name in ("atomic_add", "atomic_sub") and chance(frame.choices, 15):
        target = nodes.subscript(nodes.name(array.name), [index.node for index in indices])
        frame.emit(nodes.augment("+" if name == "atomic_add" else "-", target, value.node), *texts)
        return
    arguments = [nodes.name(array.name), *(index.node for index in indices), value.node]
    frame.emit(nodes.expression_line(nodes.call(f"wp.{name}", arguments)), f"wp.{name}", *texts)


def _atomic_type(frame: Frame, name: str) -> ValueType:
    """Choose what is accumulated: the kernel's scalar where it has the atomic, sometimes a vector of floats."""
    scalar = frame.unit.palette.scalar
    vectors = [t for t, _ in frame.unit.palette.main if isinstance(t, Vector) and t.scalar in (FLOAT32, FLOAT64)]
    if vectors and name == "atomic_add" and chance(frame.choices, 40):
        return pick(frame.choices, vectors)
    if scalar == FLOAT16 and name in ("atomic_add", "atomic_sub"):
        return scalar
    if scalar in ATOMIC_DTYPES and not chance(frame.choices, 15):
        return scalar
    return INT32


def _shared_array(frame: Frame, name: str, type_: ValueType) -> ArrayParameter:
    old = [array for array in frame.arrays if array.use == name and array.type.dtype == type_]
    if old and chance(frame.choices, 40):
        return pick(frame.choices, old)
    bank = dict(names.ATOMIC_OUTPUTS)[name]
    extent = pick_weighted(frame.choices, ((1, 5), (4, 1), (8, 2), (16, 1), (frame.unit.dims[0], 1.5)))
    interval = None
    if is_integer_type(type_):
        interval = (
            Interval(-MOST_ADDED, MOST_ADDED) if guards.scalar_type_of(type_).is_signed else terms.full_range(type_)
        )
    array = ArrayParameter(
        names.free_name(frame.choices, bank, frame.taken), Array(type_, 1), (extent,), "", name, interval
    )
    # The adjoints of the other two do not compile for indexed arrays (`indexed-array-min-adjoint` in the findings).
    return frame.add_array_parameter(layouts.lay_out(frame, array, name in ("atomic_add", "atomic_sub")))


def _atomic_value(frame: Frame, type_: ValueType, name: str, unread: Sequence[Variable]) -> Term:
    """Grow what is accumulated: bounded for signed integers, exact for extremes of floats."""
    exact = not is_float_type(type_) or name in ("atomic_min", "atomic_max")
    pending = list(unread) or [v for v in frame.unread() if not (exact and v.inexact)][:2]
    if is_integer_type(type_) and chance(frame.choices, 25) and not unread:
        value: Term = literals.threshold(frame.choices, guards.scalar_type_of(type_))
        if value.interval == intervals.point(0):
            value = terms.number(1, guards.scalar_type_of(type_))
    else:
        value = expressions.consuming(frame, type_, pending, exact)
    if is_integer_type(type_) and guards.scalar_type_of(type_).is_signed and name in ("atomic_add", "atomic_sub"):
        value = guards.fitted(frame.choices, value, Interval(-MOST_ADDED, MOST_ADDED))
    return value


def _shared_index(frame: Frame, extent: int) -> Term:
    """Return an index that several threads may share: a constant, a thread's row, or a bin that a value falls in."""
    if extent == 1:
        return terms.integer_literal(0)
    if chance(frame.choices, 50):
        index = access.index_term(frame, extent)
        if index is not None:
            return index
    thread = access.read_variable(pick(frame.choices, frame.threads))
    integers = [v for v in frame.visible() if v.type == INT32 and not (v.index or v.counter or v.mutable)]
    if integers and chance(frame.choices, 60):
        value = access.read_variable(pick(frame.choices, integers))
        return guards.fitted(frame.choices, value, Interval(0, extent - 1))
    scalar = frame.unit.palette.scalar
    if chance(frame.choices, 50):
        value = expressions.converted(frame, _exact_value(frame, scalar), INT32)
        return guards.fitted(frame.choices, value, Interval(0, extent - 1))
    if thread.interval is not None and thread.interval.high < extent:
        return thread
    return terms.binary("%", thread, terms.integer_literal(extent), INT32, Interval(0, extent - 1))


def _exact_value(frame: Frame, scalar: Scalar) -> Term:
    value = expressions.leaf(frame, scalar, True)
    return access.new_element(frame, scalar) if value.literal else value
