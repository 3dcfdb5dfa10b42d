"""Parts of a vector or matrix: slices, columns, blocks, and components counted from the end.

`access.paths` knows components, cells, rows and fields; what is here needs a slice or a negative index. Warp takes only
literals in slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grammar import access, nodes
from grammar.choices import chance, pick, pick_weighted
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import Matrix, Quaternion, Scalar, Transform, ValueType, Vector, is_integer_type

_DOTTED = "xyzw"


@dataclass(frozen=True)
class Part:
    """A part's type, how it is written behind the value, and which of the value's scalars it covers, in their order.

    `attributes` come before the subscript: `.p[0]` of a transformation. `kind` names the form for statistics.
    """

    type: ValueType
    kind: str
    places: tuple[int | nodes.Slice, ...]
    covers: tuple[int, ...]
    attributes: tuple[str, ...] = ()

    def of(self, value: nodes.Expression) -> nodes.Expression:
        """Build the part of a value."""
        for name in self.attributes:
            value = nodes.attribute(value, name)
        return nodes.part(value, self.places) if self.places else value

    def text_of(self, text: str) -> str:
        """Return about what the part of a value looks like."""
        places = ", ".join(_place_text(place) for place in self.places)
        return f"{text}{''.join(f'.{name}' for name in self.attributes)}" + (f"[{places}]" if places else "")


def _place_text(place: int | nodes.Slice) -> str:
    if isinstance(place, int):
        return str(place)
    start, stop, step = ("" if bound is None else str(bound) for bound in place)
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


def parts(frame: Frame, source: ValueType) -> list[Part]:
    """Return parts of a type, each spelled in one of the ways there are."""
    match source:
        case Vector():
            return [*_slices(frame, source), *_ends(source)]
        case Quaternion():
            return [Part(source.scalar, "component", (), (place,), (name,)) for place, name in enumerate(_DOTTED)]
        case Transform():
            return _transform_parts(source)
        case Matrix():
            return list(_matrix_parts(frame, source))
        case _:
            return []


def _ends(source: Vector) -> list[Part]:
    """Return components counted from the end."""
    count = min(2, source.length)
    return [Part(source.scalar, "negative index", (-back,), (source.length - back,)) for back in range(1, count + 1)]


def _slices(frame: Frame, source: Vector) -> Iterator[Part]:
    """Yield a slice of every length from 2 on, seldom of the whole vector, and the reversed vector."""
    whole = source.length > 1 and chance(frame.choices, 15)
    for length in range(2, source.length + whole):
        place, covers = _slice(frame, source.length, length)
        yield Part(Vector(length, source.scalar), "slice", (place,), covers)
    if source.length > 1:
        backwards = tuple(reversed(range(source.length)))
        yield Part(source, "reversed slice", ((None, None, -1),), backwards)


def _slice(frame: Frame, extent: int, length: int) -> tuple[nodes.Slice, tuple[int, ...]]:
    """Choose a slice of a length: its spelling and the indices that it selects."""
    step = 2 if length > 1 and 2 * length - 1 <= extent and chance(frame.choices, 30) else 1
    start = frame.choices.integer(0, extent - step * (length - 1) - 1)
    covers = tuple(start + step * place for place in range(length))
    stop = covers[-1] + 1
    first: int | None = start
    last: int | None = stop
    if start == 0 and not chance(frame.choices, 20):
        first = None
    elif start > 0 and chance(frame.choices, 15):
        first = start - extent
    if stop == extent or (step > 1 and stop + 1 >= extent):
        last = None
    elif chance(frame.choices, 15):
        last = stop - extent
    return (first, last, step if step > 1 else None), covers


def _transform_parts(source: Transform) -> list[Part]:
    scalar = source.scalar
    found = [
        Part(Vector(3, scalar), "part", (), (0, 1, 2), ("p",)),
        Part(Quaternion(scalar), "part", (), (3, 4, 5, 6), ("q",)),
        *(Part(scalar, "part's component", (place,), (place,), ("p",)) for place in range(3)),
        *(Part(scalar, "part's component", (), (place,), ("p", name)) for place, name in enumerate("xyz")),
        *(Part(scalar, "part's component", (), (3 + place,), ("q", name)) for place, name in enumerate(_DOTTED)),
    ]
    return [*found, Part(scalar, "negative index", (-1,), (6,))]


def _matrix_parts(frame: Frame, source: Matrix) -> Iterator[Part]:
    """Yield each row and column as a slice, cells counted from the end, a part of a row, and blocks."""
    rows, columns, scalar = source.rows, source.columns, source.scalar

    def cells(chosen: tuple[int, ...], of: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(row * columns + column for row in chosen for column in of)

    everything: nodes.Slice = (None, None, None)
    across, down = tuple(range(columns)), tuple(range(rows))
    for row in range(rows if columns > 1 else 0):
        yield Part(Vector(columns, scalar), "row", (row, everything), cells((row,), across))
    for column in range(columns if rows > 1 else 0):
        yield Part(Vector(rows, scalar), "column", (everything, column), cells(down, (column,)))
    yield Part(scalar, "negative index", (-1, 0), (columns * (rows - 1),))
    yield Part(scalar, "negative index", (0, -1), (columns - 1,))
    if columns > 2:
        row = frame.choices.integer(0, rows - 1)
        place, covers = _slice(frame, columns, 2)
        yield Part(Vector(2, scalar), "part of a row", (row, place), cells((row,), covers))
    for height in range(2, rows + 1):
        for width in range(2, columns + 1):
            if (height, width) != (rows, columns):
                above, chosen = _slice(frame, rows, height)
                beside, of = _slice(frame, columns, width)
                yield Part(Matrix(height, width, scalar), "block", (above, beside), cells(chosen, of))


def read(frame: Frame, variable: Variable, part: Part) -> Term:
    """Read a part of a variable."""
    frame.unit.note(f"expression:{part.kind}")
    value = access.read_variable(variable)
    interval = variable.interval if is_integer_type(part.type) else None
    return Term(part.of(value.node), part.type, part.text_of(variable.name), interval, variable.inexact)


def sliceable(frame: Frame, exact: bool) -> list[Variable]:
    """Return the visible variables that have parts."""
    return [
        variable
        for variable in frame.visible()
        if isinstance(variable.type, (Vector, Matrix, Quaternion, Transform)) and not (exact and variable.inexact)
    ]


def read_some(frame: Frame, type_: ValueType, exact: bool) -> Term | None:
    """Read a value of a type as a part of some variable, None when none has one."""
    found = [
        (variable, part)
        for variable in sliceable(frame, exact)
        if isinstance(type_, (Scalar, Vector, Matrix))
        for part in parts(frame, variable.type)
        if part.type == type_
    ]
    if not found:
        return None
    variable, part = pick_weighted(frame.choices, [((v, p), 9.0 if v.unread else 1.5) for v, p in found])
    return read(frame, variable, part)


def read_any(frame: Frame) -> Term | None:
    """Read a part of several scalars of some variable, None when there is no such variable."""
    variables = sliceable(frame, frame.exact_only)
    if not variables:
        return None
    variable = pick_weighted(frame.choices, [(v, 9.0 if v.unread else 1.5) for v in variables])
    found = [part for part in parts(frame, variable.type) if isinstance(part.type, (Vector, Matrix))]
    kinds = [kind for kind in dict.fromkeys(part.kind for part in found) if kind != "part"]
    if not kinds:
        return None
    kind = pick(frame.choices, kinds)
    return read(frame, variable, pick(frame.choices, [part for part in found if part.kind == kind]))
