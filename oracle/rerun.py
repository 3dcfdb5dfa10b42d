"""What a worker does with kernels that somebody else made: compile them again, run both targets, judge."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import warp as wp

from extractor.compiling import Compiled, CompileFailure, CompileOptions, compile_batch
from extractor.record import Artifacts
from extractor.warp_setup import Workspace, open_workspace
from grammar.kernel import Argument
from grammar.parsing import parsed
from oracle.backends import cpu, cuda_backend
from oracle.given import Given
from oracle.handles import check_resources, default_resources
from oracle.inputs import Inputs, default_arguments, make_inputs
from oracle.judge import DIRECTIONS, Judge, Judgement, weigh
from oracle.observation import Verdict
from oracle.peers.agreement import PeerCase
from oracle.peers.peer import Peer
from oracle.peers.running import PeerRunner
from oracle.second_look import look_again

DEFAULT_DIMS = {1: (64,), 2: (8, 8), 3: (4, 4, 4)}
"""Launch dimensions for a kernel of which only its source is known, by how many it asks for."""


@dataclass(frozen=True)
class Case:
    """One kernel and how to launch it. `source` is accepted by the recogniser: a worker executes it.

    It is run once for each of `input_seeds`. `arguments` are as a record's metadata holds them. Without `dims` and
    `arguments` they are chosen to suit the source. `options` say how many threads a block of tiles has. `peers` are
    asked about the first inputs, if both targets agree on them. What is `given` takes the place of one seed's inputs.
    """

    source: str
    options: CompileOptions
    input_seeds: tuple[int, ...]
    dims: tuple[int, ...] | None = None
    arguments: Sequence[Mapping[str, Any]] | None = None
    peers: tuple[Peer, ...] = ()
    given: Given | None = None


@dataclass(frozen=True)
class Rerun:
    """What became of a case: its artifacts and a judgement per seed, or why it could not run. It ran over `dims`."""

    dims: tuple[int, ...] = ()
    artifacts: Artifacts | None = None
    judgements: tuple[Judgement, ...] = ()
    refusal: str = ""


def start_worker(cuda: str, scratch: Path) -> Callable[[tuple[Case, ...]], Sequence[Rerun]]:
    """Start Warp in this process, compiling under `scratch`, and return the function that reruns cases.

    `cuda` is the back end's name, `device` or `emulator`. The pool removes `scratch` when the process has ended.
    """
    workspace = open_workspace(scratch).__enter__()
    judge = Judge(cpu, cuda_backend(cuda), cuda, DIRECTIONS)
    return lambda cases: rerun(cases, workspace, judge)


def rerun(cases: Sequence[Case], workspace: Workspace, judge: Judge) -> list[Rerun]:
    """Rerun the cases in their order; neighbours that are compiled alike share a batch."""
    outcomes = []
    for options, group in groupby(cases, key=lambda case: case.options):
        alike = list(group)
        with compile_batch([case.source for case in alike], options, workspace) as batch:
            outcomes += [
                _rerun(case, result, workspace, judge) for case, result in zip(alike, batch.results, strict=True)
            ]
    return outcomes


def _rerun(case: Case, result: Compiled | CompileFailure, workspace: Workspace, judge: Judge) -> Rerun:
    if isinstance(result, CompileFailure):
        return Rerun(refusal=f"{result.stage} for {' and '.join(result.targets)}: {result.diagnostic}")
    try:
        dims, inputs = launches_of(case, result.kernel)
    except (KeyError, TypeError, ValueError) as error:
        return Rerun(refusal=f"its arguments do not fit the kernel: {type(error).__name__} {error}")
    judgements = []
    for number, one in enumerate(inputs):
        judgement = judge.judge(result, dims, one, case.options.backward)
        if number == 0 and case.peers and judgement.verdict is Verdict.MATCH:
            seen = judgement.observations
            peer_case = PeerCase(case.source, result, dims, one, seen["cpu"], seen["cuda"])
            runner = PeerRunner(case.options, workspace, judge.cuda)
            judgement = weigh(judgement, [opinion for peer in case.peers for opinion in runner.run([peer_case], peer)])
        judgement = look_again(judgement, judge, case.source, case.options, workspace, dims, one)
        judgements.append(replace(judgement, observations={}))  # nobody needs them, and they would have to travel
    return Rerun(dims, result.artifacts, tuple(judgements))


def launches_of(case: Case, kernel: wp.Kernel) -> tuple[tuple[int, ...], tuple[Inputs, ...]]:
    """Return the launch dimensions, and the inputs for each of the seeds.

    Raises KeyError, TypeError or ValueError for arguments that do not fit the kernel.
    """
    dims = case.dims or DEFAULT_DIMS[launch_rank(case.source)]
    if case.arguments is None:
        arguments = default_arguments(kernel, dims, default_resources(case.source))
    else:
        arguments = tuple(Argument.from_json(argument) for argument in case.arguments)
        check_resources(case.source, arguments)
    drawn = (make_inputs(kernel, arguments, seed) for seed in case.input_seeds)
    return dims, tuple(case.given.applied(kernel, one) if case.given else one for one in drawn)


def launch_rank(source: str) -> int:
    """Return how many launch dimensions a source asks for: the number of names that it unpacks `wp.tid()` into."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            called, target = node.value.func, node.targets[0]
            if isinstance(called, ast.Attribute) and called.attr == "tid" and isinstance(target, ast.Tuple):
                return len(target.elts)
    return 1
