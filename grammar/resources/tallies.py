"""What a kernel makes of the items that a query finds, none of it dependent on their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grammar import snippets
from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.resources import inputs
from grammar.scope import Frame, Variable
from grammar.types import FLOAT32, INT32, UINT32, Scalar, ValueType


@dataclass(frozen=True)
class Tally:
    """Something that is kept while items are found: how it starts, and the lines for an item with an index.

    The lines have the hole `{index}`.
    """

    name: str
    type: ValueType
    start: str
    lines: str
    interval: Interval | None = None


@dataclass(frozen=True)
class Found:
    """What a query finds: around which position, how many items there are, and what `radius` it was given."""

    center: Variable
    count: int
    scalar: Scalar = FLOAT32
    radius: str = "1.0"


def start(frame: Frame, found: Found) -> list[Tally]:
    """Choose one or two tallies and emit their starts."""
    count = pick_weighted(frame.choices, ((1, 65), (2, 35)))
    makers = [_count, _total, _mass, _extreme, _bits, _first, _nearby]
    weights = [4, 3, 3, 3, 1, 1, 2.5]
    tallies = []
    for _ in range(count):
        maker = pick_weighted(frame.choices, list(zip(makers, weights, strict=True)))
        place = makers.index(maker)
        del makers[place], weights[place]
        tallies.append(maker(frame, found))
    for tally in tallies:
        snippets.emit(frame, f"{tally.name} = {tally.start}")
    return tallies


def body(tallies: list[Tally], index: str) -> str:
    """Return the lines for one item."""
    return "\n".join(tally.lines.replace("{index}", index) for tally in tallies)


def finish(frame: Frame, tallies: list[Tally]) -> None:
    """Make the results visible to what comes after."""
    for tally in tallies:
        inputs.result(frame, tally.name, tally.type, tally.interval)


def indented(text: str, depth: int = 1) -> str:
    """Return lines moved to the right."""
    return "\n".join("    " * depth + line for line in text.splitlines())


def _count(frame: Frame, found: Found) -> Tally:
    name = inputs.fresh(frame, ("count", "hits", "overlaps", "num_found", "neighbors_found"))
    return Tally(name, INT32, "int(0)", f"{name} += 1", Interval(0, found.count))


def _total(frame: Frame, found: Found) -> Tally:
    array = inputs.items(frame, INT32, ("weights", "labels", "scores", "ids"), found.count)
    name = inputs.fresh(frame, ("total", "score_sum", "tally", "acc"))
    bound = Interval(-100 * found.count, 100 * found.count)
    return Tally(name, INT32, "int(0)", f"{name} += {array.name}[{{index}}]", bound)


def _mass(frame: Frame, found: Found) -> Tally:
    array = inputs.items(frame, FLOAT32, ("masses", "volumes", "charges"), found.count, fill="whole")
    name = inputs.fresh(frame, ("density", "mass", "load", "charge"))
    return Tally(name, FLOAT32, "float(0.0)", f"{name} += {array.name}[{{index}}]")


def _distance(frame: Frame, found: Found) -> str:
    array = inputs.sites(frame, found.scalar, found.count)
    return f"wp.length({found.center.name} - {array.name}[{{index}}])"


def _cast(found: Found, text: str) -> str:
    return f"{found.scalar.spelling}({text})"


def _extreme(frame: Frame, found: Found) -> Tally:
    distance = _distance(frame, found)
    if frame.choices.integer(0, 1):
        name = inputs.fresh(frame, ("nearest", "min_dist", "closest_dist"))
        return Tally(name, found.scalar, _cast(found, "1000.0"), f"{name} = wp.min({name}, {distance})")
    name = inputs.fresh(frame, ("farthest", "max_dist_found", "spread"))
    return Tally(name, found.scalar, _cast(found, "0.0"), f"{name} = wp.max({name}, {distance})")


def _bits(frame: Frame, found: Found) -> Tally:
    name = inputs.fresh(frame, ("mask", "signature", "bits"))
    line = f"{name} ^= wp.uint32(1) << wp.uint32({{index}} % 32)"
    return Tally(name, UINT32, "wp.uint32(0)", line, Interval(0, 2**32 - 1))


def _first(frame: Frame, found: Found) -> Tally:
    name = inputs.fresh(frame, ("first", "lowest", "lowest_index"))
    start = f"int({found.count})"
    return Tally(name, INT32, start, f"{name} = wp.min({name}, {{index}})", Interval(0, found.count))


def _nearby(frame: Frame, found: Found) -> Tally:
    """Count those within the radius, or sum in fixed point how far inside they are."""
    distance = _distance(frame, found)
    apart = inputs.fresh(frame, ("d", "dist", "r", "gap"))
    if frame.choices.integer(0, 1):
        name = inputs.fresh(frame, ("within", "close_count", "inside_count"))
        lines = f"if {distance} < {found.radius}:\n    {name} += 1"
        return Tally(name, INT32, "int(0)", lines, Interval(0, found.count))
    name = inputs.fresh(frame, ("weight_units", "overlap_units", "pressure_units"))
    scale = _cast(found, "256.0") if found.scalar != FLOAT32 else "256.0"
    test = f"if {apart} > {_cast(found, '0.0')}:\n    {name} += int({scale} * {apart})"
    lines = f"{apart} = {found.radius} - {distance}\n{test}"
    return Tally(name, INT32, "int(0)", lines, Interval(0, 10**6))


Maker = Callable[[Frame, Found], Tally]
