"""Every form of statement occurs, is accepted and agrees on both targets; the others Warp refuses or gets wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Batch, Compiled, CompileFailure, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar import SeededChoices, accept, generate, ranges
from grammar.choices import ReplayingChoices
from grammar.intervals import Interval
from grammar.kernel import Kernel
from grammar.parts import parts
from grammar.refused_forms import PREAMBLE, REFUSED, WRONG, WRONG_GRADIENTS
from grammar.scope import Frame, Unit, Variable
from grammar.types import FLOAT32, INT32, Matrix, Vector
from oracle.backends import cpu, emulator
from oracle.inputs import Inputs, make_inputs
from oracle.judge import Judge
from oracle.observation import Verdict

CATEGORIES = ("vector", "matrix", "control_flow", "nested_loop", "combined", "scalar_param")

Tree = ast.AST


@pytest.fixture(scope="module")
def sample() -> list[tuple[Kernel, Tree]]:
    kernels = [
        generate(SeededChoices(("forms", index)), CATEGORIES[index % 6], wanted=[], beyond_limits=True)
        for index in range(480)
    ]
    return [(kernel, ast.parse(kernel.source)) for kernel in kernels]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("warp")) as opened:
        yield opened


# What occurs


def _any(kind: type[ast.AST], test: Callable[[Any], bool] = lambda node: True) -> Callable[[Tree], bool]:
    return lambda tree: any(isinstance(node, kind) and test(node) for node in ast.walk(tree))


def _target(test: Callable[[ast.expr], bool], augmented: bool) -> Callable[[Tree], bool]:
    if augmented:
        return _any(ast.AugAssign, lambda node: test(node.target))
    return _any(ast.Assign, lambda node: test(node.targets[0]))


def _has_slice(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and any(isinstance(part, ast.Slice) for part in ast.walk(node.slice))


def _is_permutation(node: ast.Assign) -> bool:
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
        return False
    return sorted(map(ast.unparse, target.elts)) == sorted(map(ast.unparse, value.elts))


def _is_negative_index(node: ast.Subscript) -> bool:
    return isinstance(node.slice, ast.UnaryOp)


def _depth_of_loops(node: ast.AST) -> int:
    inner = max((_depth_of_loops(child) for child in ast.iter_child_nodes(node)), default=0)
    return inner + isinstance(node, ast.For | ast.While)


def _hides_index(tree: Tree) -> bool:
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For)]
    return any(
        isinstance(inner, ast.For) and ast.unparse(inner.target) == ast.unparse(outer.target)
        for outer in loops
        for statement in outer.body
        for inner in ast.walk(statement)
    )


def _bounds(node: ast.For) -> list[int] | None:
    if not isinstance(node.iter, ast.Call) or ast.unparse(node.iter.func) != "range":
        return None
    try:
        return [ast.literal_eval(argument) for argument in node.iter.args]
    except ValueError:
        return None


def _range(test: Callable[[range], bool]) -> Callable[[Tree], bool]:
    return _any(ast.For, lambda node: (bounds := _bounds(node)) is not None and test(range(*bounds)))


def _in_loop(kind: type[ast.AST]) -> Callable[[Tree], bool]:
    return lambda tree: any(
        isinstance(node, kind)
        for loop in ast.walk(tree)
        if isinstance(loop, ast.For | ast.While)
        for node in ast.walk(loop)
    )


OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr,
    ast.BitXor, ast.MatMult,
)  # fmt: skip

FORMS: dict[str, Callable[[Tree], bool]] = {
    "chained comparison": _any(ast.Compare, lambda node: len(node.ops) == 2),
    "longer chain": _any(ast.Compare, lambda node: len(node.ops) > 2),
    "negative index": _any(ast.Subscript, _is_negative_index),
    "slice as a value": _any(ast.Subscript, lambda n: isinstance(n.ctx, ast.Load) and isinstance(n.slice, ast.Slice)),
    "slice with a step": _any(ast.Slice, lambda node: node.step is not None),
    "column or block": _any(ast.Subscript, lambda n: isinstance(n.slice, ast.Tuple) and _has_slice(n)),
    "slice as a target": _target(_has_slice, augmented=False),
    "slice as an augmented target": _target(_has_slice, augmented=True),
    "component as a target": _target(lambda node: isinstance(node, ast.Subscript), augmented=True),
    "field's component as a target": _target(
        lambda node: isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Attribute),
        augmented=True,
    ),
    "unpacking": _any(
        ast.Assign,
        lambda n: isinstance(n.targets[0], ast.Tuple) and isinstance(n.value, ast.Tuple) and not _is_permutation(n),
    ),
    "swap or rotation": _any(ast.Assign, _is_permutation),
    "tuple with a name": _any(
        ast.Assign, lambda node: isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Tuple)
    ),
    "hidden index": _hides_index,
    "no trip": _range(lambda over: len(over) == 0),
    "one trip": _range(lambda over: len(over) == 1),
    "negative step": _range(lambda over: over.step < 0),
    "longest unrolled range": _range(lambda over: len(over) in (15, 16)),
    "range just too long to unroll": _range(lambda over: 16 < len(over) <= 24),
    "range from below zero": _range(lambda over: over.start < 0 < over.stop),
    "reversed": _any(ast.Call, lambda node: ast.unparse(node.func) == "reversed"),
    "loops four deep": lambda tree: _depth_of_loops(tree) >= 4,
    "break": _any(ast.Break),
    "continue": _any(ast.Continue),
    "early return in a loop": _in_loop(ast.Return),
    "while True": _any(ast.While, lambda node: isinstance(node.test, ast.Constant)),
    "while of several conditions": _any(ast.While, lambda node: isinstance(node.test, ast.BoolOp)),
    "assert": _any(ast.Assert),
    "conditional expression": _any(ast.IfExp),
    "not": _any(ast.UnaryOp, lambda node: isinstance(node.op, ast.Not)),
    **{
        f"augmented {kind.__name__}": _any(ast.AugAssign, lambda node, kind=kind: isinstance(node.op, kind))
        for kind in OPERATORS
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_occurs_and_is_accepted(form: str, sample: list[tuple[Kernel, Tree]]):
    found = [kernel for kernel, tree in sample if FORMS[form](tree)]
    assert found
    for kernel in found[:5]:
        assert accept(kernel.source) is None, kernel.source


@pytest.mark.parametrize(
    "feature", ("statement:recurrence", "statement:assign in branches(2)", "statement:index after loop")
)
def test_the_production_is_used(feature: str, sample: list[tuple[Kernel, Tree]]):
    assert any(feature in kernel.features for kernel, _ in sample)


def test_effects_are_used_in_every_way(sample: list[tuple[Kernel, Tree]]):
    used = {feature for kernel, _ in sample for feature in kernel.features if feature.startswith("expression:effect")}
    assert len(used) == 5, used


def test_no_wrong_form_is_written(sample: list[tuple[Kernel, Tree]]):
    for kernel, tree in sample:
        for loop in ast.walk(tree):
            if isinstance(loop, ast.While):
                assert not any(isinstance(node, ast.Return) for node in ast.walk(loop)), kernel.source
            if isinstance(loop, ast.For | ast.While):
                assert not loop.orelse, kernel.source
                assert not any(isinstance(node, ast.Assign) and _is_permutation(node) for node in loop.body)


def test_the_targets_agree_on_kernels_full_of_forms(sample: list[tuple[Kernel, Tree]], workspace: Workspace):
    rich = sorted(sample, key=lambda pair: -sum(test(pair[1]) for test in FORMS.values()))
    kernels = [kernel for kernel, _ in rich if len(kernel.source.splitlines()) < 60][:12]
    judge = Judge(cpu, emulator, "emulator")
    with compile_batch([kernel.source for kernel in kernels], CompileOptions(), workspace) as batch:
        for kernel, compiled in zip(kernels, batch.results, strict=True):
            assert isinstance(compiled, Compiled), f"{compiled}\n{kernel.source}"
            inputs = make_inputs(compiled.kernel, kernel.arguments, 1)
            found = judge.judge(compiled, kernel.dims, inputs, backward=True)
            assert found.verdict in (Verdict.MATCH, Verdict.UNSTABLE), f"{found.reason}\n{kernel.source}"


# What parts and ranges say of themselves


def _frame(sequence: list[int]) -> Frame:
    """Return a kernel's frame of which neither types nor arrays are asked."""
    return Frame(Unit(ReplayingChoices(sequence), Any, "vector", (4,), dotted=False), is_kernel=True)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 10**4), max_size=60), st.integers(2, 6), st.integers(1, 6))
@settings(deadline=None, max_examples=60)
def test_a_part_covers_what_its_subscript_selects(sequence: list[int], rows: int, columns: int):
    frame = _frame(sequence)
    for source, scalars in (
        (Vector(rows, FLOAT32), np.arange(rows)),
        (Matrix(rows, columns, FLOAT32), np.arange(rows * columns).reshape(rows, columns)),
    ):
        for part in parts(frame, source):
            code = part.text_of("scalars")
            chosen = np.asarray(eval(code, {"scalars": scalars}))
            assert chosen.flatten().tolist() == list(part.covers), code
            shape = {Vector: lambda t: (t.length,), Matrix: lambda t: (t.rows, t.columns)}.get(type(part.type))
            assert chosen.shape == (shape(part.type) if shape else ()), code


@given(st.lists(st.integers(0, 10**4), min_size=4, max_size=30))
@settings(deadline=None, max_examples=200)
def test_a_range_stays_in_its_interval_and_its_number_of_trips(sequence: list[int]):
    frame = _frame(sequence)
    found = ranges.choose_range(frame)
    counts = frame.values[0] if frame.values else Variable("n", INT32, Interval(0, 0))
    assert counts.interval is not None
    for count in range(counts.interval.low, counts.interval.high + 1):
        over = range(*(eval(bound.text, {counts.name: count}) for bound in found.bounds))
        assert len(over) <= found.trips
        assert all(found.interval.low <= index <= found.interval.high for index in over)


# What is left out


def _source(body: str) -> str:
    return PREAMBLE + "".join(f"    {line}\n" for line in body.splitlines())


@pytest.mark.parametrize("name", REFUSED)
def test_warp_still_refuses(name: str, workspace: Workspace):
    body, reason = REFUSED[name]
    with compile_batch([_source(body)], CompileOptions(backward=False), workspace) as batch:
        (result,) = batch.results
        assert isinstance(result, CompileFailure)
        assert reason in result.diagnostic


def _probe_inputs() -> Inputs:
    x = (np.arange(8) / 2 + 0.5).astype(np.float32)
    values = {"n": np.int32(3), "x": x, "k": np.arange(5, 13, dtype=np.int32), "out": np.zeros(8, np.float32)}
    return Inputs(0, values, {"out": np.ones(8, np.float32)})


@pytest.fixture(scope="module")
def wrong(workspace: Workspace) -> Iterator[Batch]:
    bodies = [*(form.body for form in WRONG.values()), *(body for body, _ in WRONG_GRADIENTS.values())]
    with compile_batch([_source(body) for body in bodies], CompileOptions(), workspace) as batch:
        yield batch


@pytest.mark.parametrize("name", WRONG)
def test_warp_still_gets_the_value_wrong(name: str, wrong: Batch):
    compiled = wrong.results[list(WRONG).index(name)]
    assert isinstance(compiled, Compiled)
    values = [backend.run(compiled, (1,), _probe_inputs(), False).values["out"][0] for backend in (cpu, emulator)]
    assert WRONG[name].python not in values


@pytest.mark.parametrize("name", WRONG_GRADIENTS)
def test_warp_still_gets_the_gradient_wrong(name: str, wrong: Batch):
    compiled = wrong.results[len(WRONG) + list(WRONG_GRADIENTS).index(name)]
    assert isinstance(compiled, Compiled)
    inputs = _probe_inputs()
    gradient = cpu.run(compiled, (1,), inputs, True).values["x.grad"]
    assert not np.allclose(gradient, _differences(compiled, inputs), atol=0.05)


def _differences(compiled: Compiled, inputs: Inputs) -> np.ndarray:
    """Return the gradient of the sum of `out` by central differences."""
    found = np.zeros(8)
    for place in range(8):
        sums = []
        for step in (0.01, -0.01):
            moved = inputs.values["x"].copy()
            moved[place] += step
            values = {**inputs.values, "x": moved}
            sums.append(cpu.run(compiled, (1,), Inputs(0, values, inputs.gradients), False).values["out"].sum())
        found[place] = (sums[0] - sums[1]) / 0.02
    return found
