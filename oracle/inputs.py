"""Inputs for a kernel from a seed: ordinary values with the edge values of their types among them.

Only integer arithmetic on a PCG64 stream goes into them, so that a seed means the same inputs on every platform and
with every NumPy. Each part of each parameter has a stream of its own, named by its path: removing a parameter leaves
the others' values as they were.
"""

from __future__ import annotations

import ast
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import warp as wp

from grammar.arguments import DEFAULT_ITEMS, family_of
from grammar.kernel import Argument, Range
from grammar.parsing import parsed
from oracle import fills
from oracle.floats import is_float, limits, rounded
from oracle.parameters import (
    Array,
    Parameter,
    Plain,
    Texture,
    Type,
    arrays_of,
    has_gradient,
    leaves_of,
    parameters_of,
)
from oracle.resources import NUMBERS, STORABLE, ResourceInput

Value = Any
"""An array or a plain value as `np.ndarray` (element shape last; structured for structs), a struct value as a dict."""

ORDINARY_KERNELS = 40
"""Percentage of the seeds that bring no edge value at all, so that no NaN hides what the rest of a kernel computes."""

EDGE_PERCENT = 6
"""Percentage of the elements that are edge values, for the other seeds."""


@dataclass(frozen=True)
class Inputs:
    """The value of every parameter by name, and for every written float array, by path, the gradient it starts with.

    A gradient has its array's shape and dtype. Both are reproducible from the kernel's arguments and `seed`. `layouts`
    says by path how arrays lie in memory that are not contiguous, in the words of `grammar.arguments.LAYOUTS`.
    """

    seed: int
    values: Mapping[str, Value]
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    layouts: Mapping[str, str] = field(default_factory=dict)


def make_inputs(kernel: wp.Kernel, arguments: Sequence[Argument], seed: int) -> Inputs:
    """Draw a value for every parameter of `kernel` and a gradient for every written array.

    `arguments` describe the parameters by name, an array inside a struct value by its path (`body.points`). Raises
    KeyError for an array that has no argument, ValueError for a shape or a range that does not fit the parameter.
    """
    parameters = parameters_of(kernel)
    maker = _Maker(seed, {argument.name: argument for argument in arguments})
    values = {parameter.name: maker.value(parameter.name, parameter.type) for parameter in parameters}
    gradients = {
        path: maker.gradient(path, array)
        for path, array in arrays_of(parameters)
        if maker.arguments[path].written and has_gradient(array.element)
    }
    layouts = {argument.name: argument.layout for argument in arguments if argument.layout}
    return Inputs(seed, values, gradients, layouts)


def array_at(inputs: Inputs, path: str) -> np.ndarray:
    """Return the array at a path, which may lead into structs."""
    value: Value = inputs.values
    for name in path.split("."):
        value = value[name]
    return np.asarray(value)


class _Maker:
    """Draws the values of one seed."""

    def __init__(self, seed: int, arguments: Mapping[str, Argument]) -> None:
        self.seed = seed
        self.arguments = arguments
        self.edges = int(_stream(seed, "edges", 1)[0] % 100) >= ORDINARY_KERNELS

    def value(self, path: str, kind: Type) -> Value:
        argument = self.arguments.get(path)
        if isinstance(kind, Texture) or (argument is not None and argument.resource):
            return self._resource(path, kind, argument)
        if isinstance(kind, Array):
            return self._array(path, kind)
        if isinstance(kind, Plain):
            return self._leaf(path, kind.scalar, kind.shape)
        return {name: self.value(f"{path}.{name}", part) for name, part in kind.fields.items()}

    def _resource(self, path: str, kind: Type, argument: Argument | None) -> ResourceInput:
        """Return what the resource is made from; the source must have said that a handle's parameter is one."""
        family = family_of(argument.resource) if argument is not None and argument.resource else "nothing"
        is_handle = isinstance(kind, Plain) and kind.scalar == np.uint64 and not kind.shape
        if argument is None or (family.startswith("texture") if is_handle else family != _texture_family(kind)):
            raise ValueError(f"'{path}' is passed {family}, which is not of its type")
        count = argument.shape[0] if argument.shape else DEFAULT_ITEMS
        written = argument.written and argument.resource in STORABLE
        return ResourceInput(argument.resource, count, written, _stream(self.seed, path, NUMBERS))

    def gradient(self, path: str, array: Array) -> np.ndarray:
        """Return numbers for the float parts of the array's elements, zeros elsewhere: whole ones for whole ones."""
        values = self._empty(path, array)
        for leaf, part in leaves_of(path, array.element, values):
            if is_float(part.dtype):
                raw = _stream(self.seed, f"{leaf}.grad", part.size)
                if self._fill(path) in fills.WORDS:
                    part[...] = fills.filled("whole", raw, part.dtype, part.shape)
                else:
                    part[...] = _ordinary_floats(raw, part.dtype).reshape(part.shape)
        return values

    def _array(self, path: str, array: Array) -> np.ndarray:
        values = self._empty(path, array)
        for leaf, part in leaves_of(path, array.element, values):
            part[...] = self._leaf(leaf, part.dtype, part.shape)
        return values

    def _empty(self, path: str, array: Array) -> np.ndarray:
        shape = self.arguments[path].shape
        if len(shape) != array.rank:
            raise ValueError(f"'{path}' has {array.rank} dimensions, but the argument's shape is {shape}")
        return np.zeros(shape + array.element.shape, array.element.dtype)

    def _leaf(self, path: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        count = int(np.prod(shape, dtype=np.int64))
        raw = _stream(self.seed, path, 3 * count).reshape(3, count)
        bounds, fill = self._bounds(path), self._fill(path)
        if fill == "sorted":
            values = fills.ascending(_ordinary(raw[0], dtype).reshape(shape))
        elif fill in fills.WORDS and is_float(dtype):
            values = fills.filled(fill, raw[0], dtype, shape)
        elif fill == "cdf" and is_float(dtype):
            values = fills.cumulative(raw[0], dtype, shape)
        elif fill == "point" and is_float(dtype):
            values = rounded(_multiples(raw[0]), dtype)
        elif bounds is not None:
            values = _bounded_integers(raw, dtype, bounds)
        elif dtype.kind == "b":
            values = (raw[0] & np.uint64(1)).astype(dtype)
        else:
            ordinary = _ordinary(raw[0], dtype)
            table = edge_values(dtype)
            edges = table[(raw[1] % np.uint64(len(table))).astype(np.int64)]
            values = np.where(raw[2] % np.uint64(100) < EDGE_PERCENT, edges, ordinary) if self.edges else ordinary
        return values.reshape(shape)

    def _fill(self, path: str) -> str:
        """Return the word for the values of what a path is part of."""
        argument = self.arguments.get(path) or self.arguments.get(path.partition(".")[0])
        return argument.fill if argument else ""

    def _bounds(self, path: str) -> Range | None:
        """Return the range for a path: that of the longest argument whose name begins it."""
        parts = path.split(".")
        for length in range(len(parts), 0, -1):
            argument = self.arguments.get(".".join(parts[:length]))
            if argument is not None:
                return argument.ranges.get(".".join(parts[length:]))
        return None


def _texture_family(kind: Type) -> str:
    """Return the family of a texture parameter, the empty text for any other."""
    return str(kind.warp_type.__name__).lower() if isinstance(kind, Texture) else ""


def _stream(seed: int, path: str, count: int) -> np.ndarray:
    """Return `count` random 64-bit numbers that belong to the seed and the path."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(path.encode())])
    return np.atleast_1d(np.random.PCG64(sequence).random_raw(count)).astype(np.uint64)


def _bounded_integers(raw: np.ndarray, dtype: np.dtype, bounds: Range) -> np.ndarray:
    """Return integers within `bounds`, each end for one element in twelve beyond its fair share."""
    low, high = bounds
    if dtype.kind not in "iu" or not np.iinfo(dtype).min <= low <= high <= np.iinfo(dtype).max:
        raise ValueError(f"the range {low} to {high} does not fit {dtype}")
    span = high - low + 1
    offset = raw[0] if span == 1 << 64 else raw[0] % np.uint64(span)
    choice = raw[1] % np.uint64(12)
    offset = np.where(choice == 0, np.uint64(0), np.where(choice == 1, np.uint64(span - 1), offset))
    return (offset + np.uint64(low % (1 << 64))).astype(np.int64).astype(dtype)


def _ordinary(raw: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return numbers that are no edge values."""
    return _ordinary_floats(raw, dtype) if is_float(dtype) else _ordinary_integers(raw, dtype)


def _ordinary_integers(raw: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return small numbers for two elements in three, any of the type for the others."""
    small = (raw >> np.uint64(8)) % np.uint64(24)
    if dtype.kind == "i":
        small = small - np.uint64(8)
    wide = raw >> np.uint64(64 - 8 * dtype.itemsize)
    return np.where(raw % np.uint64(3) < 2, small, wide).astype(np.int64).astype(dtype)


def _multiples(raw: np.ndarray) -> np.ndarray:
    """Return multiples of 2**-20 from -2 to 2, as float64."""
    return ((raw >> np.uint64(11)) % np.uint64(1 << 22)).astype(np.float64) / float(1 << 20) - 2.0


_EXPONENTS = np.array([3, 3, 2, 2, 1, 1, 1, 0, 0, 0, -1, -1, -2, -3, -5, -8])


def _ordinary_floats(raw: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return numbers between -8 and 8: one in eight an integer, the others with a full significand."""
    bits = limits(dtype).nmant + 1
    significand = (raw >> np.uint64(11)) % np.uint64(1 << bits)
    exponent = _EXPONENTS[(raw % np.uint64(16)).astype(np.int64)]
    numbers = np.ldexp(significand.astype(np.float64) - float(1 << (bits - 1)), exponent - (bits - 1))
    whole = (raw >> np.uint64(16)) % np.uint64(17)
    is_whole = (raw >> np.uint64(4)) % np.uint64(8) == 0
    return rounded(np.where(is_whole, whole.astype(np.float64) - 8.0, numbers), dtype)


def edge_values(dtype: np.dtype) -> np.ndarray:
    """Return the values at which code for the type goes wrong most: zeros, signs, extremes, and what is no number."""
    if dtype.kind == "u":
        top = np.iinfo(dtype).max
        return np.array([0, 1, 2, top, top - 1, top // 2, top // 2 + 1], dtype)
    if dtype.kind == "i":
        info = np.iinfo(dtype)
        return np.array([0, 1, -1, 2, -2, info.min, info.min + 1, info.max, info.max - 1], dtype)
    of = limits(dtype)
    positive = [
        0.0,
        1.0,
        0.5,
        2.0,
        1.0 + of.eps,
        of.max,
        of.smallest_normal,
        of.smallest_subnormal,
        of.smallest_normal - of.smallest_subnormal,
        float("inf"),
    ]
    signed = [sign * number for number in positive for sign in (1.0, -1.0)]
    return rounded(np.array([*signed, float("nan")]), dtype)


def default_arguments(
    kernel: wp.Kernel, dims: Sequence[int], resources: Mapping[str, str] = MappingProxyType({})
) -> tuple[Argument, ...]:
    """Describe launch arguments for a kernel of which only its source is known.

    Arrays get the launch's extents (the first ones, or the last one repeated), integers stay valid as indices into all
    of them, and an array is written if the source stores to it by name or passes it to an atomic or to a function.
    `resources` says which parameters are handles or textures, and which resource each gets.
    """
    written = _written_names(kernel)
    smallest = min(dims, default=1)
    return tuple(
        argument
        for parameter in parameters_of(kernel)
        for argument in (
            [Argument(parameter.name, written=parameter.name in written, resource=resources[parameter.name])]
            if parameter.name in resources
            else _default(parameter, tuple(dims), (0, max(smallest - 1, 0)), parameter.name in written)
        )
    )


def _default(parameter: Parameter, dims: tuple[int, ...], integers: Range, written: bool) -> list[Argument]:
    arguments = []
    for path, array in arrays_of((parameter,)):
        shape = (dims + dims[-1:] * array.rank)[: array.rank]
        arguments.append(Argument(path, shape, _integer_ranges("", array.element, integers), written))
    if not isinstance(parameter.type, Array):
        arguments.append(Argument(parameter.name, (), _integer_ranges("", parameter.type, integers)))
    return arguments


def _integer_ranges(path: str, kind: Type, integers: Range) -> dict[str, Range]:
    if isinstance(kind, Array | Texture):
        return {}
    if isinstance(kind, Plain):
        limit = np.iinfo(kind.scalar).max if kind.scalar.kind in "iu" else 0
        return {path: (integers[0], min(integers[1], int(limit)))} if limit else {}
    parts = ((f"{path}.{name}" if path else name, part) for name, part in kind.fields.items())
    return {leaf: bounds for name, part in parts for leaf, bounds in _integer_ranges(name, part, integers).items()}


def _written_names(kernel: wp.Kernel) -> set[str]:
    """Return the parameters that the kernel's source stores to, or hands to a call that may."""
    written = set()
    for node in ast.walk(parsed(kernel.adj.source)):
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AugAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call):
            targets = [argument for argument in node.args if isinstance(argument, ast.Name)]
        else:
            continue
        written |= {_root_name(target) for target in targets}
    return written


def write_only(kernel: wp.Kernel) -> frozenset[str]:
    """Return the parameters that the kernel's source stores whole elements of, by name, and mentions nowhere else."""
    nodes = list(ast.walk(parsed(kernel.adj.source)))
    stored = Counter(
        target.value.id
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name)
    )
    mentioned = Counter(node.id for node in nodes if isinstance(node, ast.Name))
    return frozenset(name for name, count in stored.items() if count == mentioned[name])


def _root_name(node: ast.expr) -> str:
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
