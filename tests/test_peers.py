"""Peers agree with their kernels, accuse what was broken on purpose, and do not cry over rounding."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from extractor.compiling import Compiled, CompileOptions, compile_batch
from extractor.warp_setup import Workspace, open_workspace
from grammar import CATEGORIES, SeededChoices, generate
from grammar.kernel import Argument
from oracle.backends import cpu, emulator
from oracle.inputs import make_inputs
from oracle.nudge import NudgedModule
from oracle.observation import Observation
from oracle.opinions import Opinion, Stance
from oracle.peers.agreement import Agreement, PeerCase
from oracle.peers.layouts import WORDS
from oracle.peers.options import OPTIONS
from oracle.peers.peer import Peer, Recompiled, Relaunched, Rewritten, choose, choose_free
from oracle.peers.rewrites import table
from oracle.peers.rewrites.effects import NO_EFFECTS, Effects
from oracle.peers.rewrites.program import Program
from oracle.peers.running import PeerRunner

COUNT = 24

ROUNDED = """import warp as wp


@wp.kernel
def rounded(x: wp.array(dtype=float), out: wp.array(dtype=float), whole: wp.array(dtype=int)):
    i = wp.tid()
    y = wp.sin(0.7) + wp.exp(1.3) * wp.pow(x[i], 2.0)
    z = wp.erfinv(wp.tanh(x[i]) * 0.9) + wp.pow(wp.abs(x[i]), 0.5)
    out[i] = y * wp.cos(x[i]) + z
    whole[i] = i * 3
"""
"""clang folds `sin(0.7)` and `exp(1.3)`, squares instead of calling `pow`, and inlines `erfinv`."""

SUMMED = """import warp as wp


@wp.struct
class Body:
    mass: float
    at: wp.vec3
    points: wp.array(dtype=wp.vec3)


@wp.func
def weight(body: Body, scale: float):
    return body.mass * scale


@wp.kernel
def summed(n: int, body: Body, x: wp.array(dtype=float), total: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    low = x[i]
    s = low * 2.0
    t = weight(body, 3.0) + body.at[0] * s
    for k in range(3):
        s += x[k] * float(k)
    for k in range(n):
        t += 2.0 * s - x[k]
    if t > s:
        t = t / 2.0
    wp.atomic_add(total, 0, s)
    body.points[i] = body.at * t
    out[i] = t + s
"""

REFUSED = """import warp as wp


@wp.kernel
def refused(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    total = 0.0
    for k in range(4):
        total = total + x[i]
    out[i] = total
"""
"""Only while the loop is unrolled may a variable that began as a literal change."""

X, OUT = Argument("x", (COUNT,)), Argument("out", (COUNT,), written=True)
BODY = (Argument("body"), Argument("body.points", (COUNT,), written=True))
N = Argument("n", (), {"": (2, 6)})
HANDWRITTEN: tuple[tuple[str, tuple[Argument, ...]], ...] = (
    (ROUNDED, (X, OUT, Argument("whole", (COUNT,), written=True))),
    (SUMMED, (N, *BODY, X, Argument("total", (1,), written=True), OUT)),
    (REFUSED, (X, OUT)),
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(tmp_path_factory.mktemp("warp")) as opened:
        yield opened


def case_of(compiled: Compiled, source: str, dims: tuple[int, ...], arguments: tuple[Argument, ...]) -> PeerCase:
    inputs = make_inputs(compiled.kernel, arguments, 40)
    on_cuda = emulator.run(compiled, dims, inputs, backward=True)
    return PeerCase(source, compiled, dims, inputs, cpu.run(compiled, dims, inputs, backward=True), on_cuda)


@pytest.fixture(scope="module")
def cases(workspace: Workspace) -> Iterator[list[PeerCase]]:
    """The handwritten kernels, and a few that the grammar made."""
    generated = [generate(SeededChoices(f"peers/{number}"), CATEGORIES[number]) for number in range(6)]
    sources = [source for source, _ in HANDWRITTEN] + [kernel.source for kernel in generated]
    launches: list[tuple[tuple[int, ...], tuple[Argument, ...]]] = [((COUNT,), args) for _, args in HANDWRITTEN]
    launches += [(kernel.dims, kernel.arguments) for kernel in generated]
    with compile_batch(sources, CompileOptions(), workspace) as batch:
        yield [
            case_of(result, source, dims, arguments)
            for result, source, (dims, arguments) in zip(batch.results, sources, launches, strict=True)
            if isinstance(result, Compiled)
        ]


@pytest.fixture
def runner(workspace: Workspace) -> PeerRunner:
    return PeerRunner(CompileOptions(), workspace)


def stances(opinions: list[Opinion]) -> set[Stance]:
    return {opinion.stance for opinion in opinions}


PEERS: list[Peer] = [
    *(Relaunched(layout=layout) for layout in WORDS),
    Relaunched(max_block=32),
    Recompiled("cpu"),
    *(
        Recompiled(target, name)
        for name, target in [("cpu level 2", "cpu"), ("cuda level 0", "cuda"), ("debug", "cpu")]
    ),
    *(Recompiled("cpu", name) for name in ("max_unroll 0", "max_unroll 64", "backward off")),
    *(Rewritten(seed) for seed in range(4)),
]


@pytest.mark.parametrize("peer", PEERS, ids=[f"{peer.name} {number}" for number, peer in enumerate(PEERS)])
def test_no_peer_accuses_a_kernel_that_is_compiled_right(runner: PeerRunner, cases: list[PeerCase], peer: Peer) -> None:
    opinions = runner.run(cases, peer)
    assert len(opinions) == len(cases) == 9
    assert Stance.ACCUSES not in stances(opinions), [one for one in opinions if one.stance is Stance.ACCUSES]
    assert Stance.AGREES in stances(opinions)
    assert all(opinion.seconds > 0 for opinion in opinions if opinion.stance is Stance.AGREES)


def test_every_rewrite_applies_to_a_handwritten_kernel_and_agrees(runner: PeerRunner, cases: list[PeerCase]) -> None:
    handwritten = cases[:3]
    named = {name: runner.run(handwritten, Rewritten(1, (name,))) for name in table.REWRITES}
    never = {name for name, opinions in named.items() if Stance.AGREES not in stances(opinions)}
    assert never == {"extremes swapped"}  # there is no wp.max of integers in them
    for name, opinions in named.items():
        assert Stance.ACCUSES not in stances(opinions)
        assert {one.reason for one in opinions if one.stance is not Stance.AGREES} <= {"nothing to rewrite"}, name


def test_rounding_in_library_functions_is_explained(cases: list[PeerCase]) -> None:
    case = cases[0]
    module = NudgedModule(case.compiled.kernel, case.compiled.cpu_object)
    opinions = []
    for seed in range(1000, 1006):
        other = module.run(lambda: cpu.run(case.compiled, case.dims, case.inputs, backward=False), seed)[0]
        opinions += [Agreement().rounded("cpu level 2", case, other), Agreement().on_cuda("cuda level 0", case, other)]
    assert stances(opinions) <= {Stance.AGREES, Stance.UNSTABLE} and Stance.AGREES in stances(opinions)
    assert all("library functions called: " in opinion.reason for opinion in opinions)
    assert Agreement().exact("debug", case, other).stance is Stance.ACCUSES  # it calls the same functions


def test_a_refusal_that_the_documentation_announces_is_no_accusation(runner: PeerRunner, cases: list[PeerCase]) -> None:
    (opinion,) = runner.run(cases[2:3], Recompiled("cpu", "max_unroll 0"))
    assert opinion.stance is Stance.DOCUMENTED


def tampered(case: PeerCase, leaf: str, bit: int) -> PeerCase:
    """Return the case with one bit of an element other than both targets left it: as if a peer differed there."""

    def flipped(observation: Observation) -> Observation:
        values = observation.values[leaf].copy()
        bits = values.view(f"u{values.dtype.itemsize}").reshape(-1)
        bits[-1] ^= bits.dtype.type(1 << bit)
        return replace(observation, values={**observation.values, leaf: values})

    assert case.cuda is not None
    return replace(case, cpu=flipped(case.cpu), cuda=flipped(case.cuda))


@pytest.mark.parametrize("peer", PEERS, ids=[f"{peer.name} {number}" for number, peer in enumerate(PEERS)])
def test_every_peer_accuses_a_single_flipped_bit(runner: PeerRunner, cases: list[PeerCase], peer: Peer) -> None:
    opinions = runner.run([tampered(cases[0], "whole", 0), tampered(cases[1], "out", 0)], peer)
    assert stances(opinions) <= {Stance.ACCUSES, Stance.NO_OPINION}
    if peer not in (Relaunched(layout="contiguous"), Relaunched(layout="transposed")):  # they lie so already
        assert stances(opinions) == {Stance.ACCUSES}


def test_a_difference_beyond_rounding_is_accused_beside_library_functions(
    runner: PeerRunner, cases: list[PeerCase]
) -> None:
    (opinion,) = runner.run([tampered(cases[0], "out", 14)], Recompiled("cpu", "cpu level 2"))
    assert opinion.stance is Stance.ACCUSES
    assert opinion.reason.startswith(f"out[{COUNT - 1}]: 0x")


def wrong(kind: type[ast.operator], other: type[ast.operator], program: Program) -> Effects | None:
    """Change the first operator of a kind: no rewrite that keeps the meaning."""
    for node in ast.walk(program.kernel):
        if isinstance(node, ast.BinOp) and isinstance(node.op, kind):
            node.op = other()
            return NO_EFFECTS
    return None


@pytest.mark.parametrize(
    ("kind", "other"), [(ast.Add, ast.Sub), (ast.Sub, ast.Add), (ast.Mult, ast.Add), (ast.Div, ast.Mult)]
)
def test_a_wrong_rewrite_is_accused(
    runner: PeerRunner,
    cases: list[PeerCase],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[ast.operator],
    other: type[ast.operator],
) -> None:
    monkeypatch.setattr(table, "REWRITES", {"wrong": lambda program, rng: wrong(kind, other, program)})
    (opinion,) = runner.run(cases[1:2], Rewritten(1, ("wrong",)))
    assert opinion.oracle == "wrong" and opinion.stance is Stance.ACCUSES
    assert " becomes 0x" in opinion.reason


HALF = """import warp as wp


@wp.kernel
def probe(x: wp.array(dtype=wp.float16), out: wp.array(dtype=bool)):
    i = wp.tid()
    out[i] = bool(x[i])
"""
"""clang refuses what Warp makes of it (`bool-of-float16` in the findings)."""


@pytest.mark.parametrize("peer", [Recompiled("cpu", "backward off"), Rewritten(1, ("store hoisted",))])
def test_a_peer_that_the_native_compiler_refuses_accuses(
    runner: PeerRunner, cases: list[PeerCase], peer: Recompiled | Rewritten
) -> None:
    (opinion,) = runner.run([replace(cases[2], source=HALF)], peer)
    assert opinion.stance is Stance.ACCUSES and opinion.reason.startswith("native: ")


def test_the_opinion_of_a_rewritten_kernel_does_not_depend_on_its_batch(
    runner: PeerRunner, cases: list[PeerCase]
) -> None:
    together = runner.run(cases, Rewritten(7))
    (alone,) = runner.run(cases[4:5], Rewritten(7))
    assert (together[4].oracle, together[4].stance, together[4].reason) == (alone.oracle, alone.stance, alone.reason)


def test_the_choice_of_peers_follows_from_the_seed_and_reaches_all() -> None:
    chosen = [choose(3, index) for index in range(600)]
    assert chosen == [choose(3, index) for index in range(600)]
    recompiled = {peer.option for peer in chosen if isinstance(peer, Recompiled)}
    assert recompiled == {"", *OPTIONS}
    assert sum(isinstance(peer, Rewritten) for peer in chosen) > 200
    free = {choose_free(3, index, blocks=True) for index in range(200)}
    assert {peer.layout for peer in free} == {"", *WORDS} and {peer.max_block for peer in free} == {0, 32, 64, 128}
    assert not any(choose_free(3, index, blocks=False).max_block for index in range(200))


def test_the_inputs_of_a_rewritten_kernel_hold_the_added_and_the_moved_values(
    runner: PeerRunner, cases: list[PeerCase]
) -> None:
    (opinion,) = runner.run(cases[1:2], Rewritten(2, ("literal passed", "fields passed", "dead code")))
    assert opinion.stance is Stance.AGREES and opinion.oracle.count(",") == 2
    assert opinion.comparison is not None
    assert {leaf.name for leaf in opinion.comparison.leaves} == {"body.points", "x", "total", "out"}
    assert np.count_nonzero(cases[1].cpu.values["body.points"])
