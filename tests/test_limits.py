"""Documented limits: the detectors, the kernels that keep within, and what the installed Warp does beyond."""

from __future__ import annotations

import ast
import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from fuzzer.__main__ import main
from fuzzer.task import Task
from fuzzer.worker import start_worker
from grammar import CATEGORIES, SeededChoices, accept, generate
from grammar.limits import BY_NAME, LIMITS, Effect, exceeded, keeps_backward, probes, wrong_gradients
from grammar.limits.wrong import FORMS
from grammar.strategies import kernels
from oracle.compare import compare
from oracle.limits import documented, excuse
from oracle.limits_command import shows
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance

ALL = {**probes.LIMITS, **probes.WRONG}

HEAD = """\
import warp as wp


@wp.kernel
def example(n: int, scale: float, x: wp.array(dtype=float), counts: wp.array(dtype=int), out: wp.array(dtype=float)):
"""


def _names(body: str) -> set[str]:
    source = HEAD + "".join(f"    {line}\n" for line in body.splitlines())
    return {one.limit_name for one in (*exceeded(source), *wrong_gradients(source))}


@pytest.mark.parametrize("name", ALL)
def test_a_detector_finds_its_probe_and_not_its_near_miss(name: str):
    find = exceeded if name in BY_NAME else wrong_gradients
    beyond, within = ALL[name].source(beyond=True), ALL[name].source(beyond=False)
    assert name in {one.limit_name for one in find(beyond)}
    assert name not in {one.limit_name for one in find(within)}
    lines = beyond.splitlines()
    assert all(lines[one.line - 1].startswith("    ") for one in find(beyond))


def _all_shown() -> dict[tuple[str, bool], bool]:
    """What every probe and every near miss shows."""
    keys = [(name, beyond) for name in ALL for beyond in (True, False)]
    with open_workspace() as workspace:
        sources = [ALL[name].source(beyond) for name, beyond in keys]
        with compile_batch(sources, CompileOptions(targets=("cpu",)), workspace) as batch:
            results = dict(zip(keys, batch.results, strict=True))
            return {key: shows(ALL[key[0]], one.kernel) for key, one in results.items() if isinstance(one, Compiled)}


@pytest.fixture(scope="module")
def shown() -> dict[tuple[str, bool], bool]:
    """What the probes show, in a process of their own: a backward pass that is wrong may write anywhere."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_all_shown).result(timeout=300)


@pytest.mark.parametrize("name", ALL)
def test_the_installed_warp_does_beyond_a_limit_what_the_table_says_and_within_it_what_it_should(
    name: str, shown: Mapping[tuple[str, bool], bool]
):
    assert (shown[name, True], shown[name, False]) == (True, False)


def test_every_row_has_a_citation_and_every_form_a_probe():
    assert len(BY_NAME) == len(LIMITS)
    for limit in LIMITS:
        assert limit.page and limit.heading and limit.says
        assert limit.name in probes.LIMITS or limit.effect in (Effect.OPEN, Effect.UNRELIABLE)
    without = {"indexed-array-adjoint", "cholesky-transpose-gradient"}  # the first may crash, the other needs a block
    assert {form.finding for form in FORMS} == without.union(probes.WRONG)


@pytest.mark.parametrize(
    "body",
    [
        "s = float(0.0)\nfor j in range(n):\n    s += x[j] * x[j] * scale\nout[0] = s",
        "s = float(0.0)\nfor j in range(n):\n    s = 0.5 * s + x[j]\nout[0] = s * scale + 1.0",
        "s = float(1.0)\nfor j in range(4):\n    s *= x[j]\nout[0] = s",
        "s = float(0.0)\nfor j in range(n):\n    w = x[j]\n    if w > 0.5:\n        w = w * w\n    s += w\nout[0] = s",
        "s = float(0.0)\nfor j in range(n):\n    if counts[j] > 2:\n        continue\n    s += x[j]\nout[0] = s",
        "c = int(0)\nfor j in range(n):\n    c += counts[j] % 3\nc = c * c\nout[0] = x[0]",
        "s = float(0.0)\nfor j in range(n):\n    s += x[j]\ns = x[0]\nout[0] = s * s",
        "out[0] = x[0]\nfor j in range(n):\n    out[j + 1] = out[j] * x[j]",
        "v = wp.vec3()\nif n > 1:\n    v[0] = x[0]\nelse:\n    v[0] = x[1]\nout[0] = v[0]",
        "v = wp.vec3()\nfor j in range(n):\n    v[j] = x[j]\nout[0] = v[0]",
        "a = x[0]\na *= x[1]\nout[0] = a",
        "a = counts[0] % 5\nout[0] = x[a]",
    ],
)
def test_what_the_documentation_allows_exceeds_nothing(body: str):
    assert not {name for name in _names(body) if name not in BY_NAME or BY_NAME[name].avoided}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("s = float(0.0)\nfor j in range(n):\n    s += x[j]\nout[0] = s * s", "dynamic-loop"),
        ("s = float(0.0)\nfor j in range(n):\n    s += x[j]\nout[0] = wp.sin(s)", "dynamic-loop"),
        ("s = float(0.0)\nfor j in range(n):\n    if s < 1.0:\n        s += x[j]\nout[0] = s", "dynamic-loop"),
        ("s = float(1.0)\nfor j in range(17):\n    s *= x[j]\nout[0] = s", "dynamic-loop"),
        ("s = float(0.0)\nj = int(0)\nwhile j < n:\n    s += x[j]\n    j += 1\nout[0] = s", "dynamic-loop"),
        ("c = int(0)\nfor j in range(n):\n    c += 1\nout[0] = x[0] * float(c)", "dynamic-loop"),
        (
            "s = float(0.0)\nw = float(0.0)\nfor j in range(n):\n    w = x[j]\n    s += w\nout[0] = w * w",
            "dynamic-loop",
        ),
        (
            "t = wp.zeros(shape=4, dtype=float)\nfor j in range(n):\n    t[j] = x[j]\nout[0] = t[0] * t[1]",
            "dynamic-loop",
        ),
        ("v = wp.vec3(x[0], x[1], x[2])\nv[0] = x[3]\nout[0] = v[0]", "component-assigned-again"),
        ("v = wp.vec3()\nfor j in range(n):\n    v[0] = x[j]\nout[0] = v[0]", "component-assigned-again"),
        ("v = wp.vec3()\nv.x = x[0]\nv[0:2] = wp.vec2(x[1], x[2])\nout[0] = v[0]", "component-assigned-again"),
        ("m = wp.mat22()\nm[0, 1] = x[0]\nm[0] = wp.vec2(x[1], x[2])\nout[0] = m[0, 1]", "component-assigned-again"),
        ("v = wp.vec3(x[0], x[1], x[2])\nv[0] *= x[3]\nout[0] = v[0]", "in-place-product"),
        ("out[0] = x[0] * x[0]\nx[0] += 1.0", "array-overwritten"),
        ("for j in range(n):\n    x[j] = out[j + 1]\n    out[j] = x[j] * x[j]", "array-overwritten"),
        ("out[wp.atomic_add(counts, 0, 1)] = x[0]", "atomic-result"),
        ("if n > 1:\n    a = x[0]\nout[0] = a", "uninitialised"),
    ],
)
def test_what_the_documentation_excludes_is_found(body: str, name: str):
    assert name in _names(body)


@settings(deadline=None, max_examples=25)
@given(kernels())
def test_a_kernel_with_a_backward_pass_exceeds_no_limit_and_uses_no_wrong_form(kernel):
    if "enable_backward=False" not in kernel.source:
        assert not exceeded(kernel.source, [Effect.GRADIENTS])
        avoided = {form.finding for form in FORMS if form.avoided}
        assert avoided.isdisjoint(one.limit_name for one in wrong_gradients(kernel.source))


def test_most_kernels_keep_their_backward_pass_and_those_beyond_limits_are_accepted_too():
    kept = beyond = 0
    for index in range(3 * len(CATEGORIES)):
        category = CATEGORIES[index % len(CATEGORIES)]
        kept += "enable_backward=False" not in generate(SeededChoices(index), category).source
        free = generate(SeededChoices(index), category, beyond_limits=True)
        assert accept(free.source) is None
        beyond += not keeps_backward(free.source)
    assert kept > 0.55 * 3 * len(CATEGORIES)
    assert beyond > 0.2 * 3 * len(CATEGORIES)


def test_sources_and_trees_say_the_same():
    kernel = generate(SeededChoices(3), "reduction", beyond_limits=True)
    assert exceeded(kernel.source) == exceeded(kernel.tree) == exceeded(ast.parse(kernel.source))


def test_only_gradients_are_excused_and_with_a_citation():
    source = probes.LIMITS["dynamic-loop"].source(beyond=True)
    reason = excuse(source, ["x.grad"])
    assert reason is not None and "Dynamic Loops" in reason
    assert excuse(source, ["x.grad", "out"]) is None
    assert excuse(probes.LIMITS["dynamic-loop"].source(beyond=False), ["x.grad"]) is None


def test_an_accusation_of_gradients_beyond_a_limit_is_documented():
    source = probes.LIMITS["in-place-product"].source(beyond=True)
    one, other = (Observation({"y.grad": np.full(2, value, np.float32)}) for value in (1.0, 2.0))
    accusation = Opinion("max_unroll 0", Stance.ACCUSES, "differs", compare(one, other))
    assert documented(accusation, source).stance is Stance.DOCUMENTED
    assert documented(accusation, probes.LIMITS["in-place-product"].source(beyond=False)) == accusation


def test_probe_mode_judges_kernels_beyond_limits_and_keeps_no_record(tmp_path: Path):
    task = Task(0, CATEGORIES, backward=True, emit_ptx=False, cuda="emulator", arch=75, beyond_limits=True)
    (outcome,) = start_worker(task, tmp_path)((task.plain(0),))
    assert outcome.line is None
    assert outcome.verdict not in (Verdict.COMPILE_ERROR, Verdict.CRASH)
    assert not Verdict.DOCUMENTED.accuses


def test_probe_mode_must_be_told_for_how_long(capsys: pytest.CaptureFixture[str]):
    assert main(["run", "--probe"]) == 2
    assert main(["run", "--probe", "--time", "9s", "--budget", "1MB"]) == 2
    assert "--time" in capsys.readouterr().err
