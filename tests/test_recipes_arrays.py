"""Recipes of arrays, components and atomics write the very overload that they are given, and threads stay apart."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.overloads_used import overloads_used
from extractor.warp_setup import Workspace, open_workspace
from grammar import SeededChoices, focus, generate
from grammar.coverage import overload_status
from grammar.intervals import Interval
from grammar.kernels import new_unit
from grammar.recipes import arrays, atomics, components, elements, setting_of
from grammar.recogniser import accept
from grammar.registry import Registered, builtins
from grammar.scope import Frame, Variable
from grammar.types import INT32

RECIPES = {**arrays.RECIPES, **atomics.RECIPES, **components.RECIPES}


def overloads() -> list[Registered]:
    """Every overload that the recipes write, tiles apart."""
    return [
        one
        for name in RECIPES
        for one in builtins()[name].overloads
        if overload_status(one).word == "generable" and not setting_of(one)
    ]


def kernel_for(one: Registered, seed: int):
    return generate(SeededChoices((seed, one.place)), "arithmetic", 2, (focus.Focus(one),))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


def test_all_but_the_named_exceptions_are_written():
    left_out = {
        one.signature.partition("(")[0] + "(" + one.types[0].partition("[")[0]
        for name in RECIPES
        for one in builtins()[name].overloads
        if overload_status(one).word != "generable" and "Fabric" not in one.signature
    }
    assert left_out == {f"{name}(FixedArray" for name in atomics.RECIPES}


def folded(one: Registered) -> bool:
    """Whether Warp works an overload out itself, so that no call of it is left in the C++."""
    is_static = one.name == "len" and not one.types[0].startswith("Array")
    return is_static or (one.name == "zeros" and one.types[0] == "int32")


def test_each_recipe_compiles_for_both_targets_and_comes_to_the_overload_it_was_given(workspace):
    aims = [one for one in overloads() if not folded(one)]
    aims = aims[:: max(1, len(aims) // 40)]
    kernels = [kernel_for(one, 3) for one in aims]
    with compile_batch([kernel.source for kernel in kernels], CompileOptions(), workspace) as batch:
        for one, kernel, result in zip(aims, kernels, batch.results, strict=True):
            assert isinstance(result, Compiled), f"{one.signature}: {result}\n{kernel.source}"
            assert one in overloads_used(result.artifacts.cpp_forward), f"{one.signature}\n{kernel.source}"


@given(st.sampled_from(overloads()), st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_kernels_of_recipes_are_in_the_grammar_and_the_same_seed_gives_the_same(one, seed):
    kernel = kernel_for(one, seed)
    assert accept(kernel.source) is None, kernel.source
    assert kernel_for(one, seed).source == kernel.source


def frame_of(dims: tuple[int, ...], seed: int) -> Frame:
    """A kernel of which nothing is there but its thread indices."""
    unit = new_unit(SeededChoices(seed), "arithmetic", ())
    unit.dims = dims
    frame = Frame(unit, is_kernel=True)
    for name, extent in zip("ijk", dims, strict=False):
        frame.threads.append(frame.declare(Variable(name, INT32, Interval(0, extent - 1), index=True)))
    return frame


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple), st.integers(1, 4), st.integers(0, 10**6))
@settings(deadline=None, max_examples=100)
def test_no_two_threads_own_the_same_element_and_all_are_within_the_array(dims, ndim, seed):
    frame = frame_of(dims, seed)
    axes = elements.owned_axes(frame, ndim)
    places = set()
    for point in itertools.product(*map(range, dims)):
        values = {thread.name: at for thread, at in zip(frame.threads, point, strict=True)}
        place = tuple(eval(text, values) for text, _ in axes)
        assert all(-extent <= at < extent for at, (_, extent) in zip(place, axes, strict=True))
        places.add(place)
    assert len(places) == math.prod(dims)
    assert len(axes) == ndim


def test_an_index_may_have_every_integer_dtype():
    words = {
        found
        for one in overloads()
        if one.name == "address"
        for seed in range(120)
        for found in re.findall(r"wp\.(u?int(?:8|16|64)|uint32)\(", kernel_for(one, seed).source)
    }
    assert {"int8", "int16", "int64", "uint8", "uint16", "uint32", "uint64"} <= words
