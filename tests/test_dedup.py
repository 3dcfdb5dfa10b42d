"""Fingerprints, near duplicates and splits: what is the same is found, and no two splits share it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_records import METADATA

from extractor.record import Artifacts, Record
from fuzzer.duplicates import Duplicates
from fuzzer.metadata import split
from fuzzer.near import NEAR, NearIndex
from grammar import CATEGORIES, SeededChoices, generate, kernel_id
from grammar.fingerprint import HASHES, NGRAM, Fingerprint, minhash, shape, similarity
from grammar.kernel import Kernel

KERNELS = [generate(SeededChoices(f"dedup/{index}"), CATEGORIES[index % len(CATEGORIES)]) for index in range(54)]


def record(source: str, name: str = "") -> Record:
    """The record of a source as an older version made it, without a fingerprint."""
    return Record(kernel_id(source), source, Artifacts("a", "", "b", ""), METADATA | {"split": name or split(source)})


def renumbered(kernel: Kernel) -> str:
    """A kernel's source with another name for it, and other numbers where that changes no type."""
    source = re.sub(rf"\b{kernel.name}\b", "another_name", kernel.source)
    return re.sub(r"\b0\.5\b", "0.75", re.sub(r"\b10\.0\b", "7.0", source))


words = st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=150)


@given(words, words)
@settings(deadline=None)
def test_the_estimate_is_near_the_true_similarity(one, other):
    def ngrams(text):
        return {tuple(text[start : start + NGRAM]) for start in range(max(1, len(text) - NGRAM + 1))}

    true = len(ngrams(one) & ngrams(other)) / len(ngrams(one) | ngrams(other))
    assert abs(similarity(minhash(one), minhash(other)) - true) < 0.25  # more than five standard deviations
    assert similarity(minhash(one), minhash(one)) == 1.0


def test_fingerprints_never_change_from_release_to_release():
    assert minhash(["a"]).hex().startswith("245a63d7e2564ec1")
    assert len(minhash(["a"])) == HASHES


def test_a_fingerprint_comes_back_from_json_and_wrong_ones_are_refused():
    found = Fingerprint.of(KERNELS[0].source)
    assert Fingerprint.from_json(found.to_json()) == found
    with pytest.raises(ValueError, match="128 bytes"):
        Fingerprint.from_json({"shape": "0", "minhash": "00"})


def test_names_and_numbers_change_neither_shape_nor_split_nor_minhash():
    for kernel in KERNELS:
        other = renumbered(kernel)
        assert Fingerprint.of(other) == Fingerprint.of(kernel.source)
        assert split(other) == split(kernel.source)


@given(st.integers(0, 400), st.integers(1, 300))
@settings(deadline=None, max_examples=20)
def test_the_index_finds_what_looking_at_all_of_them_finds(seed, count):
    texts = [minhash([f"{seed + place // 3}/{word}" for word in range(40)]) for place in range(count)]
    index = NearIndex()
    for text in texts:
        expected = next((at for at, one in enumerate(texts[: len(index)]) if similarity(one, text) >= NEAR), None)
        assert index.near(text) == expected
        index.add(text)


def test_generated_kernels_are_no_near_duplicates_and_those_with_one_operator_changed_are() -> None:
    index = NearIndex()
    for kernel in KERNELS:
        assert index.near(Fingerprint.of(kernel.source).minhash) is None
        index.add(Fingerprint.of(kernel.source).minhash)
    changed = {place: kernel.source.replace(" + ", " - ", 1) for place, kernel in enumerate(KERNELS)}
    found = {
        place: index.near(Fingerprint.of(source).minhash)
        for place, source in changed.items()
        if source != KERNELS[place].source
    }
    assert len(found) > 30
    assert all(found[place] == place for place in found)


def test_no_shape_and_no_near_duplicate_straddles_splits_in_what_admission_keeps():
    kept, near = Duplicates(), NearIndex()
    for kernel in KERNELS:
        for source in (kernel.source, renumbered(kernel)):
            print_ = Fingerprint.of(source)
            if near.near(print_.minhash) is None:
                near.add(print_.minhash)
                kept.add(record(source))
    assert kept.records == len(KERNELS)
    assert kept.to_json()["straddling_splits"] == {"shape": 0, "near": 0}


def test_duplicates_are_counted_in_each_sense_and_leaks_between_splits_are_found():
    source = KERNELS[0].source
    renamed = re.sub(rf"\b{KERNELS[0].name}\b", "another_name", source)
    found = Duplicates()
    for one in (record(source, "train"), record(source, "train"), record(renamed, "test"), record(KERNELS[1].source)):
        found.add(one)
    assert found.to_json() == {
        "records": 4,
        "distinct": {"exact": 3, "renamed": 2, "blanked": 2, "near": 2},
        "straddling_splits": {"shape": 1, "near": 1},
    }


def test_the_split_depends_on_the_shape_alone_and_so_stays_as_the_corpus_grows():
    one = KERNELS[3]
    assert split(one.source) == split(renumbered(one))
    assert shape(one.source) == shape(replace(one, category="other").source)
