"""Assembly of finite elements: what each contributes to its nodes is added there with atomics."""

from __future__ import annotations

from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs import helpers
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import FLOAT32, INT32, Matrix, Vector


def fem(frame: Frame, lines: int) -> None:
    """Compute what an element contributes to its nodes, and add it there with atomics."""
    page = Page(frame, lines)
    if page.scalar.bits < 32:
        page.use(FLOAT32)
    nodes = page.integer(4, 24)
    kind = pick_weighted(
        page.choices, (("triangle", 4), ("bar", 3), ("tetrahedron", 2), ("quadrature", 3), ("diffusion", 3))
    )
    corners = {"triangle": 3, "bar": 2, "tetrahedron": 4, "quadrature": 2, "diffusion": 3}[kind]
    vector = page.vector({"triangle": 2, "tetrahedron": 3, "diffusion": 2}.get(kind, 0))
    page.array("nodes", vector, (nodes,))
    page.indices("elements", (*page.dims, corners), nodes)
    if page.chance(25):
        page.array("is_active", INT32, page.dims, interval=Interval(0, 1))
        page.emit("if {is_active}[{index}] == 0:\n    return")
    for place in range(corners):
        page.let(f"n{place}", INT32, f"{{elements}}[{{index}}, {place}]", Interval(0, nodes - 1), index=True)
    page.fill(2)
    {"triangle": _simplex, "tetrahedron": _simplex, "bar": _bar, "quadrature": _quadrature, "diffusion": _diffusion}[
        kind
    ](page, vector, nodes)
    page.fill(3)


def _scatter(page: Page, role: str, contributions: list[tuple[str, str]]) -> None:
    """Add each contribution to the node of its role."""
    page.frame.unit.events.append("atomic_add")
    for node, text in contributions:
        page.emit(f"wp.atomic_add({{{role}}}, {{{node}}}, {text})")


def _bar(page: Page, vector: Vector, nodes: int) -> None:
    """A bar or spring between two nodes, with damping at times."""
    page.constant("stiffness", "100.0", "10.0", "2.0")
    page.array("rest_lengths", page.scalar, page.dims)
    page.let("edge", vector, page.pick("{nodes}[{n1}] - {nodes}[{n0}]", "{nodes}[{n0}] - {nodes}[{n1}]"))
    page.let(
        "length",
        page.scalar,
        page.pick("wp.length({edge})", "wp.length({edge}) + 1e-3", "wp.max(wp.length({edge}), 0.001)"),
    )
    law = page.pick(
        "{stiffness} * ({length} - {rest})",
        "{stiffness} * ({length} / {rest} - 1.0)",
        "{stiffness} * ({length} * {length} - {rest} * {rest})",
    )
    page.let("rest", page.scalar, "{rest_lengths}[{index}]")
    operands = [role for role in ("length", "rest", "stiffness") if not isinstance(page.roles[role], str)]
    page.let(
        "tension",
        page.scalar,
        "{term}",
        term=helpers.formula(page, "bar_tension", law, operands),
        mutable=True,
        inexact=page.loose,
    )
    if page.chance(35):
        page.array("velocities", vector, (nodes,))
        page.constant("damping", "0.1", "0.2", "0.5")
        page.set("tension", "{damping} * wp.dot({velocities}[{n1}] - {velocities}[{n0}], {edge}) / {length}", "+")
    page.update("tension", percent=35)
    if page.chance(25):
        page.emit("if {length} < {rest}:\n    return")
    page.array("force_sums", vector, (nodes,), "atomic_add")
    page.let(
        "force",
        vector,
        page.pick("{edge} * ({tension} / {length})", "wp.normalize({edge}) * {tension}"),
        inexact=page.loose,
    )
    _scatter(page, "force_sums", [("n0", "{force}"), ("n1", "-{force}")])


def _simplex(page: Page, vector: Vector, nodes: int) -> None:
    """A triangle in the plane or a tetrahedron: its deformation, a stress, and the forces on its corners."""
    size = vector.length
    matrix = Matrix(size, size, page.scalar)
    edges = []
    for place in range(1, size + 1):
        page.let(f"e{place}", vector, f"{{nodes}}[{{n{place}}}] - {{nodes}}[{{n0}}]")
        edges.append(f"{{e{place}}}")
    page.let("shape_matrix", matrix, f"wp.matrix_from_cols({', '.join(edges)})")
    page.array("rest_inverses", matrix, page.dims)
    product = page.pick("*", "@")
    page.let("gradient", matrix, f"{{shape_matrix}} {product} {{rest_inverses}}[{{index}}]")
    _stress(page, matrix, product)
    page.update("stress", percent=25)
    volume = "0.5" if size == 2 else "0.16667"
    page.let("volume", page.scalar, f"wp.abs(wp.determinant({{shape_matrix}})) * {volume}")
    page.let(
        "forces",
        matrix,
        f"{{stress}} {product} wp.transpose({{rest_inverses}}[{{index}}]) * -{{volume}}",
        inexact=page.loose,
    )
    _corner_forces(page, vector, nodes)


def _stress(page: Page, matrix: Matrix, product: str) -> None:
    """Bind the stress of a deformation gradient by one of three laws."""
    page.constant("mu", "5.0", "10.0", "100.0")
    page.constant("lam", "2.0", "10.0", "50.0")
    identity = f"wp.identity(n={matrix.rows}, dtype={page.scalar.spelling})"
    style = page.pick("linear", "stvk", "neo_hookean")
    if style != "neo_hookean":
        strains = {
            "linear": f"({{gradient}} + wp.transpose({{gradient}})) * 0.5 - {identity}",
            "stvk": f"(wp.transpose({{gradient}}) {product} {{gradient}} - {identity}) * 0.5",
        }
        page.let("strain", matrix, strains[style])
        page.let("trace", page.scalar, "wp.trace({strain})")
        page.let(
            "stress",
            matrix,
            f"{{strain}} * (2.0 * {{mu}}) + {identity} * ({{lam}} * {{trace}})",
            mutable=True,
            inexact=page.loose,
        )
        if style == "stvk":
            page.set("stress", f"{{gradient}} {product} {{stress}}")
    else:
        page.let("det", page.scalar, "wp.determinant({gradient})")
        page.let(
            "stress",
            matrix,
            "{gradient} * {mu} + wp.transpose(wp.inverse({gradient})) * ({lam} * ({det} - 1.0))",
            mutable=True,
            inexact=page.loose,
        )


def _corner_forces(page: Page, vector: Vector, nodes: int) -> None:
    """Add the columns of the forces to the corners, at times the element's mass as well."""
    size = vector.length
    page.array("force_sums", vector, (nodes,), "atomic_add")
    columns = []
    for place in range(size):
        cells = ", ".join(f"{{forces}}[{row}, {place}]" for row in range(size))
        page.let(f"f{place + 1}", vector, f"{{vector}}({cells})", inexact=page.loose)
        columns.append((f"n{place + 1}", f"{{f{place + 1}}}"))
    total = " + ".join(text for _, text in columns)
    _scatter(page, "force_sums", [*columns, ("n0", f"-({total})")])
    if page.chance(40):
        page.array("masses", page.scalar, (nodes,), "atomic_add")
        page.constant("density", "7.85", "1000.0", "0.5")
        page.let("share", page.scalar, f"{{density}} * {{volume}} / {size + 1}.0")
        _scatter(page, "masses", [(f"n{place}", "{share}") for place in range(size + 1)])


def _quadrature(page: Page, vector: Vector, nodes: int) -> None:
    """A line element integrated at Gauss points: its load goes to its two nodes."""
    points = page.integer(2, 4)
    page.array("gauss_points", page.scalar, (points,))
    page.array("gauss_weights", page.scalar, (points,))
    page.array("loads", page.scalar, (nodes,))
    page.let("length", page.scalar, "wp.length({nodes}[{n1}] - {nodes}[{n0}])")
    page.total("load0")
    page.total("load1")
    with page.loop("n", page.extent(points, ("gauss_points", 0), low=0), 0, points - 1):
        page.let("xi", page.scalar, "{gauss_points}[{n}]")
        page.let("shape0", page.scalar, page.pick("0.5 * (1.0 - {xi})", "1.0 - {xi}", "0.5 * {xi} * ({xi} - 1.0)"))
        page.let("shape1", page.scalar, page.pick("0.5 * (1.0 + {xi})", "{xi}", "0.5 * {xi} * ({xi} + 1.0)"))
        page.let("load", page.scalar, "{shape0} * {loads}[{n0}] + {shape1} * {loads}[{n1}]", mutable=True)
        page.update("load", percent=30)
        page.let(
            "weight", page.scalar, page.pick("{gauss_weights}[{n}] * {length} * 0.5", "{gauss_weights}[{n}] * {length}")
        )
        page.set("load0", "{weight} * {shape0} * {load}", "+")
        page.set("load1", "{weight} * {shape1} * {load}", "+")
        page.mix("load0", "load1", percent=20)
    page.array("sums", page.scalar, (nodes,), "atomic_add")
    _scatter(page, "sums", [("n0", "{load0}"), ("n1", "{load1}")])


def _diffusion(page: Page, vector: Vector, nodes: int) -> None:
    """The Laplacian of a field on triangles: each corner gets the products with its shape function's gradient."""
    page.array("temperatures", page.scalar, (nodes,))
    page.constant("conductivity", "0.25", "0.5", "2.0")
    for place in range(3):
        page.let(f"p{place}", vector, f"{{nodes}}[{{n{place}}}]")

    def part(role: str, axis: int) -> str:
        return f"{{{role}}}.{'xy'[axis]}" if page.frame.unit.dotted else f"{{{role}}}[{axis}]"

    for axis in range(2):
        for corner in (1, 2):
            page.let(f"{'xy'[axis]}{corner}0", page.scalar, f"{part(f'p{corner}', axis)} - {part('p0', axis)}")
    page.let("area", page.scalar, "0.5 * ({x10} * {y20} - {x20} * {y10})")
    if page.chance(60):
        page.emit(f"if wp.abs({{area}}) < {page.number(page.pick('1e-3', '0.01', '0.001'))}:\n    return")
    gradients = []
    for place in range(3):
        after, last = f"p{(place + 1) % 3}", f"p{(place + 2) % 3}"
        page.let(
            f"g{place}",
            vector,
            f"{{vector}}({part(after, 1)} - {part(last, 1)}, {part(last, 0)} - {part(after, 0)}) / (2.0 * {{area}})",
        )
        gradients.append(f"{{g{place}}} * {{temperatures}}[{{n{place}}}]")
    page.let("flux", vector, f"({' + '.join(gradients)}) * {{conductivity}}", mutable=True, inexact=page.loose)
    page.update("flux", percent=30)
    page.array("sums", page.scalar, (nodes,), "atomic_add")
    _scatter(page, "sums", [(f"n{place}", f"-{{area}} * wp.dot({{flux}}, {{g{place}}})") for place in range(3)])
