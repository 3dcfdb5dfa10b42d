"""What a worker is asked of a kernel before it is minimised: who accuses it, and what exactly it is launched with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from extractor.loading import LoadError, forget_source, load_kernel
from extractor.warp_internals import forget_module
from extractor.warp_setup import open_workspace
from oracle.backends import cpu, cuda_backend
from oracle.given import Given
from oracle.handles import default_resources
from oracle.inputs import default_arguments
from oracle.judge import DIRECTIONS, Judge
from oracle.peers.peer import Peer
from oracle.probes import Answer, Probe, Prober, What
from oracle.reduce.races import stores_to_one_element
from oracle.rerun import DEFAULT_DIMS, Case, launch_rank, launches_of

_numbers = count()


@dataclass(frozen=True)
class Question:
    """A case of one input seed to judge, unless not `judged`; a judge who finds no difference asks the `peers`."""

    case: Case
    peers: tuple[Peer, ...] = ()
    judged: bool = True


@dataclass(frozen=True)
class Reply:
    """The case with its dimensions, its arguments and the numbers in them; and what came of it, if it was judged."""

    case: Case
    answer: Answer


def start_worker(cuda: str, scratch: Path) -> Callable[[tuple[Question, ...]], Sequence[Reply]]:
    """Start Warp in this process, compiling under `scratch`, and return the function that answers questions.

    `cuda` is the back end's name, `device` or `emulator`. The pool removes `scratch` when the process has ended.
    """
    workspace = open_workspace(scratch).__enter__()
    backends = {"cpu": cpu, "cuda": cuda_backend(cuda)}
    prober = Prober(workspace, Judge(cpu, backends["cuda"], cuda, DIRECTIONS), backends, cuda)
    return lambda questions: [_reply(prober, question) for question in questions]


def _reply(prober: Prober, question: Question) -> Reply:
    case = explicit(question.case)
    answer = prober.answer(Probe(What.JUDGE, case, question.peers)) if question.judged else Answer()
    return Reply(case, answer)


def explicit(case: Case) -> Case:
    """Return a case of one input seed with all that a launch needs said; without numbers if Warp cannot load it.

    A kernel of which only the source is known, and whose threads would store to one element, gets one thread.

    This executes the source, which the recogniser accepted. Raises KeyError, TypeError or ValueError for arguments that
    do not fit the kernel.
    """
    dims = case.dims or DEFAULT_DIMS[launch_rank(case.source)]
    module = f"warpsmith_explicit_{next(_numbers)}"
    try:
        kernel = load_kernel(case.source, module, module)
        arguments = case.arguments
        if arguments is None:
            found = default_arguments(kernel, dims, default_resources(case.source))
            arguments = [argument.to_json() for argument in found]
        alone = case.dims is None and stores_to_one_element(case.source)
        said = replace(case, dims=(1,) * len(dims) if alone else dims, arguments=arguments)
        if said.given is not None:
            return said
        _, (inputs,) = launches_of(said, kernel)
        return replace(said, given=Given.of(kernel, inputs))
    except LoadError:
        return replace(case, dims=dims, arguments=case.arguments or [])
    finally:
        forget_source(module)
        forget_module(module)
