"""What all workers of a campaign share, from which any of them can make any of its kernels again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from extractor.compiling import CompileOptions
from fuzzer.metadata import Origin, block_dim_json
from fuzzer.outcome import Outcome
from grammar import SeededChoices, accept, generate, releases
from grammar.canonical import kernel_id
from grammar.kernel import Kernel
from oracle.observation import Verdict
from oracle.peers.peer import Peer, choose, choose_free
from oracle.rerun import Case

BATCH_KERNELS = 16
"""Kernels per batch, and so per Warp module. Batches four times as large save less than a tenth of the time per kernel;
with small ones progress shows sooner, a small budget wastes less, and a crash costs less.
"""


class GrammarError(Exception):
    """Our own fault: the grammar generated a kernel that its recogniser refuses."""


@dataclass(frozen=True)
class Task:
    """A campaign as its workers see it. `cuda` is the name of the back end, `device` or `emulator`.

    With `beyond_limits` the kernels keep no limit that Warp documents, and none of them gives a record.
    """

    seed: int
    categories: tuple[str, ...]
    backward: bool
    emit_ptx: bool
    cuda: str
    arch: int
    versions: Mapping[str, Any] = field(default_factory=dict)
    beyond_limits: bool = False

    def origin(self, index: int) -> Origin:
        """Return how kernel `index` is made."""
        return Origin(self.seed, index)

    def kernel(self, index: int) -> Kernel:
        """Make kernel `index`: a function of the seed, the index and Warp's release alone. Categories alternate.

        One whose blocks the installed Warp cannot run on the cpu is left for the next that is drawn.

        Raises GrammarError if the recogniser, which stands before all execution, would not let it pass.
        """
        category = self.categories[index % len(self.categories)]
        drawn = (
            generate(SeededChoices(f"{self.seed}/{index}{suffix}"), category, beyond_limits=self.beyond_limits)
            for suffix in _suffixes()
        )
        kernel = next(kernel for kernel in drawn if releases.has_blocks_on_cpu() or not kernel.lanes)
        rejection = accept(kernel.source)
        if rejection is not None:
            raise GrammarError(f"kernel {index} of seed {self.seed} is not accepted: {rejection}\n{kernel.source}")
        return kernel

    def case(self, index: int, kernel: Kernel) -> Case:
        """Return kernel `index` as another process needs it to run it again, with the inputs of this campaign."""
        return Case(
            source=kernel.source,
            options=CompileOptions(backward=self.backward, arch=self.arch).for_blocks_of(kernel.block_dim),
            input_seeds=(self.origin(index).input_seed,),
            dims=kernel.dims,
            arguments=[argument.to_json() for argument in kernel.arguments],
        )

    def peers(self, kernel: Kernel, index: int) -> tuple[Peer, ...]:
        """Return the peers that are asked about kernel `index`: those of its batch, whatever became of its others."""
        number = index // BATCH_KERNELS
        blocks = not kernel.block_dim and self.cuda == "emulator"
        return choose(self.seed, number), choose_free(self.seed, number, blocks=blocks)

    def finding(
        self, index: int, kernel: Kernel, verdict: Verdict, reason: str, backends: tuple[str, ...] = ()
    ) -> Outcome:
        """Return the outcome of a kernel that gives no record, with what another process needs to see it again."""
        return Outcome(
            index=index,
            id=kernel_id(kernel.source),
            category=kernel.category,
            verdict=verdict,
            reason=reason,
            source=kernel.source,
            backends=backends,
            detail={
                "kernel_name": kernel.name,
                "launch_dims": list(kernel.dims),
                **block_dim_json(kernel),
                "arguments": [argument.to_json() for argument in kernel.arguments],
                "input_seed": self.origin(index).input_seed,
                "backward": self.backward,
                "arch": self.arch,
            },
        )


def _suffixes() -> Iterator[str]:
    """Yield what tells the draws for one index apart: nothing for the first."""
    yield ""
    yield from (f"/{again}" for again in count(1))
