"""Admission as a pure function of the order of its candidates."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from test_records import METADATA

from extractor.record import Artifacts, Record
from fuzzer.admission import FULL_SHARE, MISFITS, STAGES, Admission, Candidate
from grammar import CATEGORIES, SeededChoices, generate
from grammar.canonical import kernel_id
from grammar.fingerprint import HASHES, Fingerprint

NAMES = ("a", "b", "c")


def candidate(index: int, name: object, category: str = "a", size: int = 1, *properties: str) -> Candidate:
    """A candidate that has nothing in common with those of other names."""
    digest = hashlib.shake_256(str(name).encode()).digest(HASHES)
    return Candidate(
        index, f"id-{name}", category, b"x" * size, index, Fingerprint(digest[:8].hex(), digest), properties
    )


candidates = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(NAMES),
        st.integers(1, 60),
        st.lists(st.sampled_from(["level 1", "level 2", "type vec3", "builtin sin"]), max_size=3, unique=True),
    ),
    min_size=1,
    max_size=80,
).map(lambda rows: [candidate(index, *row[:3], *row[3]) for index, row in enumerate(rows)])


def _admit(admission: Admission, offered: list[Candidate]) -> list[Candidate]:
    return [entered for one in offered for entered in admission.offer(one)]


@given(candidates)
def test_no_id_enters_twice(offered):
    ids = [one.id for one in _admit(Admission(NAMES, None), offered)]
    assert len(ids) == len(set(ids))


@given(candidates)
def test_category_counts_differ_by_one_at_the_most(offered):
    counts = Counter(dict.fromkeys(NAMES, 0))
    counts.update(one.category for one in _admit(Admission(NAMES, None), offered))
    assert max(counts.values()) - min(counts.values()) <= 1


@given(candidates, st.integers(20, 500))
def test_the_budget_is_never_exceeded(offered, budget):
    admission = Admission(NAMES, budget)
    entered = _admit(admission, offered)
    assert sum(len(one.line) for one in entered) == admission.used <= budget


@given(candidates, st.integers(0, 80), st.none() | st.integers(20, 500))
def test_a_resumed_admission_goes_on_as_if_it_had_not_stopped(offered, cut, budget):
    whole = Admission(NAMES, budget)
    entered = _admit(whole, offered)
    first = Admission(NAMES, budget)
    before = _admit(first, offered[:cut])
    resumed = Admission(NAMES, budget, before)
    resumed.restore(first.waiting, first.misfits)
    resumed.refused.update(first.refused)
    assert before + resumed.entering() + _admit(resumed, offered[cut:]) == entered
    assert (resumed.full, resumed.waiting, resumed.misfits) == (whole.full, whole.waiting, whole.misfits)
    assert resumed.stages() == whole.stages()


def test_a_corpus_is_full_near_its_budget_and_takes_nothing_more():
    admission = Admission(("a",), 1000)
    entered = _admit(admission, [candidate(index, index, "a", 33) for index in range(100)])
    assert admission.full
    assert 1000 * FULL_SHARE <= sum(len(one.line) for one in entered) <= 1000


def test_a_corpus_with_less_room_than_its_smallest_record_takes_is_full():
    admission = Admission(("a",), 1000)
    entered = _admit(admission, [candidate(index, index, "a", 300) for index in range(4)])
    assert admission.full and admission.used == 900
    assert Admission(("a",), 1000, entered).full


def test_records_larger_than_the_rest_of_the_budget_end_the_run_at_last():
    admission = Admission(("a",), 1000)
    sizes = [50, *[300] * (3 + MISFITS - 1)]
    _admit(admission, [candidate(index, index, "a", size) for index, size in enumerate(sizes)])
    assert not admission.full
    admission.offer(candidate(99, 99, "a", 300))
    assert admission.full and admission.used == 950
    assert len(admission.waiting) == MISFITS


def test_each_stage_of_deduplication_refuses_what_it_is_there_for():
    first = candidate(0, "first")
    mostly = bytes(byte ^ (place % 5 == 0) for place, byte in enumerate(first.fingerprint.minhash))
    hardly = bytes(byte ^ (place % 2 == 0) for place, byte in enumerate(first.fingerprint.minhash))
    offered = [
        first,
        replace(first, index=1),
        replace(first, index=2, text=7),
        replace(first, index=3, id="other numbers"),
        replace(first, index=4, id="an operator more", fingerprint=Fingerprint("1", mostly)),
        replace(first, index=5, id="half of it", fingerprint=Fingerprint("2", hardly)),
    ]
    admission = Admission(("a",), None)
    assert [one.index for one in _admit(admission, offered)] == [0, 5]
    assert admission.refused == dict.fromkeys(STAGES, 1)
    assert [row["stage"] for row in admission.stages()] == list(STAGES)
    assert [(row["before"], row["after"]) for row in admission.stages()] == [(6, 5), (5, 4), (4, 3), (3, 2)]


def test_the_rarest_of_those_that_wait_enters_first():
    admission = Admission(("a", "b"), None)
    common = [candidate(index, index, "b", 1, "level 1") for index in range(3)]
    rare = candidate(3, 3, "b", 1, "level 5")
    _admit(admission, [candidate(9, 9, "a", 1, "level 1"), *common, rare])
    assert [one.index for one in admission.waiting] == [1, 2, 3]
    assert [one.index for one in _admit(admission, [candidate(10, 10, "a", 1, "level 1")])] == [10, 3]


def test_a_candidate_is_read_from_its_record_and_comes_back_from_its_json():
    kernel = generate(SeededChoices("admission"), CATEGORIES[0])
    record = Record(kernel_id(kernel.source), kernel.source, Artifacts("a", "b", "c", "d"), METADATA)
    one = Candidate.of_line(record.to_line())
    assert (one.index, one.id, one.category) == (0, record.id, "arithmetic")
    assert one.fingerprint == Fingerprint.of(kernel.source)
    assert {"lines 0", "loops 0", "type float32", "builtin tid", "pattern map"} <= set(one.properties)
    assert Candidate.from_json(one.to_json()) == one
