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

from .device import NotOnVirtualDevice, VirtualDevice
from .install import install, patch
from .launches import OutOfTime
from .tables import MAX_SHARED

__all__ = ["MAX_SHARED", "NotOnVirtualDevice", "OutOfTime", "VirtualDevice", "install", "patch"]
