"""What the user said about the launch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What to launch and how; None where nothing was said. `backward` launches the backward entry as well."""

    entry: str | None = None
    dims: tuple[int, ...] | None = None
    block_dim: int | None = None
    shared_bytes: int | None = None
    seed: int = 0
    backward: bool = False


MAX_BLOCK = 256
"""Threads in a block unless the user says otherwise, as in Warp's own launches; a smaller launch has one block."""

WARP_SIZE = 32

SHARED_BYTES = 48 * 1024
"""Dynamic shared memory for a kernel that asks for some: what every GPU gives without being asked twice."""


def default_block(threads: int) -> int:
    """Threads in a block for a launch of that many: whole warps."""
    return min(MAX_BLOCK, -(-threads // WARP_SIZE) * WARP_SIZE)
