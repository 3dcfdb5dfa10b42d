"""Programs that fold arrays: reductions over rows, strides and chunks, and prefix scans."""

from __future__ import annotations

from grammar import binding, expressions, guards
from grammar.choices import pick_weighted
from grammar.intervals import Interval, type_range
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.terms import Term
from grammar.types import FLOAT16, INT32, Scalar

SMALL = Interval(-1000, 1000)
"""What one folded integer lies in: sums of all that a launch folds stay far below 2**31."""


def fold_type(page: Page) -> Scalar:
    """Return the dtype in which elements are folded: their own, or int for those narrower than it."""
    scalar = page.scalar
    return scalar if scalar.is_float or scalar.bits >= 32 else INT32


def element_interval(scalar: Scalar) -> Interval | None:
    """Return the interval of integer elements that are to be folded."""
    if scalar.is_float:
        return None
    return Interval(0, 100) if not scalar.is_signed else Interval(-100, 100)


def element(page: Page, text: str, role: str = "value", loose: bool | None = None) -> None:
    """Emit `value = text` in the type of the fold, at times with a random term, at times squared or in magnitude."""
    type_ = fold_type(page)
    exact = not (page.loose if loose is None else loose)
    cast = text if type_ == page.scalar else f"{type_.spelling}({text})"
    term = page.expression(cast, type_, element_interval(page.scalar))
    if page.chance(55):
        term = expressions.combined(page.frame, term, page.grown(type_, 1, exact)) or term
    if type_.is_integer:
        term = guards.fitted(page.choices, term, SMALL if type_.is_signed else Interval(0, 1000))
    page.let(role, type_, "{term}", term.interval, inexact=term.inexact, term=binding.shortened(page.frame, term))


def reduction(frame: Frame, lines: int) -> None:
    """Fold a row, a stride, a chunk or all of an array into one value for each thread, or for all threads."""
    page = Page(frame, lines)
    layout = pick_weighted(page.choices, (("row", 5), ("stride", 3), ("chunk", 3)))
    fold = _choose_fold(page)
    threads = page.dims[0]
    page.roles["spread"] = ""
    length = page.integer(2, 16) if layout == "row" else threads * page.integer(1, 3) + page.integer(0, 3)
    shape = (*page.dims, length) if layout == "row" else (length,)
    page.array("values", page.scalar, shape, interval=element_interval(page.scalar))
    start = _start(page, fold)
    place = "{index}, {n}" if layout == "row" else "{n}"
    if layout == "row":
        bounds, high = page.extent(length, ("values", len(page.dims)), low=0), length - 1
    elif layout == "stride":
        stride = page.pick(str(threads), str(max(2, threads // 2)))
        bounds, high = f"{{i}}, {page.extent(length, ('values', 0), low=0)}, {stride}", length - 1
    else:
        size = page.integer(2, 6)
        page.let("start", INT32, f"{{i}} * {size}", Interval(0, (threads - 1) * size))
        bounds, high = f"{{start}}, wp.min({{start}} + {size}, {page.extent(length, ('values', 0), low=0)})", length - 1
    with page.loop("n", bounds, 0, high, trips=length):
        _maybe_skip(page)
        element(page, f"{{values}}[{place}]", loose=fold in ("sum", "mean", "log sum") and page.loose)
        _step(page, fold)
        if fold in ("sum", "product", "norm", "mean") and page.scalar.is_float:
            page.mix("total", percent=25)
    _finish_fold(page, fold, start, length)


def _choose_fold(page: Page) -> str:
    table: tuple[tuple[str, float], ...]
    if page.scalar.is_float:
        table = (
            ("sum", 5), ("extremum", 3), ("product", 1), ("norm", 2), ("mean", 2), ("argument", 2), ("count", 1.5),
            ("compensated", 1.5), ("moments", 2), ("log sum", 1), ("dot", 2), ("range", 1),
        )  # fmt: skip
    else:
        table = (
            ("sum", 4),
            ("extremum", 3),
            ("argument", 2),
            ("count", 2),
            ("range", 1),
            ("parity", 1),
            ("moments", 1),
        )
    return pick_weighted(page.choices, table)


def _start(page: Page, fold: str) -> str:
    """Declare what the fold carries; return the type of its result."""
    type_ = fold_type(page)
    drift = None if type_.is_float else Interval(-(10**6), 10**6) if type_.is_signed else type_range(type_)
    small = None if type_.is_float else SMALL if type_.is_signed else Interval(0, 1000)
    match fold:
        case "extremum" | "argument" | "range":
            page.roles["extremum"] = page.pick("min", "max")
            far = {"min": "1.0e4", "max": "-1.0e4"} if type_.is_float else {"min": "1000", "max": "-1000"}
            if not type_.is_float and not type_.is_signed:
                far = {"min": "1000", "max": "0"}
            page.let("best", type_, f"{type_.spelling}({far[page.name('extremum')]})", small)
            if fold == "argument":
                page.let("best_index", INT32, "int(-1)", Interval(-1, 4096))
            if fold == "range":
                page.let(
                    "worst",
                    type_,
                    f"{type_.spelling}(0)" if drift else f"{type_.spelling}(0.0)",
                    small,
                )
        case "count":
            page.let("total", INT32, "int(0)", Interval(0, 4096))
        case "parity":  # the remainder has the dividend's sign
            page.let("total", INT32, "int(0)", Interval(-1, 1))
        case "product":
            page.let("total", type_, f"{type_.spelling}(1.0)", mutable=True)
        case _:
            variable = page.let(
                "total", type_, page.zero(type_), drift, page.loose and fold != "compensated", type_.is_float
            )
            variable.base = None
            if fold in ("moments", "compensated"):
                page.let("second", type_, page.zero(type_), drift, page.loose and fold == "moments")
    return fold


def _maybe_skip(page: Page) -> None:
    """Emit `if …: continue` now and then."""
    if page.chance(15):
        page.array("mask", INT32, (page.trips("n"),), interval=Interval(0, 1))
        page.emit("if {mask}[{n}] == 0:\n    continue")
    elif page.chance(10):
        page.emit(f"if {{n}} % {page.integer(2, 4)} == {page.integer(0, 1)}:\n    continue")


def _step(page: Page, fold: str) -> None:
    """Emit what is done with each value."""
    match fold:
        case "sum" | "mean":
            page.set("total", "{value}", "+")
        case "dot":
            page.array("weights", page.scalar, (page.trips("n"),))
            page.set("total", "{value} * {weights}[{n}]", "+")
        case "product":
            page.set("total", page.pick("{value}", "1.0 + 0.1 * {value}", "wp.clamp({value}, -2.0, 2.0)"), "*")
        case "norm":
            page.set("total", page.pick("{value} * {value}", "wp.abs({value})"), "+")
        case "log sum":
            page.variable("total").inexact = True
            page.set("total", f"wp.exp({page.pick('{value}', '-wp.abs({value})', '0.1 * {value}')})", "+")
        case "compensated":
            page.let("y", page.scalar, "{value} - {second}")
            page.let("new_total", page.scalar, "{total} + {y}")
            page.set("second", "{new_total} - {total} - {y}")
            page.set("total", "{new_total}")
        case "moments":
            page.set("total", "{value}", "+")
            modulus = page.number("16", fold_type(page))
            page.set("second", "{value} * {value}" if page.scalar.is_float else f"{{value}} % {modulus}", "+")
        case "extremum":
            page.set("best", "wp.{extremum}({best}, {value})")
        case "range":
            page.set("best", "wp.{extremum}({best}, {value})")
            page.set("worst", "wp.{other}({worst}, {value})", other="min" if page.name("extremum") == "max" else "max")
        case "argument":
            sign = "<" if page.name("extremum") == "min" else ">"
            page.emit(
                f"if {{value}} {sign}{page.pick('', '=')} {{best}}:\n"
                "    {best} = {value}\n    {best_index} = {n}"
            )
            page.frame.written(page.variable("best"))
            page.frame.written(page.variable("best_index"))
        case "count":
            limit = "0.5" if fold_type(page).is_float else page.pick("3", "10", "50")
            limit = (
                limit
                if fold_type(page) in (INT32,) or fold_type(page).is_float
                else f"{fold_type(page).spelling}({limit})"
            )
            page.emit(f"if {{value}} {page.pick('>', '<', '>=')} {limit}:\n    {{total}} += 1")
            page.frame.written(page.variable("total"))
        case "parity":
            page.set("total", "({total} + int({value}) % 2) % 2")


def _finish_fold(page: Page, fold: str, start: str, length: int) -> None:
    """Emit the result's last steps, and its store or atomic."""
    type_ = INT32 if fold in ("count", "parity") else fold_type(page)
    result = "best" if fold in ("extremum", "argument", "range") else "total"
    if fold == "mean" or (fold == "sum" and type_.is_float and page.chance(30)):
        page.set("total", f"{type_.spelling}({length})" if type_.is_float else str(length), "/")
    elif fold == "norm" and page.chance(70):
        page.set("total", "wp.sqrt({total})")
    elif fold == "log sum":
        page.set("total", "wp.log({total})")
    elif fold == "moments" and type_.is_float:
        page.let("mean", type_, f"{{total}} / {type_.spelling}({length})")
        page.let("variance", type_, f"{{second}} / {type_.spelling}({length}) - {{mean}} * {{mean}}")
        result = page.pick("variance", "mean", "total")
    page.fill(3)
    only_sums = type_ == FLOAT16 or fold == "argument"
    if type_.is_float and result == "total":
        page.update("total", percent=20)
    if not page.chance(55) or (fold == "extremum" and only_sums):
        page.output("results", type_)
        page.emit(f"{{results}}[{{index}}] = {{{result}}}")
        return
    groups = page.integer(1, 4)
    name = "add" if only_sums or result != "best" else page.name("extremum")
    page.array(
        "sums" if name == "add" else "extremes",
        type_,
        (groups,),
        use=f"atomic_{name}",
        interval=SMALL if type_.is_signed else None,
    )
    place = "0" if groups == 1 else f"{{i}} % {groups}"
    target = "{sums}" if name == "add" else "{extremes}"
    page.emit(f"wp.atomic_{name}({target}, {place}, {{{result}}})")
    page.frame.unit.events.append(f"atomic_{name}")


# Scans


def scan(frame: Frame, lines: int) -> None:
    """Fold all elements up to the thread's own, or store every partial fold of the thread's row."""
    page = Page(frame, lines, brief=True)
    kind = pick_weighted(page.choices, (("prefix", 4), ("row", 6), ("step", 2 if len(page.dims) == 1 else 0)))
    if kind == "prefix":
        _prefix(page)
    elif kind == "row":
        _row_scan(page)
    else:
        _doubling_step(page)


def _carry(page: Page) -> str:
    """Declare the running value; return the operation: `sum`, `max`, `decay`, or `kept`."""
    type_ = fold_type(page)
    table = (("sum", 5), ("max", 2), ("min", 2), ("kept", 1.5), ("decay", 3 if type_.is_float else 0))
    operation = pick_weighted(page.choices, table)
    if operation == "kept":
        page.let("running", INT32, "int(0)", Interval(0, 4096))
        return operation
    drift = None if type_.is_float else Interval(-(10**6), 10**6) if type_.is_signed else type_range(type_)
    inexact = type_.is_float and page.loose and operation in ("sum", "decay")
    page.let("running", type_, page.zero(type_), drift, inexact, mutable=type_.is_float)
    if operation == "decay":
        page.constant("decay", "0.5", "0.9", "0.25", "0.75", "0.95")
    return operation


def _carry_on(page: Page, operation: str) -> None:
    type_ = fold_type(page)
    match operation:
        case "sum":
            page.set("running", "{value}", page.pick("+", "+", "-") if type_.is_signed or type_.is_float else "+")
        case "max" | "min":
            page.set("running", f"wp.{operation}({{running}}, {{value}})")
        case "decay":
            page.set(
                "running",
                page.pick(
                    "{decay} * {running} + {value}",
                    "wp.lerp({value}, {running}, {decay})",
                    "{value} + ({running} - {value}) * {decay}",
                ),
            )
        case _:
            zero = page.number("0.0") if type_.is_float else "0" if type_ == INT32 else f"{type_.spelling}(0)"
            page.emit(f"if {{value}} {page.pick('>', '<', '!=')} {zero}:\n    {{running}} += 1")
            page.frame.written(page.variable("running"))
    if type_.is_float and operation in ("sum", "decay"):
        page.mix("running", percent=20)


def _prefix(page: Page) -> None:
    """Loop up to the thread's own element."""
    extent = page.dims[0]
    page.array("values", page.scalar, (extent,), interval=element_interval(page.scalar))
    operation = _carry(page)
    bounds, high = ("{i} + 1", extent - 1) if page.chance(50) else ("{i}", max(0, extent - 2))
    if page.chance(25):
        bounds, high = f"{{i}}, {page.extent(extent, ('values', 0), low=0)}", extent - 1
    loose = page.loose and operation in ("sum", "decay")
    with page.loop("n", bounds, 0, high):
        element(page, "{values}[{n}]", loose=loose)
        _carry_on(page, operation)
    page.fill(3)
    _store_scan(page, "{index}", operation, page.dims)


def _row_scan(page: Page) -> None:
    """Scan the thread's row in a loop that stores each partial fold; a flag may start it over."""
    length = page.integer(2, 12)
    shape = (*page.dims, length) if len(page.dims) < 3 else (page.dims[0], length)
    own = "{index}" if len(page.dims) < 3 else "{i}"
    if len(page.dims) == 3:
        page.emit("if {j} > 0 or {k} > 0:\n    return")
    page.array("values", page.scalar, shape, interval=element_interval(page.scalar))
    operation = _carry(page)
    count = page.extent(length, ("values", len(shape) - 1), low=0)
    backwards = page.chance(25)
    exclusive = page.chance(30)
    segmented = page.chance(20)
    if segmented:
        page.array("starts", INT32, (length,), interval=Interval(0, 1))
    loose = page.loose and operation in ("sum", "decay")
    with page.loop("n", f"{count} - 1, -1, -1" if backwards else count, 0, length - 1):
        if segmented:
            page.emit(f"if {{starts}}[{{n}}] == 1:\n    {{running}} = {page.zero(page.variable('running').type)}")
        if exclusive:
            _store_scan(page, f"{own}, {{n}}", operation, shape)
        element(page, f"{{values}}[{own}, {{n}}]", loose=loose)
        _carry_on(page, operation)
        if not exclusive:
            _store_scan(page, f"{own}, {{n}}", operation, shape)


def _store_scan(page: Page, place: str, operation: str, shape: tuple[int, ...]) -> None:
    type_ = page.variable("running").type
    if "scanned" not in page.roles:
        page.output("scanned", type_, shape)
    result: Term = page.expression("{running}", type_, page.variable("running").interval)
    page.frame.committed.add(page.name("running"))
    if isinstance(type_, Scalar) and type_.is_float and page.chance(30):
        result = expressions.combined(page.frame, result, page.grown(type_, 1)) or result
    page.emit(f"{{scanned}}[{place}] = {{result}}", result=result)


def _doubling_step(page: Page) -> None:
    """Emit one step of a scan by doubling: each element adds the one an offset before it."""
    extent = page.dims[0]
    page.array("values", page.scalar, (extent,), interval=element_interval(page.scalar))
    element(page, "{values}[{i}]", "own")
    offset = page.pick("1", "2", "4", "8") if page.chance(50) else page.value("offset", INT32, Interval(1, 16)).name
    page.output("scanned", fold_type(page))
    page.emit("{scanned}[{i}] = {own}")
    with page.suite(f"if {{i}} >= {offset}"):
        page.let("before", INT32, f"wp.max({{i}} - {offset}, 0)", Interval(0, extent - 1), index=True)
        element(page, "{values}[{before}]")
        page.emit(
            "{scanned}[{i}] = "
            + page.pick(
                "{own} + {value}",
                "wp.max({own}, {value})",
                "{value} - {own}" if fold_type(page).is_float else "{value} + {own}",
            )
        )
