"""Structs in structs: built from arguments, assigned, copied, passed with arrays inside, and held in arrays."""

from __future__ import annotations

from grammar import access, expressions, names, snippets, structures
from grammar.choices import chance, pick
from grammar.forms import closed
from grammar.scope import ArrayParameter, Frame, Variable
from grammar.types import Array, Matrix, Scalar, Struct, ValueType, Vector


def _inner(frame: Frame) -> tuple[Struct, Scalar]:
    """Define a struct of a scalar with a vector, a matrix or another scalar, all of one float dtype."""
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    extra: list[ValueType] = [Vector(pick(frame.choices, (2, 3, 4)), scalar), Matrix(2, 2, scalar), scalar]
    more = pick(frame.choices, extra)
    return structures.define(frame, "particle", [scalar, more]), scalar


def nested(frame: Frame) -> bool:
    """Emit the making of a struct two or three deep, field by field or from arguments, and changes deep inside."""
    inner, scalar = _inner(frame)
    outer = structures.define(frame, "whole", [inner, scalar])
    part, weight = (name for name, _ in outer.fields)
    values = [expressions.grow(frame, scalar, 1, frame.exact_only) for _ in range(2)]
    held = structures.build(frame, inner)
    name = closed.local(frame, outer)
    if chance(frame.choices, 40):
        snippets.emit(frame, f"{name} = {outer.name}({{held}}, {{value}})", held=held, value=values[0])
        frame.unit.note("form:struct constructor arguments")
    else:
        text = f"{name} = {outer.name}()\n{name}.{part} = {{held}}\n{name}.{weight} = {{value}}"
        snippets.emit(frame, text, held=held, value=values[0])
    inexact = closed.is_inexact(held, *values)
    _change_inside(frame, f"{name}.{part}", inner, values[1])
    if chance(frame.choices, 40):
        name, outer, inexact = _third(frame, name, outer, inexact)
    closed.declare(frame, name, outer, inexact)
    frame.unit.note("form:nested struct")
    return True


def _change_inside(frame: Frame, path: str, inner: Struct, value: expressions.Term) -> None:
    """Emit an assignment to a field of the inner struct, or to a component of one."""
    field, type_ = pick(frame.choices, inner.fields)
    if isinstance(type_, Vector):
        place = pick(frame.choices, ("[0]", "[1]", ".x", ".y"))
        frame.unit.note("form:component inside a nested struct")
    elif isinstance(type_, Matrix):
        place = pick(frame.choices, ("[0, 1]", "[1, 0]"))
        frame.unit.note("form:component inside a nested struct")
    else:
        place = ""
    operator = pick(frame.choices, ("=", "=", "+="))
    snippets.emit(frame, f"{path}.{field}{place} {operator} {{value}}", value=value)


def _third(frame: Frame, name: str, outer: Struct, inexact: bool) -> tuple[str, Struct, bool]:
    """Emit a struct around the outer one."""
    scalar = next(type_ for _, type_ in outer.fields if isinstance(type_, Scalar))
    whole = structures.define(frame, "world", [outer, scalar])
    held, rate = (field for field, _ in whole.fields)
    top = closed.local(frame, whole)
    value = expressions.grow(frame, scalar, 1, frame.exact_only)
    path = f"{top}.{held}.{next(field for field, type_ in outer.fields if type_ == scalar)}"
    text = f"{top} = {whole.name}()\n{top}.{held} = {name}\n{top}.{rate} = {{value}}\n{path} += {top}.{rate}"
    snippets.emit(frame, text, value=value)
    frame.unit.note("form:struct three deep")
    return top, whole, inexact or value.inexact


def copied(frame: Frame) -> bool:
    """Emit a copy of a struct, a change of the copy or of what it was made from, and read both: structs are values."""
    inner, scalar = _inner(frame)
    original = structures.build(frame, inner)
    copy = closed.local(frame, inner)
    value = expressions.grow(frame, scalar, 1, frame.exact_only)
    field = next(name for name, type_ in inner.fields if type_ == scalar)
    changed = pick(frame.choices, (copy, original.name))
    operator = pick(frame.choices, ("=", "+=", "*="))
    snippets.emit(frame, f"{copy} = {original.name}\n{changed}.{field} {operator} {{value}}", value=value)
    original.inexact = original.inexact or value.inexact
    closed.declare(frame, copy, inner, original.inexact)
    frame.written(original)
    frame.unit.note("form:struct copied")
    return True


def chosen(frame: Frame) -> bool:
    """Emit a struct chosen by a condition, in an expression or in a branch."""
    inner, scalar = _inner(frame)
    first, second = structures.build(frame, inner), structures.build(frame, inner)
    left = expressions.grow(frame, scalar, 1, True)
    right = closed.number(scalar, pick(frame.choices, ("0", "1")))
    texts = (
        f"{{name}} = {{a}} if {{left}} > {right} else {{b}}",
        f"{{name}} = wp.where({{left}} > {right}, {{a}}, {{b}})",
        f"{{name}} = {{a}}\nif {{left}} < {right}:\n    {{name}} = {{b}}",
    )
    name = closed.local(frame, inner)
    snippets.emit(frame, pick(frame.choices, texts), name=name, a=first, b=second, left=left)
    closed.declare(frame, name, inner, closed.is_inexact(first, second, left))
    frame.unit.note("form:struct chosen")
    return True


def in_array(frame: Frame) -> bool:
    """Emit reads of nested fields of an array's elements, as they are and through a copy that is changed."""
    inner, scalar = _inner(frame)
    outer = structures.define(frame, "whole", [inner, scalar])
    part, weight = (name for name, _ in outer.fields)
    field = next(name for name, type_ in inner.fields if type_ == scalar)
    term = access.new_element(frame, outer)
    result = closed.local(frame, scalar)
    snippets.emit(frame, f"{result} = {{element}}.{part}.{field}", element=term)
    closed.declare(frame, result, scalar)
    if chance(frame.choices, 60):
        item = closed.local(frame, outer)
        value = expressions.grow(frame, scalar, 1, frame.exact_only)
        snippets.emit(frame, f"{item} = {{element}}\n{item}.{part}.{field} += {{value}}", element=term, value=value)
        closed.declare(frame, item, outer, value.inexact)
    else:
        other = closed.local(frame, scalar)
        snippets.emit(frame, f"{other} = {{element}}.{weight}", element=term)
        closed.declare(frame, other, scalar)
    frame.unit.note("form:nested struct in array")
    return True


def with_array(frame: Frame) -> bool:
    """Emit a read through a struct parameter that holds an array, in the kernel or in a function of the struct."""
    if not frame.unit.claim("arrays in structs", unless="bits"):
        return False
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    deep = chance(frame.choices, 35)
    holder = structures.define(frame, "settings", [scalar, Array(scalar, 1)])
    number, items = (name for name, _ in holder.fields)
    extent = frame.unit.dims[0]
    struct, path = holder, ""
    if deep:
        struct = structures.define(frame, "world", [holder, scalar])
        path = f".{struct.fields[0][0]}"
        frame.unit.note("form:array in a nested struct")
    frame.unit.field_shapes[holder.name, items] = (extent,)
    name = names.free_name(frame.choices, [struct.name.lower(), "state", "model", "scene"], frame.taken)
    frame.add_value_parameter(Variable(name, struct, unread=False))
    thread = frame.threads[0].name
    result = closed.local(frame, scalar)
    read = f"{name}{path}.{items}[{thread}] * {name}{path}.{number}"
    if chance(frame.choices, 50):
        function = closed.free(frame, ("item_of", "sample_of", "scaled_item"))
        body = f"return s.{items}[i] + s.{number}"
        closed.define(frame, function, f"@wp.func\ndef {function}(s: {holder.name}, i: int):\n    {body}\n")
        read = f"{function}({name}{path}, {thread})"
    snippets.emit(frame, f"{result} = {read}")
    closed.declare(frame, result, scalar)
    frame.unit.note("form:array in struct parameter")
    return True


def holding_array(frame: Frame) -> bool:
    """Emit the making of a struct that holds one of the kernel's arrays, and a read through it."""
    if not frame.unit.claim("arrays in structs", unless="bits"):
        return False
    scalar = closed.scalar_of_kernel(frame, lambda one: one.is_float)
    holder = structures.define(frame, "settings", [scalar, Array(scalar, 1)])
    number, items = (name for name, _ in holder.fields)
    plural = names.free_name(frame.choices, [pair[0] for pair in names.ELEMENTS["float"]], frame.taken)
    frame.add_array_parameter(ArrayParameter(plural, Array(scalar, 1), (frame.unit.dims[0],), ""))
    name, result = closed.local(frame, holder), closed.local(frame, scalar)
    value = expressions.grow(frame, scalar, 1, frame.exact_only)
    thread = frame.threads[0].name
    text = (
        f"{name} = {holder.name}()\n{name}.{number} = {{value}}\n{name}.{items} = {plural}\n"
        f"{result} = {name}.{items}[{thread}] + {name}.{number}"
    )
    snippets.emit(frame, text, value=value)
    closed.declare(frame, result, scalar, value.inexact)
    frame.unit.note("form:array in local struct")
    return True


FORMS = (
    (nested, 3.0),
    (copied, 2.0),
    (chosen, 1.5),
    (in_array, 2.0),
    (with_array, 2.0),
    (holding_array, 1.0),
)
