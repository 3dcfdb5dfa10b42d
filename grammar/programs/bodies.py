"""Programs of moving frames: rigid bodies that are integrated in time, and chains of transformations."""

from __future__ import annotations

from grammar.intervals import Interval
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import INT32, Matrix, Quaternion, Transform, ValueType, Vector


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
        struct = page.struct("BodyState", fields)
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
    elif style == "matrix":
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
    else:
        page.set(
            "ang",
            page.pick("{torque} * {dt}", "wp.cross({torque}, {vel}) * {dt}", "wp.quat_rotate({rot}, {torque}) * {dt}")
            if page.loose or not page.variable("vel").inexact
            else "{torque} * {dt}",
            "+",
        )
    if page.chance(35):
        page.constant("angular_damping", "0.1", "0.05", "0.5")
        page.set("ang", "{ang} * (1.0 - {angular_damping} * {dt})")
    page.update("ang", percent=25)
    _turn(page, quaternion)


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


# Chains of transformations


def transform(frame: Frame, lines: int) -> None:
    """Compose transformations along a chain or to a parent, and carry points, vectors or poses through them."""
    page = Page(frame, lines)
    page.vector(3)
    page.roles["transform"] = Transform(page.scalar).spelling
    page.roles["quaternion"] = Quaternion(page.scalar).spelling
    kinds = (_chain, _chain, _parents, _relative, _skinning)
    kinds[page.integer(0, len(kinds) - 1)](page)


def _joint(page: Page, place: str) -> None:
    """Bind `local`, the transformation of a joint: read, or made of an offset and a rotation."""
    vector, quaternion, pose = Vector(3, page.scalar), Quaternion(page.scalar), Transform(page.scalar)
    style = page.pick("read", "angle", "quaternion")
    shape = (page.variable("n").interval.high + 1,) if place == "{n}" else page.dims  # type: ignore[union-attr]
    if style == "read":
        page.array("joint_frames", pose, shape)
        page.let("local", pose, f"{{joint_frames}}[{place}]")
        return
    page.array("offsets", vector, shape)
    if style == "angle":
        page.array("angles", page.scalar, shape)
        axis = page.pick("0.0, 0.0, 1.0", "0.0, 1.0, 0.0", "1.0, 0.0, 0.0")
        if page.chance(50):
            page.array("axes", vector, shape)
            page.let("axis", vector, f"wp.normalize({{axes}}[{place}])")
        else:
            page.let("axis", vector, f"{{vector}}({axis})")
        page.let("turn", quaternion, f"wp.quat_from_axis_angle({{axis}}, {{angles}}[{place}])", inexact=True)
    else:
        page.array("rotations", quaternion, shape)
        page.let("turn", quaternion, page.pick(f"wp.normalize({{rotations}}[{place}])", f"{{rotations}}[{place}]"))
    page.let("local", pose, f"{{transform}}({{offsets}}[{place}], {{turn}})")


def _composed(page: Page, first: str, second: str) -> str:
    return page.pick(f"wp.transform_multiply({first}, {second})", f"{first} * {second}")


def _chain(page: Page) -> None:
    """Walk along the joints of a chain from its base."""
    pose = Transform(page.scalar)
    count = page.integer(2, 8)
    base = page.pick("array", "value", "identity")
    if base == "array":
        page.array("base_poses", pose, page.dims)
        page.let("pose", pose, "{base_poses}[{index}]", inexact=True)
    elif base == "value":
        page.value("base_pose", pose)
        page.let("pose", pose, "{base_pose}", inexact=True)
    else:
        page.let("pose", pose, "{transform}({vector}(0.0, 0.0, 0.0), wp.quat_identity({scalar}))", inexact=True)
    page.total("reach", inexact=True)
    with page.loop("n", page.extent(count, low=0), 0, count - 1):
        if page.chance(20):
            page.array("fixed", INT32, (count,), interval=Interval(0, 1))
            page.emit("if {fixed}[{n}] == 1:\n    continue")
        _joint(page, "{n}")
        page.set("pose", _composed(page, "{pose}", "{local}") if page.chance(75) else "{local} * {pose}")
        page.set(
            "reach",
            page.pick(
                "wp.length(wp.transform_get_translation({local}))",
                "wp.length({local}.p)",
                "wp.dot({local}.p, {local}.p)",
            ),
            "+",
        )
        page.mix("reach", percent=35)
    _carry(page)
    page.output("lengths", page.scalar)
    page.emit("{lengths}[{index}] = {reach}")


def _parents(page: Page) -> None:
    """Compose the pose of the thread's own joint with those of its ancestors, as many as a bound allows."""
    pose = Transform(page.scalar)
    page.array("local_poses", pose, page.dims[:1])
    extent = page.dims[0]
    page.array("parents", INT32, (extent,), interval=Interval(-1, extent - 1))
    page.let("pose", pose, "{local_poses}[{i}]", inexact=True)
    page.let("parent", INT32, "int({parents}[{i}])", Interval(-1, extent - 1))
    page.let("depth", INT32, "int(0)", Interval(0, 8))
    most = page.integer(2, 8)
    with page.suite(f"while {{parent}} >= 0 and {{depth}} < {most}"):
        page.let("ancestor", INT32, "wp.max({parent}, 0)", Interval(0, extent - 1), index=True)
        page.set(
            "pose",
            "{local_poses}[{ancestor}] * {pose}"
            if page.chance(50)
            else "wp.transform_multiply({local_poses}[{ancestor}], {pose})",
        )
        page.set("parent", "{parents}[{ancestor}]")
        page.emit("{depth} += 1")
    _carry(page)
    page.output("depths", INT32)
    page.emit("{depths}[{index}] = {depth}")


def _relative(page: Page) -> None:
    """Express one pose in the frame of another, or blend the two."""
    pose, vector = Transform(page.scalar), Vector(3, page.scalar)
    page.array("poses", pose, page.dims)
    page.value("camera_pose", pose) if page.chance(50) else page.array("camera_poses", pose, page.dims)
    own = "{camera_pose}" if "camera_pose" in page.roles else "{camera_poses}[{index}]"
    page.let("source", pose, "{poses}[{index}]")
    page.let("reference", pose, own)
    if page.chance(35):
        page.value("blend")
        page.let("position", vector, "wp.lerp({source}.p, {reference}.p, {blend})")
        style = page.pick(
            "wp.quat_slerp({source}.q, {reference}.q, {blend})",
            "wp.normalize({source}.q * (1.0 - {blend}) + {reference}.q * {blend})",
        )
        page.let("turn", Quaternion(page.scalar), style, inexact=True)
        page.let("pose", pose, "{transform}({position}, {turn})")
    else:
        page.let(
            "pose",
            pose,
            page.pick(
                "wp.transform_multiply(wp.transform_inverse({reference}), {source})",
                "wp.transform_inverse({reference}) * {source}",
                "{source} * wp.transform_inverse({reference})",
            ),
            inexact=True,
        )
    page.fill(3)
    _carry(page)


def _skinning(page: Page) -> None:
    """Blend where several bones carry a point."""
    pose, vector = Transform(page.scalar), Vector(3, page.scalar)
    bones, count = page.integer(2, 10), page.integer(2, 4)
    page.array("bones", pose, (bones,))
    page.indices("bone_indices", (page.dims[0], count), bones)
    page.array("weights", page.scalar, (page.dims[0], count))
    page.array("points", vector, page.dims)
    page.let("point", vector, "{points}[{index}]")
    page.total("skinned", vector, inexact=True)
    with page.loop("n", page.extent(count, ("weights", 1), low=0), 0, count - 1):
        page.let("bone", INT32, "{bone_indices}[{i}, {n}]", Interval(0, bones - 1), index=True)
        page.let("weight", page.scalar, "{weights}[{i}, {n}]")
        if page.chance(35):
            page.emit("if {weight} <= 0.0:\n    continue")
        page.set(
            "skinned",
            page.pick(
                "wp.transform_point({bones}[{bone}], {point}) * {weight}",
                "{weight} * wp.transform_point({bones}[{bone}], {point})",
                "{weight} * (wp.transform_vector({bones}[{bone}], {point}) + {bones}[{bone}].p)",
            ),
            "+",
        )
        page.mix("skinned", percent=35)
    page.update("skinned", percent=30)
    page.fill(3)
    page.output("new_points", vector)
    page.emit("{new_points}[{index}] = {skinned}")


def _carry(page: Page) -> None:
    """Carry a point or vector through the pose, or store the pose itself."""
    vector = Vector(3, page.scalar)
    style = page.pick("point", "vector", "pose", "pose", "inverse")
    if style == "pose":
        page.output("new_poses", Transform(page.scalar))
        page.emit(
            "{new_poses}[{index}] = "
            + page.pick("{pose}", "wp.transform_inverse({pose})", "{transform}({pose}.p, wp.normalize({pose}.q))")
        )
        return
    if page.chance(50):
        page.array("points", vector, page.dims)
        page.let("point", vector, "{points}[{index}]")
    else:
        page.value("point", vector)
    text = {
        "point": "wp.transform_point({pose}, {point})",
        "vector": "wp.transform_vector({pose}, {point})",
        "inverse": page.pick(
            "wp.transform_point(wp.transform_inverse({pose}), {point})",
            "wp.quat_rotate_inv({pose}.q, {point} - {pose}.p)",
        ),
    }[style]
    page.let("carried", vector, text, inexact=True, mutable=True)
    page.update("carried", percent=40)
    page.fill(2)
    page.output("new_points", vector)
    page.emit("{new_points}[{index}] = {carried}")
