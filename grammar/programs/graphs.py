"""Relaxation of graphs: a thread for each edge, or for each node over its own edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import FLOAT32, FLOAT64, INT32, INT64, Scalar


def graph(frame: Frame, lines: int) -> None:
    """Relax along edges: a thread for each edge with an atomic on its end, or for each node over its own edges."""
    page = Page(frame, lines)
    type_ = (
        page.scalar if page.scalar in (FLOAT32, FLOAT64, INT32, INT64) else (FLOAT32 if page.scalar.is_float else INT32)
    )
    page.use(type_)
    nodes = page.integer(4, 32)
    if page.chance(55):
        _edges(page, type_, nodes)
    else:
        _adjacency(page, type_, nodes)


def _range(type_: Scalar, low: int, high: int) -> Interval | None:
    return None if type_.is_float else Interval(low, high)


def _edges(page: Page, type_: Scalar, nodes: int) -> None:
    """Let each thread relax one edge."""
    if page.chance(50):
        page.indices("sources", page.dims, nodes)
        page.indices("targets", page.dims, nodes)
        ends = "{sources}[{index}]", "{targets}[{index}]"
    else:
        page.indices("edges", (*page.dims, 2), nodes)
        ends = "{edges}[{index}, 0]", "{edges}[{index}, 1]"
    for role, text in zip(("tail", "head"), ends, strict=True):
        page.let(role, INT32, text, Interval(0, nodes - 1), index=True)
    if page.chance(30):
        page.emit("if {tail} == {head}:\n    return")
    kind = pick_weighted(page.choices, (("shortest", 4), ("label", 2), ("rank", 3), ("flow", 3), ("level", 2)))
    page.array("distances", type_, (nodes,), interval=_range(type_, 0, 1000))
    weighted = page.chance(75) or kind in ("flow",)
    if weighted:
        page.array("weights", type_, page.dims, interval=_range(type_, 0, 100))
        page.let("weight", type_, "{weights}[{index}]", _range(type_, 0, 100))
    page.fill(2)
    _relax(page, type_, nodes, kind, weighted)
    page.fill(3)


def _one(page: Page, type_: Scalar) -> str:
    return page.number("1.0") if type_.is_float else "1" if type_ == INT32 else f"{type_.spelling}(1)"


@dataclass(frozen=True)
class _Edge:
    """One thread's edge: its dtype, how many nodes there are, its weight's text, and whether that was read."""

    type: Scalar
    nodes: int
    weight: str
    is_weighted: bool


def _relax(page: Page, type_: Scalar, nodes: int, kind: str, weighted: bool) -> None:
    """Emit what an edge does to its ends, with an atomic whose outcome no order changes."""
    if kind == "rank" and not type_.is_float:
        kind = "flow"
    edge = _Edge(type_, nodes, "{weight}" if weighted else _one(page, type_), weighted)
    name = {"shortest": "min", "label": page.pick("min", "max"), "level": "min"}.get(kind, "add")
    role = {"min": "new_distances", "max": "new_labels", "add": "sums"}[name]
    page.array(role, type_, (nodes,), f"atomic_{name}", _range(type_, -1000, 1000))
    page.roles["atomic"] = f"wp.atomic_{name}"
    page.roles["shared"] = page.roles[role]
    page.frame.unit.events.append(f"atomic_{name}")
    _RELAXATIONS[kind](page, edge)


def _shortest(page: Page, edge: _Edge) -> None:
    """Offer the target the way through this edge."""
    text = page.pick(
        "{distances}[{tail}] + WEIGHT", "WEIGHT + {distances}[{tail}]", "wp.max({distances}[{tail}], WEIGHT)"
    )
    is_float = edge.type.is_float
    page.let("candidate", edge.type, text.replace("WEIGHT", edge.weight), _range(edge.type, 0, 1100), mutable=is_float)
    if is_float:
        page.update("candidate", percent=25)
    if page.chance(70):
        with page.suite("if {candidate} < {distances}[{head}]"):
            page.emit("{atomic}({shared}, {head}, {candidate})")
    else:
        page.emit("{atomic}({shared}, {head}, {candidate})")
    if page.chance(25):
        page.emit(f"{{atomic}}({{shared}}, {{tail}}, {{distances}}[{{head}}] + {edge.weight})")


def _label(page: Page, edge: _Edge) -> None:
    """Spread the extreme of two labels over edges that are heavy enough."""
    extremum = page.name("atomic").rpartition("_")[2]
    page.let(
        "label",
        edge.type,
        f"wp.{extremum}({{distances}}[{{tail}}], {{distances}}[{{head}}])",
        _range(edge.type, 0, 1000),
    )
    if edge.is_weighted:
        number = page.pick("0.5", "0.0", "1.0") if edge.type.is_float else str(page.integer(1, 60))
        threshold = number if edge.type == INT32 or edge.type.is_float else f"{edge.type.spelling}({number})"
        page.emit(f"if {{weight}} < {threshold}:\n    return")
    page.emit("{atomic}({shared}, {head}, {label})")
    if page.chance(50):
        page.emit("{atomic}({shared}, {tail}, {label})")


def _level(page: Page, edge: _Edge) -> None:
    """Take a breadth-first search one level further."""
    page.value("level", edge.type, _range(edge.type, 0, 100))
    reached = "{distances}[{tail}] <= {level} and {distances}[{head}] > {level}"
    with page.suite(f"if {page.pick('{distances}[{tail}] == {level}', reached)}"):
        page.emit(f"{{atomic}}({{shared}}, {{head}}, {{level}} + {edge.weight})")


def _rank(page: Page, edge: _Edge) -> None:
    """Hand a share of the source's rank on."""
    page.array("degrees", INT32, (edge.nodes,), interval=Interval(0, 16))
    page.constant("damping", "0.85", "0.9", "0.5")
    degree = page.pick("{scalar}(wp.max({degrees}[{tail}], 1))", "wp.max({scalar}({degrees}[{tail}]), 1.0)")
    page.let("share", edge.type, "{damping} * {distances}[{tail}] / " + degree, inexact=page.loose, mutable=True)
    page.update("share", percent=35)
    scaled = f" * {edge.weight}" if edge.is_weighted and page.chance(50) else ""
    page.emit(f"{{atomic}}({{shared}}, {{head}}, {{share}}{scaled})")


def _flow(page: Page, edge: _Edge) -> None:
    """Let something flow from the fuller end to the other."""
    is_float = edge.type.is_float
    text = "{distances}[{tail}] - {distances}[{head}]"
    if is_float:
        text = f"{edge.weight} * ({text})"
        text = f"wp.clamp({text}, -1.0, 1.0)" if page.chance(30) else text
    inexact = page.loose and is_float
    page.let("flow", edge.type, text, _range(edge.type, -1000, 1000), mutable=is_float, inexact=inexact)
    if is_float:
        page.update("flow", percent=30)
    page.emit("{atomic}({shared}, {head}, {flow})")
    page.emit("{atomic}({shared}, {tail}, -{flow})")


_RELAXATIONS: Mapping[str, Callable[[Page, _Edge], None]] = {
    "shortest": _shortest,
    "label": _label,
    "level": _level,
    "rank": _rank,
    "flow": _flow,
}


def _adjacency(page: Page, type_: Scalar, nodes: int) -> None:
    """Let each thread relax the edges of one node, which lie between two offsets or in a row of fixed length."""
    compressed = page.chance(60)
    count = page.integer(2, 6)
    edges = nodes * 2 if compressed else count
    page.array("distances", type_, (nodes,), interval=_range(type_, 0, 1000))
    owner = "{i}" if page.dims[0] <= nodes else f"{{i}} % {nodes}"
    page.let("own", type_, f"{{distances}}[{owner}]", _range(type_, 0, 1000))
    kind = page.pick("min", "max", "sum", "mean", "min") if type_.is_float else page.pick("min", "max", "sum", "count")
    page.let(
        "best",
        type_ if kind != "count" else INT32,
        _zero_or(page, type_, kind),
        _range(type_, 0, 200000) if kind != "count" else Interval(0, 4096),
        mutable=type_.is_float,
        inexact=page.loose and kind in ("sum", "mean") and type_.is_float,
    )
    bounds, place = _own_edges(page, nodes, edges, compressed)
    weighted = page.chance(65)
    if weighted:
        page.array("weights", type_, (edges,) if compressed else (page.dims[0], count), interval=_range(type_, 0, 100))
    with page.loop("n", bounds, 0, edges - 1):
        page.let("neighbor", INT32, f"{{neighbors}}[{place}]", Interval(0, nodes - 1), index=True)
        if page.chance(25):
            page.emit(f"if {{neighbor}} == {owner}:\n    continue")
        text = "{distances}[{neighbor}]" + (f" + {{weights}}[{place}]" if weighted else "")
        if weighted and type_.is_float and kind in ("sum", "mean"):
            text = f"{{weights}}[{place}] * {page.pick('{distances}[{neighbor}]', '({distances}[{neighbor}] - {own})')}"
        page.let("candidate", type_, text, _range(type_, 0, 1100))
        _keep(page, type_, kind)
        if type_.is_float:
            page.mix("best", percent=25)
    if kind == "mean":
        page.set(
            "best", page.pick(f"{{best}} / {count}.0", "{own} + 0.5 * ({best} - {own})", "wp.lerp({own}, {best}, 0.25)")
        )
    page.fill(3)
    page.output("new_distances", page.variable("best").type)
    text = (
        page.pick("{best}", "wp.min({best}, {own})", "wp.max({best}, {own})")
        if kind != "count" and type_ == page.variable("best").type
        else "{best}"
    )
    page.emit(f"{{new_distances}}[{{index}}] = {text}")


def _own_edges(page: Page, nodes: int, edges: int, compressed: bool) -> tuple[str, str]:
    """Add the neighbours of all nodes; return the range of the thread's own, and the index of one of them."""
    if not compressed:
        page.indices("neighbors", (page.dims[0], edges), nodes)
        return page.extent(edges, ("neighbors", 1), low=0), "{i}, {n}"
    page.array("offsets", INT32, (page.dims[0] + 1,), interval=Interval(0, edges))
    page.indices("neighbors", (edges,), nodes)
    if page.chance(50):
        return "{offsets}[{i}], {offsets}[{i} + 1]", "{n}"
    page.let("start", INT32, "{offsets}[{i}]", Interval(0, edges))
    page.let("stop", INT32, "{offsets}[{i} + 1]", Interval(0, edges))
    return "{start}, {stop}", "{n}"


def _zero_or(page: Page, type_: Scalar, kind: str) -> str:
    """Return what the fold of a kind begins at."""
    if kind in ("min", "max") and page.chance(50):
        return f"{type_.spelling}({{own}})"
    if kind == "min":
        return f"{type_.spelling}({'1000.0' if type_.is_float else '1000'})"
    return page.zero(type_ if kind != "count" else INT32)


def _keep(page: Page, type_: Scalar, kind: str) -> None:
    """Emit what is kept of a candidate."""
    match kind:
        case "min" | "max" if page.chance(50):
            page.set("best", f"wp.{kind}({{best}}, {{candidate}})")
        case "min" | "max":
            page.emit(f"if {{candidate}} {'<' if kind == 'min' else '>'} {{best}}:\n    {{best}} = {{candidate}}")
            page.frame.written(page.variable("best"))
        case "count":
            page.emit(f"if {{candidate}} {page.pick('<', '>', '>=')} {{own}}:\n    {{best}} += 1")
            page.frame.written(page.variable("best"))
        case _:
            page.set("best", "{candidate}", "+")
