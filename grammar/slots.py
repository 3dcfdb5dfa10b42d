"""Stores to a part of an element that the thread owns: `out[i].x = y`, `bodies[i].velocity[2] -= v`, `m[i][1] = row`.

Warp makes a store or an atomic on the part alone, so what else the element holds stays as it was passed.
"""

from __future__ import annotations

from collections.abc import Sequence

from grammar import access, nodes
from grammar.choices import chance, pick, pick_weighted
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import (
    BFLOAT16,
    BOOL,
    UINT32,
    UINT64,
    Matrix,
    Quaternion,
    Scalar,
    Transform,
    ValueType,
    Vector,
    is_float_type,
    is_integer_type,
    scalar_of,
)


def wholes(frame: Frame, type_: ValueType) -> list[tuple[ValueType, float]]:
    """Return types of which a value is a part, by weight: structs of the module first."""
    found: list[tuple[ValueType, float]] = []
    found.extend((struct, 3.0) for struct in frame.unit.structs if access.paths(struct, type_))
    match type_:
        case Scalar() if type_ != BOOL:
            found.extend((Vector(length, type_), 1.0) for length in (2, 3, 4))
            found.append((Matrix(2, 3, type_), 0.5))
            found.append((Matrix(3, 3, type_), 0.5))
            if type_.is_float and type_ != BFLOAT16:
                found.extend(((Quaternion(type_), 0.5), (Transform(type_), 0.3)))
        case Vector() if type_.length <= 4 and type_.scalar != BOOL:
            found.append((Matrix(2, type_.length, type_.scalar), 1.0))
            if type_.length == 3 and type_.scalar.is_float and type_.scalar != BFLOAT16:
                found.append((Transform(type_.scalar), 1.0))
        case Quaternion():
            found.append((Transform(type_.scalar), 1.0))
    return found


def choose(frame: Frame, type_: ValueType) -> ValueType | None:
    """Choose a type that has a part of the given one, None when there is none."""
    found = [(whole, weight) for whole, weight in wholes(frame, type_) if whole != type_]
    return pick_weighted(frame.choices, found) if found else None


def _operators(type_: ValueType) -> str:
    """Return the operators that may update a part of which nothing is known: no signed sum, which might overflow."""
    if is_float_type(type_):
        return "+-"
    if not is_integer_type(type_):
        return ""
    return "+-&|^" if scalar_of(type_) in (UINT32, UINT64) else "&|^"


def store(frame: Frame, name: str, indices: Sequence[Term], whole: ValueType, value: Term) -> None:
    """Emit the store to a part of the element, or at times `+=` and the like."""
    element = Term(
        nodes.subscript(nodes.name(name), [index.node for index in indices]),
        whole,
        f"{name}[{', '.join(index.text for index in indices)}]",
    )
    part = access.follow(frame.unit, element, pick(frame.choices, access.paths(whole, value.type)))
    target = nodes.target(part.node)
    operators = _operators(value.type)
    if operators and chance(frame.choices, 45):
        operator = pick(frame.choices, operators)
        frame.emit(nodes.augment(operator, target, value.node), part.text, value.text)
        frame.unit.note(f"statement:part of an element {operator}=")
    else:
        frame.emit(nodes.assign(target, value.node), part.text, value.text)
        frame.unit.note("statement:part of an element =")
