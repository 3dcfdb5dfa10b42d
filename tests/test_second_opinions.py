"""What both targets have in common is seen all the same: the reference and the gradients have opinions of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu, emulator
from oracle.inputs import Inputs, make_inputs
from oracle.judge import Judge, Judgement, weigh
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance

SIZE = 16

HEAD = """import warp as wp


@wp.kernel
def probe(x: wp.array(dtype=float), k: wp.array(dtype=int), n: int, out: wp.array(dtype=float)):
    i = wp.tid()
"""

BODIES = {
    "arithmetic": "out[i] = x[i] * 2.0 + float(k[i] // 3)",
    "library": "out[i] = wp.sin(x[i]) * wp.exp(x[i] * 0.125)",
    "negation": "out[i] = -(x[i] - x[i])",
    "swap": (
        "a = x[i] * 1.0\n    b = a + 1.0\n    for j in range(n):\n        c = a\n        a = b\n        b = c\n"
        "    out[i] = a - b * 0.5"
    ),
    "threshold": "out[i] = 1.0 if wp.sin(x[i]) > wp.cos(x[i] - 1.5707964) else 0.0",
    "remainder": "out[i] = wp.frac(x[i])",
    "loop": "s = float(1.0)\n    for j in range(n):\n        s = s * x[i]\n    out[i] = s",
}

ARGUMENTS = (
    Argument("x", (SIZE,)),
    Argument("k", (SIZE,), {"": (-20, 20)}),
    Argument("n", (), {"": (3, 3)}),
    Argument("out", (SIZE,), {}, True),
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Compiled]]:
    sources = [f"{HEAD}    {body}\n" for body in BODIES.values()]
    with (
        open_workspace(tmp_path_factory.mktemp("opinions")) as workspace,
        compile_batch(sources, CompileOptions(), workspace) as batch,
    ):
        yield {name: one for name, one in zip(BODIES, batch.results, strict=True) if isinstance(one, Compiled)}


def judged(one: Compiled, seed: int = 0) -> Judgement:
    return Judge(cpu, emulator, "emulator", 1).judge(one, (SIZE,), make_inputs(one.kernel, ARGUMENTS, seed), True)


def stances(judgement: Judgement) -> dict[str, Stance]:
    return {opinion.oracle: opinion.stance for opinion in judgement.opinions}


@pytest.mark.parametrize("name", ["arithmetic", "library", "swap"])
def test_every_oracle_agrees_on_what_is_right(compiled: dict[str, Compiled], name: str) -> None:
    for seed in range(4):
        found = judged(compiled[name], seed)
        assert found.verdict is Verdict.MATCH, found.reason
        assert stances(found)["reference"] is Stance.AGREES
        assert Stance.ACCUSES not in stances(found).values()


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("arithmetic", "* 2.0 +", "* 2.0 -"),
        ("arithmetic", "// 3", "// 2"),
        ("library", "wp.sin", "wp.cos"),
        ("library", "0.125", "0.1250001"),
        ("swap", "range(n)", "range(n - 1)"),
    ],
)
def test_what_both_targets_get_wrong_alike_is_accused(
    compiled: dict[str, Compiled], name: str, right: str, wrong: str
) -> None:
    """The source that the reference reads differs from the one that was compiled: as if Warp had done the edit."""
    one = compiled[name]
    assert right in one.source
    found = judged(replace(one, source=one.source.replace(right, wrong)))
    assert found.verdict is Verdict.MISMATCH
    assert found.reason.startswith("reference: out[")
    assert found.wrong_target == ""  # only the cpu was asked about: the other target is equal to it


class Spoilt:
    """The emulator with one element of its result changed."""

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        seen = emulator.run(compiled, dims, inputs, backward)
        values = {name: value.copy() for name, value in seen.values.items()}
        values["out"][5] = np.float32(77.0)
        return replace(seen, values=values)


def test_where_the_targets_differ_the_reference_says_who_is_wrong(compiled: dict[str, Compiled]) -> None:
    one = compiled["arithmetic"]
    inputs = make_inputs(one.kernel, ARGUMENTS, 0)
    found = Judge(cpu, Spoilt(), "emulator", 1).judge(one, (SIZE,), inputs, True)
    assert found.verdict is Verdict.MISMATCH
    assert found.wrong_target == "cuda"
    assert "the reference holds cuda wrong: out[5]" in found.reason
    assert "; in float64 it is " in found.reason


class Apart:
    """The emulator with one result that the other side of a threshold gives."""

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        seen = emulator.run(compiled, dims, inputs, backward)
        values = {name: value.copy() for name, value in seen.values.items()}
        values["out"][5] = np.float32(1.0) - values["out"][5]
        return replace(seen, values=values)


def test_what_turns_on_rounding_is_called_by_its_line(compiled: dict[str, Compiled]) -> None:
    one = compiled["threshold"]
    reasons = []
    for seed in range(6):
        inputs = make_inputs(one.kernel, ARGUMENTS, seed)
        found = Judge(cpu, Apart(), "emulator", 1).judge(one, (SIZE,), inputs, True)
        if found.verdict is Verdict.UNSTABLE:
            reasons.append(found.reason)
    assert any(
        "the test at line 7 turns on a value" in reason and "ULP from its threshold" in reason for reason in reasons
    )


def test_a_known_bug_is_called_by_its_name(compiled: dict[str, Compiled]) -> None:
    found = judged(compiled["negation"], 1)
    assert found.verdict is Verdict.MISMATCH
    assert found.reason.startswith("reference: known bug negated-zero: out[")


@pytest.mark.parametrize(("name", "limit"), [("remainder", "not-differentiable"), ("loop", "dynamic-loop")])
def test_a_gradient_beyond_a_documented_limit_is_called_documented(
    compiled: dict[str, Compiled], name: str, limit: str
) -> None:
    found = judged(compiled[name])
    assert found.verdict is Verdict.DOCUMENTED
    assert found.reason.startswith(f"gradient: {limit} at line")


def test_a_fault_of_the_reference_costs_its_opinion_and_nothing_else(compiled: dict[str, Compiled]) -> None:
    one = compiled["arithmetic"]
    found = judged(replace(one, source=one.source.replace("x[i]", "x[i].nowhere")))
    assert found.verdict is Verdict.MATCH
    assert stances(found)["reference"] is Stance.NO_OPINION
    assert "our own fault: AttributeError" in found.opinions[0].reason


def test_accusations_weigh_more_than_limits_and_neither_touches_another_verdict() -> None:
    documented, accusing = (Opinion("b", stance, "why") for stance in (Stance.DOCUMENTED, Stance.ACCUSES))
    match = Judgement(Verdict.MATCH, "equal")
    assert weigh(match, [documented]).verdict is Verdict.DOCUMENTED
    assert weigh(match, [documented, accusing]).verdict is Verdict.MISMATCH
    assert weigh(match, [Opinion("b", Stance.UNSTABLE, "why")]).verdict is Verdict.MATCH
    unstable = Judgement(Verdict.UNSTABLE, "moves")
    assert weigh(unstable, [accusing]).verdict is Verdict.UNSTABLE


def test_what_the_kernel_itself_does_wrong_is_no_bug_of_the_compiler(compiled: dict[str, Compiled]) -> None:
    one = compiled["arithmetic"]
    short = (Argument("x", (SIZE - 1,)), *ARGUMENTS[1:])
    inputs = make_inputs(one.kernel, short, 0)
    found = Judge(cpu, emulator, "emulator", 1).judge(one, (SIZE,), inputs, True)
    assert found.verdict is Verdict.UNSUPPORTED
    assert found.reason.startswith("not the compiler's fault: the kernel is not well-defined: index (15,)")
    alone = Judge(cpu, emulator, "emulator").judge(one, (SIZE,), inputs, True)
    assert alone.verdict is Verdict.SANITIZER
