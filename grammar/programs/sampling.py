"""Programs that draw random numbers: Monte Carlo integrals, walks, and draws that are counted."""

from __future__ import annotations

from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs import helpers
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import INT32, UINT32, Vector


def random(frame: Frame, lines: int) -> None:
    """Seed a generator for each thread, and estimate, walk, count or perturb with what it draws."""
    page = Page(frame, lines)
    page.value("seed", INT32, Interval(-(2**31), 2**31 - 1))
    threads = [thread.name for thread in frame.threads]
    offset = threads[0]
    for name, extent in zip(threads[1:], page.dims[1:], strict=True):
        offset = f"{offset} * {extent} + {name}" if "*" not in offset else f"({offset}) * {extent} + {name}"
    page.let(
        "state",
        UINT32,
        f"wp.rand_init({{seed}}, {offset})"
        if page.chance(85)
        else f"wp.rand_init({{seed}} ^ {page.integer(1, 99)}, {offset})",
    )
    kind = pick_weighted(
        page.choices, (("integral", 4), ("inside", 3), ("walk", 4), ("accept", 2), ("dice", 3), ("jitter", 3))
    )
    {"integral": _integral, "inside": _inside, "walk": _walk, "accept": _accept, "dice": _dice, "jitter": _jitter}[
        kind
    ](page)


def _let_draw(page: Page, role: str, low: str = "", high: str = "") -> None:
    """Bind a draw; `wp.randf` gives float32 whatever the program's dtype, and takes float32 bounds."""
    scalar, page_scalar = page.scalar, page.scalar
    text = f"wp.randf({page.name('state')}, {low}, {high})" if low else f"wp.randf({page.name('state')})"
    page.let(role, scalar, "{draw}", draw=text if page_scalar.name == "float32" else f"{page_scalar.spelling}({text})")
    page.frame.commit(page.name("state"))


def _integral(page: Page) -> None:
    """Average a function over random points."""
    count = page.integer(4, 32)
    page.let("total", page.scalar, page.zero(page.scalar), inexact=True, mutable=True)
    low, high = page.pick(" ", "-1.0 1.0", "0.0 2.0", "-2.0 2.0").split(" ")
    two = page.chance(40)
    with page.loop("n", page.extent(count, low=0), 0, count - 1):
        _let_draw(page, "x", low, high)
        if two:
            _let_draw(page, "y", low, high)
        texts = (
            "{x} * {x}",
            "wp.sqrt(1.0 - wp.min({x} * {x}, 1.0))",
            "1.0 / (1.0 + {x} * {x})",
            "{x} * {x} * {x} - {x}",
        )
        loose = ("wp.exp(-{x} * {x})", "wp.sin({x})", "wp.cos(3.0 * {x})", "wp.log(1.0 + wp.abs({x}))")
        inexact = page.chance(50)
        text = page.pick(*loose) if inexact else page.pick(*texts)
        if two:
            text = page.pick(f"{text} * {{y}}", f"{text} + {{y}} * {{y}}", text.replace("{x}", "({x} - {y})"))
        value = helpers.formula(page, "integrand", text, ["x", "y"] if two else ["x"], inexact)
        page.let("value", page.scalar, "{value}", inexact=inexact, mutable=True, value=value)
        page.update("value", percent=30)
        page.set("total", "{value}", "+")
        page.mix("total", percent=20)
    page.set("total", f"{count}.0", "/")
    if low and page.chance(60):
        page.set("total", page.number(f"{float(high) - float(low)}"), "*")
    page.fill(3)
    page.output("estimates", page.scalar)
    page.emit("{estimates}[{index}] = {total}")


def _inside(page: Page) -> None:
    """Count the draws that fall inside a shape."""
    count = page.integer(4, 40)
    page.let("inside", INT32, "int(0)", Interval(0, count))
    three = page.chance(40)
    with page.loop("n", page.extent(count, low=0), 0, count - 1):
        roles = ("x", "y", "z") if three else ("x", "y")
        for role in roles:
            _let_draw(page, role, "-1.0", "1.0") if page.chance(60) else _let_draw(page, role)
        if page.chance(40):
            vector = Vector(len(roles), page.scalar)
            page.let("p", vector, f"{vector.spelling}({', '.join(f'{{{role}}}' for role in roles)})")
            test = page.pick("wp.length({p}) < 1.0", "wp.dot({p}, {p}) <= 1.0", "wp.length_sq({p}) < 0.5")
        else:
            squares = " + ".join(f"{{{role}}} * {{{role}}}" for role in roles)
            sums = " + ".join(f"wp.abs({{{role}}})" for role in roles)
            tests = (f"{squares} < 1.0", f"{squares} <= 1.0", f"{sums} < 1.0")
            test = page.pick(*tests) if three else page.pick(*tests, "{y} < {x} * {x}", "{y} * {y} < {x}")
        if page.chance(35):
            page.let("extra", page.scalar, "{term}", term=page.grown(page.scalar, 1, exact=True))
            test += page.pick(" and ", " or ") + "{extra} > 0.0"
        page.emit(f"if {test}:\n    {{inside}} += 1")
        page.frame.written(page.variable("inside"))
    page.fill(3)
    if page.chance(40):
        page.array("counts", INT32, (page.integer(1, 4),), "atomic_add", Interval(-1000, 1000))
        page.emit("wp.atomic_add({counts}, 0, {inside})")
        page.frame.unit.events.append("atomic_add")
        return
    page.output("estimates", page.scalar)
    page.emit(
        "{estimates}[{index}] = "
        + page.pick(f"4.0 * {{scalar}}({{inside}}) / {count}.0", f"{{scalar}}({{inside}}) / {count}.0")
    )


def _walk(page: Page) -> None:
    """Walk at random from each thread's start, until the walk ends or leaves a region."""
    vector = Vector(page.integer(2, 3), page.scalar)
    page.roles["vector"] = vector.spelling
    plane = page.chance(60)
    type_ = vector if plane else page.scalar
    page.array("starts", type_, page.dims)
    page.let("position", type_, "{starts}[{index}]")
    page.let("steps", INT32, "int(0)", Interval(0, 64))
    page.constant("step_size", "0.1", "0.5", "0.25", "2.0")
    count = page.integer(4, 24)
    with page.loop("n", page.extent(count, low=0), 0, count - 1):
        if plane:
            for role in ("dx", "dy", "dz")[: vector.length]:
                _let_draw(page, role, "-1.0", "1.0")
            draws = ", ".join(f"{{{role}}}" for role in ("dx", "dy", "dz")[: vector.length])
            page.let("move", type_, f"{{vector}}({draws})")
        else:
            _let_draw(page, "draw")
            page.let(
                "move", type_, page.pick("wp.where({draw} < 0.5, -1.0, 1.0)", "{draw} - 0.5", "2.0 * {draw} - 1.0")
            )
        page.set("position", "{step_size} * {move}" if not plane else "{move} * {step_size}", "+")
        if page.chance(40):
            page.array("drift", type_, (count,))
            page.set("position", "{drift}[{n}]", page.pick("+", "-"))
        if page.chance(60):
            size = "wp.length({position})" if plane else "wp.abs({position})"
            page.emit(f"if {size} > {page.number(page.pick('10.0', '2.0', '5.0', '1.0'))}:\n    break")
        page.set("steps", "1", "+")
    page.variable("position").mutable = True
    page.update("position", percent=35)
    page.fill(3)
    page.output("ends", type_)
    page.emit("{ends}[{index}] = {position}")
    if page.chance(60):
        page.output("step_counts", INT32)
        page.emit("{step_counts}[{index}] = {steps}")


def _accept(page: Page) -> None:
    """Accept or reject proposed moves by a ratio of densities, as Metropolis does."""
    page.array("starts", page.scalar, page.dims)
    page.let("x", page.scalar, "{starts}[{index}]")
    page.total("sum_x", inexact=False)
    page.let("accepted", INT32, "int(0)", Interval(0, 64))
    density = page.pick(
        "1.0 / (1.0 + {q} * {q})",
        "wp.max(1.0 - wp.abs({q}), 0.0)",
        "1.0 / (1.0 + {q} * {q} * {q} * {q})",
        "wp.max(4.0 - {q} * {q}, 0.01)",
    )
    helper = helpers.function(page, "target_density", [("q", page.scalar)], density, page.scalar)
    count = page.integer(4, 20)
    page.constant("step_size", "0.5", "1.5", "0.25")
    with page.loop("n", page.extent(count, low=0), 0, count - 1):
        _let_draw(page, "draw", "-1.0", "1.0")
        page.let("proposal", page.scalar, "{x} + {step_size} * {draw}")
        page.let(
            "ratio",
            page.scalar,
            "{first} / {second}",
            first=helpers.call(page, helper, ["proposal"]),
            second=helpers.call(page, helper, ["x"]),
        )
        _let_draw(page, "threshold")
        page.emit(
            f"if {{threshold}} {page.pick('<', '<=')} {{ratio}}:\n    {{x}} = {{proposal}}\n    {{accepted}} += 1"
        )
        page.set("sum_x", page.pick("{x}", "{x} * {x}", "wp.abs({x})"), "+")
        page.mix("sum_x", percent=25)
    for role in ("x", "accepted"):
        page.frame.written(page.variable(role))
    page.fill(3)
    page.output("averages", page.scalar)
    page.emit(f"{{averages}}[{{index}}] = {{sum_x}} / {count}.0")
    page.output("accept_counts", INT32)
    page.emit("{accept_counts}[{index}] = {accepted}")


def _dice(page: Page) -> None:
    """Count draws of whole numbers, or use them to choose elements."""
    faces, count = page.integer(2, 12), page.integer(2, 16)
    choose = page.chance(50)
    page.let(
        "total",
        page.scalar if choose else INT32,
        page.zero(page.scalar if choose else INT32),
        None if choose else Interval(0, count * faces * 2),
        inexact=choose and page.loose,
        mutable=choose,
    )
    if choose:
        page.array("values", page.scalar, (faces,))
    else:
        page.array("counts", INT32, (faces,), "atomic_add", Interval(-1000, 1000))
    with page.loop("n", page.extent(count, low=0), 0, count - 1):
        page.let("pick", INT32, f"wp.randi({{state}}, 0, {faces})", Interval(0, faces - 1), index=True)
        if choose:
            if page.chance(30):
                page.emit(f"if {{pick}} == {page.integer(0, faces - 1)}:\n    {page.pick('continue', 'break')}")
            page.set(
                "total",
                page.pick("{values}[{pick}]", "{values}[{pick}] * {values}[{pick}]", "wp.abs({values}[{pick}])"),
                "+",
            )
            page.mix("total", percent=35)
        else:
            page.emit("wp.atomic_add({counts}, {pick}, 1)")
            page.frame.unit.events.append("atomic_add")
            page.set("total", page.pick("{pick}", "{pick} + 1", "2 * {pick}"), "+")
    page.update("total", percent=40) if choose else None
    page.fill(3)
    page.output("results", page.variable("total").type)
    page.emit("{results}[{index}] = {total}")


def _jitter(page: Page) -> None:
    """Perturb each thread's own point or value, with noise that is uniform, normal or on a sphere."""
    plane = page.chance(60)
    vector = Vector(3, page.scalar)
    page.roles["vector"] = vector.spelling
    type_ = vector if plane else page.scalar
    page.array("points" if plane else "signal", type_, page.dims)
    own = "{points}[{index}]" if plane else "{signal}[{index}]"
    page.constant("amplitude", "0.1", "0.5", "0.01", "0.05")
    if plane and page.scalar.name == "float32" and page.chance(50):
        name = page.pick(
            "sample_unit_sphere_surface", "sample_unit_cube", "sample_unit_sphere", "sample_unit_hemisphere_surface"
        )
        page.let("noise", vector, f"wp.{name}({{state}})", inexact=True)
    elif plane:
        for role in ("dx", "dy", "dz"):
            _let_draw(page, role, "-1.0", "1.0")
        page.let("noise", vector, "{vector}({dx}, {dy}, {dz})")
    elif page.chance(40):
        draw = "wp.randn({state})"
        page.let("noise", page.scalar, draw if page.scalar.name == "float32" else f"{{scalar}}({draw})", inexact=True)
    else:
        _let_draw(page, "noise", "-0.5", "0.5")
    page.let("jittered", type_, f"{own} + {{noise}} * {{amplitude}}", mutable=True, inexact=True)
    page.update("jittered", percent=55)
    page.fill(4)
    if page.chance(35):
        _let_draw(page, "dropout")
        page.constant("rate", "0.1", "0.2", "0.5")
        zero = "{jittered} * 0.0" if plane else "0.0"
        page.emit(f"if {{dropout}} < {{rate}}:\n    {{jittered}} = {zero if not plane else '{vector}()'}")
        page.frame.written(page.variable("jittered"))
    page.output("new_points" if plane else "results", type_)
    page.emit(
        ("{new_points}" if plane else "{results}")
        + "[{index}] = "
        + page.pick("{jittered}", "{jittered} * 0.5", "wp.lerp({jittered}, " + own + ", 0.25)")
    )
