"""Warp's own tests as judge: run the CUDA variants of its test modules with the emulator standing in for the device.

    python tests/benchmarks/warp_own_tests.py [MODULE...] [--time SECONDS] [--cache FOLDER] [--json FILE] [-k TEXT]
                                             [--sanitize]

MODULE is the name of a module in `warp.tests`, for instance `test_vec` or `tile.test_tile`. Each runs in a process of
its own: the tests for `cuda:0`, and those for no device in particular that launch a kernel there. A test may spend
`--time` seconds in launches, compilation apart; what takes longer, or needs a part of Warp's native library that is no
PTX, is not runnable, and counted with the reason. Python processes that a test starts see the device, too. With
`--sanitize` the emulator's reports are shown for each test.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
from collections import Counter
from pathlib import Path
from typing import Any

import virtual_device

MODULES = [
    "test_operators",
    "test_arithmetic",
    "test_scalar_ops",
    "test_vec",
    "test_vec_lite",
    "test_vec_scalar_ops",
    "test_vec_constructors",
    "test_vec_assign_copy",
    "test_quat",
    "test_quat_assign_copy",
    "test_conditional",
    "test_func",
    "test_struct",
    "test_atomic",
    "test_atomic_bitwise",
    "test_atomic_cas",
    "test_rand",
    "test_grad",
    "test_grad_customs",
    "matrix.test_mat",
    "matrix.test_mat_assign_copy",
    "matrix.test_mat_basics",
    "matrix.test_mat_constructors",
    "matrix.test_mat_elementwise_ops",
    "matrix.test_mat_linalg",
    "matrix.test_mat_lite",
    "tile.test_tile",
    "tile.test_tile_reduce",
    "tile.test_tile_shared_memory",
]

KINDS = ("passed", "failed", "error", "skipped", "not runnable")
MODULE_SECONDS = 3600

SITE = """
import sys
if "-c" in sys.orig_argv:
    sys.path.append({folder!r})
    import virtual_device
    virtual_device.patch()
"""
"""What Python runs at the start of every process that a test starts: those that run `-c` see the virtual device."""


class Result(unittest.TestResult):
    """Prints one line of JSON for each test to `out`."""

    def __init__(self, device: virtual_device.VirtualDevice, seconds: float, out: Any) -> None:
        super().__init__()
        self.device = device
        self.seconds = seconds
        self.out = out

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Give the test its time."""
        super().startTest(test)
        self.device.errors.clear()
        self.device.reports.clear()
        self.device.launches = 0
        self.device.seconds_left = self.seconds
        self.started = time.perf_counter()

    def _report(self, test: unittest.TestCase, kind: str, why: str = "") -> None:
        for error in self.device.errors:
            if isinstance(error, virtual_device.NotOnVirtualDevice | virtual_device.OutOfTime):
                kind, why = "not runnable", str(error)
        if kind == "passed" and self.device.errors:
            kind, why = "error", f"the test swallowed {self.device.errors[0]!r}"
        if not self.device.launches and not _is_cuda_variant(test):
            return
        took = time.perf_counter() - self.started
        emulated = self.seconds - self.device.seconds_left
        line = {"test": test.id(), "kind": kind, "why": why, "seconds": took, "emulated": emulated}
        print(json.dumps(line | {"reports": list(map(str, self.device.reports))}), file=self.out, flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        """See `unittest.TestResult`."""
        self._report(test, "passed")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """See `unittest.TestResult`."""
        self._report(test, "failed", "".join(traceback.format_exception(*err)))

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        """See `unittest.TestResult`; `test` is a stand-in where a class could not be set up."""
        if isinstance(test, unittest.TestCase):
            self._report(test, "error", "".join(traceback.format_exception(*err)))
        else:
            print(json.dumps(_no_test(str(test), str(err[1]))), file=self.out, flush=True)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        """See `unittest.TestResult`."""
        self._report(test, "skipped", reason)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        """See `unittest.TestResult`."""
        if err is not None:
            self._report(subtest, "failed", "".join(traceback.format_exception(*err)))


def _is_cuda_variant(test: unittest.TestCase) -> bool:
    return test.id().endswith("_cuda_0")


def _no_test(name: str, why: str) -> dict[str, Any]:
    """The record of something that went wrong outside of a test."""
    return {"test": name, "kind": "error", "why": why, "seconds": 0.0, "emulated": 0.0, "reports": []}


def run_here(module: str, cache: str, seconds: float, text: str, sanitize: bool, arch: int, out: Any) -> None:
    """Run a module's tests, but those for the cpu, in this process."""
    import warp as wp

    wp.config.kernel_cache_dir = cache
    wp.config.optimization_level = 2
    wp.config.log_level = wp.LOG_WARNING
    device = virtual_device.install(arch)
    device.sanitize = sanitize
    found = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(f"warp.tests.{module}"))
    chosen = [test for test in _flat(found) if not test.id().endswith("_cpu") and text in test.id()]
    unittest.TestSuite(chosen).run(Result(device, seconds, out))


def _flat(suite: Any) -> list[unittest.TestCase]:
    if isinstance(suite, unittest.TestSuite):
        return [test for part in suite for test in _flat(part)]
    return [suite]


def run_apart(module: str, cache: str, arguments: list[str]) -> list[dict[str, Any]]:
    """Run a module's tests in a process of their own: one record for each."""
    with (
        tempfile.NamedTemporaryFile("r") as results,
        tempfile.TemporaryFile("w+") as said,
        tempfile.TemporaryDirectory() as site,
    ):
        Path(site, "sitecustomize.py").write_text(SITE.format(folder=str(Path(__file__).parent)))
        path = os.pathsep.join([site, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, __file__, module, "--cache", cache, "--here", results.name, *arguments]
        try:
            code: object = subprocess.run(
                command,
                stdout=said,
                stderr=said,
                timeout=MODULE_SECONDS,
                check=False,
                env=os.environ | {"PYTHONPATH": path},
            ).returncode
        except subprocess.TimeoutExpired:
            code = f"after {MODULE_SECONDS} s"
        records = [json.loads(line) for line in results.read().splitlines()]
        if code != 0:
            said.seek(0)
            why = f"the process ended with {code}: {said.read()[-500:]}"
            records.append(_no_test(module, why))
    return records


def show(module: str, records: list[dict[str, Any]], seconds: float) -> None:
    """Print a module's figures and what did not pass."""
    kinds = Counter(record["kind"] for record in records)
    figures = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind] or kind == "passed")
    emulated = sum(record["emulated"] for record in records)
    print(f"{module}: {figures} of {len(records)}; {seconds:.0f} s, {emulated:.0f} s of it in launches", flush=True)
    for record in records:
        if record["kind"] != "passed":
            print(f"    {record['kind']}: {record['test'].rpartition('.')[2]}: {_gist(record['why'])}", flush=True)
        for report in record["reports"]:
            print(f"    report: {record['test'].rpartition('.')[2]}: {report}", flush=True)


def _gist(why: str) -> str:
    """The line of a traceback that names the error, the last if errors were raised from one another."""
    last = why.rpartition("Traceback (most recent call last):")[2]
    named = [line for line in last.splitlines() if line.strip() and line[0] != " "]
    return (named or [why])[0][:200]


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=MODULES, metavar="MODULE")
    parser.add_argument("--time", type=float, default=60.0, help="seconds a test may spend in launches (60)")
    parser.add_argument("--cache", help="folder for compiled kernels, kept from run to run")
    parser.add_argument("--json", type=Path, help="where each test's record goes, too, one a line")
    parser.add_argument("-k", default="", help="only tests with this text in their name")
    parser.add_argument("--arch", type=int, default=75, choices=virtual_device.MAX_SHARED, help="the device's (75)")
    parser.add_argument("--sanitize", action="store_true", help="show what the emulator's sanitizer reports")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        with open(options.here, "w") as out:
            run_here(options.modules[0], options.cache, options.time, options.k, options.sanitize, options.arch, out)
        return
    arguments = ["--time", str(options.time), "-k", options.k, "--arch", str(options.arch)]
    arguments += ["--sanitize"] * options.sanitize
    with tempfile.TemporaryDirectory() as folder:
        for module in options.modules:
            start = time.perf_counter()
            records = run_apart(module, options.cache or folder, arguments)
            show(module, records, time.perf_counter() - start)
            if options.json:
                with options.json.open("a") as log:
                    log.writelines(json.dumps({"module": module, **record}) + "\n" for record in records)


if __name__ == "__main__":
    main()
