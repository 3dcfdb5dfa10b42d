"""An accusation's standing in words: what a maintainer wants to know, in the order in which they ask."""

from __future__ import annotations

from oracle.evidence import ACCUSERS
from oracle.observation import Verdict
from oracle.peers.options import OPTIONS
from oracle.reference.opinion import ORACLE as REFERENCE
from oracle.standing import Alone, Standing

TARGET_NAMES = {"cpu": "the cpu target", "cuda": "the cuda target", "both": "both targets"}


def paragraphs(standing: Standing) -> tuple[tuple[str, str], ...]:
    """Return a label and what there is to say under it, as Markdown, for each question that has an answer."""
    return tuple(
        (label, text)
        for label, text in (
            ("Accused by", _accusers(standing)),
            ("First difference", _difference(standing)),
            ("Thread", _thread(standing)),
            ("Refusing target" if standing.verdict is Verdict.COMPILE_ERROR else "Wrong target", _wrong(standing)),
            ("Each target alone", _alone(standing)),
            ("Same inputs again", _again(standing)),
            ("Other inputs", _others(standing)),
            ("Goes away with", _options(standing)),
        )
        if text
    )


def headline(standing: Standing, reason: str) -> str:
    """Return the finding in one line; `reason` is the verdict's, of which the first line counts."""
    element = standing.element
    if element is not None:
        if element.cpu == element.cuda and element.reference:
            return f"{element} is {element.cpu} on both targets, and {element.reference} by the reference"
        return f"{element} is {element.cpu} on cpu and {element.cuda} on cuda"
    where = f"{TARGET_NAMES[standing.wrong]}: " if standing.wrong else ""
    return (where if standing.verdict in (Verdict.CRASH, Verdict.HANG) else "") + _line(reason)


def _accusers(standing: Standing) -> str:
    """Name the oracles; what they say of both targets' results stands elsewhere, what others say is said here."""
    said = []
    for opinion in standing.oracles:
        about = f" about {opinion.target}" if opinion.target else ""
        elsewhere = opinion.oracle in ACCUSERS.values() or opinion.oracle == REFERENCE
        said.append(f"{opinion.oracle}{about}" + ("" if elsewhere else f" ({_line(opinion.reason)})"))
    return "; ".join(said) + "." if said else ""


def _difference(standing: Standing) -> str:
    element = standing.element
    if element is None:
        return ""
    reference = f", reference {element.reference}" if element.reference else ""
    return f"`{element}`: cpu {element.cpu}, cuda {element.cuda}{reference}."


def _thread(standing: Standing) -> str:
    if standing.thread is None:
        return ""
    did = "It did what the sanitizer saw first" if standing.element is None else "It stored that element last, on cuda"
    return f"{standing.thread}. {did}."


def _wrong(standing: Standing) -> str:
    if standing.verdict is Verdict.SANITIZER:
        return ""
    if standing.wrong is None:
        return f"Nothing tells: {standing.witness}."
    return f"{TARGET_NAMES[standing.wrong]}: {standing.witness}."


def _alone(standing: Standing) -> str:
    return "; ".join(f"{target} {_ending(alone)}" for target, alone in standing.alone.items()) + "."


def _ending(alone: Alone) -> str:
    ended = "runs to its end"
    if alone.verdict is not None:
        said = alone.verdict is Verdict.SANITIZER  # by the finding itself
        ended = f"ends with {alone.verdict}{'' if said else f': {_line(alone.reason)}'}"
    if alone.repeats is None:
        return ended
    if not alone.repeats:
        return f"{ended}, and does **not** repeat itself"
    return f"{ended}, twice with the same bits" if alone.verdict is None else f"{ended}, twice"


def _line(reason: str) -> str:
    """Return what counts of a reason: the first line, of a compiler's many the first error."""
    lines = reason.splitlines() or ["no reason given"]
    line = next((line for line in lines if " error: " in line), lines[0])
    return line.removeprefix("the sanitizer saw: ")


def _again(standing: Standing) -> str:
    """Say whether the finding stands."""
    count = len(standing.again)
    where = f"in {count} fresh processes" if count > 1 else "in a fresh process"
    how = f"Run again {where}, alone in its module"
    if not standing.flaky:
        same = " and first difference" if standing.element else ""
        return f"{how}: the same verdict{same} each time. The finding stands."
    seen = "; ".join(
        f"{sighting.verdict}{f' at `{sighting.element}`' if sighting.element else ''}" for sighting in standing.again
    )
    return f"**Flaky**: {'; '.join(standing.doubts)}. {how}: {seen}."


def _others(standing: Standing) -> str:
    if not standing.tried:
        return ""
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(standing.others.items()))
    return f"accused on {standing.accusing} of {standing.tried} ({verdicts})."


def _options(standing: Standing) -> str:
    if standing.options is None:
        return ""
    if not standing.options:
        targets = {standing.wrong} & {"cpu", "cuda"} if standing.verdict is Verdict.CRASH else {"cpu", "cuda"}
        tried = [name for name, option in OPTIONS.items() if targets & {*option.targets}]
        return f"none of the options tried: {', '.join(tried)}."
    return ", ".join(f"`{option}`" for option in standing.options) + "."
