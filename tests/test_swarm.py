"""Swarms: what is off does not occur, what a kernel must have does, and nothing being off changes nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.calls import native_calls
from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.overloads_used import overload_keys
from extractor.warp_setup import Workspace, open_workspace
from grammar import CATEGORIES, SeededChoices, accept, contains, focus, generate, registry
from grammar.kernel import Kernel
from grammar.swarm import EVERYTHING, Swarm, draw_swarm, words

SWARMS = st.builds(draw_swarm, st.builds(SeededChoices, st.integers(0, 10**6)))
CHOSEN = ("arithmetic", "control_flow", "combined", "matrix")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


def kernels(swarm: Swarm, count: int, *categories: str) -> list[Kernel]:
    """Return kernels that aim at nothing."""
    chosen = categories or CHOSEN
    return [
        generate(SeededChoices(("swarm", seed)), chosen[seed % len(chosen)], wanted=(), swarm=swarm)
        for seed in range(count)
    ]


def features(found: list[Kernel]) -> set[str]:
    return {feature for kernel in found for feature in kernel.features}


@settings(max_examples=15, deadline=None)
@given(swarm=SWARMS, seed=st.integers(0, 10**6), category=st.sampled_from(CATEGORIES))
def test_a_kernel_of_any_swarm_is_accepted_and_has_what_its_category_promises(swarm, seed, category):
    kernel = generate(SeededChoices(seed), category, swarm=swarm)
    assert accept(kernel.source) is None
    assert contains(category, kernel.tree)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), category=st.sampled_from(CATEGORIES), word=st.text(min_size=1))
def test_a_swarm_in_which_nothing_is_off_changes_nothing(seed, category, word):
    plain = generate(SeededChoices(seed), category).source
    assert generate(SeededChoices(seed), category, swarm=EVERYTHING).source == plain
    assert generate(SeededChoices(seed), category, swarm=Swarm(frozenset({f"no such: {word}"}))).source == plain


@pytest.mark.parametrize(
    ("word", "feature"),
    [
        ("statement:assert", "statement:assert"),
        ("statement:tuple", "statement:tuple"),
        ("statement:swap", "statement:swap"),
        ("statement:recurrence", "statement:recurrence"),
        ("form:gradients.gradient", "form:func_grad"),
        ("form:callbacks.passed", "form:function argument"),
        ("layout:otherwise", "layout:strided"),
        ("layout:indexed", "layout:indexed"),
    ],
)
def test_what_is_off_does_not_occur(word, feature):
    assert word in words()
    assert feature not in features(kernels(Swarm(frozenset({word})), 60))
    others = [Swarm(frozenset(words()) - {word, "group:Operators"})]
    assert feature in features([kernel for swarm in (EVERYTHING, *others) for kernel in kernels(swarm, 150)])


def test_while_loops_that_are_off_do_not_occur_inside_nests_either():
    swarm = Swarm(frozenset({"statement:while", "statement:exit"}))
    found = kernels(swarm, 60, "combined", "vector", "arithmetic")
    assert not any(isinstance(node, ast.While) for kernel in found for node in ast.walk(ast.parse(kernel.source)))


def test_built_ins_and_types_that_are_off_are_not_called():
    off = Swarm(frozenset({"group:Scalar Math", "type:float64", "type:bfloat16"}))
    found = kernels(off, 60, "arithmetic", "scalar_param")
    called = {feature.partition("(")[0].removeprefix("builtin:") for feature in features(found)}
    assert not {"sin", "exp", "pow", "atan2", "cbrt"} & called
    assert not any(word in kernel.source for kernel in found for word in ("float64", "bfloat16"))


def test_an_overload_that_is_wanted_is_called_although_it_is_off():
    one = next(each for each in focus.everything() if each.signature == "atan2(float32, float32)")
    swarm = Swarm(frozenset({"built-in:atan2", "group:Scalar Math"}))
    for seed in range(8):
        choices = SeededChoices(("wanted", seed))
        kernel = generate(choices, "arithmetic", wanted=focus.aim(choices, one), swarm=swarm)
        assert "wp.atan2(" in kernel.source


def test_some_swarms_are_nearly_everything_and_some_are_narrow():
    drawn = [draw_swarm(SeededChoices(seed)) for seed in range(60)]
    sizes = [len(swarm.off) / len(words()) for swarm in drawn]
    assert min(sizes) < 0.08
    assert max(sizes) > 0.6
    assert len({swarm.off for swarm in drawn}) == len(drawn)
    assert draw_swarm(SeededChoices(7)) == drawn[7]


def test_kernels_of_narrow_swarms_compile(workspace):
    narrow = [swarm for swarm in map(draw_swarm, map(SeededChoices, range(40))) if len(swarm.off) > 80][:6]
    assert len(narrow) == 6
    sources = [kernels(swarm, 1, category)[0].source for swarm, category in zip(narrow, CATEGORIES, strict=False)]
    with compile_batch(sources, CompileOptions(cuda_level=0), workspace) as batch:
        assert all(isinstance(result, Compiled) for result in batch.results)


def test_a_key_names_one_overload_and_says_where_it_is():
    everything = focus.everything()
    assert len({one.key for one in everything}) == len(everything)
    assert all(focus.by_key(one.key) is one for one in everything)
    with pytest.raises(KeyError):
        focus.by_key("no_such_function(int32) #0")


def test_overloads_are_aimed_at_by_their_keys_where_the_category_can_call_them(workspace):
    keys = [one.key for one in focus.everything() if one.signature in ("cbrt(float32)", "popc(uint32)")]
    tile = next(one.key for one in focus.everything() if one.name == "tile_sum")
    assert len(keys) >= 1
    choices = SeededChoices("aims")
    aims = focus.aim_at(choices, "vector", [*keys, tile])
    assert [aim.overload.key for aim in aims] == keys
    kernel = generate(choices, "vector", wanted=aims)
    with compile_batch([kernel.source], CompileOptions(cuda_level=0), workspace) as batch:
        result = batch.results[0]
        assert isinstance(result, Compiled)
        assert set(keys) <= overload_keys(native_calls(result.artifacts.cpp_forward))


def test_every_word_names_something_of_the_grammar():
    assert len(set(words())) == len(words())
    names = registry.builtin_names()
    assert all(word.partition(":")[2] in names for word in words() if word.startswith("built-in:"))
