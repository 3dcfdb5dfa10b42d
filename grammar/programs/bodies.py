"""Rigid bodies, integrated in time: forces, torques, orientation, contact with the ground."""

from __future__ import annotations

from grammar.programs import helpers
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import Matrix, Quaternion, ValueType, Vector


def rigid_body(frame: Frame, lines: int) -> None:
    """Step a body's position, orientation and velocities under forces, damping and contact."""
    page = Page(frame, lines)
    vector, quaternion = page.vector(3), Quaternion(page.scalar)
    page.roles["quaternion"] = quaternion.spelling
    state = _state(page, vector, quaternion)
    page.constant("dt", "0.01", "0.001", "0.1", "0.0166")
    _linear(page, vector)
    _angular(page, vector, quaternion)
    _contact(page, vector)
    page.fill(3)
    if state and page.chance(70):
        page.emit("{state}.position = {pos}\n{state}.rotation = {rot}\n{state}.velocity = {vel}\n{state}.omega = {ang}")
        page.output("new_states", page.variable("state").type)
        page.emit("{new_states}[{index}] = {state}")
        return
    for role, value, type_ in (("new_positions", "pos", vector), ("new_rotations", "rot", quaternion)):
        page.output(role, type_)
        page.emit(f"{{{role}}}[{{index}}] = {{{value}}}")
    if page.chance(40):
        page.let(
            "energy",
            page.scalar,
            page.pick(
                "0.5 * (wp.dot({vel}, {vel}) + wp.dot({ang}, {ang}))",
                "0.5 * wp.length_sq({vel}) + 0.5 * wp.dot({ang}, {inertia_w})"
                if "inertia_w" in page.roles
                else "0.5 * wp.length_sq({vel})",
            ),
        )
        page.output("energies", page.scalar)
        page.emit("{energies}[{index}] = {energy}")


def _state(page: Page, vector: Vector, quaternion: Quaternion) -> bool:
    """Bind x, q, v and w, read from a struct (True) or from arrays."""
    fields: list[tuple[str, ValueType]] = [
        ("position", vector),
        ("rotation", quaternion),
        ("velocity", vector),
        ("omega", vector),
    ]
    as_struct = page.chance(35)
    if as_struct:
        struct = helpers.struct(page, "BodyState", fields)
        page.array("states", struct, page.dims)
        page.let("state", struct, "{states}[{index}]")
    for role, (field, type_) in zip(("pos", "rot", "vel", "ang"), fields, strict=True):
        if not as_struct:
            page.array(f"{field}_array", type_, page.dims)
        text = f"{{state}}.{field}" if as_struct else f"{{{field}_array}}[{{index}}]"
        if role == "rot" and page.chance(30):
            text = f"wp.normalize({text})"
        page.let(role, type_, text, inexact=page.loose and role != "rot", mutable=role in ("vel", "ang"))
    return as_struct


def _linear(page: Page, vector: Vector) -> None:
    """Advance the velocity by force and gravity, then the position."""
    terms = []
    if page.chance(60):
        page.value("gravity", vector)
        terms.append("{gravity}")
    if page.chance(60) or not terms:
        page.array("forces", vector, page.dims)
        page.constant("inverse_mass", "0.1", "0.5", "2.0")
        terms.append("{forces}[{index}] * {inverse_mass}")
    page.set("vel", f"({' + '.join(terms)}) * {{dt}}" if len(terms) > 1 else f"{terms[0]} * {{dt}}", "+")
    if page.chance(40):
        page.constant("drag", "0.1", "0.01", "0.5")
        page.set(
            "vel",
            page.pick(
                "{vel} * (1.0 - {drag} * {dt})",
                "{vel} / (1.0 + {drag} * {dt})",
                "{vel} - {vel} * ({drag} * wp.length({vel}) * {dt})",
            ),
        )
    page.update("vel", percent=25)
    page.set("pos", page.pick("{vel} * {dt}", "{dt} * {vel}"), "+")


def _angular(page: Page, vector: Vector, quaternion: Quaternion) -> None:
    """Advance the angular velocity by the torque, in the body's frame or in the world's, and then the orientation."""
    page.array("torques", vector, page.dims)
    page.let("torque", vector, "{torques}[{index}]")
    style = page.pick("diagonal", "matrix", "none", "diagonal")
    if style == "diagonal":
        _turn_in_body(page, vector)
    elif style == "matrix":
        _turn_in_world(page, vector)
    else:
        turned = "wp.quat_rotate({rot}, {torque}) * {dt}"
        page.set("ang", page.pick("{torque} * {dt}", "wp.cross({torque}, {vel}) * {dt}", turned), "+")
    if page.chance(35):
        page.constant("angular_damping", "0.1", "0.05", "0.5")
        page.set("ang", "{ang} * (1.0 - {angular_damping} * {dt})")
    page.update("ang", percent=25)
    _turn(page, quaternion)


def _turn_in_body(page: Page, vector: Vector) -> None:
    """Apply the torque in the body's frame, where the inertia is a diagonal."""
    page.value("inertia", vector)
    page.let("w_body", vector, "wp.quat_rotate_inv({rot}, {ang})", inexact=page.loose)
    page.let("t_body", vector, "wp.quat_rotate_inv({rot}, {torque})")
    page.let("inertia_w", vector, "wp.cw_mul({inertia}, {w_body})", inexact=page.loose)
    page.let(
        "angular_acc",
        vector,
        "wp.cw_div({t_body} - wp.cross({w_body}, {inertia_w}), {inertia})",
        inexact=page.loose,
    )
    page.set(
        "ang",
        page.pick(
            "wp.quat_rotate({rot}, {w_body} + {angular_acc} * {dt})",
            "{ang} + wp.quat_rotate({rot}, {angular_acc}) * {dt}",
        ),
    )


def _turn_in_world(page: Page, vector: Vector) -> None:
    """Apply the torque in the world's frame, to which the inertia is rotated."""
    matrix = Matrix(3, 3, page.scalar)
    page.value("inertia", matrix) if page.chance(50) else page.array("inertias", matrix, page.dims)
    page.let("rotation_matrix", matrix, "wp.quat_to_matrix({rot})")
    own = "{inertia}" if "inertia" in page.roles else "{inertias}[{index}]"
    product = page.pick("*", "@")
    page.let(
        "world_inertia", matrix, f"{{rotation_matrix}} {product} {own} {product} wp.transpose({{rotation_matrix}})"
    )
    page.let("inertia_w", vector, f"{{world_inertia}} {product} {{ang}}", inexact=page.loose)
    page.let(
        "angular_acc",
        vector,
        f"wp.inverse({{world_inertia}}) {product} ({{torque}} - wp.cross({{ang}}, {{inertia_w}}))",
        inexact=page.loose,
    )
    page.set("ang", "{angular_acc} * {dt}", "+")


def _turn(page: Page, quaternion: Quaternion) -> None:
    """Advance the orientation by the angular velocity: by the derivative, or by an axis and an angle."""
    page.variable("rot").inexact = True
    if page.chance(70):
        half = page.pick("(0.5 * {dt})", "{dt} * 0.5")
        page.let(
            "spin",
            quaternion,
            page.pick("{quaternion}({ang}, 0.0) * {rot}", "{quaternion}({ang}[0], {ang}[1], {ang}[2], 0.0) * {rot}"),
        )
        page.set(
            "rot",
            f"wp.normalize({{rot}} + {{spin}} * {half})"
            if half[0] == "("
            else f"wp.normalize({{rot}} + {{spin}} * ({half}))",
        )
        return
    page.let("angle", page.scalar, "wp.length({ang}) * {dt}")
    page.let(
        "turn",
        quaternion,
        page.pick(
            "wp.quat_from_axis_angle(wp.normalize({ang}), {angle})",
            "wp.quat_from_axis_angle({ang} / (wp.length({ang}) + 0.001), {angle})",
        ),
        inexact=True,
    )
    page.set("rot", page.pick("wp.normalize({turn} * {rot})", "{turn} * {rot}"))


def _contact(page: Page, vector: Vector) -> None:
    """Push the body out of the ground, and reflect its velocity, where its height is exact."""
    if page.loose or not page.chance(45):
        return
    page.constant("ground", "0.0", "-1.0")
    page.constant("restitution", "0.5", "0.8", "0.2")
    up = page.integer(1, 2)
    page.let("depth", page.scalar, f"{{ground}} - {{pos}}[{up}]")
    page.roles["up"] = (
        "{vector}(0.0, 1.0, 0.0)".replace("{vector}", vector.spelling)
        if up == 1
        else f"{vector.spelling}(0.0, 0.0, 1.0)"
    )
    with page.suite("if {depth} > 0.0"):
        page.set("pos", "{up} * {depth}", "+")
        page.let("v_normal", page.scalar, f"{{vel}}[{up}]")
        if page.chance(50):
            page.emit("if {v_normal} < 0.0:\n    {vel} -= {up} * ((1.0 + {restitution}) * {v_normal})")
        else:
            page.set("vel", "{up} * (wp.min({v_normal}, 0.0) * (1.0 + {restitution}))", "-")
        if page.chance(40):
            page.set("ang", "{ang} * 0.9")
    for role in ("pos", "vel", "ang"):
        page.frame.written(page.variable(role))
