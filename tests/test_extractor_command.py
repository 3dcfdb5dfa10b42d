"""`python -m extractor` shows what Warp makes of anyone's kernels, and says in one line why it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from handwritten import BODIES

ROOT = Path(__file__).parents[1]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "extractor", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def kernel_file(tmp_path: Path) -> Path:
    path = tmp_path / "falling_bodies.py"
    path.write_text(BODIES.source)
    return path


def test_every_target_gets_its_files(kernel_file, tmp_path):
    done = run(kernel_file, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "which runs its code" in done.stderr
    files = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    suffixes = ("backward.cpp", "backward.cu", "forward.cpp", "forward.cu", "ptx")
    assert sorted(files) == [f"simulate.{suffix}" for suffix in suffixes]
    assert "adj_energy_0(" in files["simulate.backward.cu"]
    assert ".visible .entry simulate_cuda_kernel_forward(" in files["simulate.ptx"]
    assert done.stdout.split() == [str(tmp_path / "out" / f"simulate.{each}") for each in _as_written(suffixes)]


def _as_written(suffixes: tuple[str, ...]) -> list[str]:
    return sorted(suffixes, key=lambda each: (each == "ptx", each.endswith("cu"), each.startswith("backward")))


def test_one_target_goes_to_standard_output(kernel_file):
    done = run(kernel_file, "--target", "cpu")
    assert done.returncode == 0, done.stderr
    assert "---- simulate.forward.cpp" in done.stdout
    assert "__global__" not in done.stdout


def test_a_kernel_that_does_not_compile_is_exit_code_1(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(BODIES.source.replace("wp.sqrt(total)", "wp.sqrt(nowhere)"))
    done = run(path)
    assert done.returncode == 1
    assert "does not compile for cuda" in done.stderr and "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "arguments", "reason"),
    [
        ("import nothing_of_this_name\n", (), "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("VALUE = 1\n", (), "defines no kernel"),
        ("VALUE = 1\n", ("--target", "cpu,gpu"), "no such target: 'gpu'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(tmp_path, source, arguments, reason):
    path = tmp_path / "module.py"
    path.write_text(source)
    done = run(path, *arguments)
    assert done.returncode == 2
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    done = run(tmp_path / "missing.py")
    assert done.returncode == 2
    assert "missing.py cannot be imported: FileNotFoundError" in done.stderr.splitlines()[-1]
