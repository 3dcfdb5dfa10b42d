"""What a reduction comes to: a kernel, what it still uses, and what it cost to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oracle.rerun import Case


@dataclass(frozen=True)
class Reduced:
    """The smallest kernel found: how to launch it, its features, its size and the original's in nodes of its tree.

    `tried` candidates were tried for it.
    """

    case: Case
    features: tuple[str, ...]
    size: int
    size_before: int
    tried: int

    def to_json(self) -> dict[str, Any]:
        """Return what a finding says about it, beside the source."""
        return {
            "launch_dims": list(self.case.dims or ()),
            "arguments": [dict(argument) for argument in self.case.arguments or ()],
            "input_seed": self.case.input_seeds[0],
            "backward": self.case.options.backward,
            "cuda_level": self.case.options.cuda_level,
            "features": list(self.features),
            "nodes": self.size,
            "nodes_before": self.size_before,
            "candidates": self.tried,
        }
