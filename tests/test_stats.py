"""`fuzzer stats` counts what is there, in records of any age, and says what is no record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_records import METADATA

from extractor.record import Artifacts, Record
from extractor.shards import CorpusWriter
from fuzzer.__main__ import main
from fuzzer.metadata import split
from grammar import CATEGORIES, SeededChoices, generate, kernel_id
from grammar.measures import measure

SAMPLE = Path(__file__).resolve().parent.parent / "corpus"


def made_record(index: int) -> Record:
    """The record of a generated kernel, as an older version of this program made it; what Warp made of it is short."""
    kernel = generate(SeededChoices(f"stats/{index}"), CATEGORIES[index % 3], size=6)
    changes = {
        "category": kernel.category,
        "split": split(kernel.source),
        "complexity": measure(kernel.source).to_json(),
        "kernel_name": kernel.name,
        "oracles": {"reference": "agrees", "dead code, operands swapped": "no opinion"},
    }
    texts = Artifacts("int i = 0;", "", "float f;", "")
    return Record(kernel_id(kernel.source), kernel.source, texts, METADATA | changes)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stats") / "corpus"
    stages = [{"stage": "near duplicate", "before": 33, "after": 30}]
    with CorpusWriter(folder, {"seed": 1}, shard_bytes=20_000) as writer:
        for index in range(30):
            writer.append(made_record(index).to_line())
        writer.seal({"dedup": stages, "verdicts": {"match": 33}})
    return folder


def test_the_json_counts_every_record_of_all_shards(corpus, capsys):
    assert main(["stats", str(corpus), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    records = [made_record(index) for index in range(30)]
    assert found["records"] == 30
    assert found["bytes"] == sum(len(record.to_line()) for record in records)
    assert found["categories"] == dict.fromkeys(sorted(CATEGORIES[:3]), 10)
    assert sum(found["levels"].values()) == sum(found["splits"].values()) == 30
    assert sum(map(sum, (splits.values() for splits in found["splits_by_category"].values()))) == 30
    assert found["tokens"]["cpp_forward"] == 30 * 5
    assert found["lines"]["100%"] == max(record.python_source.count("\n") for record in records)
    assert found["oracles"] == {
        "dead code: no opinion": 30,
        "operands swapped: no opinion": 30,
        "reference: agrees": 30,
    }
    assert found["duplicates"]["distinct"]["renamed"] == 30
    assert found["duplicates"]["straddling_splits"] == {"shape": 0, "near": 0}
    assert found["admission"] == [{"stage": "near duplicate", "before": 33, "after": 30}]


def test_the_tables_say_the_same_in_the_terminal(corpus, capsys):
    assert main(["stats", str(corpus)]) == 0
    text = capsys.readouterr().out
    assert "30 records" in text
    for title in ("levels", "patterns", "size and complexity", "duplicates", "how verified"):
        assert f"\n{title} " in text
    assert "refused on admission: near duplicate" in text


def test_a_shard_alone_will_do_and_a_line_that_is_no_record_is_counted(corpus, tmp_path, capsys):
    shard = tmp_path / "shard-00000.jsonl"
    shard.write_bytes((corpus / shard.name).read_bytes() + b'{"id": 1}\n')
    assert main(["stats", str(shard), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["unreadable"] == 1 and found["records"] > 0


def test_the_sample_corpus_whoever_made_it_can_be_counted(capsys):
    assert main(["stats", str(SAMPLE), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["records"] == sum(found["levels"].values()) > 0
    assert found["duplicates"]["straddling_splits"]["shape"] == 0


def test_what_is_no_corpus_is_refused_in_one_line(tmp_path, capsys):
    assert main(["stats", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
