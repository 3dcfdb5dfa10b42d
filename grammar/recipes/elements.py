"""Elements of arrays that a thread owns, and values of the types that an overload asks for: what recipes write on.

A launch of two dimensions owns the element `[i, j]` of an array of two, `[i * 5 + j]` of one, and `[i, j, 2]` of three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import warp as wp

from grammar import access, binding, conditions, expressions, guards, names, nodes, registry, snippets, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.registry import Registered
from grammar.scope import ArrayParameter, Frame, Variable
from grammar.terms import Term
from grammar.types import (
    BFLOAT16,
    BOOL,
    FLOATS,
    INT32,
    INTEGERS,
    Array,
    Matrix,
    Quaternion,
    Scalar,
    Transform,
    ValueType,
    Vector,
    is_integer_type,
)

NAMED_FLOATS = tuple(scalar for scalar in FLOATS if scalar != BFLOAT16)
INDEX_NAMES = ("slot", "at", "place", "pos", "entry")
LOCAL_ARRAYS = ("window", "buffer", "bins", "stack", "cache", "scratch", "taps", "local")


@dataclass(frozen=True)
class Place:
    """An element of an array, with the source of its indices."""

    array: ArrayParameter
    index: str

    @property
    def text(self) -> str:
        """The element's source, such as `values[i, 2]`."""
        return f"{self.array.name}[{self.index}]"


def is_fixed(one: Registered) -> bool:
    """Whether an overload is for fixed-size local arrays."""
    return one.types[0].startswith("FixedArray")


def index_parameters(one: Registered) -> list[str]:
    """Return Warp's words for the types of an overload's indices."""
    return [type_ for name, type_ in one.parameters if name in ("i", "j", "k", "l")]


def index_dtype(frame: Frame, word: str) -> Scalar:
    """Return the dtype of an index: the one that Warp names, any for `Int`, mostly int32."""
    if word in ("Int", "Any"):
        return INT32 if chance(frame.choices, 60) else pick(frame.choices, INTEGERS)
    return Scalar(word)


def element_type(
    frame: Frame, scalars: Sequence[Scalar], kinds: Sequence[tuple[str, float]] = (("scalar", 6), ("vector", 3))
) -> ValueType:
    """Choose what an array holds: one of the kernel's own types where it fits, else of the kinds by weight."""
    kind = pick_weighted(frame.choices, kinds)
    own = frame.unit.palette.scalar
    scalar = own if own in scalars and chance(frame.choices, 40) else pick(frame.choices, scalars)
    match kind:
        case "vector":
            return Vector(pick(frame.choices, (2, 3, 3, 4, 5, 6, 8, 1)), scalar)
        case "matrix":
            # C++ finds the constructor of a matrix of bools with one row ambiguous.
            rows = (2, 3) if scalar == BOOL else (2, 3, 4, 1)
            return Matrix(pick(frame.choices, rows), pick(frame.choices, (2, 3, 3, 5)), scalar)
        case "quaternion" if scalar in NAMED_FLOATS:
            return Quaternion(scalar)
        case "transform" if scalar in NAMED_FLOATS:
            return Transform(scalar)
        case _:
            return scalar


def type_of(frame: Frame, word: str, scalars: Sequence[Scalar] = (*INTEGERS, *FLOATS)) -> ValueType:
    """Return a type that fits Warp's word for it, such as `vec3f` or `Matrix[Scalar, Any, Any]`."""
    kind, _, inner = word.partition("[")
    dtype = inner.partition(",")[0].rstrip("]")
    if not inner:
        found = registry.from_warp(getattr(wp, word))
        assert found is not None, f"{word} is a type of the grammar"
        return found
    choice = {"bool": (BOOL,), "Float": tuple(s for s in scalars if s in NAMED_FLOATS)}.get(dtype, tuple(scalars))
    kinds = {"Vector": "vector", "Matrix": "matrix", "Quaternion": "quaternion", "Transformation": "transform"}
    return element_type(frame, choice, ((kinds[kind], 1),))


def own_place(
    frame: Frame, dtype: ValueType, ndim: int, *, use: str, index: Scalar = INT32, indexed: bool = False, fill: str = ""
) -> Place:
    """Add an array with elements of each thread's own, and return one of them, its indices being of a dtype."""
    return new_place(frame, dtype, owned_axes(frame, ndim), use=use, index=index, indexed=indexed, fill=fill)


def new_place(
    frame: Frame,
    dtype: ValueType,
    axes: Sequence[tuple[str, int]],
    *,
    use: str,
    index: Scalar = INT32,
    indexed: bool = False,
    fill: str = "",
) -> Place:
    """Add an array and return an element of it; each axis has an index and an extent."""
    bank = [plural for plural, _ in names.element_names(dtype)]
    if use == "write":
        bank = [*names.OUTPUTS, *names.MORE_OUTPUTS[names.kind_of(dtype)]]
    name = names.free_name(frame.choices, bank, frame.taken)
    interval = access.input_interval(frame, dtype) if use != "write" else None
    shape = tuple(extent for _, extent in axes)
    layout = "indexed" if indexed else ""
    array = ArrayParameter(name, Array(dtype, len(axes), indexed), shape, "", use, interval, layout=layout, fill=fill)
    frame.add_array_parameter(array)
    frame.unit.note(f"array:{array.type}")
    return Place(array, index_text(frame, axes, index))


@dataclass(frozen=True)
class LocalArray:
    """A fixed-size array of the thread's own, its extents, and the source of an element's indices."""

    name: str
    shape: tuple[int, ...]
    index: str

    @property
    def element(self) -> str:
        """The element's source, such as `window[i % 4]`."""
        return f"{self.name}[{self.index}]"


def local_array(frame: Frame, dtype: ValueType, ndim: int, index: Scalar = INT32, plain: bool = False) -> LocalArray:
    """Emit the making of a local array, of zeros; a `plain` one has its length for a shape."""
    shape = tuple(frame.choices.integer(2, 8 if ndim == 1 else 3) for _ in range(ndim))
    name = names.free_name(frame.choices, LOCAL_ARRAYS, frame.taken)
    frame.taken.add(name)
    written = str(shape[0]) if plain else str(shape)
    snippets.emit(frame, f"{name} = wp.zeros(shape={written}, dtype={dtype.spelling})")
    return LocalArray(name, shape, index_text(frame, [_local_axis(frame, extent) for extent in shape], index))


def _local_axis(frame: Frame, extent: int) -> tuple[str, int]:
    """Return an index within an extent: one that depends on the thread, or a constant, from the end at times."""
    if chance(frame.choices, 50):
        return f"{pick(frame.choices, frame.threads).name} % {extent}", extent
    place = frame.choices.integer(0, extent - 1)
    return str(place - extent if chance(frame.choices, 25) else place), extent


def owned_axes(frame: Frame, ndim: int) -> list[tuple[str, int]]:
    """Return an index and an extent for each axis of an array, so that no two threads have the same indices."""
    axes = [(thread.name, extent) for thread, extent in zip(frame.threads, frame.unit.dims, strict=True)]
    while len(axes) > ndim:
        (first, rows), (second, columns) = axes[:2]
        text = f"({first})" if "+" in first else first
        axes[:2] = [(f"{text} * {columns} + {second}", rows * columns)]
    while len(axes) < ndim:
        extent = frame.choices.integer(2, 4)
        place = frame.choices.integer(0, extent - 1)
        axes.append((str(place - extent if chance(frame.choices, 25) else place), extent))
    return axes


def index_text(frame: Frame, axes: Sequence[tuple[str, int]], dtype: Scalar) -> str:
    """Return the source of indices of a dtype; those that are no int32 are converted, the first in a line before."""
    texts = [text for text, _ in axes]
    if not dtype.is_signed:  # Warp counts negative indices from the end, which only signed dtypes have
        texts = [str(int(text) + extent) if text.startswith("-") else text for text, extent in axes]
    if dtype == INT32:
        return ", ".join(texts)
    converted = [f"{dtype.spelling}({text})" for text in texts]
    if chance(frame.choices, 60):
        name = names.free_name(frame.choices, INDEX_NAMES, frame.taken)
        frame.taken.add(name)
        snippets.emit(frame, f"{name} = {converted[0]}")
        converted[0] = name
    return ", ".join(converted)


def value(frame: Frame, type_: ValueType, depth: int = 1) -> Term:
    """Grow a value of a type, exact where a rounding error would show; short enough for one line."""
    if isinstance(type_, (Vector, Matrix)) and type_.scalar == BOOL:
        return _booleans(frame, type_)
    term = expressions.grow(frame, type_, depth, is_integer_type(type_))
    return binding.shortened(frame, term)


def _booleans(frame: Frame, type_: Vector | Matrix) -> Term:
    """Return a constructor of a vector or matrix of bools."""
    count = type_.length if isinstance(type_, Vector) else type_.rows * type_.columns
    first = binding.bind(frame, conditions.comparison(frame, expressions.grow, 0))
    rest = [terms.boolean_literal(chance(frame.choices, 50)) for _ in range(count - 1)]
    return terms.call(type_.spelling, [first, *rest], type_)


def near_zero(frame: Frame, type_: ValueType) -> Term:
    """Grow a value of which a signed integer lies near zero, so that a few may be summed."""
    term = value(frame, type_, 0)
    if is_integer_type(type_) and guards.scalar_type_of(type_).is_signed:
        bound = guards.SMALL[guards.scalar_type_of(type_).bits]
        if term.interval is None or not term.interval.within(Interval(-bound, bound)):
            term = guards.reduced(frame.choices, term)
    return term


def widen(frame: Frame, variable: Variable, term: Term) -> None:
    """Note that a part of a variable was given a value."""
    variable.inexact = variable.inexact or term.inexact
    if variable.interval is not None and term.interval is not None:
        variable.interval = variable.interval.hull(term.interval)
    elif variable.interval is not None:
        variable.interval = terms.full_range(variable.type)
    frame.written(variable)


def read(
    frame: Frame, text: str, type_: ValueType, interval: Interval | None = None, inexact: bool = False
) -> Variable:
    """Emit the assignment of what a text gives to a new variable."""
    name = names.free_name(frame.choices, names.LOCALS[names.kind_of(type_)], frame.taken)
    known = (interval or terms.full_range(type_)) if is_integer_type(type_) else None
    snippets.emit(frame, f"{name} = {text}")
    variable = Variable(name, type_, known, known, inexact)
    frame.declare(variable)
    frame.written(variable)
    return variable


def forward_only(frame: Frame) -> bool:
    """Give the kernel no backward pass; False where it must have one."""
    option = frame.unit.kernel_options.setdefault("enable_backward", nodes.boolean(False))
    return isinstance(option, nodes.cst.Name) and option.value == "False"


def note(frame: Frame, one: Registered) -> bool:
    """Record that the overload was used; True, as a recipe that succeeds returns it."""
    frame.unit.note(f"builtin:{one.signature}")
    return True
