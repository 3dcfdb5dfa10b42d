"""The kernel's own lines in what the sanitizer says: the kernel is compiled and judged again with line information.

Without it PTX holds a third less text, and nothing of a verdict is lost: only findings are compiled twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace
from oracle.observation import Verdict

if TYPE_CHECKING:
    from oracle.judge import Judgement

_LOADED_SOURCE = re.compile(r"<warpsmith [^>]*>:(\d+)")


def in_kernel(text: str) -> str:
    """Return a report's text with lines of a loaded source as lines of `kernel.py`, which a finding calls it."""
    return _LOADED_SOURCE.sub(r"kernel.py:\1", text)


def with_python_lines(
    judgement: Judgement,
    source: str,
    options: CompileOptions,
    workspace: Workspace,
    judge_again: Callable[[Compiled], Judgement],
) -> Judgement:
    """Return the judgement with Python lines in its reason if it is the sanitizer's.

    `judge_again` judges the same source, compiled anew, on the same inputs. The first judgement stands if the second
    one does not repeat it.
    """
    if judgement.verdict is not Verdict.SANITIZER or options.line_info:
        return judgement
    with compile_batch([source], replace(options, line_info=True), workspace) as batch:
        again = batch.results[0]
        if not isinstance(again, Compiled):
            return judgement
        located = judge_again(again)
    return located if located.verdict is Verdict.SANITIZER else judgement
