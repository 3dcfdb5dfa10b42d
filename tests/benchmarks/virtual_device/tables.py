"""What is known of the device in advance, and which native functions stand on their own without one."""

from __future__ import annotations

from typing import Any

MAX_SHARED = {75: 64 << 10, 80: 163 << 10, 86: 99 << 10, 89: 99 << 10, 90: 227 << 10}
"""Bytes of shared memory that a block may have, by architecture (CUDA C++ Programming Guide, compute capabilities)."""

MAX_THREADS = 1024

CONTEXT = 1

CONSTANTS: dict[str, Any] = {
    "wp_cuda_driver_is_initialized": True,
    "wp_cuda_device_get_count": 1,
    "wp_cuda_device_get_name": b"PTX emulator",
    "wp_cuda_device_get_sm_count": 2,
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
    "wp_cuda_is_peer_access_supported": 0,
    "wp_cuda_is_peer_access_enabled": 0,
    "wp_cuda_is_mempool_access_enabled": 0,
    "wp_cuda_thread_exchange_capture_mode": 0,
    "wp_cuda_graph_destroy": True,
    "wp_cuda_graph_exec_destroy": True,
    "wp_cuda_graph_set_condition": True,
    "wp_cuda_graph_check_conditional_body": True,
    "wp_cuda_get_max_cluster_dim": 1,
    "wp_cuda_set_kernel_cluster_attrs": False,
}
"""What native functions return whatever their arguments. All work is done at once, so nothing has to be waited for."""

NATIVE = ("wp_cuda_toolkit_version", *(f"wp_cuda_compile_{what}" for what in ("program", "dot", "fft", "solver")))
"""Functions of the native library that need no device, though their names say CUDA."""

TWINS = (
    *(f"wp_array_scan_{kind}" for kind in ("int", "int64", "float", "double")),
    *(f"wp_radix_sort_pairs_{kind}" for kind in ("int", "uint", "int64", "uint64", "float", "double")),
    *(f"wp_segmented_sort_pairs_{kind}" for kind in ("int", "float")),
    *(f"wp_array_{what}_{kind}" for what in ("sum", "inner") for kind in ("float", "double")),
    "wp_runlength_encode_int",
    "wp_bsr_matrix_from_triplets",
    "wp_bsr_transpose",
    "wp_bsr_compress_inplace",
)
"""Functions whose `_device` form takes the arguments of the `_host` form, and does the same."""
