"""How much code a kernel becomes is told from its source: loops that Warp unrolls count as often as they run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzer.guidance.plan import AIMED, PLAIN, Plan
from fuzzer.guidance.targets import targets
from fuzzer.making import make
from grammar import focus
from grammar.choices import SeededChoices
from grammar.expansion import operations

LOOP = "for i in range({bounds}):\n    x = x + y[i]\n"


@pytest.mark.parametrize(
    ("bounds", "trips"), [("4", 4), ("2, 10, 4", 2), ("16", 16), ("17", 1), ("n", 1), ("3, -1, -1", 4), ("1, 5, 0", 1)]
)
def test_a_loop_counts_as_often_as_its_body_is_written(bounds, trips):
    assert operations(LOOP.format(bounds=bounds)) == 2 + 2 * trips


def test_loops_in_loops_multiply():
    inner = LOOP.format(bounds="3").replace("\n", "\n    ")
    assert operations(f"for j in range(5):\n    {inner}") == 2 + 5 * (2 + 3 * 2)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_a_kernel_that_is_to_be_small_is_no_larger_than_the_first_draw(index):
    free, bounded = (make(Plan(index, "math", PLAIN, operations=most), 1).kernel for most in (0, 60))
    assert operations(bounded.source) <= operations(free.source)
    if operations(free.source) <= 60:
        assert bounded.source == free.source


def test_what_is_aimed_at_is_used_in_one_place_of_the_kernel():
    keys = [one.key for one in targets("")[:400:20]]
    foci = [focus.aim_at(SeededChoices(number), "math", keys[number % 20 :][:1]) for number in range(40)]
    places = {one.place for found in foci for one in found}
    assert {(), ("branch",), ("for",), ("while",)} < places
    contexts = set()
    for index in range(24):
        kernel = make(Plan(index, "math", AIMED, (), (keys[index % 20],)), 1).kernel
        contexts |= {context.partition(" @ ")[2] for context in kernel.contexts}
    assert {"kernel", "kernel, for", "kernel, branch"} <= contexts
