"""Jobs on a Dask cluster come out as on this machine: a real scheduler, and real workers that are really killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

import fuzzer
from fuzzer.dask_executor import DaskExecutor
from fuzzer.dask_worker import environment
from fuzzer.executor import Executor, check_executor, open_executor
from grammar.errors import UserError
from oracle.pool import Death, Limits, Pool, WorkerError

TESTS = Path(__file__).resolve().parent
LIMITS = Limits(job_seconds=2.0, item_seconds=0.5, startup_seconds=60.0, memory_bytes=10**9)


def _act(item: str, scratch: Path) -> str:
    what, _, where = item.partition(" ")
    if what == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "hang":
        time.sleep(600)
    if what == "memory":
        bytearray(2 * 10**9)
    if what == "bug":
        raise ZeroDivisionError("our own mistake")
    if what == "user":
        raise UserError("no Warp there")
    if what == "slow":
        (Path(where) / f"{os.getpid()}").touch()
        time.sleep(0.2)
    return item.upper()


def _start(scratch: Path) -> Callable[[tuple[str, ...]], Sequence[str]]:
    return lambda items: [_act(item, scratch) for item in items]


def _finish(executor: Executor[str, str]) -> dict[object, list[str | Death]]:
    results: dict[object, list[str | Death]] = {}
    deadline = time.monotonic() + 120
    while executor.unfinished:
        results.update({key: list(outcomes) for key, outcomes in executor.completed(timeout=1.0)})
        assert time.monotonic() < deadline
    return results


class Cluster:
    """A scheduler on this machine, and workers as `dask worker` starts them, each with its nanny, in a session each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self._dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", folder / "scheduler.json")
        _wait_until((folder / "scheduler.json").exists)
        _wait_until(lambda: (folder / "scheduler.json").read_text().endswith("}"))
        self.address = json.loads((folder / "scheduler.json").read_text())["address"].removeprefix("tcp://")

    def worker(self, threads: int = 1, python_path: Path | None = None) -> subprocess.Popen[bytes]:
        spill = self.folder / f"spill-{len(self.processes)}"
        return self._dask(
            "worker", self.address, "--nthreads", threads, "--local-directory", spill, python_path=python_path
        )

    def _dask(self, *arguments: object, python_path: Path | None = None) -> subprocess.Popen[bytes]:
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, arguments), "--no-dashboard"],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([*([str(python_path)] if python_path else []), str(TESTS)]),
                "TMPDIR": str(temporary),
            },
            cwd=python_path or TESTS.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a Dask process and its nanny or worker, those of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


def _executor(cluster: Cluster, said: list[str] | None = None) -> DaskExecutor[str, str]:
    return DaskExecutor(
        cluster.address, partial(_start), LIMITS, said.append if said is not None else lambda line: None
    )


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_outcomes_and_deaths_are_those_of_the_local_pool_whatever_the_items_do_and_nothing_is_left(cluster):
    cluster.worker(threads=2)
    jobs = {0: ["a", "b"], 1: ["c", "segfault", "d"], 2: ["memory"], 3: ["e", "hang"], 4: ["f"] * 5, 5: []}

    def run(executor: Executor[str, str]) -> dict[object, list[str | Death]]:
        with executor:
            for key, items in jobs.items():
                executor.submit(key, items)
            results = _finish(executor)
            pids.extend(health.pid for health in executor.health())
            assert executor.deaths >= 3
        return results

    pids: list[int] = []
    there = run(_executor(cluster))
    assert there == run(Pool[str, str](partial(_start), 2, LIMITS))
    assert there[1] == ["C", Death(hang=False, reason="killed by SIGSEGV"), "D"]
    assert there[2] == [Death(hang=False, reason="out of memory: more than 1 GB")]
    assert pids
    _wait_until(lambda: not any(map(_alive, pids)))
    _wait_until(lambda: not list((cluster.folder / "tmp").glob("warpsmith-*")))


def test_the_jobs_of_workers_that_are_killed_go_to_others_and_to_those_that_join_later(cluster, tmp_path):
    started = tmp_path / "started"
    started.mkdir()
    first, second = cluster.worker(), cluster.worker()
    said: list[str] = []
    jobs = {key: [f"slow {started}", str(key)] for key in range(30)}
    with _executor(cluster, said) as executor:
        _wait_until(lambda: (executor.completed(timeout=0.0), executor.workers)[1] == 2)
        for key, items in jobs.items():
            executor.submit(key, items)
        _wait_until(lambda: len(list(started.iterdir())) == 2)
        kill(first)
        results = {key: list(outcomes) for key, outcomes in executor.completed(timeout=5.0)}
        kill(second)
        cluster.worker()
        results |= _finish(executor)
    assert results == {key: [f"slow {started}".upper(), str(key)] for key in jobs}
    assert executor.deaths == 2
    assert len([line for line in said if "has left the cluster" in line]) == 2
    _wait_until(lambda: not any(_alive(int(path.name)) for path in started.iterdir()))


@pytest.mark.parametrize(("item", "error"), [("bug", WorkerError), ("user", UserError)])
def test_what_fails_in_a_worker_of_the_cluster_is_raised_here(cluster, item, error):
    cluster.worker()
    with _executor(cluster) as executor, pytest.raises(error, match=r"our own mistake|no Warp there"):
        executor.submit(0, ["a", item])
        _finish(executor)


def test_a_worker_with_other_code_is_refused_in_one_line_and_gets_no_jobs(cluster, tmp_path):
    other = tmp_path / "other"
    for room in ("grammar", "extractor", "oracle", "fuzzer"):
        shutil.copytree(Path(fuzzer.__file__).parent.parent / room, other / room)
    with (other / "grammar" / "errors.py").open("a") as file:
        file.write("# changed\n")
    cluster.worker(python_path=other)
    refusal = rf"worker tcp://127.0.0.1:[0-9]+ is refused: project is [0-9a-f]+ there and {environment().project} here"
    with pytest.raises(UserError, match=rf"^no worker of the cluster can be used: {refusal}$"), _executor(cluster):
        pass
    cluster.worker()
    said: list[str] = []
    executor = _executor(cluster, said)
    _wait_until(lambda: _can_enter(executor))
    try:
        for key in range(10):
            executor.submit(key, [str(key)])
        assert _finish(executor) == {key: [str(key)] for key in range(10)}
        assert executor.workers == 1 and len(said) >= 1
        assert len({health.host for health in executor.health()}) == 1
    finally:
        executor.__exit__(None, None, None)


def _can_enter(executor: DaskExecutor[str, str]) -> bool:
    try:
        executor.__enter__()
    except UserError:  # the other worker has not joined yet
        return False
    return True


def test_a_scheduler_that_dies_is_said_in_one_line(cluster):
    cluster.worker()
    with (
        pytest.raises(UserError, match=r"^the Dask scheduler at 127.0.0.1:[0-9]+ is gone"),
        _executor(cluster) as executor,
    ):
        kill(cluster.processes[0])
        executor.submit(0, ["a"])
        _finish(executor)


def test_no_scheduler_no_dask_and_no_such_executor_are_one_line_each(monkeypatch):
    with (
        pytest.raises(UserError, match=r"^no Dask scheduler answers at 127.0.0.1:9 within [0-9]+ s$"),
        open_executor("dask://127.0.0.1:9", _start, 1),
    ):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install 'warpsmith\[dask\]'"):
        open_executor("dask://127.0.0.1:9", _start, 1)
    for text in ("dask", "dask://", "dask://host", "slurm://host:1", "dask://a b:1"):
        with pytest.raises(UserError, match="there is no executor"):
            check_executor(text)
    assert isinstance(open_executor("local", _start, 1), Pool)


def _campaign(out: Path, *more: object) -> subprocess.Popen[str]:
    command = ["run", "--budget", "1500KB", "--seed", "5", "--workers", "1", "--out", str(out), "--no-minimize"]
    return subprocess.Popen(
        [sys.executable, "-m", "fuzzer", *command, *map(str, more)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _result(corpus: Path) -> object:
    shards = {path.name: path.read_bytes() for path in corpus.glob("shard-*")}
    return shards, json.loads((corpus / "manifest.json").read_text())["shards"]


def test_a_campaign_on_a_cluster_of_which_a_worker_is_killed_gives_the_same_bytes(cluster, tmp_path):
    victim, _ = cluster.worker(), cluster.worker()
    campaign = _campaign(tmp_path / "there", "--executor", f"dask://{cluster.address}")
    _wait_until(lambda: any(path.stat().st_size for path in (tmp_path / "there").glob("shard-*")), seconds=300)
    assert campaign.poll() is None
    kill(victim)
    _, complaints = campaign.communicate(timeout=600)
    assert (campaign.returncode, complaints) == (0, "")
    local = _campaign(tmp_path / "here")
    assert local.wait(timeout=600) == 0
    assert _result(tmp_path / "there") == _result(tmp_path / "here")


def test_a_name_that_is_no_executors_is_one_line(tmp_path):
    campaign = _campaign(tmp_path / "corpus", "--executor", "slurm://here:1")
    _, complaints = campaign.communicate(timeout=60)
    assert campaign.returncode == 2
    assert complaints == "error: there is no executor 'slurm://here:1': it is local or dask://HOST:PORT\n"
