"""What a kernel's module holds besides plain helpers is generated, accepted, judged and checked again."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest
import warp as wp

from extractor.compiling import CompileFailure, CompileOptions, compile_batch
from extractor.manifest import MANIFEST
from extractor.shards import CorpusWriter
from extractor.warp_setup import open_workspace
from fuzzer.guidance.plan import Plan
from fuzzer.making import Made
from fuzzer.outcome import Outcome
from fuzzer.task import Task
from fuzzer.worker import BatchRunner
from grammar import CATEGORIES, SeededChoices, accept, forms, generate, literals
from grammar.forms import gradients
from grammar.forms.refused import REFUSED
from grammar.kernel import Kernel
from grammar.scope import Frame
from grammar.types import FLOAT32, FLOAT64, INT64, UINT8, UINT64
from oracle.backends import cpu, emulator
from oracle.check import CheckOptions, check_corpus
from oracle.judge import Judge
from oracle.observation import Verdict

FORMS = [form for form, _ in forms.forms().values()]
NAMES = [f"{form.__module__.rpartition('.')[2]}.{form.__name__}" for form in FORMS]


def with_form(form: forms.Form, seed: int) -> Kernel | None:
    """Return a kernel that has the form, None when nothing fitting came out."""
    written: list[bool] = []

    def emit(frame: Frame) -> None:
        written.append(form(frame))

    with patch.object(forms, "emit_some", emit):
        kernel = generate(SeededChoices(f"{form.__name__}/{seed}"), "arithmetic", 5, [], beyond_limits=True)
    return kernel if written == [True] else None


def some_with(form: forms.Form, count: int) -> list[Kernel]:
    found = (with_form(form, seed) for seed in range(10 * count))
    return [kernel for kernel in found if kernel is not None][:count]


@dataclass(frozen=True)
class FormTask(Task):
    """A campaign whose kernel number n has form number n."""

    def make(self, plan: Plan) -> Made:
        return Made(some_with(FORMS[plan.index], 1)[0], plan.how)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Outcome]:
    """A kernel of each form, judged as a campaign does it."""
    task = FormTask(1, CATEGORIES, True, False, "emulator", 75, {"warp": wp.config.version, "schema": 1})
    with open_workspace(tmp_path_factory.mktemp("forms")) as workspace:
        runner = BatchRunner(task, workspace, CompileOptions(), Judge(cpu, emulator, "emulator"))
        return runner.run(tuple(map(task.plain, range(len(FORMS)))))


@pytest.fixture(scope="module")
def sample() -> list[Kernel]:
    """Kernels as anyone generates them."""
    return [
        generate(SeededChoices(f"forms/{index}"), CATEGORIES[index % 10], beyond_limits=True) for index in range(800)
    ]


@pytest.mark.parametrize("form", FORMS, ids=NAMES)
def test_kernels_with_a_form_say_so_and_are_accepted(form: forms.Form):
    kernels = some_with(form, 8)
    assert len(kernels) == 8
    for kernel in kernels:
        assert any(feature.startswith("form:") for feature in kernel.features)
        assert accept(kernel.source) is None, f"{accept(kernel.source)}\n{kernel.source}"


def test_both_targets_agree_on_kernels_of_every_form(outcomes: Sequence[Outcome]):
    found = {NAMES[outcome.index]: (outcome.verdict, outcome.reason, outcome.source) for outcome in outcomes}
    assert {name: row for name, row in found.items() if row[0] is not Verdict.MATCH} == {}


def test_records_of_every_form_survive_the_check_of_their_corpus(outcomes: Sequence[Outcome], tmp_path: Path):
    with CorpusWriter(tmp_path, {}) as writer:
        for outcome in outcomes:
            assert outcome.line is not None
            writer.append(outcome.line)
        writer.seal({})
    assert (tmp_path / MANIFEST).exists()
    options = CheckOptions(None, seed=0, workers=1, cuda="emulator", versions={"warp": wp.config.version})
    report = check_corpus(tmp_path, options)
    assert report.records == len(FORMS)
    # some forms are kept although Warp gets their gradients wrong; campaigns then leave the backward pass out
    assert [bad for bad in report.bad if "known bug" not in bad.reason] == []


@pytest.mark.parametrize(
    "feature",
    [
        "form:annotated result", "form:annotated results", "form:default argument", "form:keyword argument",
        "form:parameter assigned to", "form:function calls function", "form:function argument", "form:overloads",
        "form:generic function", "form:generic vector function", "form:operator", "form:results indexed",
        "form:results passed on", "form:tuple argument", "form:struct result", "form:function stores to array",
        "form:function adds to array", "form:function reads", "form:function changes its struct", "form:nested struct",
        "form:struct three deep", "form:struct copied", "form:struct chosen", "form:nested struct in array",
        "form:array in struct parameter", "form:func_grad", "form:func_replay", "form:generic kernel(1",
        "form:generic kernel(2", "constant:constant float32", "constant:constant uint64", "constant:constant vec",
        "constant:plain", "constant:class", "constant:enum member", "expression:static int32",
        "expression:static float32", "option:enable_backward", "option:launch_bounds", "option:grid_stride",
    ],
)  # fmt: skip
def test_a_sample_has_it(sample: list[Kernel], feature: str):
    assert any(found.startswith(feature) for kernel in sample for found in kernel.features)


def test_functions_call_each_other_three_deep(sample: list[Kernel]):
    assert max(_depth(ast.parse(kernel.source)) for kernel in sample) == 3


def _depth(tree: ast.Module) -> int:
    """Return how many functions a chain of calls from the kernel goes through."""
    depths: dict[str, int] = {}
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        called = {
            node.func.id
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        depths[function.name] = 1 + max((depths[name] for name in called if name in depths), default=0)
    return max(depths.values()) - 1


def test_only_functions_with_a_replay_have_their_names(sample: list[Kernel]):
    # Warp finds a replay only if its function has been defined as often in the process as the replay has.
    replayed = set(gradients.REPLAYED)
    for kernel in sample:
        defined = re.findall(r"^def (\w+)", kernel.source, re.MULTILINE)
        with_replay = re.findall(r"^@wp\.func_replay\((\w+)\)", kernel.source, re.MULTILINE)
        assert replayed & set(defined) == set(with_replay)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64, INT64, UINT64, UINT8], ids=str)
def test_a_literal_means_the_number_that_it_shows(dtype):
    for seed in range(300):
        term = literals.scalar_literal(SeededChoices(seed), dtype)
        text = re.sub(r"wp\.\w+\((.*)\)", r"\1", term.text)
        number = ast.literal_eval(text)
        assert literals.value(term) == float(number)
        if term.interval is not None:
            assert term.interval.low == term.interval.high == number


def test_functions_in_cpp_are_written_and_accepted_only_when_asked_for():
    plain = [generate(SeededChoices(f"native/{index}"), "vector") for index in range(30)]
    asked = [generate(SeededChoices(f"native/{index}"), "vector", wanted=[], allow_native=True) for index in range(30)]
    assert not any("func_native" in kernel.source for kernel in plain)
    for kernel in asked:
        assert "wp.func_native" in kernel.source and "form:func_native" in kernel.features
        assert accept(kernel.source) is not None
        assert accept(kernel.source, allow_native=True) is None


def test_warp_refuses_the_forms_that_are_left_out_for_it(tmp_path: Path):
    taken = []
    with open_workspace(tmp_path) as workspace:
        for name, refusal in REFUSED.items():
            with compile_batch([refusal.source], CompileOptions(backward=False, cuda_level=0), workspace) as batch:
                taken += [name] if not isinstance(batch.results[0], CompileFailure) else []
    assert taken == []


def test_a_generic_kernel_is_launched_as_its_first_overload(tmp_path: Path):
    source = (
        "from typing import Any\n\nimport warp as wp\n\n\n@wp.kernel\n"
        "def twice(x: wp.array(dtype=Any), out: wp.array(dtype=float)):\n"
        "    i = wp.tid()\n    out[i] = 2.0 * float(x[i])\n\n\n"
        'wp.overload(twice, {"x": wp.array(dtype=wp.float64)})\nwp.overload(twice, {"x": wp.array(dtype=int)})\n'
    )
    with open_workspace(tmp_path) as workspace, compile_batch([source], CompileOptions(), workspace) as batch:
        (result,) = batch.results
        assert not isinstance(result, CompileFailure)
        assert result.kernel.adj.args[0].type.dtype is wp.float64
        assert "array_t<wp::float64>" in result.artifacts.cpp_forward
        assert "array_t<wp::int32>" not in result.artifacts.cpp_forward


def test_a_kernel_without_a_backward_pass_of_its_own_is_judged_forward(tmp_path: Path):
    source = (
        "import warp as wp\n\n\n@wp.kernel(enable_backward=False)\n"
        "def copy(x: wp.array(dtype=float), out: wp.array(dtype=float)):\n    i = wp.tid()\n    out[i] = x[i]\n"
    )
    with open_workspace(tmp_path) as workspace, compile_batch([source], CompileOptions(), workspace) as batch:
        (result,) = batch.results
        assert not isinstance(result, CompileFailure)
        assert not result.has_backward
        assert result.artifacts.cpp_backward == result.artifacts.cuda_backward == ""


def test_no_function_divides_an_integer_by_twice_its_step():
    kernels = some_with(forms.forms()["callbacks.passed"][0], 40)
    divided = [line for kernel in kernels for line in kernel.source.splitlines() if ") - f(" in line and ") / " in line]
    assert divided and any("wp.max(" in line for line in divided)
    assert all("wp.max(" in line.partition(") / ")[2] for line in divided if "uint" in line)
