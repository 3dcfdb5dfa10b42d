"""Runs a few lines of PTX on the emulator, one array element a thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle import ptx

Array = np.ndarray[Any, Any]

PROLOGUE = """
.version 8.0
.target sm_75
.address_size 64
{outside}
.visible .entry snippet(.param .u64 data, .param .u64 other)
{{
    .reg .pred %p<16>;
    .reg .b16 %h<16>;
    .reg .b32 %r<40>;
    .reg .b64 %rd<40>;
    .reg .f32 %f<20>;
    .reg .f64 %d<20>;
    ld.param.u64 %rd1, [data];
    ld.param.u64 %rd3, [other];
    mov.u32 %r1, %tid.x;
    mov.u32 %r2, %ctaid.x;
    mov.u32 %r3, %ntid.x;
    mad.lo.s32 %r1, %r2, %r3, %r1;
    mul.wide.u32 %rd2, %r1, {size};
    add.s64 %rd2, %rd1, %rd2;
{body}
}}
"""


def source(body: str, outside: str = "", size: int = 4) -> str:
    """A module around a kernel's body. In it `%r1` is the thread's number in the launch, `%rd1` the address of `data`
    and `%rd3` that of `other`, `%rd2` the address of the thread's own element of `data`."""
    return PROLOGUE.format(body=body, outside=outside, size=size)


def execute(
    body: str,
    data: Array,
    other: Array | None = None,
    outside: str = "",
    blocks: int = 1,
    threads: int | None = None,
    **options: Any,
) -> tuple[Array, ptx.Execution]:
    """`data` as the kernel leaves it, with one thread an element unless `threads` says otherwise."""
    memory = ptx.GlobalMemory()
    addresses = [memory.allocate(data), memory.allocate(data if other is None else other)]
    module = ptx.Module(source(body, outside, data.dtype.itemsize))
    width = threads or len(data) // blocks
    params = [address.to_bytes(8, "little") for address in addresses]
    execution = ptx.launch(module, "snippet", (blocks, 1, 1), (width, 1, 1), params, memory, **options)
    return np.frombuffer(memory.read(addresses[0], data.nbytes), data.dtype), execution


def run(body: str, data: Array, **options: Any) -> Array:
    """`execute` for its result alone."""
    return execute(body, data, **options)[0]
