"""Inputs that are given instead of drawn from a seed: what a reduction has made simple, and a finding keeps.

Every part of every parameter has its numbers under its path, as back ends name leaves: `x`, `body.mass`, `out.grad` for
the gradient that the backward pass starts from. Handles and textures are drawn all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from oracle.floats import is_float, numbers, rounded
from oracle.inputs import Inputs, Value
from oracle.parameters import Array, Plain, Struct, Type, arrays_of, leaves_of, parameters_of
from oracle.resources import ResourceInput

GRADIENT = ".grad"
"""The ending of the path of a gradient."""


@dataclass(frozen=True, eq=False)
class Given:
    """The numbers in the place of those that `seed` would bring, by path.

    An array has the shape of the leaf and the dtype float64, int64, uint64 or bool, which hold any number of any type.
    """

    seed: int
    values: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, kernel: wp.Kernel, inputs: Inputs) -> Given:
        """Return the numbers that a kernel's inputs hold."""
        return cls(inputs.seed, {path: _plain(part) for path, part in _parts(kernel, inputs)})

    def applied(self, kernel: wp.Kernel, inputs: Inputs) -> Inputs:
        """Return the inputs with these numbers in their arrays, which are changed; those of another seed as they are.

        Raises ValueError for numbers that are not of the shape of what they are for.
        """
        if inputs.seed != self.seed:
            return inputs
        for path, part in _parts(kernel, inputs):
            given = self.values.get(path)
            if given is None:
                continue
            if given.shape != part.shape:
                raise ValueError(f"'{path}' has the shape {part.shape}, and {given.shape} is given")
            part[...] = rounded(given, part.dtype) if is_float(part.dtype) else given.astype(part.dtype)
        return inputs

    def to_json(self) -> dict[str, Any]:
        """Return what a finding says about it; what JSON has no number for is a text: `nan`, `inf`, `-inf`."""
        return {path: _listed(part.tolist()) for path, part in sorted(self.values.items())}

    @classmethod
    def from_json(cls, seed: int, data: Mapping[str, Any]) -> Given:
        """Read what `to_json` wrote; raises TypeError or ValueError on anything else."""
        return cls(seed, {str(path): _array(part) for path, part in data.items()})


def _parts(kernel: wp.Kernel, inputs: Inputs) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every leaf of the inputs with its path, as a view."""
    parameters = parameters_of(kernel)
    for parameter in parameters:
        yield from _of_value(parameter.name, parameter.type, inputs.values[parameter.name])
    for path, array in arrays_of(parameters):
        if path in inputs.gradients:
            for leaf, part in leaves_of(path, array.element, inputs.gradients[path]):
                yield leaf + GRADIENT, part


def _of_value(path: str, kind: Type, value: Value) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(value, ResourceInput):
        return
    if isinstance(kind, Array):
        yield from leaves_of(path, kind.element, value)
    elif isinstance(kind, Plain):
        yield path, value
    elif isinstance(kind, Struct):
        for name, part in kind.fields.items():
            yield from _of_value(f"{path}.{name}", part, value[name])


def _plain(part: np.ndarray) -> np.ndarray:
    """Return numbers in the widest dtype of their kind."""
    if is_float(part.dtype):
        return numbers(part).astype(np.float64)
    return part.astype({"i": np.int64, "u": np.uint64, "b": np.bool_}[part.dtype.kind])


def _listed(value: Any) -> Any:
    if isinstance(value, list):
        return [_listed(one) for one in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _array(data: Any) -> np.ndarray:
    """Return a nested list as an array; of integers beyond int64 one of uint64. What is empty holds floats."""
    flat = list(_flat(data))
    if flat and all(isinstance(one, bool) for one in flat):
        return np.array(data, np.bool_)
    if flat and all(isinstance(one, int) for one in flat):
        return np.array(data, np.uint64 if max(flat) > np.iinfo(np.int64).max else np.int64)
    return np.array(_numbers(data), np.float64)


def _flat(data: Any) -> Iterator[Any]:
    if not isinstance(data, list):
        yield data
        return
    for one in data:
        yield from _flat(one)


def _numbers(data: Any) -> Any:
    return [_numbers(one) for one in data] if isinstance(data, list) else float(data)
