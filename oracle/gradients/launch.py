"""A kernel's launch as the check of gradients needs it, on inputs at which derivatives exist."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.floats import is_float, numbers, rounded
from oracle.gradients.slopes import Leaves
from oracle.inputs import Inputs, array_at
from oracle.observation import Observation
from oracle.parameters import Array, Parameter, Plain, Struct, Type, arrays_of, leaves_of
from oracle.reference.launch import Evaluation, Program, evaluate

_HALVES = re.compile(r"\bb?float16\b|\bwp\.(?:vec\d|mat\d\d|quat|transform|spatial_vector|spatial_matrix)h\b")
"""How a source names the types with 16 bits."""

_OPEN = re.compile(r"\bwp\.(quat_from_matrix|quat_twist\w*|quat_to_\w+|quat_slerp|quat_inverse|svd\d|qr\d|eig\d)\b")
"""Built-ins of rotations, defined for unit quaternions and rotation matrices, and decompositions, which are not unique:
how their formulas go on beyond decides the gradient, and no forward result need show it."""

MOVES = (2.0**-21, 2.0**-12)
"""How far neighbouring inputs lie, relative to their size: a few units in the last place, and so far that a float32 in
between is rounded otherwise."""


@dataclass(frozen=True)
class Launch:
    """A kernel's launch as the check needs it: the reference's program, and the target's own run, backward as well."""

    program: Program
    dims: tuple[int, ...]
    inputs: Inputs
    block_dim: int
    run: Callable[[Inputs], Observation]

    @property
    def reason_against(self) -> str:
        """Why differences say nothing about the kernel, from what its source names; empty if they do."""
        if _HALVES.search(self.program.source):
            return "a type with 16 bits rounds too coarsely for differences"
        open_ = _OPEN.search(self.program.source)
        return f"the documentation leaves open what {open_[1]} is off its domain" if open_ else ""

    def evaluate(self, leaves: Mapping[str, np.ndarray], *, audited: bool = False) -> Evaluation:
        """Run the reference in float64, with these leaves in place of the inputs' own."""
        return evaluate(
            self.program,
            self.dims,
            self.inputs,
            wide=True,
            audited=audited,
            leaves=leaves,
            block_dim=self.block_dim,
        )

    def outputs(self, evaluation: Evaluation) -> Leaves:
        """Return the leaves that have seeds, as they are after an evaluation."""
        return {name: evaluation.observation.values[name].astype(np.float64) for name in self.seeds}

    @property
    def seeds(self) -> Leaves:
        """The float leaves of the gradients that the outputs start with, in float64."""
        return {
            leaf: numbers(values).astype(np.float64)
            for path, array in self.arrays
            if path in self.inputs.gradients
            for leaf, values in leaves_of(path, array.element, self.inputs.gradients[path])
            if is_float(values.dtype)
        }

    @property
    def arrays(self) -> Iterator[tuple[str, Array]]:
        """The kernel's arrays by path."""
        return arrays_of(self.program.parameters)

    def with_seeds(self, seeds: Leaves) -> Inputs:
        """Return the inputs with other seeds."""
        gradients = {path: values.copy() for path, values in self.inputs.gradients.items()}
        for path, array in self.arrays:
            if path in gradients:
                for leaf, values in leaves_of(path, array.element, gradients[path]):
                    if leaf in seeds:
                        values[...] = rounded(seeds[leaf], values.dtype)
        return replace(self.inputs, gradients=gradients)

    def variables(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the float leaves of the arrays that are only read, with their dtypes as they are."""
        for path, array in self.arrays:
            if path not in self.inputs.gradients and not array.indexed:
                for leaf, values in leaves_of(path, array.element, array_at(self.inputs, path)):
                    if is_float(values.dtype):
                        yield leaf, values


def tamed(parameters: Sequence[Parameter], inputs: Inputs, rng: np.random.Generator) -> Inputs:
    """Return the inputs with ordinary numbers in place of edge values among the floats: those have no derivatives."""
    values = {
        one.name: _tamed(one.type, inputs.values[one.name], f"{one.name}", inputs.gradients, rng) for one in parameters
    }
    return replace(inputs, values=values)


def _tamed(kind: Type, value: Any, path: str, written: Mapping[str, Any], rng: np.random.Generator) -> Any:
    if isinstance(value, dict):
        assert isinstance(kind, Struct)
        return {name: _tamed(part, value[name], f"{path}.{name}", written, rng) for name, part in kind.fields.items()}
    if not isinstance(value, np.ndarray) or path in written:
        return value
    element = kind.element if isinstance(kind, Array) else kind
    if not isinstance(element, Plain | Struct):
        return value
    value = np.array(value)
    for _, part in leaves_of(path, element, value):
        if is_float(part.dtype):
            exact = np.abs(numbers(part).astype(np.float64))
            wild = ~((exact == 0) | ((exact > 2.0**-12) & (exact < 2.0**8)))
            part[...] = np.where(wild, rounded(rng.uniform(-4.0, 4.0, part.shape), part.dtype), part)
    return value


def moved(launch: Launch, variable: str, index: tuple[int, ...], amount: float) -> tuple[Inputs, float]:
    """Return the inputs with one element of a leaf moved by about `amount`, and the number that it is then."""
    values = {name: _copied(value) for name, value in launch.inputs.values.items()}
    inputs = replace(launch.inputs, values=values)
    for path, array in launch.arrays:
        for leaf, part in leaves_of(path, array.element, array_at(inputs, path)):
            if leaf == variable:
                part[index] = rounded(np.asarray(float(numbers(part)[index]) + amount), part.dtype)
                return inputs, float(numbers(part)[index])
    raise KeyError(variable)


def neighbour(launch: Launch, variables: Leaves, move: float, rng: np.random.Generator) -> Inputs:
    """Return the inputs with every variable moved by up to `move` of its size."""
    values = {name: _copied(value) for name, value in launch.inputs.values.items()}
    inputs = replace(launch.inputs, values=values)
    for path, array in launch.arrays:
        for leaf, part in leaves_of(path, array.element, array_at(inputs, path)):
            if leaf in variables:
                exact = numbers(part).astype(np.float64)
                moved = exact * (1.0 + move * rng.uniform(-1.0, 1.0, exact.shape))
                part[...] = rounded(moved, part.dtype)
    return inputs


def _copied(value: object) -> object:
    if isinstance(value, dict):
        return {name: _copied(part) for name, part in value.items()}
    return value.copy() if isinstance(value, np.ndarray) else value
