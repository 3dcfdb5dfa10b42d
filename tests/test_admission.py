"""Admission as a pure function of the order of its candidates."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fuzzer.admission import FULL_SHARE, MISFITS, Admission, Candidate

CATEGORIES = ("a", "b", "c")

candidates = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(CATEGORIES), st.integers(1, 60)), min_size=1, max_size=80
).map(
    lambda rows: [
        Candidate(index, f"id-{name}", category, b"x" * size) for index, (name, category, size) in enumerate(rows)
    ]
)


def _admit(admission: Admission, offered: list[Candidate]) -> list[Candidate]:
    return [entered for candidate in offered for entered in admission.offer(candidate)]


@given(candidates)
def test_no_id_enters_twice(offered):
    ids = [candidate.id for candidate in _admit(Admission(CATEGORIES, None), offered)]
    assert len(ids) == len(set(ids))


@given(candidates)
def test_category_counts_differ_by_one_at_the_most(offered):
    counts = Counter(dict.fromkeys(CATEGORIES, 0))
    counts.update(candidate.category for candidate in _admit(Admission(CATEGORIES, None), offered))
    assert max(counts.values()) - min(counts.values()) <= 1


@given(candidates, st.integers(20, 500))
def test_the_budget_is_never_exceeded(offered, budget):
    admission = Admission(CATEGORIES, budget)
    entered = _admit(admission, offered)
    assert sum(len(candidate.line) for candidate in entered) == admission.used <= budget


@given(candidates, st.integers(0, 80))
def test_a_resumed_admission_goes_on_as_if_it_had_not_stopped(offered, cut):
    whole = [candidate.index for candidate in _admit(Admission(CATEGORIES, None), offered)]
    first = Admission(CATEGORIES, None)
    before = _admit(first, offered[:cut])
    ids, sizes = [candidate.id for candidate in before], [len(candidate.line) for candidate in before]
    resumed = Admission(CATEGORIES, None, ids, sizes)
    resumed.restore([Candidate.from_json(candidate.to_json()) for candidate in first.waiting], first.misfits)
    after = resumed.entering() + _admit(resumed, offered[cut:])
    assert [candidate.index for candidate in before + after] == whole


@given(candidates, st.integers(0, 80), st.integers(20, 500))
def test_one_with_a_budget_does_so_too(offered, cut, budget):
    whole = Admission(CATEGORIES, budget)
    entered = _admit(whole, offered)
    first = Admission(CATEGORIES, budget)
    before = _admit(first, offered[:cut])
    resumed = Admission(CATEGORIES, budget, [one.id for one in before], [len(one.line) for one in before])
    resumed.restore(first.waiting, first.misfits)
    assert before + resumed.entering() + _admit(resumed, offered[cut:]) == entered
    assert (resumed.full, resumed.waiting, resumed.misfits) == (whole.full, whole.waiting, whole.misfits)


def test_a_corpus_is_full_near_its_budget_and_takes_nothing_more():
    admission = Admission(("a",), 1000)
    entered = _admit(admission, [Candidate(index, str(index), "a", b"x" * 33) for index in range(100)])
    assert admission.full
    assert 1000 * FULL_SHARE <= sum(len(candidate.line) for candidate in entered) <= 1000


def test_a_corpus_with_less_room_than_its_smallest_record_takes_is_full():
    admission = Admission(("a",), 1000)
    entered = _admit(admission, [Candidate(index, str(index), "a", b"x" * 300) for index in range(4)])
    assert admission.full and admission.used == 900
    assert Admission(("a",), 1000, [candidate.id for candidate in entered], [300, 300, 300]).full


def test_records_larger_than_the_rest_of_the_budget_end_the_run_at_last():
    admission = Admission(("a",), 1000)
    sizes = [50, *[300] * (3 + MISFITS - 1)]
    _admit(admission, [Candidate(index, str(index), "a", b"x" * size) for index, size in enumerate(sizes)])
    assert not admission.full
    admission.offer(Candidate(99, "99", "a", b"x" * 300))
    assert admission.full and admission.used == 950
    assert len(admission.waiting) == MISFITS
