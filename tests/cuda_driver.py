"""The few calls of the CUDA driver API that running a PTX module takes, through ctypes."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_PROTOTYPES: dict[str, tuple[Any, ...]] = {
    # Handles are pointers, a device pointer is a 64-bit integer, enumerations are int.
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (POINTER(c_int),),
    "cuDeviceGetCount": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (POINTER(c_void_p), c_int),
    "cuCtxSetCurrent": (c_void_p,),
    "cuCtxSynchronize": (),
    "cuModuleLoadDataEx": (POINTER(c_void_p), c_char_p, c_uint, POINTER(c_int), POINTER(c_void_p)),
    "cuModuleGetFunction": (POINTER(c_void_p), c_void_p, c_char_p),
    "cuModuleUnload": (c_void_p,),
    "cuMemAlloc_v2": (POINTER(c_uint64), c_size_t),
    "cuMemFree_v2": (c_uint64,),
    "cuMemcpyHtoD_v2": (c_uint64, c_void_p, c_size_t),
    "cuMemcpyDtoH_v2": (c_void_p, c_uint64, c_size_t),
    "cuLaunchKernel": (c_void_p, *[c_uint] * 7, c_void_p, POINTER(c_void_p), POINTER(c_void_p)),
    "cuGetErrorName": (c_int, POINTER(c_char_p)),
}
_MAJOR, _MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""
_ERROR_LOG, _ERROR_LOG_SIZE = 5, 6
"""CU_JIT_ERROR_LOG_BUFFER and _SIZE_BYTES."""
_LOG_BYTES = 8192


class CudaError(Exception):
    """A call of the driver failed."""


class Driver:
    """The first device, its primary context made current."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        for name, types in _PROTOTYPES.items():
            function = getattr(library, name)
            function.argtypes, function.restype = types, c_int
        self.call("cuInit", 0)
        device, context = c_int(), c_void_p()
        self.call("cuDeviceGet", byref(device), 0)
        self.call("cuDevicePrimaryCtxRetain", byref(context), device)
        self.call("cuCtxSetCurrent", context)
        major, minor = c_int(), c_int()
        self.call("cuDeviceGetAttribute", byref(major), _MAJOR, device)
        self.call("cuDeviceGetAttribute", byref(minor), _MINOR, device)
        self.capability = 10 * major.value + minor.value

    def call(self, name: str, *arguments: Any, log: Any = None) -> None:
        """Call a function; CudaError if it does not return CUDA_SUCCESS."""
        code = getattr(self.library, name)(*arguments)
        if code:
            text = c_char_p()
            self.library.cuGetErrorName(code, byref(text))
            detail = f"\n{log.value.decode(errors='replace')}" if log is not None else ""
            raise CudaError(f"{name}: {(text.value or b'error').decode()} ({code}){detail}")

    def execute(self, text: str, data: Array, other: Array, threads: int, block: int = 64) -> Array:
        """Run the module's kernel `snippet` with the addresses of two arrays; the first one as the kernel left it."""
        module, function = c_void_p(), c_void_p()
        log = ctypes.create_string_buffer(_LOG_BYTES)
        options = (c_int * 2)(_ERROR_LOG, _ERROR_LOG_SIZE)
        values = (c_void_p * 2)(ctypes.cast(log, c_void_p), _LOG_BYTES)
        self.call("cuModuleLoadDataEx", byref(module), text.encode(), 2, options, values, log=log)
        addresses = [c_uint64(), c_uint64()]
        try:
            self.call("cuModuleGetFunction", byref(function), module, b"snippet")
            for address, array in zip(addresses, (data, other), strict=True):
                self.call("cuMemAlloc_v2", byref(address), max(array.nbytes, 1))
                contiguous = np.ascontiguousarray(array)
                self.call("cuMemcpyHtoD_v2", address, c_void_p(contiguous.ctypes.data), contiguous.nbytes)
            self._launch(function, threads // block, block, addresses)
            result = np.empty_like(data, order="C")
            self.call("cuMemcpyDtoH_v2", c_void_p(result.ctypes.data), addresses[0], result.nbytes)
        finally:
            for address in addresses:
                if address.value:
                    self.call("cuMemFree_v2", address)
            self.call("cuModuleUnload", module)
        return result

    def _launch(self, function: c_void_p, blocks: int, threads: int, parameters: Sequence[c_uint64]) -> None:
        pointers = (c_void_p * len(parameters))(*[ctypes.addressof(parameter) for parameter in parameters])
        self.call("cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, 0, None, pointers, None)
        self.call("cuCtxSynchronize")


def open_driver() -> Driver | None:
    """The driver, or None on a machine without it or without a device."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        library.cuInit.argtypes = (c_uint,)
    except (OSError, AttributeError):
        return None
    count = c_int()
    if library.cuInit(0) or library.cuDeviceGetCount(byref(count)) or count.value == 0:
        return None
    return Driver(library)
