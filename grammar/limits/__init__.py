"""Documented limits are not bugs: which of them does a kernel exceed, and where?

exceeded(source)        # what lies beyond a limit that Warp's documentation states
wrong_gradients(source) # what Warp gets wrong in a backward pass without saying so
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import libcst as cst

from grammar.limits.reading import Function, Module
from grammar.limits.table import BY_NAME, LIMITS, Effect, Limit
from grammar.limits.wrong import FORMS
from grammar.parsing import parsed

__all__ = ["BY_NAME", "LIMITS", "Effect", "Exceeded", "Limit", "exceeded", "keeps_backward", "wrong_gradients"]

Source = str | ast.Module | cst.Module


class Exceeded(NamedTuple):
    """A limit's name, or a finding's, and the line of the source that relies on what lies beyond."""

    limit_name: str
    line: int


def exceeded(source: Source, effects: Iterable[Effect] = tuple(Effect)) -> tuple[Exceeded, ...]:
    """Return what of the documented limits a source exceeds, sorted by line; only limits of these effects are asked.

    A function's limits count whether or not the kernel calls it. Raises SyntaxError for text that is not Python.
    """
    module, wanted = _module(source), tuple(effects)
    found = (
        Exceeded(limit.name, line)
        for limit in LIMITS
        if limit.effect in wanted and limit.lines is not None
        for function in module.functions
        for line in limit.lines(function)
    )
    return _sorted(found)


def wrong_gradients(source: Source) -> tuple[Exceeded, ...]:
    """Return what a source uses whose gradients are known to be wrong without being documented, sorted by line."""
    module = _module(source)
    return _sorted(
        Exceeded(form.finding, line) for form in FORMS for function in module.functions for line in form.lines(function)
    )


def keeps_backward(source: Source) -> bool:
    """Whether nothing is known that makes a source's gradients wrong, documented or not."""
    module = _module(source)
    return not any(_beyond(function) for function in module.functions)


def _beyond(function: Function) -> Iterator[int] | bool:
    detectors = [limit.lines for limit in LIMITS if limit.avoided and limit.lines is not None]
    return any(
        line for detect in (*detectors, *(form.lines for form in FORMS if form.avoided)) for line in detect(function)
    )


def _module(source: Source) -> Module:
    if isinstance(source, cst.Module):
        source = source.code
    return Module(parsed(source) if isinstance(source, str) else source)


def _sorted(found: Iterable[Exceeded]) -> tuple[Exceeded, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.line, one.limit_name)))
