"""Layers of neurons: dense, stacked, convolving, attending, normalising; and their activations."""

from __future__ import annotations

from grammar.choices import pick_weighted
from grammar.intervals import Interval
from grammar.programs import helpers
from grammar.programs.page import Page
from grammar.scope import Frame
from grammar.types import INT32

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
    term = helpers.formula(page, name, text, ["x"], inexact)
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
