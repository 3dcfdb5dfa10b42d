"""Where in a program an overload is used: in a kernel or a function of its own, in a loop, in a branch.

Code generation differs by place (a call that a loop repeats, a value that only one branch has), so that the same
overload counts once in each.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

LOOPS = ("", "for", "while")
"""The kinds of the innermost loop, empty outside of all."""

_FUNCTIONS = ("kernel", "tile kernel", "function")


def context(function: str, kinds: Iterable[str]) -> str:
    """Return the place inside a function: `kernel`, `tile kernel` or `function`; `kinds` are those of the open blocks.

    Both the innermost loop and whether any branch is open count, such as `kernel, for, branch`.
    """
    open_blocks = tuple(kinds)
    loop = next((kind for kind in reversed(open_blocks) if kind in ("for", "while")), "")
    return _text(function, loop, "branch" if "branch" in open_blocks else "")


def _text(*words: str) -> str:
    return ", ".join(filter(None, words))


CONTEXTS: tuple[str, ...] = tuple(_text(*words) for words in product(_FUNCTIONS, LOOPS, ("", "branch")))
"""Every place there is."""
