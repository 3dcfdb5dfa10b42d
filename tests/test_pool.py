"""The worker pool, with real processes that really die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from oracle.pool import Death, Limits, Pool, WorkerError


def _act(item: str) -> str:
    """Do what the item says: the items of these tests are little accidents."""
    if item == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if item == "hang":
        time.sleep(600)
    if item == "memory":
        bytearray(8 * 10**9)
    if item == "bug":
        raise ZeroDivisionError("our own mistake")
    return item.upper()


def _start(scratch: Path) -> Callable[[tuple[str, ...]], Sequence[str]]:
    (scratch / "cache").mkdir()
    return lambda items: [_act(item) for item in items]


def _run(jobs: dict[int, list[str]], limits: Limits, workers: int = 2) -> dict[object, list[str | Death]]:
    results = {}
    with Pool[str, str](partial(_start), workers, limits) as pool:
        for key, items in jobs.items():
            pool.submit(key, items)
        while pool.unfinished:
            results.update(dict(pool.completed(timeout=10)))
    return results


def test_outcomes_come_back_in_the_order_of_their_items():
    results = _run({0: ["a", "b"], 1: ["c"], 2: ["d", "e", "f"]}, Limits())
    assert results == {0: ["A", "B"], 1: ["C"], 2: ["D", "E", "F"]}


def test_a_segfault_costs_only_the_item_that_caused_it():
    results = _run({0: ["a", "b", "segfault", "c", "d"], 1: ["e"]}, Limits())
    assert results[0] == ["A", "B", Death(hang=False, reason="killed by SIGSEGV"), "C", "D"]
    assert results[1] == ["E"]


def test_a_hang_is_ended_at_the_limit_and_named():
    results = _run({0: ["a", "hang"]}, Limits(job_seconds=1.0, item_seconds=0.2, startup_seconds=1.0))
    assert results[0] == ["A", Death(hang=True, reason="no end within the time limit")]


def test_a_worker_may_not_take_more_memory_than_its_limit():
    with pytest.raises(WorkerError, match="MemoryError"):
        _run({0: ["memory"]}, Limits(memory_bytes=10**9))


def test_a_failure_of_our_own_code_is_raised_with_its_traceback():
    with pytest.raises(WorkerError, match="our own mistake"):
        _run({0: ["a", "bug"]}, Limits())


def test_replaced_workers_go_on_with_the_work():
    results = _run({key: [str(key)] for key in range(7)}, Limits(jobs_per_worker=2), workers=1)
    assert results == {key: [str(key)] for key in range(7)}


def test_no_scratch_folder_and_no_process_is_left_behind():
    with Pool[str, str](partial(_start), 1) as pool:
        pool.submit(0, ["a"])
        while pool.unfinished:
            pool.completed(timeout=10)
        root, pids = pool._root, [worker.process.pid for worker in pool._live]
        assert root.exists()
    assert not root.exists()
    assert not any(Path(f"/proc/{pid}/status").exists() for pid in pids)
