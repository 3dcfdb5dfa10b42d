"""Random numbers and noise: a generator's state is a local variable, which every sample moves on.

Samples are as exact as the arithmetic in them (native/rand.h): of uniform numbers, and of shapes with straight edges,
both targets give the same bits; those that need a sine, a logarithm or a power differ as the libraries do.
"""

from __future__ import annotations

from collections.abc import Mapping

from grammar import binding, expressions, guards, names, snippets, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval, type_range
from grammar.recipes import Recipe, writing
from grammar.registry import Registered
from grammar.scope import ArrayParameter, Frame, Variable
from grammar.terms import Term
from grammar.types import FLOAT32, INT32, UINT32, Array, Scalar, ValueType, Vector

_STATES = ("rng", "rng_state", "generator", "random_state")
_SEEDS = (42, 0, 7, 123, 1234, 2024, 17, 99)


def _state(frame: Frame) -> Variable:
    """Return a generator that is in scope, or emit a new one's start."""
    found = [v for v in frame.visible() if v.type == UINT32 and v.name.rstrip("0123456789") in _STATES and not v.index]
    if found and chance(frame.choices, 85):
        return pick(frame.choices, found)
    return _started(frame, offset=chance(frame.choices, 85))


def _started(frame: Frame, offset: bool) -> Variable:
    """Emit `rng = wp.rand_init(seed, i)`: mostly a literal seed or a parameter, and the thread's own index."""
    seeds: list[Term] = [terms.integer_literal(pick(frame.choices, _SEEDS))]
    indices = frame.indices()
    if not offset and indices:
        seeds = [expressions.access.read_variable(pick(frame.choices, indices))]
    elif chance(frame.choices, 50) or not indices:
        seeds = [writing.named(frame, INT32, exact=True)]
    if offset:
        last = pick(frame.choices, indices) if indices else None
        seeds.append(expressions.access.read_variable(last) if last else writing.named(frame, INT32, exact=True))
    name = names.free_name(frame.choices, _STATES, frame.taken)
    state = Variable(name, UINT32, type_range(UINT32), type_range(UINT32), mutable=True)
    holes = {f"x{place}": seed for place, seed in enumerate(seeds)}
    snippets.emit(frame, f"{name} = wp.rand_init({', '.join(f'{{{key}}}' for key in holes)})", **holes)
    return frame.declare(state)


def _rand_init(frame: Frame, one: Registered) -> bool:
    """A generator with a first sample drawn from it."""
    state = _started(frame, offset=len(one.parameters) == 2)
    writing.note(frame, one)
    sample = pick(frame.choices, ("randi", "randu", "randf"))
    type_ = {"randi": INT32, "randu": UINT32, "randf": FLOAT32}[sample]
    writing.call(frame, one, [type_], f"wp.{sample}", [state])
    return True


RANGES: Mapping[Scalar, tuple[tuple[int, int], ...]] = {
    INT32: ((0, 10), (-5, 6), (1, 7), (0, 100), (-100, 100), (0, 2), (-1, 2), (0, 256)),
    UINT32: ((0, 10), (1, 7), (0, 100), (0, 256), (5, 6), (10, 1000)),
}


def _integer(frame: Frame, one: Registered) -> bool:
    """`wp.randi(rng)` and `wp.randu(rng)`, of all numbers or of a range without its end."""
    assert one.concrete is not None
    scalar = one.concrete.results[0]
    assert isinstance(scalar, Scalar)
    state = _state(frame)
    if len(one.parameters) == 1:
        writing.call(frame, one, [scalar], f"wp.{one.name}", [state])
        return True
    low, high = pick(frame.choices, RANGES[scalar])
    first, last = (terms.number(bound, scalar) for bound in (low, high))
    interval = Interval(low, high - 1)
    ends = [v for v in frame.indices() if v.interval is not None and v.interval.low >= 0]
    if scalar == INT32 and ends and chance(frame.choices, 25):
        index = pick(frame.choices, ends)
        assert index.interval is not None
        last = terms.binary("+", expressions.access.read_variable(index), terms.number(2, INT32), INT32)
        low, first = min(low, 0), terms.number(min(low, 0), INT32)
        interval = Interval(low, index.interval.high + 1)
    writing.call(frame, one, [scalar], f"wp.{one.name}", [state, first, last], intervals=[interval])
    return True


def _float(frame: Frame, one: Registered) -> bool:
    """`wp.randf(rng)`, and within bounds that may be any floats."""
    state = _state(frame)
    if len(one.parameters) == 1:
        writing.call(frame, one, [FLOAT32], "wp.randf", [state])
        return True
    low, high = terms.float_literal("-1.0", FLOAT32), terms.float_literal("1.0", FLOAT32)
    kind = pick_weighted(frame.choices, (("literals", 2.0), ("high", 2.0), ("both", 1.0)))
    if kind == "high":
        low, high = terms.float_literal("0.0", FLOAT32), writing.named(frame, FLOAT32)
    elif kind == "both":
        low, high = writing.arguments(frame, [FLOAT32, FLOAT32])
    writing.call(frame, one, [FLOAT32], "wp.randf", [state, low, high])
    return True


_EXACT = frozenset({"sample_triangle", "sample_unit_square", "sample_unit_cube"})
"""Samples without a library function: uniform numbers, differences and a square root."""


def _sample(frame: Frame, one: Registered) -> bool:
    """A point in a shape, or a normally distributed number."""
    library = one.name not in _EXACT
    if library and frame.exact_only:
        return False
    assert one.concrete is not None
    state = _state(frame)
    writing.call(frame, one, one.concrete.results, f"wp.{one.name}", [state], library=library)
    return True


def _poisson(frame: Frame, one: Registered) -> bool:
    """A count whose mean is kept small: with an infinite one Warp's rejection method would not end."""
    if chance(frame.choices, 30):
        mean = terms.float_literal(pick(frame.choices, ("0.5", "2.0", "4.0", "12.0", "25.0")), FLOAT32)
    else:
        low, high = (
            terms.float_literal(text, FLOAT32) for text in ("0.0", pick(frame.choices, ("5.0", "10.0", "30.0")))
        )
        mean = terms.call("wp.clamp", [writing.named(frame, FLOAT32, exact=True), low, high], FLOAT32)
    writing.call(frame, one, [UINT32], "wp.poisson", [_state(frame), mean])
    return True


def _sample_cdf(frame: Frame, one: Registered) -> bool:
    """The bin of a cumulative distribution in which a uniform number falls."""
    if not frame.is_kernel:
        return False
    name = names.free_name(frame.choices, ("cdf", "cumulative", "cdf_values"), frame.taken)
    bins = pick(frame.choices, (4, 8, 10, 16, 32))
    cdf = frame.add_array_parameter(ArrayParameter(name, Array(FLOAT32), (bins,), "", fill="cdf"))
    state = _state(frame)
    cdf.reads += 1
    writing.call(frame, one, [INT32], "wp.sample_cdf", [state, cdf], intervals=[Interval(0, bins - 1)])
    return True


def _coordinate(frame: Frame) -> Term:
    """Return a place within a few cells of the noise's lattice, which are numbered by integers."""
    indices = frame.indices()
    if indices and chance(frame.choices, 35):
        index = terms.call("float", [expressions.access.read_variable(pick(frame.choices, indices))], FLOAT32)
        step = terms.float_literal(pick(frame.choices, ("0.1", "0.25", "0.37", "0.05", "1.3")), FLOAT32)
        return terms.binary("*", index, step, FLOAT32)
    return guards.number(frame.choices, writing.named(frame, FLOAT32, exact=True))


def _place(frame: Frame, type_: ValueType) -> Term:
    """Return a coordinate, or a vector of them."""
    if not isinstance(type_, Vector):
        return binding.shortened(frame, _coordinate(frame), limit=30)
    kept = [binding.shortened(frame, _coordinate(frame), limit=12) for _ in range(min(type_.length, 3))]
    parts = [kept[place % len(kept)] for place in range(type_.length)]
    return binding.shortened(frame, terms.call(type_.spelling, parts, type_), limit=25)


def _noise(frame: Frame, one: Registered) -> bool:
    """Perlin noise; `wp.pnoise` repeats after a number of cells in each direction."""
    assert one.concrete is not None
    place = _place(frame, one.concrete.types[1])
    state = _state(frame)
    periods = [pick(frame.choices, (1, 2, 3, 4, 5, 8, 16)) for _ in one.concrete.types[2:]]
    writing.call(frame, one, one.concrete.results, f"wp.{one.name}", [state, place, *periods])
    return True


def _curlnoise(frame: Frame, one: Registered) -> bool:
    """Curl noise of one octave, or of several whose frequency and amplitude are given too."""
    assert one.concrete is not None
    place = _place(frame, one.concrete.types[1])
    state = _state(frame)
    octaves = f"wp.uint32({pick(frame.choices, (1, 2, 3, 4))})"
    more = pick_weighted(
        frame.choices,
        (("", 3.0), (f", {octaves}", 2.0), (f", octaves={octaves}", 1.0), (f", {octaves}, 1.5, 0.25", 2.0)),
    )
    text = f"wp.curlnoise({{state}}, {{place}}{more})"
    writing.assign(frame, one, one.concrete.results, text, {"state": state, "place": place})
    return True


RECIPES: Mapping[str, Recipe] = {
    "rand_init": _rand_init,
    "randi": _integer,
    "randu": _integer,
    "randf": _float,
    "poisson": _poisson,
    "sample_cdf": _sample_cdf,
    "noise": _noise,
    "pnoise": _noise,
    "curlnoise": _curlnoise,
    **dict.fromkeys(
        (
            "randn", "sample_triangle", "sample_unit_ring", "sample_unit_disk", "sample_unit_sphere_surface",
            "sample_unit_sphere", "sample_unit_hemisphere_surface", "sample_unit_hemisphere", "sample_unit_square",
            "sample_unit_cube",
        ),
        _sample,
    ),
}  # fmt: skip
