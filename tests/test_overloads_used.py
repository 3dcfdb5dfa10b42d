"""The registered overloads that a kernel exercises are read from the C++ that Warp makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extractor.calls import NativeCall, native_calls
from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.overloads_used import overloads_used
from extractor.warp_setup import Workspace, open_workspace
from grammar import SeededChoices, focus, generate
from grammar.coverage import generable_overloads

SOURCE = """import warp as wp

vec5 = wp.types.vector(length=5, dtype=float)


@wp.func
def twice(x: float):
    # wp.exp(x) in a comment
    return 2.0 * x


@wp.kernel
def mix(values: wp.array(dtype=vec5), rows: wp.array2d(dtype=wp.float64), counts: wp.array(dtype=int)):
    i = wp.tid()
    v = values[i]
    s = twice(wp.dot(v, v))
    rows[i, 0] = wp.float64(s) + rows[i, 1]
    wp.atomic_add(counts, wp.uint8(0), 1)
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.fixture(scope="module")
def compiled(workspace: Workspace) -> Iterator[Compiled]:
    with compile_batch([SOURCE], CompileOptions(), workspace) as batch:
        result = batch.results[0]
        assert isinstance(result, Compiled)
        yield result


def test_calls_come_with_the_types_of_their_arguments_and_result(compiled):
    calls = list(native_calls(compiled.artifacts.cpp_forward))
    vector = "wp::vec_t<5,wp::float32>"
    assert NativeCall("dot", (vector, vector), "wp::float32") in calls
    assert NativeCall("twice_0", ("wp::float32",), "wp::float32") in calls
    assert NativeCall("float64", ("wp::float32",), "wp::float64") in calls


def test_what_stands_in_a_comment_is_no_call(compiled):
    assert "exp" not in {call.function for call in native_calls(compiled.artifacts.cpp_forward)}


def test_the_cuda_text_has_the_same_calls(compiled):
    texts = compiled.artifacts.cpp_forward, compiled.artifacts.cuda_forward
    assert overloads_used(texts[0]) == overloads_used(texts[1])


def test_a_generic_overload_counts_and_a_concrete_one_only_for_its_own_types(compiled):
    forward = {one.signature for one in overloads_used(compiled.artifacts.cpp_forward)}
    assert {
        "dot(Vector[Scalar, Any], Vector[Scalar, Any])",
        "mul(float32, float32)",
        "add(float64, float64)",
    } <= forward
    assert "dot(vec3f, vec3f)" not in forward
    assert "add(float32, float32)" not in forward


def test_an_index_of_another_dtype_is_another_overload(compiled):
    forward = {one.signature for one in overloads_used(compiled.artifacts.cpp_forward)}
    assert "atomic_add(Array[Any], uint8, Any)" in forward
    assert "atomic_add(Array[Any], int32, Any)" not in forward
    assert "atomic_add(Array[Any], Int, Int, Any)" not in forward


def test_adjoints_are_read_from_the_backward_text(compiled):
    backward = {one.name for one in overloads_used(compiled.artifacts.cpp_backward, adjoint=True)}
    assert {"dot", "mul", "add", "array_store"} <= backward
    assert not overloads_used(compiled.artifacts.cpp_forward, adjoint=True)


def test_an_overload_that_a_kernel_aims_at_is_found_in_its_cpp(workspace):
    aims = generable_overloads()[:: len(generable_overloads()) // 24]
    kernels = [
        generate(SeededChoices(one.signature), "arithmetic", 3, focus.aim(SeededChoices(0), one)) for one in aims
    ]
    with compile_batch([kernel.source for kernel in kernels], CompileOptions(backward=False), workspace) as batch:
        for one, result in zip(aims, batch.results, strict=True):
            assert isinstance(result, Compiled), f"{one.signature}: {result}"
            assert one in overloads_used(result.artifacts.cpp_forward), one.signature


def test_a_kernel_without_a_backward_pass_calls_nothing():
    assert not overloads_used("", adjoint=True)
