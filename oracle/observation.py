"""What a back end saw when it ran one kernel on one set of inputs, and what the comparison made of two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from oracle.ptx.reports import Report


class Verdict(StrEnum):
    """The outcome for one kernel; DESIGN.md's terms, and `sanitizer` for what the emulator saw a kernel do wrong."""

    MATCH = "match"
    MISMATCH = "mismatch"
    SANITIZER = "sanitizer"
    CRASH = "crash"
    HANG = "hang"
    COMPILE_ERROR = "compile_error"
    UNSTABLE = "unstable"
    DOCUMENTED = "documented"
    UNSUPPORTED = "unsupported"

    @property
    def accuses(self) -> bool:
        """Whether the verdict is a finding: the compiler, not the kernel or a back end, is at fault."""
        return self in (
            Verdict.MISMATCH,
            Verdict.SANITIZER,
            Verdict.CRASH,
            Verdict.HANG,
            Verdict.COMPILE_ERROR,
        )


@dataclass(frozen=True)
class Observation:
    """The arrays that a back end left behind, as flat leaves of scalar dtype.

    `values` maps a leaf to its elements: `out` (an array argument after the forward launch), `bodies.vel` (a struct
    field), `out.grad` (a gradient after the backward launch). Leaves have the array's shape followed by the element's
    own shape (`(n, 3)` for an array of vec3). `order_slack` holds, for leaves that float atomics summed in an order
    that the language leaves open, the absolute bound on what another order may change, in the leaf's shape, float64.
    `in_thread_order` marks, in such leaves, the elements that hold what the threads add up to one after another.
    `reports` are the sanitizer's, empty for back ends that have none. `writers` holds, where it was asked for, the
    linear number of the thread that stored an element last, -1 for nobody, in the leaf's shape, int64.
    """

    values: Mapping[str, np.ndarray]
    order_slack: Mapping[str, np.ndarray] = field(default_factory=dict)
    reports: tuple[Report, ...] = ()
    writers: Mapping[str, np.ndarray] = field(default_factory=dict)
    in_thread_order: Mapping[str, np.ndarray] = field(default_factory=dict)
