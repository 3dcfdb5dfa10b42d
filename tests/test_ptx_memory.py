"""Memory of the PTX emulator: every space and width works, and no access leaves what was allocated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptx_snippets import run, source

from oracle import ptx

WIDTHS = [
    ("u8", np.uint8),
    ("s8", np.int8),
    ("u16", np.uint16),
    ("s16", np.int16),
    ("u32", np.uint32),
    ("s32", np.int32),
]


@pytest.mark.parametrize(("name", "dtype"), WIDTHS)
def test_narrow_loads_extend_by_their_type(name: str, dtype: type) -> None:
    data = np.array([0, 1, 127, 128, 200, 255, 32768, 65535, 2**31, 2**32 - 1], np.uint64)
    body = f"ld.global.{name} %rd4, [%rd2]; st.global.u64 [%rd2], %rd4; ret;"
    expected = data.astype(dtype).astype(np.int64).astype(np.uint64)
    assert np.array_equal(run(body, data), expected)


def test_narrow_stores_leave_the_neighbours_alone() -> None:
    body = "mov.u16 %h1, 0x1234; st.global.u8 [%rd2+1], %h1; ret;"
    assert run(body, np.full(3, 0xAABBCCDD, np.uint32)).tolist() == [0xAABB34DD] * 3


def test_vectors_load_and_store_their_elements_in_order() -> None:
    body = """
        mul.wide.u32 %rd4, %r1, 16;
        add.s64 %rd4, %rd1, %rd4;
        ld.global.v4.u32 {%r4, %r5, %r6, %r7}, [%rd4];
        st.global.v2.u32 [%rd4+8], {%r4, %r5};
        st.global.v2.u32 [%rd4], {%r7, %r6};
        ret;
    """
    result = run(body, np.arange(8, dtype=np.uint32), threads=2)
    assert result.tolist() == [3, 2, 0, 1, 7, 6, 4, 5]


def test_every_thread_has_its_own_local_memory() -> None:
    body = """
        .local .align 8 .b8 depot[64];
        mov.u64 %rd4, depot;
        cvta.local.u64 %rd5, %rd4;
        and.b32 %r4, %r1, 7;
        mul.wide.u32 %rd6, %r4, 8;
        add.u64 %rd7, %rd5, %rd6;
        st.u32 [%rd7], %r1;
        cvta.to.local.u64 %rd8, %rd7;
        ld.local.u32 %r5, [%rd8];
        st.global.u32 [%rd2], %r5;
        ret;
    """
    assert run(body, np.zeros(50, np.uint32)).tolist() == list(range(50))


def test_one_generic_load_may_read_different_spaces() -> None:
    outside = ".const .align 4 .u32 table[3] = {11, 12, 13};\n.shared .align 4 .b8 tile[64];"
    body = """
        .local .align 4 .b8 depot[4];
        mov.u64 %rd4, depot;
        cvta.local.u64 %rd4, %rd4;
        st.u32 [%rd4], 77;
        mov.u64 %rd5, tile;
        cvta.shared.u64 %rd5, %rd5;
        st.u32 [%rd5+8], 88;
        mov.u64 %rd6, table;
        cvta.const.u64 %rd6, %rd6;
        rem.u32 %r4, %r1, 4;
        setp.eq.u32 %p1, %r4, 1;
        setp.eq.u32 %p2, %r4, 2;
        setp.eq.u32 %p3, %r4, 3;
        mov.u64 %rd7, %rd2;
        @%p1 mov.u64 %rd7, %rd4;
        @%p2 add.u64 %rd7, %rd5, 8;
        @%p3 add.u64 %rd7, %rd6, 4;
        ld.u32 %r5, [%rd7];
        st.global.u32 [%rd2], %r5;
        ret;
    """
    assert run(body, np.full(8, 5, np.uint32), outside=outside).tolist() == [5, 77, 88, 12] * 2


def test_module_variables_keep_their_contents_between_launches() -> None:
    text = source(
        "ld.global.u32 %r4, [counter]; add.u32 %r4, %r4, 1; st.global.u32 [counter], %r4;"
        "st.global.u32 [%rd2], %r4; ret;",
        ".global .align 4 .u32 counter = 41;",
    )
    module, memory = ptx.Module(text), ptx.GlobalMemory()
    address = memory.allocate(4)
    for expected in (42, 43):
        ptx.launch(module, "snippet", (1, 1, 1), (1, 1, 1), [address.to_bytes(8, "little")] * 2, memory)
        assert int.from_bytes(memory.read(address, 4), "little") == expected


def test_initialisers_may_hold_addresses() -> None:
    outside = ".global .u32 value = 9;\n.global .u64 pointers[2] = {0, generic(value)};"
    body = "ld.global.u64 %rd4, [pointers+8]; ld.u32 %r4, [%rd4]; st.global.u32 [%rd2], %r4; ret;"
    assert run(body, np.zeros(2, np.uint32), outside=outside).tolist() == [9, 9]


def test_a_fault_names_instruction_thread_address_and_line() -> None:
    body = """
        setp.ne.u32 %p1, %r1, 37;
        @%p1 ret;
        ld.global.f32 %f1, [%rd2+108];
        ret;
    """
    with pytest.raises(ptx.Fault) as caught:
        run(body, np.zeros(64, np.float32), blocks=2)
    fault = caught.value
    lines = source(body).splitlines()
    assert fault.report.opcode == "ld.global.f32"
    assert fault.report.thread == ((1, 0, 0), (5, 0, 0))
    assert "ld.global.f32" in lines[fault.report.line - 1]
    assert fault.report.address is not None and fault.report.address % 256 == 0
    assert "out-of-bounds 4-byte read" in str(fault)
    assert "0 bytes past the end of a 256-byte allocation" in str(fault)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("ld.global.u32 %r4, [%rd2+2];", "misaligned"),
        ("st.global.u32 [%rd2+-4], %r1;", "before a 32-byte allocation"),
        ("mov.u64 %rd4, 0; ld.u32 %r4, [%rd4];", "null pointer"),
        ("mov.u64 %rd4, -4; ld.u32 %r4, [%rd4];", "out-of-bounds"),
        ("ld.shared.u32 %r4, [%rd2];", "a global address"),
        ("mov.u64 %rd4, constant; st.u32 [%rd4+4], %r1;", "out-of-bounds"),
        (".local .b8 depot[4]; mov.u64 %rd4, depot; st.local.u32 [%rd4+4], %r1;", "out-of-bounds"),
        ("mov.u64 %rd4, tile; st.shared.u32 [%rd4+16], %r1;", "out-of-bounds"),
        ("st.param.u32 [data], %r1;", "kernel parameter"),
        ("ld.param.u64 %rd4, [data+8];", "out-of-bounds"),
        ("ld.global.v2.u64 {%rd4, %rd5}, [%rd1+24];", "misaligned"),
        ("atom.global.add.u32 %r4, [%rd2+32], 1;", "out-of-bounds"),
    ],
)
def test_bad_accesses_fault(body: str, why: str) -> None:
    outside = ".const .u32 constant = 1;\n.shared .align 16 .b8 tile[16];"
    with pytest.raises(ptx.Fault, match=why):
        run(body + " ret;", np.zeros(8, np.uint32), outside=outside)


def test_a_masked_out_thread_may_hold_a_bad_address() -> None:
    body = """
        setp.lt.u32 %p1, %r1, 3;
        mov.u64 %rd4, 0;
        @%p1 mov.u64 %rd4, %rd2;
        @%p1 st.global.u32 [%rd4], 1;
        @!%p1 bra DONE;
        st.global.u32 [%rd4], 2;
    DONE:
        ret;
    """
    assert run(body, np.zeros(6, np.uint32)).tolist() == [2, 2, 2, 0, 0, 0]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=6), st.integers(-6000, 6000), st.sampled_from([1, 2, 4, 8]))
def test_an_access_succeeds_exactly_inside_an_allocation(sizes: list[int], offset: int, width: int) -> None:
    memory = ptx.GlobalMemory()
    addresses = [memory.allocate(bytes(size)) for size in sizes]
    target = addresses[len(sizes) // 2] + offset
    inside = any(a <= target and target + width <= a + size for a, size in zip(addresses, sizes, strict=True))
    text = source(f"ld.param.u64 %rd4, [other]; ld.u{8 * width} %rd5, [%rd4]; ret;")
    params = [address.to_bytes(8, "little") for address in (addresses[0], target)]
    try:
        ptx.launch(ptx.Module(text), "snippet", (1, 1, 1), (2, 1, 1), params, memory)
        succeeded = True
    except ptx.Fault as fault:
        succeeded = False
        assert fault.report.address == target
    assert succeeded == (inside and target % width == 0)


def test_global_memory_reads_back_what_was_written() -> None:
    memory = ptx.GlobalMemory()
    addresses = [memory.allocate(np.full(5000, i, np.uint8)) for i in range(40)]
    memory.write(addresses[3], b"\xff\xfe")
    assert memory.read(addresses[3], 3) == b"\xff\xfe\x03"
    assert all(address % 256 == 0 for address in addresses)
    assert memory.read(addresses[39], 5000) == b"\x27" * 5000
    with pytest.raises(ValueError, match="not inside one allocation"):
        memory.read(addresses[0], 5001)
