"""The ranges of for loops: constant and dynamic, upwards and down, of no trip, of one, and around Warp's unrolling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grammar import access, nodes, terms
from grammar.choices import chance, pick, pick_weighted
from grammar.intervals import Interval
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import INT32

MOST_UNROLLED = 16
"""How many copies of a body Warp's unrolling of nested constant loops may make; more compiles slowly."""

_AROUND_UNROLLING = (15, 16, 17, 18, 20, 24)
"""Lengths near Warp's default for the longest loop that it unrolls, which is 16."""


@dataclass(frozen=True)
class Range:
    """A loop's bounds, the interval of its index and how often it runs at most.

    `constant` says that its copies count for what Warp may unroll, `backwards` that it is `reversed`. `form` names it
    for statistics.
    """

    bounds: Sequence[Term]
    interval: Interval
    trips: int
    constant: bool = False
    backwards: bool = False
    form: str = ""

    @property
    def unrolls(self) -> bool:
        """Whether Warp unrolls a loop over it that has no `break`, and there is at least one trip."""
        literal = all(bound.literal for bound in self.bounds)
        return literal and not self.backwards and 0 < self.trips <= MOST_UNROLLED

    def loop(self, index: str, body: Sequence[nodes.Statement]) -> nodes.Statement:
        """Build the loop over the range."""
        bounds = [bound.node for bound in self.bounds]
        if self.backwards:
            return nodes.for_over(index, nodes.call("reversed", [nodes.call("range", bounds)]), body)
        return nodes.for_range(index, bounds, body)


def choose_range(frame: Frame) -> Range:
    """Choose the range of a for loop; the deeper it lies, the shorter."""
    unrollable = MOST_UNROLLED // frame.unrolled
    outermost = frame.loop_depth == 0
    table = (
        ("constant", 5.0 if unrollable >= 2 else 0.0),
        ("count", 5.0 if frame.is_kernel else 0.0),
        ("shape", 2.0 if frame.arrays else 0.0),
        ("span", 1.0),
        ("down", 0.5 if frame.is_kernel else 0.0),
        ("countdown", 0.6),
        ("short", 0.6),
        ("unroll", 0.6 if outermost and frame.unrolled == 1 else 0.0),
        ("reversed", 0.4),
        ("from", 0.6 if frame.is_kernel else 0.0),
        ("below zero", 0.2),
    )
    match pick_weighted(frame.choices, table):
        case "constant":
            trips = frame.choices.integer(2, max(2, min(unrollable, _most(frame, 8))))
            return _constant(frame, (trips,))
        case "shape":
            return _shape_range(frame) or _span(frame, unrollable)
        case "countdown":
            return _countdown(frame, unrollable)
        case "short":
            return _constant(frame, pick(frame.choices, ((1,), (0,), (0, 1), (2, 2), (3, 1), (1, 2))), "short")
        case "unroll":
            return _constant(frame, (pick(frame.choices, _AROUND_UNROLLING),), "around unrolling")
        case "below zero":
            return _constant(frame, pick(frame.choices, ((-1, 2), (-2, 3), (-1, 3))), "below zero")
        case "reversed":
            return _reversed(frame)
        case "from":
            return _from(frame)
        case "span":
            return _span(frame, unrollable)
        case kind:
            return _counted(frame, downwards=kind == "down")


def _most(frame: Frame, most: int) -> int:
    """Return how many trips a loop may take inside the others: a few where they run often already."""
    return most if frame.trips <= 16 else 4 if frame.trips <= 64 else 2


def _constant(frame: Frame, values: Sequence[int], form: str = "constant") -> Range:
    """Return the range of literal bounds."""
    over = range(*values)
    interval = Interval(min(over), max(over)) if over else Interval(0, 0)
    bounds = [terms.integer_literal(value) for value in values]
    unrolled = len(over) <= MOST_UNROLLED // frame.unrolled
    return Range(bounds, interval, len(over), unrolled, form=form)


def _span(frame: Frame, unrollable: int) -> Range:
    """Return `range(1, 7, 2)`: a start of 1 or 2, and mostly a step."""
    start, step = frame.choices.integer(1, 2), pick(frame.choices, (1, 2, 3))
    stop = start + step * frame.choices.integer(2, max(2, min(_most(frame, 6), unrollable)))
    if step > 1 and chance(frame.choices, 30):
        stop -= 1
    return _constant(frame, (start, stop, step) if step > 1 else (start, stop), "span")


def _countdown(frame: Frame, unrollable: int) -> Range:
    """Return `range(6, 0, -2)`."""
    step = pick(frame.choices, (1, 1, 2))
    trips = frame.choices.integer(2, max(2, min(_most(frame, 5), unrollable)))
    last = frame.choices.integer(0, 1)
    return _constant(frame, (last + step * (trips - 1), last - 1, -step), "negative step")


def _count(frame: Frame) -> tuple[Term, Interval]:
    """Return an int parameter that bounds a loop, and the values that it may have."""
    most = _most(frame, 8)
    count = access.count_parameter(frame, pick(frame.choices, (4, 6, 8)) if most == 8 else most)
    assert count.interval is not None
    return access.read_variable(count), count.interval


def _counted(frame: Frame, downwards: bool) -> Range:
    """Return `range(n)` for an int parameter, or `range(n - 1, -1, -1)`."""
    term, counts = _count(frame)
    interval = Interval(0, max(0, counts.high - 1))
    if not downwards:
        return Range([term], interval, counts.high, form="count")
    minus_one = terms.integer_literal(-1)
    first = terms.binary("-", term, terms.integer_literal(1), INT32)
    return Range([first, minus_one, minus_one], interval, counts.high, form="down")


def _from(frame: Frame) -> Range:
    """Return a dynamic range with a start or a step: `range(1, n)`, `range(0, n, 2)`, `range(n, 8)`."""
    term, counts = _count(frame)
    high = max(1, counts.high)
    match frame.choices.integer(0, 3):
        case 0:
            return Range([terms.integer_literal(1), term], Interval(1, max(1, high - 1)), high, form="start")
        case 1:
            step = pick(frame.choices, (2, 3))
            bounds = [terms.integer_literal(0), term, terms.integer_literal(step)]
            return Range(bounds, Interval(0, max(0, high - 1)), high, form="step")
        case 2:
            stop = high + pick(frame.choices, (0, 1, 2))
            interval = Interval(max(0, counts.low), max(counts.low, stop - 1))
            return Range([term, terms.integer_literal(stop)], interval, stop, form="start")
        case _:
            bounds = [term, terms.integer_literal(0), terms.integer_literal(-1)]
            return Range(bounds, Interval(1, high), high, form="down")


def _reversed(frame: Frame) -> Range:
    """Return `reversed(range(…))` of a parameter or of literals, which Warp does not unroll."""
    if frame.is_kernel and chance(frame.choices, 50):
        term, counts = _count(frame)
        interval = Interval(0, max(0, counts.high - 1))
        return Range([term], interval, counts.high, backwards=True, form="reversed")
    values = pick(frame.choices, ((3,), (1, 4), (0, 6, 2), (4,), (1, 7, 3)))
    over = range(*values)
    bounds = [terms.integer_literal(value) for value in values]
    return Range(bounds, Interval(min(over), max(over)), len(over), backwards=True, form="reversed")


def _shape_range(frame: Frame) -> Range | None:
    """Return `range(a.shape[1])` for an array with a short axis, None when there is none."""
    axes = [(array, axis) for array in frame.arrays for axis, extent in enumerate(array.shape) if 2 <= extent <= 16]
    axes = [(array, axis) for array, axis in axes if array.shape[axis] <= _most(frame, 16)]
    if not axes:
        return None
    array, axis = pick(frame.choices, axes)
    extent = array.shape[axis]
    node = nodes.subscript(nodes.name(f"{array.name}.shape"), [nodes.integer(axis)])
    array.reads += 1
    frame.unit.note("expression:shape")
    bound = Term(node, INT32, f"{array.name}.shape[{axis}]", Interval(extent, extent))
    return Range([bound], Interval(0, extent - 1), extent, form="shape")
