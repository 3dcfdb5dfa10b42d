"""Gradients against central differences: right ones pass, wrong ones are seen and located, kinks and rounding are not
cried over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.accumulation import check_accumulation
from oracle.backends import cpu
from oracle.gradients import Launch, check_gradients
from oracle.inputs import Inputs, make_inputs
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.reference import Program

SIZE = 24

HEAD = """import warp as wp


@wp.kernel
def probe(x: wp.array(dtype=float), y: wp.array(dtype=float), n: int, out: wp.array(dtype=float)):
    i = wp.tid()
"""

RIGHT = {
    "a product": "out[i] = x[i] * x[i] * y[i] + y[i]",
    "a quotient": "out[i] = x[i] / (y[i] * y[i] + 1.0)",
    "an element that all read": "out[i] = x[i] * y[0]",
    "a sum over a loop": "s = float(0.0)\n    for k in range(n):\n        s += x[k] * y[i]\n    out[i] = s",
    "an atomic sum": "wp.atomic_add(out, i % 4, x[i] * y[i])",
    "a branch": "if x[i] > y[i]:\n        out[i] = x[i] * 3.0\n    else:\n        out[i] = y[i] * y[i]",
    "kinks": "out[i] = wp.abs(x[i]) + wp.max(x[i], y[i]) + wp.min(x[i], 1.0)",
    "no number": "out[i] = wp.sqrt(x[i]) * y[i]",
}

WRONG = {
    "a loop's index that is carried over": (
        "s = float(0.0)\n    k = int(0)\n    while k < 3:\n        s += x[k] * y[i]\n        k += 1\n    out[i] = s"
    ),
    "a value through a tuple": "t = (x[i] * 2.0, n)\n    out[i] = t[0] * 3.0 + y[i]",
}
"""Bodies whose gradients Warp 1.19 gets wrong: `gradient-while-index` and `tuple-gradient` in the corpus' findings."""

ARGUMENTS = (
    Argument("x", (SIZE,)),
    Argument("y", (SIZE,)),
    Argument("n", (), {"": (3, 3)}),
    Argument("out", (SIZE,), {}, True),
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Compiled]]:
    bodies = RIGHT | WRONG
    folder: Path = tmp_path_factory.mktemp("gradients")
    with (
        open_workspace(folder) as workspace,
        compile_batch([f"{HEAD}    {body}\n" for body in bodies.values()], CompileOptions(), workspace) as batch,
    ):
        results = dict(zip(bodies, batch.results, strict=True))
        assert all(isinstance(one, Compiled) for one in results.values())
        yield {name: one for name, one in results.items() if isinstance(one, Compiled)}


def launch_of(one: Compiled, seed: int, spoil: Callable[[Observation], Observation] = lambda seen: seen) -> Launch:
    """A launch whose observations pass through `spoil`."""
    inputs = make_inputs(one.kernel, ARGUMENTS, seed)
    program = Program.of(one.source, parameters_of(one.kernel))
    return Launch(program, (SIZE,), inputs, 0, lambda given: spoil(cpu.run(one, (SIZE,), given, True)))


def opinion_on(one: Compiled, seed: int, spoil: Callable[[Observation], Observation] = lambda seen: seen) -> Opinion:
    return check_gradients(launch_of(one, seed, spoil), np.random.default_rng(seed), directions=2)


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass_on_any_inputs(compiled: dict[str, Compiled], name: str) -> None:
    opinions = [opinion_on(compiled[name], seed) for seed in range(6)]
    assert {one.stance for one in opinions} == {Stance.AGREES}, opinions


@pytest.mark.parametrize("name", WRONG)
def test_wrong_gradients_are_accused(compiled: dict[str, Compiled], name: str) -> None:
    opinions = [opinion_on(compiled[name], seed) for seed in range(3)]
    assert {one.stance for one in opinions} == {Stance.ACCUSES}, opinions
    assert all("x.grad[" in one.reason for one in opinions)


@given(place=st.integers(0, SIZE - 1), factor=st.sampled_from([0.0, -1.0, 0.5, 2.0, 1.1]), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_one_wrong_element_is_accused_by_its_index(
    compiled: dict[str, Compiled], place: int, factor: float, seed: int
) -> None:
    def spoil(seen: Observation) -> Observation:
        gradient = seen.values["y.grad"].copy()
        gradient[place] *= factor
        return replace(seen, values={**seen.values, "y.grad": gradient})

    one = compiled["a product"]
    assume(abs(make_inputs(one.kernel, ARGUMENTS, seed).gradients["out"][place]) > 0.25)
    found = opinion_on(one, seed, spoil)
    assert found.stance is Stance.ACCUSES
    assert found.reason.startswith(f"y.grad[{place}]: the adjoint gives")


@given(seed=st.integers(0, 20), ulps=st.integers(1, 64))
@settings(deadline=None, max_examples=25)
def test_rounding_in_the_adjoint_is_not_cried_over(compiled: dict[str, Compiled], seed: int, ulps: int) -> None:
    rng = np.random.default_rng(seed)

    def spoil(seen: Observation) -> Observation:
        moved = seen.values["x.grad"] * (1 + rng.uniform(-ulps, ulps, SIZE) * np.finfo(np.float32).eps)
        return replace(seen, values={**seen.values, "x.grad": moved.astype(np.float32)})

    assert opinion_on(compiled["a quotient"], seed, spoil).stance is Stance.AGREES


def test_a_kernel_that_overwrites_what_it_reads_gets_no_opinion(compiled: dict[str, Compiled]) -> None:
    one = compiled["a product"]
    source = f"{HEAD}    out[i] = x[i]\n    out[i] = out[i] * out[i]\n"
    launch = replace(launch_of(one, 0), program=Program.of(source, parameters_of(one.kernel)))
    found = check_gradients(launch, np.random.default_rng(0))
    assert found.stance is Stance.NO_OPINION
    assert "overwrites" in found.reason


def accumulation(one: Compiled, run: Callable[[Inputs], Observation]) -> Opinion:
    inputs = make_inputs(one.kernel, ARGUMENTS, 3)
    once = cpu.run(one, (SIZE,), inputs, True)
    return check_accumulation(parameters_of(one.kernel), inputs, run, once, once)


@pytest.mark.parametrize("name", ["a product", "a quotient", "a branch"])
def test_a_second_backward_pass_adds_the_same_again(compiled: dict[str, Compiled], name: str) -> None:
    one = compiled[name]
    assert accumulation(one, lambda inputs: cpu.run(one, (SIZE,), inputs, True)).stance is Stance.AGREES


def test_a_backward_pass_that_overwrites_gradients_is_accused(compiled: dict[str, Compiled]) -> None:
    one = compiled["a product"]

    def forgetful(inputs: Inputs) -> Observation:
        return cpu.run(one, (SIZE,), replace(inputs, gradients={"out": inputs.gradients["out"]}), True)

    found = accumulation(one, forgetful)
    assert found.stance is Stance.ACCUSES
    assert found.reason.startswith(("x.grad[", "y.grad["))
