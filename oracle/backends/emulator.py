"""The target `cuda` without a device: the PTX that NVRTC made runs on the emulator.

Warp itself packs the launch: a launch recorded for the cpu holds the very parameters that a CUDA launch would pass,
with the host's addresses in its array descriptors. They are moved to the emulator's memory, and nothing here has to
know how Warp lays out bounds, arrays or structs.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import warp as wp

from extractor.compiling import Compiled
from extractor.ptx_text import PtxText
from oracle import ptx, resource_memory
from oracle.backends.launching import LaunchArguments, forward_leaves, gradient_leaves, prepare
from oracle.backends.layouts import Memory
from oracle.floats import is_float, limits, numbers
from oracle.inputs import Inputs, write_only
from oracle.observation import Observation
from oracle.parameters import leaves_of

MAX_BLOCK = 256
"""Threads in a block, as in Warp's own launches; a smaller launch gets one block of whole warps."""

WARP_SIZE = 32

TILE_SHARED_BYTES = 99 * 1024
"""Dynamic shared memory for kernels of tiles: the least that a block may ask for on any GPU since sm_86."""


def run(
    compiled: Compiled,
    dims: Sequence[int],
    inputs: Inputs,
    backward: bool,
    definedness: bool = False,
    max_block: int = MAX_BLOCK,
    authors: bool = False,
) -> Observation:
    """Run the kernel over `dims`. The observation has the sanitizer's reports, and bounds for float atomics' orders.

    `definedness` follows every value that nothing wrote (`oracle.ptx.definedness`), which takes several times as long.
    `max_block` is how many threads a block of a plain launch has, a multiple of a warp's. With `authors`, the
    observation says of every element which thread stored it last.
    Raises what the emulator raises: `Unsupported` for an instruction that it does not know, `Fault` for an access that
    a GPU would stop at, `StepLimit` for a kernel that seems not to end.
    """
    backward = backward and compiled.has_backward
    arguments = prepare(compiled.kernel, inputs, "cpu", backward)
    memory = DeviceMemory(arguments, write_only(compiled.kernel))
    writers = ptx.Writers(memory.memory) if authors else None
    tiled = {}
    if compiled.block_dim:
        dims, tiled = (*dims, compiled.block_dim), {"block_dim": compiled.block_dim}
    launch = recorded_launch(compiled.kernel, dims, arguments, **tiled)
    execution = _execute(compiled, compiled.forward_entry, dims, memory, launch, definedness, max_block, writers)
    slack = memory.order_slack(execution.float_atomics)
    ordered = {} if compiled.block_dim else memory.sum_in_thread_order(execution.float_atomics)
    memory.copy_back()
    values = forward_leaves(arguments)
    stored = memory.authors(writers)
    reports = memory.without_padding(execution.reports)
    if backward:
        adjoint = {"adjoint": True, "adj_inputs": arguments.adjoints}
        launch = recorded_launch(compiled.kernel, dims, arguments, **tiled, **adjoint)
        execution = _execute(compiled, compiled.backward_entry, dims, memory, launch, definedness, max_block, writers)
        backward_slack = memory.order_slack(execution.float_atomics)
        backward_ordered = {} if compiled.block_dim else memory.sum_in_thread_order(execution.float_atomics)
        memory.copy_back()
        gradients = gradient_leaves(arguments)
        slack |= {leaf: bound for leaf, bound in backward_slack.items() if leaf in gradients}
        ordered |= {leaf: mask for leaf, mask in backward_ordered.items() if leaf in gradients}
        values |= gradients
        stored |= {leaf: threads for leaf, threads in memory.authors(writers).items() if leaf in gradients}
        reports += memory.without_padding(execution.reports)
    return Observation(values, slack, tuple(reports), stored, ordered)


_modules: WeakKeyDictionary[PtxText, ptx.Module] = WeakKeyDictionary()


def _module(text: PtxText) -> ptx.Module:
    """Return the parsed module, which all kernels of a batch share."""
    module = _modules.get(text)
    if module is None:
        module = _modules[text] = ptx.Module(text.text)
    return module


def _execute(
    compiled: Compiled,
    entry: str,
    dims: Sequence[int],
    memory: DeviceMemory,
    launch: wp.Launch,
    definedness: bool,
    max_block: int,
    writers: ptx.Writers | None,
) -> ptx.Execution:
    threads = math.prod(dims)
    block = compiled.block_dim or min(max_block, -(-threads // WARP_SIZE) * WARP_SIZE)
    forward = 1 + len(compiled.kernel.adj.args)
    params = [memory.relocated(value) for value in (*launch.params[:forward], *map(_plain, launch.params[forward:]))]
    grid = (-(-threads // block), 1, 1)
    return ptx.launch(
        _module(compiled.ptx),
        entry,
        grid=grid,
        block=(block, 1, 1),
        params=params,
        memory=memory.memory,
        shared_bytes=TILE_SHARED_BYTES if compiled.block_dim else 0,
        definedness=definedness,
        writers=writers,
    )


def _plain(adjoint: Any) -> Any:
    """Return an adjoint as CUDA kernels declare it: that of an indexed array is a plain array, without indices."""
    return adjoint.data if isinstance(getattr(adjoint, "data", None), ctypes.Structure) else adjoint


def recorded_launch(kernel: wp.Kernel, dims: Sequence[int], arguments: LaunchArguments, **more: Any) -> wp.Launch:
    """Let Warp pack a launch without running it."""
    return wp.launch(kernel, dim=tuple(dims), inputs=arguments.inputs, device="cpu", record_cmd=True, **more)


@dataclass(frozen=True)
class _Region:
    """An array, or with the suffix `.grad` a gradient, in both memories."""

    path: str
    suffix: str
    memory: Memory
    array: wp.array
    address: int

    @property
    def leaves(self) -> Iterator[tuple[str, np.ndarray]]:
        """The leaves of the whole array, around a view as well."""
        return leaves_of(self.path, self.memory.kind.element, self.array.numpy())


class DeviceMemory:
    """The arrays of a launch in the emulator's global memory."""

    def __init__(self, arguments: LaunchArguments, write_only: Set[str] = frozenset()) -> None:
        """Copy the arrays. Reads of those in `write_only` are watched: nothing but the kernel has written them."""
        self.memory = ptx.GlobalMemory()
        self._regions = [
            _Region(path, suffix, one, array, self.memory.allocate(host_bytes(array)))
            for path, one in arguments.arrays.items()
            for suffix, array in (("", one.whole), (".grad", one.gradient))
            if array is not None and array.ptr
        ]
        for region in self._regions:
            if region.path in write_only and not region.suffix:
                self.memory.watch(region.address, host_size(region.array))
        lists = [array for one in arguments.arrays.values() for array in one.lists]
        self._blocks = [
            *((region.array.ptr, host_size(region.array), region.address) for region in self._regions),
            *((array.ptr, host_size(array), self.memory.allocate(host_bytes(array))) for array in lists),
        ]
        self._resources = [(one, resource_memory.place(one, self.memory)) for one in arguments.resources.values()]
        self._handles = {one.handle: address for one, address in self._resources}

    def relocated(self, value: Any) -> bytes:
        """Return the bytes of a packed parameter (a ctypes object) with host addresses replaced."""
        if isinstance(value, ctypes.Structure):
            value = type(value).from_buffer_copy(value)
            self._relocate(value)
        elif isinstance(value, ctypes.c_uint64) and value.value in self._handles:
            value = ctypes.c_uint64(self._handles[value.value])
        return bytes(value)

    def _relocate(self, structure: ctypes.Structure) -> None:
        names = [name for name, *_ in structure._fields_]
        if {"data", "grad", "strides"} <= set(names):
            for name in ("data", "grad"):
                host = getattr(structure, name)
                setattr(structure, name, self._address(host) if host else 0)
            return
        if "tex" in names:
            structure.tex = self._handles.get(structure.tex, 0)  # 0: the adjoint, which textures lack
            return
        for name in names:
            part = getattr(structure, name)
            if name == "indices" and isinstance(part, ctypes.Array):  # of an indexed array
                part[:] = [self._address(host) if host else None for host in part]
            elif isinstance(part, ctypes.Structure):
                self._relocate(part)

    def _address(self, host: int) -> int:
        """Return where a host's address lies in the emulator's memory: a view's begins inside its array."""
        return next(to + host - start for start, size, to in self._blocks if start <= host < start + size)

    def copy_back(self) -> None:
        """Bring the host's arrays up to date."""
        for region in self._regions:
            size = host_size(region.array)
            ctypes.memmove(region.array.ptr, self.memory.read(region.address, size), size)
        for resource, address in self._resources:
            if resource.written:
                resource_memory.copy_back(resource, self.memory, address)

    def without_padding(self, reports: Iterable[ptx.Report]) -> list[ptx.Report]:
        """Drop what is said about the storing of bytes that belong to no leaf: nobody reads them."""
        return [report for report in reports if not self._is_padding(report)]

    def _is_padding(self, report: ptx.Report) -> bool:
        if report.kind is not ptx.Kind.UNINITIALISED or report.address is None:
            return False
        for region in self._regions:
            offset = report.address - region.address
            if 0 <= offset < host_size(region.array):
                places = [(_offsets(values, region.array.ptr), values.dtype.itemsize) for _, values in region.leaves]
                return not any(((at <= offset) & (offset < at + size)).any() for at, size in places)
        return False

    def authors(self, writers: ptx.Writers | None) -> dict[str, np.ndarray]:
        """Return which thread stored to each element last, per leaf; of an element's bytes the first one counts."""
        if writers is None:
            return {}
        return {
            leaf + region.suffix: region.memory.layout.logical(writers.at(_addresses(region, values)))
            for region in self._regions
            for leaf, values in region.leaves
        }

    def order_slack(self, atomics: Mapping[int, ptx.FloatSum]) -> dict[str, np.ndarray]:
        """Bound what another order of a launch's float atomics could have changed, per leaf that has any.

        `atomics` maps an address to the number of additions and the sum of their absolute values; the host's arrays
        hold what was there before. Adding n numbers in any order errs by at most (n - 1) * u * sum|x| to first order
        (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2), so two orders lie within twice that; the
        old value is one more summand. Where the sum may overflow, any outcome is possible and the bound is infinite.
        """
        if not atomics:
            return {}
        slack = {}
        for region in self._regions:
            for leaf, values in region.leaves:
                if is_float(values.dtype):
                    bound = region.memory.layout.logical(_bounds(values, _addresses(region, values), atomics))
                    if bound.any():
                        slack[leaf + region.suffix] = bound
        return slack

    def sum_in_thread_order(self, atomics: Mapping[int, ptx.FloatSum]) -> dict[str, np.ndarray]:
        """Make memory hold what float atomics add up to if the threads add one after another, as on the cpu.

        Returns masks of the elements that do now, per leaf that has any; the others were also stored to, hold
        bfloat16s, or lost subnormals.
        """
        done = {}
        for region in self._regions:
            for leaf, values in region.leaves:
                if atomics and values.dtype.kind == "f":
                    mask = self._summed_in_thread_order(values, _addresses(region, values), atomics)
                    if mask.any():
                        done[leaf + region.suffix] = region.memory.layout.logical(mask)
        return done

    def _summed_in_thread_order(
        self, before: np.ndarray, addresses: np.ndarray, atomics: Mapping[int, ptx.FloatSum]
    ) -> np.ndarray:
        flat = before.ravel()
        mask = np.zeros(flat.shape, bool)
        with np.errstate(over="ignore", invalid="ignore"):
            for place, address in enumerate(addresses.ravel().tolist()):
                sums = atomics.get(address)
                if sums is not None:
                    found = np.frombuffer(self.memory.read(address, flat.itemsize), flat.dtype)[0]
                    expected = _summed(flat[place], sums.summands)
                    if expected == found or (expected != expected and found != found):  # nothing else happened here
                        mask[place] = True
                        if not _ascending(sums.threads):
                            order = np.argsort(sums.threads, kind="stable")
                            expected = _summed(flat[place], sums.summands[order])
                        if expected.tobytes() != found.tobytes():
                            self.memory.write(address, expected.tobytes())
        return mask.reshape(before.shape)


def _ascending(threads: np.ndarray) -> bool:
    """Whether the threads added in their order; a launch of few threads mostly adds so."""
    return len(threads) == 1 or bool((threads[:-1] <= threads[1:]).all())


def _summed(before: np.generic, summands: np.ndarray) -> np.generic:
    """Add the summands to a number one by one, each sum rounded to the number's type."""
    if len(summands) == 1:
        return before + summands.astype(before.dtype)[0]
    values = np.empty(len(summands) + 1, before.dtype)
    values[0], values[1:] = before, summands
    return np.add.accumulate(values)[-1]


def _addresses(region: _Region, values: np.ndarray) -> np.ndarray:
    """Return where the elements of a region's leaf lie in the emulator's memory, in the leaf's shape."""
    return region.address + _offsets(values, region.array.ptr)


def _offsets(values: np.ndarray, base: int) -> np.ndarray:
    """Return the distance in bytes of every element of a view from `base`, in the view's shape."""
    offsets = np.full(values.shape, values.__array_interface__["data"][0] - base, np.int64)
    for axis, (extent, stride) in enumerate(zip(values.shape, values.strides, strict=True)):
        shape = [1] * values.ndim
        shape[axis] = extent
        offsets += (np.arange(extent) * stride).reshape(shape)
    return offsets


def _bounds(values: np.ndarray, addresses: np.ndarray, atomics: Mapping[int, ptx.FloatSum]) -> np.ndarray:
    """Return the bound for every element, zero where no atomic went; `values` are those before the launch."""
    of = limits(values.dtype)
    unit = of.eps / 2.0
    flushed = of.smallest_normal if values.dtype == np.float32 else 0.0  # see ptx.FloatSum
    before = numbers(values).ravel()
    bound = np.zeros(before.shape, np.float64)
    for place, address in enumerate(addresses.ravel().tolist()):
        done = atomics.get(address)
        if done is not None:
            magnitude = done.magnitude + abs(float(before[place]))
            if magnitude > of.max:
                bound[place] = np.inf
            elif not math.isnan(magnitude):  # a NaN among the summands is the sum, in any order
                bound[place] = (done.additions + 1) * (2.0 * unit * magnitude + flushed)
    return bound.reshape(values.shape)


def host_size(array: wp.array) -> int:
    """Return the number of bytes that a contiguous array occupies."""
    return int(array.size * wp.types.type_size_in_bytes(array.dtype))


def host_bytes(array: wp.array) -> bytes:
    """Return a copy of the memory of a contiguous array on the cpu, padding included."""
    return ctypes.string_at(array.ptr, host_size(array))
