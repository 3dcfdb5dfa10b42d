"""Choices: seeded ones are the same everywhere, recordings replay, and any sequence can be played."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar.choices import Choices, RecordingChoices, ReplayingChoices, SeededChoices, chance, pick


def _decisions(choices: Choices) -> list[int]:
    return [choices.integer(0, 999) if step % 2 else choices.weighted((1, 0, 3)) for step in range(20)]


def test_a_seed_gives_these_decisions_in_every_process_and_python():
    choices = SeededChoices(("campaign", 7))
    assert [choices.integer(0, 999) for _ in range(6)] == [504, 719, 720, 592, 735, 278]


def test_seeds_differ_by_type_and_value():
    assert _decisions(SeededChoices(1)) == _decisions(SeededChoices(1))
    assert _decisions(SeededChoices(1)) != _decisions(SeededChoices(2))
    assert _decisions(SeededChoices((1, 2))) != _decisions(SeededChoices((1, 3)))
    assert _decisions(SeededChoices("1/2")) != _decisions(SeededChoices("1/3"))


def test_a_recording_replays():
    recording = RecordingChoices(SeededChoices(3))
    assert _decisions(ReplayingChoices(recording.sequence)) != _decisions(recording)
    assert len(recording.sequence) == 20
    assert _decisions(ReplayingChoices(recording.sequence)) == _decisions(SeededChoices(3))


@given(st.lists(st.integers(0, 10**6)), st.integers(-50, 50), st.integers(0, 60))
def test_any_sequence_plays_and_stays_in_range(sequence: list[int], low: int, span: int):
    choices = ReplayingChoices(sequence)
    for _ in range(len(sequence) + 2):
        assert low <= choices.integer(low, low + span) <= low + span


@given(st.lists(st.floats(0, 5), min_size=1).filter(lambda weights: sum(weights) > 0), st.integers(0, 10**9))
@settings(deadline=None)
def test_a_weight_of_zero_is_never_chosen(weights: list[float], seed: int):
    assert weights[SeededChoices(seed).weighted(weights)] > 0
    assert weights[ReplayingChoices([seed]).weighted(weights)] > 0


def test_weights_are_chances():
    choices = SeededChoices(0)
    counts = [choices.weighted((1, 3)) for _ in range(4000)]
    assert sum(counts) / 4000 == pytest.approx(0.75, abs=0.03)


def test_after_its_end_a_replay_takes_the_first_of_everything():
    choices = ReplayingChoices([])
    assert (pick(choices, "abc"), chance(choices, 50), choices.weighted((0, 1, 1))) == ("a", False, 1)
