"""How an array lies in memory: what a kernel is passed, and the larger array behind it.

A kernel sees the same values whatever the layout, so that one set of inputs serves all. The memory around them holds
zeros. Warp keeps a gradient with the strides of its array, so a gradient has the layout of its array, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from oracle.parameters import Array

MARGIN = 2
"""How much longer than an axis is what a sliced or indexed array is part of."""


@dataclass(frozen=True)
class Layout:
    """Where the elements of an array of some shape lie in a contiguous array, whose axes may be in another order.

    `key` picks them there, as NumPy subscripts do, and `lists` are the indices of a `wp.indexedarray`, None for an axis
    that has none.
    """

    memory: tuple[int, ...]
    key: tuple[Any, ...] = ()
    transposed: bool = False
    lists: tuple[np.ndarray | None, ...] = ()

    def logical(self, values: np.ndarray) -> np.ndarray:
        """Return what the kernel sees of the memory's values, which may have more axes behind: the element's own."""
        rank = len(self.memory)
        if self.transposed:
            return np.transpose(values, (*range(rank)[::-1], *range(rank, values.ndim)))
        return values[self.key]

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return the memory that shows these values, zeros around them."""
        rank = len(self.memory)
        if self.transposed:
            return np.ascontiguousarray(self.logical(values))
        memory = np.zeros((*self.memory, *values.shape[rank:]), values.dtype)
        memory[self.key] = values
        return memory

    def passed(self, whole: wp.array) -> wp.array | wp.indexedarray:
        """Return what a kernel is passed; a view's gradient is the same view of the gradient."""
        if self.transposed:
            return whole.transpose()
        if self.lists:
            lists = [None if one is None else wp.array(one, dtype=wp.int32, device=whole.device) for one in self.lists]
            return wp.indexedarray(whole, lists)
        return whole[self.key] if self.key else whole


def layout_of(word: str, shape: tuple[int, ...]) -> Layout:
    """Return the layout that a word of `grammar.arguments.LAYOUTS` means for a shape; raises KeyError for others."""
    rank = len(shape)
    match word:
        case "":
            return Layout(shape)
        case "strided":
            return Layout((*shape[:-1], 2 * shape[-1]), (*[slice(None)] * (rank - 1), slice(None, None, 2)))
        case "transposed":
            return Layout(shape[::-1], transposed=True)
        case "sliced":
            inside = slice(MARGIN // 2, -(MARGIN // 2))
            return Layout(tuple(extent + MARGIN for extent in shape), (inside,) * rank)
        case "indexed":
            return _indexed(shape)
        case _:
            raise KeyError(f"no layout is called {word!r}")


def _indexed(shape: tuple[int, ...]) -> Layout:
    """Reach the first and third axis from the end of a longer one, the others as they are."""
    memory = tuple(extent if axis % 2 else extent + MARGIN for axis, extent in enumerate(shape))
    lists = tuple(
        None if axis % 2 else np.arange(extent + MARGIN - 1, MARGIN - 1, -1) for axis, extent in enumerate(shape)
    )
    every = [np.arange(extent) if one is None else one for one, extent in zip(lists, shape, strict=True)]
    return Layout(memory, np.ix_(*every), lists=lists)


@dataclass(frozen=True)
class Memory:
    """An array of a launch: what the kernel is passed, the contiguous array behind it, and that one's gradient."""

    kind: Array
    layout: Layout
    passed: wp.array | wp.indexedarray
    whole: wp.array
    gradient: wp.array | None

    @property
    def adjoint(self) -> wp.array | None:
        """What to pass for the gradient: nothing for an indexed array.

        Warp 1.19's adjoints leave its gradient alone, and its kernels for the cpu read past a plain array's descriptor.
        """
        return None if self.kind.indexed or self.gradient is None else self.passed.grad

    @property
    def lists(self) -> list[wp.array]:
        """The lists of indices on the device."""
        return [one for one in self.passed.indices if one is not None] if self.kind.indexed else []


def layout_for(path: str, kind: Array, layouts: Mapping[str, str], shape: tuple[int, ...]) -> Layout:
    """Return the layout of the array at a path; raises ValueError where it does not go with the parameter's type."""
    word = layouts.get(path) or ("indexed" if kind.indexed else "")
    if kind.indexed != (word == "indexed"):
        raise ValueError(f"'{path}' cannot be passed with the layout {word!r}: its type is another")
    return layout_of(word, shape)
