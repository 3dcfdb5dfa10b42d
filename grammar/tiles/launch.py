"""The launch of a kernel with tiles: blocks of threads, each of which has its part of the arrays.

Statements that concern a single thread need its index within the block, the lane. A kernel asks for it when such a
statement comes; its `wp.tid()` is written at the end.
"""

from __future__ import annotations

from grammar import nodes, outputs
from grammar.choices import chance, pick_weighted
from grammar.intervals import Interval
from grammar.scope import Frame, Variable
from grammar.tiles import arrays, reductions, values
from grammar.types import INT32

BLOCK_DIMS = ((32, 5), (64, 5), (128, 1.5))
"""How many threads a block has, by weight: whole warps, few enough for the emulator."""

_GRIDS = (((1,), 3), ((2,), 6), ((3,), 4), ((4,), 3), ((2, 2), 2), ((2, 3), 1), ((1, 2), 0.5), ((5,), 1))
_INDICES = {
    1: (("i",), ("i",), ("block",), ("row",), ("batch",), ("b",)),
    2: (("i", "j"), ("i", "j"), ("row", "col"), ("bi", "bj")),
}
_LANES = ("lane", "t_idx", "thread", "lane_id")


def shape_launch(frame: Frame) -> None:
    """Choose the blocks of a kernel's launch and how many threads each has, and make the blocks' indices visible.

    `finish` writes where they come from.
    """
    frame.unit.block_dim = pick_weighted(frame.choices, BLOCK_DIMS)
    frame.unit.dims = pick_weighted(frame.choices, _GRIDS)
    bank = frame.choices.integer(0, len(_INDICES[len(frame.unit.dims)]) - 1)
    for name, extent in zip(_INDICES[len(frame.unit.dims)][bank], frame.unit.dims, strict=True):
        index = frame.declare(Variable(name, INT32, Interval(0, extent - 1), index=True, unread=False))
        frame.threads.append(index)


def lane(frame: Frame) -> Variable:
    """Return the index of the thread within its block, which the kernel has from now on."""
    if frame.lane is None:
        name = next(name for name in _LANES if name not in frame.taken)
        frame.lane = Variable(name, INT32, Interval(0, frame.unit.block_dim - 1), index=True, unread=False)
        frame.taken.add(name)
        frame.blocks[0].variables.insert(len(frame.threads), frame.lane)
        frame.threads.append(frame.lane)
        frame.unit.dims = (*frame.unit.dims, frame.unit.block_dim)
    return frame.lane


def grid(frame: Frame) -> tuple[int, ...]:
    """Return the launch's dimensions, which count blocks."""
    return frame.unit.dims[:-1] if frame.lane is not None else frame.unit.dims


def finish(frame: Frame) -> None:
    """Store every tile that nothing has read and what single threads hold, and write `wp.tid()`."""
    for tile in values.unread(frame):
        if tile.name in frame.committed:
            continue
        if chance(frame.choices, 18) and reductions.accumulate(frame, tile):
            continue
        arrays.store(frame, tile)
    if not any(array.use != "read" for array in frame.arrays) or (frame.lane is not None and frame.unread()):
        if frame.lane is None:
            lane(frame)
        outputs.finish(frame)
    targets = [nodes.name(thread.name) for thread in frame.threads]
    target = targets[0] if len(targets) == 1 else nodes.tuple_(targets)
    frame.blocks[0].statements.insert(0, nodes.assign(target, nodes.call("wp.tid", [])))
    frame.unit.lines += 1
    frame.commit(*(thread.name for thread in frame.threads))
    frame.unit.note(f"launch:blocks of {frame.unit.block_dim}")
