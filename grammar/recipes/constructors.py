"""Vectors and matrices constructed in every way of Warp: zeros, one value, each value, a copy, rows, columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grammar import binding, expressions, nodes, snippets, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import BFLOAT16, FLOATS, INTEGERS, Matrix, Scalar, Vector

_FORMS = (("zeros", 1.0), ("filled", 3.0), ("values", 4.0), ("copy", 1.0))


def _dtype(frame: Frame) -> Scalar:
    return pick(frame.choices, FLOATS if chance(frame.choices, 65) else INTEGERS)


def _vector(frame: Frame, one: Registered) -> bool:
    lengths = ((2, 3.0), (3, 5.0), (4, 3.0), (6, 1.0), (5, 1.0), (1, 0.5), (7, 0.7), (8, 0.7))
    return _constructed(frame, one, Vector(pick_weighted(frame.choices, lengths), _dtype(frame)))


def _matrix(frame: Frame, one: Registered) -> bool:
    extents = ((2, 4.0), (3, 5.0), (4, 2.0), (1, 0.5), (5, 0.7), (6, 0.7))
    rows = pick_weighted(frame.choices, extents)
    columns = rows if chance(frame.choices, 50) else pick_weighted(frame.choices, extents)
    return _constructed(frame, one, Matrix(rows, columns, _dtype(frame)))


def _constructed(frame: Frame, one: Registered, type_: Vector | Matrix) -> bool:
    """Emit a constructor of the type in one of its forms."""
    form = pick_weighted(frame.choices, _FORMS)
    if form == "values" and isinstance(type_, Matrix) and not type_.takes_elements:
        form = "filled"
    if form == "zeros":
        return _zeros(frame, one, type_)
    if form == "copy":
        values = [writing.named(frame, type_)]
    elif form == "filled":
        values = writing.arguments(frame, [type_.scalar])
    else:
        count = type_.length if isinstance(type_, Vector) else type_.rows * type_.columns
        values = _numbers(frame, type_.scalar, count)
    writing.call(frame, one, [type_], type_.spelling, values, intervals=[_hull(values)])
    return True


def _zeros(frame: Frame, one: Registered, type_: Vector | Matrix) -> bool:
    """Emit zeros and an assignment to one component."""
    (zeros,) = writing.call(frame, one, [type_], type_.spelling, [], intervals=[Interval(0, 0)])
    (value,) = writing.arguments(frame, [type_.scalar])
    extents = [type_.length] if isinstance(type_, Vector) else [type_.rows, type_.columns]
    place = ", ".join(str(frame.choices.integer(0, extent - 1)) for extent in extents)
    snippets.emit(frame, f"{{zeros}}[{place}] = {{value}}", zeros=zeros, value=value)
    if value.interval is not None and zeros.interval is not None:
        zeros.interval = zeros.base = zeros.interval.hull(value.interval)
    writing.changed(frame, zeros, value)
    return True


_MOST_GROWN = 4


def _numbers(frame: Frame, scalar: Scalar, count: int) -> list[Term]:
    """Return as many numbers: a few are read, the others come from a short list again and again."""
    grown = [writing.named(frame, scalar)]
    grown += [expressions.leaf(frame, scalar) for _ in range(min(count, _MOST_GROWN) - 1)]
    grown = [binding.shortened(frame, term, limit=8) for term in grown]
    grown += [terms.number(0, scalar)] if count > _MOST_GROWN else []
    return (grown + [pick(frame.choices, grown) for _ in range(count)])[:count]


def _hull(values: Sequence[Term]) -> Interval | None:
    """Return the interval of all components, None where one is not known."""
    found = values[0].interval
    for value in values[1:]:
        found = found.hull(value.interval) if found is not None and value.interval is not None else None
    return found


def _from_vectors(frame: Frame, one: Registered) -> bool:
    """`wp.matrix_from_rows(a, b)` and `wp.matrix_from_cols(a, b, c)`."""
    scalar = _dtype(frame)
    count, length = (pick_weighted(frame.choices, ((2, 4.0), (3, 5.0), (4, 2.0), (5, 0.5), (6, 0.5))) for _ in "ab")
    rows, columns = (count, length) if one.name == "matrix_from_rows" else (length, count)
    values = [writing.named(frame, Vector(length, scalar))]
    values += [expressions.leaf(frame, Vector(length, scalar)) for _ in range(count - 1)]
    values = [binding.shortened(frame, value, limit=14) for value in values]
    writing.call(frame, one, [Matrix(rows, columns, scalar)], f"wp.{one.name}", values, intervals=[_hull(values)])
    return True


def _identity(frame: Frame, one: Registered) -> bool:
    """`wp.identity(n=3, dtype=float)`, scaled or added to another matrix."""
    scalar = pick(frame.choices, FLOATS)
    size = pick_weighted(frame.choices, ((3, 5.0), (2, 3.0), (4, 2.0), (1, 0.3), (5, 0.6), (6, 0.6)))
    type_ = Matrix(size, size, scalar)
    call = nodes.call_with_keywords("wp.identity", [("n", nodes.integer(size)), ("dtype", nodes.name(scalar.spelling))])
    identity = Term(call, type_, f"wp.identity(n={size}, dtype={scalar.spelling})")
    if chance(frame.choices, 50) and scalar != BFLOAT16:
        other = writing.named(frame, type_)
        operator = pick(frame.choices, "+-")
        text = f"{{m}} {operator} {{identity}}"
    else:
        other = writing.named(frame, scalar)
        text = "{identity} * {m}"
    writing.assign(frame, one, [type_], text, {"m": other, "identity": identity})
    return True


RECIPES: Mapping[str, Recipe] = {
    "vector": _vector,
    "matrix": _matrix,
    "matrix_from_rows": _from_vectors,
    "matrix_from_cols": _from_vectors,
    "identity": _identity,
}
