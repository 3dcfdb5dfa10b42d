"""Structs: made of the palette's types, passed as values or in arrays, built and stored."""

from __future__ import annotations

from collections.abc import Sequence

from grammar import access, expressions, guards, names, nodes, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import BOOL, INT32, Array, Matrix, Scalar, Struct, ValueType, is_float_type


def new_struct(frame: Frame, kind: str) -> Struct:
    """Define a struct of two to four fields whose types the kernel works with anyway."""
    return define(frame, kind, _field_types(frame, kind))


def define(frame: Frame, kind: str, types: Sequence[ValueType | Array]) -> Struct:
    """Define a struct whose fields have these types, under a name of a kind."""
    unit = frame.unit
    name = names.free_name(frame.choices, names.STRUCTS[kind], unit.taken)
    unit.taken.add(name)
    fields: list[tuple[str, ValueType | Array]] = []
    for type_ in types:
        taken = {field for field, _ in fields}
        field = names.free_name(frame.choices, _field_names(type_), taken)
        fields.append((field, type_))
        interval = None if isinstance(type_, Array) else access.input_interval(frame, type_)
        if interval is not None:
            unit.field_intervals[name, field] = interval
    struct = Struct(name, tuple(fields))
    unit.structs.append(struct)
    unit.note(f"type:{struct}")
    unit.lines += 2 + len(fields)
    return struct


def _field_names(type_: ValueType | Array) -> Sequence[str]:
    if isinstance(type_, Array):
        return [plural for plural, _ in names.ELEMENTS[names.kind_of(type_.dtype)]]
    return names.FIELDS[names.kind_of(type_)]


def _field_types(frame: Frame, kind: str) -> list[ValueType]:
    palette = frame.unit.palette
    count = pick_weighted(frame.choices, ((2, 5), (3, 4), (4, 1)))
    types: list[ValueType] = [palette.scalar]
    while len(types) < count:
        if kind == "settings" and chance(frame.choices, 60):
            types.append(pick(frame.choices, (palette.scalar, palette.scalar, INT32, BOOL)))
        else:
            types.append(pick_weighted(frame.choices, [(t, w) for t, w in palette.main if not _is_integer_matrix(t)]))
    return sorted(types, key=lambda type_: isinstance(type_, Scalar))


def _is_integer_matrix(type_: ValueType) -> bool:
    """Whether no operator can keep a type within an interval, as an integer field must be."""
    return isinstance(type_, Matrix) and not is_float_type(type_)


def struct_parameter(frame: Frame) -> Variable:
    """Add a struct that is passed by value; its fields are read like variables."""
    struct = new_struct(frame, "settings")
    name = names.free_name(frame.choices, [struct.name.lower()], frame.taken)
    return frame.add_value_parameter(Variable(name, struct))


def struct_element(frame: Frame) -> Variable:
    """Add an array of structs and read the thread's own element into a variable."""
    struct = new_struct(frame, "particle")
    term = access.new_element(frame, struct)
    array = frame.arrays[-1]
    name = names.free_name(frame.choices, [array.element or "item", struct.name[0].lower()], frame.taken)
    frame.emit(nodes.assign(nodes.name(name), term.node), term.text)
    frame.unit.events.append("struct")
    return frame.declare(Variable(name, struct))


def build(frame: Frame, struct: Struct) -> Variable:
    """Emit the making of a struct: a constructor call without arguments, then its fields."""
    name = names.free_name(frame.choices, names.LOCALS["struct"], frame.taken)
    frame.taken.add(name)
    frame.emit(nodes.assign(nodes.name(name), nodes.call(struct.name, [])), struct.name)
    exact = True
    for field, type_ in _value_fields(struct):
        value = field_value(frame, struct, field, type_)
        exact = exact and not value.inexact
        frame.emit(nodes.assign(nodes.attribute(nodes.name(name), field), value.node), value.text)
    frame.unit.note("statement:field =")
    frame.unit.events.append("struct")
    return frame.declare(Variable(name, struct, inexact=not exact))


def change(frame: Frame, variable: Variable) -> None:
    """Emit an assignment to a field of a struct variable."""
    assert isinstance(variable.type, Struct)
    fields = [(name, type_) for name, type_ in _value_fields(variable.type) if name not in variable.written_components]
    if not fields:
        return
    field, type_ = pick(frame.choices, fields)
    variable.written_components.add(field)
    value = field_value(frame, variable.type, field, type_)
    frame.emit(nodes.assign(nodes.attribute(nodes.name(variable.name), field), value.node), value.text)
    frame.unit.note("statement:field =")
    variable.inexact = variable.inexact or value.inexact
    frame.written(variable)


def holds_arrays(struct: Struct) -> bool:
    """Whether a field of the struct, or of a struct in it, is an array."""
    fields = [type_ for _, type_ in struct.fields]
    return any(isinstance(type_, Array) or (isinstance(type_, Struct) and holds_arrays(type_)) for type_ in fields)


def _value_fields(struct: Struct) -> list[tuple[str, ValueType]]:
    """Return the fields that are no arrays, which a kernel cannot make."""
    return [(name, type_) for name, type_ in struct.fields if not isinstance(type_, Array)]


def field_value(frame: Frame, struct: Struct, field: str, type_: ValueType) -> Term:
    """Grow a value for a field, within the interval that the field keeps; a struct in a struct is built before."""
    if isinstance(type_, Struct):
        return access.read_variable(build(frame, type_))
    unread = [v for v in frame.unread() if not isinstance(v.type, Struct)]
    value = expressions.consuming(frame, type_, unread[:1], not is_float_type(type_), depth=1)
    interval = frame.unit.field_intervals.get((struct.name, field))
    if interval is None or (value.interval is not None and value.interval.within(interval)):
        return value
    if value.literal:
        return terms.constant(type_, interval.high)
    return guards.fitted(frame.choices, value, interval)
