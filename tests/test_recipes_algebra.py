"""Recipes of algebra write the overloads that they are asked for, in kernels on which the targets agree."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Batch, Compiled, CompileOptions, compile_batch
from extractor.overloads_used import overloads_used
from extractor.warp_setup import open_workspace
from grammar import SeededChoices, focus, generate
from grammar.coverage import overload_status
from grammar.kernel import Kernel
from grammar.recipes import (
    approximations,
    constructors,
    decompositions,
    norms,
    random_numbers,
    recipes,
    rotations,
    spatial,
    transforms,
)
from grammar.registry import Registered, builtins
from oracle.backends import cpu, emulator
from oracle.inputs import make_inputs
from oracle.judge import Judge
from oracle.observation import Verdict

MODULES = (
    approximations,
    constructors,
    decompositions,
    norms,
    random_numbers,
    rotations,
    spatial,
    transforms,
)
NAMES = tuple(name for module in MODULES for name in module.RECIPES)
GROUPS = ("Random", "Transformations", "Spatial Math", "Quaternion Math", "Vector Math")


def last_overload(name: str) -> Registered:
    """Return the built-in's last overload that is written: the generic one, or the one with most parameters."""
    return [one for one in builtins()[name].overloads if overload_status(one).word == "generable"][-1]


def aimed(one: Registered, seed: object = 0) -> Kernel:
    """Return a small kernel that is built around the overload."""
    choices = SeededChoices(f"{one.signature}/{seed}")
    return generate(choices, "arithmetic", wanted=focus.aim(choices, one), size=12)


@functools.cache
def kernels() -> list[Kernel]:
    """Return a kernel for each of `NAMES`."""
    return [aimed(last_overload(name)) for name in NAMES]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch([kernel.source for kernel in kernels()], CompileOptions(backward=False), workspace) as compiled,
    ):
        yield compiled


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_writes_its_overload_and_the_targets_agree_on_it(batch: Batch, name: str) -> None:
    place = NAMES.index(name)
    kernel, compiled = kernels()[place], batch.results[place]
    assert isinstance(compiled, Compiled), compiled
    assert last_overload(name) in overloads_used(compiled.artifacts.cpp_forward)
    inputs = make_inputs(compiled.kernel, kernel.arguments, seed=1)
    found = Judge(cpu, emulator, "emulator").judge(compiled, kernel.dims, inputs, backward=False)
    assert found.verdict in (Verdict.MATCH, Verdict.UNSTABLE), found.reason


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_lacks_only_overloads_that_are_left_out_for_cause(group: str) -> None:
    overloads = [one for builtin in builtins().values() for one in builtin.overloads if builtin.group == group]
    overloads += [one for name in builtins() if name.startswith("transform_") for one in builtins()[name].overloads]
    words = {overload_status(one).word for one in overloads}
    assert words <= {"generable", "excluded"}


@pytest.mark.parametrize("seed", range(8))
def test_a_range_of_random_integers_is_never_empty(seed: int) -> None:
    assert all(low < high for ranges in random_numbers.RANGES.values() for low, high in ranges)
    source = aimed(builtins()["randi"].overloads[1], seed).source
    assert "wp.randi(" in source
    assert "= wp.rand_init(" in source


def test_the_axes_of_a_sequence_differ_from_their_neighbours() -> None:
    assert len(rotations.AXES) == len(set(rotations.AXES)) == 12
    assert all(i != j != k for i, j, k in rotations.AXES)


def test_every_recipe_of_algebra_is_among_all_recipes() -> None:
    assert all(recipes()[name] is module.RECIPES[name] for module in MODULES for name in module.RECIPES)


@given(st.sampled_from(NAMES), st.integers(0, 10**6))
@settings(deadline=None, max_examples=60)
def test_every_overload_of_a_recipe_is_written_whatever_the_seed(name: str, seed: int) -> None:
    overloads = [one for one in builtins()[name].overloads if overload_status(one).word == "generable"]
    one = overloads[seed % len(overloads)]
    assert f"builtin:{one.signature}" in aimed(one, seed).features
