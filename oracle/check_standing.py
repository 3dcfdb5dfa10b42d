"""`python -m oracle check` of a finding's folder: does the accusation stand today?"""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from oracle.examine import Accusation, examine
from oracle.observation import Verdict
from oracle.pool import Death
from oracle.rerun import Case, Rerun
from oracle.standing_text import paragraphs


def print_standing(case: Case, outcome: Rerun | Death, cuda: str, workers: int, console: Console) -> None:
    """Examine what a rerun of the case is accused of, in at most `workers` processes, and print what came of it.

    Prints nothing where nothing is accused.
    """
    accusation = accusation_of(case, outcome)
    if accusation is None:
        return
    console.print(f"examining the {accusation.verdict} of inputs {accusation.case.input_seeds[0]} in fresh processes")
    for label, text in paragraphs(examine(accusation, cuda, workers)):
        console.print(f"{label}: {text}", markup=False, highlight=False, soft_wrap=True)


def accusation_of(case: Case, outcome: Rerun | Death) -> Accusation | None:
    """Return what a rerun accuses the kernel of, on the first of the inputs on which it does; None for nothing."""
    seed, verdict = case.input_seeds[0], Verdict.MATCH
    if isinstance(outcome, Death):
        verdict = Verdict.HANG if outcome.hang else Verdict.CRASH
    elif outcome.refusal:
        verdict = Verdict.COMPILE_ERROR
    for one, judgement in zip(case.input_seeds, [] if isinstance(outcome, Death) else outcome.judgements, strict=False):
        if judgement.verdict.accuses:
            seed, verdict = one, judgement.verdict
            break
    return Accusation(replace(case, input_seeds=(seed,)), verdict, reduce=False) if verdict.accuses else None
