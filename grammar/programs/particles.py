"""Particles that act on each other: forces summed over all pairs, and steps in time."""

from __future__ import annotations

from collections.abc import Sequence

from grammar.programs import helpers
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import ValueType, Vector


class Bodies:
    """The particles: separate arrays, or one array of structs."""

    def __init__(self, page: Page, count: int, fields: Sequence[tuple[str, ValueType]]):
        self.page, self.count = page, count
        self.fields = dict(fields)
        self.as_struct = page.chance(30)
        if self.as_struct:
            struct = helpers.struct(page, "Particle", fields)
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
    magnitude = helpers.formula(page, "force_law", law, variables, inexact=page.loose)
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
        term=helpers.formula(page, "force_law", law, operands, page.loose),
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
