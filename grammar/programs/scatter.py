"""Programs that go through arrays of indices: gathers, scatters with atomics, histograms."""

from __future__ import annotations

from grammar import outputs
from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs.page import Page
from grammar.programs.reductions import SMALL, element, element_interval, fold_type
from grammar.scope import Frame
from grammar.types import FLOAT16, INT32


def gather_scatter(frame: Frame, lines: int) -> None:
    """Read through indices, write through indices with an atomic, or both."""
    page = Page(frame, lines)
    real = page.scalar.is_float
    kinds = (("neighbours", 4), ("chained", 2), ("scatter", 4), ("sentinel", 2), ("interpolate", 3 if real else 0))
    kind = pick_weighted(page.choices, kinds)
    size = page.integer(4, 40)
    if kind != "interpolate":
        page.array("values", page.scalar, (size,), interval=element_interval(page.scalar))
    match kind:
        case "neighbours":
            _neighbours(page, size)
        case "sentinel":
            _sentinel(page, size)
        case "interpolate":
            _interpolate(page, size)
        case _:
            _through(page, size, kind)


def _neighbours(page: Page, size: int) -> None:
    """Sum over a fixed number of neighbours of each element, at times with weights."""
    count = page.integer(2, 8)
    page.indices("neighbors", (page.dims[0], count), size)
    weighted = page.scalar.is_float and page.chance(50)
    if weighted:
        page.array("weights", page.scalar, (page.dims[0], count))
    type_ = fold_type(page)
    drift = None if type_.is_float else Interval(0, 0)
    page.let("total", type_, page.zero(type_), drift, type_.is_float and page.loose, mutable=type_.is_float)
    with page.loop("n", page.extent(count, ("neighbors", 1), low=0), 0, count - 1):
        page.let("neighbor", INT32, "{neighbors}[{i}, {n}]", Interval(0, size - 1), index=True)
        if page.chance(25):
            page.emit("if {neighbor} == {i}:\n    continue")
        element(page, "{values}[{neighbor}]")
        own = " - {values}[" + ("{i}" if page.dims[0] <= size else f"{{i}} % {size}") + "]"
        value = page.pick("{value}", "{value}" + own) if type_ == page.scalar and type_.is_float else "{value}"
        page.set(
            "total",
            f"{{weights}}[{{i}}, {{n}}] * ({value})"
            if weighted and " " in value
            else f"{{weights}}[{{i}}, {{n}}] * {value}"
            if weighted
            else value,
            "+",
        )
        if type_.is_float:
            page.mix("total", percent=25)
    page.variable("total").interval = (
        None if type_.is_float else Interval(-8000, 8000) if type_.is_signed else Interval(0, 8000)
    )
    _leave(page, "total", size)


def _through(page: Page, size: int, kind: str) -> None:
    """Read an element through one index or two, and store or scatter it."""
    page.indices("order", (page.dims[0],), size)
    page.let("source", INT32, "{order}[{i}]", Interval(0, size - 1), index=True)
    if kind == "chained":
        page.indices("parents", (size,), size)
        if page.chance(50):
            page.let("parent", INT32, "{parents}[{source}]", Interval(0, size - 1), index=True)
            place = "{parent}"
        else:
            place = "{parents}[{source}]"
        element(page, f"{{values}}[{place}]")
    else:
        element(
            page, f"{{values}}[{page.pick('{source}', '{source}', f'({{source}} + {page.integer(1, 3)}) % {size}')}]"
        )
    page.fill(3)
    _leave(page, "value", size, scatter=kind == "scatter")


def _sentinel(page: Page, size: int) -> None:
    """Skip elements whose index says that there is none."""
    page.array("links", INT32, (page.dims[0],), interval=Interval(-1, size - 1))
    page.let("link", INT32, "{links}[{i}]", Interval(-1, size - 1))
    page.fill(2)
    type_ = fold_type(page)
    if page.chance(40):
        page.emit("if {link} < 0:\n    return")
        page.let("source", INT32, "{link}", Interval(0, size - 1), index=True)
        element(page, "{values}[{source}]")
        _leave(page, "value", size)
        return
    fallback = page.number(page.pick("0.0", "-1.0", "1.0")) if type_.is_float else page.pick("0", "1", "2")
    page.let(
        "result",
        type_,
        f"{type_.spelling}({fallback})" if "(" not in fallback else fallback,
        SMALL if type_.is_signed else Interval(0, 1000),
        type_.is_float and page.loose,
    )
    with page.suite("if {link} >= 0"):
        page.let("source", INT32, "wp.max({link}, 0)", Interval(0, size - 1), index=True)
        element(page, "{values}[{source}]")
        page.set("result", "{value}")
    _leave(page, "result", size)


def _interpolate(page: Page, size: int) -> None:
    """Interpolate in a table at a position of each thread, linearly or with a smooth step."""
    page.array("table", page.scalar, (size,))
    page.array("coordinates", page.scalar, page.dims)
    text = page.pick(
        "{coordinates}[{index}]", f"{{coordinates}}[{{index}}] * {size}.0", "wp.abs({coordinates}[{index}])"
    )
    page.let("x", page.scalar, f"wp.clamp({text}, 0.0, {size - 1}.0)")
    page.let("low", INT32, "int(wp.floor({x}))", Interval(0, size - 1), index=True)
    page.let("high", INT32, f"wp.min({{low}} + 1, {size - 1})", Interval(0, size - 1), index=True)
    page.let("fraction", page.scalar, "{x} - {scalar}({low})")
    if page.chance(35):
        page.let(
            "blend",
            page.scalar,
            page.pick("{fraction} * {fraction} * (3.0 - 2.0 * {fraction})", "wp.smoothstep(0.0, 1.0, {fraction})"),
        )
    else:
        page.roles["blend"] = page.roles["fraction"]
    page.let(
        "value",
        page.scalar,
        page.pick(
            "wp.lerp({table}[{low}], {table}[{high}], {blend})",
            "(1.0 - {blend}) * {table}[{low}] + {blend} * {table}[{high}]",
        ),
    )
    page.fill(4)
    _leave(page, "value", size)


def _leave(page: Page, role: str, size: int, scatter: bool | None = None) -> None:
    """Store a value, or add it where an index says."""
    variable = page.variable(role)
    type_ = fold_type(page)
    if type_.is_float and not page.loose and page.chance(20):
        variable.mutable = True
        page.update(role, percent=100)
    if scatter is None:
        scatter = page.chance(30)
    if not scatter:
        page.output("results", type_)
        page.emit(f"{{results}}[{{index}}] = {{{role}}}")
        return
    bins = page.integer(2, 24)
    page.indices("targets", (page.dims[0],), bins)
    name = "add" if type_ == FLOAT16 or variable.inexact else page.pick("add", "add", "max", "min")
    page.array(
        "sums" if name == "add" else "extremes", type_, (bins,), f"atomic_{name}", SMALL if type_.is_signed else None
    )
    shared = "{sums}" if name == "add" else "{extremes}"
    page.frame.unit.events.append(f"atomic_{name}")
    if page.chance(40):
        page.let("slot", INT32, "{targets}[{i}]", Interval(0, bins - 1))
        page.emit(f"wp.atomic_{name}({shared}, {{slot}}, {{{role}}})")
    else:
        page.emit(f"wp.atomic_{name}({shared}, {{targets}}[{{i}}], {{{role}}})")


# Histograms


def histogram(frame: Frame, lines: int) -> None:
    """Count samples by the bin that each falls in: with atomics, or each thread its own bin."""
    page = Page(frame, lines)
    bins = page.integer(4, 16) if page.chance(50) else 8
    if page.chance(20) and len(page.dims) == 1:
        _own_bin(page)
        return
    looped = page.chance(35)
    shape = (*page.dims, page.integer(2, 8)) if looped else page.dims
    page.array("samples", page.scalar, shape, interval=element_interval(page.scalar))
    weight = _weight(page)
    if looped:
        with page.loop("n", page.extent(shape[-1], ("samples", len(shape) - 1), low=0), 0, shape[-1] - 1):
            element(page, "{samples}[{index}, {n}]", "sample", loose=False)
            _count_sample(page, bins, weight)
    else:
        element(page, "{samples}[{index}]", "sample", loose=False)
        if page.chance(25):
            test = (
                page.pick("{sample} < {low_edge}", "{sample} < -4.0 or {sample} >= 4.0")
                if page.scalar.is_float
                else page.pick("{sample} == {nothing}", "{sample} > {limit}")
            )
            type_ = fold_type(page)
            if "low_edge" in test:
                page.constant("low_edge", "0.0", "-1.0", "-2.0")
            page.roles["nothing"] = "0" if type_ == INT32 else f"{type_.spelling}(0)"
            page.roles["limit"] = "500" if type_ == INT32 else f"{type_.spelling}(500)"
            page.emit(f"if {test}:\n    return")
        page.fill(3)
        _count_sample(page, bins, weight)
    if page.chance(30):
        page.fill(3)


def _weight(page: Page) -> str:
    """Return the role of what is added, empty for a count of one."""
    if not page.chance(40):
        return ""
    type_ = page.scalar if page.scalar.is_float else INT32
    page.array("weights", type_, page.dims, interval=None if type_.is_float else Interval(0, 10))
    page.let("weight", type_, "{weights}[{index}]", None if type_.is_float else Interval(0, 10))
    return "weight"


def _count_sample(page: Page, bins: int, weight: str) -> None:
    """Emit the sample's bin, and the atomics that count it."""
    soft = page.scalar.is_float and page.chance(25)
    if page.scalar.is_float:
        scaled = page.pick(
            f"{{sample}} * {bins}.0",
            f"({{sample}} + 4.0) * {bins / 8}" if bins != 8 else "{sample} + 4.0",
            "range",
            "range",
        )
        if scaled == "range":
            for role in ("low", "high"):
                if role not in page.roles:
                    page.value(role)
            scaled = f"({{sample}} - {{low}}) / ({{high}} - {{low}}) * {bins}.0"
        page.let("scaled_value", page.scalar, f"wp.clamp({scaled}, 0.0, {bins - 1}.0)")
        page.let("bin", INT32, "int({scaled_value})", Interval(0, bins - 1), index=True)
    else:
        remainder = page.pick("{sample} % {bins}", "wp.min({sample} / {width}, {last})")
        for role, number in (("bins", bins), ("width", page.integer(2, 40)), ("last", bins - 1)):
            type_ = fold_type(page)
            page.roles[role] = str(number) if type_ == INT32 else f"{type_.spelling}({number})"
        sample = "wp.abs({sample})" if fold_type(page).is_signed else "{sample}"
        text = remainder.replace("{sample}", sample)
        page.let("bin", INT32, text if fold_type(page) == INT32 else f"int({text})", Interval(0, bins - 1), index=True)
    type_ = (page.scalar if page.scalar.is_float else INT32) if weight or soft else INT32
    if "counts" not in page.roles:
        page.array("counts", type_, (bins,), "atomic_add", None if type_.is_float else SMALL)
    amount = f"{{{weight}}}" if weight else "1"
    page.frame.unit.events.append("atomic_add")
    if not soft:
        page.emit(f"wp.atomic_add({{counts}}, {{bin}}, {amount})")
        return
    page.let("share", page.scalar, "{scaled_value} - {scalar}({bin})")
    scaled = f"{amount} * " if weight else ""
    page.emit(f"wp.atomic_add({{counts}}, {{bin}}, {f'{scaled}(1.0 - {{share}})' if scaled else '1.0 - {share}'})")
    page.emit(f"wp.atomic_add({{counts}}, wp.min({{bin}} + 1, {bins - 1}), {scaled}{{share}})")


def _own_bin(page: Page) -> None:
    """Let each thread count the samples of its own bin, and store the count; the whole histogram's total is shared."""
    length = page.integer(8, 40)
    page.array("samples", INT32, (length,), interval=Interval(0, 255))
    page.let("total", INT32, "int(0)", Interval(0, length))
    width = page.integer(2, 32)
    with page.loop("n", page.extent(length, ("samples", 0), low=0), 0, length - 1):
        page.let("bin", INT32, f"{{samples}}[{{n}}] {page.pick('/', '%')} {width}", Interval(0, 255))
        page.emit(f"if {{bin}} == {{i}}{page.pick('', f' and {{n}} % {page.integer(2, 4)} == 0')}:\n    {{total}} += 1")
        page.frame.written(page.variable("total"))
    page.fill(3)
    page.array("counts", INT32, (4,), "atomic_add", SMALL)
    page.emit(f"wp.atomic_add({{counts}}, {{i}} % {page.integer(2, 4)}, {{total}})")
    if page.chance(50):
        outputs.store(page.frame, page.expression("{total}", INT32, Interval(0, length)))
