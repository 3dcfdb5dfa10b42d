"""The cause of an accusation in one line: who accuses whom of what, which options toggle it, and what it takes.

Accusations of one cause tend to have the same text, whatever kernels they come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from oracle.observation import Verdict
from oracle.peers.options import OPTIONS
from oracle.reduce.accuser import GRADIENT, KNOWN, Accuser, diagnostic, plain

GENERIC = re.compile(
    r"(add|sub|mul|div|neg|pos)\((float|int|vector|matrix|, )*\)"
    r"|(float|int|uint|bfloat|bool)\d*\(.*\)|(vec_t|mat_t|quat_t)\((float|, )*\)"
    r"|range\(.*\)|if|for|while|struct|element updated|variable updated|wp\.func|\w+ input"
)
"""Features that say little where another is left."""

_LEVELS = re.compile(r" \d+$")


def cause_of(
    verdict: Verdict,
    reason: str,
    wrong: str | None,
    accuser: Accuser | None = None,
    options: Iterable[str] | None = None,
    features: Iterable[str] | None = None,
) -> str:
    """Return the cause of an accusation for this `reason`, with what is known of it.

    `wrong` is the target at fault; `options` are those with which it goes away and `features` what is left of the
    kernel, each None where nothing was reduced: then the reason without its numbers stands for them.
    """
    known = KNOWN.search(reason)
    if known is not None:
        return f"{verdict}: {known[0]}"
    on = {"both": " on cpu and cuda", "cpu": " on cpu", "cuda": " on cuda"}.get(wrong or "", "")
    if verdict is Verdict.COMPILE_ERROR:
        return f"{verdict}{on}: {diagnostic(reason)}"
    if accuser is None or features is None:
        return f"{verdict}{on}: {plain(reason)}"
    said = [part for part in (accuser.oracle, accuser.said) if part]
    head = f"{verdict}{on}{' of gradients' if accuser.direction == GRADIENT else ''}: {', '.join(said)}"
    toggles = [f"not with {option}" for option in _toggles(options or ())]
    return "; ".join([head.removesuffix(": "), *toggles, ", ".join(_telling(features))]).removesuffix("; ")


def _toggles(options: Iterable[str]) -> list[str]:
    """Return the options of which any setting makes the accusation go away, without their levels."""
    given = set(options)
    return list(dict.fromkeys(_LEVELS.sub("", name) for name in OPTIONS if name in given))


def _telling(features: Iterable[str]) -> list[str]:
    """Return the features that tell most: those that few kernels have, or all where there are none."""
    found = list(features)
    rare = [one for one in found if not GENERIC.fullmatch(one)]
    return rare or found
