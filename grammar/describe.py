"""A kernel's name and the sentence that says what it does."""

from __future__ import annotations

from collections.abc import Sequence

from grammar import names
from grammar.choices import chance, pick
from grammar.scope import ArrayParameter, Frame

_ACTIONS = {
    "branch": "branches on a condition",
    "cases": "distinguishes several cases",
    "loop": "loops over a bounded range",
    "nested loop": "nests loops",
    "while": "iterates until a bound is met",
    "helper": "calls a helper function",
    "struct": "works on a struct",
    "query": "goes through what a query finds",
    "atomic_add": "adds to shared totals with atomics",
    "atomic_sub": "subtracts from shared totals with atomics",
    "atomic_min": "keeps a shared minimum with atomics",
    "atomic_max": "keeps a shared maximum with atomics",
}


def kernel_name(frame: Frame, verbs: Sequence[str], nouns: Sequence[str] = ()) -> str:
    """Return one of the verbs with one of the nouns, or with what the kernel works on: `blend_velocities`."""
    read = [array.name for array in frame.arrays if array.use == "read" and array.name in frame.mentioned]
    noun = pick(frame.choices, nouns) if nouns and chance(frame.choices, 75) else [*read, "items"][0]
    return names.free_name(frame.choices, [f"{pick(frame.choices, verbs)}_{noun}"], frame.taken | frame.unit.taken)


def description(frame: Frame, subject: str) -> str:
    """Return one sentence: what goes in, what is done with it, what comes out."""
    live = [p for p in frame.parameter_order if p.name in frame.mentioned]
    inputs = [p.name for p in live if not (isinstance(p, ArrayParameter) and p.use != "read")]
    outputs = [p.name for p in live if isinstance(p, ArrayParameter) and p.use != "read"]
    actions = [_ACTIONS[event] for event in dict.fromkeys(frame.unit.events)]
    sentence = [
        f"Each {'block' if frame.unit.block_dim else 'thread'} {subject} {_listed(inputs) or 'its own index'}",
        *actions[:3],
        f"writes {_listed(outputs)}",
    ]
    return f"{_listed(sentence)}."


def _listed(items: Sequence[str]) -> str:
    """Join with commas and a final `and`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
