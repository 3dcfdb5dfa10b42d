"""The folder tree is the architecture: which room may import which, and where Warp's private API is touched."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("grammar", "extractor", "oracle", "fuzzer")
PRIVATE_API = {
    "grammar/registry.py": "the registry of built-ins",
    "extractor/branches.py": "probes in the code generator",
    "extractor/expression_types.py": "the types of a source's expressions",
    "extractor/shared_codegen.py": "one translation for both targets",
    "extractor/warp_internals.py": "names of kernels, unloading of modules",
    "oracle/cpu_object.py": "loading a changed object file",
}
"""The only modules that touch `warp._src`, one per concern."""

SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_never_reaches_to_its_right(path):
    room = ROOMS.index(path.relative_to(ROOT).parts[0])
    reached = {name.partition(".")[0] for name in _imports(path)} & set(ROOMS[room + 1 :])
    assert not reached


def test_the_emulator_stands_alone():
    for path in (ROOT / "oracle" / "ptx").glob("*.py"):
        names = {name.partition(".")[0] for name in _imports(path) if not name.startswith("oracle.ptx")}
        assert not names & {"warp", "oracle", *ROOMS}, path.name


def test_warps_private_api_is_touched_in_these_modules_only():
    touching = {str(path.relative_to(ROOT)) for path in SOURCES if "warp._src" in path.read_text()}
    assert touching == set(PRIVATE_API)


def test_every_module_opens_with_what_it_is_for():
    for path in SOURCES:
        assert (ast.get_docstring(ast.parse(path.read_text())) or "").strip(), path
