"""Edits of choice sequences: always another sequence, always a kernel, and a text that is read back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grammar import CATEGORIES, accept, contains, generate, kernel_id
from grammar.choices import ContinuedChoices, RecordingChoices, ReplayingChoices, SeededChoices
from grammar.mutation.sequences import EDITS, decode_sequence, edited, encode_sequence

SEQUENCES = st.lists(st.integers(0, 2**64), max_size=200)


def _recorded(seed: int, category: str) -> list[int]:
    recording = RecordingChoices(SeededChoices(("sequences", seed)))
    generate(recording, category)
    return recording.sequence


@given(SEQUENCES, st.integers(0, 10**6), SEQUENCES)
def test_an_edit_gives_another_sequence_of_choices(sequence: list[int], seed: int, donor: list[int]):
    found, name = edited(sequence, SeededChoices(seed), donor)
    assert found != tuple(sequence)
    assert all(value >= 0 for value in found)
    assert name in EDITS


def test_an_edit_is_a_function_of_its_choices():
    assert [edited(range(50), SeededChoices(seed)) for seed in range(20)] == [
        edited(range(50), SeededChoices(seed)) for seed in range(20)
    ]


def test_every_edit_is_made():
    assert {edited(range(50), SeededChoices(seed), range(100, 150))[1] for seed in range(400)} == set(EDITS)


def test_values_of_a_donor_come_in():
    edits = (edited([0] * 30, SeededChoices(seed), [7] * 30) for seed in range(300))
    bringing = {name for sequence, name in edits if sequence.count(7) > 1}
    assert bringing == {"span inserted", "span overwritten", "sequences crossed"}


@given(SEQUENCES, st.integers(0, 10**6))
def test_a_sequence_replays_and_then_others_decide(sequence: list[int], seed: int):
    replayed, continued = ReplayingChoices(sequence), ContinuedChoices(sequence, SeededChoices(seed))
    for place in range(len(sequence)):
        if place % 2:
            assert continued.integer(3, 17) == replayed.integer(3, 17)
        else:
            assert continued.weighted((1, 0, 2)) == replayed.weighted((1, 0, 2))
    then = SeededChoices(seed)
    assert [continued.integer(0, 999) for _ in range(5)] == [then.integer(0, 999) for _ in range(5)]


def test_a_sequence_that_is_continued_by_nothing_new_gives_its_kernel_again():
    sequence = _recorded(1, "vector")
    again = generate(ContinuedChoices(sequence, SeededChoices("unused")), "vector")
    assert again.source == generate(ReplayingChoices(sequence), "vector").source
    assert again.source == generate(SeededChoices(("sequences", 1)), "vector").source


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_edited_sequence_grows_into_a_kernel_of_its_category(category: str):
    sequence, donor = _recorded(2, category), _recorded(3, category)
    parent = kernel_id(generate(ReplayingChoices(sequence), category).source)
    different = 0
    for seed in range(6):
        choices = SeededChoices(("edit", seed))
        kernel = generate(ContinuedChoices(edited(sequence, choices, donor)[0], choices), category)
        assert accept(kernel.source) is None
        assert contains(category, kernel.tree)
        different += kernel_id(kernel.source) != parent
    assert different > 0


@given(SEQUENCES)
def test_a_sequence_is_read_back_from_its_text(sequence: list[int]):
    assert decode_sequence(encode_sequence(sequence)) == tuple(sequence)


def test_the_text_stands_in_json_and_is_shorter_than_the_numbers():
    sequence = _recorded(4, "combined")
    text = encode_sequence(sequence)
    assert json.loads(json.dumps(text)) == text
    assert len(text) < len(json.dumps(sequence, separators=(",", ":"))) * 0.7


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
@settings(max_examples=300)
def test_another_text_is_refused(text: str):
    with pytest.raises(ValueError):
        decode_sequence(text)


@given(SEQUENCES.filter(bool), st.data())
def test_a_text_that_was_cut_or_goes_on_is_refused(sequence: list[int], data: st.DataObject):
    text = encode_sequence(sequence)
    with pytest.raises(ValueError):
        decode_sequence(text[: data.draw(st.integers(0, len(text) - 1))])
    with pytest.raises(ValueError):
        decode_sequence(text + "AAAA")


def test_a_text_that_would_unpack_to_too_much_is_refused():
    with pytest.raises(ValueError, match="too long"):
        decode_sequence(encode_sequence([0] * 2_000_000))


def test_no_negative_choice_is_written():
    with pytest.raises(ValueError, match="no choice"):
        encode_sequence([1, -1])
