"""All that was seen of one case: its inputs, what every side left behind, and what was said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from extractor.compiling import Compiled
from oracle.compare import Place
from oracle.floats import numbers
from oracle.given import Given
from oracle.inputs import Inputs
from oracle.judge import Judgement
from oracle.observation import Observation
from oracle.opinions import Opinion
from oracle.parameters import parameters_of
from oracle.probes import Answer
from oracle.reference import NO_OPINION, Program, evaluate

CPU, CUDA, REFERENCE = "cpu", "cuda", "reference"
"""The sides of a description's outputs."""


@dataclass(frozen=True)
class Description:
    """What a case was launched with and what came of it, as `oracle.reduce.minimal.Minimal` has it.

    `given` holds the same inputs as numbers by path, None where nothing was launched.
    """

    reason: str
    given: Given | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    layouts: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    place: Place | None = None
    opinions: tuple[Opinion, ...] = ()


def described(
    answer: Answer, judgement: Judgement, compiled: Compiled, dims: Sequence[int], inputs: Inputs
) -> Description:
    """Describe a case that was judged; the reference runs it once more."""
    sides = {name: _values(one) for name, one in judgement.observations.items()}
    try:
        program = Program.of(compiled.source, parameters_of(compiled.kernel))
        evaluation = evaluate(program, dims, inputs, block_dim=compiled.block_dim)
        sides[REFERENCE] = _values(evaluation.observation)
    except NO_OPINION:
        pass  # the reference has none, and a report then says nothing of it
    return Description(
        answer.reason,
        Given.of(compiled.kernel, inputs),
        inputs.values,
        inputs.gradients,
        inputs.layouts,
        sides,
        answer.place,
        answer.opinions,
    )


def _values(observation: Observation) -> dict[str, np.ndarray]:
    return {leaf: numbers(part) for leaf, part in observation.values.items()}
