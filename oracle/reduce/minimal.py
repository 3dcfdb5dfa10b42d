"""What a minimisation hands over: the smallest kernel, the very inputs, and what each side made of them.

Whoever writes the bug report needs nothing else: neither a seed to draw inputs from nor a second run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oracle.compare import Place
from oracle.opinions import Opinion
from oracle.peers.peer import Peer
from oracle.reduce.accuser import Accuser
from oracle.reduce.cost import count_tokens
from oracle.reduce.description import CPU, CUDA, REFERENCE
from oracle.reduce.reduced import Reduced
from oracle.rerun import Case
from oracle.standing import Standing

__all__ = ["CPU", "CUDA", "REFERENCE", "Minimal"]


@dataclass(frozen=True)
class Minimal:
    """A minimised kernel with all that a report says about it.

    `case` is the kernel: `source`, launch `dims`, `arguments` (as in a record; a path with dots is an array inside a
    struct value), `options` (whether there is a `backward` pass, `targets`, `block_dim` of a tiled launch). `original`
    is the case before. `accuser` says who accuses it of what: with `verdict` MISMATCH, an `oracle` of
    `accuser.TARGETS` means that cpu and cuda differ, any other that the targets agree and that oracle does not;
    `direction` is `GRADIENT` where a gradient is wrong; `wrong` is the target at fault, if anybody knows.

    `inputs` are the values to launch with, by parameter, after they were simplified: an array or a plain value as
    `np.ndarray` (the element's own shape last, `()` for a scalar; a structured dtype for an array of structs), a struct
    value as a dict by field, a handle or texture as `oracle.resources.ResourceInput`. `gradients` are those that the
    backward pass starts from, by the path of the written array (what `array.grad` holds before `adjoint=True`).
    `layouts` says by path which arrays are not contiguous. All are empty where the kernel does not compile.

    `outputs` holds what every side that ran left behind, by side (`CPU`, `CUDA`, `REFERENCE`) and then by leaf: `out`,
    `bodies.mass` (a field of an array of structs), `out.grad` (a gradient after the backward pass), in the shape of the
    array followed by the element's. Missing is a side that did not come to an end or has no opinion. `place` is the
    leaf and the index of the first element that is wrong, None where there is none (crash, compile error). `reason` is
    the verdict in words; of a compile error the compiler's message, of the sanitizer what it saw. `opinions` are those
    of all oracles: the gradient's says which derivative it expected.

    `peer` is the other form of the kernel that accuses (options or rewrites), if one does. `standing` is the
    examination of the minimised kernel in fresh processes (which options make it go away, which target is at fault),
    None where it was left out. `tried` candidates were judged, in `compiles` modules; `reduced` is the same result as
    the quick reduction's.
    """

    case: Case
    original: Case
    inputs: Mapping[str, Any]
    accuser: Accuser
    reduced: Reduced
    tried: int
    compiles: int
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    layouts: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    place: Place | None = None
    reason: str = ""
    opinions: tuple[Opinion, ...] = ()
    peer: Peer | None = None
    standing: Standing | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """The size of the minimised source in Python tokens, without comments and layout."""
        return count_tokens(self.case.source)

    @property
    def tokens_before(self) -> int:
        """The size of the original source, likewise."""
        return count_tokens(self.original.source)

    def at_place(self, side: str) -> Any:
        """Return a side's value of the first element that is wrong, None where it has none."""
        if self.place is None:
            return None
        leaf, index = self.place
        values = self.outputs.get(side, {}).get(leaf)
        return None if values is None else values[index]
