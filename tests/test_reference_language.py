"""The reference runs the language: what a kernel's statements mean, by hand, and as Warp's cpu has it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from reference_sources import BODIES, source

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar import SeededChoices, generate
from grammar.kernel import Argument
from oracle.backends import cpu
from oracle.compare import compare
from oracle.inputs import Inputs, make_inputs
from oracle.opinions import Opinion, Stance
from oracle.parameters import parameters_of
from oracle.reference import Program, evaluate
from oracle.reference.definitions import DEFINITIONS
from oracle.reference.deviations import SLICE_OF_ITSELF
from oracle.reference.opinion import Reference, consult

OUT = (Argument("out", (4,), {}, True),)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.fixture(scope="module")
def results(workspace: Workspace) -> Iterator[dict[str, Compiled]]:
    """Every kernel of the table, compiled for the cpu."""
    names = list(BODIES)
    options = CompileOptions(backward=False, cuda_level=0)
    with compile_batch([source(name) for name in names], options, workspace) as batch:
        yield dict(zip(names, batch.results, strict=True))


def evaluated(name: str, compiled: Compiled) -> tuple[np.ndarray, np.ndarray, bool]:
    inputs: Inputs = make_inputs(compiled.kernel, OUT, 0)
    program = Program.of(source(name), parameters_of(compiled.kernel))
    evaluation = evaluate(program, (4,), inputs)
    observed = cpu.run(compiled, (4,), inputs, False)
    own = evaluation.observation
    return own.values["out"], observed.values["out"], compare(own, observed).equal


@pytest.mark.parametrize("name", BODIES)
def test_statements_mean_what_they_say(name, results):
    compiled = results[name]
    assert isinstance(compiled, Compiled), compiled
    own, seen, equal = evaluated(name, compiled)
    assert own.tolist() == BODIES[name][1]
    assert equal, (own, seen)


def test_a_slice_that_is_assigned_from_its_own_vector_is_a_known_bug(workspace):
    text = source("slices of itself").replace("v[0:3]", "v").replace("w[:]", "w")
    with compile_batch([text], CompileOptions(backward=False, cuda_level=0), workspace) as batch:
        (compiled,) = batch.results
        inputs = make_inputs(compiled.kernel, OUT, 0)
        observed = cpu.run(compiled, (4,), inputs, False)
        reference = consult(Program.of(text, parameters_of(compiled.kernel)), (4,), inputs)
    assert reference.evaluation.observation.values["out"].tolist() == [415] * 4
    opinion = reference.opinion("cpu", observed)
    assert opinion.stance is Stance.ACCUSES and SLICE_OF_ITSELF in opinion.reason


FAULTS = {
    "integer division": ("div", lambda run, a, b: run.type_of(a)(int(a) // int(b))),
    "callbacks": ("div", lambda run, a, b: a / (b + b)),
    "overloads and defaults": ("min", lambda run, a, b: a),
    "atomics return what was there": ("atomic_add", lambda run, array, i, value: value),
    "bits": ("lshift", lambda run, a, b: a),
}
"""Definitions made wrong on purpose, and the kernel that shows it."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_definition_is_seen_as_an_accusation(name, results, monkeypatch):
    builtin, wrong = FAULTS[name]
    compiled = results[name]
    inputs = make_inputs(compiled.kernel, OUT, 0)
    program = Program.of(source(name), parameters_of(compiled.kernel))
    observed = cpu.run(compiled, (4,), inputs, False)
    right = consult(program, (4,), inputs)
    assert isinstance(right, Reference) and right.opinion("cpu", observed).stance is Stance.AGREES
    monkeypatch.setattr("oracle.reference.launch.DEFINITIONS", {**DEFINITIONS, builtin: wrong})
    reference = consult(program, (4,), inputs)
    assert isinstance(reference, Reference)
    assert reference.opinion("cpu", observed).stance is Stance.ACCUSES


CATEGORIES = ("arithmetic", "control_flow", "scalar_param", "nested_loop", "random", "gather_scatter")


def test_the_cpu_agrees_on_generated_kernels(workspace):
    """Kernels of simple categories; what the reference lacks or finds unstable, it says so."""
    kernels = [generate(SeededChoices(f"agrees/{at}"), CATEGORIES[at % len(CATEGORIES)]) for at in range(12)]
    stances: list[Stance] = []
    with compile_batch(
        [one.source for one in kernels], CompileOptions(backward=False, cuda_level=0), workspace
    ) as batch:
        for kernel, compiled in zip(kernels, batch.results, strict=True):
            assert isinstance(compiled, Compiled)
            inputs = make_inputs(compiled.kernel, kernel.arguments, 3)
            reference = consult(Program.of(kernel.source, parameters_of(compiled.kernel)), kernel.dims, inputs)
            observed = cpu.run(compiled, kernel.dims, inputs, False)
            opinion = reference if isinstance(reference, Opinion) else reference.opinion("cpu", observed)
            assert opinion.stance is not Stance.ACCUSES or "known bug" in opinion.reason, kernel.source
            stances.append(opinion.stance)
    assert stances.count(Stance.AGREES) >= 0.9 * len(kernels)


def test_the_literal_of_an_atomic_has_the_type_of_the_elements_and_not_of_the_indices(workspace: Workspace):
    text = (
        "import warp as wp\n\n\n@wp.kernel\ndef mask(out: wp.array(dtype=int)):\n    i = wp.tid()\n"
        "    out[i] = -1 - i\n    wp.atomic_and(out, wp.uint8(i), 2147483647)\n"
    )
    with compile_batch([text], CompileOptions(backward=False, cuda_level=0), workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled), compiled
        inputs = make_inputs(compiled.kernel, OUT, 0)
        own = evaluate(Program.of(text, parameters_of(compiled.kernel)), (4,), inputs).observation
        assert own.values["out"].tolist() == [2147483647 - i for i in range(4)]
        assert compare(own, cpu.run(compiled, (4,), inputs, False)).equal
