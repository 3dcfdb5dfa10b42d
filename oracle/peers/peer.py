"""What a peer is, and which ones a campaign's kernels get."""

from __future__ import annotations

import random
from dataclasses import dataclass

from oracle.peers.layouts import WORDS
from oracle.peers.options import OPTIONS
from oracle.peers.rewrites.table import REWRITES


@dataclass(frozen=True)
class Recompiled:
    """The same kernels compiled for `target` under an option of the table, or, without one, as a module reversed."""

    target: str
    option: str = ""

    @property
    def name(self) -> str:
        """What an opinion calls it."""
        if not self.option:
            return "module reversed"
        return self.option if self.option.startswith(self.target) else f"{self.option} for {self.target}"


@dataclass(frozen=True)
class Rewritten:
    """The kernels' sources rewritten, each in a way that it and `seed` choose; `only` names the rewrites to try.

    An opinion has the name of the rewrites that its kernel got.
    """

    seed: int
    only: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What an opinion calls it where no rewrite applies."""
        return "several rewrites" if len(self.only) != 1 else self.only[0]


@dataclass(frozen=True)
class Relaunched:
    """The same binaries launched otherwise, which costs no compile.

    `layout` is one of `layouts.WORDS`, for the cpu; `max_block` the threads of a block, for the emulator.
    """

    layout: str = ""
    max_block: int = 0

    @property
    def name(self) -> str:
        """What an opinion calls it."""
        return f"{self.layout} inputs" if self.layout else f"block_dim {self.max_block}"


Peer = Recompiled | Rewritten | Relaunched

BLOCKS = (32, 64, 128)
"""Sizes of blocks for plain launches: whole warps, and no more threads than the kernels were compiled for."""

_REWRITTEN, _REVERSED = 12, 1
"""How often kernels are rewritten, and modules reversed, relative to the options' own weights."""


def choose(seed: int, index: int) -> Peer:
    """Return the peer that batch `index` of a campaign is compiled as: nearly half of them are rewritten.

    cuda costs more than the cpu, so an option for both is mostly chosen for the cpu. Each of them is compiled forward
    only, and so shows on the way that a backward pass changes nothing in the forward pass.
    """
    rng = random.Random(f"peer/{seed}/{index}")
    peers: dict[Peer, float] = {Rewritten(seed): _REWRITTEN, Recompiled("cpu"): _REVERSED}
    for name, option in OPTIONS.items():
        for target in option.targets:
            shared = len(option.targets) > 1
            peers[Recompiled(target, name)] = option.weight * (0.25 if shared and target == "cuda" else 1.0)
    return rng.choices(list(peers), weights=list(peers.values()))[0]


def choose_free(seed: int, index: int, *, blocks: bool) -> Relaunched:
    """Return the peer without a compile for batch `index`; `blocks` says that blocks of other sizes can be launched."""
    rng = random.Random(f"free peer/{seed}/{index}")
    peers = [Relaunched(layout=layout) for layout in WORDS]
    if blocks:
        peers += [Relaunched(max_block=size) for size in BLOCKS]
    return rng.choice(peers)


def every_peer(seed: int, *, blocks: bool) -> tuple[Peer, ...]:
    """Return all peers that a kernel alone in its module can have, each rewrite as a peer of its own."""
    recompiled = [Recompiled(target, name) for name, option in OPTIONS.items() for target in option.targets]
    rewritten = [Rewritten(seed, (name,)) for name in REWRITES]
    relaunched = [Relaunched(layout=layout) for layout in WORDS]
    relaunched += [Relaunched(max_block=size) for size in BLOCKS] if blocks else []
    return (*recompiled, *rewritten, *relaunched)
