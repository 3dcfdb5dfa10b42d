"""The strategies for other people's tests: what they give is typed, accepted and compiled, and it shrinks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import warp as wp
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import open_workspace
from grammar import CATEGORIES, accept
from grammar.kernel import Kernel
from grammar.measures import measure
from grammar.recogniser.vocabulary import PYTHON_NAMES
from grammar.strategies import TYPES, Expression, Function, expressions, functions, kernels
from grammar.types import FLOAT32, Array, Matrix, Vector

quickly = settings(
    deadline=None,
    max_examples=25,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@given(st.sampled_from(CATEGORIES).flatmap(lambda category: st.tuples(st.just(category), kernels(category, size=5))))
@quickly
def test_kernels_are_of_the_category_asked_for(pair: tuple[str, Kernel]) -> None:
    category, kernel = pair
    assert kernel.category == category
    assert accept(kernel.source) is None


@given(kernels(category="arithmetic", size=2), kernels(category="arithmetic", size=40))
@settings(quickly, max_examples=8)
def test_kernels_are_about_as_long_as_asked_for(short: Kernel, long: Kernel) -> None:
    assert measure(short.source).statements < 15
    assert measure(long.source).statements > 15


@given(functions())
@quickly
def test_a_function_stands_alone_and_is_called_by_its_kernel(function: Function) -> None:
    tree = ast.parse(function.source)
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in defined] == [function.name]
    assert {
        argument.arg: ast.unparse(argument.annotation) for argument in defined[0].args.args if argument.annotation
    } == {name: type_.spelling for name, type_ in function.parameters.items()}
    known = {"wp"} | PYTHON_NAMES
    known |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    known |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    known |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    known |= {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} <= known | {
        "abs",
        "float",
        "int",
        "range",
    }
    assert accept(function.kernel.source) is None
    assert f"{function.name}(" in function.kernel.source.partition("@wp.kernel")[2]


@given(expressions())
@quickly
def test_an_expression_names_its_variables_and_is_computed_by_its_kernel(expression: Expression) -> None:
    assert accept(expression.kernel.source) is None
    body = ast.parse(expression.kernel.source)
    kernel = next(
        node for node in body.body if isinstance(node, ast.FunctionDef) and node.name == expression.kernel.name
    )
    parameters = {
        argument.arg: ast.unparse(argument.annotation) for argument in kernel.args.args if argument.annotation
    }
    for name, type_ in expression.names.items():
        assert parameters.get(name, "int") == type_.spelling
    results = [
        node.value for node in kernel.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "result"
    ]
    assert [ast.dump(result) for result in results] == [ast.dump(ast.parse(expression.source, mode="eval").body)]
    local = {node.id for node in ast.walk(results[0]) if isinstance(node, ast.Name)} & (set(parameters) | {"i", "tid"})
    assert local <= set(expression.names)


@given(functions(wp.vec3), expressions(Matrix(3, 3, FLOAT32)), expressions(float))
@settings(quickly, max_examples=5)
def test_types_are_those_asked_for(function: Function, matrix: Expression, number: Expression) -> None:
    assert function.result == Vector(3, FLOAT32)
    assert matrix.type == Matrix(3, 3, FLOAT32)
    assert number.type == FLOAT32


@pytest.mark.parametrize("what", [wp.array, str, 3, "float"])
def test_what_is_no_type_is_refused(what: object) -> None:
    with pytest.raises(TypeError, match="is no scalar, vector"):
        find(expressions(what), lambda expression: True)


def test_the_results_have_the_types_that_they_say(tmp_path: Path) -> None:
    """Warp compiles the kernels, which store the results in arrays of these types."""
    found: list[tuple[object, Kernel]] = []

    @given(functions(), expressions())
    @settings(quickly, max_examples=12, phases=[Phase.generate])
    def collect(function: Function, expression: Expression) -> None:
        found.append((function.result, function.kernel))
        found.append((expression.type, expression.kernel))

    collect()
    with (
        open_workspace(tmp_path) as workspace,
        compile_batch([kernel.source for _, kernel in found], CompileOptions(backward=False), workspace) as batch,
    ):
        failed = [result for result in batch.results if not isinstance(result, Compiled)]
    assert not failed
    assert len({type_ for type_, _ in found}) > 5


def test_kernels_and_expressions_shrink() -> None:
    kernel = find(kernels(category="arithmetic", size=2), lambda kernel: True, settings=quickly)
    assert measure(kernel.source).lines < 14
    expression = find(
        expressions(float),
        lambda expression: "wp.sin(" in expression.source,
        settings=settings(quickly, max_examples=300),
    )
    assert len(expression.source) < 50
    assert all(isinstance(type_, Array) or type_ in TYPES for type_ in expression.names.values())
