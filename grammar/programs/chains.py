"""Chains of transformations: joints composed, poses related, points carried and skinned."""

from __future__ import annotations

from grammar.intervals import Interval
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import INT32, Quaternion, Transform, Vector


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
    shape = (page.trips("n"),) if place == "{n}" else page.dims
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
