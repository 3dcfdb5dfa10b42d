"""Methods that stand in for the functions of Warp's native library that reach a CUDA device."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oracle import ptx

from .graphs import Graphs
from .launches import alarm, grid_of, max_threads, static_shared
from .tables import CONSTANTS, CONTEXT, MAX_SHARED, NATIVE, TWINS

INVALID_VALUE = 1
"""What the driver returns for a launch that no device of the architecture can do (CUDA_ERROR_INVALID_VALUE)."""

MEMORY = 4 << 30
"""Bytes of device memory. The system provides pages as they are first touched."""


_LAUNCH_FAILED = "719: unspecified launch failure"
_ERRORS = {
    ptx.Kind.OUT_OF_BOUNDS: "700: an illegal memory access was encountered",
    ptx.Kind.MISALIGNED: "716: misaligned address",
    ptx.Kind.ASSERTION: "710: device-side assert triggered",
}
"""What the driver says of faults (CUDA driver API, `CUresult`)."""


class NotOnVirtualDevice(Exception):  # noqa: N818
    """A native function without PTX and without a twin for the host was called."""


class _Kernel(NamedTuple):
    module: ptx.Module
    entry: str
    static_shared: int
    max_threads: int


class VirtualDevice(Graphs):
    """What stands in for the native functions that reach a CUDA device.

    `launches` counts them, and `seconds_left` is how long they may still take in all. `errors` collects what launches
    and functions that are not there have raised, also where the caller swallowed it. With `sanitize`, `reports`
    collects what the emulator found wrong without stopping a launch.
    """

    def __init__(self, library: Any, arch: int = 75) -> None:
        super().__init__()
        self._library = library
        self._library.wp_get_error_string.restype = ctypes.c_char_p
        self._constants = CONSTANTS | {
            "wp_cuda_device_get_arch": arch,
            "wp_cuda_device_get_max_shared_memory": MAX_SHARED[arch],
            "wp_cuda_get_max_shared_memory": MAX_SHARED[arch],
        }
        self._max_shared = MAX_SHARED[arch]
        self._buffer = mmap.mmap(-1, MEMORY)
        self.memory = ptx.HostMemory(np.frombuffer(self._buffer, np.uint8))
        self.seconds_left = math.inf
        self.launches = 0
        self.sanitize = False
        self.reports: list[ptx.Report] = []
        self.errors: list[Exception] = []
        self._modules: dict[int, ptx.Module] = {}
        self._kernels: dict[int, _Kernel] = {}
        self._contexts = [0]
        self._stream: int | None = None
        self._recorded: dict[int, float] = {}
        self._kept: set[int] = set()
        self._error = b""

    def find(self, name: str) -> Callable[..., Any] | None:
        """What stands in for a function of the native library; None if the library's own will do."""
        if name in self._constants:
            return lambda *_: self._constants[name]
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

    def _run_twin(self, host_name: str, *arguments: Any) -> bool:
        def work() -> None:
            if getattr(self._library, host_name)(*arguments) is False:
                self._refuse(f"what {host_name} rejects")

        return self.do(work)

    def wp_get_error_string(self) -> bytes:
        return self._error or bytes(self._library.wp_get_error_string())

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
        return next(self.handles)

    def wp_cuda_event_create(self, _context: int, _flags: int) -> int:
        return next(self.handles)

    def wp_cuda_event_record(self, event: int, _stream: int, _timing: bool) -> None:
        self._recorded[event] = time.perf_counter()

    def wp_cuda_event_elapsed_time(self, start: int, end: int) -> float:
        return 1000.0 * (self._recorded[end] - self._recorded[start])

    # Memory.

    def wp_alloc_device(self, _context: int, size: int, _tag: Any) -> int | None:
        try:
            address = self.memory.allocate(size)
        except MemoryError:
            return None
        if self.capturing is not None:
            self._kept.add(address)
        return address

    wp_alloc_device_default = wp_alloc_device

    def wp_alloc_device_async(self, context: int, size: int, _stream: int, tag: Any) -> int | None:
        return self.wp_alloc_device(context, size, tag)

    def wp_alloc_pinned(self, size: int, tag: Any) -> int | None:
        return self.wp_alloc_device(CONTEXT, size, tag)

    def wp_free_device(self, _context: int, pointer: int, *_stream: int) -> None:
        if pointer not in self._kept:  # a graph uses its memory again whenever it is launched
            self.memory.free(pointer)

    wp_free_device_default = wp_free_device_async = wp_free_device

    def wp_free_pinned(self, pointer: int) -> None:
        self.memory.free(pointer)

    def wp_memset_device(self, _context: int, target: Any, value: int, size: int, _stream: Any) -> bool:
        return self.do(partial(ctypes.memset, target, value, size))

    def wp_memtile_device(self, _context: int, target: Any, source: Any, size: int, count: int) -> None:
        pattern = ctypes.string_at(source, size)
        self.do(lambda: self._library.wp_memtile_host(target, pattern, size, count))

    def wp_memcpy_h2d(self, _context: int, target: Any, source: Any, size: int, _stream: Any) -> bool:
        return self.do(partial(ctypes.memmove, target, source, size))

    wp_memcpy_d2h = wp_memcpy_d2d = wp_memcpy_h2d

    def wp_array_copy_device(self, _context: int, *arguments: Any) -> bool:
        return self._run_twin("wp_array_copy_host", *arguments)

    def wp_array_fill_device(self, _context: int, *arguments: Any) -> None:
        self._run_twin("wp_array_fill_host", *arguments)

    # Modules and launches.

    def wp_cuda_load_module(self, _context: int, path: bytes) -> int:
        handle = next(self.handles)
        self._modules[handle] = ptx.Module(Path(os.fsdecode(path)).read_text())
        return handle

    def wp_cuda_unload_module(self, _context: int, handle: int) -> None:
        module = self._modules.pop(handle)
        self._kernels = {kernel: found for kernel, found in self._kernels.items() if found.module is not module}

    def wp_cuda_get_kernel(self, _context: int, handle: int, name: bytes) -> int | None:
        module, entry = self._modules[handle], name.decode()
        if entry not in module.entries:
            return None
        kernel = next(self.handles)
        self._kernels[kernel] = _Kernel(module, entry, static_shared(module, entry), max_threads(module, entry))
        return kernel

    def wp_cuda_get_kernel_static_shared_memory(self, _context: int, kernel: int | None) -> int:
        return self._kernels[kernel].static_shared if kernel else -1

    def wp_cuda_configure_kernel_shared_memory(self, kernel: int, size: int) -> bool:
        return size + self._kernels[kernel].static_shared <= self._max_shared

    def wp_cuda_get_suggested_block_size(
        self, _context: int, kernel: int, _shared: int, block: Any, smallest_grid: Any
    ) -> bool:
        block._obj.value, smallest_grid._obj.value = min(256, self._kernels[kernel].max_threads), 1
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
        module, entry, static, most = self._kernels[kernel]
        block = block_dim if block_dim > 0 else 256
        if block > most or static + shared_bytes > self._max_shared:
            self._error = b"Warp CUDA error 1: invalid argument"
            return INVALID_VALUE
        if dim > 0:
            grid = grid_of(dim, block, max_blocks, bool(grid_stride))
            values = [ctypes.string_at(parameters[i], size) for i, size in enumerate(module.parameter_sizes(entry))]
            self.do(partial(self._launch, module, entry, grid, block, values, shared_bytes))
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
            with alarm(self.seconds_left):
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
            if isinstance(error, ptx.Fault):
                os.write(1, "".join(error.printed).encode())
                os.write(2, f"Warp CUDA error {_ERRORS.get(error.report.kind, _LAUNCH_FAILED)}: {error}\n".encode())
            raise
        finally:
            self.seconds_left -= time.perf_counter() - start
        self.reports += execution.reports
        os.write(1, "".join(execution.printed).encode())
