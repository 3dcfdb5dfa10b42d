"""The dataset card says what is in the corpus, in a form that the Hub reads, and the same each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_records import METADATA

from extractor.card import card
from extractor.corpus import read_corpus
from extractor.manifest import Manifest, Shard
from extractor.record import Artifacts, Record
from extractor.shards import CorpusWriter
from extractor.survey import survey


def record(number: int, lines: int = 3, ptx: str = "", **changes: Any) -> Record:
    texts = Artifacts("aa", "", "bbbb", "", ptx)
    return Record(f"{number:032x}", "x\n" * lines, texts, METADATA | changes)  # without what older records lack


RECORDS = [
    record(0, 4, category="vector", split="test"),
    record(1, 6, explained_by=["sin"], builtins=["tid", "sin"]),
    record(2, 8, backends=["cpu", "device"]),
    record(3, 100),
]
MANIFEST = Manifest((Shard("shard-00000.jsonl", 4, 2_345_678, "0" * 64, {"seed": 1, "warp": "1.19.0"}),))


def test_the_front_matter_is_what_the_hub_reads() -> None:
    text = card(MANIFEST, survey(RECORDS))
    assert text.startswith("---\n")
    matter = yaml.safe_load(text.split("---\n")[1])
    assert matter["license"] == "apache-2.0"
    assert matter["task_categories"] == ["text-generation"]
    assert matter["size_categories"] == ["n<1K"]
    assert matter["configs"] == [{"config_name": "default", "data_files": "shard-*.jsonl"}]


@pytest.mark.parametrize(
    ("records", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (54_321, "10K<n<100K"), (10**8, "100M<n<1B")]
)
def test_the_size_category_follows_the_number_of_records(records: int, size: str) -> None:
    manifest = Manifest((Shard("shard-00000.jsonl", records, 1, "0" * 64),))
    assert f"- {size}\n" in card(manifest, survey([]))


def test_the_numbers_are_those_of_the_records() -> None:
    text = card(MANIFEST, survey(RECORDS))
    assert "\n4 kernels for NVIDIA Warp" in text
    assert "They take 2.3 MB in 1 shard." in text
    assert "| arithmetic | 3 | 75.0% | 3 | 0 |" in text
    assert "| vector | 1 | 25.0% | 0 | 1 |" in text
    assert "| total | 4 | | 3 (75.0%) | 1 (25.0%) |" in text
    assert "| python_source | 118 | " in text
    assert "| cpu and device | 1 | 25.0% |" in text
    assert "| cuda_forward | 16 | " in text
    assert "cpp_backward |" not in text
    assert "median 6, 5th to 95th percentile 4 to 100" in text
    assert "built-ins in use: 2." in text
    assert "rounding of library functions: 1." in text
    assert "- Provenance: seed 1, warp 1.19.0." in text


def test_levels_patterns_and_duplicates_are_told() -> None:
    marked = record(5, level=3, patterns=["map", "tile"], tokens={"python_source": 1000})
    stages = [{"stage": "near duplicate", "before": 9, "after": 5}]
    text = card(replace(MANIFEST, campaign={"dedup": stages}), survey([*RECORDS, marked]))
    assert "| 3 | 45 | 1 | 20.0% |" in text
    assert "| 1 | 0 | 4 | 80.0% |" in text
    assert "| tile | a block of threads works together on tiles | 1 | 20.0% |" in text
    assert "| near duplicate | 9 | 5 |" in text
    assert "| python_source | 1,118 | " in text


def test_ptx_is_described_only_where_there_is_some() -> None:
    assert "`ptx`" not in card(MANIFEST, survey(RECORDS))
    assert "`ptx`" in card(MANIFEST, survey([*RECORDS, record(4, ptx=".version 8")]))


def test_the_card_is_a_function_of_the_corpus(tmp_path: Path) -> None:
    cards = []
    for name, order in (("a", RECORDS), ("b", RECORDS[::-1])):
        with CorpusWriter(tmp_path / name, {"seed": 1}) as corpus:
            for entry in order:
                corpus.append(entry.to_line())
            corpus.seal({})
            found = survey(Record.from_line(line) for line in corpus.lines())
            corpus.write_card(card(corpus.manifest, found))
        cards.append((tmp_path / name / "README.md").read_text())
    assert cards[0] == cards[1]
    assert [Record.from_line(line.data) for line in read_corpus(tmp_path / "a")] == RECORDS
