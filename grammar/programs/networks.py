"""Programs over connections: relaxation of graphs, layers of neurons, assembly of finite elements."""

from __future__ import annotations

from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import FLOAT32, FLOAT64, INT32, INT64, Matrix, Scalar, Vector

# Graphs


def graph(frame: Frame, lines: int) -> None:
    """Relax along edges: a thread for each edge with an atomic on its end, or for each node over its own edges."""
    page = Page(frame, lines)
    type_ = (
        page.scalar if page.scalar in (FLOAT32, FLOAT64, INT32, INT64) else (FLOAT32 if page.scalar.is_float else INT32)
    )
    page.use(type_)
    nodes = page.integer(4, 32)
    if page.chance(55):
        _edges(page, type_, nodes)
    else:
        _adjacency(page, type_, nodes)


def _range(type_: Scalar, low: int, high: int) -> Interval | None:
    return None if type_.is_float else Interval(low, high)


def _edges(page: Page, type_: Scalar, nodes: int) -> None:
    """Let each thread relax one edge."""
    if page.chance(50):
        page.indices("sources", page.dims, nodes)
        page.indices("targets", page.dims, nodes)
        ends = "{sources}[{index}]", "{targets}[{index}]"
    else:
        page.indices("edges", (*page.dims, 2), nodes)
        ends = "{edges}[{index}, 0]", "{edges}[{index}, 1]"
    for role, text in zip(("tail", "head"), ends, strict=True):
        page.let(role, INT32, text, Interval(0, nodes - 1), index=True)
    if page.chance(30):
        page.emit("if {tail} == {head}:\n    return")
    kind = pick_weighted(page.choices, (("shortest", 4), ("label", 2), ("rank", 3), ("flow", 3), ("level", 2)))
    page.array("distances", type_, (nodes,), interval=_range(type_, 0, 1000))
    weighted = page.chance(75) or kind in ("flow",)
    if weighted:
        page.array("weights", type_, page.dims, interval=_range(type_, 0, 100))
        page.let("weight", type_, "{weights}[{index}]", _range(type_, 0, 100))
    page.fill(2)
    _relax(page, type_, nodes, kind, weighted)
    page.fill(3)


def _one(page: Page, type_: Scalar) -> str:
    return page.number("1.0") if type_.is_float else "1" if type_ == INT32 else f"{type_.spelling}(1)"


def _relax(page: Page, type_: Scalar, nodes: int, kind: str, weighted: bool) -> None:
    """Emit what an edge does to its target, with an atomic whose outcome no order changes."""
    name = {"shortest": "min", "label": page.pick("min", "max"), "level": "min"}.get(kind, "add")
    page.array(
        {"min": "new_distances", "max": "new_labels", "add": "sums"}[name],
        type_,
        (nodes,),
        f"atomic_{name}",
        _range(type_, -1000, 1000),
    )
    shared = {"min": "{new_distances}", "max": "{new_labels}", "add": "{sums}"}[name]
    page.frame.unit.events.append(f"atomic_{name}")
    weight = "{weight}" if weighted else _one(page, type_)
    match kind:
        case "shortest":
            page.let(
                "candidate",
                type_,
                page.pick(
                    f"{{distances}}[{{tail}}] + {weight}",
                    f"{weight} + {{distances}}[{{tail}}]",
                    f"wp.max({{distances}}[{{tail}}], {weight})",
                ),
                _range(type_, 0, 1100),
                mutable=type_.is_float,
            )
            page.variable("candidate").inexact = False
            page.update("candidate", percent=25) if type_.is_float else None
            if page.chance(70):
                with page.suite("if {candidate} < {distances}[{head}]"):
                    page.emit(f"wp.atomic_min({shared}, {{head}}, {{candidate}})")
            else:
                page.emit(f"wp.atomic_min({shared}, {{head}}, {{candidate}})")
            if page.chance(25):
                page.emit(f"wp.atomic_min({shared}, {{tail}}, {{distances}}[{{head}}] + {weight})")
        case "label":
            page.let(
                "label", type_, f"wp.{name}({{distances}}[{{tail}}], {{distances}}[{{head}}])", _range(type_, 0, 1000)
            )
            if weighted:
                threshold = (
                    page.number(page.pick("0.5", "0.0", "1.0"))
                    if type_.is_float
                    else f"{type_.spelling}({page.integer(1, 60)})"
                    if type_ != INT32
                    else page.pick("10", "50", "5")
                )
                page.emit(f"if {{weight}} < {threshold}:\n    return")
            page.emit(f"wp.atomic_{name}({shared}, {{head}}, {{label}})")
            if page.chance(50):
                page.emit(f"wp.atomic_{name}({shared}, {{tail}}, {{label}})")
        case "level":
            page.value("level", type_, _range(type_, 0, 100))
            with page.suite(
                page.pick(
                    "if {distances}[{tail}] == {level}",
                    "if {distances}[{tail}] <= {level} and {distances}[{head}] > {level}",
                )
            ):
                page.emit(f"wp.atomic_min({shared}, {{head}}, {{level}} + {weight})")
        case "rank" if type_.is_float:
            page.array("degrees", INT32, (nodes,), interval=Interval(0, 16))
            page.constant("damping", "0.85", "0.9", "0.5")
            page.let(
                "share",
                type_,
                "{damping} * {distances}[{tail}] / "
                + page.pick("{scalar}(wp.max({degrees}[{tail}], 1))", "wp.max({scalar}({degrees}[{tail}]), 1.0)"),
                inexact=page.loose,
                mutable=True,
            )
            page.update("share", percent=35)
            page.emit(
                f"wp.atomic_add({shared}, {{head}}, {{share}}" + page.pick(")", f" * {weight})" if weighted else ")")
            )
        case _:
            factor = f"{weight} * " if type_.is_float else ""
            limit = "wp.clamp({}, -1.0, 1.0)" if type_.is_float and page.chance(30) else "{}"
            page.let(
                "flow",
                type_,
                limit.format(f"{factor}({{distances}}[{{tail}}] - {{distances}}[{{head}}])")
                if factor or limit != "{}"
                else "{distances}[{tail}] - {distances}[{head}]",
                _range(type_, -1000, 1000),
                mutable=type_.is_float,
                inexact=page.loose and type_.is_float,
            )
            page.update("flow", percent=30) if type_.is_float else None
            page.emit(f"wp.atomic_add({shared}, {{head}}, {{flow}})")
            page.emit(f"wp.atomic_add({shared}, {{tail}}, -{{flow}})")


def _adjacency(page: Page, type_: Scalar, nodes: int) -> None:
    """Let each thread relax the edges of one node, which lie between two offsets or in a row of fixed length."""
    compressed = page.chance(60)
    count = page.integer(2, 6)
    edges = nodes * 2 if compressed else count
    page.array("distances", type_, (nodes,), interval=_range(type_, 0, 1000))
    owner = "{i}" if page.dims[0] <= nodes else f"{{i}} % {nodes}"
    page.let("own", type_, f"{{distances}}[{owner}]", _range(type_, 0, 1000))
    kind = page.pick("min", "max", "sum", "mean", "min") if type_.is_float else page.pick("min", "max", "sum", "count")
    page.let(
        "best",
        type_ if kind != "count" else INT32,
        _zero_or(page, type_, kind),
        _range(type_, 0, 200000) if kind != "count" else Interval(0, 4096),
        mutable=type_.is_float,
        inexact=page.loose and kind in ("sum", "mean") and type_.is_float,
    )
    if compressed:
        page.array("offsets", INT32, (page.dims[0] + 1,), interval=Interval(0, edges))
        page.indices("neighbors", (edges,), nodes)
        if page.chance(50):
            page.let("start", INT32, "{offsets}[{i}]", Interval(0, edges))
            page.let("stop", INT32, "{offsets}[{i} + 1]", Interval(0, edges))
            bounds = "{start}, {stop}"
        else:
            bounds = "{offsets}[{i}], {offsets}[{i} + 1]"
        place = "{n}"
    else:
        page.indices("neighbors", (page.dims[0], count), nodes)
        bounds, place = page.extent(count, ("neighbors", 1), low=0), "{i}, {n}"
    weighted = page.chance(65)
    if weighted:
        page.array("weights", type_, (edges,) if compressed else (page.dims[0], count), interval=_range(type_, 0, 100))
    with page.loop("n", bounds, 0, edges - 1):
        page.let("neighbor", INT32, f"{{neighbors}}[{place}]", Interval(0, nodes - 1), index=True)
        if page.chance(25):
            page.emit(f"if {{neighbor}} == {owner}:\n    continue")
        text = "{distances}[{neighbor}]" + (f" + {{weights}}[{place}]" if weighted else "")
        if weighted and type_.is_float and kind in ("sum", "mean"):
            text = f"{{weights}}[{place}] * {page.pick('{distances}[{neighbor}]', '({distances}[{neighbor}] - {own})')}"
        page.let("candidate", type_, text, _range(type_, 0, 1100))
        _keep(page, type_, kind)
        if type_.is_float:
            page.mix("best", percent=25)
    if kind == "mean":
        page.set(
            "best", page.pick(f"{{best}} / {count}.0", "{own} + 0.5 * ({best} - {own})", "wp.lerp({own}, {best}, 0.25)")
        )
    page.fill(3)
    page.output("new_distances", page.variable("best").type)
    text = (
        page.pick("{best}", "wp.min({best}, {own})", "wp.max({best}, {own})")
        if kind != "count" and type_ == page.variable("best").type
        else "{best}"
    )
    page.emit(f"{{new_distances}}[{{index}}] = {text}")


def _zero_or(page: Page, type_: Scalar, kind: str) -> str:
    if kind in ("min", "max") and page.chance(50):
        return f"{type_.spelling}({{own}})"
    if kind == "min":
        return f"{type_.spelling}({'1000.0' if type_.is_float else '1000'})"
    return page.zero(type_ if kind != "count" else INT32)


def _keep(page: Page, type_: Scalar, kind: str) -> None:
    match kind:
        case "min" | "max" if page.chance(50):
            page.set("best", f"wp.{kind}({{best}}, {{candidate}})")
        case "min" | "max":
            page.emit(f"if {{candidate}} {'<' if kind == 'min' else '>'} {{best}}:\n    {{best}} = {{candidate}}")
            page.frame.written(page.variable("best"))
        case "count":
            page.emit(f"if {{candidate}} {page.pick('<', '>', '>=')} {{own}}:\n    {{best}} += 1")
            page.frame.written(page.variable("best"))
        case _:
            page.set("best", "{candidate}", "+")


# Layers of neurons

ACTIVATIONS = (
    ("relu", "wp.max({x}, 0.0)", False),
    ("leaky_relu", "wp.where({x} > 0.0, {x}, 0.01 * {x})", False),
    ("leaky_relu", "wp.max({x}, 0.1 * {x})", False),
    ("hard_sigmoid", "wp.clamp(0.2 * {x} + 0.5, 0.0, 1.0)", False),
    ("relu6", "wp.min(wp.max({x}, 0.0), 6.0)", False),
    ("softsign", "{x} / (1.0 + wp.abs({x}))", False),
    ("squared_relu", "wp.max({x}, 0.0) * wp.max({x}, 0.0)", False),
    ("hard_swish", "{x} * wp.clamp({x} + 3.0, 0.0, 6.0) / 6.0", False),
    ("sigmoid", "1.0 / (1.0 + wp.exp(-{x}))", True),
    ("tanh_activation", "wp.tanh({x})", True),
    ("gelu", "0.5 * {x} * (1.0 + wp.erf({x} * 0.70710678))", True),
    ("gelu", "0.5 * {x} * (1.0 + wp.tanh(0.79788456 * ({x} + 0.044715 * {x} * {x} * {x})))", True),
    ("silu", "{x} / (1.0 + wp.exp(-{x}))", True),
    ("softplus", "wp.log(1.0 + wp.exp({x}))", True),
    ("elu", "wp.where({x} > 0.0, {x}, wp.exp({x}) - 1.0)", True),
    ("gaussian_unit", "wp.exp(-{x} * {x})", True),
    ("mish", "{x} * wp.tanh(wp.log(1.0 + wp.exp({x})))", True),
)
"""Activations of a neuron's input x, and whether a library function is in them."""


def neural(frame: Frame, lines: int) -> None:
    """Compute a neuron's weighted sum and its activation; or normalise, attend or convolve first."""
    page = Page(frame, lines, brief=True)
    kind = pick_weighted(
        page.choices, (("dense", 5), ("two_layers", 3), ("convolution", 3), ("attention", 2), ("normalised", 2))
    )
    inputs = page.integer(3, 16)
    match kind:
        case "dense":
            _dense(page, inputs)
        case "two_layers":
            _two_layers(page, inputs)
        case "convolution":
            _convolution(page, inputs)
        case "attention":
            _attention(page, inputs)
        case _:
            _normalised(page, inputs)


def _activate(page: Page, role: str, result: str) -> None:
    """Bind an activation of a variable, often as a function; the variable itself is exact."""
    name, text, inexact = ACTIVATIONS[page.integer(0, len(ACTIVATIONS) - 1)]
    if not page.variable(role).inexact and page.chance(20):
        slope = page.number(page.pick("0.01", "0.1", "0.2"))
        page.let(result, page.scalar, f"{{{role}}}", mutable=True, inexact=page.loose)
        page.emit(
            f"if {{{role}}} < 0.0:\n    {{{result}}} = {page.pick(slope + ' * ' + f'{{{role}}}', page.number('0.0'))}"
        )
        page.frame.written(page.variable(result))
        return
    if page.variable(role).inexact and "where" in text:
        text, inexact = "{x} / (1.0 + wp.abs({x}))", False
    page.roles["x"] = page.variable(role)
    term = page.formula(name, text, ["x"], inexact)
    page.let(result, page.scalar, "{term}", inexact=term.inexact or page.loose, mutable=True, term=term)


def _outputs(page: Page) -> tuple[str, str, int, int]:
    """Return the texts of sample and neuron, and how many of each: the launch's axes, or one index for both."""
    if len(page.dims) >= 2:
        return "{i}", "{j}", page.dims[0], page.dims[1]
    return "{i}", "{i}", page.dims[0], page.dims[0]


def _weights(page: Page, inputs: int, neurons: int, role: str = "weights") -> str:
    """Add a matrix of weights, either way round; return the text of the one for the loop's input."""
    if page.chance(70):
        page.array(role, page.scalar, (neurons, inputs))
        return f"{{{role}}}[{{o}}, {{n}}]"
    page.array(role, page.scalar, (inputs, neurons))
    return f"{{{role}}}[{{n}}, {{o}}]"


def _dense(page: Page, inputs: int) -> None:
    """Compute one neuron for each thread."""
    sample, neuron, samples, neurons = _outputs(page)
    page.roles["o"] = page.roles[neuron[1:-1]]
    weight = _weights(page, inputs, neurons)
    shared = sample == neuron
    page.array("inputs", page.scalar, (inputs,) if shared else (samples, inputs))
    read = "{inputs}[{n}]" if shared else f"{{inputs}}[{sample}, {{n}}]"
    biased = page.chance(70)
    if biased:
        page.array("biases", page.scalar, (neurons,))
    start_at_bias = biased and page.chance(50)
    page.let(
        "total",
        page.scalar,
        "{scalar}({biases}[{o}])" if start_at_bias else page.zero(page.scalar),
        mutable=True,
        inexact=page.loose,
    )
    with page.loop("n", page.extent(inputs, ("inputs", 0 if shared else 1), low=0), 0, inputs - 1):
        if page.chance(20):
            page.array("mask", INT32, (inputs,), interval=Interval(0, 1))
            page.emit("if {mask}[{n}] == 0:\n    continue")
        page.set("total", page.pick(f"{weight} * {read}", f"{read} * {weight}"), "+")
        page.mix("total", percent=20)
    if biased and not start_at_bias:
        page.set("total", "{biases}[{o}]", "+")
    page.update("total", percent=20)
    page.fill(3)
    _activate(page, "total", "activation")
    page.update("activation", percent=30)
    if page.chance(25):
        page.array("residuals", page.scalar, page.dims)
        page.set("activation", page.pick("{residuals}[{index}]", "0.5 * {residuals}[{index}]"), "+")
    page.output("activations", page.scalar)
    page.emit("{activations}[{index}] = {activation}")


def _two_layers(page: Page, inputs: int) -> None:
    """Compute a hidden layer in a loop, and the output neuron from it."""
    hidden = page.integer(2, 8)
    page.array("inputs", page.scalar, (*page.dims[:1], inputs))
    page.array("hidden_weights", page.scalar, (hidden, inputs))
    page.array("output_weights", page.scalar, (hidden,))
    page.value("bias")
    page.let(
        "prediction", page.scalar, page.pick(page.zero(page.scalar), "{scalar}({bias})"), inexact=True, mutable=True
    )
    with page.loop("h", page.extent(hidden, ("hidden_weights", 0), low=0), 0, hidden - 1):
        page.total("total")
        with page.loop("n", page.extent(inputs, ("inputs", 1), low=0), 0, inputs - 1):
            page.set("total", "{hidden_weights}[{h}, {n}] * {inputs}[{i}, {n}]", "+")
        page.set("total", "{bias}", page.pick("+", "-")) if page.chance(50) else None
        page.update("total", percent=20)
        _activate(page, "total", "activation")
        page.set("prediction", "{output_weights}[{h}] * {activation}", "+")
        page.mix("prediction", percent=20)
    page.update("prediction", percent=30)
    page.fill(2)
    if page.chance(50):
        page.array("labels", page.scalar, page.dims)
        page.let("error", page.scalar, "{prediction} - {labels}[{index}]")
        page.output("losses", page.scalar)
        page.emit("{losses}[{index}] = " + page.pick("{error} * {error}", "0.5 * {error} * {error}", "wp.abs({error})"))
    page.output("predictions", page.scalar)
    page.emit(
        "{predictions}[{index}] = "
        + page.pick("{prediction}", "wp.tanh({prediction})", "{prediction} / (1.0 + wp.abs({prediction}))")
    )


def _convolution(page: Page, inputs: int) -> None:
    """Slide filters over channels, in one dimension, with a stride at times."""
    width, channels = page.integer(2, 5), page.integer(1, 4)
    stride = page.pick("1", "1", "2")
    length = (page.dims[0] - 1) * int(stride) + width
    page.array("inputs", page.scalar, (channels, length))
    page.array("filters", page.scalar, (page.dims[1] if len(page.dims) > 1 else 1, channels, width))
    page.roles["o"] = page.name("j") if len(page.dims) > 1 else "0"
    page.total("total")
    offset = "{i} + {tap}" if stride == "1" else "2 * {i} + {tap}"
    taps = page.pick(str(width), page.extent(width, low=0))
    with (
        page.loop("channel", page.extent(channels, ("inputs", 0), low=0), 0, channels - 1),
        page.loop("tap", taps, 0, width - 1),
    ):
        page.set(
            "total",
            page.pick(
                f"{{filters}}[{{o}}, {{channel}}, {{tap}}] * {{inputs}}[{{channel}}, {offset}]",
                f"{{inputs}}[{{channel}}, {offset}] * {{filters}}[{{o}}, {{channel}}, {{tap}}]",
            ),
            "+",
        )
        page.mix("total", percent=25)
    page.value("bias")
    page.set("total", page.pick("{bias}", "0.1 * {bias}"), "+")
    page.fill(3)
    _activate(page, "total", "activation")
    page.update("activation", percent=30)
    page.output("activations", page.scalar)
    page.emit("{activations}[{index}] = {activation}")


def _attention(page: Page, size: int) -> None:
    """Weigh values by how well their keys fit the thread's query."""
    tokens = page.integer(2, 8)
    page.array("queries", page.scalar, (page.dims[0], size))
    page.array("keys", page.scalar, (tokens, size))
    page.array("token_values", page.scalar, (tokens,))
    page.constant("scale", "0.5", "0.25", "0.125", "0.353")
    page.let("total", page.scalar, page.zero(page.scalar), inexact=True, mutable=True)
    page.let("norm", page.scalar, page.zero(page.scalar), inexact=True)
    with page.loop("token", page.extent(tokens, ("keys", 0), low=0), 0, tokens - 1):
        if page.chance(30):
            page.emit("if {token} > {i}:\n    continue")
        page.let("score", page.scalar, page.zero(page.scalar), mutable=True)
        with page.loop("n", page.extent(size, ("keys", 1), low=0), 0, size - 1):
            page.set("score", "{queries}[{i}, {n}] * {keys}[{token}, {n}]", "+")
            page.mix("score", percent=20)
        weight = page.pick(
            "wp.exp({scale} * {score})",
            "wp.max({scale} * {score}, 0.0)",
            "wp.exp(wp.min({scale} * {score}, 10.0))",
            "1.0 / (1.0 + {score} * {score})",
        )
        page.let("weight", page.scalar, weight, inexact=True)
        page.set("total", "{weight} * {token_values}[{token}]", "+")
        page.set("norm", "{weight}", "+")
    page.let(
        "attended",
        page.scalar,
        page.pick("{total} / ({norm} + 1e-3)", "{total} / wp.max({norm}, 0.01)", "{total} / {norm}"),
        mutable=True,
    )
    page.update("attended", percent=40)
    page.fill(3)
    page.output("activations", page.scalar)
    page.emit("{activations}[{index}] = {attended}")


def _normalised(page: Page, size: int) -> None:
    """Normalise the thread's row by its mean and spread, weigh it, and activate."""
    page.array("inputs", page.scalar, (page.dims[0], size))
    page.total("mean")
    with page.loop("n", page.extent(size, ("inputs", 1), low=0), 0, size - 1):
        page.set("mean", "{inputs}[{i}, {n}]", "+")
        page.mix("mean", percent=15)
    page.set("mean", f"{size}.0", "/")
    page.total("variance")
    with page.loop("n", str(size), 0, size - 1):
        page.let("diff", page.scalar, "{inputs}[{i}, {n}] - {mean}")
        page.set("variance", page.pick("{diff} * {diff}", "wp.abs({diff})"), "+")
    page.constant("epsilon", "1e-3", "0.01", "0.1")
    page.let("inverse_std", page.scalar, f"1.0 / wp.sqrt({{variance}} / {size}.0 + {{epsilon}})")
    page.array("gains", page.scalar, (size,))
    page.total("total")
    with page.loop("n", str(size), 0, size - 1):
        page.let("normalized", page.scalar, "({inputs}[{i}, {n}] - {mean}) * {inverse_std}")
        page.set("total", "{gains}[{n}] * {normalized}", "+")
    page.update("total", percent=30)
    page.fill(2)
    _activate(page, "total", "activation")
    page.output("activations", page.scalar)
    page.emit("{activations}[{index}] = {activation}")


# Finite elements


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
        term=page.formula("bar_tension", law, operands),
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
    page.constant("mu", "5.0", "10.0", "100.0")
    page.constant("lam", "2.0", "10.0", "50.0")
    identity = f"wp.identity(n={size}, dtype={page.scalar.spelling})"
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
    page.update("stress", percent=25)
    volume = "0.5" if size == 2 else "0.16667"
    page.let("volume", page.scalar, f"wp.abs(wp.determinant({{shape_matrix}})) * {volume}")
    page.let(
        "forces",
        matrix,
        f"{{stress}} {product} wp.transpose({{rest_inverses}}[{{index}}]) * -{{volume}}",
        inexact=page.loose,
    )
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
