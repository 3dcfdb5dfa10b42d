"""`python -m fuzzer.bisect.judge KERNEL.py`: what the oracle accuses the Warp that runs this of, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fuzzer.bisect.environments import installed_release
from grammar.command_line import carry_out
from oracle.check_kernel import check_kernel
from oracle.observation import Verdict
from oracle.opinions import Stance
from oracle.pool import Death
from oracle.rerun import Rerun

SEEDS = 4
"""Inputs that a kernel is run on."""


def main() -> int:
    """Judge the kernel that the command line names, and print the accusation, empty if there is none."""
    _, outcome = check_kernel(Path(sys.argv[1]), "emulator", SEEDS, 0)
    print(json.dumps({"warp": installed_release(), "accused": accusation(outcome)}))
    return 0


def accusation(outcome: Rerun | Death) -> str:
    """Return what a kernel is accused of, and by whom, in a line; the empty text if nobody does."""
    if isinstance(outcome, Death):
        return f"{Verdict.HANG if outcome.hang else Verdict.CRASH}: {outcome.reason}"
    if outcome.refusal:
        return f"{Verdict.COMPILE_ERROR}: {_line(outcome.refusal)}"
    for judgement in outcome.judgements:
        for opinion in judgement.opinions:
            if opinion.stance is Stance.ACCUSES:
                return f"{judgement.verdict}: {opinion.oracle}: {_line(opinion.reason)}"
        if judgement.verdict.accuses:
            return f"{judgement.verdict}: {_line(judgement.reason)}"
    return ""


def _line(reason: str) -> str:
    """Return a reason's first line, of a compiler's message the first error."""
    lines = reason.splitlines() or [""]
    return next((line for line in lines if " error: " in line), lines[0])


if __name__ == "__main__":
    sys.exit(carry_out(main))
