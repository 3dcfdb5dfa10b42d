"""A corpus is re-verified record by record, and each thing that was tampered with is named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import handwritten
import pytest
import warp as wp
from handwritten import ENDLESS

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.manifest import MANIFEST
from extractor.record import Record
from extractor.shards import CorpusWriter
from extractor.warp_setup import open_workspace
from grammar.canonical import kernel_id
from oracle.__main__ import main
from oracle.check import CheckOptions, Report, check_corpus

SHARD = "shard-00000.jsonl"
SAMPLES = tuple(value for value in vars(handwritten).values() if isinstance(value, handwritten.Sample))


def metadata_of(sample: handwritten.Sample) -> dict[str, Any]:
    return {
        "kernel_name": sample.name,
        "category": "combined",
        "description": "",
        "builtins": [],
        "types": [],
        "complexity": {},
        "launch_dims": list(sample.dims),
        "arguments": [argument.to_json() for argument in sample.arguments],
        "origin": {},
        "versions": {"warp": wp.config.version, "schema": 1},
        "backends": ["cpu", "emulator"],
        "input_seed": 3,
        "comparison": {},
        "split": "train",
    }


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The records of a good corpus, as lines."""
    sources = [sample.source for sample in SAMPLES]
    with (
        open_workspace(tmp_path_factory.mktemp("warp")) as workspace,
        compile_batch(sources, CompileOptions(), workspace) as batch,
    ):
        compiled = [result for result in batch.results if isinstance(result, Compiled)]
    assert len(compiled) == len(SAMPLES)
    return [
        Record(kernel_id(sample.source), sample.source, one.artifacts, metadata_of(sample)).to_line()
        for sample, one in zip(SAMPLES, compiled, strict=True)
    ]


def write_corpus(folder: Path, lines: list[bytes]) -> Path:
    with CorpusWriter(folder, {}) as writer:
        for line in lines:
            writer.append(line)
        writer.seal({})
    return folder


def check(path: Path, sample: int | None = None) -> Report:
    options = CheckOptions(sample, seed=0, workers=1, cuda="emulator", versions={"warp": wp.config.version})
    return check_corpus(path, options)


def test_a_good_corpus_has_nothing_wrong(tmp_path: Path, lines: list[bytes]) -> None:
    report = check(write_corpus(tmp_path / "corpus", lines))
    assert report.bad == []
    assert report.records == report.checked["behaviour"] == report.checked["CUDA"] == len(SAMPLES)


def change_digit(line: bytes) -> bytes:
    record = json.loads(line)
    record["python_source"] = re.sub(r"\b1\.5\b", "1.7", record["python_source"], count=1)
    return (json.dumps(record, sort_keys=True, separators=(",", ":")) + "\n").encode()


def change_token(line: bytes) -> bytes:
    record = json.loads(line)
    record["cuda_forward"] = record["cuda_forward"].replace("wp::address(", "wp::adress(", 1)
    return (json.dumps(record, sort_keys=True, separators=(",", ":")) + "\n").encode()


def test_four_planted_faults_are_all_named(tmp_path: Path, lines: list[bytes]) -> None:
    corpus = write_corpus(tmp_path / "corpus", lines)
    changed = next(place for place, line in enumerate(lines) if change_digit(line) != line)
    token = next(place for place, line in enumerate(lines) if change_token(line) != line and place != changed)
    last = len(lines) - 1
    assert len({changed, token, last}) == 3
    altered = list(lines)
    altered[changed], altered[token] = change_digit(lines[changed]), change_token(lines[token])
    altered[last:] = [lines[token], lines[last][: len(lines[last]) // 2]]
    (corpus / SHARD).write_bytes(b"".join(altered))

    wrong = {(bad.line, bad.reason.split(":")[0].split(",")[0]) for bad in check(corpus).bad}
    assert (changed + 1, f"the source's id is {kernel_id(json.loads(altered[changed])['python_source'])}") in wrong
    assert (token + 1, "cuda_forward is not what Warp makes of the source") in wrong
    assert (last + 1, f"duplicate of {SHARD} line {token + 1}") in wrong
    assert (last + 2, "cut off") in wrong
    assert {line for line, _ in wrong} == {0, changed + 1, token + 1, last + 1, last + 2}


def altered(line: bytes, **fields: Any) -> bytes:
    return (json.dumps(json.loads(line) | fields, sort_keys=True, separators=(",", ":")) + "\n").encode()


def test_a_source_outside_the_grammar_is_never_executed(tmp_path: Path, lines: list[bytes]) -> None:
    trace = tmp_path / "executed"
    source = f"import warp as wp\nimport pathlib\npathlib.Path({str(trace)!r}).touch()\n"
    corpus = write_corpus(tmp_path / "corpus", [altered(lines[0], python_source=source)])
    (bad,) = check(corpus).bad
    assert bad.reason.startswith("not accepted: line 2:")
    assert not trace.exists()


ASTRAY = """import warp as wp


@wp.kernel
def astray(out: wp.array(dtype=float)):
    i = wp.tid()
    out[i + 100000000] = 1.0
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (ASTRAY, "unsupported: not the compiler's fault: the kernel is not well-defined: index (100000000,)"),
        (ENDLESS, "hang: the emulator is"),
    ],
)
def test_a_kernel_that_misbehaves_costs_only_its_record(
    tmp_path: Path, lines: list[bytes], source: str, reason: str
) -> None:
    arguments = [{"name": "out", "shape": [4], "ranges": {}, "written": True}]
    metadata = json.loads(lines[0])["metadata"] | {"arguments": arguments, "launch_dims": [4]}
    record = altered(lines[0], python_source=source, id=kernel_id(source), metadata=metadata)
    report = check(write_corpus(tmp_path / "corpus", [*lines[:2], record, *lines[2:4]]))
    assert {bad.line for bad in report.bad} == {3}
    assert any(bad.reason.startswith(reason) for bad in report.bad)
    assert report.checked["behaviour"] == 5


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        (
            {"name": "out", "shape": [10**12], "ranges": {}, "written": True},
            "a launch or an array of more than 65536 elements",
        ),
        ({"name": "out", "shape": [-4], "ranges": {}, "written": True}, "a launch or an array of more than"),
        ({"name": "other", "shape": [4], "ranges": {}, "written": True}, "its arguments do not fit the kernel"),
    ],
)
def test_arguments_that_cannot_be_are_a_bad_record(
    tmp_path: Path, lines: list[bytes], argument: dict[str, Any], reason: str
) -> None:
    metadata = json.loads(lines[0])["metadata"] | {"arguments": [argument], "launch_dims": [4]}
    (bad,) = check(write_corpus(tmp_path / "corpus", [altered(lines[0], metadata=metadata)])).bad
    assert bad.reason.startswith(reason)


def test_a_sample_runs_that_many_records_and_reads_all(tmp_path: Path, lines: list[bytes]) -> None:
    report = check(write_corpus(tmp_path / "corpus", lines), sample=2)
    assert report.checked["behaviour"] == 2
    assert report.checked["ids"] == len(lines)


def test_texts_of_another_warp_are_skipped_and_said_so(tmp_path: Path, lines: list[bytes]) -> None:
    metadata = json.loads(lines[0])["metadata"]
    other = metadata | {"versions": metadata["versions"] | {"warp": "1.14.0"}}
    report = check(write_corpus(tmp_path / "corpus", [altered(lines[0], metadata=other)]))
    assert report.bad == []
    assert list(report.skipped["C++"]) == [f"made with warp 1.14.0, here is {wp.config.version}"]


def test_a_missing_and_an_unlisted_shard_are_named(tmp_path: Path, lines: list[bytes]) -> None:
    corpus = write_corpus(tmp_path / "corpus", lines[:1])
    (corpus / SHARD).rename(corpus / "shard-00007.jsonl")
    assert {bad.shard for bad in check(corpus).bad} == {SHARD, "shard-00007.jsonl"}


def test_a_single_shard_is_checked_without_its_corpus(tmp_path: Path, lines: list[bytes]) -> None:
    shard = tmp_path / "some.jsonl"
    shard.write_bytes(lines[0])
    report = check(shard)
    assert report.bad == [] and report.records == 1


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oracle", "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_says_what_is_wrong_and_exits_with_1(tmp_path: Path, lines: list[bytes]) -> None:
    corpus = write_corpus(tmp_path / "corpus", lines[:2])
    with (corpus / SHARD).open("ab") as file:
        file.write(lines[0])
    done = run_cli(str(corpus), "--workers", "1", "--cuda", "emulator")
    assert done.returncode == 1
    assert f"bad: {json.loads(lines[0])['id']}, {SHARD} line 3: duplicate of {SHARD} line 1" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: ["/nowhere/at/all"], "no such file or folder"),
        (lambda path: [str(path)], f"it has no {MANIFEST}"),
        (lambda path: [str(path), "--sample", "0"], "--sample must be at least 1"),
        (lambda path: [str(path), "--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_a_bad_call_is_one_clear_line_and_exit_2(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], spoil: Callable[[Path], list[str]], message: str
) -> None:
    assert main(["check", *spoil(tmp_path)]) == 2
    error = capfd.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_kernel_file_is_judged_on_inputs_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kernel = tmp_path / "scale.py"
    kernel.write_text(handwritten.SCALE.source)
    assert main(["check", str(kernel), "--sample", "2", "--cuda", "emulator"]) == 0
    assert "match: 2 of 2 inputs" in capfd.readouterr().out


def test_a_kernel_file_that_imports_os_is_refused_with_its_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kernel = tmp_path / "bad.py"
    kernel.write_text("import warp as wp\nimport os\n")
    assert main(["check", str(kernel)]) == 2
    assert f"{kernel}:2:1: " in capfd.readouterr().err
