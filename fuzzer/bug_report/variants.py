"""The nearest thing to a failing script that works: the kernel written otherwise, or compiled under another option.

Each candidate is the script with one change that must not change what it computes, run in a fresh process. The first
that passes is a workaround for the user, and for a maintainer a hint at the cause.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fuzzer.bug_report.running import Ending, Run
from fuzzer.bug_report.script import settings_line, with_source
from grammar.recogniser import accept
from oracle.observation import Verdict
from oracle.peers.options import OPTIONS
from oracle.peers.rewrites.table import REWRITES, rewrite
from oracle.reduce.minimal import Minimal

MOST_TRIED = 8
"""Candidates that are tried; each is a process that compiles."""

ORDER = (
    "expression named",
    "update expanded",
    "doubled by adding",
    "operands swapped",
    "condition inverted",
    "comparison mirrored",
    "extremes swapped",
    "statements exchanged",
    "loop with while",
    "loop unrolled",
    "expression hoisted",
    "store hoisted",
    "variable renamed",
)
"""Rewrites that keep a kernel's arguments, by how little they change."""


@dataclass(frozen=True)
class Variant:
    """What works: what was done, in words, and the lines that differ, as a diff."""

    what: str
    difference: str


def nearest_variant(minimal: Minimal, script: str, run: Callable[[str], Run]) -> Variant | None:
    """Return the first change with which the script passes, None if none of those tried makes it pass."""
    for number, (what, text) in enumerate(_candidates(minimal, script)):
        if number == MOST_TRIED:
            break
        if run(text).ending is Ending.PASSES:
            return Variant(what, _difference(script, text))
    return None


def _candidates(minimal: Minimal, script: str) -> Iterator[tuple[str, str]]:
    """Yield changes of the script: options that are known to help first."""
    helping = list(minimal.standing.options or ()) if minimal.standing else []
    if minimal.accuser.verdict is Verdict.COMPILE_ERROR and minimal.case.options.backward:
        helping.append("backward off")
    for option in dict.fromkeys(helping):
        line = settings_line(OPTIONS[option].settings)
        if "wp.set_module_options" not in script and line:
            yield f"`{line}`", script.replace("import warp as wp\n", f"import warp as wp\n\n{line}\n", 1)
    source = minimal.case.source
    for name in ORDER:
        assert name in REWRITES, name
        other = rewrite(source, random.Random(0), (name,))
        if other is not None and not other.added and not other.moved and accept(other.source) is None:
            text = with_source(script, source, other.source)
            if text is not None and text != script:
                yield f"the kernel rewritten ({name})", text


def _difference(one: str, other: str) -> str:
    lines = difflib.unified_diff(one.splitlines(), other.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
