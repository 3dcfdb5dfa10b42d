"""Steps: what instructions become. A step is one NumPy call, bound to the arrays it works on.

Registers are arrays with one element a thread, so a step does its work for all threads at once. How it treats
threads that are not active depends on its kind:

- a `Scratch` step writes a temporary that nobody reads later: it always works on all threads;
- a `Write` step is a ufunc that ends in its output, a `Compute` step a function whose result is stored, a `Move` step
  a copy: where not all threads that still run are active, they store under the machine's mask;
- an `Effect` asks the machine for the active threads itself: memory accesses and everything between threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .types import Array

Call = Callable[[], Any]


class Step:
    """One NumPy call."""

    __slots__ = ()

    def whole(self) -> Call:
        """A call that works on all threads."""
        raise NotImplementedError

    def masked(self, mask: Array) -> list[Call]:
        """Calls that together change registers of the threads in `mask` only."""
        raise NotImplementedError


class Scratch(Step):
    """`function(*arguments)`, whose output is a temporary."""

    __slots__ = ("call",)

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = partial(function, *arguments)

    def whole(self) -> Call:
        """See `Step`."""
        return self.call

    def masked(self, mask: Array) -> list[Call]:
        """See `Step`."""
        return [self.call]


class Write(Step):
    """`ufunc(*sources, target)`."""

    __slots__ = ("sources", "target", "ufunc")

    def __init__(self, ufunc: Callable[..., Any], *sources_and_target: Array) -> None:
        self.ufunc = ufunc
        *self.sources, self.target = sources_and_target

    def whole(self) -> Call:
        """See `Step`."""
        return partial(self.ufunc, *self.sources, out=self.target)

    def masked(self, mask: Array) -> list[Call]:
        """See `Step`."""
        temporary = np.empty(self.target.shape, self.target.dtype)
        return [
            partial(self.ufunc, *self.sources, out=temporary),
            partial(np.copyto, self.target, temporary, where=mask),
        ]


class Move(Step):
    """`target[:] = source`, converting between integer types as NumPy does."""

    __slots__ = ("source", "target")

    def __init__(self, target: Array, source: Array) -> None:
        self.target = target
        self.source = source

    def whole(self) -> Call:
        """See `Step`."""
        return partial(np.copyto, self.target, self.source, casting="unsafe")

    def masked(self, mask: Array) -> list[Call]:
        """See `Step`."""
        return [partial(np.copyto, self.target, self.source, casting="unsafe", where=mask)]


class Compute(Step):
    """`target[:] = function(*sources)`; with several targets, the function returns as many results."""

    __slots__ = ("function", "sources", "targets")

    def __init__(self, targets: tuple[Array, ...], function: Callable[..., Any], *sources: Any) -> None:
        self.targets = targets
        self.function = function
        self.sources = sources

    def whole(self) -> Call:
        """See `Step`."""
        if len(self.targets) == 1:
            return partial(_store, self.targets[0], self.function, *self.sources)
        return partial(_store_all, self.targets, self.function, *self.sources)

    def masked(self, mask: Array) -> list[Call]:
        """See `Step`."""
        if len(self.targets) == 1:
            return [partial(_store_where, self.targets[0], mask, self.function, *self.sources)]
        return [partial(_store_all_where, self.targets, mask, self.function, *self.sources)]


class Effect(Step):
    """A call that acts for the machine's active threads, whichever they are."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        self.call = call

    def whole(self) -> Call:
        """See `Step`."""
        return self.call

    def masked(self, mask: Array) -> list[Call]:
        """See `Step`."""
        return [self.call]


def _store(target: Array, function: Callable[..., Any], *sources: Any) -> None:
    np.copyto(target, function(*sources))


def _store_where(target: Array, mask: Array, function: Callable[..., Any], *sources: Any) -> None:
    np.copyto(target, function(*sources), where=mask)


def _store_all(targets: tuple[Array, ...], function: Callable[..., Any], *sources: Any) -> None:
    for target, result in zip(targets, function(*sources), strict=True):
        np.copyto(target, result)


def _store_all_where(targets: tuple[Array, ...], mask: Array, function: Callable[..., Any], *sources: Any) -> None:
    for target, result in zip(targets, function(*sources), strict=True):
        np.copyto(target, result, where=mask)
