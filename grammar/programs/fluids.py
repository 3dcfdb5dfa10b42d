"""Smoothed particle hydrodynamics: density and what follows from it, by a kernel over the particles near by."""

from __future__ import annotations

from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs import helpers
from grammar.programs.page import Page
from grammar.programs.particles import Bodies
from grammar.scope import Frame, Helper
from grammar.types import INT32, ValueType, Vector

KERNELS = (
    ("poly6", "{h2_r2} * {h2_r2} * {h2_r2} * {scale}", False),
    ("spiky", "{scale} * {rest_q} * {rest_q} * {rest_q}", False),
    ("quadratic", "{scale} * (1.0 - {q_ratio} * {q_ratio})", False),
    ("wendland", "{scale} * (1.0 - {q_ratio} * {q_ratio}) * (2.0 * {q_ratio} + 1.0)", False),
    ("gaussian", "{scale} * wp.exp(-{q_ratio} * {q_ratio})", True),
    ("cosine", "{scale} * (1.0 + wp.cos(3.14159 * {q_ratio}))", True),
    ("lucy", "{scale} * (1.0 + 3.0 * {q_ratio}) * {rest_q} * {rest_q} * {rest_q}", False),
)
"""Smoothing kernels of q, the distance in units of the radius."""


_MORE_FIELDS = {"viscosity": ("velocity", True), "pressure": ("pressure", False), "color": ("temperature", False)}
"""What a particle needs for a second sum, and whether that is a vector."""


def sph(frame: Frame, lines: int) -> None:
    """Sum a smoothing kernel over the particles within a radius: density, then pressure, viscosity or colour."""
    page = Page(frame, lines)
    vector = page.vector(3 if page.chance(65) else 2)
    count = page.dims[0] if len(page.dims) == 1 or page.chance(50) else page.integer(4, 24)
    grid = len(page.dims) > 1
    fields: list[tuple[str, ValueType]] = [("position", vector), ("mass", page.scalar)]
    second = pick_weighted(page.choices, (("", 3), ("viscosity", 3), ("pressure", 3), ("color", 2), ("gradient", 2)))
    if second in _MORE_FIELDS:
        field, is_vector = _MORE_FIELDS[second]
        fields.append((field, vector if is_vector else page.scalar))
    _, kernel, inexact = KERNELS[page.integer(0, len(KERNELS) - 1)]
    page.loose = page.loose or inexact
    bodies = Bodies(page, count, fields)
    page.value("radius")
    if grid or count != page.dims[0]:
        page.array("queries", vector, page.dims)
        page.let("position", vector, "{queries}[{index}]")
    else:
        bodies.bind("position", "position", "{i}")
    page.constant("scale", "1.5667", "0.3183", "2.546", "4.774")
    page.let("h2", page.scalar, "{radius} * {radius}")
    helper = _smoothing(page, kernel)
    page.total("density")
    if second in ("viscosity", "pressure", "gradient"):
        page.total("force", vector)
    elif second:
        page.total("field_value")
    gathered = page.chance(35)
    slots = page.integer(3, 12)
    if gathered:
        page.indices("neighbors", (*page.dims[:1], slots), count)
    with page.loop(
        "n",
        page.extent(slots if gathered else count, ("neighbors", 1) if gathered else (bodies.array, 0), low=0),
        0,
        (slots if gathered else count) - 1,
    ):
        if gathered:
            page.let("other", INT32, "{neighbors}[{i}, {n}]", Interval(0, count - 1), index=True)
        page.roles["j"] = page.roles["other" if gathered else "n"]
        _near(page, bodies, vector, kernel, helper, second, grid or count != page.dims[0])
    _state(page, vector, second)


def _smoothing(page: Page, kernel: str) -> Helper | None:
    """Define the smoothing kernel as a function of q; None to write it in place."""
    if "{h2_r2}" in kernel or page.chance(35):
        return None
    before = page.pick("", "if {q_ratio} >= 1.0:\n    return 0.0\n") if page.scalar.is_float else ""
    if "{rest_q}" in kernel:
        before += "{rest_q} = 1.0 - {q_ratio}\n"
    parameters = [("q_ratio", page.scalar)]
    if not isinstance(page.roles["scale"], str):
        parameters.append(("scale", page.scalar))
    return helpers.function(page, "smoothing_kernel", parameters, kernel, page.scalar, page.loose, before)


def _near(
    page: Page, bodies: Bodies, vector: Vector, kernel: str, helper: Helper | None, second: str, separate: bool
) -> None:
    """Add what a particle within the radius contributes."""
    if not separate and page.chance(25):
        page.emit("if {i} == {j}:\n    continue")
    page.let("offset", vector, "{position} - " + bodies.at("position", "{j}"))
    page.let("r2", page.scalar, page.pick("wp.dot({offset}, {offset})", "wp.length_sq({offset})"))
    if page.chance(40):
        page.emit("if {r2} >= {h2}:\n    continue")
        _contribute(page, bodies, vector, kernel, helper, second)
        return
    with page.suite(page.pick("if {r2} < {h2}", "if {r2} <= {h2}")):
        _contribute(page, bodies, vector, kernel, helper, second)


def _contribute(page: Page, bodies: Bodies, vector: Vector, kernel: str, helper: Helper | None, second: str) -> None:
    if "{h2_r2}" in kernel:
        page.let("h2_r2", page.scalar, "{h2} - {r2}")
    else:
        page.let("q_ratio", page.scalar, page.pick("wp.sqrt({r2}) / {radius}", "wp.sqrt({r2} / {h2})"))
    if helper is None:
        if "{rest_q}" in kernel:
            page.let("rest_q", page.scalar, "1.0 - {q_ratio}")
        page.let("w_value", page.scalar, kernel, inexact=page.loose)
    else:
        operands = ["q_ratio"] + ["scale"] * (len(helper.parameters) > 1 and not isinstance(page.roles["scale"], str))
        page.let("w_value", page.scalar, "{term}", term=helpers.call(page, helper, operands), inexact=page.loose)
    bodies.bind("mass_j", "mass", "{j}")
    page.set("density", page.pick("{mass_j} * {w_value}", "{w_value} * {mass_j}"), "+")
    match second:
        case "viscosity":
            page.set("force", f"{bodies.at('velocity', '{j}')} * ({{w_value}} * {{mass_j}})", "+")
        case "pressure":
            page.set("force", f"{{offset}} * ({bodies.at('pressure', '{j}')} * {{w_value}})", page.pick("+", "-"))
        case "gradient":
            page.set("force", "{offset} * ({mass_j} / ({r2} + 0.01))", "+")
        case "color":
            page.set("field_value", f"{bodies.at('temperature', '{j}')} * {{w_value}}", "+")
    page.mix("density", percent=25)


def _state(page: Page, vector: Vector, second: str) -> None:
    """Store the density, and what follows from it."""
    page.update("density", percent=35)
    page.fill(4)
    page.output("densities", page.scalar)
    page.emit("{densities}[{index}] = {density}")
    if page.chance(50):
        page.constant("stiffness", "1000.0", "50.0", "3.0")
        page.constant("rest_density", "1000.0", "1.0", "100.0")
        law = page.pick(
            "{stiffness} * ({density} - {rest_density})",
            "wp.max({stiffness} * ({density} - {rest_density}), 0.0)",
            "{stiffness} * ({density} / {rest_density} - 1.0)",
        )
        page.let("pressure", page.scalar, law)
        page.output("pressures", page.scalar)
        page.emit("{pressures}[{index}] = {pressure}")
    if second in ("viscosity", "pressure", "gradient"):
        page.update("force", percent=30)
        page.output("forces", vector)
        page.emit("{forces}[{index}] = " + page.pick("{force}", "{force} / {density}", "-{force}"))
    elif second:
        page.output("smoothed", page.scalar)
        page.emit("{smoothed}[{index}] = " + page.pick("{field_value}", "{field_value} / ({density} + 0.001)"))
