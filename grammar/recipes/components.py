"""Components of vectors, quaternions, transformations and matrices: read, referred to, assigned, updated in place."""

from __future__ import annotations

from collections.abc import Sequence

from grammar import binding, guards, names, snippets, terms
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.recipes import elements
from grammar.registry import Registered
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import (
    INT32,
    INTEGERS,
    Matrix,
    Quaternion,
    Scalar,
    Transform,
    ValueType,
    Vector,
)


def extents(type_: ValueType) -> tuple[int, ...]:
    """Return how many components a type has along each of its one or two axes."""
    match type_:
        case Vector():
            return (type_.length,)
        case Matrix():
            return (type_.rows, type_.columns)
        case Quaternion():
            return (4,)
        case Transform():
            return (7,)
        case _:
            raise TypeError(f"{type_} has no components")


def part_type(type_: ValueType, indices: int) -> ValueType:
    """Return what so many indices lead to: a row for one index of a matrix, else a scalar."""
    if isinstance(type_, Matrix) and indices == 1:
        return Vector(type_.columns, type_.scalar)
    return guards.scalar_type_of(type_)


def component_index(frame: Frame, type_: ValueType, count: int, dtypes: Sequence[Scalar]) -> str:
    """Return the source of `count` indices: constants, from the end at times, or one that depends on the thread."""
    axes = []
    for extent in extents(type_)[:count]:
        if chance(frame.choices, 25):
            axes.append((f"{pick(frame.choices, frame.threads).name} % {extent}", extent))
        else:
            place = frame.choices.integer(0, extent - 1)
            axes.append((str(place - extent if chance(frame.choices, 25) else place), extent))
    return elements.index_text(frame, axes, pick(frame.choices, dtypes))


def _dtypes(one: Registered) -> Sequence[Scalar]:
    """Return the dtypes that an overload's indices may have.

    Warp takes any integer for `Any`, but its adjoints have int32: another dtype compiles forward only (vec.h).
    """
    match elements.index_parameters(one)[0]:
        case "Any":
            return (INT32,)
        case "Int":
            return (INT32, INT32, INT32, *INTEGERS)
        case word:
            return (Scalar(word),)


def _value_of(frame: Frame, type_: ValueType) -> Variable:
    """Emit a variable of a type, which no one else reads yet."""
    return binding.declare(frame, elements.value(frame, type_, 0))


def extract(frame: Frame, one: Registered) -> bool:
    """Read a component, a row, an array's extent, or an item of a tuple."""
    word = one.types[0]
    if word == "shape_t":
        place = elements.own_place(frame, frame.unit.palette.scalar, frame.choices.integer(1, 3), use="read")
        axis = frame.choices.integer(0, len(place.array.shape) - 1)
        extent = place.array.shape[axis]
        elements.read(frame, f"{place.array.name}.shape[{axis}]", INT32, Interval(extent, extent))
        return elements.note(frame, one)
    if word == "tuple":
        return _tuple_item(frame, one)
    type_ = elements.type_of(frame, word)
    variable = _value_of(frame, type_)
    count = len(elements.index_parameters(one))
    index = component_index(frame, type_, count, _dtypes(one))
    elements.read(frame, f"{variable.name}[{index}]", part_type(type_, count), variable.interval, variable.inexact)
    return elements.note(frame, one)


def _tuple_item(frame: Frame, one: Registered) -> bool:
    items = _items(frame)
    name = _tuple(frame, items)
    place = frame.choices.integer(0, len(items) - 1)
    elements.read(frame, f"{name}[{place}]", items[place].type, items[place].interval, items[place].inexact)
    return elements.note(frame, one)


def _items(frame: Frame) -> list[Term]:
    return [elements.value(frame, frame.unit.palette.scalar, depth) for depth in (1, 0)]


def _tuple(frame: Frame, items: Sequence[Term] | None = None) -> str:
    """Emit the assignment of a tuple of two to a new name, and return that."""
    first, second = items or _items(frame)
    name = names.free_name(frame.choices, ("pair", "both", "parts"), frame.taken)
    frame.taken.add(name)
    snippets.emit(frame, f"{name} = ({{first}}, {{second}})", first=first, second=second)
    return name


def index(frame: Frame, one: Registered) -> bool:
    """Store to a component of a variable through the reference that Warp's own code makes of it.

    The replay before a backward pass makes no such reference, so nothing but a store, which it leaves out as well, may
    use it.
    """
    type_ = elements.type_of(frame, one.types[0])
    variable = _value_of(frame, type_)
    count = len(elements.index_parameters(one))
    given = elements.value(frame, part_type(type_, count), 0)
    text = component_index(frame, type_, count, _dtypes(one))
    snippets.emit(frame, f"wp.store(wp.index({variable.name}, {text}), {{x}})", x=given)
    elements.widen(frame, variable, given)
    return elements.note(frame, one)


def indexref(frame: Frame, one: Registered) -> bool:
    """Assign to a component of an element of an indexed array, which Warp does through a reference to it."""
    type_ = elements.type_of(frame, one.types[0])
    count = len(elements.index_parameters(one))
    given = elements.value(frame, part_type(type_, count), 1)
    place = elements.own_place(frame, type_, frame.choices.integer(1, 2), use="update", indexed=True)
    snippets.emit(frame, f"{place.text}[{component_index(frame, type_, count, _dtypes(one))}] = {{x}}", x=given)
    return elements.note(frame, one)


def assign_inplace(frame: Frame, one: Registered) -> bool:
    """Assign to a component or a row of a variable, by index or by name."""
    type_ = elements.type_of(frame, one.types[0])
    count = len(elements.index_parameters(one))
    variable = _value_of(frame, type_)
    given = elements.value(frame, part_type(type_, count), 1)
    if isinstance(type_, (Vector, Quaternion)) and extents(type_)[0] <= 4 and chance(frame.choices, 40):
        target = f"{variable.name}.{'xyzw'[frame.choices.integer(0, extents(type_)[0] - 1)]}"
    else:
        target = f"{variable.name}[{component_index(frame, type_, count, _dtypes(one))}]"
    snippets.emit(frame, f"{target} = {{x}}", x=given)
    elements.widen(frame, variable, given)
    return elements.note(frame, one)


def assign_copy(frame: Frame, one: Registered) -> bool:
    """Make a copy of a variable in which one component or row is another."""
    type_ = elements.type_of(frame, one.types[0])
    count = len(elements.index_parameters(one))
    variable = _value_of(frame, type_)
    given = elements.value(frame, part_type(type_, count), 1)
    text = component_index(frame, type_, count, _dtypes(one))
    call = snippets.filled_in(f"wp.assign_copy({variable.name}, {text}, {{x}})", x=given).strip()
    elements.read(frame, call, type_, _hull(variable, given), variable.inexact or given.inexact)
    return elements.note(frame, one)


def _hull(variable: Variable, given: Term) -> Interval | None:
    if variable.interval is None or given.interval is None:
        return terms.full_range(variable.type)
    return variable.interval.hull(given.interval)


_OPERATORS = {
    "add_inplace": "+",
    "sub_inplace": "-",
    "bit_and_inplace": "&",
    "bit_or_inplace": "|",
    "bit_xor_inplace": "^",
}


def inplace(frame: Frame, one: Registered) -> bool:
    """Write `v[1] += x` or the like on a variable; False for tiles, whose kernels write `t += u` themselves."""
    if one.types[0].startswith("Tile"):
        return False
    operator = _OPERATORS[one.name]
    summed = operator in "+-"
    type_ = elements.type_of(frame, one.types[0], (*elements.FLOATS, *INTEGERS) if summed else INTEGERS)
    count = len(elements.index_parameters(one))
    start = elements.near_zero(frame, type_) if summed else elements.value(frame, type_, 0)
    variable = binding.declare(frame, start)
    given = elements.near_zero(frame, part_type(type_, count))
    text = component_index(frame, type_, count, _dtypes(one))
    snippets.emit(frame, f"{variable.name}[{text}] {operator}= {{x}}", x=given)
    variable.inexact = variable.inexact or given.inexact
    variable.interval = _after(variable, given, summed)
    frame.written(variable)
    return elements.note(frame, one)


def _after(variable: Variable, given: Term, summed: bool) -> Interval | None:
    """Return what an updated variable of integers may hold."""
    full = terms.full_range(variable.type)
    scalar = guards.scalar_type_of(variable.type)
    if full is None or not summed or not scalar.is_signed:
        return full
    assert variable.interval is not None and given.interval is not None
    reach = max(abs(given.interval.low), abs(given.interval.high))
    return Interval(variable.interval.low - reach, variable.interval.high + reach)


def length(frame: Frame, one: Registered) -> bool:
    """Write `len` of a vector, quaternion, transformation, matrix, array or tuple; False for tiles."""
    word = one.types[0]
    if word.startswith("Tile"):
        return False
    if word.startswith("Array"):
        place = elements.own_place(frame, frame.unit.palette.scalar, frame.choices.integer(1, 2), use="read")
        name, known = place.array.name, place.array.shape[0]
    elif word == "tuple":
        name, known = _tuple(frame), 2
    else:
        type_ = elements.type_of(frame, word)
        name, known = _value_of(frame, type_).name, extents(type_)[0]
    elements.read(frame, f"len({name})", INT32, Interval(known, known))
    return elements.note(frame, one)


RECIPES = {
    "extract": extract,
    "index": index,
    "indexref": indexref,
    "assign_inplace": assign_inplace,
    "assign_copy": assign_copy,
    **dict.fromkeys(_OPERATORS, inplace),
    "len": length,
}
