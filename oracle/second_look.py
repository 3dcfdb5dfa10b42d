"""A closer look at a kernel that is accused, compiled once more so that the sanitizer sees more and names Python lines.

What the sanitizer saw is looked for again in the same code with line information. A mismatch may come from a variable
that Warp's code reads before anything was assigned to it; optimising compilers leave no trace of that in the PTX, but
in Warp's debug mode every variable has its place, and every index is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace
from oracle.backends import emulator
from oracle.inputs import Inputs
from oracle.judge import Judge, Judgement, sanitizer_reason
from oracle.observation import Verdict
from oracle.ptx.errors import Fault, PtxError
from oracle.ptx.reports import Report


def look_again(
    judgement: Judgement,
    judge: Judge,
    source: str,
    options: CompileOptions,
    workspace: Workspace,
    dims: Sequence[int],
    inputs: Inputs,
) -> Judgement:
    """Return the judgement with what a second look tells; it stands as it is where that tells nothing."""
    if judgement.verdict is Verdict.SANITIZER and not options.line_info:
        with compile_batch([source], replace(options, line_info=True), workspace) as batch:
            again = batch.results[0]
            if isinstance(again, Compiled):
                located = judge.judge(again, dims, inputs, options.backward)
                return located if located.verdict is Verdict.SANITIZER else judgement
    if judgement.verdict is Verdict.MISMATCH and not options.debug:
        with compile_batch([source], replace(options, line_info=True, debug=True), workspace) as batch:
            debugged = batch.results[0]
            reports = _reports(debugged, dims, inputs, options) if isinstance(debugged, Compiled) else ()
        if reports:
            reason = f"{sanitizer_reason(reports)}, in debug mode; in release mode: {judgement.reason}"
            return replace(judgement, verdict=Verdict.SANITIZER, reason=reason)
    return judgement


def _reports(compiled: Compiled, dims: Sequence[int], inputs: Inputs, options: CompileOptions) -> Sequence[Report]:
    try:
        return emulator.run(compiled, dims, inputs, options.backward, definedness=True).reports
    except Fault as fault:
        return fault.reports
    except PtxError:
        return ()
