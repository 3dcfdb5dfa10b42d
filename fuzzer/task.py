"""What all workers of a campaign share, from which any of them can make any of its kernels again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from extractor.compiling import CompileOptions
from fuzzer.guidance.guidance import BATCH_KERNELS
from fuzzer.guidance.plan import Plan, plain
from fuzzer.making import Made, make
from fuzzer.metadata import Origin, block_dim_json
from fuzzer.outcome import Outcome
from grammar.canonical import kernel_id
from grammar.kernel import Kernel
from oracle.observation import Verdict
from oracle.peers.peer import Peer, choose, choose_free
from oracle.rerun import Case

RECOMPILED = 0.25
"""The share of the batches that are compiled once more, under another option or rewritten: what that costs is about
half of what a kernel's own compilation does."""


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

    def origin(self, index: int, made: Made | None = None) -> Origin:
        """Return how kernel `index` is made."""
        if made is None:
            return Origin(self.seed, index)
        return Origin(self.seed, index, made.parent, made.mutation, made.choices, made.wanted)

    def plain(self, index: int) -> Plan:
        """Return the plan of kernel `index` where nothing guides the campaign: categories alternate."""
        return plain(index, self.categories)

    def make(self, plan: Plan) -> Made:
        """Make the kernel of a plan; raises GrammarError if the recogniser would not let it pass.

        Limits of the backward pass do not matter without one.
        """
        return make(plan, self.seed, self.beyond_limits or not self.backward)

    def kernel(self, index: int) -> Kernel:
        """Make kernel `index` plainly; raises GrammarError if the recogniser would not let it pass."""
        return self.make(self.plain(index)).kernel

    def peers(self, index: int, block_dim: int) -> tuple[Peer, ...]:
        """Return the peers that are asked about kernel `index`: those of its batch, whatever became of its others."""
        number = index // BATCH_KERNELS
        blocks = not block_dim and self.cuda == "emulator"
        free = choose_free(self.seed, number, blocks=blocks)
        if random.Random(f"recompiled/{self.seed}/{number}").random() < RECOMPILED:
            return choose(self.seed, number), free
        return (free,)

    def finding(
        self,
        index: int,
        kernel: Kernel,
        verdict: Verdict,
        reason: str,
        backends: tuple[str, ...] = (),
        made: Made | None = None,
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
                "origin": self.origin(index, made).to_json(),
                "backward": self.backward,
                "arch": self.arch,
            },
        )

    def case(self, outcome: Outcome) -> Case:
        """Return the kernel of a finding as another process needs it to run it again, with this campaign's inputs."""
        detail = outcome.detail
        return Case(
            source=outcome.source,
            options=CompileOptions(backward=self.backward, arch=self.arch).for_blocks_of(detail.get("block_dim", 0)),
            input_seeds=(detail["input_seed"],),
            dims=tuple(detail["launch_dims"]),
            arguments=detail["arguments"],
        )
