"""From the answers to an accused kernel's probes to its standing: what each of them proves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from oracle.compare import Place, compare, hexadecimal
from oracle.observation import Observation, Verdict
from oracle.opinions import Opinion, Stance
from oracle.pool import Death
from oracle.probes import Answer
from oracle.ptx import NOBODY
from oracle.reference.opinion import ORACLE as REFERENCE
from oracle.second_opinions import wrong_target
from oracle.standing import Alone, Element, Sighting, Standing, Thread

Outcome = Answer | Death

PLAIN_BLOCK = 256
"""Threads of a block in a plain launch, as Warp launches it."""

ACCUSERS: Mapping[Verdict, str] = {
    Verdict.MISMATCH: "cpu against cuda",
    Verdict.SANITIZER: "sanitizer",
    Verdict.CRASH: "crash of the process",
    Verdict.HANG: "time limit",
    Verdict.COMPILE_ERROR: "compilers",
}
"""Which oracle gives a verdict that accuses."""


def standing(
    accused: Verdict | None,
    judged: Sequence[Outcome],
    alone: Mapping[str, Sequence[Outcome]],
    compiled: Mapping[str, Outcome],
    others: Iterable[Outcome],
    reference: Outcome | None,
    options: tuple[str, ...] | None,
    block_dim: int,
) -> Standing:
    """Put together what came of an accused kernel's probes.

    `judged` are runs of both targets on the same inputs, `alone` those of one target, `compiled` what became of a
    target that only was compiled, if that was tried; `others` are runs on other inputs. `block_dim` is 0 for a plain
    launch.
    """
    again = tuple(_sighting(outcome) for outcome in judged)
    verdict = accused or again[0].verdict
    runs = {target: _alone(outcomes, compiled.get(target)) for target, outcomes in alone.items()}
    observed = {target: found for target in alone if (found := _observation(alone[target])) is not None}
    place = next((one.place for one in judged if isinstance(one, Answer) and one.place is not None), None)
    element = _element(place, observed, reference, _dims(judged), block_dim)
    wrong, witness = _wrong_target(verdict, runs, judged)
    return Standing(
        accused=accused,
        again=again,
        alone=runs,
        others=Counter(_verdict(outcome) or Verdict.MATCH for outcome in others),
        oracles=_accusers(verdict, judged),
        wrong=wrong,
        witness=witness,
        options=options if verdict.accuses and not _by_peers(judged) else None,
        element=element,
        thread=_reported_thread(alone.get("cuda", ()), block_dim) or (element.thread if element else None),
    )


def _verdict(outcome: Outcome) -> Verdict | None:
    if isinstance(outcome, Death):
        return Verdict.HANG if outcome.hang else Verdict.CRASH
    return outcome.verdict


def _sighting(outcome: Outcome) -> Sighting:
    place = outcome.place if isinstance(outcome, Answer) else None
    return Sighting(_verdict(outcome) or Verdict.MATCH, outcome.reason, _shown(place) if place else "")


def _shown(place: Place) -> str:
    return f"{place[0]}[{', '.join(str(i) for i in place[1])}]"


def _accusers(verdict: Verdict, judged: Sequence[Outcome]) -> tuple[Opinion, ...]:
    """Return the oracle behind the verdict, with the reason that it gave first, and those that accuse besides.

    Where the two targets agree, their comparison is not what accuses them of a mismatch.
    """
    heard = [opinion for one in judged if isinstance(one, Answer) for opinion in one.opinions]
    accusing = [opinion for opinion in heard if opinion.stance is Stance.ACCUSES]
    if verdict in ACCUSERS and not (verdict is Verdict.MISMATCH and _alike(judged)):
        reason = next((one.reason for one in judged if _verdict(one) is verdict), "")
        accusing.insert(0, Opinion(ACCUSERS[verdict], Stance.ACCUSES, reason))
    return tuple({(opinion.oracle, opinion.target): opinion for opinion in accusing[::-1]}.values())[::-1]


def _alike(judged: Sequence[Outcome]) -> bool:
    """Whether both targets gave the same, so that what accuses the kernel is somebody else."""
    return any(isinstance(one, Answer) and one.agree for one in judged)


def _by_peers(judged: Sequence[Outcome]) -> bool:
    """Whether the kernel is accused by peers alone: then every option that changes it is a peer itself."""
    return any(isinstance(one, Answer) and one.by_peers for one in judged)


def _alone(outcomes: Sequence[Outcome], compiled: Outcome | None) -> Alone:
    """Return what became of a target; `compiled` tells whether a process died in the compiler already."""
    verdicts = [_verdict(outcome) for outcome in outcomes]
    first = next((outcome for outcome in outcomes if _verdict(outcome) is not None), outcomes[0])
    reason = first.reason
    if isinstance(first, Death) and compiled is not None:
        reason += " in the compiler" if isinstance(compiled, Death) else " in the launch"
    repeats = None
    if len(outcomes) > 1:
        runs = [one.observation for one in outcomes if isinstance(one, Answer) and one.observation]
        repeats = len(set(verdicts)) == 1 and all(compare(runs[0], other).equal for other in runs[1:])
    return Alone(_verdict(first), reason, repeats)


def _observation(outcomes: Sequence[Outcome]) -> Observation | None:
    return next((one.observation for one in outcomes if isinstance(one, Answer) and one.observation), None)


def _dims(judged: Sequence[Outcome]) -> tuple[int, ...]:
    return next((one.dims for one in judged if isinstance(one, Answer) and one.dims), ())


def _element(
    place: Place | None,
    observed: Mapping[str, Observation],
    reference: Outcome | None,
    dims: tuple[int, ...],
    block_dim: int,
) -> Element | None:
    if place is None or not {"cpu", "cuda"} <= observed.keys():
        return None
    leaf, index = place
    author = observed["cuda"].writers.get(leaf)
    thread = None
    if author is not None and author[index] != NOBODY:
        thread = thread_of(int(author[index]), dims, block_dim)
    expected = "" if reference is None else _value(_observation([reference]), place)
    return Element(leaf, index, _value(observed["cpu"], place), _value(observed["cuda"], place), expected, thread)


def _value(observation: Observation | None, place: Place) -> str:
    leaf, index = place
    return "" if observation is None or leaf not in observation.values else hexadecimal(observation.values[leaf][index])


def thread_of(number: int, dims: tuple[int, ...], block_dim: int) -> Thread:
    """Return a thread by its linear number in a launch over `dims`; in tiles each point is a block of `block_dim`."""
    if block_dim:
        block, thread = divmod(number, block_dim)
        return Thread(tuple(int(i) for i in np.unravel_index(block, dims)), block, thread)
    index = tuple(int(i) for i in np.unravel_index(number, dims))
    return Thread(index, *divmod(number, PLAIN_BLOCK))


def _reported_thread(outcomes: Sequence[Outcome], block_dim: int) -> Thread | None:
    """Return the thread that the sanitizer's first report on the target alone names."""
    for outcome in outcomes:
        if isinstance(outcome, Answer) and outcome.reports and outcome.reports[0].thread:
            (block, _, _), (thread, _, _) = outcome.reports[0].thread
            size = block_dim or PLAIN_BLOCK
            number = block * size + thread
            count = int(np.prod(outcome.dims)) * (block_dim or 1)
            return thread_of(number, outcome.dims, block_dim) if number < count else None
    return None


def _wrong_target(verdict: Verdict, runs: Mapping[str, Alone], judged: Sequence[Outcome]) -> tuple[str | None, str]:
    """Return the target at fault, and what says so; None, and why, where nothing tells."""
    if verdict in (Verdict.CRASH, Verdict.HANG, Verdict.COMPILE_ERROR):
        failing = [target for target, alone in runs.items() if alone.verdict in (verdict, Verdict.SANITIZER)]
        if not failing:
            return None, "each target alone ends as it should"
        return ("both" if len(failing) == len(runs) else failing[0]), "each target was tried in a process of its own"
    if verdict is not Verdict.MISMATCH:
        return None, f"the verdict is {verdict}, which is about one run and not about two that differ"
    heard = next((one.opinions for one in judged if isinstance(one, Answer) and one.opinions), ())
    about = [opinion for opinion in heard if opinion.oracle == REFERENCE]
    said = "; ".join(opinion.reason for opinion in about)
    witness = f"the reference says: {said}" if said else "the reference was not asked"
    accuser = next((opinion for opinion in heard if opinion.stance is Stance.ACCUSES), None)
    if accuser is not None and _by_peers(judged):
        return (
            None,
            f"as it is, the kernel gives the same on both targets; wrong is what the peer made of it; {witness}",
        )
    if accuser is not None and _alike(judged):
        return "both", f"cpu and cuda agree with each other; {accuser.oracle} says: {accuser.reason}"
    return wrong_target(about) or None, witness
