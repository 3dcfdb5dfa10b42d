"""The same inputs lying otherwise in memory: a kernel sees the same values, so nothing may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import warp as wp

from oracle.inputs import Inputs
from oracle.parameters import arrays_of, parameters_of

WORDS: Mapping[str, str] = {"contiguous": "", "strided": "strided", "sliced": "sliced", "transposed": "transposed"}
"""What a peer calls a layout, and the word of `grammar.arguments.LAYOUTS` for it."""


_IGNORE_STRIDES = ("lower_bound", "sample_cdf")
"""Built-ins that Warp 1.19 gets wrong for arrays with gaps, accused once: `lower-bound-strides` in the findings."""


def laid_out(kernel: wp.Kernel, source: str, inputs: Inputs, layout: str) -> Inputs | None:
    """Return the inputs with every array laid out so, None where each of them lies so already.

    Arrays of one axis cannot be transposed, and indexed arrays have a type of their own: both stay as they are. None
    are returned either for a kernel whose built-ins are known to ignore strides.
    """
    if any(f"wp.{name}(" in source for name in _IGNORE_STRIDES):
        return None
    layouts = {}
    for path, array in arrays_of(parameters_of(kernel)):
        word = inputs.layouts.get(path, "")
        if not array.indexed and not (layout == "transposed" and array.rank == 1):
            word = WORDS[layout]
        if word:
            layouts[path] = word
    return None if layouts == dict(inputs.layouts) else replace(inputs, layouts=layouts)
