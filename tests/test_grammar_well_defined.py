"""Warp compiles what the grammar generates, and nothing that C++ leaves undefined happens when it runs.

The kernels are compiled for the cpu with traps where an integer overflows, is divided by zero or shifted too far, and
where a float is converted to an integer that cannot hold it; a trap kills the process that they run in.
"""

from __future__ import annotations

import signal
from pathlib import Path

import libcst as cst
import pytest
from trapping import exit_code

from grammar import CATEGORIES, SeededChoices, generate
from grammar.kernel import Argument, Kernel

PLAIN = [category for category in CATEGORIES if category != "tile"]
"""The categories whose kernels are launched without blocks."""

OVERFLOWING = """
import warp as wp


@wp.kernel
def square(x: wp.array(dtype=int), out: wp.array(dtype=int)):
    i = wp.tid()
    out[i] = x[i] * x[i]
"""


@pytest.mark.parametrize("half", (0, 1))
def test_generated_kernels_compile_and_run_without_undefined_behaviour(half: int, tmp_path: Path):
    kernels = [generate(SeededChoices(("trap", half, index)), PLAIN[index % len(PLAIN)]) for index in range(40)]
    assert exit_code(kernels, tmp_path, range(6)) == 0


def test_a_trap_is_noticed(tmp_path: Path):
    arguments = (Argument("x", (4,), {"": (2**20, 2**20)}), Argument("out", (4,), written=True))
    kernel = Kernel("square", cst.parse_module(OVERFLOWING), "arithmetic", "Squares.", (4,), arguments)
    assert exit_code([kernel], tmp_path, range(1)) == -signal.SIGILL
