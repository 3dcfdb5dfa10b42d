"""What Warp's bug report form asks about the system, as the Warp that a script ran on says it itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fuzzer.bug_report.running import run_text

_MARK = "--- versions ---"
_PROGRAM = f"""
import platform

import numpy
import warp as wp

wp.init()
if hasattr(wp, "print_diagnostics"):
    wp.print_diagnostics()
print("{_MARK}")
print("warp", wp.config.version)
print("numpy", numpy.__version__)
print("python", platform.python_version())
print("platform", platform.platform())
if hasattr(wp, "get_cuda_toolkit_version"):
    print("cuda_toolkit", ".".join(map(str, wp.get_cuda_toolkit_version())))
"""


@dataclass(frozen=True)
class System:
    """The output of `wp.print_diagnostics()`, empty where the release has none, and versions by name."""

    diagnostics: str
    versions: Mapping[str, str]


def system_of(python: Path) -> System:
    """Ask the Warp of an interpreter; both parts are empty where it does not start."""
    said, mark, versions = run_text(python, _PROGRAM).output.partition(_MARK)
    if not mark:
        return System("", {})
    lines = [line for line in said.splitlines() if not line.startswith("Warp ")]  # its greeting names folders
    start = next((number for number, line in enumerate(lines) if line == "Software"), len(lines))
    pairs = (line.partition(" ") for line in versions.strip().splitlines())
    return System("\n".join(lines[start:]).strip(), {name: value for name, _, value in pairs})
