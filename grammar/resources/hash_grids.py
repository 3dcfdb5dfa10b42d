"""Hash grids: neighbours of a position, counted and summed as particle methods do."""

from __future__ import annotations

from collections.abc import Mapping

from grammar import snippets
from grammar.arguments import DEFAULT_ITEMS, GROUPS
from grammar.choices import chance, pick
from grammar.intervals import Interval
from grammar.recipes import Recipe
from grammar.registry import Registered
from grammar.resources import inputs, tallies
from grammar.resources.tallies import Found
from grammar.scope import Frame
from grammar.types import FLOAT16, FLOAT32, FLOAT64, INT32, Scalar

_WORDS = {FLOAT16: "hash_grid_h", FLOAT32: "hash_grid", FLOAT64: "hash_grid_d"}
_BY_PLACE = (FLOAT32, FLOAT16, FLOAT64)
"""The dtypes of overloads that differ in nothing but the grid behind a query, in Warp's order."""


def _scalar(one: Registered) -> Scalar:
    """Return the dtype of a query's position."""
    return {"vec3h": FLOAT16, "vec3d": FLOAT64}.get(one.types[1], FLOAT32)


def query_call(frame: Frame, scalar: Scalar, grouped: bool = False) -> tuple[str, Found]:
    """Emit what a query needs, and return its call and what it finds."""
    grid = inputs.resource(frame, "hash_grid_groups" if grouped and scalar == FLOAT32 else _WORDS[scalar])
    center = inputs.position(frame, scalar)
    radius = inputs.radius(frame, scalar)
    if chance(frame.choices, 50):
        name = inputs.fresh(frame, ("radius", "h", "support", "cutoff"))
        cast = radius if scalar != FLOAT32 else f"float({radius})"
        snippets.emit(frame, f"{name} = {cast}")
        radius = name
    group = f", {inputs.index_below(frame, GROUPS)}" if grouped else ""
    call = f"wp.hash_grid_query({grid.name}, {center.name}, {radius}{group})"
    return call, Found(center, DEFAULT_ITEMS, scalar, radius)


def visit_while(frame: Frame, call: str, found: Found) -> None:
    """Emit a loop with `wp.hash_grid_query_next`."""
    kept = tallies.start(frame, found)
    query, index = inputs.fresh(frame, ("query", "neighbors_of", "it")), inputs.fresh(frame, ("index", "j", "other"))
    lines = tallies.indented(tallies.body(kept, index))
    snippets.emit(
        frame, f"{query} = {call}\n{index} = int(0)\nwhile wp.hash_grid_query_next({query}, {index}):\n{lines}"
    )
    frame.unit.events.append("query")
    tallies.finish(frame, kept)


def visit_for(frame: Frame, call: str, found: Found, bank: tuple[str, ...] = ("index", "j", "other")) -> None:
    """Emit a `for` loop over what a query finds."""
    kept = tallies.start(frame, found)
    index = inputs.fresh(frame, bank)
    if chance(frame.choices, 40):
        query = inputs.fresh(frame, ("query", "neighbors_of", "found"))
        snippets.emit(frame, f"{query} = {call}")
        call = query
    lines = tallies.indented(tallies.body(kept, index))
    snippets.emit(frame, f"for {index} in {call}:\n{lines}")
    frame.unit.events.append("query")
    tallies.finish(frame, kept)


def _query(frame: Frame, one: Registered) -> bool:
    call, found = query_call(frame, _scalar(one), grouped="group" in dict(one.parameters))
    (visit_for if chance(frame.choices, 50) else visit_while)(frame, call, found)
    inputs.note(frame, one)
    return True


def _next(frame: Frame, one: Registered) -> bool:
    call, found = query_call(frame, _BY_PLACE[one.place % len(_BY_PLACE)], grouped=chance(frame.choices, 20))
    visit_while(frame, call, found)
    inputs.note(frame, one)
    return True


def _point_id(frame: Frame, one: Registered) -> bool:
    """Read which point is stored at a place, so that threads near each other work on points near each other."""
    grid = inputs.resource(frame, "hash_grid")
    name = inputs.fresh(frame, ("point_id", "particle", "sorted_index"))
    place = inputs.fresh(frame, ("slot", "place"))
    # Never a constant, which does not compile (`hash-grid-point-id-constant` in the findings).
    thread = pick(frame.choices, frame.threads)
    snippets.emit(
        frame,
        f"{place} = {thread.name} % {DEFAULT_ITEMS}\n{name} = wp.hash_grid_point_id({grid.name}, {place})",
    )
    inputs.result(frame, name, INT32, Interval(0, DEFAULT_ITEMS - 1))
    inputs.note(frame, one)
    return True


RECIPES: Mapping[str, Recipe] = {
    "hash_grid_query": _query,
    "hash_grid_query_next": _next,
    "hash_grid_point_id": _point_id,
}
