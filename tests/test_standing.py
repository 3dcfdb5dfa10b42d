"""Accusations are examined in fresh processes: what stands, what is flaky, who is at fault, and which thread did it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar.kernel import Argument
from oracle.backends import cpu, emulator
from oracle.evidence import thread_of
from oracle.examine import LIMITS, Accusation, Examination, Step
from oracle.inputs import Inputs, make_inputs
from oracle.judge import DIRECTIONS, Backend, Judge
from oracle.observation import Observation, Verdict
from oracle.peers.options import OPTIONS
from oracle.pool import Death, Pool
from oracle.probes import Answer, Probe, Prober, What, start_worker
from oracle.rerun import Case
from oracle.standing import Standing
from oracle.standing_text import headline, paragraphs

SHIFT = """import warp as wp


@wp.kernel
def shift(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[7 - i] = x[i] + 1.0
"""

ERFINV = """import warp as wp


@wp.kernel
def inverse(z: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = wp.erfinv(z[i] * 1.0e-30)
"""
"""Warp's erfinv for the cpu gives 0 for such small arguments (see corpus/findings/erfinv-small-arguments)."""

DIVISION = """import warp as wp


@wp.kernel
def quotient(x: wp.array(dtype=wp.int32), out: wp.array(dtype=wp.int32)):
    i = wp.tid()
    out[i] = 7 // x[i]
"""

SVD = """import warp as wp


@wp.kernel
def singular(a: wp.array(dtype=wp.types.matrix(shape=(3, 3), dtype=wp.bfloat16)), out: wp.array(dtype=wp.bfloat16)):
    i = wp.tid()
    u, s, v = wp.svd3(a[i])
    out[i] = s[0]
"""

BLOCKS = """import warp as wp


@wp.kernel
def blocks(out: wp.array(dtype=int), most: wp.array(dtype=int)):
    i, lane = wp.tid()
    out[i * 32 + lane] = i
    wp.atomic_max(most, 0, 95 - i * 32 - lane)
"""
"""Launched with blocks of 32 threads, of which the launch index knows the block."""

THREADS = {
    1: """import warp as wp


@wp.kernel
def one(first: wp.array(dtype=int)):
    i = wp.tid()
    first[first.shape[0] - 1 - i] = i
""",
    2: """import warp as wp


@wp.kernel
def two(first: wp.array2d(dtype=int), second: wp.array2d(dtype=int)):
    i, j = wp.tid()
    first[i, first.shape[1] - 1 - j] = i
    second[i, first.shape[1] - 1 - j] = j
""",
    3: """import warp as wp


@wp.kernel
def three(first: wp.array3d(dtype=int), second: wp.array3d(dtype=int), third: wp.array3d(dtype=int)):
    i, j, k = wp.tid()
    first[first.shape[0] - 1 - i, j, k] = i
    second[first.shape[0] - 1 - i, j, k] = j
    third[first.shape[0] - 1 - i, j, k] = k
""",
}
"""Kernels that store the launch index of the thread, one part of it in each array, at an element that is another's."""

PARTS = ("first", "second", "third")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("warp")) as opened:
        yield opened


@pytest.fixture(scope="module")
def threads(workspace: Workspace) -> Iterator[dict[int, Compiled]]:
    with compile_batch(list(THREADS.values()), CompileOptions(backward=False), workspace) as batch:
        assert all(isinstance(result, Compiled) for result in batch.results)
        yield dict(zip(THREADS, batch.results, strict=True))


@dataclass
class Fault:
    """A back end that adds a number to an element of `out` after its launch: the next of these numbers."""

    backend: Backend
    added: Iterator[float]

    def run(self, compiled: Compiled, dims: Sequence[int], inputs: Inputs, backward: bool) -> Observation:
        seen = self.backend.run(compiled, dims, inputs, backward)
        seen.values["out"][3] += next(self.added)
        return seen


@dataclass(frozen=True)
class Traced:
    """The emulator, asked for the threads that stored."""

    run = staticmethod(partial(emulator.run, authors=True))


def case(
    source: str, *arguments: Argument, dims: tuple[int, ...] = (8,), options: CompileOptions | None = None
) -> Case:
    return Case(
        source, options or CompileOptions(backward=False), (77,), dims, [argument.to_json() for argument in arguments]
    )


def array(name: str, written: bool = False, **more: object) -> Argument:
    return Argument(name, (8,), written=written, **more)  # type: ignore[arg-type]


SHIFTED = case(SHIFT, array("x", fill="whole"), array("out", written=True))


def examined_here(accusation: Accusation, workspace: Workspace, on_cpu: Backend, on_cuda: Backend) -> Standing:
    """Answer all probes in this process, which is quick and lets back ends be wrong on purpose."""
    judge = Judge(on_cpu, on_cuda, "emulator", DIRECTIONS)
    prober = Prober(workspace, judge, {"cpu": on_cpu, "cuda": on_cuda}, "emulator")
    examination = Examination(accusation)
    while probes := examination.next_round():
        examination.answers |= {step: prober.answer(probe) for step, probe in probes.items() if _quick(step)}
        examination.answers |= {step: Answer() for step in probes if not _quick(step)}
    return examination.standing()


def examined_in_processes(accusation: Accusation, steps: Sequence[Step]) -> Standing:
    """Answer some of the probes in processes of their own, as an examiner does."""
    examination = Examination(accusation)
    with Pool(partial(start_worker, "emulator"), workers=2, limits=LIMITS) as pool:
        for step in steps:
            pool.submit(step, [Probe(step.what, accusation.case)])
        while pool.unfinished:
            examination.answers |= {step: outcome for step, (outcome,) in pool.completed(timeout=1.0)}
    return examination.standing()


def _quick(step: Step) -> bool:
    return step.what is not What.OPTIONS


def test_a_planted_fault_stands_and_the_reference_names_its_target(workspace):
    always = iter(lambda: 64.0, None)
    found = examined_here(Accusation(SHIFTED, Verdict.MISMATCH), workspace, cpu, Fault(Traced(), always))
    assert not found.flaky and not found.doubts
    assert found.wrong == "cuda"
    assert found.accusing == found.tried == 4
    assert [opinion.oracle for opinion in found.oracles] == ["cpu against cuda", "reference"]
    element = found.element
    assert element is not None and str(element) == "out[3]"
    assert element.cpu == element.reference != element.cuda
    assert element.thread is not None and element.thread.launch_index == (4,)


def test_what_both_targets_do_alike_and_the_reference_does_not_is_blamed_on_both(workspace):
    one, other = (Fault(backend, iter(lambda: 64.0, None)) for backend in (cpu, Traced()))
    found = examined_here(Accusation(SHIFTED, Verdict.MISMATCH), workspace, one, other)
    assert found.wrong == "both"
    assert found.element is not None
    assert found.element.cpu == found.element.cuda != found.element.reference != ""
    assert "on both targets" in headline(found, "")


def test_a_back_end_that_alternates_makes_the_finding_flaky(workspace):
    alternating = (64.0 * (number % 2) for number in count())
    found = examined_here(Accusation(SHIFTED, Verdict.MISMATCH), workspace, cpu, Fault(Traced(), alternating))
    assert found.flaky and "the target cuda does not repeat itself on the same inputs" in found.doubts
    assert found.alone["cuda"].repeats is False and found.alone["cpu"].repeats is True
    assert "**Flaky**" in dict(paragraphs(found))["Same inputs again"]


def test_an_accusation_that_nothing_repeats_is_flaky(workspace):
    found = examined_here(Accusation(SHIFTED, Verdict.MISMATCH), workspace, cpu, Traced())
    assert found.flaky and "judged match, match" in found.doubts[0]
    assert found.element is None and found.accusing == 0
    assert not examined_here(Accusation(SHIFTED), workspace, cpu, Traced()).flaky  # nothing was lost, nothing accuses


def test_a_compile_error_names_the_target_whose_compiler_refuses(workspace):
    accusation = Accusation(case(SVD, array("a"), array("out", written=True)), Verdict.COMPILE_ERROR)
    found = examined_here(accusation, workspace, cpu, emulator)
    assert (found.wrong, found.flaky) == ("cuda", False)
    assert found.alone["cuda"].verdict is Verdict.COMPILE_ERROR and found.alone["cpu"].verdict is None


def test_a_crash_names_its_target_and_the_signal():
    zeros = Argument("x", (8,), ranges={"": (0, 0)})
    accusation = Accusation(case(DIVISION, zeros, array("out", written=True)), Verdict.CRASH)
    wanted = [Step(What.JUDGE, 0), Step(What.CPU, 0), Step(What.CUDA, 0), Step(What.COMPILE_CPU)]
    found = examined_in_processes(accusation, wanted)
    assert found.wrong == "cpu" and [opinion.oracle for opinion in found.oracles] == ["crash of the process"]
    assert found.alone["cpu"].reason == "killed by SIGFPE in the launch"
    assert found.alone["cuda"].verdict is None
    assert headline(found, "killed by SIGFPE") == "the cpu target: killed by SIGFPE"


def test_options_that_keep_a_crashing_target_alive_make_the_crash_go_away():
    examination = Examination(Accusation(SHIFTED, Verdict.CRASH))
    death = Death(hang=False, reason="killed by SIGSEGV")
    deadly = (What.JUDGE, What.CPU)
    for _ in range(2):
        examination.answers |= {
            step: death if step.what in deadly and step.which != "debug" else Answer()
            for step in examination.next_round()
        }
    assert not examination.next_round()
    tried = {step.which for step in examination.answers if step.which in OPTIONS}
    assert tried == {name for name, option in OPTIONS.items() if "cpu" in option.targets}
    found = examination.standing()
    assert found.options == ("debug",) and found.wrong == "cpu" and not found.flaky


def test_a_mismatch_of_warps_own_stands_in_processes_of_its_own():
    accusation = Accusation(case(ERFINV, array("z"), array("out", written=True)), Verdict.MISMATCH)
    wanted = [Step(what, number) for what in (What.JUDGE, What.CPU, What.CUDA) for number in range(2)]
    found = examined_in_processes(accusation, wanted)
    assert not found.flaky
    assert [one.repeats for one in found.alone.values()] == [True, True]
    assert found.element is not None and found.element.thread is not None
    assert found.element.thread.launch_index == found.element.index
    assert "0x00000000 (0.0)" in (found.element.cpu, found.element.cuda)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple))
@settings(deadline=None, max_examples=25)
def test_the_thread_that_is_named_is_the_one_that_stored_the_element(threads, dims):
    compiled = threads[len(dims)]
    arguments = [Argument(part, dims, written=True) for part in PARTS[: len(dims)]]
    inputs = make_inputs(compiled.kernel, arguments, 0)
    seen = emulator.run(compiled, dims, inputs, backward=False, authors=True)
    for number, part in enumerate(PARTS[: len(dims)]):
        for index in np.ndindex(*dims):
            named = thread_of(int(seen.writers[part][index]), dims, 0)
            assert named.launch_index[number] == seen.values[part][index]


def test_threads_are_counted_on_where_blocks_run_one_after_another(threads):
    dims = (40_000,)  # more than the emulator runs together
    inputs = make_inputs(threads[1].kernel, [Argument("first", dims, written=True)], 0)
    seen = emulator.run(threads[1], dims, inputs, backward=False, authors=True)
    assert np.array_equal(seen.writers["first"], seen.values["first"])


def test_threads_of_tiles_stand_in_their_blocks_and_the_last_atomic_that_changed_something_counts(workspace):
    options = CompileOptions(backward=False).for_blocks_of(32)
    with compile_batch([BLOCKS], options, workspace) as batch:
        (compiled,) = batch.results
        assert isinstance(compiled, Compiled)
        arguments = [Argument("out", (96,), written=True), Argument("most", (2,), ranges={"": (40, 40)}, written=True)]
        seen = emulator.run(compiled, (3,), make_inputs(compiled.kernel, arguments, 0), backward=False, authors=True)
    named = [thread_of(int(author), (3,), 32) for author in seen.writers["out"]]
    assert [thread.launch_index for thread in named] == [(int(block),) for block in seen.values["out"]]
    assert [32 * thread.block + thread.thread for thread in named] == list(range(96))
    assert seen.writers["most"].tolist() == [0, -1]  # the others found a greater value there
