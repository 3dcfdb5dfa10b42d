"""The options under which the same kernel must give the same results, and what each costs.

Measured in batches of 16 kernels, forward only: a peer for the cpu costs a fifth of compiling the kernel for both
targets with a backward pass, one for cuda a quarter; at the cpu's higher levels and in debug mode a third to a half
(for cuda more). What changes the launch alone costs that run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from extractor.compiling import CompileOptions


@dataclass(frozen=True)
class Option:
    """One setting: what it changes in `CompileOptions`, and for which targets that makes another binary.

    `refusal` says why Warp's code generator may refuse a kernel under this setting although it took it before; without
    one, a refusal accuses Warp. `weight` is how often a campaign chooses it, relative to the others.
    """

    targets: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    refusal: str = ""
    weight: float = 1

    def applied(self, options: CompileOptions) -> CompileOptions:
        """Return the options with this setting."""
        return replace(options, **self.settings)


_UNROLLED = (
    "Warp's documentation asks for variables that a dynamic loop may change, and for indices of tuples known to it"
)

OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "cpu level 1": Option(("cpu",), {"cpu_level": 1}, weight=0.25),
        "cpu level 2": Option(("cpu",), {"cpu_level": 2}),
        "cpu level 3": Option(("cpu",), {"cpu_level": 3}, weight=0.5),
        "cuda level 0": Option(("cuda",), {"cuda_level": 0}),
        "cuda level 1": Option(("cuda",), {"cuda_level": 1}, weight=0.5),
        "cuda level 2": Option(("cuda",), {"cuda_level": 2}),
        "max_unroll 0": Option(("cpu", "cuda"), {"max_unroll": 0}, _UNROLLED, weight=3),
        "max_unroll 1": Option(("cpu", "cuda"), {"max_unroll": 1}, _UNROLLED),
        "max_unroll 4": Option(("cpu", "cuda"), {"max_unroll": 4}, _UNROLLED),
        "max_unroll 64": Option(("cpu", "cuda"), {"max_unroll": 64}, weight=2),
        "debug": Option(("cpu", "cuda"), {"debug": True}),
        "backward off": Option(("cpu", "cuda"), {"backward": False}, weight=0.5),
    }
)
"""By name, as an opinion and a finding say it."""
