"""Observations are compared to the bit, and distances counted in representable values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from oracle.compare import compare
from oracle.explain import explain, in_words
from oracle.floats import BFLOAT16
from oracle.observation import Observation, Verdict
from oracle.ulp import BOUNDS, ulp_distance

FLOATS = (np.float16, np.float32, np.float64)
float_arrays = st.sampled_from(FLOATS).flatmap(
    lambda dtype: st_numpy.arrays(dtype, st.integers(1, 9), elements=st.floats(width=np.dtype(dtype).itemsize * 8))
)


def observe(**leaves: object) -> Observation:
    return Observation({name: np.asarray(values) for name, values in leaves.items()})


@given(values=float_arrays)
@settings(deadline=None, max_examples=100)
def test_an_observation_equals_itself(values: np.ndarray) -> None:
    assert compare(observe(out=values), observe(out=values.copy())).equal


@given(values=float_arrays)
@settings(deadline=None, max_examples=100)
def test_neighbours_are_one_ulp_apart(values: np.ndarray) -> None:
    values = values[np.isfinite(values) & (values != 0)]
    assert (ulp_distance(values, np.nextafter(values, values.dtype.type(np.inf))) == 1).all()


@given(numbers=st.lists(st.floats(width=32, allow_nan=False), min_size=3, max_size=3))
@settings(deadline=None, max_examples=100)
def test_distances_add_up(numbers: list[float]) -> None:
    in_order = sorted(numbers, key=lambda number: (number, math.copysign(1.0, number)))
    low, middle, high = (np.float32([number]) for number in in_order)
    assert ulp_distance(low, middle) + ulp_distance(middle, high) == ulp_distance(low, high)


def test_nan_equals_nan_whatever_its_payload() -> None:
    quiet = np.array([0x7FC00000, 0xFFC00001], np.uint32).view(np.float32)
    assert compare(observe(out=quiet), observe(out=quiet[::-1].copy())).equal


def test_zeros_of_different_sign_differ() -> None:
    found = compare(observe(out=np.float32([1, 0.0])), observe(out=np.float32([1, -0.0])))
    (leaf,) = found.differing
    assert leaf.worst == 1 and leaf.first is not None and leaf.first.index == (1,)


def test_nan_is_infinitely_far_from_a_number() -> None:
    found = compare(observe(out=np.float64([np.nan])), observe(out=np.float64([np.inf])))
    assert found.leaves[0].worst == np.inf and found.to_json() == {"out": "inf"}


def test_the_first_difference_is_shown_in_hex() -> None:
    cpu, cuda = np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32)
    cuda[1, 2] = 1.0
    (leaf,) = compare(observe(a=np.int32([1]), out=cpu), observe(a=np.int32([1]), out=cuda)).differing
    assert leaf.describe() == (
        "out[1, 2]: cpu 0x00000000 (0.0), cuda 0x3f800000 (1.0); 1 of 6 elements differ, worst 1.06535e+09 ULP"
    )


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_integers_are_compared_by_absolute_difference_without_overflow(dtype: type) -> None:
    info = np.iinfo(dtype)
    low, high = np.array([info.min], dtype), np.array([info.max], dtype)
    assert compare(observe(out=low), observe(out=high)).leaves[0].worst == float(int(info.max) - int(info.min))


def test_observations_of_different_leaves_are_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="different leaves"):
        compare(observe(a=np.zeros(1)), observe(b=np.zeros(1)))
    with pytest.raises(ValueError, match="float32"):
        compare(observe(a=np.zeros(1)), observe(a=np.zeros(1, np.float32)))


def test_another_order_of_atomics_explains_what_its_slack_covers_and_no_more() -> None:
    cpu = Observation({"sum": np.float32([100.0, 5.0])})
    slack = {"sum": np.array([1e-4, 0.0])}
    cuda = Observation({"sum": np.float32([100.00002, 5.0])}, slack)
    assert explain(cpu, cuda, compare(cpu, cuda), ()).verdict is Verdict.MATCH
    far = Observation({"sum": np.float32([100.001, 5.0])}, slack)
    assert explain(cpu, far, compare(cpu, far), ()).verdict is Verdict.MISMATCH
    elsewhere = Observation({"sum": np.float32([100.0, 5.000001])}, slack)
    assert explain(cpu, elsewhere, compare(cpu, elsewhere), ()).verdict is Verdict.MISMATCH


def test_no_slack_explains_a_zero_of_the_other_sign() -> None:
    cpu, cuda = observe(out=np.float32([0.0])), observe(out=np.float32([-0.0]))
    assert explain(cpu, cuda, compare(cpu, cuda), [cpu]).verdict is Verdict.MISMATCH


def test_an_integer_that_nudging_changes_is_unstable() -> None:
    cpu, cuda = observe(out=np.int32([3])), observe(out=np.int32([4]))
    assert explain(cpu, cuda, compare(cpu, cuda), [cpu, cuda]).verdict is Verdict.UNSTABLE
    assert explain(cpu, cuda, compare(cpu, cuda), [cpu, cpu]).verdict is Verdict.MISMATCH


def test_a_difference_beyond_what_nudging_caused_is_a_mismatch() -> None:
    cpu, nudged = observe(out=np.float32([1.0])), observe(out=np.float32([1.000001]))
    near, far = observe(out=np.float32([0.999999])), observe(out=np.float32([1.0001]))
    assert explain(cpu, near, compare(cpu, near), [nudged]).verdict is Verdict.MATCH
    assert explain(cpu, far, compare(cpu, far), [nudged]).verdict is Verdict.MISMATCH


def test_what_nudging_moves_by_much_of_its_size_is_unstable() -> None:
    cpu, cuda, nudged = (observe(out=np.float32([value])) for value in (1e-7, 3e-7, -2e-7))
    assert explain(cpu, cuda, compare(cpu, cuda), [nudged]).verdict is Verdict.UNSTABLE


def test_every_bound_has_a_counterpart_in_the_other_precision() -> None:
    assert {name for name in BOUNDS if not name.endswith("f") or name == "erf"} == {
        name[:-1] for name in BOUNDS if name.endswith("f") and name != "erf"
    }
    assert all(bound.cpu >= 1 and bound.cuda >= 1 for bound in BOUNDS.values())


def steps_above_one(*steps: int) -> Observation:
    return observe(out=(np.float32([1.0]).view(np.int32) + np.int32(steps)).view(np.float32))


def test_an_explanation_says_how_far_apart_the_targets_are_and_may_be() -> None:
    cpu, cuda = steps_above_one(0, 0), steps_above_one(3, 1)
    found = explain(cpu, cuda, compare(cpu, cuda), [steps_above_one(2, 2), steps_above_one(1, 1)])
    assert (found.verdict, found.ulps, found.bound) == (Verdict.MATCH, 3.0, 4.0)
    assert in_words(found, {"sinf": 64}, 64) == "differs by 3 ULP, bound 4 ULP through one sinf"
    two = {"cosf": 100, "sinf": 10}
    assert in_words(found, two, 64) == "differs by 3 ULP, bound 4 ULP through two cosf and one sinf"
    far = steps_above_one(0, 5)
    found = explain(cpu, far, compare(cpu, far), [steps_above_one(2, 2)])
    assert (found.verdict, found.place, found.ulps, found.bound) == (Verdict.MISMATCH, ("out", (1,)), 5.0, 4.0)


def test_bounds_count_the_ulps_of_the_leafs_own_type() -> None:
    one = np.array([0x3F80], np.uint16).view(BFLOAT16)
    next_one = np.array([0x3F81], np.uint16).view(BFLOAT16)
    cpu, cuda = observe(out=one), observe(out=next_one)
    found = explain(cpu, cuda, compare(cpu, cuda), [cuda])
    assert (found.ulps, found.bound) == (1.0, 2.0)


def test_where_the_order_of_sums_decides_the_words_say_so() -> None:
    slack = {"out": np.array([2.0**-21, 0.0])}
    cpu = Observation(steps_above_one(0, 0).values, slack)
    cuda = steps_above_one(1, 0)
    found = explain(cpu, cuda, compare(cpu, cuda), ())
    assert in_words(found, {}, 1) == "differs by 1 ULP, bound 4 ULP through the order of float atomics"
    assert in_words(explain(cpu, cpu, compare(cpu, cpu), ()), {}, 1) == ""
