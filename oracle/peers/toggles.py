"""Which options make a finding go away: the first thing that whoever looks for its cause wants to know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace
from oracle.inputs import Inputs
from oracle.judge import Judge, Judgement
from oracle.observation import Verdict
from oracle.peers.options import OPTIONS

CONTIGUOUS = "contiguous inputs"


@dataclass(frozen=True)
class Accused:
    """A kernel as it was compiled, launched and found wanting. `inputs` are missing where it did not compile."""

    source: str
    options: CompileOptions
    dims: tuple[int, ...]
    inputs: Inputs | None = None


def options_that_change(accused: Accused, judge: Judge, workspace: Workspace, judgement: Judgement) -> tuple[str, ...]:
    """Return the names of the options under which the kernel, in a module of its own, is judged a match.

    Each is compiled for both targets. None are returned for a kernel that `judgement` does not accuse. The kernel runs
    in this process, as often as there are options: call it in a worker.
    """
    if not judgement.verdict.accuses:
        return ()
    return tuple(name for name, other in _settings(accused) if _matches(other, judge, workspace))


def _settings(accused: Accused) -> Iterator[tuple[str, Accused]]:
    """Yield the kernel under every setting that differs from its own."""
    for name, option in OPTIONS.items():
        options = option.applied(accused.options)
        if options != accused.options:
            yield name, replace(accused, options=options)
    inputs = accused.inputs
    if inputs is not None and any(word != "indexed" for word in inputs.layouts.values()):
        indexed = {path: word for path, word in inputs.layouts.items() if word == "indexed"}
        yield CONTIGUOUS, replace(accused, inputs=replace(inputs, layouts=indexed))


def _matches(accused: Accused, judge: Judge, workspace: Workspace) -> bool:
    """Whether a kernel compiles and, where there are inputs to run it on, both targets agree."""
    with compile_batch([accused.source], accused.options, workspace) as batch:
        compiled = batch.results[0]
        if not isinstance(compiled, Compiled):
            return False
        if accused.inputs is None:
            return True
        judgement = judge.judge(compiled, accused.dims, accused.inputs, accused.options.backward)
        return judgement.verdict is Verdict.MATCH
