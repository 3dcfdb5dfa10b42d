"""A CUDA device with no GPU: Warp's Python sees `cuda:0`, and the PTX emulator runs what it launches there.

    device = virtual_device.install()
    import warp as wp
    wp.launch(kernel, dim=100, inputs=[wp.zeros(100, device="cuda:0")], device="cuda:0")

Warp's Python reaches CUDA through functions of its native library: `wp_alloc_device_default`, `wp_memcpy_h2d`,
`wp_cuda_launch_kernel` and some 200 more. Methods here stand in for them under the same names, with the arguments that
`warp/native/warp.h` gives them, so that everything above, from arrays to tapes, is Warp's own. Modules are compiled by
the NVRTC in Warp's library. Device memory is host memory, so that pointers mean the same to Warp and to the kernels.
Work on streams is done at once; while a graph is captured it is noted, and done when the graph is launched.

A native function that neither stands here nor has a twin for the host raises `NotOnVirtualDevice`: those that build
meshes, volumes and hash grids on a GPU, among others, are machine code for which there is no PTX.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import mmap
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from oracle import ptx

ARCH = 75
MEMORY = 4 << 30
"""Bytes of device memory. The system provides pages as they are first touched."""

MAX_SHARED = 65536
"""Shared memory that a block may have on sm_75 (CUDA C++ Programming Guide, table of compute capabilities)."""

CONTEXT = 1
CURRENT_STREAM = 0xFFFF_FFFF_FFFF_FFFF

CONSTANTS: dict[str, Any] = {
    "wp_cuda_driver_is_initialized": True,
    "wp_cuda_device_get_count": 1,
    "wp_cuda_device_get_name": b"PTX emulator",
    "wp_cuda_device_get_arch": ARCH,
    "wp_cuda_device_get_sm_count": 2,
    "wp_cuda_device_get_max_shared_memory": MAX_SHARED,
    "wp_cuda_get_max_shared_memory": MAX_SHARED,
    "wp_cuda_device_is_uva": 1,
    "wp_cuda_device_get_pageable_memory_access": 0,
    "wp_cuda_device_get_direct_managed_mem_access_from_host": 0,
    "wp_cuda_device_get_host_native_atomic_supported": 0,
    "wp_cuda_device_get_managed_memory_supported": 0,
    "wp_cuda_device_get_concurrent_managed_access_supported": 0,
    "wp_cuda_device_is_mempool_supported": 1,
    "wp_cuda_device_is_ipc_supported": 0,
    "wp_cuda_device_get_uuid": None,
    "wp_cuda_device_get_pci_domain_id": 0,
    "wp_cuda_device_get_pci_bus_id": 0,
    "wp_cuda_device_get_pci_device_id": 0,
    "wp_cuda_device_get_primary_context": CONTEXT,
    "wp_cuda_context_get_device_ordinal": 0,
    "wp_cuda_context_is_primary": 1,
    "wp_cuda_context_synchronize": True,
    "wp_cuda_context_check": 0,
    "wp_cuda_stream_destroy": None,
    "wp_cuda_stream_register": None,
    "wp_cuda_stream_unregister": None,
    "wp_cuda_stream_query": 0,
    "wp_cuda_stream_synchronize": True,
    "wp_cuda_stream_wait_event": None,
    "wp_cuda_stream_wait_stream": None,
    "wp_cuda_stream_is_blocking": 1,
    "wp_cuda_stream_get_priority": 0,
    "wp_cuda_event_destroy": None,
    "wp_cuda_event_query": 0,
    "wp_cuda_event_synchronize": True,
    "wp_cuda_thread_exchange_capture_mode": 0,
    "wp_cuda_graph_destroy": True,
    "wp_cuda_graph_exec_destroy": True,
    "wp_cuda_get_kernel_static_shared_memory": -1,
    "wp_cuda_get_max_cluster_dim": 1,
    "wp_cuda_set_kernel_cluster_attrs": False,
}
"""What native functions return whatever their arguments. All work is done at once, so nothing has to be waited for."""

NATIVE = ("wp_cuda_toolkit_version", "wp_cuda_compile_program")
"""Functions of the native library that need no device, though their names say CUDA."""

TWINS = (
    *(f"wp_array_scan_{kind}" for kind in ("int", "int64", "float", "double")),
    *(f"wp_radix_sort_pairs_{kind}" for kind in ("int", "uint", "int64", "uint64", "float", "double")),
    *(f"wp_segmented_sort_pairs_{kind}" for kind in ("int", "float")),
    *(f"wp_array_{what}_{kind}" for what in ("sum", "inner") for kind in ("float", "double")),
    "wp_runlength_encode_int",
)
"""Functions whose `_device` form takes the arguments of the `_host` form, and does the same."""


class NotOnVirtualDevice(Exception):  # noqa: N818
    """A native function without PTX and without a twin for the host was called."""


class OutOfTime(Exception):  # noqa: N818
    """Launches together took longer than `VirtualDevice.seconds_left` allowed."""


class VirtualDevice:
    """What stands in for the native functions that reach a CUDA device.

    `launches` counts them, and `seconds_left` is how long they may still take in all. `errors` collects what launches
    and functions that are not there have raised, also where the caller swallowed it. With `sanitize`, `reports`
    collects what the emulator found wrong without stopping a launch.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._buffer = mmap.mmap(-1, MEMORY)
        self.memory = ptx.HostMemory(np.frombuffer(self._buffer, np.uint8))
        self.seconds_left = math.inf
        self.launches = 0
        self.sanitize = False
        self.reports: list[ptx.Report] = []
        self.errors: list[Exception] = []
        self._handles = itertools.count(16)
        self._modules: dict[int, ptx.Module] = {}
        self._kernels: dict[int, tuple[ptx.Module, str]] = {}
        self._contexts = [0]
        self._stream: int | None = None
        self._recorded: dict[int, float] = {}
        self._captured: list[Callable[[], None]] | None = None
        self._capturing = (0, 0)
        self._graphs: dict[int, list[Callable[[], None]]] = {}

    def find(self, name: str) -> Callable[..., Any] | None:
        """What stands in for a function of the native library; None if the library's own will do."""
        if name in CONSTANTS:
            return lambda *_: CONSTANTS[name]
        if hasattr(self, name):
            return partial(getattr(self, name))
        base = name.removesuffix("_device")
        if base in TWINS and base != name:
            return partial(self._run_twin, base + "_host")
        if (base != name or name.startswith("wp_cuda_")) and name not in NATIVE:
            return partial(self._refuse, name)
        return None

    def _refuse(self, name: str, *_: Any) -> None:
        self.errors.append(NotOnVirtualDevice(f"{name} is not on the virtual device"))
        raise self.errors[-1]

    def _do(self, work: Callable[[], Any]) -> bool:
        """Do work on a stream, or note it for the graph that is being captured."""
        if self._captured is not None:
            self._captured.append(work)
        else:
            work()
        return True

    def _run_twin(self, host_name: str, *arguments: Any) -> bool:
        return self._do(partial(getattr(self._library, host_name), *arguments))

    # The device.

    def wp_cuda_driver_version(self) -> int:
        return int(self._library.wp_cuda_toolkit_version())

    def wp_cuda_device_get_memory_info(self, _ordinal: int, free: Any, total: Any) -> None:
        for out in (free, total):
            if out is not None:
                out._obj.value = MEMORY

    # Contexts, streams and events.

    def wp_cuda_context_get_current(self) -> int | None:
        return self._contexts[-1] or None

    def wp_cuda_context_set_current(self, context: int | None) -> None:
        self._contexts[-1] = context or 0

    def wp_cuda_context_push_current(self, context: int | None) -> None:
        self._contexts.append(context or 0)

    def wp_cuda_context_pop_current(self) -> None:
        self._contexts.pop()

    def wp_cuda_context_get_stream(self, _context: int) -> int | None:
        return self._stream

    def wp_cuda_context_set_stream(self, _context: int, stream: int | None, _synchronize: int) -> None:
        self._stream = stream

    def wp_cuda_stream_create(self, _context: int, _priority: int) -> int:
        return next(self._handles)

    def wp_cuda_event_create(self, _context: int, _flags: int) -> int:
        return next(self._handles)

    def wp_cuda_event_record(self, event: int, _stream: int, _timing: bool) -> None:
        self._recorded[event] = time.perf_counter()

    def wp_cuda_event_elapsed_time(self, start: int, end: int) -> float:
        return 1000.0 * (self._recorded[end] - self._recorded[start])

    # Memory.

    def wp_alloc_device(self, _context: int, size: int, _tag: Any) -> int | None:
        try:
            return self.memory.allocate(size)
        except MemoryError:
            return None

    wp_alloc_device_default = wp_alloc_device

    def wp_alloc_device_async(self, context: int, size: int, _stream: int, tag: Any) -> int | None:
        return self.wp_alloc_device(context, size, tag)

    def wp_alloc_pinned(self, size: int, tag: Any) -> int | None:
        return self.wp_alloc_device(CONTEXT, size, tag)

    def wp_free_device(self, _context: int, pointer: int, *_stream: int) -> None:
        self.memory.free(pointer)

    wp_free_device_default = wp_free_device_async = wp_free_device

    def wp_free_pinned(self, pointer: int) -> None:
        self.memory.free(pointer)

    def wp_memset_device(self, _context: int, target: Any, value: int, size: int, _stream: Any) -> bool:
        return self._do(partial(ctypes.memset, target, value, size))

    def wp_memtile_device(self, _context: int, target: Any, source: Any, size: int, count: int) -> None:
        pattern = ctypes.string_at(source, size)
        self._do(lambda: self._library.wp_memtile_host(target, pattern, size, count))

    def wp_memcpy_h2d(self, _context: int, target: Any, source: Any, size: int, _stream: Any) -> bool:
        return self._do(partial(ctypes.memmove, target, source, size))

    wp_memcpy_d2h = wp_memcpy_d2d = wp_memcpy_h2d

    def wp_array_copy_device(self, _context: int, *arguments: Any) -> bool:
        return self._run_twin("wp_array_copy_host", *arguments)

    def wp_array_fill_device(self, _context: int, *arguments: Any) -> None:
        self._run_twin("wp_array_fill_host", *arguments)

    # Modules and launches.

    def wp_cuda_load_module(self, _context: int, path: bytes) -> int:
        handle = next(self._handles)
        self._modules[handle] = ptx.Module(Path(os.fsdecode(path)).read_text())
        return handle

    def wp_cuda_unload_module(self, _context: int, handle: int) -> None:
        module = self._modules.pop(handle)
        if self._captured is None and not self._graphs:
            self._kernels = {k: found for k, found in self._kernels.items() if found[0] is not module}

    def wp_cuda_get_kernel(self, _context: int, handle: int, name: bytes) -> int | None:
        module = self._modules[handle]
        if name.decode() not in module.entries:
            return None
        kernel = next(self._handles)
        self._kernels[kernel] = module, name.decode()
        return kernel

    def wp_cuda_configure_kernel_shared_memory(self, _kernel: int, size: int) -> bool:
        return size <= MAX_SHARED

    def wp_cuda_get_suggested_block_size(
        self, _context: int, _kernel: int, _shared: int, block: Any, smallest_grid: Any
    ) -> bool:
        block._obj.value, smallest_grid._obj.value = 256, 1
        return True

    def wp_cuda_launch_kernel(
        self,
        _context: int,
        kernel: int,
        dim: int,
        max_blocks: int,
        block_dim: int,
        grid_stride: int,
        _cluster_dim: int,
        shared_bytes: int,
        parameters: Any,
        _stream: int,
        _apic: Any,
    ) -> int:
        module, entry = self._kernels[kernel]
        values = [ctypes.string_at(parameters[i], size) for i, size in enumerate(module.parameter_sizes(entry))]
        block = block_dim if block_dim > 0 else 256
        if dim > 0:
            grid = _grid(dim, block, max_blocks, bool(grid_stride))
            self._do(partial(self._launch, module, entry, grid, block, values, shared_bytes))
        return 0

    def _launch(
        self,
        module: ptx.Module,
        entry: str,
        grid: tuple[int, int, int],
        block: int,
        values: list[bytes],
        shared_bytes: int,
    ) -> None:
        start = time.perf_counter()
        self.launches += 1
        try:
            with _alarm(self.seconds_left):
                execution = ptx.launch(
                    module,
                    entry,
                    grid,
                    (block, 1, 1),
                    values,
                    self.memory,
                    shared_bytes=shared_bytes,
                    max_steps=1 << 62,
                    sanitize=self.sanitize,
                )
        except Exception as error:
            self.errors.append(error)
            raise
        finally:
            self.seconds_left -= time.perf_counter() - start
        self.reports += execution.reports
        os.write(1, "".join(execution.printed).encode())

    # Graphs.

    def wp_cuda_stream_is_capturing(self, stream: int | None) -> int:
        return int(self._captured is not None and stream == self._capturing[0])

    def wp_cuda_stream_get_capture_id(self, stream: int | None) -> int:
        return self._capturing[1] if self.wp_cuda_stream_is_capturing(stream) else 0

    def wp_cuda_graph_begin_capture(self, _context: int, stream: int, _external: int, _mode: int) -> bool:
        self._captured = []
        self._capturing = stream, next(self._handles)
        return True

    def wp_cuda_graph_end_capture(self, _context: int, _stream: int, graph: Any) -> bool:
        assert self._captured is not None
        graph._obj.value = next(self._handles)
        self._graphs[graph._obj.value] = self._captured
        self._captured = None
        return True

    def wp_cuda_graph_create_exec(self, _context: int, _stream: int, graph: Any, executable: Any) -> bool:
        executable._obj.value = graph.value
        return True

    def wp_cuda_graph_launch(self, executable: Any, _stream: int) -> bool:
        for work in self._graphs[executable.value]:
            self._do(work)
        return True


def _grid(dim: int, block: int, max_blocks: int, grid_stride: bool) -> tuple[int, int, int]:
    """The grid of a launch, as `wp_cuda_launch_kernel` in `warp/native/warp.cu` computes it, without clusters."""
    blocks = -(-dim // block)
    if grid_stride:
        return min(blocks, max_blocks if max_blocks > 0 else 2**31 - 1), 1, 1
    x = min(blocks, (1 << 24) // block)
    y = min(-(-blocks // x), 65535)
    return x, y, min(-(-blocks // (x * y)), 65535)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise OutOfTime once the time is over."""
    if seconds == math.inf:
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTime("launches took too long")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Core:
    """The native library, where the virtual device stands in for what reaches CUDA."""

    def __init__(self, library: Any, device: VirtualDevice) -> None:
        self._library = library
        self._device = device

    def __getattr__(self, name: str) -> Any:
        found = self._device.find(name) or getattr(self._library, name)
        setattr(self, name, found)
        return found


def install() -> VirtualDevice:
    """Make Warp find the virtual device; to be called before `wp.init()`."""
    from warp._src import context

    if context.runtime is not None:
        raise RuntimeError("Warp has been initialised already")
    device: list[VirtualDevice] = []
    load = context.Runtime.load_dll

    def load_dll(self: Any, path: str) -> Any:
        library = load(self, path)
        if Path(path).stem in ("warp", "libwarp"):
            device.append(VirtualDevice(library))
            return _Core(library, device[0])
        return library

    context.Runtime.load_dll = load_dll
    try:
        context.init()
    finally:
        context.Runtime.load_dll = load
    return device[0]
