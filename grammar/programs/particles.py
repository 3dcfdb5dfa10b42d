"""Programs of particles that act on each other: all pairs (n-body), and smoothed particle hydrodynamics."""

from __future__ import annotations

from collections.abc import Sequence

from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import INT32, ValueType, Vector


class Bodies:
    """The particles: separate arrays, or one array of structs."""

    def __init__(self, page: Page, count: int, fields: Sequence[tuple[str, ValueType]]):
        self.page, self.count = page, count
        self.fields = dict(fields)
        self.as_struct = page.chance(30)
        if self.as_struct:
            struct = page.struct("Particle", fields)
            page.array("particles", struct, (count,))
        else:
            for field, type_ in fields:
                page.array(f"{field}_array", type_, (count,))

    def at(self, field: str, index: str) -> str:
        """Return the text of a particle's field."""
        if self.as_struct:
            return f"{{particles}}[{index}].{field}"
        return f"{{{field}_array}}[{index}]"

    def bind(self, role: str, field: str, index: str) -> str:
        """Read a field into a variable."""
        self.page.let(role, self.fields[field], self.at(field, index))
        return f"{{{role}}}"

    @property
    def array(self) -> str:
        """The role of an array with an element per particle."""
        return "particles" if self.as_struct else f"{next(iter(self.fields))}_array"


LAWS = (
    ("{mass_j} / ({r2} * {r})", False),
    ("{strength} * {mass_j} / ({r2} + {softening})", False),
    ("-{strength} * {mass_j} / ({r2} * wp.sqrt({r2}))", False),
    ("{stiffness} * ({r} - {rest_length}) / {r}", False),
    ("{strength} / ({r2} * {r2}) - {mass_j} / {r2}", False),
    ("wp.max({cutoff} - {r}, 0.0) * {strength}", False),
    ("{strength} * wp.exp(-{r} / {range_}) / {r2}", True),
    ("{mass_j} * wp.exp(-{r2})", True),
    ("{strength} * wp.tanh({r} - {rest_length}) / {r}", True),
    ("1.0 / (1.0 + {r2} * {stiffness})", False),
    ("{strength} * wp.clamp({r} - {rest_length}, -1.0, 1.0)", False),
    ("wp.pow({r2} + {softening}, -1.5) * {mass_j}", True),
)
"""Strengths of a force at the distance `r` (`r2` is its square), and whether a library function is in them."""

_LITERALS = {
    "strength": ("2.0", "0.5", "6.67", "10.0"),
    "softening": ("0.01", "1e-3", "0.05", "1e-4"),
    "stiffness": ("10.0", "0.5", "100.0"),
    "rest_length": ("1.0", "0.5", "2.0"),
    "cutoff": ("2.0", "1.0", "3.0", "4.0"),
    "range_": ("0.25", "0.5", "2.0"),
}


def n_body(frame: Frame, lines: int) -> None:
    """Sum a force over all other particles, or over pairs with atomics; then move the particle, or store the force."""
    page = Page(frame, lines)
    vector = page.vector()
    if len(page.dims) == 2:
        _pairs(page, vector)
        return
    count = page.dims[0]
    bodies = Bodies(page, count, _fields(page, vector))
    bodies.bind("position", "position", "{i}")
    law, inexact = LAWS[page.integer(0, len(LAWS) - 1)]
    inexact = inexact or page.loose
    page.loose = inexact
    page.total("force", vector)
    energy = page.chance(25)
    if energy:
        page.total("energy")
    needs = _prepare_law(page, law)
    with page.loop("other", page.extent(count, (bodies.array, 0), low=0), 0, count - 1):
        page.roles["j"] = page.roles["other"]
        inside = _apart(page)
        if inside:
            with page.suite("if {j} != {i}"):
                _interact(page, bodies, law, needs, energy)
        else:
            _interact(page, bodies, law, needs, energy)
    _integrate(page, bodies, vector)
    if energy:
        page.output("energies", page.scalar)
        page.emit("{energies}[{index}] = " + page.pick("{energy}", "0.5 * {energy}", "-{energy}"))


def _fields(page: Page, vector: Vector) -> list[tuple[str, ValueType]]:
    fields: list[tuple[str, ValueType]] = [("position", vector)]
    if page.chance(70):
        fields.append(("velocity", vector))
    fields.append(("mass", page.scalar))
    return fields


def _apart(page: Page) -> bool:
    """Leave the particle itself out: by `continue`, by a condition around the rest (True), or not at all."""
    kind = page.pick("continue", "condition", "softened")
    if kind == "continue":
        page.emit("if {j} == {i}:\n    continue")
    return kind == "condition"


def _prepare_law(page: Page, law: str) -> list[str]:
    """Add what parameters the law has; return its roles."""
    needs = [role for role in (*_LITERALS, "mass_j") if f"{{{role}}}" in law]
    for role in needs:
        if role in _LITERALS:
            page.constant(role, *_LITERALS[role])
    if "softening" not in needs:
        page.constant("softening", *_LITERALS["softening"])
    return needs


def _interact(page: Page, bodies: Bodies, law: str, needs: list[str], energy: bool) -> None:
    """Add the force of particle j."""
    away = page.chance(25)
    other = bodies.at("position", "{j}")
    vector = bodies.fields["position"]
    page.let("offset", vector, f"{{position}} - {other}" if away else f"{other} - {{position}}")
    if page.chance(50):
        page.let(
            "r2",
            page.scalar,
            page.pick("wp.dot({offset}, {offset})", "wp.length_sq({offset})")
            + page.pick(
                " + {softening}",
                " + {softening}" if isinstance(page.roles["softening"], str) else " + {softening} * {softening}",
            ),
        )
        page.let("r", page.scalar, "wp.sqrt({r2})") if "{r}" in law else None
    else:
        page.let(
            "r", page.scalar, page.pick("wp.length({offset}) + {softening}", "wp.max(wp.length({offset}), {softening})")
        )
        page.let("r2", page.scalar, "{r} * {r}") if "{r2}" in law else None
    distance = "{r2}" if "r2" in page.roles and "{r2}" in law else "{r}" if "{r}" in law else "{r2}"
    if page.chance(25):
        page.roles["limit"] = page.number(page.pick("4.0", "9.0", "16.0", "2.0"))
        page.emit(f"if {distance} > {{limit}}:\n    continue")
    if "mass_j" in needs:
        bodies.bind("mass_j", "mass", "{j}")
    operands = [role for role in ("r", "r2", *needs) if f"{{{role}}}" in law]
    variables = [role for role in operands if not isinstance(page.roles[role], str)]
    magnitude = page.formula("force_law", law, variables, inexact=page.loose)
    if page.chance(60):
        page.let("magnitude", page.scalar, "{term}", inexact=magnitude.inexact, term=magnitude)
        if page.chance(15):
            page.let("direction", vector, "wp.normalize({offset})")
            page.set("force", "{direction} * {magnitude}", "-" if away else "+")
        else:
            page.set("force", page.pick("{magnitude} * {offset}", "{offset} * {magnitude}"), "-" if away else "+")
        if energy:
            page.set(
                "energy",
                page.pick("{magnitude}", "{magnitude} * {r}", "0.5 * {magnitude}") if "{r}" in law else "{magnitude}",
                page.pick("+", "-"),
            )
    else:
        page.set("force", "{offset} * {term}", "-" if away else "+", term=magnitude)
        if energy:
            page.set("energy", f"1.0 / {distance}", "-")
    page.mix("force", percent=25)


def _integrate(page: Page, bodies: Bodies, vector: Vector) -> None:
    """Turn the force into what is stored: the force itself, or the particle moved by it."""
    page.update("force", percent=30)
    page.fill(3)
    if "velocity" not in bodies.fields or page.chance(25):
        page.output("forces", vector)
        page.emit(
            "{forces}[{index}] = "
            + page.pick("{force}", "{force} * {mass}", "{force} / {mass}").replace("{mass}", bodies.at("mass", "{i}"))
        )
        return
    page.constant("dt", "0.01", "0.001", "0.1")
    mass = f" / {bodies.at('mass', '{i}')}" if page.chance(50) else ""
    page.let(
        "velocity",
        vector,
        f"{bodies.at('velocity', '{i}')} + {{force}} * ({{dt}}{mass})"
        if mass
        else f"{bodies.at('velocity', '{i}')} + {{force}} * {{dt}}",
        mutable=True,
        inexact=page.loose,
    )
    if page.chance(30):
        page.constant("damping", "0.99", "0.9", "0.5")
        page.set("velocity", "{velocity} * {damping}")
    elif page.chance(25) and not page.loose:
        page.let("speed", page.scalar, "wp.length({velocity})")
        page.constant("max_speed", "10.0", "5.0", "1.0")
        page.emit("if {speed} > {max_speed}:\n    {velocity} = {velocity} * ({max_speed} / {speed})")
    page.update("velocity", percent=25)
    page.output("new_positions", vector)
    if page.chance(70):
        page.output("new_velocities", vector)
        page.emit("{new_velocities}[{index}] = {velocity}")
    page.let("moved", vector, "{position} + {velocity} * {dt}", inexact=page.loose, mutable=True)
    if page.chance(35) and not page.loose:
        _walls(page, vector)
    page.emit("{new_positions}[{index}] = {moved}")


def _walls(page: Page, vector: Vector) -> None:
    """Keep the particle in a box, by its components."""
    page.constant("half_width", "1.0", "5.0", "10.0")
    axis = page.integer(0, vector.length - 1)
    component = f"{{moved}}[{axis}]"
    page.roles["bounce"] = page.number(page.pick("0.5", "0.9", "1.5"))
    test = page.pick(f"wp.abs({component})", component)
    page.emit(f"if {test} > {{half_width}}:\n    {{moved}} = {{position}} - {{velocity}} * ({{dt}} * {{bounce}})")


def _pairs(page: Page, vector: Vector) -> None:
    """Add the force of one particle on another with an atomic, one pair a thread."""
    page.array("position_array", vector, (page.dims[0],))
    page.array("sources", vector, (page.dims[1],))
    page.array("source_masses", page.scalar, (page.dims[1],))
    law, inexact = LAWS[page.integer(0, len(LAWS) - 1)]
    page.loose = page.loose or inexact
    needs = _prepare_law(page, law)
    page.let("offset", vector, "{sources}[{j}] - {position_array}[{i}]")
    page.let(
        "r2", page.scalar, page.pick("wp.dot({offset}, {offset}) + {softening}", "wp.length_sq({offset}) + {softening}")
    )
    page.let("r", page.scalar, "wp.sqrt({r2})")
    if page.chance(40):
        page.constant("max_distance", "2.0", "4.0", "8.0")
        page.emit("if {r} > {max_distance}:\n    return")
    if "mass_j" in needs:
        page.let("mass_j", page.scalar, "{source_masses}[{j}]")
    operands = [role for role in ("r", "r2", *needs) if f"{{{role}}}" in law and not isinstance(page.roles[role], str)]
    page.let(
        "magnitude",
        page.scalar,
        "{term}",
        inexact=page.loose,
        term=page.formula("force_law", law, operands, page.loose),
        mutable=True,
    )
    page.update("magnitude", percent=40)
    page.fill(4)
    type_, text = (vector, "{magnitude} * {offset}")
    if page.scalar.bits < 32:
        page.array("sums", page.scalar, (page.dims[0],), "atomic_add")
        page.emit("wp.atomic_add({sums}, {i}, {magnitude})")
        return
    page.array("force_sums", type_, (page.dims[0],), "atomic_add")
    page.emit(f"wp.atomic_add({{force_sums}}, {{i}}, {text})")
    page.frame.unit.events.append("atomic_add")


# Smoothed particle hydrodynamics

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


def _smoothing(page: Page, kernel: str):  # type: ignore[no-untyped-def]
    """Define the smoothing kernel as a function of q; None to write it in place."""
    if "{h2_r2}" in kernel or page.chance(35):
        return None
    before = page.pick("", "if {q_ratio} >= 1.0:\n    return 0.0\n") if page.scalar.is_float else ""
    if "{rest_q}" in kernel:
        before += "{rest_q} = 1.0 - {q_ratio}\n"
    parameters = [("q_ratio", page.scalar)]
    if not isinstance(page.roles["scale"], str):
        parameters.append(("scale", page.scalar))
    return page.function("smoothing_kernel", parameters, kernel, page.scalar, page.loose, before)


def _near(page: Page, bodies: Bodies, vector: Vector, kernel: str, helper, second: str, separate: bool) -> None:  # type: ignore[no-untyped-def]
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


def _contribute(page: Page, bodies: Bodies, vector: Vector, kernel: str, helper, second: str) -> None:  # type: ignore[no-untyped-def]
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
        page.let("w_value", page.scalar, "{term}", term=page.call(helper, operands), inexact=page.loose)
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
