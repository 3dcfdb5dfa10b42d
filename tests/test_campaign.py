"""Whole campaigns from the command line, small ones: their bytes, their interruption, their refusals."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from extractor.manifest import read_manifest
from extractor.record import Record
from extractor.shards import CorpusWriter
from fuzzer.admission import Admission
from fuzzer.campaign import Campaign
from fuzzer.display import Display
from fuzzer.guidance.guidance import Guidance
from fuzzer.jsonlog import JsonLog
from fuzzer.options import CampaignOptions
from fuzzer.outcome import Outcome
from fuzzer.task import Task
from fuzzer.worker import start_worker
from grammar import CATEGORIES
from oracle.observation import Verdict
from oracle.pool import Pool

BUDGET = 1_500_000
"""A few batches' worth of records: an interrupt that follows the first of them still comes in the middle."""


def _fuzzer(*arguments: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_command(*arguments), capture_output=True, text=True, timeout=timeout)


def _command(*arguments: object) -> list[str]:
    """Return the call of a campaign that leaves what it finds as it is: minimising has tests of its own."""
    return [sys.executable, "-m", "fuzzer", *map(str, arguments), "--no-minimize"]


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
    log = tmp_path / "log"
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
    assert read_manifest(undisturbed).shards, "what was refused left the corpus as finished as it was"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["run", "--budget", "a lot"], "'a lot' is not understood"),
        (["run", "--time", "soon"], "'soon' is not understood"),
        (["run", "--categories", "vector,quantum"], "there is no category 'quantum'"),
        (["run", "--workers", "0"], "--workers must be at least 1"),
        (["run", "--ahead", "0"], "--ahead must be at least 1"),
        (["run", "--parents", "/nowhere/at/all"], "no such folder"),
        (["run", "--no-guidance", "--parents", "corpus"], "--parents guide a campaign"),
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


def _campaign(corpus: CorpusWriter, options: CampaignOptions) -> Campaign:
    task = Task(5, CATEGORIES, options.backward, emit_ptx=False, cuda="emulator", arch=75, versions={"warp": "any"})
    guidance = Guidance(5, CATEGORIES, options.ahead)
    display, admission = Display(Console(quiet=True)), Admission(CATEGORIES, BUDGET)
    return Campaign(
        options, corpus, display, JsonLog(None), task, admission, guidance, lambda: Pool(partial(start_worker, task), 1)
    )


def test_a_finding_that_an_interrupted_run_left_unexamined_is_examined_by_the_next(tmp_path):
    options = CampaignOptions(tmp_path / "C", seed=5, categories=CATEGORIES, budget=BUDGET, time=0, backward=False)
    with CorpusWriter(options.out, {}) as corpus:
        campaign = _campaign(corpus, options)
        kernel = campaign.task.kernel(4)
        left = campaign.task.finding(4, kernel, Verdict.HANG, "no end within the time limit")
        campaign.restore(campaign.summary(), _with_pending(campaign.state(), left))
        campaign.run()
        assert json.loads(campaign.state())["findings"]["pending"] == []
    (finding,) = (options.out / "findings").iterdir()
    data = json.loads((finding / "finding.json").read_text())
    assert data["verdict"] == "hang" and data["origin"]["index"] == 4 and data["origin"]["seed"] == 5
    assert data["standing"]["flaky"]  # the kernel is an ordinary one, which no fresh process sees hang
    assert data["standing"]["alone"]["cpu"]["outcome"] == data["standing"]["alone"]["cuda"]["outcome"] == "ran"


def _with_pending(state: bytes, outcome: Outcome) -> bytes:
    data = json.loads(state)
    data["findings"]["pending"] = [outcome.to_json()]
    return json.dumps(data).encode()


def test_a_run_that_ends_before_it_merges_anything_leaves_the_same_state(undisturbed, tmp_path):
    corpus_copy = tmp_path / "C"
    shutil.copytree(undisturbed, corpus_copy)
    before = json.loads((corpus_copy / "manifest.json").read_text())["campaign"]
    again = _fuzzer("run", "--budget", BUDGET, "--seed", 5, "--out", corpus_copy)
    assert again.returncode == 0, again.stderr
    assert json.loads((corpus_copy / "manifest.json").read_text())["campaign"] == before
    assert [path.name for path in corpus_copy.glob("state-*")] == [before["state"]]


def test_a_larger_budget_goes_on_where_a_smaller_one_ended_in_the_middle_of_a_batch(undisturbed, tmp_path):
    small, whole = tmp_path / "small", json.loads((undisturbed / "manifest.json").read_text())
    for budget in (BUDGET // 3, BUDGET):
        done = _fuzzer("run", "--budget", budget, "--seed", 5, "--workers", 2, "--out", small)
        assert done.returncode == 0, done.stderr
    manifest = json.loads((small / "manifest.json").read_text())
    assert manifest["campaign"]["next_kernel"] >= whole["campaign"]["next_kernel"] - 27
    records = [line for data in _shards(small).values() for line in data.splitlines()]
    assert len({json.loads(line)["id"] for line in records}) == len(records)


def test_a_state_of_another_version_is_refused_in_one_line(undisturbed, tmp_path):
    corpus = tmp_path / "C"
    shutil.copytree(undisturbed, corpus)
    (state,) = corpus.glob("state-*")
    data = json.loads(gzip.decompress(state.read_bytes())) | {"format": 1}
    state.write_bytes(gzip.compress(json.dumps(data).encode()))
    refused = _fuzzer("run", "--budget", BUDGET, "--seed", 5, "--out", corpus)
    assert refused.returncode == 2
    assert "another version" in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_an_older_corpus_gives_the_first_parents(undisturbed, tmp_path):
    log = tmp_path / "log"
    options = ["--seed", 9, "--workers", 2, "--json-log", log, "--out", tmp_path / "C"]
    done = _fuzzer("run", "--budget", BUDGET // 3, "--parents", undisturbed, *options)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for data in _shards(tmp_path / "C").values() for line in data.splitlines()]
    parents = {json.loads(line)["id"] for data in _shards(undisturbed).values() for line in data.splitlines()}
    assert {record["metadata"]["origin"]["parent"] for record in records} & parents


def test_without_guidance_no_kernel_has_a_parent_and_categories_alternate(tmp_path):
    done = _fuzzer(
        "run", "--budget", BUDGET // 3, "--seed", 5, "--no-guidance", "--workers", 2, "--out", tmp_path / "C"
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for data in _shards(tmp_path / "C").values() for line in data.splitlines()]
    for record in records:
        metadata = record["metadata"]
        assert metadata["origin"]["parent"] is None
        assert metadata["category"] == CATEGORIES[metadata["origin"]["index"] % len(CATEGORIES)]
