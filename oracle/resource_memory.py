"""Resources in the emulator's memory: the host's structures copied there, their pointers adjusted.

Warp lays a mesh, a bvh and a hash grid out alike for both targets, but does not say how. So its own compiler is asked,
once a process: a native function reports where in a structure the pointers are, and how much lies behind each.
A volume is one run of bytes without pointers.
"""

from __future__ import annotations

import ctypes
import functools
import warnings
from string import Template
from types import ModuleType

import numpy as np
import warp as wp

from grammar import releases
from grammar.arguments import family_of
from oracle.ptx import GlobalMemory
from oracle.resources import Resource

_KINDS = {"bvh": 0, "mesh": 1, "hash_grid": 2, "hash_grid_h": 3, "hash_grid_d": 4}
"""What the native function calls the structures."""

_MOST_PARTS = 32

_SNIPPET = """
    using namespace wp;
    const char* base = (const char*)handle;
    long long count = 0;
    auto part = [&](const void* pointer, long long bytes) {
        if (*(void* const*)pointer) {
            out[1 + 2 * count] = (const char*)pointer - base;
            out[2 + 2 * count] = bytes;
            ++count;
        }
    };
    auto tree = [&](const BVH& bvh) {
        part(&bvh.node_lowers, bvh.max_nodes * sizeof(*bvh.node_lowers));
        part(&bvh.node_uppers, bvh.max_nodes * sizeof(*bvh.node_uppers));
        part(&bvh.node_parents, bvh.max_nodes * sizeof(int));
        part(&bvh.node_counts, bvh.max_nodes * sizeof(int));
        part(&bvh.primitive_indices, bvh.num_items * sizeof(int));
        part(&bvh.root, sizeof(int));
        part(&bvh.item_lowers, bvh.num_items * sizeof(vec3));
        part(&bvh.item_uppers, bvh.num_items * sizeof(vec3));
        part(&bvh.item_groups, bvh.num_items * sizeof(int));
    };
    auto grid = [&](const auto& grid) {
        const long long cells = (long long)grid.dim_x * grid.dim_y * grid.dim_z;
        part(&grid.point_cells, grid.max_points * sizeof(int));
        part(&grid.point_ids, grid.max_points * sizeof(int));
        $group_keys
        part(&grid.cell_starts, cells * sizeof(int));
        part(&grid.cell_ends, cells * sizeof(int));
    };
    if (kind == 0) {
        out[0] = sizeof(BVH);
        tree(*(const BVH*)handle);
    } else if (kind == 1) {
        const Mesh& mesh = *(const Mesh*)handle;
        out[0] = sizeof(Mesh);
        part(&mesh.points.data, mesh.points.shape[0] * sizeof(vec3));
        part(&mesh.velocities.data, mesh.velocities.shape[0] * sizeof(vec3));
        part(&mesh.indices.data, mesh.indices.shape[0] * sizeof(int));
        part(&mesh.lowers, mesh.num_tris * sizeof(vec3));
        part(&mesh.uppers, mesh.num_tris * sizeof(vec3));
        part(&mesh.solid_angle_props, (2 * mesh.num_tris - 1) * sizeof(*mesh.solid_angle_props));
        tree(mesh.bvh);
    } else if (kind == 2) {
        out[0] = sizeof(HashGrid_t<float>);
        grid(*(const HashGrid_t<float>*)handle);
    } else if (kind == 3) {
        out[0] = sizeof(HashGrid_t<half>);
        grid(*(const HashGrid_t<half>*)handle);
    } else if (kind == 4) {
        out[0] = sizeof(HashGrid_t<double>);
        grid(*(const HashGrid_t<double>*)handle);
    }
"""
"""Writes a structure's size, then for every pointer that is set its offset and the bytes behind it."""

_GROUP_KEYS = "part(&grid.point_keys, grid.max_keys * sizeof(uint64_t));"
"""The pointer that hash grids have where their points can be put in groups."""


def place(resource: Resource, memory: GlobalMemory) -> int:
    """Copy a resource that was built on the cpu into the emulator's memory; returns its handle there."""
    family = family_of(resource.word)
    if family == "volume":
        buffer: wp.array = resource.objects[0].array()
        return memory.allocate(ctypes.string_at(buffer.ptr, buffer.size))
    if family.startswith("texture"):
        return memory.add_texture(resource.objects[0])
    kind = resource.word if resource.word in _KINDS else family
    size, parts = _parts(_KINDS[kind], resource.handle)
    structure = np.frombuffer(ctypes.string_at(resource.handle, size), np.uint8).copy()
    for offset, nbytes in parts:
        pointer = structure[offset : offset + 8].view(np.uint64)
        pointer[0] = memory.allocate(ctypes.string_at(int(pointer[0]), nbytes))
    return memory.allocate(structure)


def copy_back(resource: Resource, memory: GlobalMemory, address: int) -> None:
    """Bring a volume of the host's up to date with its copy at an address of the emulator's."""
    buffer: wp.array = resource.objects[0].array()
    ctypes.memmove(buffer.ptr, memory.read(address, buffer.size), buffer.size)


def _parts(kind: int, handle: int) -> tuple[int, list[tuple[int, int]]]:
    """Return the size of the structure at an address of the host's, and (offset, bytes behind it) of its pointers."""
    out = wp.zeros(1 + 2 * _MOST_PARTS, dtype=wp.int64, device="cpu")
    wp.launch(_layout_kernel(), dim=1, inputs=[kind, handle, out], device="cpu")
    size, *words = out.numpy().tolist()
    pairs = list(zip(words[0::2], words[1::2], strict=True))
    return size, [(offset, nbytes) for offset, nbytes in pairs if nbytes]


@functools.cache
def _layout_kernel() -> wp.Kernel:
    """Compile what reports the layout, with Warp's own headers; raises Warp's error where those have other names."""

    @wp.func_native(Template(_SNIPPET).substitute(group_keys=_GROUP_KEYS if releases.has_grouped_hash_grids() else ""))
    def report_layout(kind: int, handle: wp.uint64, out: wp.array(dtype=wp.int64)): ...  # type: ignore[valid-type,no-untyped-def]

    @wp.kernel(enable_backward=False, module="unique")
    def layout(kind: int, handle: wp.uint64, out: wp.array(dtype=wp.int64)) -> None:  # type: ignore[valid-type]
        report_layout(kind, handle, out)

    # As kernels are compiled for the cpu, so that their precompiled header serves: another takes a second.
    wp.set_module_options({"optimization_level": 0, "fuse_fp": False}, module=ModuleType(layout.module.name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return layout
