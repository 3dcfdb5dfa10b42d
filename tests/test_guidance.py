"""What guides a campaign: the map, the parents, what pays, and plans that depend on merged state alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzer.features import GROUPS, feature
from fuzzer.guidance.balance import Balance
from fuzzer.guidance.coverage_map import CoverageMap
from fuzzer.guidance.guidance import Guidance, indices_of
from fuzzer.guidance.parents import PER_CATEGORY, Parents
from fuzzer.guidance.plan import AIMED, PLAIN, SEQUENCE, Parent, Plan
from fuzzer.guidance.success import Success
from fuzzer.guidance.targets import Targets, targets
from fuzzer.outcome import Outcome
from grammar.choices import SeededChoices
from grammar.mutation import OPERATORS
from oracle.observation import Verdict

FEW = ("vector", "tile", "geometry", "math")

FEATURES = st.builds(feature, st.sampled_from(sorted(GROUPS)), st.sampled_from([f"text {n}" for n in range(12)]))


def parent_of(name: str, category: str = "math", rare: Sequence[int] = ()) -> Parent:
    return Parent(name, "compute", category, "source", "what it does", (8,), 0, (), rare=tuple(rare))


def outcome_of(plan: Plan, verdict: Verdict = Verdict.MATCH, features: Sequence[int] = ()) -> Outcome:
    """Return an outcome of a plan; one that matches has a record."""
    record = {
        "id": f"{plan.index:016x}",
        "python_source": f"source {plan.index}",
        "metadata": {
            "kernel_name": "compute",
            "category": plan.category,
            "description": "what it does",
            "launch_dims": [8],
            "arguments": [],
            "origin": {"choices": "abc"},
        },
    }
    line = json.dumps(record).encode() + b"\n" if verdict is Verdict.MATCH else None
    return Outcome(
        plan.index,
        record["id"],
        plan.category,
        verdict,
        "",
        line=line,
        features=tuple(features),
        code_bytes=9000,
        how=plan.how,
    )


def features_for(plan: Plan) -> list[int]:
    """Return features that follow from a plan alone: some common, some rare."""
    return [feature("pair", f"common {plan.index % 5}"), feature("pair", f"rare {plan.index}")]


def merge(guidance: Guidance, batches: int) -> list[Plan]:
    """Merge so many batches, in which every seventh kernel fails; returns their plans."""
    done: list[Plan] = []
    for _ in range(batches):
        batch = guidance.planned.start
        for plan in guidance.plans(batch):
            verdict = Verdict.MATCH if plan.index % 7 else Verdict.UNSTABLE
            guidance.learn(
                plan, outcome_of(plan, verdict, features_for(plan)), verdict is Verdict.MATCH, plan.index + 1
            )
            done.append(plan)
        guidance.merged(batch)
    return done


@settings(deadline=None)  # the first look counts what is known, which takes a second
@given(st.lists(st.lists(FEATURES)))
def test_a_feature_is_new_once_and_never_again(kernels):
    coverage = CoverageMap()
    new = [one for number, features in enumerate(kernels) for one in coverage.add(features, number)]
    assert len(new) == len(set(new)) == len({one for features in kernels for one in features})
    assert sum(group.covered for group in coverage.groups().values()) == len(new)


@settings(deadline=None)
@given(st.lists(st.lists(FEATURES)))
def test_a_map_that_was_written_and_read_is_the_same(kernels):
    coverage = CoverageMap()
    for number, features in enumerate(kernels):
        coverage.add(features, number)
    again = CoverageMap.from_json(json.loads(json.dumps(coverage.to_json())))
    assert again.counts == coverage.counts and again.groups() == coverage.groups()


@given(st.sampled_from(FEW), st.integers(0, 2000))
def test_categories_stay_within_one_of_each_other_whatever_fails(category, planned):
    balance = Balance(FEW)
    counts: Counter[str] = Counter()
    for number in range(planned % 200):
        chosen = balance.next()
        counts[chosen] += 1
        if chosen == category and number % 3 == 0:
            balance.lost(chosen)
            counts[chosen] -= 1
        assert max(counts.values()) - min(counts[one] for one in FEW) <= 1


def test_a_way_that_pays_is_gone_more_often_and_none_is_given_up():
    success = Success(("good", "bad", "untried"))
    for _ in range(100):
        success.learn("good", 5.0, 100_000)
        success.learn("bad", 0.0, 100_000)
    good, bad, untried = success.weights(("good", "bad", "untried"), {})
    assert good > 2 * bad and untried > bad > 0
    assert sum((good, bad, untried)) == pytest.approx(1)


def test_a_way_that_nobody_knows_is_tried_by_a_few_kernels_at_a_time():
    success = Success(("known", "untried"))
    for _ in range(100):
        success.learn("known", 5.0, 100_000)
    shares = [success.weights(("known", "untried"), {"known": 100, "untried": count})[1] for count in (0, 6, 60)]
    assert shares[0] == pytest.approx(0.5, abs=0.05)
    assert 1.5 * shares[1] < shares[0] and 1.5 * shares[2] < shares[1] and shares[2] > 0


def test_a_way_that_runs_dry_makes_room():
    success = Success(("once", "steady"))
    for _ in range(300):
        success.learn("once", 5.0, 100_000)
        success.learn("steady", 1.0, 100_000)
    before = success.weights(("once", "steady"), {})
    for _ in range(300):
        success.learn("once", 0.0, 100_000)
        success.learn("steady", 1.0, 100_000)
    after = success.weights(("once", "steady"), {})
    assert before[0] > before[1] and after[0] < after[1]


def test_parents_with_rare_features_are_chosen_more_often_and_tired_ones_less():
    coverage, parents = CoverageMap(), Parents(FEW)
    rare, common = feature("pair", "rare"), feature("pair", "common")
    for number in range(50):
        coverage.add([common] if number else [rare, common], number)
    parents.add(parent_of("rare", rare=[rare]), coverage)
    parents.add(parent_of("common", rare=[common]), coverage)

    def chosen() -> Counter[str]:
        return Counter(parents.choose("math", SeededChoices(n), coverage).id for n in range(200))

    fresh = chosen()
    assert fresh["rare"] > 5 * fresh["common"] > 0
    for _ in range(20):
        parents.learn(parent_of("rare", rare=[rare]), new=[])
    assert chosen()["rare"] < fresh["rare"] / 2
    parents.learn(parent_of("rare", rare=[rare]), new=[rare])
    assert chosen() == fresh


def test_a_pool_is_bounded_and_keeps_its_rarest():
    coverage, parents = CoverageMap(), Parents(FEW)
    for number in range(2 * PER_CATEGORY):
        features = [feature("pair", "common"), feature("pair", f"own {number}")]
        coverage.add(features, number)
        parents.add(parent_of(f"{number}", rare=features[number % 2 :][:1]), coverage)
    kept = [int(parent.id) for parent in parents]
    assert len(kept) == PER_CATEGORY
    assert sum(number % 2 for number in kept) >= PER_CATEGORY - 1


def test_overloads_that_nobody_called_are_aimed_at_before_others_and_none_twice_in_a_row():
    coverage, aims = CoverageMap(), Targets()
    everything = targets("")
    seen = everything[: len(everything) // 2]
    coverage.add([one.forward for one in seen], 0)
    chosen = [key for number in range(200) for key in aims.choose("math", 3, SeededChoices(number), coverage, True)]
    assert len(set(chosen)) == 600
    assert not {one.key for one in seen} & set(chosen)


def test_then_those_whose_adjoint_nobody_called_follow():
    coverage, aims = CoverageMap(), Targets()
    everything = targets("")
    coverage.add([one.forward for one in everything], 0)
    chosen = {key for number in range(50) for key in aims.choose("math", 3, SeededChoices(number), coverage, True)}
    differentiable = {one.key for one in everything if one.adjoint is not None}
    assert chosen <= differentiable
    nothing = CoverageMap()
    together = [aims.choose("math", 3, SeededChoices(number), nothing, True) for number in range(50)]
    assert all(set(keys) <= differentiable or not set(keys) & differentiable for keys in together)
    forward_only = Targets().choose("math", 50, SeededChoices(1), coverage, backward=False)
    assert not set(forward_only) <= differentiable


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 6))
def test_a_guidance_that_was_written_and_read_plans_the_same(seed, ahead, batches):
    whole, first = Guidance(seed, FEW, ahead), Guidance(seed, FEW, ahead)
    merge(first, batches)
    second = Guidance(seed, FEW, ahead)
    second.restore(json.loads(json.dumps(first.to_json())))
    merge(second, 4)
    merge(whole, batches + 4)
    assert second.to_json() == whole.to_json()


def test_a_batch_is_planned_from_what_was_merged_so_many_batches_before():
    ahead = 3
    calm, wild = Guidance(1, FEW, ahead), Guidance(1, FEW, ahead)
    merge(calm, 1)
    for plan in wild.plans(0):
        wild.learn(plan, outcome_of(plan, Verdict.MISMATCH), False, plan.index + 1)
    wild.merged(0)
    assert [calm.plans(batch) for batch in (1, 2)] == [wild.plans(batch) for batch in (1, 2)]
    assert calm.plans(ahead) != wild.plans(ahead)


def test_plans_are_numbered_and_cover_every_category():
    guidance = Guidance(3, FEW, 2)
    plans = merge(guidance, 16)
    assert [plan.index for plan in plans] == [index for batch in range(16) for index in indices_of(batch)]
    assert {plan.category for plan in plans} == set(FEW)
    ways = Counter(plan.how for plan in plans)
    assert set(ways) <= {PLAIN, AIMED, SEQUENCE, *OPERATORS} and len(ways) > 4
    assert all(plan.parent is not None for plan in plans if plan.how not in (PLAIN, AIMED))


def test_without_steering_categories_alternate_and_nothing_but_plain_kernels_is_planned():
    guidance = Guidance(3, FEW, 2, steer=False)
    plans = merge(guidance, 3)
    assert plans == [Plan(index, FEW[index % len(FEW)]) for index in range(indices_of(2).stop)]
    assert guidance.coverage.counts, "what is covered is seen all the same"
