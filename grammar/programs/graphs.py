"""Relaxation of graphs: a thread for each edge, or for each node over its own edges."""

from __future__ import annotations

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


def _relax(page: Page, type_: Scalar, nodes: int, kind: str, weighted: bool) -> None:
    """Emit what an edge does to its target, with an atomic whose outcome no order changes."""
    name = {"shortest": "min", "label": page.pick("min", "max"), "level": "min"}.get(kind, "add")
    page.array(
        {"min": "new_distances", "max": "new_labels", "add": "sums"}[name],
        type_,
        (nodes,),
        f"atomic_{name}",
        _range(type_, -1000, 1000),
    )
    shared = {"min": "{new_distances}", "max": "{new_labels}", "add": "{sums}"}[name]
    page.frame.unit.events.append(f"atomic_{name}")
    weight = "{weight}" if weighted else _one(page, type_)
    match kind:
        case "shortest":
            page.let(
                "candidate",
                type_,
                page.pick(
                    f"{{distances}}[{{tail}}] + {weight}",
                    f"{weight} + {{distances}}[{{tail}}]",
                    f"wp.max({{distances}}[{{tail}}], {weight})",
                ),
                _range(type_, 0, 1100),
                mutable=type_.is_float,
            )
            page.variable("candidate").inexact = False
            page.update("candidate", percent=25) if type_.is_float else None
            if page.chance(70):
                with page.suite("if {candidate} < {distances}[{head}]"):
                    page.emit(f"wp.atomic_min({shared}, {{head}}, {{candidate}})")
            else:
                page.emit(f"wp.atomic_min({shared}, {{head}}, {{candidate}})")
            if page.chance(25):
                page.emit(f"wp.atomic_min({shared}, {{tail}}, {{distances}}[{{head}}] + {weight})")
        case "label":
            page.let(
                "label", type_, f"wp.{name}({{distances}}[{{tail}}], {{distances}}[{{head}}])", _range(type_, 0, 1000)
            )
            if weighted:
                threshold = (
                    page.number(page.pick("0.5", "0.0", "1.0"))
                    if type_.is_float
                    else f"{type_.spelling}({page.integer(1, 60)})"
                    if type_ != INT32
                    else page.pick("10", "50", "5")
                )
                page.emit(f"if {{weight}} < {threshold}:\n    return")
            page.emit(f"wp.atomic_{name}({shared}, {{head}}, {{label}})")
            if page.chance(50):
                page.emit(f"wp.atomic_{name}({shared}, {{tail}}, {{label}})")
        case "level":
            page.value("level", type_, _range(type_, 0, 100))
            with page.suite(
                page.pick(
                    "if {distances}[{tail}] == {level}",
                    "if {distances}[{tail}] <= {level} and {distances}[{head}] > {level}",
                )
            ):
                page.emit(f"wp.atomic_min({shared}, {{head}}, {{level}} + {weight})")
        case "rank" if type_.is_float:
            page.array("degrees", INT32, (nodes,), interval=Interval(0, 16))
            page.constant("damping", "0.85", "0.9", "0.5")
            page.let(
                "share",
                type_,
                "{damping} * {distances}[{tail}] / "
                + page.pick("{scalar}(wp.max({degrees}[{tail}], 1))", "wp.max({scalar}({degrees}[{tail}]), 1.0)"),
                inexact=page.loose,
                mutable=True,
            )
            page.update("share", percent=35)
            page.emit(
                f"wp.atomic_add({shared}, {{head}}, {{share}}" + page.pick(")", f" * {weight})" if weighted else ")")
            )
        case _:
            factor = f"{weight} * " if type_.is_float else ""
            limit = "wp.clamp({}, -1.0, 1.0)" if type_.is_float and page.chance(30) else "{}"
            page.let(
                "flow",
                type_,
                limit.format(f"{factor}({{distances}}[{{tail}}] - {{distances}}[{{head}}])")
                if factor or limit != "{}"
                else "{distances}[{tail}] - {distances}[{head}]",
                _range(type_, -1000, 1000),
                mutable=type_.is_float,
                inexact=page.loose and type_.is_float,
            )
            page.update("flow", percent=30) if type_.is_float else None
            page.emit(f"wp.atomic_add({shared}, {{head}}, {{flow}})")
            page.emit(f"wp.atomic_add({shared}, {{tail}}, -{{flow}})")


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
    if compressed:
        page.array("offsets", INT32, (page.dims[0] + 1,), interval=Interval(0, edges))
        page.indices("neighbors", (edges,), nodes)
        if page.chance(50):
            page.let("start", INT32, "{offsets}[{i}]", Interval(0, edges))
            page.let("stop", INT32, "{offsets}[{i} + 1]", Interval(0, edges))
            bounds = "{start}, {stop}"
        else:
            bounds = "{offsets}[{i}], {offsets}[{i} + 1]"
        place = "{n}"
    else:
        page.indices("neighbors", (page.dims[0], count), nodes)
        bounds, place = page.extent(count, ("neighbors", 1), low=0), "{i}, {n}"
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


def _zero_or(page: Page, type_: Scalar, kind: str) -> str:
    if kind in ("min", "max") and page.chance(50):
        return f"{type_.spelling}({{own}})"
    if kind == "min":
        return f"{type_.spelling}({'1000.0' if type_.is_float else '1000'})"
    return page.zero(type_ if kind != "count" else INT32)


def _keep(page: Page, type_: Scalar, kind: str) -> None:
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
