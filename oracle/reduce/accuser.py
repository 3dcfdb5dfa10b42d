"""Who accuses a kernel of what: what a reduction must not change, lest it slides from one bug to another."""

from __future__ import annotations

import re
from dataclasses import dataclass

from oracle.observation import Verdict
from oracle.opinions import Opinion, Stance
from oracle.peers.rewrites.table import REWRITES
from oracle.pool import Death
from oracle.probes import Answer
from oracle.reference.opinion import ORACLE as REFERENCE
from oracle.second_opinions import wrong_target

TARGETS = "cpu against cuda"
"""The accuser where the two targets differ."""

REWRITTEN = "rewrites"
"""The accuser where the kernel is rewritten, in whatever way."""

FORWARD, GRADIENT = "forward", "gradient"

KNOWN = re.compile(r"known bug [\w-]+")
"""How a reason says that an accusation is of a bug that has been kept before (`oracle.reference.deviations`)."""

_ELEMENT = re.compile(r"\b[A-Za-z_][\w.]*\[[\d, ]*\]")
_QUOTED = re.compile(r"'[^']*'|`[^`]*`|\"[^\"]*\"")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|[-+]?\d+(\.\d+)?(e[-+]?\d+)?|\bnan\b|[-+]?\binf\b")
_LITERAL = re.compile(r"\b\d[\w.]*")


@dataclass(frozen=True)
class Accuser:
    """An accusation without what is the kernel's own.

    `oracle` is who makes it, `direction` whether it is about gradients, `wrong` the target at fault as the reference
    has it, `said` the phrase or the first diagnostic with which it is made, without names, numbers and places.
    """

    verdict: Verdict
    oracle: str = ""
    direction: str = FORWARD
    wrong: str = ""
    said: str = ""

    @property
    def known(self) -> bool:
        """Whether it is of a bug that is known by name."""
        return bool(KNOWN.search(self.said))


def plain(reason: str) -> str:
    """Return a reason without its elements, quotations, and numbers.

    Of a compiler's message that is its first error, or else what is no indented line of the kernel's source; of a bug
    that is known by name, that.
    """
    known = KNOWN.search(reason)
    if known is not None:
        return known[0]
    lines = [line for line in reason.splitlines() if line and not line[0].isspace()]
    errors = [line for line in lines if " error: " in line]
    text = errors[0] if errors else " ".join(lines)
    return _NUMBER.sub("#", _QUOTED.sub("'…'", _ELEMENT.sub("…", text)))


def diagnostic(reason: str) -> str:
    """Return a compiler's first error as `plain` does, without the targets, the place and what is named in it."""
    text = re.sub(r"^(\w+) for [a-z ]+", r"\1", plain(reason))
    text = re.sub(r"Error while parsing function \S+ at \S+ ;?", "", text)
    head, error, rest = text.partition(" error: ")
    return f"{head.partition(':')[0]}: {rest}" if error else text


def accuser_of(outcome: Answer | Death) -> Accuser | None:
    """Return who accuses, None if nobody does."""
    if isinstance(outcome, Death):
        return Accuser(Verdict.HANG) if outcome.hang else Accuser(Verdict.CRASH, said=outcome.reason)
    verdict = outcome.verdict
    if verdict is None or not verdict.accuses:
        return None
    if verdict is Verdict.COMPILE_ERROR:
        return Accuser(verdict, said=diagnostic(outcome.reason))
    if verdict is Verdict.SANITIZER:
        return Accuser(verdict, said=_phrase(outcome.reason))
    if verdict is Verdict.MISMATCH:
        return _of_mismatch(outcome)
    return Accuser(verdict)


def _of_mismatch(outcome: Answer) -> Accuser:
    about = [opinion for opinion in outcome.opinions if opinion.oracle == REFERENCE]
    known = KNOWN.search(outcome.reason)
    said = known[0] if known else ""
    accuser = next((opinion for opinion in outcome.opinions if opinion.stance is Stance.ACCUSES), None)
    if not (outcome.agree or outcome.by_peers) or accuser is None:
        return Accuser(Verdict.MISMATCH, TARGETS, _direction(outcome, None), wrong_target(about), said)
    wrong = "" if outcome.by_peers else "both"
    return Accuser(Verdict.MISMATCH, _named(accuser.oracle), _direction(outcome, accuser), wrong, said)


def _named(oracle: str) -> str:
    """Return an oracle's name; the rewrites that a kernel gets are drawn, and so are one oracle."""
    return REWRITTEN if all(name in REWRITES for name in oracle.split(", ")) else oracle


def _direction(outcome: Answer, accuser: Opinion | None) -> str:
    leaf = outcome.place[0] if outcome.place is not None else ""
    of_gradients = accuser is not None and accuser.oracle.startswith("gradient")
    return GRADIENT if leaf.endswith(".grad") or of_gradients else FORWARD


def _phrase(reason: str) -> str:
    """Return what the sanitizer saw, without the instruction, the thread, and the place."""
    said = reason.partition("the sanitizer saw: ")[2] or reason
    said = re.split(r" at | by [a-z]| in block | \(kernel\.py", said, maxsplit=1)[0]
    return _LITERAL.sub("#", said)
