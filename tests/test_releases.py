"""What the project does differently for a release of Warp that lacks something."""

from __future__ import annotations

import re

import pytest
import warp as wp

from fuzzer.task import Task
from grammar import SeededChoices, coverage, domains, generate, registry, releases

TASK = Task(seed=7, categories=("tile", "vector"), backward=True, emit_ptx=False, cuda="emulator", arch=75)
THREADS = re.compile(r"^    (.+) = wp\.tid\(\)$", re.MULTILINE)


@pytest.mark.parametrize(("version", "release"), [("1.19.0", (1, 19)), ("1.20.0.dev3", (1, 20)), ("2.0", (2, 0))])
def test_a_release_is_the_first_two_numbers_of_a_version(version, release):
    assert releases.release_of(version) == release


@pytest.mark.parametrize("version", ["", "1", "one.two", "1.x"])
def test_what_is_no_version_has_no_release(version):
    with pytest.raises(ValueError):
        releases.release_of(version)


def test_a_kernel_has_lanes_when_it_asks_for_one_index_more_than_its_launch_counts():
    for index in range(40):
        kernel = generate(SeededChoices(f"lanes/{index}"), "tile")
        indices = THREADS.search(kernel.source).group(1).count(",") + 1
        assert kernel.lanes == (indices == len(kernel.dims) + 1)


def test_without_blocks_on_the_cpu_no_kernel_tells_the_threads_of_a_block_apart(monkeypatch):
    usual = [TASK.kernel(index) for index in range(24)]
    monkeypatch.setattr(releases, "has_blocks_on_cpu", lambda: False)
    limited = [TASK.kernel(index) for index in range(24)]
    assert any(kernel.lanes for kernel in usual) and not any(kernel.lanes for kernel in limited)
    for before, after in zip(usual, limited, strict=True):
        assert before.category == after.category
        assert before.lanes or before.source == after.source


def test_without_volumes_on_the_cpu_none_of_their_overloads_is_written(monkeypatch):
    volumes = [one for name in ("volume_sample", "volume_store_f") for one in registry.builtins()[name].overloads]
    assert {coverage.overload_status(one).word for one in volumes} == {"generable"}
    monkeypatch.setattr(releases, "has_volumes_on_cpu", lambda: False)
    assert {coverage.overload_status(one).word for one in volumes} == {"excluded"}


def test_what_the_tables_call_gone_is_gone_from_the_newest_release():
    if releases.release_of(wp.config.version) >= (1, 17):
        assert not set(domains.GONE) & registry.builtin_names()


def test_what_a_release_lacks_is_not_written_for_it(monkeypatch):
    def features():
        kernels = (generate(SeededChoices(f"lacking/{index}"), "arithmetic") for index in range(400))
        return {feature for kernel in kernels for feature in kernel.features}

    assert {"form:function argument", "option:grid_stride"} <= features()
    monkeypatch.setattr(releases, "has_function_arguments", lambda: False)
    monkeypatch.setattr(releases, "has_kernel_option", lambda name: name != "grid_stride")
    assert not {"form:function argument", "option:grid_stride"} & features()
