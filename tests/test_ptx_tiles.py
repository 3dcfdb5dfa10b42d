"""Tiles and launches of all shapes on the emulator: what NumPy computes, and nothing for the sanitizer to report."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warp as wp

from oracle import ptx
from oracle.emulate.warp_layout import array_descriptor, launch_bounds

Array = np.ndarray[Any, Any]

ROWS, COLUMNS = 4, 96
M, N, K = 16, 8, 12


@wp.func
def halved(x: float):
    return 0.5 * x + 1.0


@wp.kernel
def mapped(a: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    i = wp.tid()
    t = wp.tile_load(a[i], shape=COLUMNS, storage="shared")
    wp.tile_store(out[i], wp.tile_map(halved, t) + t)


@wp.kernel
def reduced(a: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    i = wp.tid()
    t = wp.tile_load(a[i], shape=COLUMNS)
    wp.tile_store(out[i], wp.tile_max(t), offset=0)
    wp.tile_store(out[i], wp.tile_min(t), offset=1)
    wp.tile_store(out[i], wp.tile_reduce(wp.add, t), offset=2)


@wp.kernel
def scanned(a: wp.array2d(dtype=int), inclusive: wp.array2d(dtype=int), exclusive: wp.array2d(dtype=int)):
    i = wp.tid()
    t = wp.tile_load(a[i], shape=COLUMNS)
    wp.tile_store(inclusive[i], wp.tile_scan_inclusive(t))
    wp.tile_store(exclusive[i], wp.tile_scan_exclusive(t))


@wp.kernel
def sorted_by_key(keys: wp.array2d(dtype=int), values: wp.array2d(dtype=int)):
    i = wp.tid()
    k = wp.tile_load(keys[i], shape=COLUMNS, storage="shared")
    v = wp.tile_load(values[i], shape=COLUMNS, storage="shared")
    wp.tile_sort(k, v)
    wp.tile_store(keys[i], k)
    wp.tile_store(values[i], v)


@wp.kernel
def multiplied(a: wp.array2d(dtype=float), b: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    x = wp.tile_load(a, shape=(M, K))
    y = wp.tile_load(b, shape=(K, N))
    total = wp.tile_zeros(shape=(M, N), dtype=float)
    wp.tile_matmul(x, y, total)
    wp.tile_store(out, total)


@wp.kernel
def shifted(a: wp.array4d(dtype=float), out: wp.array4d(dtype=float)):
    i = wp.tid()
    t = wp.tile_load(a, shape=(1, 2, 3, 4), offset=(i, 1, 0, 2))
    wp.tile_store(out, t, offset=(i, 0, 1, 0))


@wp.kernel
def numbered(out: wp.array4d(dtype=int)):
    i, j, k, l = wp.tid()  # noqa: E741
    out[i, j, k, l] += i * 1000 + j * 100 + k * 10 + l


@pytest.fixture(scope="module", params=[32, 64, 128, 256])
def block(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def module(block: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ptx.Module]:
    """This file's kernels, compiled for blocks of that many threads."""
    folder = tmp_path_factory.mktemp(f"tiles{block}")
    options = {"optimization_level": 2, "enable_backward": False, "block_dim": block}
    wp.set_module_options(options, module=sys.modules[__name__])
    wp.compile_aot_module(sys.modules[__name__], device=None, arch=75, module_dir=str(folder), use_ptx=True)
    (text,) = Path(folder).glob("*.ptx")
    yield ptx.Module(text.read_text())


def launch(
    module: ptx.Module, kernel: Any, shape: tuple[int, ...], block: int, *arrays: Array, grid: int = 0, each: int = 0
) -> list[Array]:
    """The arrays after a launch over `shape`, with `each` threads (a block, for tiles) at each place."""
    memory = ptx.GlobalMemory()
    addresses = [memory.allocate(array) for array in arrays]
    descriptors = [array_descriptor(a, 0, x.shape, x.itemsize) for a, x in zip(addresses, arrays, strict=True)]
    each = each or block
    grid = grid or -(-int(np.prod(shape)) * each // block)
    (entry,) = (e for e in module.entries if e.startswith(kernel.key + "_"))
    execution = ptx.launch(
        module,
        entry,
        (grid, 1, 1),
        (block, 1, 1),
        [launch_bounds(shape, each), *descriptors],
        memory,
        shared_bytes=32768,
    )
    assert execution.reports == ()
    return [
        np.frombuffer(memory.read(address, array.nbytes), array.dtype).reshape(array.shape)
        for address, array in zip(addresses, arrays, strict=True)
    ]


@pytest.fixture
def floats() -> Array:
    return np.random.default_rng(1).integers(-99, 99, (ROWS, COLUMNS)).astype(np.float32)


@pytest.fixture
def integers() -> Array:
    return np.random.default_rng(2).integers(0, 30, (ROWS, COLUMNS)).astype(np.int32)


def test_tiles_are_mapped(module: ptx.Module, block: int, floats: Array) -> None:
    _, out = launch(module, mapped, (ROWS,), block, floats, np.zeros_like(floats))
    assert np.array_equal(out, 1.5 * floats + 1)


def test_tiles_are_reduced(module: ptx.Module, block: int, floats: Array) -> None:
    _, out = launch(module, reduced, (ROWS,), block, floats, np.zeros((ROWS, 3), np.float32))
    assert np.array_equal(out, np.stack([floats.max(axis=1), floats.min(axis=1), floats.sum(axis=1)], axis=1))


def test_tiles_are_scanned(module: ptx.Module, block: int, integers: Array) -> None:
    _, inclusive, exclusive = launch(module, scanned, (ROWS,), block, integers, *np.zeros((2, ROWS, COLUMNS), np.int32))
    assert np.array_equal(inclusive, integers.cumsum(axis=1))
    assert np.array_equal(exclusive, integers.cumsum(axis=1) - integers)


def test_tiles_are_sorted_stably(module: ptx.Module, block: int, integers: Array) -> None:
    values = np.tile(np.arange(COLUMNS, dtype=np.int32), (ROWS, 1))
    keys, order = launch(module, sorted_by_key, (ROWS,), block, integers, values)
    assert np.array_equal(keys, np.sort(integers, axis=1))
    assert np.array_equal(np.take_along_axis(integers, order, axis=1), keys)
    assert np.array_equal(np.sort(order, axis=1), values)


def test_tiles_are_multiplied(module: ptx.Module, block: int) -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.integers(-9, 9, shape).astype(np.float32) for shape in ((M, K), (K, N)))
    *_, out = launch(module, multiplied, (1,), block, a, b, np.zeros((M, N), np.float32))
    assert np.array_equal(out, a @ b)


def test_tiles_of_four_dimensions_are_cut_out_and_put_in(module: ptx.Module, block: int) -> None:
    a = np.random.default_rng(4).normal(size=(3, 4, 5, 6)).astype(np.float32)
    _, out = launch(module, shifted, (3,), block, a, np.zeros_like(a))
    expected = np.zeros_like(a)
    expected[:, 0:2, 1:4, 0:4] = a[:, 1:3, 0:3, 2:6]
    assert np.array_equal(out, expected)


@pytest.mark.parametrize("grid", [1, 2, 100])
def test_any_number_of_blocks_covers_a_launch_of_four_dimensions(module: ptx.Module, block: int, grid: int) -> None:
    shape = (3, 5, 7, 9)
    (out,) = launch(module, numbered, shape, block, np.zeros(shape, np.int32), grid=grid, each=1)
    i, j, k, l = np.indices(shape)  # noqa: E741
    assert np.array_equal(out, i * 1000 + j * 100 + k * 10 + l)
