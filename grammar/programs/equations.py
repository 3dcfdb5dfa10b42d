"""Steps of partial differential equations on grids: heat, waves, transport, reactions, relaxation."""

from __future__ import annotations

from grammar.choices import pick
from grammar.programs import helpers
from grammar.programs.grids import SIDES, Grid
from grammar.programs.page import Page
from grammar.scope import Frame


def pde(frame: Frame, lines: int) -> None:
    """Step a field in time: heat, waves, transport, reactions; or relax it towards an equilibrium."""
    page = Page(frame, lines, brief=True)
    grid = Grid(page)
    kinds = ("heat", "heat", "wave", "advection", "reaction", "burgers", "poisson", "allen_cahn")
    kind = pick(page.choices, kinds)
    page.array("field", page.scalar, grid.shape)
    page.output("next_field", page.scalar)
    if grid.boundary == "return":
        grid.guard("next_field", page.pick(f"{{field}}[{grid.own()}]", "0.0"))
    page.value("dt")
    _spacing(page)
    page.let("u", page.scalar, f"{{field}}[{grid.own()}]")
    _PDES[kind](page, grid)
    if page.chance(35):
        page.array("sources", page.scalar, page.dims)
        page.set("u_new", page.pick("{dt} * {sources}[{index}]", "{sources}[{index}]"), page.pick("+", "-"))
    page.update("u_new", percent=40)
    page.fill(4)
    if page.chance(25):
        page.set(
            "u_new",
            page.pick(
                "wp.clamp({u_new}, -10.0, 10.0)",
                "wp.max({u_new}, 0.0)",
                "0.99 * {u_new}",
                "wp.lerp({u}, {u_new}, 0.75)",
            ),
        )
    page.emit("{next_field}[{index}] = {u_new}")


def _spacing(page: Page) -> None:
    """Let `{per_dx}` and the like divide by the grid's spacing: a parameter, or 1, which nobody writes down."""
    if page.chance(60):
        dx = page.value("dx").name
        texts = (
            f" / {dx}",
            f" / ({dx} * {dx})",
            f" / ({page.number('2.0')} * {dx})",
            f" / ({page.number('4.0')} * {dx})",
        )
    else:
        texts = "", "", f" * {page.number('0.5')}", f" * {page.number('0.25')}"
    page.roles.update(zip(("per_dx", "per_dx2", "per_2dx", "per_4dx"), texts, strict=True))


def _divided(page: Page, text: str, role: str) -> str:
    """Return a sum divided by a power of the spacing, without parentheses where that is 1."""
    return f"({text}){{{role}}}" if page.roles[role] else text


def _laplacian(page: Page, grid: Grid, array: str, own: str) -> str:
    """Bind the sum of second differences, in one line or axis by axis; return the variable's hole."""
    terms = []
    for axis in range(len(page.dims)):
        low, high = (
            grid.bind(array, role if array == "field" else "", grid.at(axis, step))
            for role, step in zip(SIDES[axis], (-1, 1), strict=True)
        )
        terms.append((low, high))
    if page.chance(50):
        total = " + ".join(f"{low} + {high}" for low, high in terms)
        text = _divided(page, f"{total} - {2 * len(terms)}.0 * {own}", "per_dx2")
    else:
        parts = []
        for axis, (low, high) in enumerate(terms):
            role = ("u_xx", "u_yy", "u_zz")[axis]
            page.let(role, page.scalar, _divided(page, f"{low} - 2.0 * {own} + {high}", "per_dx2"))
            parts.append(f"{{{role}}}")
        text = " + ".join(parts)
    page.let("laplacian", page.scalar, text)
    return "{laplacian}"


def _new_value(page: Page, text: str) -> None:
    page.let("u_new", page.scalar, text, inexact=page.loose, mutable=True)


def _heat(page: Page, grid: Grid) -> None:
    laplacian = _laplacian(page, grid, "field", "{u}")
    if page.chance(30):
        page.array("conductivities", page.scalar, page.dims)
        page.let("alpha", page.scalar, "{conductivities}[{index}]")
    else:
        page.value("alpha")
    _new_value(page, f"{{u}} + {{alpha}} * {{dt}} * {laplacian}")


def _wave(page: Page, grid: Grid) -> None:
    page.array("previous", page.scalar, page.dims)
    laplacian = _laplacian(page, grid, "field", "{u}")
    page.constant("speed", "0.5", "2.0", "1.5")
    page.constant("damping", "0.01", "0.05", "0.1")
    _new_value(page, page.pick(
        f"2.0 * {{u}} - {{previous}}[{{index}}] + {{speed}} * {{speed}} * {{dt}} * {{dt}} * {laplacian}",
        "(2.0 - {damping}) * {u} - (1.0 - {damping}) * {previous}[{index}]"
        f" + {{dt}} * {{dt}} * {{speed}} * {laplacian}",
    ))  # fmt: skip


def _advection(page: Page, grid: Grid) -> None:
    """Transport by a given velocity, with the difference taken upwind."""
    for axis in range(min(2, len(page.dims))):
        velocity, flux = ("vx", "vy")[axis], ("flux_x", "flux_y")[axis]
        if page.chance(50):
            page.value(velocity)
        else:
            page.array(("velocities_x", "velocities_y")[axis], page.scalar, page.dims)
            page.let(velocity, page.scalar, f"{{{('velocities_x', 'velocities_y')[axis]}}}[{{index}}]")
        low, high = (f"{{field}}[{grid.at(axis, step)}]" for step in (-1, 1))
        style = page.pick("branch", "where", "split", "central")
        if style == "branch":
            page.let(flux, page.scalar, f"{{{velocity}}} * ({high} - {{u}}){{per_dx}}", mutable=True)
            with page.suite(f"if {{{velocity}}} > 0.0"):
                page.set(flux, f"{{{velocity}}} * ({{u}} - {low}){{per_dx}}")
        elif style == "where":
            page.let(
                flux,
                page.scalar,
                f"{{{velocity}}} * wp.where({{{velocity}}} > 0.0, {{u}} - {low}, {high} - {{u}}){{per_dx}}",
            )
        elif style == "split":
            page.let(flux, page.scalar, f"wp.max({{{velocity}}}, 0.0) * ({{u}} - {low})")
            page.set(flux, f"wp.min({{{velocity}}}, 0.0) * ({high} - {{u}})", "+")
            if page.roles["per_dx"]:
                page.set(flux, f"{{{flux}}}{{per_dx}}")
        else:
            page.let(flux, page.scalar, f"{{{velocity}}} * ({high} - {low}){{per_2dx}}")
    fluxes = "{flux_x}" if len(page.dims) == 1 else "({flux_x} + {flux_y})"
    _new_value(page, f"{{u}} - {{dt}} * {fluxes}")


def _burgers(page: Page, grid: Grid) -> None:
    page.constant("viscosity", "0.01", "0.1", "0.05")
    low, high = (grid.bind("field", role, grid.at(0, step)) for role, step in zip(SIDES[0], (-1, 1), strict=True))
    page.let("convection", page.scalar, page.pick(
        f"{{u}} * ({high} - {low}){{per_2dx}}",
        f"({high} * {high} - {low} * {low}){{per_4dx}}",
        f"wp.where({{u}} > 0.0, {{u}} * ({{u}} - {low}), {{u}} * ({high} - {{u}})){{per_dx}}",
    ))  # fmt: skip
    laplacian = _laplacian(page, grid, "field", "{u}")
    _new_value(page, f"{{u}} + {{dt}} * ({{viscosity}} * {laplacian} - {{convection}})")


def _reaction(page: Page, grid: Grid) -> None:
    """Two species that react and diffuse, as in Gray's and Scott's model and its kin."""
    page.array("other_field", page.scalar, grid.shape)
    page.output("next_other", page.scalar)
    page.let("v", page.scalar, f"{{other_field}}[{grid.own()}]")
    for role in ("feed", "kill"):
        page.constant(role, "0.04", "0.06", "0.055", "0.03")
    page.constant("rate_u", "0.2", "0.16", "0.21")
    page.constant("rate_v", "0.1", "0.08", "0.5")
    first = _laplacian(page, grid, "field", "{u}")
    for axis in range(len(page.dims)):
        sides = " + ".join(f"{{other_field}}[{grid.at(axis, step)}]" for step in (-1, 1))
        if axis == 0:
            page.let("laplacian_v", page.scalar, f"{sides} - {2 * len(page.dims)}.0 * {{v}}")
        else:
            page.set("laplacian_v", sides, "+")
    page.let(
        "reaction",
        page.scalar,
        page.pick("{u} * {v} * {v}", "{u} * {v}", "{u} * {u} * {v}", "{u} * {v} / (1.0 + {u} * {u})"),
    )
    _new_value(page, f"{{u}} + {{dt}} * ({{rate_u}} * {first} - {{reaction}} + {{feed}} * (1.0 - {{u}}))")
    page.emit("{next_other}[{index}] = {v} + {dt} * ({rate_v} * {laplacian_v} + {reaction} - ({feed} + {kill}) * {v})")


def _poisson(page: Page, grid: Grid) -> None:
    """One sweep of Jacobi's method, over-relaxed at times."""
    page.array("charges", page.scalar, page.dims)
    cells = " + ".join(
        grid.bind("field", role, grid.at(axis, step))
        for axis in range(len(page.dims))
        for role, step in zip(SIDES[axis], (-1, 1), strict=True)
    )
    page.let("relaxed", page.scalar, f"({cells} - {{charges}}[{{index}}]) / {2 * len(page.dims)}.0")
    page.let("residual", page.scalar, "{relaxed} - {u}")
    _new_value(page, page.pick("{u} + {dt} * {residual}", "(1.0 - {dt}) * {u} + {dt} * {relaxed}"))
    if page.chance(50) and page.scalar.bits >= 32:
        page.array("errors", page.scalar, (1,), page.pick("atomic_max"))
        page.emit("wp.atomic_max({errors}, 0, wp.abs({residual}))")


def _allen_cahn(page: Page, grid: Grid) -> None:
    laplacian = _laplacian(page, grid, "field", "{u}")
    page.constant("mobility", "0.25", "0.5", "2.0")
    page.constant("epsilon", "0.1", "0.05", "0.01")
    well = helpers.formula(
        page,
        "potential_slope",
        page.pick("{u} - {u} * {u} * {u}", "{u} * (1.0 - {u}) * ({u} - 0.5)", "4.0 * {u} * ({u} * {u} - 1.0)"),
        ["u"],
    )
    page.let("reaction", page.scalar, "{well}", well=well)
    _new_value(page, f"{{u}} + {{dt}} * {{mobility}} * ({{epsilon}} * {{epsilon}} * {laplacian} + {{reaction}})")


_PDES = {
    "heat": _heat,
    "wave": _wave,
    "advection": _advection,
    "burgers": _burgers,
    "reaction": _reaction,
    "poisson": _poisson,
    "allen_cahn": _allen_cahn,
}
