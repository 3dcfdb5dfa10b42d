"""Programs that follow rays: spheres hit exactly, signed distances marched, media and height fields stepped through."""

from __future__ import annotations

from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs import helpers
from grammar.programs.page import Page
from grammar.scope import Frame, Helper
from grammar.types import INT32, ValueType, Vector


def ray_march(frame: Frame, lines: int) -> None:
    """Follow each thread's ray to what it hits, and shade that or store how far it is."""
    page = Page(frame, lines)
    vector = page.vector(3)
    _ray(page, vector)
    kind = pick_weighted(page.choices, (("distance", 6), ("spheres", 4), ("medium", 2), ("heights", 2)))
    {"distance": _distance, "spheres": _spheres, "medium": _medium, "heights": _heights}[kind](page, vector)


def _ray(page: Page, vector: Vector) -> None:
    """Bind the ray's origin and direction: read, passed, or made from the pixel."""
    if page.chance(50):
        page.value("origin", vector)
    else:
        page.array("origins", vector, page.dims)
        page.let("origin", vector, "{origins}[{index}]")
    if len(page.dims) == 1 or page.chance(35):
        page.array("directions", vector, page.dims)
        page.let("direction", vector, page.pick("wp.normalize({directions}[{index}])", "{directions}[{index}]"))
        return
    for role, axis, extent in (("pixel_u", "i", page.dims[0]), ("pixel_v", "j", page.dims[1])):
        page.let(
            role,
            page.scalar,
            page.pick(
                f"2.0 * {{scalar}}({{{axis}}}) / {extent}.0 - 1.0", f"({{scalar}}({{{axis}}}) + 0.5) / {extent}.0 - 0.5"
            ),
        )
    page.constant("focal_length", "1.0", "1.5", "2.0")
    page.let(
        "direction",
        vector,
        page.pick(
            "wp.normalize({vector}({pixel_u}, {pixel_v}, {focal_length}))",
            "wp.normalize({vector}({pixel_u}, {pixel_v}, -{focal_length}))",
        ),
    )


# Signed distances


def _parts(page: Page) -> tuple[str, str, str]:
    return ("{p}.x", "{p}.y", "{p}.z") if page.frame.unit.dotted else ("{p}[0]", "{p}[1]", "{p}[2]")


def _primitive(page: Page) -> str:
    """Return the text of a primitive's distance at `p`, with constants, or values that the scene passes."""
    x, y, z = _parts(page)
    size = page.pick("0.5", "1.0", "0.75", "2.0", "{size}")
    coordinates = (
        page.pick("0.0", "1.0", "-1.0", "0.5"),
        page.pick("0.0", "0.5", "-0.5"),
        page.pick("0.0", "2.0", "1.5"),
    )
    offset = f"{{vector}}({', '.join(coordinates)})"
    center = page.pick("{center}", offset)
    return page.pick(
        f"wp.length({{p}} - {center}) - {size}",
        f"wp.length({{p}}) - {size}",
        f"{y} + {size}",
        f"wp.dot({{p}}, {{vector}}(0.0, 1.0, 0.0)) + {size}",
        f"wp.max(wp.abs({x}), wp.max(wp.abs({y}), wp.abs({z}))) - {size}",
        f"wp.length(wp.max(wp.abs({{p}} - {center}) - {{vector}}(0.5, 0.25, 0.5), {{vector}}(0.0, 0.0, 0.0))) - 0.1",
        f"wp.max(wp.sqrt({x} * {x} + {z} * {z}) - {size}, wp.abs({y}) - 1.0)",
        f"(wp.abs({x}) + wp.abs({y}) + wp.abs({z}) - {size}) * 0.57735",
        f"wp.length({{p}} - {{vector}}(0.0, wp.clamp({y}, 0.0, 1.0), 0.0)) - 0.25",
    )  # fmt: skip


_SCENE_VALUES = (("center", "{vector}(0.0, 0.5, 0.0)"), ("size", "0.8"))
"""What a scene may be passed, with the literal that stands there otherwise."""


def _scene(page: Page, vector: Vector) -> tuple[Helper, list[str]]:
    """Define the scene as a function: one to three primitives, joined, cut or blended; return its parameters' roles."""
    primitives = [_primitive(page) for _ in range(page.integer(1, 3))]
    for role, literal in _SCENE_VALUES:
        if page.chance(40):
            primitives = [text.replace(f"{{{role}}}", literal) for text in primitives]
    before = ""
    if len(primitives) > 1 and page.chance(20):
        cell = page.pick("2.0", "3.0", "4.0")
        before = page.pick(f"{{local}} = {{p}} - {{vector}}({cell}, 0.0, {cell})\n", "{local} = {p} * 0.5\n")
        primitives = [primitives[0], *(text.replace("{p}", "{local}") for text in primitives[1:])]
    for place, primitive in enumerate(primitives[:-1]):
        before += f"{{d{place}}} = {primitive}\n"
    result = primitives[-1]
    for place in reversed(range(len(primitives) - 1)):
        result = _joined(page, f"{{d{place}}}", result)
    parameters: list[tuple[str, ValueType]] = [("p", vector)]
    for role, type_ in (("center", vector), ("size", page.scalar)):
        if f"{{{role}}}" in before + result:
            page.value(role, type_)
            parameters.append((role, type_))
    scene = helpers.function(page, "scene_distance", parameters, result, page.scalar, before=before, spice=25)
    return scene, [role for role, _ in parameters]


def _joined(page: Page, first: str, second: str) -> str:
    """Return the union, intersection or difference of two distances, or a smooth union by a function of its own."""
    if page.chance(30):
        if "smooth_name" not in page.roles:
            blend = page.pick("0.2", "0.5", "0.1")
            before = page.pick(
                f"{{h}} = wp.clamp(0.5 + 0.5 * ({{b}} - {{a}}) / {blend}, 0.0, 1.0)\n",
                f"{{h}} = wp.max({blend} - wp.abs({{a}} - {{b}}), 0.0) / {blend}\n",
            )
            result = (
                f"wp.lerp({{b}}, {{a}}, {{h}}) - {blend} * {{h}} * (1.0 - {{h}})"
                if "clamp" in before
                else f"wp.min({{a}}, {{b}}) - {{h}} * {{h}} * {blend} * 0.25"
            )
            helper = helpers.function(
                page,
                "smooth_union",
                [("a", page.scalar), ("b", page.scalar)],
                result,
                page.scalar,
                before=before,
                spice=0,
            )
            page.roles["smooth_name"] = helper.name
        return f"{page.name('smooth_name')}({first}, {second})"
    return page.pick(
        f"wp.min({first}, {second})",
        f"wp.max({first}, {second})",
        f"wp.max({first}, {_negated(second)})",
        f"wp.min({first}, {second})",
    )


def _negated(text: str) -> str:
    """Return a text with a minus, in parentheses unless it is one call."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == ")" and depth == 0:
            return f"-{text}" if place == len(text) - 1 and text[0] != "(" else f"-({text})"
    return f"-({text})"


def _distance(page: Page, vector: Vector) -> None:
    """March by the distance to the scene until that is small, or the ray has gone too far."""
    scene, passed = _scene(page, vector)
    operands = passed[1:]
    page.constant("t_max", "10.0", "20.0", "100.0", "50.0")
    page.constant("epsilon", "0.001", "1e-3", "0.01", "0.005")
    page.let("t", page.scalar, f"{{scalar}}({page.pick('0.0', '0.01', '0.1')})")
    steps = page.integer(8, 32)
    count = page.pick(str(steps), page.extent(steps, low=1))
    relax = page.pick("", "", " * 0.9", " * 0.5")
    if page.chance(55):
        with page.loop("step", count, 0, steps - 1):
            _step(page, vector, scene, operands, relax)
            page.emit("if {t} > {t_max}:\n    break")
    else:
        page.let("steps", INT32, "int(0)", Interval(0, steps))
        with page.suite(f"while {{t}} < {{t_max}} and {{steps}} < {count}"):
            _step(page, vector, scene, operands, relax)
            page.emit("{steps} += 1")
    page.frame.written(page.variable("t"))
    _shade(page, vector, scene, operands)


def _step(page: Page, vector: Vector, scene: Helper, operands: list[str], relax: str) -> None:
    page.let("p", vector, "{origin} + {direction} * {t}")
    page.let("distance", page.scalar, "{term}", term=helpers.call(page, scene, ["p", *operands]))
    page.emit(f"if {page.pick('wp.abs({distance})', '{distance}', '{distance}')} < {{epsilon}}:\n    break")
    page.set("t", "{distance}" + relax, "+")


def _shade(page: Page, vector: Vector, scene: Helper, operands: list[str]) -> None:
    """Store how far the ray went, or a shade from the scene's gradient at the hit."""
    if page.chance(30):
        page.fill(3)
        page.output("depths", page.scalar)
        page.emit(
            "{depths}[{index}] = " + page.pick("{t}", "wp.min({t}, {t_max})", "wp.where({t} < {t_max}, {t}, -1.0)")
        )
        return
    page.let("shade", page.scalar, page.zero(page.scalar), inexact=page.loose, mutable=True)
    with page.suite("if {t} < {t_max}"):
        page.let("hit", vector, "{origin} + {direction} * {t}")
        page.roles["step_size"] = page.number(page.pick("0.001", "0.01"))
        base = (
            page.expression(
                "{scene}({hit}" + "".join(f", {{{role}}}" for role in operands) + ")", page.scalar, scene=scene.name
            )
            if len(scene.parameters) == 1 + len(operands)
            else None
        )
        if base is None:
            page.let("gradient", vector, page.pick("{hit} - {origin}", "{hit}"))
        else:
            rest = "".join(f", {{{role}}}" for role in operands)
            page.let("base", page.scalar, "{term}", term=base)
            for axis, offset in zip(
                ("gx", "gy", "gz"),
                ("{step_size}, 0.0, 0.0", "0.0, {step_size}, 0.0", "0.0, 0.0, {step_size}"),
                strict=True,
            ):
                page.let(
                    axis, page.scalar, f"{{scene}}({{hit}} + {{vector}}({offset}){rest}) - {{base}}", scene=scene.name
                )
            page.let("gradient", vector, "{vector}({gx}, {gy}, {gz})")
        page.let("normal", vector, "wp.normalize({gradient})")
        if "light" not in page.roles:
            page.value("light", vector)
        page.set(
            "shade",
            page.pick(
                "wp.max(wp.dot({normal}, {light}), 0.0)",
                "0.5 * wp.dot({normal}, {light}) + 0.5",
                "wp.abs(wp.dot({normal}, {direction}))",
                "wp.clamp(wp.dot({normal}, {light}), 0.1, 1.0)",
            ),
        )
        page.mix("shade", percent=35)
        page.frame.written(page.variable("shade"))
    page.output("pixels", page.scalar)
    page.emit("{pixels}[{index}] = " + page.pick("{shade}", "{shade}", "{shade} / (1.0 + 0.1 * {t})"))


# Spheres, exactly


def _spheres(page: Page, vector: Vector) -> None:
    """Solve the quadratic of each sphere, and keep the nearest hit."""
    count = page.integer(2, 12)
    page.array("centers", vector, (count,))
    one_radius = page.chance(30)
    if one_radius:
        page.value("radius")
    else:
        page.array("radii", page.scalar, (count,))
    page.let("nearest", page.scalar, f"{{scalar}}({page.pick('1000.0', '1e4', '100.0')})")
    page.let("hit_index", INT32, "int(-1)", Interval(-1, count - 1))
    with page.loop("n", page.extent(count, ("centers", 0), low=0), 0, count - 1):
        flipped = page.chance(30)
        page.let("to_center", vector, "{centers}[{n}] - {origin}" if flipped else "{origin} - {centers}[{n}]")
        radius = "{radius}" if one_radius else "{radii}[{n}]"
        page.let("b", page.scalar, "wp.dot({to_center}, {direction})")
        page.let("c", page.scalar, f"wp.dot({{to_center}}, {{to_center}}) - {radius} * {radius}")
        page.let("discriminant", page.scalar, "{b} * {b} - {c}")
        root = page.pick(
            "{b} - wp.sqrt({discriminant})" if flipped else "-{b} - wp.sqrt({discriminant})",
            "wp.abs({b}) - wp.sqrt({discriminant})",
        )
        if page.chance(50):
            page.emit("if {discriminant} < 0.0:\n    continue")
            _nearer(page, root)
        else:
            with page.suite(page.pick("if {discriminant} > 0.0", "if {discriminant} >= 0.0")):
                _nearer(page, root)
    page.fill(3)
    _sphere_result(page, vector)


def _nearer(page: Page, root: str) -> None:
    page.let("t", page.scalar, root)
    test = page.pick("{t} > 0.0 and {t} < {nearest}", "0.0 < {t} < {nearest}", "{t} < {nearest} and {t} >= 0.001")
    page.emit(f"if {test}:\n    {{nearest}} = {{t}}\n    {{hit_index}} = {{n}}")
    for role in ("nearest", "hit_index"):
        page.frame.written(page.variable(role))


def _sphere_result(page: Page, vector: Vector) -> None:
    """Store the hit's distance and sphere, or shade it."""
    page.output("depths", page.scalar)
    if page.chance(50):
        page.emit("{depths}[{index}] = {nearest}")
        page.output("hits", INT32)
        page.emit("{hits}[{index}] = {hit_index}")
        return
    page.let("shade", page.scalar, page.zero(page.scalar), inexact=page.loose, mutable=True)
    with page.suite("if {hit_index} >= 0"):
        page.let("hit", vector, "{origin} + {nearest} * {direction}")
        page.let("normal", vector, "wp.normalize({hit} - {centers}[wp.max({hit_index}, 0)])")
        page.set(
            "shade",
            page.pick(
                "wp.max(-wp.dot({normal}, {direction}), 0.0)",
                "wp.abs(wp.dot({normal}, {direction}))",
                "0.5 + 0.5 * wp.dot({normal}, {direction})",
            ),
        )
        page.mix("shade", percent=40)
        page.frame.written(page.variable("shade"))
    page.emit("{depths}[{index}] = " + page.pick("{shade}", "{shade} / (1.0 + {nearest})", "{shade} * {nearest}"))


# Media and height fields


def _medium(page: Page, vector: Vector) -> None:
    """Step through a medium, and gather what it emits behind what it absorbs."""
    page.constant("step_size", "0.1", "0.25", "0.05")
    page.constant("absorption", "0.5", "0.8", "2.0")
    page.value("center", vector)
    page.let("transmittance", page.scalar, "{scalar}(1.0)")
    page.total("radiance")
    steps = page.integer(6, 24)
    # Warp 1.19 gives an unrolled loop's index the type that it is converted to.
    with page.loop("step", page.value("count", INT32, Interval(0, steps)).name, 0, steps - 1):
        page.let(
            "p",
            vector,
            page.pick(
                "{origin} + {direction} * ({scalar}({step}) * {step_size})",
                "{origin} + {direction} * (({scalar}({step}) + 0.5) * {step_size})",
            ),
        )
        page.let("r", page.scalar, page.pick("wp.length({p} - {center})", "wp.length_sq({p} - {center})"))
        density = helpers.formula(
            page,
            "medium_density",
            page.pick(
                "wp.max(1.0 - {r}, 0.0)",
                "1.0 / (1.0 + {r} * {r})",
                "wp.clamp(2.0 - {r}, 0.0, 1.0)",
                "wp.max(0.5 - 0.25 * {r}, 0.0) * {r}",
            ),
            ["r"],
        )
        page.let("density", page.scalar, "{term}", term=density)
        page.let(
            "opacity",
            page.scalar,
            page.pick("wp.min({density} * {absorption} * {step_size}, 1.0)", "{density} * {step_size}"),
        )
        page.set("radiance", page.pick("{transmittance} * {opacity}", "{transmittance} * {opacity} * {density}"), "+")
        page.set("transmittance", "1.0 - {opacity}", "*")
        page.mix("radiance", percent=30)
        if page.chance(60):
            page.emit("if {transmittance} < " + page.number(page.pick("0.01", "0.001", "0.05")) + ":\n    break")
    page.update("radiance", percent=35)
    page.fill(3)
    page.output("pixels", page.scalar)
    page.emit(
        "{pixels}[{index}] = "
        + page.pick("{radiance}", "{radiance} + {transmittance} * 0.1", "wp.lerp({radiance}, 1.0, {transmittance})")
    )


def _heights(page: Page, vector: Vector) -> None:
    """Step along the ray until it is below a height field."""
    size = page.integer(4, 12)
    page.array("heights", page.scalar, (size, size))
    x, y, z = _parts(page)
    page.constant("step_size", "0.25", "0.1", "0.5")
    page.let("t", page.scalar, page.zero(page.scalar))
    page.let("hit_steps", INT32, "int(0)", Interval(0, 64))
    steps = page.integer(6, 24)
    with page.loop("step", page.extent(steps, low=0), 0, steps - 1):
        page.let("p", vector, "{origin} + {direction} * {t}")
        for role, part in (("row", x), ("column", z)):
            text = page.pick(
                f"int(wp.clamp({part}, 0.0, {size - 1}.0))", f"int(wp.clamp({part} + {size // 2}.0, 0.0, {size - 1}.0))"
            )
            page.let(role, INT32, text, Interval(0, size - 1), index=True)
        page.let("height", page.scalar, "{heights}[{row}, {column}]")
        page.emit(f"if {y} < {{height}}:\n    break")
        page.set(
            "t",
            page.pick(
                "{step_size}", "{step_size} * (1.0 + 0.1 * {t})", f"wp.max({{step_size}}, 0.5 * ({y} - {{height}}))"
            ),
            "+",
        )
        page.set("hit_steps", "1", "+")
    page.fill(4)
    page.output("depths", page.scalar)
    page.emit("{depths}[{index}] = " + page.pick("{t}", "wp.min({t}, 10.0)", "{t} * {t}"))
    page.output("step_counts", INT32)
    page.emit("{step_counts}[{index}] = {hit_steps}")
