"""`python -m oracle limits`: what Warp documents that its compiler does not do, and what the installed one does."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import warp as wp

from extractor.compiling import Compiled, CompileFailure, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.limits import LIMITS, Effect, probes
from grammar.limits.wrong import FORMS

STEP = 2.0**-6
"""Half the distance of the two points of a central difference; probes are polynomials of low degree, or nearly so."""

TOLERANCE = 2.0**-6
"""Most that a gradient may be off, relative to the larger one, and not count as wrong."""

SHOWS, GONE = "shows", "does not show any more"

MEANING = {
    Effect.GRADIENTS: "gradients that are not those of calculus; such kernels of a corpus have no backward pass",
    Effect.UNRELIABLE: "gradients that may not be, for some values",
    Effect.OPEN: "values that are left open; no kernel of a corpus depends on them",
    Effect.PYTHON: "values that are defined, and differ from Python's",
}


def limits(request: argparse.Namespace) -> int:
    """Print the limits, each with its citation; with `--probe` also what the installed Warp does beyond each."""
    found = probe_all() if request.probe else {}
    answers = {name: f"; Warp {wp.config.version}: {answer}" for name, answer in found.items()}
    unprobed = "; not probed" if found else ""
    for effect in Effect:
        print(f"{MEANING[effect]}:")
        for limit in (one for one in LIMITS if one.effect is effect):
            print(f"  {limit.name}: {limit.says} [{limit.citation}]{answers.get(limit.name, unprobed)}")
    print("wrong gradients that no documentation announces (corpus/findings):")
    for form in FORMS:
        print(f"  {form.finding}{answers.get(form.finding, '')}")
    return 0


def probe_all() -> dict[str, str]:
    """Run every probe on the cpu of the installed Warp; returns by limit or finding whether it shows."""
    everything = {**probes.LIMITS, **probes.WRONG}
    with open_workspace() as workspace:
        options = CompileOptions(targets=("cpu",))
        with compile_batch([one.source(beyond=True) for one in everything.values()], options, workspace) as batch:
            return {
                name: _answer(everything[name], result) for name, result in zip(everything, batch.results, strict=True)
            }


def shows(probe: probes.Probe, kernel: wp.Kernel) -> bool:
    """Whether a compiled probe does what the limit says."""
    if probe.warp is None:
        return not np.allclose(gradient(kernel), differences(kernel), rtol=TOLERANCE, atol=TOLERANCE)
    value = _run(kernel, np.array(probes.X, np.float32))["out"].numpy()[0]
    return bool(value == probe.warp and not math.isclose(value, probe.python or 0.0))


def gradient(kernel: wp.Kernel) -> np.ndarray:
    """Return the gradient of out[0] + y[0] with respect to x, by Warp's backward pass."""
    with wp.Tape() as tape:
        arrays = _run(kernel, np.array(probes.X, np.float32))
    seeds = {arrays[name]: _first(arrays[name]) for name in ("out", "y")}
    tape.backward(grads=seeds)
    return np.asarray(arrays["x"].grad.numpy(), np.float64)


def differences(kernel: wp.Kernel) -> np.ndarray:
    """Return the same gradient by central differences."""
    found = []
    for place in range(len(probes.X)):
        ends = []
        for sign in (1.0, -1.0):
            x = np.array(probes.X, np.float32)
            x[place] += sign * STEP
            arrays = _run(kernel, x)
            ends.append(float(arrays["out"].numpy()[0]) + float(arrays["y"].numpy()[0]))
        found.append((ends[0] - ends[1]) / (2 * STEP))
    return np.array(found)


def _answer(probe: probes.Probe, result: Compiled | CompileFailure) -> str:
    if isinstance(result, CompileFailure):
        return f"does not compile: {result.diagnostic.splitlines()[-1]}"
    return SHOWS if shows(probe, result.kernel) else GONE


def _run(kernel: wp.Kernel, x: np.ndarray) -> Mapping[str, Any]:
    """Launch one thread; returns the arrays by name."""
    arrays: dict[str, Any] = {
        "x": wp.array(x, dtype=float, device="cpu", requires_grad=True),
        "y": wp.array(np.array(probes.Y, np.float32), dtype=float, device="cpu", requires_grad=True),
        "k": wp.zeros(4, dtype=int, device="cpu"),
        "out": wp.zeros(4, dtype=float, device="cpu", requires_grad=True),
    }
    wp.launch(kernel, dim=1, inputs=[probes.N, *arrays.values()], device="cpu")
    return arrays


def _first(array: Any) -> Any:
    seed = np.zeros(array.shape, np.float32)
    seed[0] = 1.0
    return wp.array(seed, dtype=float, device="cpu")
