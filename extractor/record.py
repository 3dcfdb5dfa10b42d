"""A record: one kernel that behaved alike on both targets, with what Warp made of it for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Artifacts:
    """What Warp made of one kernel, cut out of its module so that each text stands on its own.

    The texts hold the structs, helper functions and the entry point that the kernel needs, with Warp's volatile names
    (hash suffixes, function counters) and file paths normalised, so that the same kernel gives the same text whatever
    batch it was compiled in. The backward texts are empty without a backward pass, `ptx` unless asked for.
    """

    cpp_forward: str
    cpp_backward: str
    cuda_forward: str
    cuda_backward: str
    ptx: str = ""


@dataclass(frozen=True)
class Record:
    """One line of a shard. `metadata` holds JSON values only."""

    id: str
    python_source: str
    artifacts: Artifacts
    metadata: dict[str, Any] = field(default_factory=dict)
