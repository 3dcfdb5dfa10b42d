"""Assignments to a part of a variable: a component, row, column, slice or block, also of a struct's field.

A component is assigned with `=` at most once; every other write to it is augmented. More than one is outside of what
Warp's backward pass supports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from grammar import access, expressions, guards, nodes, parts, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.parts import Part
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import (
    BOOL,
    Array,
    Matrix,
    Quaternion,
    Scalar,
    Struct,
    Transform,
    Type,
    ValueType,
    Vector,
    is_float_type,
)

Place = tuple[str, int]
"""A scalar of a variable: the field that holds it (empty outside of structs) and its index there."""


@dataclass(frozen=True)
class Target:
    """What an assignment writes: its tree, its type, its form, and the scalars that it covers."""

    node: nodes.Expression
    type: ValueType
    kind: str
    covers: frozenset[Place]


def write(frame: Frame) -> bool:
    """Emit an assignment to a part of some local variable; False when there is none."""
    variables = [v for v in _local(frame) if _has_parts(v.type)]
    if not variables:
        return False
    variable = pick(frame.choices, variables)
    targets = list(_targets(frame, variable))
    if not targets:
        return False
    kinds = list(dict.fromkeys(target.kind for target in targets))
    kind = pick(frame.choices, kinds)
    target = pick(frame.choices, [target for target in targets if target.kind == kind])
    _assign(frame, variable, target)
    return True


def _local(frame: Frame) -> list[Variable]:
    """Return the local variables that may be changed in place, and structs."""
    local = [v for block in frame.blocks for v in block.variables]
    found = [v for v in local if isinstance(v.type, Struct) or (v.mutable and not v.index)]
    return [v for v in found if not (frame.exact_only and v.inexact)]


def _has_parts(type_: Type) -> bool:
    return isinstance(type_, (Vector, Matrix, Quaternion, Transform, Struct))


def _may_change(type_: Type) -> bool:
    """Whether values of a type need no interval to be kept: floats, and integers that wrap."""
    if isinstance(type_, Scalar) and type_ == BOOL:
        return False
    if isinstance(type_, (Scalar, Vector, Matrix, Quaternion, Transform)):
        return is_float_type(type_) or not guards.scalar_type_of(type_).is_signed
    return False


def _targets(frame: Frame, variable: Variable) -> Iterator[Target]:
    name = nodes.name(variable.name)
    if isinstance(variable.type, Struct):
        yield from _field_targets(frame, name, variable.type, "")
    elif _may_change(variable.type):
        yield from _parts_of(frame, name, variable.type, "")


def _field_targets(frame: Frame, value: nodes.Expression, struct: Struct, path: str) -> Iterator[Target]:
    """Yield a struct's fields and their parts, those of nested structs too."""
    for field, type_ in struct.fields:
        node = nodes.attribute(value, field)
        inner = f"{path}.{field}"
        if isinstance(type_, Struct):
            yield from _field_targets(frame, node, type_, inner)
        elif not isinstance(type_, Array) and _may_change(type_):
            yield Target(node, type_, "field", frozenset((inner, place) for place in range(_count(type_))))
            for target in _parts_of(frame, node, type_, inner):
                if target.kind not in _NOT_OF_FIELDS:
                    yield replace(target, kind=f"field's {target.kind}")


_NOT_OF_FIELDS = ("slice", "reversed slice", "row", "column", "block", "part of a row", "part")
"""What Warp 1.19 cannot assign to behind a struct's field (`refused_forms`)."""


def _count(type_: Type) -> int:
    match type_:
        case Vector():
            return type_.length
        case Matrix():
            return type_.rows * type_.columns
        case Quaternion():
            return 4
        case Transform():
            return 7
        case _:
            return 1


def _parts_of(frame: Frame, value: nodes.Expression, type_: Type, path: str) -> Iterator[Target]:
    """Yield the parts of a vector, matrix, quaternion or transformation."""
    if not isinstance(type_, (Vector, Matrix, Quaternion, Transform)):
        return
    index = _index(frame, type_)
    if index is not None:
        whole = frozenset((path, place) for place in range(_count(type_)))
        yield Target(nodes.subscript(value, [index.node]), type_.scalar, "indexed component", whole)
    if frame.loop_depth and not isinstance(type_, Transform):
        return
    for part in [*parts.parts(frame, type_), *_plain(frame, type_)]:
        covers = frozenset((path, place) for place in part.covers)
        yield Target(part.of(value), part.type, part.kind, covers)


def _plain(frame: Frame, type_: Vector | Matrix | Quaternion | Transform) -> Iterator[Part]:
    """Yield the parts that a plain index names: components, cells and whole rows."""
    match type_:
        case Matrix():
            for row in range(type_.rows):
                for column in range(type_.columns):
                    place = row * type_.columns + column
                    yield Part(type_.scalar, "cell", (row, column), (place,))
                if type_.columns > 1:
                    covers = tuple(row * type_.columns + column for column in range(type_.columns))
                    yield Part(Vector(type_.columns, type_.scalar), "row", (row,), covers)
        case Vector():
            for place in range(type_.length):
                if frame.unit.dotted and place < 4:
                    yield Part(type_.scalar, "component", (), (place,), ("xyzw"[place],))
                else:
                    yield Part(type_.scalar, "component", (place,), (place,))
        case _:
            for place in range(_count(type_)):
                yield Part(type_.scalar, "component", (place,), (place,))


def _index(frame: Frame, type_: ValueType) -> Term | None:
    """Return a loop's index that lies within a vector, None when there is none."""
    if not isinstance(type_, Vector):
        return None
    last = type_.length - 1
    found = [
        variable
        for variable in frame.indices()
        if variable not in frame.threads and variable.interval is not None
        if variable.interval.low >= 0 and variable.interval.high <= last
    ]
    return access.read_variable(pick(frame.choices, found)) if found else None


def _assign(frame: Frame, variable: Variable, target: Target) -> None:
    """Emit the assignment: `=` where nothing was assigned before, augmented otherwise."""
    operator = _operator(frame, variable, target)
    value = _value(frame, variable, target, operator)
    node = nodes.target(target.node)
    if operator:
        statement = nodes.augment(operator, node, value.node)
    else:
        statement = nodes.assign(node, value.node)
        variable.written_components |= target.covers
    frame.emit(statement, value.text, *_index_names(frame, target))
    frame.unit.note(f"statement:{target.kind} {operator}=")
    variable.inexact = variable.inexact or value.inexact
    frame.written(variable)


def _index_names(frame: Frame, target: Target) -> list[str]:
    return [v.name for v in frame.indices()] if "indexed" in target.kind else []


def _operator(frame: Frame, variable: Variable, target: Target) -> str:
    """Choose how a part is assigned; what runs more often than its variable's declaration only adds."""
    fresh = not (target.covers & variable.written_components) and not frame.loop_depth
    fresh = fresh and variable.declared_trips == frame.trips and target.kind != "indexed component"
    is_float = is_float_type(target.type)
    changes = isinstance(target.type, Scalar) or isinstance(variable.type, (Vector, Matrix))
    table = (
        ("+", 4.0),
        ("-", 1.5),
        ("", 8.0 if fresh else 0.0),
        ("*", 0.6 if is_float and changes and not frame.loop_depth else 0.0),
        ("^", 1.5 if not is_float and isinstance(target.type, Scalar) else 0.0),
    )
    return pick_weighted(frame.choices, table)


def _value(frame: Frame, variable: Variable, target: Target, operator: str) -> Term:
    """Grow what is assigned; a factor is a literal."""
    if operator == "*":
        scalar = guards.scalar_type_of(target.type)
        return terms.float_literal(pick(frame.choices, ("0.5", "2.0", "0.25")), scalar)
    exact = not variable.inexact
    depth = 1 if isinstance(target.type, Scalar) or chance(frame.choices, 50) else 0
    if isinstance(variable.type, Struct):
        return expressions.grow(frame, target.type, depth, not is_float_type(target.type))
    return expressions.grow(frame, target.type, depth, exact)
