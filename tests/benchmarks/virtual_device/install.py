"""Puts the virtual device underneath Warp's Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .device import VirtualDevice


class _Core:
    """The native library, where the virtual device stands in for what reaches CUDA."""

    def __init__(self, library: Any, device: VirtualDevice) -> None:
        self._library = library
        self._device = device

    def __getattr__(self, name: str) -> Any:
        found = self._device.find(name) or getattr(self._library, name)
        setattr(self, name, found)
        return found


def patch(arch: int = 75) -> list[VirtualDevice]:
    """Make Warp find the virtual device when it is initialised: from then on the device is in the list.

    Like a real device, it is not found where `CUDA_VISIBLE_DEVICES` is empty.
    """
    from warp._src import context

    if context.runtime is not None:
        raise RuntimeError("Warp has been initialised already")
    device: list[VirtualDevice] = []
    load = context.Runtime.load_dll

    def load_dll(self: Any, path: str) -> Any:
        library = load(self, path)
        if Path(path).stem not in ("warp", "libwarp") or os.environ.get("CUDA_VISIBLE_DEVICES") == "":
            return library
        device.append(VirtualDevice(library, arch))
        return _Core(library, device[0])

    context.Runtime.load_dll = load_dll
    return device


def install(arch: int = 75) -> VirtualDevice:
    """Initialise Warp with the virtual device."""
    import warp as wp

    device = patch(arch)
    wp.init()
    return device[0]
