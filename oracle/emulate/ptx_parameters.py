"""The parameters of a PTX kernel: as the user says, otherwise as its code lets one guess, and every guess is told."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grammar.errors import UserError
from oracle import ptx
from oracle.emulate.pointer_use import Reach, Uses
from oracle.emulate.specs import DTYPES, ArraySpec, Spec, number
from oracle.emulate.warp_layout import ARRAY_BYTES, GRADIENT_OFFSET, STRIDES_OFFSET, array_descriptor
from oracle.ptx.parse import Variable
from oracle.ptx.types import TYPES

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Placed:
    """An array in the emulator's memory; `offset` is where its descriptor or pointer stands in its parameter."""

    name: str
    offset: int
    address: int
    values: Array
    spec: ArraySpec
    written: bool


@dataclass(frozen=True)
class Given:
    """A parameter's bytes and the arrays that they point to."""

    contents: bytearray
    arrays: tuple[Placed, ...] = ()


class ParameterMaker:
    """Makes parameters of a kernel that is launched over `dims`, and puts their arrays in `memory`.

    `uses` is what the kernel does with its parameters, `guess` is told what was assumed.
    """

    def __init__(
        self, uses: Uses, dims: tuple[int, ...], seed: int, memory: ptx.GlobalMemory, guess: Callable[[str], None]
    ) -> None:
        self.uses = uses
        self.dims = dims
        self.seed = seed
        self.memory = memory
        self.guess = guess

    def parameter(self, variable: Variable, spec: Spec) -> Given:
        """The parameter as `spec` says; raises UserError where that does not fit."""
        reached = {offset: reach for (name, offset), reach in self.uses.pointers.items() if name == variable.name}
        if isinstance(spec, str):
            return Given(bytearray(self._number(variable, spec)))
        if isinstance(spec, ArraySpec):
            if variable.size not in (8, ARRAY_BYTES):
                raise UserError(f"{short_name(variable)} has {variable.size} bytes and takes no array")
            written = 0 in reached and reached[0].written
            return self._filled(variable, {0: (spec, written)})
        chosen = {
            offset: (self._guessed_array(variable, offset, reach), reach.written)
            for offset, reach in sorted(reached.items())
            if offset - GRADIENT_OFFSET not in reached
        }
        if variable.size == ARRAY_BYTES and not chosen:
            chosen = {0: (self._guessed_array(variable, 0, Reach()), False)}
        return self._filled(variable, chosen)

    def _filled(self, variable: Variable, chosen: dict[int, tuple[ArraySpec, bool]]) -> Given:
        """A parameter with descriptors or pointers at the chosen offsets, and small values elsewhere."""
        contents = bytearray(variable.size)
        taken: set[int] = set()
        arrays = []
        for offset, (spec, written) in chosen.items():
            name = short_name(variable) + (f"+{offset}" if offset else "")
            placed = self._place(name, offset, spec, written)
            pointer = placed.address.to_bytes(8, "little")
            if offset + ARRAY_BYTES <= variable.size:
                pointer = array_descriptor(placed.address, 0, spec.shape, spec.dtype.itemsize * spec.components)
            contents[offset : offset + len(pointer)] = pointer
            taken |= set(range(offset, offset + len(pointer)))
            arrays.append(placed)
        for (name, offset), type_name in sorted(self.uses.reads.items()):
            if name == variable.name and offset not in taken:
                value = self._guessed_number(variable, offset, type_name)
                contents[offset : offset + len(value)] = value
        return Given(contents, tuple(arrays))

    def _place(self, name: str, offset: int, spec: ArraySpec, written: bool) -> Placed:
        values = spec.values
        if values is None:
            values = self._random(name, (*spec.shape, spec.components), spec.dtype)
        return Placed(name, offset, self.memory.allocate(values), values, spec, written)

    def _random(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Floats between -8 and 8, integers that are valid as indices into arrays of the launch's extents."""
        generator = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        if dtype.kind == "f":
            return generator.uniform(-8.0, 8.0, shape).astype(dtype)
        return generator.integers(0, min(*self.dims, 127), shape, endpoint=False).astype(dtype)

    def _guessed_array(self, variable: Variable, offset: int, reach: Reach) -> ArraySpec:
        type_name = reach.types.most_common(1)[0][0] if reach.types else "f32"
        dtype = DTYPES.get(type_name.replace("b", "i").replace("u", "i"), DTYPES["f32"])
        components = max(1, -(-reach.extent // dtype.itemsize))
        shape: tuple[int, ...] = (math.prod(self.dims),)
        if offset + ARRAY_BYTES <= variable.size:
            first = offset + STRIDES_OFFSET
            strides = [at for name, at in self.uses.reads if name == variable.name and first <= at < first + 16]
            rank = (max(strides, default=first) - first) // 4 + 1
            shape = (*self.dims, *[self.dims[-1]] * rank)[:rank]
        spec = ArraySpec(dtype, shape, components)
        place = short_name(variable) + (f"+{offset}" if offset else "")
        self.guess(f"{place} is {describe(spec)}, random")
        return spec

    def _number(self, variable: Variable, text: str) -> bytes:
        dtype = TYPES[variable.type].dtype
        if variable.size != dtype.itemsize:
            raise UserError(f"{short_name(variable)} has {variable.size} bytes and takes no number")
        return number(text, dtype).tobytes()

    def _guessed_number(self, variable: Variable, offset: int, type_name: str) -> bytes:
        declared = variable.type if variable.size == TYPES[variable.type].size else type_name
        name = short_name(variable) + (f"+{offset}" if offset else "")
        value = self._random(name, (1,), TYPES[declared].dtype)
        self.guess(f"{name} is {value[0]:g}, a random {declared}")
        return value.tobytes()

    def adjoint(self, given: Given) -> Given:
        """The adjoint of a parameter: gradients of its arrays, random for those that the kernel writes, else zero.

        The arrays' own descriptors get to know their gradients.
        """
        contents = bytearray(len(given.contents))
        arrays = []
        for array in given.arrays:
            zeros = np.zeros_like(array.values) if not array.written or array.values.dtype.kind != "f" else None
            spec = ArraySpec(array.spec.dtype, array.spec.shape, array.spec.components, zeros)
            placed = self._place(f"{array.name}.grad", array.offset, spec, False)
            size = spec.dtype.itemsize * spec.components
            descriptor = array_descriptor(placed.address, 0, spec.shape, size)
            contents[array.offset : array.offset + ARRAY_BYTES] = descriptor
            struct.pack_into("<Q", given.contents, array.offset + GRADIENT_OFFSET, placed.address)
            arrays.append(placed)
        return Given(contents, tuple(arrays))


def short_name(variable: Variable) -> str:
    """A parameter's name without its entry's, which Warp's compiler puts before it."""
    return "param_" + variable.name.rpartition("_param_")[2] if "_param_" in variable.name else variable.name


def describe(spec: ArraySpec) -> str:
    """An array as `--param` writes it: `f32x3[64]`."""
    name = next(name for name, dtype in DTYPES.items() if dtype == spec.dtype)
    components = f"x{spec.components}" if spec.components > 1 else ""
    return f"{name}{components}[{','.join(map(str, spec.shape))}]"
