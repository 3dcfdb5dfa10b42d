"""Generated kernels: printed as they parse, made by their choices alone, and true to their category."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grammar import (
    CATEGORIES,
    RecordingChoices,
    ReplayingChoices,
    SeededChoices,
    accept,
    contains,
    generate,
    guards,
    modules,
    statements,
    terms,
)
from grammar import kernels as kernel_productions
from grammar.intervals import type_range
from grammar.kernel import Kernel
from grammar.kernels import LARGEST
from grammar.recogniser.vocabulary import OPERATORS
from grammar.scope import Frame, Variable
from grammar.strategies import kernels
from grammar.types import INT32, Scalar, Vector

COUNT = 120


@pytest.fixture(scope="module", params=CATEGORIES)
def sample(request: pytest.FixtureRequest) -> list[Kernel]:
    return [generate(SeededChoices((request.param, index)), request.param) for index in range(COUNT // 10)]


def _functions(kernel: Kernel) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.parse(kernel.source).body if isinstance(node, ast.FunctionDef))


def _names(function: ast.FunctionDef, context: type[ast.expr_context]) -> set[str]:
    return {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, context)}


def test_a_kernel_contains_what_its_category_promises(sample: list[Kernel]):
    for kernel in sample:
        assert contains(kernel.category, kernel.tree), kernel.source


def test_the_recogniser_accepts_every_kernel(sample: list[Kernel]):
    for kernel in sample:
        assert accept(kernel.source) is None, kernel.source


def test_a_tree_is_what_its_source_parses_to(sample: list[Kernel]):
    for kernel in sample:
        parsed = cst.parse_module(kernel.source)
        assert parsed.code == kernel.source
        assert ast.dump(ast.parse(parsed.code)) == ast.dump(ast.parse(kernel.tree.code))


def test_no_parenthesis_is_superfluous(sample: list[Kernel]):
    for kernel in sample:
        assert kernel.source.count("(") <= ast.unparse(ast.parse(kernel.source)).count("("), kernel.source


def test_a_kernel_fits_a_screen_or_two(sample: list[Kernel]):
    for kernel in sample:
        *_, function = _functions(kernel)
        assert 3 <= len(ast.unparse(function).splitlines()) <= 120, kernel.source
        assert max(map(len, kernel.source.splitlines())) <= 150, kernel.source


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_larger_size_makes_longer_kernels(category: str):
    def lines(size: int) -> int:
        sources = [generate(SeededChoices((size, index)), category, size).source for index in range(8)]
        return sum(len(source.splitlines()) for source in sources)

    assert lines(1) < lines(LARGEST)


def test_every_parameter_and_function_is_used(sample: list[Kernel]):
    for kernel in sample:
        *helpers, _ = functions = [f for f in _functions(kernel) if not _belongs_to_another(f)]
        called = _names(ast.parse(kernel.source), ast.Load) | OPERATORS
        assert {helper.name for helper in helpers} <= called, kernel.source
        for function in functions:
            assert {a.arg for a in function.args.args} <= _names(function, ast.Load), kernel.source


def _belongs_to_another(function: ast.FunctionDef) -> bool:
    """Whether a function is another's gradient or replay, which is called by Warp with all that the other gets."""
    (decorator,) = function.decorator_list
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in ("wp.func_grad", "wp.func_replay")


def test_nearly_every_variable_is_read(sample: list[Kernel]):
    unread = 0
    for kernel in sample:
        for function in _functions(kernel):
            loops = {
                n.target.id for n in ast.walk(function) if isinstance(n, ast.For) and isinstance(n.target, ast.Name)
            }
            unread += bool(_names(function, ast.Store) - _names(function, ast.Load) - loops)
    assert unread <= 1


def test_arguments_are_described_in_order_and_one_is_written(sample: list[Kernel]):
    for kernel in sample:
        *_, function = _functions(kernel)
        parameters = [argument.name for argument in kernel.arguments if "." not in argument.name]
        assert parameters == [a.arg for a in function.args.args]
        assert any(argument.written for argument in kernel.arguments)
        assert kernel.name == function.name


def test_launches_stay_small(sample: list[Kernel]):
    for kernel in sample:
        threads = 1
        for extent in kernel.dims:
            threads *= extent
        assert 1 <= threads <= 128


def test_the_description_is_one_sentence_that_names_the_outputs(sample: list[Kernel]):
    for kernel in sample:
        assert kernel.description.endswith(".")
        assert kernel.description.count(". ") == 0
        assert any(a.name in kernel.description for a in kernel.arguments if a.written)


def test_features_are_sorted_and_name_overloads(sample: list[Kernel]):
    for kernel in sample:
        assert list(kernel.features) == sorted(set(kernel.features))
        assert any(feature.startswith("launch:") for feature in kernel.features)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_recording_replays_to_the_same_kernel(category: str):
    recording = RecordingChoices(SeededChoices(("replay", category)))
    kernel = generate(recording, category)
    again = generate(ReplayingChoices(recording.sequence), category)
    assert again.source == kernel.source
    assert again.arguments == kernel.arguments
    assert (again.dims, again.description, again.features) == (kernel.dims, kernel.description, kernel.features)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_empty_sequence_is_a_small_kernel_of_its_category(category: str):
    kernel = generate(ReplayingChoices([]), category)
    assert contains(category, kernel.tree)
    assert accept(kernel.source) is None
    assert len(kernel.source.splitlines()) < 45


@given(st.lists(st.integers(0, 10**4), max_size=400), st.sampled_from(CATEGORIES))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_is_a_kernel(sequence: list[int], category: str):
    kernel = generate(ReplayingChoices(sequence), category)
    assert accept(kernel.source) is None
    assert contains(category, kernel.tree)


@given(kernels(category="vector"))
@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
def test_hypothesis_draws_kernels(kernel: Kernel):
    assert accept(kernel.source) is None


def test_kernels_differ():
    sources = {generate(SeededChoices(index), "arithmetic").source for index in range(200)}
    assert len(sources) == 200


def test_an_unknown_category_is_a_key_error():
    with pytest.raises(KeyError):
        generate(SeededChoices(0), "poetry")


UINT32 = Scalar("uint32")


def test_a_variable_that_may_change_is_taken_for_any_value_of_its_type():
    """Its first value says nothing of what a later `^=` leaves in it, which a shift or a divisor may read."""
    unsigned = 0
    for seed in range(40):
        unit = kernel_productions.new_unit(SeededChoices(f"changes/{seed}"), "combined", [])
        frame = Frame(unit, is_kernel=True)
        kernel_productions.thread_indices(frame)
        for _ in range(4):
            statements.let(frame, UINT32)
            statements.load(frame, UINT32)
        for variable in frame.visible():
            if variable.mutable and variable.type == UINT32:
                unsigned += 1
                assert variable.interval == type_range(UINT32), variable
    assert unsigned > 100


def test_copysign_never_sees_a_nan():
    """IEEE 754 leaves the sign of a NaN that an operation made open, so its arguments are clamped, or literals."""
    calls = 0
    for index in range(600):
        source = generate(SeededChoices(f"signs/{index}"), "math").source
        for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
            values = {
                node.targets[0].id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "wp.copysign":
                    calls += 1
                    assert all(_is_a_number(argument, values) for argument in node.args), source
    assert calls > 30


def _is_a_number(node: ast.expr, values: dict[str, ast.expr]) -> bool:
    if isinstance(node, ast.Name) and node.id in values:
        node = values[node.id]
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "wp.clamp":
        return all(_is_a_number(bound, {}) for bound in node.args[1:])
    return not any(
        isinstance(inner, ast.Name) and inner.id != "wp" and not inner.id.isupper() for inner in ast.walk(node)
    )


def test_a_scalar_divisor_of_an_integer_vector_has_a_square_that_fits():
    dividend = terms.constant(Vector(2, UINT32), 7)
    for value in (3, 1000, 65_536, 2**31 - 1):
        found = guards.divisor(SeededChoices(value), terms.integer_literal(value, UINT32), dividend, only_literal=True)
        assert found is not None and found.interval is not None
        assert 0 < found.interval.low <= found.interval.high < 2**16


def test_a_constant_of_a_type_without_a_name_brings_its_alias():
    type_ = Vector(5, UINT32)
    frame = Frame(kernel_productions.new_unit(SeededChoices(0), "arithmetic", []), is_kernel=True)
    value = terms.constant(type_, 3)
    frame.unit.constants["OFFSET"], frame.unit.constant_values["OFFSET"] = value, value.node
    kernel_productions.thread_indices(frame)
    frame.add_value_parameter(Variable("n", INT32))
    frame.commit("OFFSET", "n")
    code = modules.module(frame, "probe").code
    assert code.index("vec5ui = wp.types.vector(") < code.index("OFFSET = ")
