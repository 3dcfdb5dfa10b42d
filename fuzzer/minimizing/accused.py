"""Who accuses a kernel of what, on which inputs: asked several times, for only what stands can be minimised."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from fuzzer.findings import REDUCED
from grammar.errors import UserError
from grammar.recogniser import accept
from oracle.check_kernel import DEFAULT_SEEDS, FINDING, KERNEL, case_of
from oracle.opinions import Stance
from oracle.peers.peer import Peer, Rewritten, every_peer
from oracle.peers.rewrites.table import REWRITES
from oracle.pool import Death, Limits, Pool
from oracle.reduce.accuser import Accuser, accuser_of
from oracle.reduce.asking import Question, Reply, start_worker
from oracle.rerun import Case

REPEATS = 3
"""How often the accusation is asked for before it is minimised, each time in a process of its own."""

LIMITS = Limits(job_seconds=90.0, item_seconds=20.0, jobs_per_worker=1)

PEERS_SECONDS = 600.0
"""What all peers may take besides."""


@dataclass(frozen=True)
class Accused:
    """A kernel of one input seed with everything said, and who accuses it. `original` is what it was found as.

    `origin` says how it was made, as far as that is known.
    """

    case: Case
    original: Case
    accuser: Accuser
    peer: Peer | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path, seed: int) -> tuple[list[Case], Mapping[str, Any]]:
    """Return the cases that a path holds, the reduced one first, each for all its seeds; and the finding's data.

    Raises UserError for what cannot be read, and for a source outside the grammar.
    """
    original = case_of(path / KERNEL if path.is_dir() else path, DEFAULT_SEEDS, seed)
    finding = path / FINDING
    if not path.is_dir() or not finding.is_file():
        return [original], {}
    data = json.loads(finding.read_text(encoding="utf-8"))
    reduced = path / REDUCED
    if not reduced.is_file() or not data.get("reduced"):
        return [original], data
    return [_reduced(original, reduced.read_text(encoding="utf-8"), data["reduced"]), original], data


def _reduced(original: Case, source: str, data: Mapping[str, Any]) -> Case:
    """Return the case of a finding's reduced kernel; raises UserError for one outside the grammar."""
    rejection = accept(source)
    if rejection is not None:
        raise UserError(f"{REDUCED}:{rejection} (outside the grammar, so nothing of it was executed)")
    options = replace(original.options, backward=bool(data["backward"]), cuda_level=int(data["cuda_level"]))
    return replace(
        original,
        source=source,
        options=options,
        input_seeds=(int(data["input_seed"]),),
        dims=tuple(data["launch_dims"]),
        arguments=list(data["arguments"]),
        given=None,
    )


def accused_at(path: Path, cuda: str, workers: int, seed: int) -> Accused:
    """Return who accuses the kernel at a path; raises UserError where nobody does, or not every time."""
    cases, data = read(path, seed)
    with Pool(partial(start_worker, cuda), workers, LIMITS) as pool:
        for case in cases:
            found = _accused(case, cuda, pool)
            if found is not None:
                told = explained(found, pool)
                return replace(
                    told, original=replace(cases[-1], input_seeds=told.case.input_seeds), origin=_origin(data)
                )
    seeds = ", ".join(map(str, cases[-1].input_seeds))
    raise UserError(f"{path}: nobody accuses it on the inputs of the seeds {seeds}: there is nothing to minimise")


def _origin(data: Mapping[str, Any]) -> dict[str, Any]:
    return dict(data.get("origin") or {})


def _accused(case: Case, cuda: str, pool: Pool[Question, Reply]) -> Accused | None:
    """Ask without peers on one seed after another, then with all of them on the first; None if nobody accuses."""
    seeds = case.input_seeds
    peers = every_peer(seeds[0], blocks=not case.options.tiled and cuda == "emulator")
    tries: list[tuple[Sequence[int], tuple[Peer, ...]]] = [(seeds[:1], ()), (seeds[1:], ()), (seeds[:1], peers)]
    for some, asked in tries:
        questions = [Question(replace(case, input_seeds=(one,)), asked) for one in some]
        for question, outcome in zip(questions, ask(pool, questions, PEERS_SECONDS if asked else 0.0), strict=True):
            accuser = accuser_of(outcome if isinstance(outcome, Death) else outcome.answer)
            if accuser is not None:
                peer = accusing_peer(outcome, asked)
                said = question.case if isinstance(outcome, Death) else outcome.case
                return Accused(said, case, accuser, peer)
    return None


def ask(pool: Pool[Question, Reply], questions: Sequence[Question], seconds: float = 0.0) -> list[Reply | Death]:
    """Put questions, each to a process of its own, and wait for the answers."""
    for number, question in enumerate(questions):
        pool.submit(number, [question], seconds)
    found: dict[object, Reply | Death] = {}
    while pool.unfinished:
        found |= {number: outcome for number, (outcome,) in pool.completed(timeout=1.0)}
    return [found[number] for number in range(len(questions))]


def accusing_peer(outcome: Reply | Death, peers: Sequence[Peer]) -> Peer | None:
    """Return the peer that accuses, with those rewrites alone that it made; None if no peer does."""
    if isinstance(outcome, Death) or not outcome.answer.by_peers:
        return None
    name = next(one.oracle for one in outcome.answer.opinions if one.stance is Stance.ACCUSES)
    rewrites = tuple(name.split(", "))
    for peer in peers:
        if isinstance(peer, Rewritten) and all(one in REWRITES for one in rewrites):
            return replace(peer, only=rewrites)
        if peer.name == name:
            return peer
    return None


def explained(found: Accused, pool: Pool[Question, Reply]) -> Accused:
    """Ask for an accusation again, and return it with everything said that a launch needs.

    Raises UserError for one that is not made every time.
    """
    peers = (found.peer,) if found.peer is not None else ()
    again = ask(pool, [Question(found.case, peers)] * (REPEATS - 1))
    same = [accuser_of(one if isinstance(one, Death) else one.answer) == found.accuser for one in again]
    if not all(same):
        raise UserError(f"the accusation is flaky: it was made {1 + sum(same)} times of {REPEATS} on the same inputs")
    if found.case.given is not None:
        return found
    (said,) = ask(pool, [Question(found.case, judged=False)])
    return found if isinstance(said, Death) else replace(found, case=said.case)
