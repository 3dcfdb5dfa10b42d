"""What the threads of a warp tell each other: shuffles, votes, matches and reductions, for all warps at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .types import Array

WARP = 32


class Warps:
    """How a launch's threads form warps: consecutive threads of a block, 32 at a time, its last warp possibly short.

    `lane` is each thread's number in its warp, `start` the position of its warp's first thread, `index` its warp's
    number in the launch, `size` the number of threads in its warp.
    """

    def __init__(self, blocks: int, threads: int) -> None:
        position = np.arange(blocks * threads)
        thread = position % threads
        self.lane = (thread % WARP).astype(np.uint32)
        self.bit = np.uint32(1) << self.lane
        self.start = position - self.lane
        self.firsts = np.flatnonzero(self.lane == 0)
        self.index = np.cumsum(self.lane == 0) - 1
        self.size = np.diff(np.append(self.firsts, len(position)))[self.index]

    def ballot(self, holds: Array) -> Array:
        """For each thread the mask (uint32) of the threads of its warp for which `holds`."""
        bits = np.where(holds, self.bit, np.uint32(0))
        return np.bitwise_or.reduceat(bits, self.firsts)[self.index]

    def shuffle(self, mode: str, value: Array, b: Array, c: Array) -> tuple[Array, Array]:
        """`shfl`: each thread's value from the lane that mode, b and c name, and whether that lane is in range."""
        lane, b = self.lane.astype(np.int64), b.astype(np.int64) & 31
        segment, clamp = c.astype(np.int64) >> 8 & 31, c.astype(np.int64) & 31
        lowest = lane & segment
        highest = lowest | (clamp & ~segment & 31)
        if mode == "up":
            other = lane - b
            valid = other >= highest
        elif mode == "down":
            other = lane + b
            valid = other <= highest
        else:
            other = lane ^ b if mode == "bfly" else lowest | (b & ~segment & 31)
            valid = other <= highest
        other = np.where(valid & (other < self.size), other, lane)
        return value[self.start + other], valid

    def match_any(self, value: Array, taking_part: Array, members: Array) -> Array:
        """For each thread the mask of members of its warp with the same value."""
        result = np.zeros(len(value), np.uint32)
        left = taking_part.copy()
        while left.any():
            first = np.zeros(len(value), np.bool_)
            first[np.unique(self.index[left], return_index=True)[1]] = True
            leaders = np.flatnonzero(left)[np.unique(self.index[left], return_index=True)[1]]
            sought = np.zeros(int(self.index[-1]) + 1, value.dtype)
            sought[self.index[leaders]] = value[leaders]
            has_leader = np.zeros(len(sought), np.bool_)
            has_leader[self.index[leaders]] = True
            same = left & has_leader[self.index] & (value == sought[self.index])
            result = np.where(same, self.ballot(same), result)
            left &= ~same
        return result & members

    def reduce(self, fold: Callable[[Array], Any], value: Array, taking_part: Array, members: Array) -> Array:
        """`redux`: each thread's reduction over the members of its warp."""
        result = value.copy()
        for position in np.flatnonzero(taking_part):
            start = self.start[position]
            lanes = [i for i in range(self.size[position]) if int(members[position]) >> i & 1]
            result[position] = fold(value[start + np.array(lanes, np.int64)])
        return result
