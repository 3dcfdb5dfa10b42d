"""A quick reduction keeps what accuses, and what it leaves names the cause."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor.compiling import CompileOptions
from extractor.expression_types import expression_types, span_of
from extractor.ptx_text import PtxText
from extractor.warp_setup import Workspace, open_workspace
from grammar.kernel import Argument
from grammar.recogniser import accept
from grammar.strategies import kernels
from oracle.backends import cpu, emulator
from oracle.examine import Accusation, Examination, Step
from oracle.inputs import Inputs
from oracle.judge import DIRECTIONS, Judge
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance
from oracle.peers.peer import Recompiled, Rewritten
from oracle.pool import Death
from oracle.probes import Answer, Probe, Prober, What
from oracle.reduce.accuser import Accuser, accuser_of
from oracle.reduce.cause import cause_of
from oracle.reduce.changes import Change, changed
from oracle.reduce.reduced import Reduced
from oracle.reduce.running import Reducer
from oracle.reduce.search import Bounds, Reduction, measure
from oracle.reduce.trying import Trial, Tried, Trier
from oracle.rerun import Case

FIRST = """import warp as wp


@wp.func
def shifted(value: float, by: float):
    return value * 2.0 + by


@wp.kernel
def first(x: wp.array(dtype=float), y: wp.array(dtype=float), out: wp.array(dtype=float), other: wp.array(dtype=int)):
    i = wp.tid()
    total = 0.0
    for j in range(3):
        total += x[i] * float(j)
    if total > 1.0:
        total = shifted(total, y[i])
    least = wp.min(total, y[i])
    out[i] = least + 1.0
    other[i] = i * 2
"""

SECOND = """import warp as wp


@wp.kernel
def second(values: wp.array(dtype=float), scale: float, result: wp.array(dtype=float)):
    i = wp.tid()
    a = values[i] - scale
    b = values[i] + scale
    if a < 0.0:
        b = wp.sin(b)
    result[i] = wp.min(a * scale, b) * scale
"""

ROUNDING = """import warp as wp


@wp.kernel
def third(values: wp.array(dtype=float), scale: float, result: wp.array(dtype=float)):
    i = wp.tid()
    lower = wp.floor(values[i])
    if scale > 100.0:
        lower += 1.0
    result[i] = lower - scale
"""

FAULTS = {"min": (r"\tmin\.f32", "\tmax.f32"), "floor": (r"cvt\.rmi\.f32\.f32", "cvt.rpi.f32.f32")}


@dataclass(frozen=True)
class Faulty:
    """The emulator with other instructions in the place of some."""

    fault: str

    def run(self, compiled, dims: Sequence[int], inputs: Inputs, backward: bool = False, **how) -> Observation:
        pattern, other = FAULTS[self.fault]
        return emulator.run(
            replace(compiled, ptx=PtxText(re.sub(pattern, other, compiled.ptx.text))), dims, inputs, backward, **how
        )


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("warp")) as opened:
        yield opened


def case_of(source: str) -> Case:
    kernel = next(
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and "wp.tid" in ast.unparse(node)
    )
    arguments = [
        Argument(
            one.arg,
            (8,) if "array" in ast.unparse(one.annotation) else (),
            written=one.arg in ("out", "other", "result"),
        )
        for one in kernel.args.args
    ]
    return Case(source, CompileOptions(backward=False), (3,), (8,), [argument.to_json() for argument in arguments])


def judged(case: Case, fault: str, workspace: Workspace) -> Answer:
    backend = Faulty(fault)
    judge = Judge(cpu, backend, "emulator", DIRECTIONS)
    return Prober(workspace, judge, {"cpu": cpu, "cuda": backend}, "emulator").answer(Probe(What.JUDGE, case))


def reduced(source: str, fault: str, workspace: Workspace) -> tuple[Accuser, Reduced]:
    """Reduce a kernel that a planted fault makes wrong, in this process."""
    case, backend = case_of(source), Faulty(fault)
    accuser = accuser_of(judged(case, fault, workspace))
    assert accuser is not None and accuser.verdict is Verdict.MISMATCH
    judges = (Judge(cpu, backend, "emulator", directions) for directions in (DIRECTIONS, None))
    reduction, trier = Reduction(case, accuser), Trier(workspace, *judges)
    while cases := reduction.next_round():
        reduction.hear(trier.run([Trial(one, accuser) for one in cases]))
    assert reduction.result is not None
    return accuser, reduction.result


def cause(source: str, fault: str, workspace: Workspace) -> str:
    accuser, result = reduced(source, fault, workspace)
    return cause_of(accuser.verdict, "", accuser.wrong, accuser, (), result.features)


def test_a_reduction_shows_the_same_and_is_smaller(workspace):
    accuser, result = reduced(FIRST, "min", workspace)
    assert result.size == measure(result.case.source) < measure(FIRST) / 2 == result.size_before / 2
    assert accept(result.case.source) is None
    assert accuser_of(judged(result.case, "min", workspace)) == accuser
    assert "wp.min" in result.case.source and "for" not in result.case.source and "other" not in result.case.source
    assert [argument["name"] for argument in result.case.arguments] == [
        one for one in ("x", "y", "out") if re.search(rf"\b{one}\b", result.case.source)
    ]


def test_one_cause_in_two_kernels_is_one_text_and_another_cause_is_another(workspace):
    one, other = (cause(source, "min", workspace) for source in (FIRST, SECOND))
    assert one == other == "mismatch on cuda: cpu against cuda; min(float)"
    assert "floor(float)" in cause(ROUNDING, "floor", workspace)


@given(st.data())
@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
def test_whatever_is_answered_candidates_are_smaller_kernels_of_the_grammar(workspace, data):
    kernel = data.draw(kernels(size=6))
    case = Case(kernel.source, CompileOptions(), (1,), kernel.dims, [one.to_json() for one in kernel.arguments])
    shows = data.draw(st.randoms(use_true_random=False))
    bounds = Bounds(candidates=40, rounds=6, per_round=6)
    reduction = Reduction(case, Accuser(Verdict.MISMATCH), bounds)
    seen, base = 0, measure(kernel.source)
    while cases := reduction.next_round():
        seen += len(cases)
        assert all(accept(one.source) is None for one in cases)
        sizes = [measure(one.source) for one in cases]
        assert all(size <= base for size in sizes)
        kept = {one["name"].partition(".")[0] for one in cases[-1].arguments}
        assert kept <= {one.arg for node in ast.walk(ast.parse(cases[-1].source)) for one in _parameters(node)}
        types = [expression_types(one.source) for one in cases]
        reduction.hear(
            [Death(False, "killed") if found is None else Tried(shows.random() < 0.4, found) for found in types]
        )
    assert seen <= bounds.candidates + 3 * bounds.rounds + 6
    assert reduction.result is None or reduction.result.size <= base


def _parameters(node: ast.AST) -> list[ast.arg]:
    return node.args.args if isinstance(node, ast.FunctionDef) else []


def test_deaths_of_candidates_cost_nothing_else():
    case = case_of(FIRST)
    reduction = Reduction(case, Accuser(Verdict.MISMATCH))
    first = reduction.next_round()
    reduction.hear([Tried(True, expression_types_of(one)) for one in first])
    reduction.hear([Death(False, "killed") for _ in reduction.next_round()])
    assert reduction.result is not None and reduction.result.size == measure(FIRST)
    assert reduction.next_round()


def test_a_crash_is_reduced_by_the_deaths_of_processes():
    source = FIRST.replace("other[i] = i * 2", "other[i] = 7 // i")
    reduction = Reduction(case_of(source), Accuser(Verdict.CRASH, said="killed by SIGFPE"))
    while cases := reduction.next_round():
        deaths = {True: Death(False, "killed by SIGFPE"), False: Death(False, "killed by SIGSEGV")}
        reduction.hear([deaths["7 // i" in one.source] for one in cases])
    result = reduction.result
    assert result is not None and "7 // i" in result.case.source and result.size < measure(source)
    assert "sin" not in result.case.source and result.tried <= 12


ELSE = FIRST.replace(
    "        total += x[i] * float(j)\n", "        total += x[i] * float(j)\n    else:\n        total += 50.0\n"
)
"""Warp drops the `else` of a loop (see corpus/findings/loop-else-dropped)."""


def test_a_bug_of_warps_own_is_reduced_in_a_process_to_what_it_takes():
    accuser = Accuser(Verdict.MISMATCH, "reference", wrong="both")
    with Reducer("emulator") as reducer:
        reducer.submit("key", case_of(ELSE), accuser, bounds=Bounds(candidates=60))
        found = []
        while reducer.unfinished:
            found += reducer.completed(timeout=1.0)
    ((key, result),) = found
    assert key == "key" and result is not None and "for else" in result.features
    assert result.size < measure(ELSE) / 2 and "shifted" not in result.case.source
    assert result.case.options.cuda_level == 0


def test_what_a_peer_accuses_is_reduced_with_that_peer_and_its_rewrites_alone():
    names = "dead code, operands swapped"
    heard = Answer(
        Verdict.MISMATCH, f"{names}: …", opinions=(Opinion(names, Stance.ACCUSES, "…"),), agree=True, by_peers=True
    )
    examination = Examination(Accusation(case_of(FIRST), Verdict.MISMATCH, (Recompiled("cpu", "debug"), Rewritten(5))))
    assert Step(What.OPTIONS) not in examination.next_round()
    for step in examination.next_round():
        examination.answers[step] = heard if step.what is What.JUDGE else Answer()
    wanted = examination.to_reduce()
    assert wanted == (Accuser(Verdict.MISMATCH, "rewrites"), Rewritten(5, ("dead code", "operands swapped")))
    examination.whole = True
    assert list(examination.next_round()) == [Step(What.OPTIONS)]
    assert examination.to_reduce() is None


@pytest.mark.parametrize("change", ["known", "flaky", "another verdict"])
def test_what_is_known_or_does_not_stand_is_not_reduced(change):
    examination = Examination(Accusation(case_of(FIRST), Verdict.MISMATCH))
    for step in examination.next_round():
        examination.answers[step] = Answer(Verdict.MISMATCH, "out[0]") if step.what is What.JUDGE else Answer()
    assert examination.to_reduce() is not None
    if change == "known":
        examination.answers[Step(What.JUDGE)] = Answer(Verdict.MISMATCH, "reference: known bug x: …")
    elif change == "flaky":
        examination.answers[Step(What.JUDGE, 1)] = Answer(Verdict.MATCH)
    else:
        examination.answers[Step(What.JUDGE)] = Answer(Verdict.UNSUPPORTED, "our own failure")
    assert examination.to_reduce() is None


def expression_types_of(case: Case):
    return expression_types(case.source) or {}


def test_expressions_have_the_types_that_warp_gives_them(workspace):
    types = expression_types(FIRST)
    nodes = {ast.unparse(node): span_of(node) for node in ast.walk(ast.parse(FIRST)) if isinstance(node, ast.expr)}
    assert types is not None
    assert types[nodes["wp.min(total, y[i])"]] == "float32" and types[nodes["y[i]"]] == "float32"
    assert types[nodes["value * 2.0 + by"]] == "float32" and types[nodes["i * 2"]] == "int32"
    assert expression_types(FIRST.replace("float(j)", "j")) is None  # a float times an integer


def test_what_an_edit_leaves_without_use_goes_and_what_had_none_before_stays():
    unused = FIRST.replace("    total = 0.0\n", "    total = 0.0\n    idle = 1.0\n")
    nodes = list(ast.walk(ast.parse(unused)))
    store = next(
        place
        for place, node in enumerate(nodes)
        if isinstance(node, ast.stmt) and "out[i]" in ast.unparse(node) and isinstance(node, ast.Assign)
    )
    left = changed(unused, (Change(store),))
    assert "idle = 1.0" in left
    assert not any(word in left for word in ("wp.min", "total", "shifted", "x:", "y:", "out:"))


def test_what_leaves_a_loop_that_matters_matters():
    source = SECOND.replace(
        "    if a < 0.0:\n        b = wp.sin(b)\n",
        "    for j in range(4):\n        if b > 3.0:\n            break\n        b += a\n",
    )
    assert accept(source) is None
    nodes = list(ast.walk(ast.parse(source)))
    place = next(place for place, node in enumerate(nodes) if isinstance(node, ast.AugAssign))
    assert "break" in changed(source, (Change(place, text="b -= 1.0"),))
    assert "break" not in changed(source, (Change(place),))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "native for cpu: In file included from a.h:1:\nbuiltin.h:5:4: error: no match for 'add'\n  3 | add",
            "builtin.h: no match for '…'",
        ),
        ("codegen for cpu and cuda: WarpCodegenError: Error: x", "codegen: WarpCodegenError: Error: x"),
    ],
)
def test_a_compile_errors_cause_is_its_first_diagnostic(reason, said):
    assert cause_of(Verdict.COMPILE_ERROR, reason, "cpu") == f"compile_error on cpu: {said}"


def test_a_known_bug_is_called_by_its_name():
    assert cause_of(Verdict.MISMATCH, "gradient: known bug tuple-gradient at line 7: 1 is 2", "both") == (
        "mismatch: known bug tuple-gradient"
    )


def test_options_are_named_without_their_levels():
    accuser = Accuser(Verdict.MISMATCH, "gradient", "gradient", "both")
    given = ("max_unroll 0", "max_unroll 1", "cuda level 0", "debug")
    assert cause_of(Verdict.MISMATCH, "", "both", accuser, given, ("for", "sin(float)")) == (
        "mismatch on cpu and cuda of gradients: gradient; not with cuda level; not with max_unroll; not with debug; "
        "sin(float)"
    )
