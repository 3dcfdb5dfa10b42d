"""Global memory in the host's own buffer: pointers mean the same to both, and freed memory is out of bounds."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import source

from oracle import ptx

SIZE = 1 << 20


def host_memory() -> tuple[ptx.HostMemory, np.ndarray]:
    buffer = np.frombuffer(mmap.mmap(-1, SIZE), np.uint8)
    return ptx.HostMemory(buffer), buffer


def launch(body: str, memory: ptx.HostMemory, address: int) -> None:
    params = [address.to_bytes(8, "little")] * 2
    ptx.launch(ptx.Module(source(body)), "snippet", (1, 1, 1), (4, 1, 1), params, memory)


def test_kernels_and_the_host_use_the_same_pointers() -> None:
    memory, buffer = host_memory()
    address = memory.allocate(np.arange(4, dtype=np.uint32))
    there = buffer[address - buffer.ctypes.data :][:16].view(np.uint32)
    assert there.tolist() == [0, 1, 2, 3]
    there += 10
    launch("ld.global.u32 %r4, [%rd2]; shl.b32 %r4, %r4, 1; st.global.u32 [%rd2], %r4; ret;", memory, address)
    assert there.tolist() == [20, 22, 24, 26]


def test_freed_memory_is_out_of_bounds() -> None:
    memory, _ = host_memory()
    address = memory.allocate(64)
    body = "st.global.u32 [%rd2], 1; ret;"
    launch(body, memory, address)
    memory.free(address)
    with pytest.raises(ptx.Fault, match="out-of-bounds"):
        launch(body, memory, address)
    with pytest.raises(KeyError):
        memory.free(address)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40_000), st.booleans()), max_size=60))
def test_allocations_keep_their_contents_until_all_room_is_given_back(requests: list[tuple[int, bool]]) -> None:
    memory, _ = host_memory()
    live: dict[int, bytes] = {}
    for number, (size, drop) in enumerate(requests):
        contents = bytes([number]) * size
        live[memory.allocate(contents)] = contents
        if drop:
            oldest = next(iter(live))
            assert memory.read(oldest, len(live[oldest])) == live.pop(oldest)
            memory.free(oldest)
    for address, contents in live.items():
        assert address % 256 == 0
        assert memory.read(address, len(contents)) == contents
        memory.free(address)
    memory.free(memory.allocate(SIZE - 8192))


def test_a_full_buffer_is_an_error() -> None:
    memory, _ = host_memory()
    with pytest.raises(MemoryError, match="free"):
        memory.allocate(SIZE)
    with pytest.raises(ValueError, match="aligned"):
        ptx.HostMemory(np.zeros(1 << 12, np.uint8)[1:257])
