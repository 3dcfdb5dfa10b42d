"""What to try next: plans for numbered batches, each a function of the outcomes merged `ahead` batches before.

The lag is part of a campaign's identity. Whatever the number of workers, a batch is planned from the same state, so
the same seed gives the same kernels; what is still being judged elsewhere cannot change them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from extractor.record import Record
from fuzzer.features import features_of_record, group_of
from fuzzer.guidance.balance import Balance
from fuzzer.guidance.coverage_map import CoverageMap
from fuzzer.guidance.parents import RARE, Parents
from fuzzer.guidance.plan import AIMED, PLAIN, SEQUENCE, TREE, Parent, Plan, family, plain
from fuzzer.guidance.success import Success
from fuzzer.guidance.targets import Targets
from fuzzer.outcome import Outcome
from grammar import accept, kernels
from grammar.choices import SeededChoices, chance, pick_weighted
from grammar.mutation import OPERATORS
from grammar.swarm import draw_swarm

BATCH_KERNELS = 32
"""Kernels per batch, and so per Warp module. A module costs the compilers about 230 ms however few kernels it has; with
larger batches progress shows later, a small budget wastes more at its end, and a crash costs more.
"""

FIRST_BATCHES = 8
FIRST_KERNELS = 8
"""So many batches to begin with have so few kernels, that what pays is known early."""

SWARMED = 25
"""Percent of the batches whose freshly grown kernels do without a random part of the grammar."""

OVERHEAD = 60_000
"""What a kernel costs besides its code (it is grown, run, judged), in bytes of code that cost as much: about 150 ms
where the compilers take 2.3 ms for a kilobyte of C++, CUDA and PTX."""

DONATED = 60
"""Percent of the mutations that may take a piece of another kernel."""

AIMS = (2, 3, 5)
"""How many overloads a kernel that aims at some is grown around, one of these, by what it pays. More in one kernel are
cheaper; fewer keep its backward pass more often."""

ROOMS = (((2, 40), 62), ((8, 80), 28), ((kernels.LARGEST, 0), 10))
"""How large freshly grown kernels are, by weight: the largest size to draw, and the most operations, 0 for any number.
Half of the compilers' time would go to the largest sixth, which brings half as much that is new for it."""

PER_AIM = 8
"""How many operations more a kernel may have for each overload that it is grown around."""

WORTH: Mapping[str, float] = {"overload": 8.0, "adjoint": 8.0, "branch": 8.0, "ptx": 4.0, "context": 2.0}
"""What a new feature counts by its group, where it is not 1: what is known to be there and was not reached before
everything counts more than one more pair of what was."""

FAMILIES = (PLAIN, AIMED, SEQUENCE, TREE)

TRUST: Mapping[str, float] = {SEQUENCE: 0.3, TREE: 0.1}
"""What mutations are taken to pay, in parts of what the best does, before anything is known: what they did in campaigns
of some hundred kernels, in which nearly everything that grows brings something new."""


class Guidance:
    """The state that decides what is tried. With `steer` off it learns all the same, and plans plain kernels only."""

    def __init__(self, seed: int, categories: Sequence[str], ahead: int, steer: bool = True, backward: bool = True):
        """Plan the first `ahead` batches."""
        self.coverage = CoverageMap()
        self._families = Success(FAMILIES, TRUST)
        self._operators = Success(tuple(OPERATORS))
        self._aims = Success(tuple(map(_aims, AIMS)))
        self.parents = Parents(categories)
        self._seed = seed
        self._categories = tuple(categories)
        self._ahead = ahead
        self._steer = steer
        self._backward = backward
        self._targets = Targets()
        self._balance = Balance(categories)
        self._plans: dict[int, tuple[Plan, ...]] = {}
        self._merged = 0
        self._plan_ahead()

    @property
    def planned(self) -> range:
        """The numbers of the batches that are planned and not yet merged."""
        return range(self._merged, self._merged + self._ahead)

    def plans(self, batch: int) -> tuple[Plan, ...]:
        """Return the plans of a batch of `planned`."""
        return self._plans[batch]

    def start_from(self, records: Iterable[Record]) -> None:
        """Learn the records of an older corpus, before anything is merged: what they show is not new any more, and
        those that showed something first are parents. Each must be inside the grammar, for its children are executed.
        """
        for record in records:
            new = self.coverage.add(features_of_record(record), 0)
            if new and accept(record.python_source) is None:
                parent = Parent.of_record(record.id, record.python_source, record.metadata, self._rare(new))
                self.parents.add(parent, self.coverage)
        self._targets, self._balance = Targets(), Balance(self._categories)
        self._plans.clear()
        self._plan_ahead()

    def learn(self, plan: Plan, outcome: Outcome, kept: bool, kernels: int) -> list[int]:
        """Learn what came of a plan; outcomes come in the kernels' order. Returns the features that were new.

        `kernels` have been judged with this one. Only what is kept, as a record, becomes a parent of later kernels.
        """
        new = self.coverage.add(outcome.features, kernels)
        gain = sum(WORTH.get(group_of(one), 1.0) for one in new)
        cost = OVERHEAD + outcome.code_bytes
        self._learn_way(outcome.how, gain, cost)
        self._aims.learn(_aims(len(plan.wanted)), gain, cost)
        if outcome.how != plan.how:  # the way led nowhere, and what it cost was paid by another
            self._learn_way(plan.how, 0.0, cost)
        elif plan.parent is not None:
            self.parents.learn(plan.parent, new)
        if not kept:
            self._balance.lost(plan.category)
        elif new and outcome.line is not None:
            record = json.loads(outcome.line)
            parent = Parent.of_record(outcome.id, record["python_source"], record["metadata"], self._rare(new))
            self.parents.add(parent, self.coverage)
        return new

    def _learn_way(self, how: str, gain: float, cost: float) -> None:
        self._families.learn(family(how), gain, cost)
        self._operators.learn(how, gain, cost)

    def merged(self, batch: int) -> None:
        """Hear that all outcomes of the next batch were learnt; the batch `ahead` of it is planned."""
        assert batch == self._merged
        del self._plans[batch]
        self._merged += 1
        self._plan_ahead()

    def _plan_ahead(self) -> None:
        for batch in self.planned:
            if batch not in self._plans:
                self._plans[batch] = self._planned(batch)

    def _planned(self, batch: int) -> tuple[Plan, ...]:
        indices = indices_of(batch)
        if not self._steer:
            return tuple(plain(index, self._categories) for index in indices)
        choices = SeededChoices(f"swarm/{self._seed}/{batch}")
        off = tuple(sorted(draw_swarm(choices).off)) if chance(choices, SWARMED) else ()
        plans: list[Plan] = []
        under_way = Counter(way for known in self._plans.values() for plan in known for way in _ways(plan))
        for index in indices:
            plans.append(self._plan(index, off, under_way))
            under_way.update(_ways(plans[-1]))
        return tuple(plans)

    def _plan(self, index: int, off: tuple[str, ...], under_way: Mapping[str, int]) -> Plan:
        choices = SeededChoices(f"plan/{self._seed}/{index}")
        category = self._balance.next()
        families = FAMILIES if self.parents.has(category) else (PLAIN, AIMED)
        how = families[choices.weighted(self._families.weights(families, under_way))]
        largest, most = pick_weighted(choices, ROOMS)
        if how in (PLAIN, AIMED):
            off = (*off, *(f"size:{size}" for size, _ in kernels.SIZES if size > largest))
        if how == PLAIN:
            return Plan(index, category, PLAIN, off, operations=most)
        if how == AIMED:
            count = AIMS[choices.weighted(self._aims.weights(tuple(map(_aims, AIMS)), under_way))]
            wanted = self._targets.choose(category, count, choices, self.coverage, self._backward)
            return Plan(index, category, AIMED, off, wanted, operations=most and most + PER_AIM * count)
        if how == TREE:
            how = tuple(OPERATORS)[choices.weighted(self._operators.weights(tuple(OPERATORS), under_way))]
        parent = self.parents.choose(category, choices, self.coverage)
        donor = self.parents.choose_donor(choices) if chance(choices, DONATED) else None
        return Plan(index, category, how, parent=parent, donor=donor)

    def _rare(self, new: Sequence[int]) -> tuple[int, ...]:
        """Return those of new features that are worth the most."""
        return tuple(sorted(new, key=lambda one: (-WORTH.get(group_of(one), 1.0), one))[:RARE])

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON values."""
        parents = {parent.id: parent for parent in self.parents}
        for plan in (plan for plans in self._plans.values() for plan in plans):
            parents |= {one.id: one for one in (plan.parent, plan.donor) if one is not None and one.id not in parents}
        return {
            "coverage": self.coverage.to_json(),
            "families": self._families.to_json(),
            "operators": self._operators.to_json(),
            "aims": self._aims.to_json(),
            "targets": self._targets.to_json(),
            "balance": self._balance.to_json(),
            "known": [parent.to_json() for _, parent in sorted(parents.items())],
            "parents": self.parents.to_json(),
            "merged": self._merged,
            "plans": {str(batch): [_plan_json(plan) for plan in plans] for batch, plans in sorted(self._plans.items())},
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take back what `to_json` returned."""
        known = {one["id"]: Parent.from_json(one) for one in data["known"]}
        self.coverage = CoverageMap.from_json(data["coverage"])
        self._families.restore(data["families"])
        self._operators.restore(data["operators"])
        self._aims.restore(data["aims"])
        self._targets.restore(data["targets"])
        self._balance.restore(data["balance"])
        self.parents.restore(data["parents"], known)
        self._merged = data["merged"]
        self._plans = {
            int(batch): tuple(_plan_from_json(plan, known) for plan in plans) for batch, plans in data["plans"].items()
        }


def indices_of(batch: int) -> range:
    """Return the numbers of a batch's kernels."""
    if batch < FIRST_BATCHES:
        return range(batch * FIRST_KERNELS, (batch + 1) * FIRST_KERNELS)
    begin = FIRST_BATCHES * FIRST_KERNELS + (batch - FIRST_BATCHES) * BATCH_KERNELS
    return range(begin, begin + BATCH_KERNELS)


def _ways(plan: Plan) -> set[str]:
    return {family(plan.how), plan.how, _aims(len(plan.wanted))}


def _aims(count: int) -> str:
    """Return the name of aiming at so many overloads, as a way among others."""
    return f"aimed at {count}"


def _plan_json(plan: Plan) -> list[Any]:
    parent, donor = (one.id if one is not None else None for one in (plan.parent, plan.donor))
    return [plan.index, plan.category, plan.how, plan.off, plan.wanted, parent, donor, plan.operations]


def _plan_from_json(data: Sequence[Any], known: Mapping[str, Parent]) -> Plan:
    index, category, how, off, wanted, parent, donor, most = data
    first, second = (None if one is None else known[one] for one in (parent, donor))
    return Plan(index, category, how, tuple(off), tuple(wanted), first, second, most)
