"""Stencils on grids of one to three axes: explicit neighbours and windows, by one of four ways at the boundary."""

from __future__ import annotations

from grammar import expressions, guards
from grammar.choices import pick, pick_weighted
from grammar.intervals import Interval
from grammar.programs.page import Page
from grammar.programs.reductions import SMALL, element_interval, fold_type
from grammar.scope import Frame
from grammar.types import INT32


class Grid:
    """The neighbours of the thread's own cell, by one way to treat the boundary."""

    def __init__(self, page: Page, reach: int = 1):
        self.page = page
        self.axes = page.frame.threads
        self.boundary = pick_weighted(page.choices, (("clamp", 5), ("wrap", 4), ("return", 3), ("halo", 3)))
        if self.boundary == "return" and min(page.dims) < 2 * reach + 1:
            self.boundary = "clamp"
        self.reach = reach
        self.bound: dict[tuple[str, str], str] = {}
        self.shape = tuple(extent + 2 * reach * (self.boundary == "halo") for extent in page.dims)

    def own(self) -> str:
        """Return the index of the thread's cell in an input."""
        return self.at()

    def at(self, axis: int = 0, offset: int = 0) -> str:
        """Return the index of the cell so many steps away along an axis."""
        offsets = [0] * len(self.axes)
        offsets[axis] = offset
        return ", ".join(self._coordinate(place, step) for place, step in enumerate(offsets))

    def moved(self, *steps: str) -> str:
        """Return the index of the cell that the given index variables lead to."""
        return ", ".join(self._coordinate(place, step) for place, step in enumerate(steps))

    def _coordinate(self, axis: int, step: int | str) -> str:
        name, extent = self.axes[axis].name, self.page.dims[axis]
        if self.boundary == "halo":
            if isinstance(step, str):
                return f"{name} + {step} + {self.reach}"
            return name if step + self.reach == 0 else f"{name} + {step + self.reach}"
        if step == 0:
            return name
        text = f"{name} + {step}" if isinstance(step, str) or step > 0 else f"{name} - {-step}"
        if self.boundary == "return":
            return text
        if self.boundary == "clamp":
            if isinstance(step, str):
                return f"wp.clamp({text}, 0, {extent - 1})"
            return f"wp.min({text}, {extent - 1})" if step > 0 else f"wp.max({text}, 0)"
        if isinstance(step, int) and step > 0:
            return f"({text}) % {extent}"
        reach = extent * -(-self.reach // extent)
        plus = (
            f"{name} + {step} + {reach}"
            if isinstance(step, str)
            else f"{name} + {reach + step}"
            if reach + step
            else name
        )
        return f"({plus}) % {extent}" if reach + (step if isinstance(step, int) else 0) else plus

    def guard(self, role: str = "", text: str = "") -> None:
        """Emit the early return of cells at the boundary, where that is the way; `text` is what they store first."""
        if self.boundary != "return":
            return
        tests = []
        for axis, thread in enumerate(self.axes):
            tests.append(f"{thread.name} < {self.reach}" if self.reach > 1 else f"{thread.name} == 0")
            tests.append(
                f"{thread.name} >= {self.page.dims[axis] - self.reach}"
                if self.reach > 1
                else f"{thread.name} == {self.page.dims[axis] - 1}"
            )
        store = f"    {{{role}}}[{{index}}] = {text}\n" if role and self.page.chance(60) else ""
        self.page.emit(f"if {' or '.join(tests)}:\n{store}    return")

    def bind(self, array: str, role: str, index: str) -> str:
        """Return the text of a cell, or of a variable that it is assigned to."""
        page = self.page
        type_ = fold_type(page)
        text = f"{{{array}}}[{index}]"
        if (array, index) in self.bound:
            return self.bound[array, index]
        if type_ != page.scalar:
            text = f"{type_.spelling}({text})"
        if role and (page.chance((0, 45, 70, 100)[len(self.axes)]) or type_ != page.scalar):
            page.let(role, type_, text, element_interval(page.scalar))
            self.bound[array, index] = f"{{{role}}}"
            return f"{{{role}}}"
        return text


SIDES = (("left", "right"), ("down", "up"), ("back", "front"))


def stencil(frame: Frame, lines: int) -> None:
    """Combine each cell with its neighbours: explicit ones, or a window in loops."""
    page = Page(frame, lines, brief=True)
    if page.chance(40):
        _window(page)
    else:
        _explicit(page)


def _explicit(page: Page) -> None:
    """Write the neighbours out: a star along some axes, reaching one or two cells far."""
    grid = Grid(page, 2 if page.chance(20) else 1)
    type_ = fold_type(page)
    page.array("field", page.scalar, grid.shape, interval=element_interval(page.scalar))
    page.output("filtered", type_)
    grid.guard("filtered", f"{type_.spelling}(0)" if not type_.is_float else page.number("0.0"))
    own = grid.bind("field", "center", grid.own())
    cells: list[str] = []
    for axis in range(len(page.dims)):
        for offset, role in zip((-1, 1), SIDES[axis], strict=True):
            cells.append(grid.bind("field", role, grid.at(axis, offset * page.integer(1, grid.reach))))
    result = _combination(page, own, cells)
    if type_.is_integer:
        term = guards.fitted(
            page.choices,
            page.expression(result, type_, Interval(-20000, 20000) if type_.is_signed else None),
            SMALL if type_.is_signed else Interval(0, 1000),
        )
        page.let("result", type_, "{term}", term.interval, term=term)
    else:
        page.let("result", type_, result, inexact=page.loose, mutable=True)
        page.update("result", percent=50)
    page.fill(4)
    if page.chance(40):
        term = expressions.combined(
            page.frame, page.expression("{result}", type_, page.variable("result").interval), page.grown(type_, 2)
        ) or page.expression("{result}", type_)
        page.emit("{filtered}[{index}] = {term}", term=term)
    else:
        page.emit("{filtered}[{index}] = {result}")


def _combination(page: Page, own: str, cells: list[str]) -> str:
    """Return how a cell is joined with its neighbours."""
    total = " + ".join(cells)
    type_ = fold_type(page)
    if type_.is_integer:
        table = [total, f"{total} + {own}", "extremum", "extremum"]
        if type_.is_signed:
            table += [f"{total} - {len(cells)} * {own}" if type_ == INT32 else f"{total} - {own}", "spread"]
        chosen = pick(page.choices, table)
        return _extremum(page, chosen, [own, *cells]) if chosen in ("extremum", "spread") else chosen
    page.constant("weight", "0.5", "0.25", "0.1", "0.125")
    differences = [f"({right} - {left})" for left, right in zip(cells[::2], cells[1::2], strict=True)]
    gradient = " + ".join(f"{d} * {d}" for d in differences)
    table = [
        f"{total} - {len(cells)}.0 * {own}",
        f"(1.0 - {{weight}}) * {own} + {{weight}} * ({total})",
        f"({own} + {total}) / {len(cells) + 1}.0",
        f"wp.sqrt({gradient})" if page.chance(60) else gradient,
        "spread",
        "extremum",
        f"wp.clamp({own}, wp.min({cells[0]}, {cells[1]}), wp.max({cells[0]}, {cells[1]}))",
        f"{own} + {{weight}} * ({total} - {len(cells)}.0 * {own})",
        f"{{weight}} * {differences[-1]} - {own}",
    ]
    chosen = pick(page.choices, table)
    return _extremum(page, chosen, [own, *cells]) if chosen in ("extremum", "spread") else chosen


def _extremum(page: Page, kind: str, cells: list[str]) -> str:
    """Bind the lowest or highest of the cells, a pair of them in a line; return it, or the difference of the two."""
    names = ("min", "max") if kind == "spread" else (page.pick("min", "max"),)
    interval = element_interval(page.scalar)
    for name in names:
        role = {"min": "lowest", "max": "highest"}[name]
        page.let(role, fold_type(page), f"wp.{name}({cells[0]}, {cells[1]})", interval)
        for cell in cells[2:]:
            page.set(role, f"wp.{name}({{{role}}}, {cell})")
    return "{highest} - {lowest}" if kind == "spread" else "{lowest}" if names == ("min",) else "{highest}"


def _window(page: Page) -> None:
    """Run over a window around the cell in loops, with weights, an extremum, or a test on each cell."""
    reach = 1 if len(page.dims) > 1 else page.integer(1, 3)
    grid = Grid(page, reach)
    type_ = fold_type(page)
    page.array("field", page.scalar, grid.shape, interval=element_interval(page.scalar))
    page.output("filtered", type_)
    grid.guard()
    kinds = (("weights", 4), ("box", 3), ("extremum", 2), ("count", 2), ("bilateral", 2 if type_.is_float else 0))
    kind = pick_weighted(page.choices, kinds)
    width = 2 * reach + 1
    if kind == "weights":
        page.array(
            "weights",
            type_,
            (width,) * len(page.dims),
            interval=None if type_.is_float else Interval(0, 8) if not type_.is_signed else Interval(-4, 4),
        )
    inexact = type_.is_float and (page.loose or kind == "bilateral") and kind not in ("count", "extremum")
    drift = None if type_.is_float else Interval(-(10**5), 10**5) if type_.is_signed else Interval(0, 10**5)
    page.let("total", type_, page.zero(type_), drift, inexact, mutable=type_.is_float)
    if kind == "bilateral":
        page.let("center", type_, f"{{field}}[{grid.own()}]")
        page.let("norm", type_, page.zero(type_), inexact=True)
        page.constant("sigma", "0.5", "1.0", "0.1")
    steps = [("di", "dj", "dk")[axis] for axis in range(len(page.dims))]
    _window_loops(page, grid, kind, steps, 0)
    if kind == "bilateral":
        page.set("total", "{norm}", "/")
    elif kind == "box" and type_.is_float and page.chance(70):
        page.set("total", f"{width ** len(page.dims)}.0", "/")
    if type_.is_float:
        page.update("total", percent=30)
    page.fill(4)
    page.emit("{filtered}[{index}] = {total}")


def _window_loops(page: Page, grid: Grid, kind: str, steps: list[str], depth: int) -> None:
    """Emit one loop for each axis, and in the innermost what is done with a cell."""
    if depth < len(steps):
        bounds = f"-{grid.reach}, {grid.reach + 1}"
        with page.loop(steps[depth], bounds, -grid.reach, grid.reach):
            page.frame.indices()[0].index = False  # it may be below zero
            _window_loops(page, grid, kind, steps, depth + 1)
        return
    type_ = fold_type(page)
    index = grid.moved(*(page.name(step) for step in steps))
    cast = f"{{field}}[{index}]" if type_ == page.scalar else f"{type_.spelling}({{field}}[{index}])"
    page.let("cell", type_, cast, element_interval(page.scalar))
    match kind:
        case "weights":
            place = ", ".join(f"{{{step}}} + {grid.reach}" for step in steps)
            page.set("total", f"{{weights}}[{place}] * {{cell}}", "+")
        case "box":
            page.set(
                "total",
                page.pick(
                    "{cell}", "{cell}", "wp.abs({cell})" if type_.is_signed or type_.is_float else "{cell} / {two}"
                ),
                "+",
                two=f"{type_.spelling}(2)",
            )
        case "extremum":
            page.set("total", f"wp.{page.pick('max', 'min')}({{total}}, {{cell}})")
        case "count":
            zero = (
                page.number(page.pick("0.0", "0.5", "1.0"))
                if type_.is_float
                else f"{type_.spelling}({page.integer(0, 5)})"
                if type_ != INT32
                else page.pick("0", "1", "5")
            )
            one = page.number("1.0") if type_.is_float else f"{type_.spelling}(1)" if type_ != INT32 else "1"
            page.emit(f"if {{cell}} {page.pick('>', '<', '>=')} {zero}:\n    {{total}} += {one}")
            page.frame.written(page.variable("total"))
        case _:
            page.let("diff", type_, "{cell} - {center}")
            page.let("closeness", type_, "wp.exp(-{diff} * {diff} / ({sigma} * {sigma} + 0.01))", inexact=True)
            page.set("total", "{closeness} * {cell}", "+")
            page.set("norm", "{closeness}", "+")
