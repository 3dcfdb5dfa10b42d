"""The lines of generated code behind a wrong result: a minimised kernel has few, so these are near the fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from extractor.compiling import Compiled, compile_batch
from extractor.warp_setup import open_workspace
from fuzzer.bug_report.claim import side_at_fault
from oracle.observation import Verdict
from oracle.pool import Death, Limits, Pool
from oracle.reduce.accuser import GRADIENT
from oracle.reduce.minimal import CUDA, Minimal
from oracle.rerun import Case

MOST_LINES = 30
"""More lines than these are no hint."""

PATIENT = Limits(job_seconds=600.0, startup_seconds=600.0)
"""For one compilation, on a machine that may be busy."""

_STATEMENT = re.compile(r"^\s*// (?:adj: )?(?P<python>.*?)\s+<L (?P<line>\d+)>$")
_SAYS_NOTHING = re.compile(r"^\s*(return;|// (adj: )?def .*)?$")
_PTX_LINE = re.compile(r"PTX line (\d+)")
_AROUND = 3


@dataclass(frozen=True)
class Texts:
    """What Warp made of a kernel, all empty where it made nothing: C++, CUDA C++, and the module's PTX."""

    cpp_forward: str = ""
    cpp_backward: str = ""
    cuda_forward: str = ""
    cuda_backward: str = ""
    ptx: str = ""


@dataclass(frozen=True)
class Excerpt:
    """Some lines of generated code: their `language` as a Markdown fence names it, and what they are."""

    title: str
    language: str
    lines: str


def texts_of(case: Case) -> Texts:
    """Return what the installed Warp makes of a case's kernel, compiled in a process of its own."""
    with Pool(_start, workers=1, limits=PATIENT) as pool:
        pool.submit("", [case])
        while True:
            for _, (found,) in pool.completed(timeout=1.0):
                return Texts() if isinstance(found, Death) else found


def _start(scratch: Path) -> Callable[[tuple[Case, ...]], Sequence[Texts]]:
    """Start Warp in this process and return the function that compiles cases."""
    workspace = open_workspace(scratch).__enter__()

    def compile_all(cases: tuple[Case, ...]) -> list[Texts]:
        found = []
        for case in cases:
            with compile_batch([case.source], replace(case.options, targets=("cpu", "cuda")), workspace) as batch:
                result = batch.results[0]
                if isinstance(result, Compiled):
                    made = result.artifacts
                    texts = (made.cpp_forward, made.cpp_backward, made.cuda_forward, made.cuda_backward)
                    found.append(Texts(*texts, result.ptx.text))
                else:
                    found.append(Texts())
        return found

    return compile_all


def excerpt(minimal: Minimal, texts: Texts) -> Excerpt | None:
    """Return the lines that a report shows, None where nothing tells which they are.

    They are those around the PTX line that the sanitizer names; of a compiler's message the message itself, which
    quotes them; and of a wrong value the statements that lead to it, of the target at fault and the direction.
    """
    verdict = minimal.accuser.verdict
    if verdict is Verdict.COMPILE_ERROR:
        return Excerpt("What the compiler says", "", minimal.reason.strip()) if minimal.reason else None
    named = _PTX_LINE.search(minimal.reason)
    if named is not None and texts.ptx:
        return Excerpt(f"PTX around line {named[1]}", "", _around(texts.ptx, int(named[1])))
    if verdict is not Verdict.MISMATCH or minimal.peer is not None:
        return None
    cuda, backward = side_at_fault(minimal) == CUDA, minimal.accuser.direction == GRADIENT
    name = f"{'cuda' if cuda else 'cpp'}_{'backward' if backward else 'forward'}"
    lines = _statements(getattr(texts, name), backward)
    if not lines or len(lines) > MOST_LINES:
        return None
    language = "CUDA C++" if cuda else "C++"
    return Excerpt(f"{language}, {'the reverse pass' if backward else 'forward'}", "cpp", "\n".join(lines))


def _around(ptx: str, line: int) -> str:
    lines = ptx.splitlines()
    first = max(line - 1 - _AROUND, 0)
    return "\n".join(f"{number}: {text}" for number, text in enumerate(lines[first : line + _AROUND], start=first + 1))


def _statements(text: str, backward: bool) -> list[str]:
    """Return the kernel's statements in generated code, each under the Python that it comes from.

    Functions come first and the kernel last. A backward pass repeats the forward one before it reverses it.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _STATEMENT.match(line)]
    starts = [number for number in starts if ("// adj: " in lines[number]) is backward]
    if not starts:
        return []
    first = starts[0]
    for before, after in pairwise(starts):
        if any(line.startswith("}") for line in lines[before:after]):
            first = after  # another function begins
    end = next((number for number in range(starts[-1], len(lines)) if lines[number].startswith("}")), len(lines))
    return [_plain(line) for line in lines[first:end] if not _SAYS_NOTHING.match(line)]


def _plain(line: str) -> str:
    """Return a line without the blanks before the number of the Python line, and the indentation that all have."""
    return re.sub(r"\s+<L (\d+)>$", r"  (line \1)", line.removeprefix("    ").removeprefix("    "))
