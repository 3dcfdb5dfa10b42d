"""The worker pool, with real processes that really die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from extractor.scratch import new_scratch, remove_abandoned
from grammar.errors import UserError
from oracle.pool import Death, Limits, Pool, WorkerError

QUICK = Limits(job_seconds=1.0, item_seconds=0.2, startup_seconds=20.0)


def _act(item: str, scratch: Path) -> str:
    """Do what the item says: the items of these tests are little accidents."""
    what, _, where = item.partition(" ")
    if what == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "once" and not Path(where).exists():  # somebody else's kill, which hits an innocent
        Path(where).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "twice":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleep":
        time.sleep(float(where))
    if what == "hang":
        (Path(where) / str(os.getpid())).touch()
        10 ** (10**9)  # native code that holds Python's lock
    if what == "memory":
        bytearray(8 * 10**9)
    if what == "array":
        np.ones(10**9)
    if what == "bug":
        raise ZeroDivisionError("our own mistake")
    if what == "write":
        (scratch / "file").write_bytes(bytes(int(where)))
    if what == "fill":  # as clang does, which maps its output into memory
        (scratch / "file").write_bytes(bytes(900_000))
        os.kill(os.getpid(), signal.SIGBUS)
    if what == "user":
        raise UserError("no Warp here")
    if what == "pid":
        return str(os.getpid())
    return item.upper()


def _start(scratch: Path) -> Callable[[tuple[str, ...]], Sequence[str]]:
    (scratch / "cache").mkdir()
    return lambda items: [_act(item, scratch) for item in items]


def _start_that_dies(scratch: Path) -> Callable[[tuple[str, ...]], Sequence[str]]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _pool(workers: int = 2, limits: Limits | None = None) -> Pool[str, str]:
    return Pool[str, str](partial(_start), workers, limits or Limits())


def _finish(pool: Pool[str, str]) -> dict[object, list[str | Death]]:
    results = {}
    while pool.unfinished:
        results.update(dict(pool.completed(timeout=10)))
    return results


def _run(jobs: dict[int, list[str]], limits: Limits | None = None, workers: int = 2) -> dict[object, list[str | Death]]:
    with _pool(workers, limits) as pool:
        for key, items in jobs.items():
            pool.submit(key, items)
        return _finish(pool)


def _alive(pid: int) -> bool:
    """Whether the process, which may be a zombie that nobody waits for, has threads that are not at their end."""
    try:
        threads = [status.read_text() for status in Path(f"/proc/{pid}/task").glob("*/status")]
    except (FileNotFoundError, ProcessLookupError):
        return _alive(pid)
    return any("\nState:\tZ" not in thread and "\nState:\tX" not in thread for thread in threads)


def _wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_outcomes_come_back_in_the_order_of_their_items():
    results = _run({0: ["a", "b"], 1: ["c"], 2: ["d", "e", "f"], 3: []})
    assert results == {0: ["A", "B"], 1: ["C"], 2: ["D", "E", "F"], 3: []}


def test_a_segfault_costs_only_the_item_that_caused_it():
    results = _run({0: ["a", "b", "segfault", "c", "d"], 1: ["e"]})
    assert results[0] == ["A", "B", Death(hang=False, reason="killed by SIGSEGV"), "C", "D"]
    assert results[1] == ["E"]


def test_a_hang_is_ended_at_the_limit_and_named(tmp_path):
    results = _run({0: ["a", f"hang {tmp_path}"]}, replace(QUICK, startup_seconds=2.0))
    assert results[0] == ["A", Death(hang=True, reason="no end within the time limit")]


@pytest.mark.parametrize("item", ["memory", "array"])
def test_an_item_that_takes_more_memory_than_its_limit_is_named_and_costs_nothing_else(item):
    results = _run({0: ["a", item, "b"]}, Limits(memory_bytes=10**9))
    assert results[0] == ["A", Death(hang=False, reason="out of memory: more than 1 GB"), "B"]


def test_a_failure_of_our_own_code_is_raised_with_its_traceback():
    with pytest.raises(WorkerError, match="our own mistake"):
        _run({0: ["a", "bug"]})


def test_what_the_machine_lacks_is_said_to_the_user_in_one_line():
    with pytest.raises(UserError, match=r"^no Warp here$"):
        _run({0: ["a", "user"]})


def test_replaced_workers_go_on_with_the_work():
    with _pool(1, Limits(jobs_per_worker=2)) as pool:
        for key in range(7):
            pool.submit(key, [str(key)])
        assert _finish(pool) == {key: [str(key)] for key in range(7)}
        assert (pool.replaced, pool.deaths) == (3, 0)


def test_an_innocent_item_that_was_alone_when_somebody_killed_its_worker_is_not_blamed(tmp_path):
    with _pool(1) as pool:
        pool.submit(0, ["a"])
        pool.submit(1, [f"once {tmp_path / 'killed'}"])
        assert _finish(pool)[1] == [f"ONCE {tmp_path / 'killed'}".upper()]
        assert pool.deaths == 1


def test_an_item_whose_worker_is_killed_each_time_is_blamed_at_the_second():
    with _pool(1) as pool:
        pool.submit(0, ["twice"])
        assert _finish(pool) == {0: [Death(hang=False, reason="killed by SIGKILL")]}
        assert pool.deaths == 2


def test_the_death_of_a_worker_that_has_nothing_to_do_costs_nothing():
    with _pool(1) as pool:
        for key in range(3):
            pool.submit(key, ["a"])
            assert _finish(pool) == {key: ["A"]}
            (health,) = pool.health()
            os.kill(health.pid, signal.SIGKILL)
        assert pool.deaths == 2  # the last one died unseen


def test_workers_that_never_get_ready_are_reported_and_not_started_forever():
    with (
        Pool[str, str](partial(_start_that_dies), 1) as pool,
        pytest.raises(WorkerError, match="do not get ready: killed by SIGKILL"),
    ):
        pool.submit(0, ["a"])
        _finish(pool)


def test_health_tells_of_each_worker_what_it_does_and_holds():
    with _pool(1) as pool:
        assert pool.health() == []
        pool.submit(0, ["pid"])
        ((pid,),) = _finish(pool).values()
        pool.submit(1, ["sleep 0.5"])
        pool.completed(timeout=0.1)
        (busy,) = pool.health()
        assert busy.pid == int(str(pid)) and busy.jobs == 1
        assert busy.seconds is not None and busy.seconds < 60
        assert 10**6 < busy.memory_bytes < 10**9
        _finish(pool)
        (idle,) = pool.health()
        assert idle.seconds is None and idle.jobs == 2


def test_no_scratch_folder_and_no_process_is_left_behind():
    with _pool(1) as pool:
        pool.submit(0, ["a"])
        _finish(pool)
        assert pool._scratch is not None
        root, (health,) = pool._scratch.path, pool.health()
        assert root.exists() and _alive(health.pid)
    assert not root.exists()
    assert not Path(f"/proc/{health.pid}").exists()


MAIN = """
import signal
import sys
from functools import partial
sys.path.insert(0, {tests!r})
from test_pool import _start
from oracle.pool import Limits, Pool
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have it ignored
with Pool(partial(_start), 2, Limits()) as pool:
    for key in range(2):
        pool.submit(key, ["hang {beside}"])
    while True:
        pool.completed(timeout=1)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_workers_die_with_a_main_process_that_is_killed_though_they_hang_and_the_next_run_cleans_up(number, tmp_path):
    temporary, beside = tmp_path / "tmp", tmp_path / "pids"
    temporary.mkdir()
    beside.mkdir()
    script = MAIN.format(tests=str(Path(__file__).parent), beside=beside)
    process = subprocess.Popen(
        [sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(temporary)}, start_new_session=True
    )
    _wait_until(lambda: len(list(beside.iterdir())) == 2)
    workers = [int(path.name) for path in beside.iterdir()]
    assert all(map(_alive, workers))
    process.send_signal(number)
    process.wait(timeout=60)
    _wait_until(lambda: not any(map(_alive, workers)))
    assert _processes_of_session(process.pid) == []  # nor a helper of the interpreter's
    assert len(list(temporary.iterdir())) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(temporary))
        with _pool(1):
            (root,) = temporary.iterdir()
        assert not root.exists()
    assert list(temporary.iterdir()) == []


def _processes_of_session(session: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def test_a_scratch_folder_in_use_is_not_taken_for_abandoned_and_others_folders_never_are(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "warpsmith-thesis").mkdir()
    (tmp_path / "warpsmith-scratch-link").symlink_to(tmp_path / "warpsmith-thesis")
    abandoned = tmp_path / "warpsmith-scratch-abandoned"
    (abandoned / "deep").mkdir(parents=True)
    with new_scratch() as scratch:
        remove_abandoned()
        assert scratch.path.exists() and not abandoned.exists()
        assert (tmp_path / "warpsmith-thesis").exists()
    assert not scratch.path.exists()


@contextmanager
def _small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size, where this process may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("item", "limits", "complaint"),
    [
        ("write 2000000", Limits(free_bytes=0), "No space left on device"),
        ("a", Limits(), "less than 256 MB are free"),
        ("fill", Limits(free_bytes=500_000), "less than 0.5 MB are free"),
    ],
)
def test_a_full_disk_is_said_in_one_line_and_not_blamed_on_an_item(tmp_path, monkeypatch, item, limits, complaint):
    with _small_disk(tmp_path / "disk", megabytes=1) as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        with pytest.raises(UserError) as raised:
            _run({0: [item]}, limits)
        assert str(raised.value) == f"cannot write to {disk}, the temporary folder: {complaint}"
        assert list(disk.iterdir()) == []


def test_a_temporary_folder_that_is_read_only_is_said_in_one_line(tmp_path, monkeypatch):
    with _small_disk(tmp_path / "disk", megabytes=1) as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(UserError, match="the temporary folder: Read-only file system"):
            _run({0: ["a"]})


HUNGRY = """
import sys
from functools import partial
sys.path.insert(0, {tests!r})
from test_pool import _finish, _start
from oracle.pool import Limits, Pool
from pathlib import Path
Path({group!r}, "cgroup.procs").write_text("0")
with Pool(partial(_start), 1, Limits(memory_bytes=10**10)) as pool:
    pool.submit(0, ["a", "array", "b"])
    print(_finish(pool)[0])
"""


@contextmanager
def _little_memory(megabytes: int) -> Iterator[Path]:
    """A control group whose processes have that much together, where this process may make one."""
    root = Path("/sys/fs/cgroup")
    first = root / "memory" if (root / "memory").is_dir() else root
    group = first / f"warpsmith-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("cannot make a control group here")
    try:
        limit = next(
            (group / name for name in ("memory.max", "memory.limit_in_bytes") if (group / name).exists()), None
        )
        if limit is None:
            pytest.skip("control groups do not limit memory here")
        limit.write_text(str(megabytes * 2**20))
        yield group
    finally:
        group.rmdir()


def test_a_worker_that_the_system_kills_for_want_of_memory_is_said_to_be_out_of_memory():
    with _little_memory(megabytes=1000) as group:
        script = HUNGRY.format(tests=str(Path(__file__).parent), group=str(group))
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    death = Death(hang=False, reason="out of memory: killed by the system")
    assert done.stdout.strip() == str(["A", death, "B"]), done.stderr
