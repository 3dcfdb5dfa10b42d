"""What recipes of values share: arguments of the overload's dtype, and assignments of what a call gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grammar import binding, expressions, names, snippets, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.registry import Registered
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Scalar, ValueType, is_integer_type, scalar_of

_NAMED = ((FLOAT32, 5.0), (FLOAT64, 3.0), (FLOAT16, 1.5))
_ANY = (*_NAMED, (BFLOAT16, 1.0))


def dtype_of(frame: Frame, one: Registered, bfloat16: bool = False) -> Scalar:
    """Return the dtype of a concrete overload's first argument, for a generic one any float dtype."""
    if one.concrete is not None:
        scalar = scalar_of(one.concrete.types[0])
        assert scalar is not None
        return scalar
    return pick_weighted(frame.choices, _ANY if bfloat16 else _NAMED)


def arguments(frame: Frame, types: Sequence[ValueType], exact: bool = False, depth: int = 1) -> list[Term]:
    """Grow an argument of each type, short enough for one call; at least one of them is no literal."""
    found = [expressions.grow(frame, type_, depth, exact) for type_ in types]
    if found and all(term.literal for term in found):
        place = pick(frame.choices, range(len(found)))
        found[place] = named(frame, types[place], exact)
    return binding.shortened_together(frame, found)


def named(frame: Frame, type_: ValueType, exact: bool = False) -> Term:
    """Return something that is no literal: what a leaf reads, or at last a new parameter or element."""
    for _ in range(4):
        term = expressions.leaf(frame, type_, exact)
        if not term.literal:
            return term
    return expressions.access.new_value_parameter(frame, type_)


def declare(
    frame: Frame,
    types: Sequence[ValueType],
    text: str,
    holes: Mapping[str, snippets.Hole],
    *,
    library: bool = False,
    intervals: Sequence[Interval | None] = (),
    banks: Sequence[Sequence[str]] = (),
) -> list[Variable]:
    """Emit `a, b = <text>`, its holes filled, with a new variable for each type, named from its bank if there are any.

    `library` says that a library function makes them inexact.
    """
    inexact = library or any(isinstance(hole, Term) and hole.inexact for hole in holes.values())
    variables = []
    for place, type_ in enumerate(types):
        bank = banks[place] if banks else names.LOCALS[names.kind_of(type_)]
        name = names.free_name(frame.choices, bank, frame.taken)
        frame.taken.add(name)
        known = intervals[place] if intervals else terms.full_range(type_)
        known = known if is_integer_type(type_) else None
        variables.append(Variable(name, type_, known, known, inexact))
    snippets.emit(frame, f"{', '.join(variable.name for variable in variables)} = {text}", **holes)
    for variable in variables:
        frame.declare(variable)
        frame.written(variable)
    return variables


def assign(
    frame: Frame,
    one: Registered,
    types: Sequence[ValueType],
    text: str,
    holes: Mapping[str, snippets.Hole],
    *,
    library: bool = False,
    intervals: Sequence[Interval | None] = (),
    banks: Sequence[Sequence[str]] = (),
) -> list[Variable]:
    """Emit `a, b = <text>` as a use of the overload."""
    note(frame, one)
    return declare(frame, types, text, holes, library=library, intervals=intervals, banks=banks)


def call(
    frame: Frame,
    one: Registered,
    types: Sequence[ValueType],
    function: str,
    values: Sequence[snippets.Hole],
    *,
    library: bool = False,
    intervals: Sequence[Interval | None] = (),
    banks: Sequence[Sequence[str]] = (),
) -> list[Variable]:
    """Emit `a, b = function(values)` with a new variable for each type."""
    holes = {f"x{place}": value for place, value in enumerate(values)}
    text = f"{function}({', '.join(f'{{{key}}}' for key in holes)})"
    return assign(frame, one, types, text, holes, library=library, intervals=intervals, banks=banks)


def call_into(
    frame: Frame, one: Registered, values: Sequence[snippets.Hole], results: Sequence[Variable], library: bool = False
) -> None:
    """Emit `wp.builtin(values)`, which writes to those of them that are `results`."""
    holes = {f"x{place}": value for place, value in enumerate(values)}
    snippets.emit(frame, f"wp.{one.name}({', '.join(f'{{{key}}}' for key in holes)})", **holes)
    grown = [value for value in values if isinstance(value, Term)]
    for variable in results:
        variable.inexact = variable.inexact or library
        changed(frame, variable, *grown)
    note(frame, one)


def note(frame: Frame, one: Registered) -> None:
    """Record that the overload was used."""
    frame.unit.note(f"builtin:{one.signature}")


def local(frame: Frame, term: Term) -> Variable:
    """Emit the assignment of a term to a new variable that a call may then write to."""
    variable = binding.declare(frame, term)
    variable.mutable = True
    return variable


def changed(frame: Frame, variable: Variable, *arguments: Term) -> None:
    """Note that a call wrote to a variable what it made of these arguments."""
    variable.inexact = variable.inexact or any(argument.inexact for argument in arguments)
    frame.written(variable)


def zero(frame: Frame, type_: ValueType, bank: Sequence[str] = ()) -> Variable:
    """Emit a variable of zeros, for a call to write to."""
    if isinstance(type_, Scalar):
        text = f"{type_.spelling}({'0.0' if type_.is_float else '0'})"
    else:
        text = f"{type_.spelling}()"
    name = names.free_name(frame.choices, bank or names.LOCALS[names.kind_of(type_)], frame.taken)
    variable = Variable(name, type_, mutable=True)
    snippets.emit(frame, f"{name} = {text}")
    frame.declare(variable)
    return variable


def with_dtype(frame: Frame, function: str, scalar: Scalar) -> str:
    """Return a call without arguments: `f()` for float32, mostly, and `f(dtype=wp.float64)`."""
    if scalar == FLOAT32 and chance(frame.choices, 70):
        return f"{function}()"
    return f"{function}(dtype={scalar.spelling})"
