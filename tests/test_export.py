"""An export is a folder that `datasets.load_dataset` reads as it is, and its card says what is in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from test_stats import made_record

from extractor.shards import CorpusWriter
from fuzzer.__main__ import main
from fuzzer.export.broken import MUTATIONS, Working, attempts
from fuzzer.export.rows import CONFIGS, ERRORS
from grammar import accept

RECORDS = [made_record(index) for index in range(60)]
BROKEN = 4


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "corpus"
    with CorpusWriter(folder, {"seed": 1}, shard_bytes=50_000) as writer:
        for record in RECORDS:
            writer.append(record.to_line())
        writer.seal({})
    return folder


@pytest.fixture(scope="module")
def exported(corpus: Path) -> Path:
    """The corpus as JSON lines, with kernels that Warp itself has rejected."""
    out = corpus.parent / "lines"
    call = ["export", str(corpus), "--format", "jsonl", "--out", str(out), "--errors", str(BROKEN), "--workers", "1"]
    assert main(call) == 0
    return out


def rows_of(folder: Path, config: str) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for path in sorted((folder / config).glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found.setdefault(path.name.partition("-")[0], []).extend(rows)
    return found


def test_every_record_is_in_one_split_the_same_for_each_target(exported):
    wanted = {record.id: record.metadata["split"] for record in RECORDS}
    for config in CONFIGS:
        rows = rows_of(exported, config)
        assert {row["id"]: split for split, group in rows.items() for row in group} == wanted
        assert sum(map(len, rows.values())) == len(RECORDS)


def test_rows_hold_the_columns_of_the_table_and_the_rest_as_json(exported):
    by_id = {record.id: record for record in RECORDS}
    for config, columns in CONFIGS.items():
        for row in rows_of(exported, config)["train"]:
            record = by_id[row["id"]]
            assert list(row) == [column.name for column in columns]
            assert row["python_source"] == record.python_source
            assert json.loads(row["metadata"]) == record.metadata
            assert ("cpp_forward" in row, "cuda_forward" in row) == (config != "cuda", config != "cpu")
            assert 1 <= row["level"] <= 5


def test_broken_kernels_are_those_that_warp_rejects_with_what_it_said(exported):
    rows = [row for group in rows_of(exported, "errors").values() for row in group]
    assert 2 <= len(rows) <= BROKEN
    sources = {record.id: record.python_source for record in RECORDS}
    for row in rows:
        assert row["mutation"] in MUTATIONS and row["stage"] in ("load", "codegen", "native")
        assert row["working_source"] == sources[row["id"]] != row["python_source"]
        assert "kernel.py" in row["message"] and "Error" in row["message"]
        assert "/tmp" not in row["message"]


def test_what_is_tried_on_a_kernel_is_accepted_by_the_recogniser_and_the_same_each_time():
    for record in RECORDS[:12]:
        working = Working(record.id, record.python_source, "arithmetic", 1, "train")
        tried = attempts(working)
        assert len(tried) >= 4
        assert tried == attempts(working)
        assert all(accept(source) is None and source != record.python_source for _, source in tried)


def test_the_front_matter_lists_what_was_written(exported):
    text = (exported / "README.md").read_text(encoding="utf-8")
    matter = yaml.safe_load(text.split("---\n")[1])
    assert [config["config_name"] for config in matter["configs"]] == [*CONFIGS, "errors"]
    for info, columns in zip(matter["dataset_info"], [*CONFIGS.values(), ERRORS], strict=True):
        assert [feature["name"] for feature in info["features"]] == [column.name for column in columns]
        rows = rows_of(exported, info["config_name"])
        assert {split["name"]: split["num_examples"] for split in info["splits"]} == {
            split: len(group) for split, group in rows.items()
        }
    for heading in ("Fields", "Duplicates and splits", "In numbers", "Levels and patterns", "Limits", "Error cases"):
        assert f"\n## {heading}" in text
    assert "| whose shape another split has too | 0 |" in text


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
def test_load_dataset_reads_the_folder_as_it_is(format_, corpus, exported, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    folder = exported
    if format_ == "parquet":
        folder = tmp_path / "parquet"
        assert main(["export", str(corpus), "--format", "parquet", "--out", str(folder), "--errors", "0"]) == 0
    names = datasets.get_dataset_config_names(str(folder))
    assert names[:3] == ["cpu", "cuda", "joint"]
    for config, columns in CONFIGS.items():
        loaded = datasets.load_dataset(str(folder), config, cache_dir=str(tmp_path / "cache"))
        assert {split: part.num_rows for split, part in loaded.items()} == {
            split: len(group) for split, group in rows_of(exported, config).items()
        }
        assert list(loaded["train"].features) == [column.name for column in columns]
        first = next(record for record in RECORDS if record.metadata["split"] == "train")
        assert loaded["train"][0]["python_source"] == first.python_source
        assert loaded["train"][0]["builtins"] == first.metadata["builtins"]


def test_a_folder_that_is_there_is_left_alone(corpus, exported, capsys):
    before = sorted(path.name for path in exported.rglob("*"))
    assert main(["export", str(corpus), "--format", "jsonl", "--out", str(exported), "--errors", "0"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert sorted(path.name for path in exported.rglob("*")) == before


def test_parquet_without_its_package_is_refused_in_one_line(corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert main(["export", str(corpus), "--format", "parquet", "--out", str(tmp_path / "out")]) == 2
    assert "warpsmith[parquet]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
