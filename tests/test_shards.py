"""A corpus loses nothing that was finished, and goes on after an interruption to the same bytes."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.corpus import corpus_faults, read_corpus
from extractor.manifest import MANIFEST, PART, read_manifest
from extractor.shards import CorpusWriter
from grammar.errors import UserError

SMALL = 1000
MADE_BY = {"warp": "1.19.0", "seed": 1}


def line(number: int) -> bytes:
    """A record of a length that depends on its number; 10 to 409 bytes."""
    length = 10 + random.Random(number).randrange(400)
    return json.dumps({"id": f"{number:05d}", "text": "x" * length}).encode()[:length].ljust(length, b".") + b"\n"


def write(path: Path, lines: Iterable[bytes], shard_bytes: int = SMALL) -> CorpusWriter:
    with CorpusWriter(path, MADE_BY, shard_bytes) as corpus:
        for data in lines:
            corpus.append(data)
        corpus.seal({"done": corpus.total_records})
    return corpus


def files(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_what_is_written_is_read_back_in_order(tmp_path: Path) -> None:
    lines = [line(number) for number in range(30)]
    corpus = write(tmp_path / "c", lines)
    read = list(read_corpus(tmp_path / "c"))
    assert [entry.data for entry in read] == lines
    assert read[0].shard == "shard-00000.jsonl"
    assert (read[0].number, read[1].number) == (1, 2)
    manifest = read_manifest(tmp_path / "c")
    assert manifest.records == 30 == corpus.total_records
    assert manifest.bytes == sum(map(len, lines)) == corpus.total_bytes
    assert len(manifest.shards) > 3
    assert all(shard.bytes <= SMALL for shard in manifest.shards)
    assert manifest.shards[0].provenance == MADE_BY
    assert corpus_faults(tmp_path / "c") == []


def test_a_single_shard_file_can_be_read_too(tmp_path: Path) -> None:
    write(tmp_path, [line(0), line(1)])
    assert [entry.data for entry in read_corpus(tmp_path / "shard-00000.jsonl")] == [line(0), line(1)]


def test_the_same_records_give_the_same_bytes_anywhere(tmp_path: Path) -> None:
    for name in ("a", "deeper/b"):
        write(tmp_path / name, map(line, range(20)))
    assert files(tmp_path / "a") == files(tmp_path / "deeper/b")
    assert str(tmp_path) not in (tmp_path / "a" / MANIFEST).read_text()


@given(st.lists(st.sampled_from(["append", "append", "append", "checkpoint", "seal", "crash"]), max_size=60))
@settings(deadline=None, max_examples=60)
def test_interruptions_leave_no_trace(steps: list[str]) -> None:
    """Whatever the order of appends, checkpoints, seals and crashes, the finished corpus is the undisturbed one."""
    with tempfile.TemporaryDirectory() as folder:
        disturbed, plain = Path(folder) / "disturbed", Path(folder) / "plain"
        done = saved = 0
        corpus = CorpusWriter(disturbed, MADE_BY, SMALL)
        for step in steps:
            if step == "append":
                corpus.append(line(done))
                done += 1
            elif step in ("checkpoint", "seal"):
                (corpus.checkpoint if step == "checkpoint" else corpus.seal)({"done": done})
                saved = done
            if step in ("seal", "crash"):
                corpus.close()
                corpus = CorpusWriter(disturbed, MADE_BY, SMALL)
                assert corpus.campaign.get("done", 0) == saved == corpus.total_records == len(list(corpus.lines()))
                done = saved
        corpus.seal({"done": corpus.total_records})
        corpus.close()
        write(plain, map(line, range(done)))
        assert files(disturbed) == files(plain)


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from extractor.shards import CorpusWriter
from test_shards import line, MADE_BY, SMALL
corpus = CorpusWriter(Path({path!r}), MADE_BY, SMALL)
print("ready", flush=True)
done = corpus.campaign.get("done", 0)
while done < 3000:
    for _ in range(7):
        corpus.append(line(done))
        done += 1
    corpus.checkpoint({{"done": done}})
corpus.seal({{"done": done}})
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_writer_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    killed, plain = tmp_path / "killed", tmp_path / "plain"
    paths = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    script = WRITER.format(paths=paths, path=str(killed))
    delays = random.Random(0)
    before = 0
    for kill in (True, True, True, True, False):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            if kill:
                time.sleep(delays.uniform(0.0, 0.1))
                writer.kill()
        done = read_manifest(killed).campaign.get("done", 0)
        assert done >= before
        before = done
    assert writer.returncode == 0
    write(plain, map(line, range(3003)))
    assert files(killed) == files(plain)


def test_only_one_process_writes_at_a_time(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path, MADE_BY), pytest.raises(UserError, match="another run is writing"):
        CorpusWriter(tmp_path, MADE_BY)
    CorpusWriter(tmp_path, MADE_BY).close()


def test_a_full_disk_is_the_users_error_and_costs_no_finished_record(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: the system refuses the same write."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with CorpusWriter(tmp_path, MADE_BY, 10**6) as corpus:
        corpus.append(b"a" * 5000 + b"\n")
        corpus.checkpoint({"done": 1})
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, limits[1]))
        try:
            with pytest.raises(UserError, match="cannot write the corpus"):
                corpus.append(b"b" * 5000 + b"\n")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        corpus.append(b"c" * 10 + b"\n")
        corpus.seal({"done": 2})
    assert [entry.data[:1] for entry in read_corpus(tmp_path)] == [b"a", b"c"]
    assert corpus_faults(tmp_path) == []


@pytest.mark.parametrize("content", ["photos.txt", "shard-00000.jsonl", "README.md"])
def test_a_folder_with_other_things_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / content).write_text("mine")
    with pytest.raises(UserError, match=r"is not empty and not a corpus: it has no manifest\.json"):
        CorpusWriter(tmp_path, MADE_BY)
    assert (tmp_path / content).read_text() == "mine"


def test_what_is_no_corpus_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cases = {tmp_path / "none": "no such folder", tmp_path / "file": "is not a folder", tmp_path: "is not a corpus"}
    for path, reason in cases.items():
        with pytest.raises(UserError, match=reason):
            read_manifest(path)
    with pytest.raises(UserError, match="is not a folder"):
        CorpusWriter(tmp_path / "file", MADE_BY)
    with pytest.raises(UserError, match="cannot write the corpus"):
        CorpusWriter(tmp_path / "file" / "below", MADE_BY)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be read"),
        ("{}", "no schema version"),
        ('{"schema": 99}', "schema 99: this version reads schema 1"),
        ('{"schema": 1}', "KeyError"),
        ("[" * 10**5, "cannot be read"),
        ('{"schema":1,"shard_bytes":1,"campaign":{},"shards":[{"name":"../x"}]}', "KeyError"),
    ],
)
def test_a_manifest_of_another_version_or_broken_is_one_clear_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    for read in (read_manifest, lambda path: CorpusWriter(path, MADE_BY)):
        with pytest.raises(UserError, match=reason) as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)


def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, [line(0)])
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["shards"][0]["name"] = "../../secret"
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="plain file name"):
        read_manifest(tmp_path)


def test_every_kind_of_damage_is_named(tmp_path: Path) -> None:
    write(tmp_path, map(line, range(30)))
    shards = sorted(tmp_path.glob("shard-*"))
    shards[0].unlink()
    os.truncate(shards[1], shards[1].stat().st_size - 5)
    content = bytearray(shards[2].read_bytes())
    content[3] ^= 1
    shards[2].write_bytes(content)
    (tmp_path / "shard-99999.jsonl").write_text("extra\n")
    reasons = {fault.shard: fault.reason for fault in corpus_faults(tmp_path)}
    assert reasons[shards[0].name] == "missing"
    assert "bytes, the manifest says" in reasons[shards[1].name]
    assert "checksum" in reasons[shards[2].name]
    assert reasons["shard-99999.jsonl"] == "not listed in the manifest"
    assert len(reasons) == 4
    cut = [entry for entry in read_corpus(tmp_path) if not entry.data.endswith(b"\n")]
    assert [entry.shard for entry in cut] == [shards[1].name]


def test_a_changed_last_shard_is_not_continued(tmp_path: Path) -> None:
    write(tmp_path, [line(0)])
    shard = tmp_path / "shard-00000.jsonl"
    shard.write_bytes(shard.read_bytes().replace(b"x", b"y"))
    with pytest.raises(UserError, match=r"is not as manifest\.json says"):
        CorpusWriter(tmp_path, MADE_BY)


def test_an_unfinished_corpus_says_so(tmp_path: Path) -> None:
    corpus = CorpusWriter(tmp_path, MADE_BY)
    corpus.append(line(0))
    corpus.checkpoint({})
    corpus.close()
    assert "unfinished" in corpus_faults(tmp_path)[0].reason
    assert list(read_corpus(tmp_path)) == []
    CorpusWriter(tmp_path, MADE_BY).seal({})
    assert corpus_faults(tmp_path) == []


def test_findings_are_there_whole_and_replaced_whole(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path, MADE_BY) as corpus:
        corpus.write_finding("crash-1", {"kernel.py": "old", "report.md": "# old"})
        corpus.write_finding("crash-1", {"kernel.py": "new"})
        with pytest.raises(ValueError, match="plain file name"):
            corpus.write_finding("../crash", {})
        with pytest.raises(ValueError, match="plain file name"):
            corpus.write_finding("crash", {"../x": ""})
        corpus.seal({})
    assert [str(file.relative_to(tmp_path)) for file in sorted(tmp_path.glob("findings/*/*"))] == [
        "findings/crash-1/kernel.py"
    ]


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    write(tmp_path, [line(0)])
    (tmp_path / ("manifest.json" + PART)).write_text("{")
    (tmp_path / ("shard-00007.jsonl" + PART)).write_text("{")
    (tmp_path / "findings" / ("crash-1" + PART)).mkdir(parents=True)
    with CorpusWriter(tmp_path, MADE_BY) as corpus:
        corpus.seal({})
    assert not list(tmp_path.rglob("*" + PART))


def test_a_record_is_one_line(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path, MADE_BY) as corpus:
        for data in (b"", b"a", b"a\nb\n"):
            with pytest.raises(ValueError, match="one line"):
                corpus.append(data)


def test_ids_come_from_all_shards_and_the_open_one(tmp_path: Path) -> None:
    with CorpusWriter(tmp_path, MADE_BY, 40) as corpus:
        for number in range(5):
            corpus.append(json.dumps({"id": str(number)}).encode() + b"\n")
        assert list(corpus.ids()) == ["0", "1", "2", "3", "4"]
        corpus.append(b"broken\n")
        with pytest.raises(UserError, match="broken record"):
            list(corpus.ids())


def test_a_finished_corpus_that_is_opened_and_left_alone_is_as_it_was(tmp_path):
    with CorpusWriter(tmp_path / "corpus", {}) as writer:
        writer.append(b'{"id":"a"}\n')
        writer.seal({"next_kernel": 1}, b"the state")
    before = files(tmp_path / "corpus")
    CorpusWriter(tmp_path / "corpus", {}).close()
    assert files(tmp_path / "corpus") == before
