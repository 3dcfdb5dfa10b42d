"""What a kernel's parameters are, in NumPy's terms: scalar dtypes with element shapes, structs, arrays of either.

A path names a part of a parameter: `out` (the parameter), `body.inner.mass` (a field). Everything here is read from the
loaded Warp kernel, so that nobody else has to know how Warp describes types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import warp as wp

from oracle.floats import BFLOAT16, is_float


@dataclass(frozen=True)
class Plain:
    """A scalar (`shape` is empty), vector, quaternion or matrix of `scalar`s."""

    warp_type: Any
    scalar: np.dtype
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        """The NumPy dtype of one element in an array, without the element's own shape."""
        return self.scalar


@dataclass(frozen=True)
class Struct:
    """A struct with its fields in their order. `warp_type` is what the struct decorator returned."""

    warp_type: Any
    fields: Mapping[str, Type]
    dtype: np.dtype
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Array:
    """An array of `rank` dimensions, or a `wp.indexedarray`; its elements are plain values or structs."""

    element: Plain | Struct
    rank: int
    indexed: bool = False


@dataclass(frozen=True)
class Texture:
    """A texture, whose elements are no memory to a kernel."""

    warp_type: Any


Type = Plain | Struct | Array | Texture


_TEXTURES = tuple(getattr(wp, name) for name in ("Texture1D", "Texture2D", "Texture3D") if hasattr(wp, name))


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel."""

    name: str
    type: Type


def parameters_of(kernel: wp.Kernel) -> tuple[Parameter, ...]:
    """Return the kernel's parameters in their order; raises TypeError for a type that the back ends cannot pass."""
    return tuple(Parameter(arg.label, describe(arg.type)) for arg in kernel.adj.args)


def describe(warp_type: Any) -> Type:
    """Describe a type as Warp annotates it (`wp.vec3`, a struct, `wp.array(dtype=float)`); raises TypeError."""
    if _is_array(warp_type, wp.array) or _is_array(warp_type, wp.indexedarray):
        element = describe(warp_type.dtype)
        if not isinstance(element, Plain | Struct):
            raise TypeError("an array of arrays or textures cannot be passed")
        return Array(element, int(warp_type.ndim), _is_array(warp_type, wp.indexedarray))
    if any(warp_type is texture for texture in _TEXTURES):
        return Texture(warp_type)
    if hasattr(warp_type, "vars") and hasattr(warp_type, "numpy_dtype"):
        fields = {name: describe(var.type) for name, var in warp_type.vars.items()}
        return Struct(warp_type, MappingProxyType(fields), np.dtype(warp_type.numpy_dtype()))
    scalar = getattr(warp_type, "_wp_scalar_type_", warp_type)
    scalar = wp.bool if scalar is bool else scalar  # a vector's may be Python's own
    try:
        dtype = BFLOAT16 if scalar is getattr(wp, "bfloat16", None) else np.dtype(wp.dtype_to_numpy(scalar))
    except (TypeError, KeyError, ValueError) as error:
        raise TypeError(f"a parameter of type {warp_type} cannot be passed") from error
    return Plain(warp_type, dtype, tuple(getattr(warp_type, "_shape_", ())))


def _is_array(warp_type: Any, kind: type) -> bool:
    """Whether a type is an array of a kind, written as a call or as a subscript (`wp.array[float]`)."""
    return isinstance(warp_type, kind) or getattr(warp_type, "_concrete_cls", None) is kind


def arrays_of(parameters: tuple[Parameter, ...]) -> Iterator[tuple[str, Array]]:
    """Yield the arrays among the parameters with their paths, those inside struct values included."""
    for parameter in parameters:
        yield from _arrays(parameter.name, parameter.type)


def _arrays(path: str, kind: Type) -> Iterator[tuple[str, Array]]:
    if isinstance(kind, Array):
        yield path, kind
    elif isinstance(kind, Struct):
        for name, field in kind.fields.items():
            yield from _arrays(f"{path}.{name}", field)


def leaves_of(path: str, element: Plain | Struct, values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the scalar-dtype parts of an array's `values` with their paths, as views; array fields are left out.

    A leaf has the array's shape followed by the element's own: `(n, 3)` for an array of n vec3. What Warp hands out as
    the bits of bfloat16 becomes a leaf of that dtype.
    """
    if isinstance(element, Plain):
        yield path, values.view(BFLOAT16) if element.scalar == BFLOAT16 else values
        return
    for name, field in element.fields.items():
        if isinstance(field, Plain | Struct):
            yield from leaves_of(f"{path}.{name}", field, values[name])


def has_gradient(element: Plain | Struct) -> bool:
    """Whether an array of such elements has a gradient: some part of an element is a float."""
    if isinstance(element, Plain):
        return is_float(element.scalar)
    return any(has_gradient(field) for field in element.fields.values() if isinstance(field, Plain | Struct))
