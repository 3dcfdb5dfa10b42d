"""The inputs of a launch as Warp objects on a device, and what the launch left in them as NumPy leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import warp as wp

from oracle.backends.layouts import Memory, layout_for
from oracle.floats import BFLOAT16, is_float, numbers
from oracle.inputs import Inputs, Value
from oracle.parameters import Array, Plain, Texture, Type, has_gradient, leaves_of, parameters_of
from oracle.resources import Resource, ResourceInput, build


@dataclass(frozen=True)
class LaunchArguments:
    """Fresh copies of a kernel's inputs: what `wp.launch` takes, and the arrays among it by path."""

    inputs: list[Any]
    adjoints: list[Any]
    arrays: Mapping[str, Memory]
    resources: Mapping[str, Resource] = field(default_factory=dict)


def prepare(kernel: wp.Kernel, inputs: Inputs, device: str, backward: bool) -> LaunchArguments:
    """Copy `inputs` to `device`. With `backward`, arrays of floats get gradients: those of `inputs`, or zeros."""
    builder = _Builder(inputs, device, backward)
    pairs = [
        builder.build(parameter.name, parameter.type, inputs.values[parameter.name])
        for parameter in parameters_of(kernel)
    ]
    return LaunchArguments(
        [value for value, _ in pairs], [adjoint for _, adjoint in pairs], builder.arrays, builder.resources
    )


class _Builder:
    """Builds the Warp object for each part of each parameter, together with its adjoint."""

    def __init__(self, inputs: Inputs, device: str, backward: bool) -> None:
        self._inputs = inputs
        self._device = device
        self._backward = backward
        self.arrays: dict[str, Memory] = {}
        self.resources: dict[str, Resource] = {}

    def build(self, path: str, kind: Type, value: Value) -> tuple[Any, Any]:
        """Return the value to pass, and its adjoint as `wp.Tape` would pass it (None: Warp's default)."""
        if isinstance(value, ResourceInput):
            self.resources[path] = build(value, self._device)
            return self.resources[path].value, None
        assert not isinstance(kind, Texture), f"no resource was made for the texture {path}"
        if isinstance(kind, Array):
            memory = self._array(path, kind, value)
            return memory.passed, memory.adjoint
        if isinstance(kind, Plain):
            return plain_value(kind, value), None
        instance, adjoint = kind.warp_type(), kind.warp_type()
        for name, part in kind.fields.items():
            part_value, part_adjoint = self.build(f"{path}.{name}", part, value[name])
            setattr(instance, name, part_value)
            if part_adjoint is not None:
                setattr(adjoint, name, part_adjoint)
        return instance, adjoint

    def _array(self, path: str, kind: Array, value: np.ndarray) -> Memory:
        layout = layout_for(path, kind, self._inputs.layouts, value.shape[: kind.rank])

        def copy(values: np.ndarray) -> wp.array:
            values = layout.spread(values["bfloat16"] if values.dtype == BFLOAT16 else values)
            return wp.array(
                values, dtype=kind.element.warp_type, shape=values.shape[: kind.rank], device=self._device, copy=True
            )

        whole = copy(value)
        if self._backward and has_gradient(kind.element):
            seeds = self._inputs.gradients.get(path)
            whole.grad = copy(np.zeros_like(value) if seeds is None else seeds)
        memory = self.arrays[path] = Memory(kind, layout, layout.passed(whole), whole, whole.grad)
        return memory


def plain_value(kind: Plain, value: np.ndarray) -> Any:
    """Return a scalar as a Python number, and a vector, quaternion or matrix as Warp's own type."""
    if not kind.shape:
        return numbers(value).item()
    return kind.warp_type(*numbers(value).ravel().tolist())


def forward_leaves(arguments: LaunchArguments) -> dict[str, np.ndarray]:
    """Return copies of all arrays' leaves, and of what kernels may store to in resources, as they are now."""
    voxels = {path: one.stored().copy() for path, one in arguments.resources.items() if one.written}
    return voxels | {
        leaf: values.copy()
        for path, memory in arguments.arrays.items()
        for leaf, values in leaves_of(path, memory.kind.element, memory.layout.logical(memory.whole.numpy()))
    }


def gradient_leaves(arguments: LaunchArguments) -> dict[str, np.ndarray]:
    """Return copies of the float leaves of all gradients as they are now, as `out.grad`, `bodies.vel.grad`."""
    return {
        f"{leaf}.grad": values.copy()
        for path, memory in arguments.arrays.items()
        if memory.gradient is not None
        for leaf, values in leaves_of(path, memory.kind.element, memory.layout.logical(memory.gradient.numpy()))
        if is_float(values.dtype)
    }
