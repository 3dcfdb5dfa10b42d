"""Arrays: elements, views and slices of them, local arrays, arrays made from pointers, searches, and Warp's plumbing.

Warp writes every access as a call: `a[i]` is an `address`, `a[i] = x` an `array_store`, `a[i]` of an array of two
dimensions a `view`, `x = y` a `copy`. A recipe writes the statement that comes to just that call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grammar import access, binding, conditions, expressions, guards, names, snippets, terms
from grammar.choices import chance, pick
from grammar.intervals import Interval, type_range
from grammar.recipes import elements
from grammar.registry import Registered
from grammar.scope import Frame, Variable
from grammar.terms import Term
from grammar.types import (
    FLOAT16,
    FLOAT32,
    FLOAT64,
    FLOATS,
    INT16,
    INT32,
    INT64,
    INTEGERS,
    UINT16,
    UINT32,
    UINT64,
    Scalar,
    ValueType,
    Vector,
    is_integer_type,
)

_NUMBERS = (*FLOATS, *INTEGERS)
_KINDS = (("scalar", 6.0), ("vector", 3.0), ("matrix", 1.0), ("quaternion", 0.5), ("transform", 0.5))


def _element(frame: Frame) -> ValueType:
    return elements.element_type(frame, _NUMBERS, _KINDS)


def _local_element(frame: Frame) -> ValueType:
    """Choose what a local array holds: integers, or also floats where the kernel has no backward pass.

    The adjoint of reading a float from it adds to its gradient with an atomic on local memory, which CUDA does not
    have: NVRTC makes a trap of it (`local-array-gradient-trap` in the findings).
    """
    floats = chance(frame.choices, 20) and elements.forward_only(frame)
    return elements.element_type(frame, _NUMBERS if floats else INTEGERS, _KINDS[:3])


def _full(interval: Interval | None, type_: ValueType) -> Interval | None:
    return interval or terms.full_range(type_)


def array_store(frame: Frame, one: Registered) -> bool:
    """Store to an element: the thread's own, or one of a local array, which is read then."""
    ndim = len(elements.index_parameters(one))
    dtype = _local_element(frame) if elements.is_fixed(one) else _element(frame)
    given, index = elements.value(frame, dtype), elements.index_dtype(frame, "Int")
    if elements.is_fixed(one):
        made = elements.local_array(frame, dtype, ndim, index)
        snippets.emit(frame, f"{made.element} = {{x}}", x=given)
        elements.read(frame, made.element, dtype, _with_zero(given), given.inexact)
    else:
        indexed = one.types[0].startswith("Indexed")
        place = elements.own_place(frame, dtype, ndim, use="write", index=index, indexed=indexed)
        snippets.emit(frame, f"{place.text} = {{x}}", x=given)
    return elements.note(frame, one)


def _with_zero(term: Term) -> Interval | None:
    """Return what an element may hold: the replay before a backward pass repeats no stores and finds zeros."""
    known = _full(term.interval, term.type)
    return known.hull(Interval(0, 0)) if known is not None else None


def address(frame: Frame, one: Registered) -> bool:
    """Read an element by indices of any dtype."""
    dtype = _local_element(frame) if elements.is_fixed(one) else _element(frame)
    index, ndim = elements.index_dtype(frame, "Int"), frame.choices.integer(1, 4)
    if elements.is_fixed(one):
        made = _filled(frame, dtype, ndim, index)
        elements.read(frame, made.element, dtype)
    else:
        indexed = one.types[0].startswith("Indexed")
        place = elements.own_place(frame, dtype, ndim, use="read", index=index, indexed=indexed)
        elements.read(frame, place.text, dtype, place.array.interval)
    return elements.note(frame, one)


def _filled(frame: Frame, dtype: ValueType, ndim: int, index: Scalar = INT32) -> elements.LocalArray:
    """Emit a local array and a store to each element along its first axis, or to one element."""
    given = elements.value(frame, dtype, 0)
    made = elements.local_array(frame, dtype, ndim, index)
    if ndim == 1 and made.shape[0] <= 4 and chance(frame.choices, 70):
        loop = names.free_name(frame.choices, names.LOOP_INDICES, frame.taken)
        frame.taken.add(loop)
        snippets.emit(
            frame, f"for {loop} in range({made.shape[0]}):\n    {made.name}[{loop}] = {{x}}", x=_atom(frame, given)
        )
    else:
        snippets.emit(frame, f"{made.element} = {{x}}", x=given)
    return made


def _atom(frame: Frame, term: Term) -> Term:
    """Give a value a name, so that a loop need not work it out again."""
    return term if term.text.isidentifier() or term.literal else binding.bind(frame, term)


def view(frame: Frame, one: Registered) -> bool:
    """Take a row, a plane or a slice of an array, and read an element of it."""
    dtype = elements.element_type(frame, INTEGERS if elements.is_fixed(one) else _NUMBERS)
    if elements.is_fixed(one):
        made = _filled(frame, dtype, frame.choices.integer(2, 3))
        first, *rest = made.index.split(", ")
        source, shape, known = made.name, made.shape, None
    else:
        ndim = frame.choices.integer(len(frame.unit.dims) + 1, 4)
        indexed = one.types[0].startswith("Indexed")
        place = elements.own_place(frame, dtype, ndim, use="read", indexed=indexed)
        first, *rest = place.index.split(", ")
        source, shape, known = place.array.name, place.array.shape, place.array.interval
        if not indexed and chance(frame.choices, 50):  # finding `slice-of-indexed-array`
            return _slice(frame, one, place, known)
    name = _view_name(frame)
    taken = frame.choices.integer(1, len(shape) - 1)
    outer, inner = [first, *rest][:taken], [first, *rest][taken:]
    snippets.emit(frame, f"{name} = {source}[{', '.join(outer)}]")
    elements.read(frame, f"{name}[{', '.join(inner)}]", dtype, known)
    return elements.note(frame, one)


def _view_name(frame: Frame) -> str:
    name = names.free_name(frame.choices, ("row", "part", "line", "window_of", "segment"), frame.taken)
    frame.taken.add(name)
    return name


def _slice(frame: Frame, one: Registered, place: elements.Place, known: Interval | None) -> bool:
    """Emit a slice along the last axis, and read from it: `part = values[i, 1:3]`."""
    extent = place.array.shape[-1]
    text, length = _some_slice(frame, extent)
    *outer, _ = place.index.split(", ")
    name = _view_name(frame)
    snippets.emit(frame, f"{name} = {place.array.name}[{', '.join([*outer, text])}]")
    dtype = place.array.type.dtype
    at = frame.choices.integer(0, length - 1)
    elements.read(frame, f"{name}[{at}]", dtype, known)
    return elements.note(frame, one)


def _some_slice(frame: Frame, extent: int) -> tuple[str, int]:
    """Return the source of a slice of an axis, and how long it is."""
    first = frame.choices.integer(0, extent - 1)
    options = [(f"{first}:", extent - first), (":", extent), ("::2", -(-extent // 2)), (f":{first + 1}", first + 1)]
    if extent > 2:
        options.extend([(":-1", extent - 1), (f"1:{extent}", extent - 1), ("-2:", 2)])
    return pick(frame.choices, options)


def slice_(frame: Frame, one: Registered) -> bool:
    """Take a slice of an array."""
    ndim = frame.choices.integer(len(frame.unit.dims) + 1, 4)
    place = elements.own_place(frame, elements.element_type(frame, _NUMBERS), ndim, use="read")
    return _slice(frame, one, place, place.array.interval)


def load(frame: Frame, one: Registered) -> bool:
    """Pass two elements on as arguments, which Warp loads first."""
    dtype = _element(frame)
    place = elements.own_place(frame, dtype, len(frame.unit.dims), use="read")
    other = elements.own_place(frame, dtype, len(frame.unit.dims), use="read")
    known = place.array.interval.hull(other.array.interval) if place.array.interval and other.array.interval else None
    test = conditions.comparison(frame, expressions.grow, 0)
    call = snippets.filled_in(f"wp.where({{test}}, {place.text}, {other.text})", test=test).strip()
    elements.read(frame, call, dtype, known, test.inexact)
    return elements.note(frame, one)


def store(frame: Frame, one: Registered) -> bool:
    """Assign to a component of an element of an indexed array by its name."""
    type_ = Vector(pick(frame.choices, (2, 3, 4)), pick(frame.choices, _NUMBERS))
    given = elements.value(frame, type_.scalar)
    place = elements.own_place(frame, type_, len(frame.unit.dims), use="update", indexed=True)
    snippets.emit(frame, f"{place.text}.{'xyzw'[frame.choices.integer(0, type_.length - 1)]} = {{x}}", x=given)
    return elements.note(frame, one)


def copy(frame: Frame, one: Registered) -> bool:
    """Assign a variable to another, which is changed then."""
    source = binding.declare(frame, elements.value(frame, frame.unit.palette.scalar))
    name = names.free_name(frame.choices, names.LOCALS[names.kind_of(source.type)], frame.taken)
    snippets.emit(frame, f"{name} = {source.name}")
    frame.declare(Variable(name, source.type, source.interval, source.interval, source.inexact))
    return elements.note(frame, one)


def where(frame: Frame, one: Registered) -> bool:
    """Choose by a condition of the overload's dtype, or by whether there is an array."""
    type_ = pick(frame.choices, [type_ for type_, _ in frame.unit.palette.main])
    first, second = elements.value(frame, type_, 1), elements.value(frame, type_, 0)
    condition = _condition(frame, one.types[0])
    known = None
    if is_integer_type(type_):
        one_, other = _full(first.interval, type_), _full(second.interval, type_)
        assert one_ is not None and other is not None
        known = one_.hull(other)
    binding.declare(frame, terms.call("wp.where", [condition, first, second], type_, known))
    return elements.note(frame, one)


def _condition(frame: Frame, word: str) -> Term:
    """Return what decides: a comparison, a bit of an integer, or an array."""
    if word.startswith("Array"):
        place = elements.own_place(frame, frame.unit.palette.scalar, len(frame.unit.dims), use="read")
        return Term(terms.nodes.name(place.array.name), INT32, place.array.name)
    if word == "bool":
        return conditions.comparison(frame, expressions.grow, 1)
    scalar = Scalar(word)
    term = elements.value(frame, scalar, 0)
    if term.literal:
        term = access.new_element(frame, scalar)
    return terms.binary("&", term, terms.number(pick(frame.choices, (1, 2, 3, 4)), scalar), scalar)


def lower_bound(frame: Frame, one: Registered) -> bool:
    """Search a sorted array, or a part of it."""
    word = one.types[-1]
    scalar = pick(frame.choices, _NUMBERS) if word == "Scalar" else Scalar(word)
    extent = frame.choices.integer(1, 16)
    name = names.free_name(frame.choices, ("edges", "bounds", "levels", "sorted_keys", "breaks"), frame.taken)
    wanted = elements.value(frame, scalar, 0) if scalar.is_integer else expressions.leaf(frame, scalar, True)
    if wanted.literal:
        wanted = access.new_element(frame, scalar)
    array = access.ArrayParameter(name, access.Array(scalar, 1), (extent,), "", fill="sorted")
    frame.add_array_parameter(array)
    part, known = "", Interval(0, extent - 1)
    if len(one.types) > 2:
        begin = frame.choices.integer(0, extent - 1)
        end = frame.choices.integer(begin + 1, extent)
        part, known = f"{begin}, {end}, ", Interval(begin, end - 1)
    call = snippets.filled_in(f"wp.lower_bound({name}, {part}{{x}})", x=wanted).strip()
    elements.read(frame, call, INT32, known)
    return elements.note(frame, one)


def range_(frame: Frame, one: Registered) -> bool:
    """Write a loop whose bounds are not known when the kernel is compiled."""
    _loop(frame, len(one.types), backwards=False)
    return elements.note(frame, one)


def reversed_(frame: Frame, one: Registered) -> bool:
    """Write such a loop that runs backwards."""
    _loop(frame, frame.choices.integer(1, 3), backwards=True)
    return elements.note(frame, one)


def _loop(frame: Frame, bounds: int, backwards: bool) -> None:
    """Emit a loop that sums a value that changes with its index."""
    count = access.count_parameter(frame, 8)
    total = names.free_name(frame.choices, names.LOCALS["total"], frame.taken)
    frame.taken.add(total)
    loop = names.free_name(frame.choices, names.LOOP_INDICES, frame.taken)
    frame.taken.add(loop)
    start = frame.choices.integer(0, 2)
    step = pick(frame.choices, (2, 3, -1, -2))
    texts = {1: count.name, 2: f"{start}, {count.name}", 3: f"{start}, {count.name}, {step}"}
    if step < 0:
        texts[3] = f"{count.name}, {start}, {step}"
    head = f"reversed(range({texts[bounds]}))" if backwards else f"range({texts[bounds]})"
    body = pick(frame.choices, ("{total} * 3 % 101 + {loop}", "{total} * 2 % 97 + {loop}", "{total} + {loop}"))
    body = body.format(total=total, loop=loop)
    snippets.emit(frame, f"{total} = int(0)\nfor {loop} in {head}:\n    {total} = {body}")
    frame.declare(Variable(total, INT32, Interval(0, 400), Interval(0, 400)))


def tid(frame: Frame, one: Registered) -> bool:
    """Ask for as many indices as the overload gives: one per dimension of the launch, and zeros."""
    count = one.place + 1
    bank = ("a", "b", "c", "d", "u", "v", "s", "t", "p", "q", "r", "m")
    found: list[str] = []
    for _ in range(count):
        found.append(names.free_name(frame.choices, bank, frame.taken | set(found)))
    extents = [*frame.unit.dims, 1, 1, 1]
    snippets.emit(frame, f"{', '.join(found)} = wp.tid()")
    for name, extent in zip(found, extents, strict=False):
        known = Interval(0, extent - 1)
        frame.declare(Variable(name, INT32, known, known))
    return elements.note(frame, one)


def block_dim(frame: Frame, one: Registered) -> bool:
    """Take an index apart by the size of blocks and put it together again: the size itself differs with the target."""
    thread = frame.threads[0]
    text = f"{thread.name} // wp.block_dim() * wp.block_dim() + {thread.name} % wp.block_dim()"
    elements.read(frame, text, INT32, thread.interval)
    return elements.note(frame, one)


def array(frame: Frame, one: Registered) -> bool:
    """Make an array from the pointer of another, with a shape of its own, and read an element."""
    if not frame.unit.claim("bits", unless="arrays in structs"):
        return False
    place = elements.own_place(frame, elements.element_type(frame, _NUMBERS), len(frame.unit.dims), use="read")
    source, size = place.array, 1
    for extent in place.array.shape:
        size *= extent
    shape, index = pick(frame.choices, _shapes(frame, size))
    name = names.free_name(frame.choices, ("flat", "reshaped", "alias", "folded"), frame.taken)
    frame.taken.add(name)
    dtype = source.type.dtype
    snippets.emit(frame, f"{name} = wp.array(ptr={source.name}.ptr, shape={shape}, dtype={dtype.spelling})")
    elements.read(frame, f"{name}[{index}]", dtype, source.interval)
    return elements.note(frame, one)


def _shapes(frame: Frame, size: int) -> list[tuple[str, str]]:
    """Return shapes of an array of so many elements, each with the source of an element's indices."""
    thread, extent = frame.threads[0].name, frame.unit.dims[0]
    found = [(f"({size},)", thread)]
    if size == extent:
        found.append((f"({thread} + 1,)", thread))
    if size % 2 == 0 and extent > 1:
        found.append((f"({size // 2}, 2)", f"{thread} // 2, {thread} % 2"))
    return found


def zeros(frame: Frame, one: Registered) -> bool:
    """Make a local array, fill it, and read it."""
    dtype = _local_element(frame)
    plain = one.types[0] == "int32"
    ndim = 1 if plain else frame.choices.integer(1, 4)
    given = elements.value(frame, dtype, 1)
    made = elements.local_array(frame, dtype, ndim, plain=plain)
    snippets.emit(frame, f"{made.element} = {{x}}", x=given)
    elements.read(frame, made.element, dtype, _with_zero(given), given.inexact)
    return elements.note(frame, one)


_CASTS: Mapping[Scalar, Sequence[Scalar]] = {
    FLOAT16: (INT16, UINT16),
    FLOAT32: (INT32, UINT32),
    FLOAT64: (INT64, UINT64),
    INT16: (UINT16, FLOAT16),
    UINT16: (INT16, FLOAT16),
    INT32: (UINT32, FLOAT32),
    UINT32: (INT32, FLOAT32),
    INT64: (UINT64, FLOAT64),
    UINT64: (INT64, FLOAT64),
}
"""What the bits of a scalar are read as."""


def cast(frame: Frame, one: Registered) -> bool:
    """Read the bits of a scalar as another dtype's; a float is no NaN, whose bits are open."""
    if not frame.unit.claim("bits", unless="arrays in structs"):
        return False
    source = pick(frame.choices, list(_CASTS))
    target = pick(frame.choices, _CASTS[source])
    given = expressions.leaf(frame, source, True)
    given = access.new_element(frame, source) if given.literal else given
    if source.is_float:
        given = guards.number(frame.choices, given)
    call = snippets.filled_in(f"wp.cast({{x}}, {target.spelling})", x=given).strip()
    elements.read(frame, call, target, type_range(target) if target.is_integer else None)
    return elements.note(frame, one)


def tuple_(frame: Frame, one: Registered) -> bool:
    """Make a tuple of a variable's worth each, and unpack it."""
    values = [elements.value(frame, frame.unit.palette.scalar, depth) for depth in (1, 0)]
    name = names.free_name(frame.choices, ("pair", "both", "state_of", "ends"), frame.taken)
    frame.taken.add(name)
    snippets.emit(frame, f"{name} = ({{first}}, {{second}})", first=values[0], second=values[1])
    found: list[str] = []
    for item in values:
        bank = names.LOCALS[names.kind_of(item.type)]
        found.append(names.free_name(frame.choices, bank, frame.taken | set(found)))
    snippets.emit(frame, f"{found[0]}, {found[1]} = {name}")
    for text, item in zip(found, values, strict=True):
        frame.declare(Variable(text, item.type, item.interval, item.interval, item.inexact))
    return elements.note(frame, one)


RECIPES = {
    "array_store": array_store,
    "address": address,
    "view": view,
    "slice": slice_,
    "load": load,
    "store": store,
    "copy": copy,
    "where": where,
    "lower_bound": lower_bound,
    "range": range_,
    "reversed": reversed_,
    "tid": tid,
    "block_dim": block_dim,
    "array": array,
    "zeros": zeros,
    "cast": cast,
    "tuple": tuple_,
}
