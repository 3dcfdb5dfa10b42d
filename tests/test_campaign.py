"""Whole campaigns from the command line, small ones: their bytes, their interruption, their refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from extractor.record import Record
from extractor.shards import CorpusWriter
from fuzzer.admission import Admission
from fuzzer.campaign import Campaign
from fuzzer.display import Display
from fuzzer.jsonlog import JsonLog
from fuzzer.options import CampaignOptions
from fuzzer.task import Task
from grammar import CATEGORIES

BUDGET = 1_500_000
"""A few batches' worth of records: an interrupt that follows the first of them still comes in the middle."""


def _fuzzer(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), capture_output=True, text=True, timeout=timeout)


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "fuzzer", *map(str, arguments)]


def _shards(corpus: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(corpus.glob("shard-*"))}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """A corpus of seed 5, made by two workers in one go, with its log beside it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = _fuzzer(
        "run", "--budget", BUDGET, "--seed", 5, "--workers", 2, "--out", folder / "A", "--json-log", folder / "log"
    )
    assert done.returncode == 0, done.stderr
    return folder / "A"


def test_a_run_ends_near_its_budget_and_never_above_it(undisturbed):
    size = sum(len(data) for data in _shards(undisturbed).values())
    assert 0.9 * BUDGET < size <= BUDGET


def test_categories_have_equal_shares_and_no_record_stands_twice(undisturbed):
    records = [Record.from_line(line + b"\n") for data in _shards(undisturbed).values() for line in data.splitlines()]
    counts = Counter(record.metadata["category"] for record in records)
    assert set(counts) <= set(CATEGORIES)
    assert max(counts.values()) - min(counts[category] for category in CATEGORIES) <= 1
    assert len({record.id for record in records}) == len(records)


def test_the_log_is_one_object_a_line_and_grows(undisturbed):
    steps = [json.loads(line) for line in (undisturbed.parent / "log").read_text().splitlines()]
    assert [step["kernels"] for step in steps] == sorted({step["kernels"] for step in steps})
    assert steps[-1]["records"] > 0 and steps[-1]["cuda_backend"] in ("emulator", "device")


def test_an_interrupted_campaign_with_another_number_of_workers_goes_on_to_the_same_bytes(undisturbed, tmp_path):
    command = ["run", "--budget", BUDGET, "--seed", 5, "--workers", 1, "--out", tmp_path / "B"]
    _interrupt(command, lambda: _has_records(tmp_path / "B"))
    assert 0 < sum(len(data) for data in _shards(tmp_path / "B").values()) < BUDGET
    log = tmp_path / "log"  # its first line comes while what the first run left waiting is judged once more
    _interrupt([*command, "--json-log", log], lambda: log.exists() and log.stat().st_size > 0)
    resumed = _fuzzer(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert _shards(tmp_path / "B") == _shards(undisturbed)


def _interrupt(command: list[object], when: Callable[[], bool]) -> None:
    """Start the command in a process group of its own and press Ctrl-C, so to speak, as soon as `when` holds."""
    process = subprocess.Popen(
        _command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and not when():
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert not errors
    assert "the same command goes on" in output


def _has_records(corpus: Path) -> bool:
    return any(path.stat().st_size for path in corpus.glob("shard-*"))


def test_a_corpus_that_is_full_is_left_as_it_is(undisturbed):
    before = _shards(undisturbed)
    again = _fuzzer("run", "--budget", BUDGET, "--seed", 5, "--out", undisturbed)
    assert again.returncode == 0, again.stderr
    assert _shards(undisturbed) == before


def test_another_seed_is_not_mixed_into_a_corpus(undisturbed):
    refused = _fuzzer("run", "--budget", BUDGET, "--seed", 6, "--out", undisturbed)
    assert refused.returncode == 2
    assert "made with seed 5, not 6" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["run", "--budget", "a lot"], "'a lot' is not understood"),
        (["run", "--time", "soon"], "'soon' is not understood"),
        (["run", "--categories", "vector,quantum"], "there is no category 'quantum'"),
        (["run", "--workers", "0"], "--workers must be at least 1"),
        (["run", "--cuda", "abacus"], "invalid choice: 'abacus'"),
        (["run", "--arch", "12"], "--arch 12 is not supported"),
        (["run", "--json-log", "/nowhere/at/all"], "cannot write the log"),
        ([], "required: command"),
    ],
)
def test_a_bad_call_is_one_clear_line_and_exit_code_2(arguments, complaint, tmp_path):
    out = ["--out", str(tmp_path / "C")] if arguments else []
    done = _fuzzer(*arguments, *out)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_no_corpus_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    done = _fuzzer("run", "--budget", "1MB", "--out", tmp_path)
    assert done.returncode == 2 and "not a corpus" in done.stderr
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_finding_that_an_interrupted_run_left_unexamined_is_examined_by_the_next(tmp_path):
    options = CampaignOptions(tmp_path / "C", seed=5, categories=CATEGORIES, budget=BUDGET, time=0)
    task = Task(5, CATEGORIES, backward=False, emit_ptx=False, cuda="emulator", arch=75, versions={"warp": "any"})
    left = {"index": 4, "verdict": "hang", "reason": "no end within the time limit", "backends": []}
    with CorpusWriter(options.out, {}) as corpus:
        campaign = Campaign(
            options, corpus, Display(Console(quiet=True)), JsonLog(None), task, Admission(CATEGORIES, BUDGET)
        )
        campaign.restore(campaign.state() | {"unexamined": [left]})
        campaign.run()
        assert campaign.state()["unexamined"] == []
    (finding,) = (options.out / "findings").iterdir()
    data = json.loads((finding / "finding.json").read_text())
    assert data["verdict"] == "hang" and data["origin"] == {"seed": 5, "index": 4}
    assert data["standing"]["flaky"]  # the kernel is an ordinary one, which no fresh process sees hang
    assert data["standing"]["alone"]["cpu"]["outcome"] == data["standing"]["alone"]["cuda"]["outcome"] == "ran"


def test_a_run_that_ends_before_it_redoes_what_was_waiting_leaves_the_same_state(tmp_path):
    options = CampaignOptions(tmp_path / "C", seed=5, categories=CATEGORIES, budget=BUDGET)
    task = Task(5, CATEGORIES, backward=True, emit_ptx=False, cuda="emulator", arch=75, versions={"warp": "any"})
    with CorpusWriter(options.out, {}) as corpus:
        display, admission = Display(Console(quiet=True)), Admission(CATEGORIES, BUDGET)
        campaign = Campaign(options, corpus, display, JsonLog(None), task, admission)
        state = campaign.state() | {
            "next_kernel": 32,
            "waiting": [18, 21],
            "unexamined": [{"index": 4, "verdict": "mismatch", "reason": "x[0] differs", "backends": ["cpu"]}],
            "verdicts": {"match": 30, "mismatch": 1, "unstable": 1},
            "refused": {"duplicate": 2},
            "findings": {"mismatch: somewhere": 1},
        }
        campaign.restore(state)
        assert campaign.state() == state
