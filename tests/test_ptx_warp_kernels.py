"""What NVRTC makes of Warp kernels runs on the emulator and computes what NumPy does, at every optimisation level."""

from __future__ import annotations

import struct
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

N = 70
TILE = 64


@wp.struct
class Body:
    weight: wp.float64
    index: wp.int8
    offset: wp.vec3


@wp.func
def collatz(start: int):
    n = start
    steps = int(0)  # noqa: RUF046, UP018
    while n > 1:
        if n % 2 == 0:  # noqa: SIM108
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
        if steps == 100:
            break
    return steps, n


@wp.kernel
def integers(a: wp.array(dtype=wp.int64), b: wp.array(dtype=wp.uint8), out: wp.array2d(dtype=wp.int64)):
    i = wp.tid()
    x = a[i]
    y = wp.int64(b[i]) + wp.int64(1)
    out[i, 0] = x / y
    out[i, 1] = x % y
    out[i, 2] = wp.int64(wp.int8(b[i])) ^ (x >> wp.int64(3))
    out[i, 3] = wp.clamp(x, -y, y)


@wp.kernel
def control(out: wp.array3d(dtype=int)):
    i, j, k = wp.tid()
    steps, rest = collatz(i * 20 + j * 5 + k + 1)
    total = int(0)  # noqa: RUF046, UP018
    for u in range(i + 2):
        for v in range(u + j):
            if (u * v) % 3 == 2:
                continue
            if total > 40:
                break
            total += u + v * k
    if rest == 1 and total % 2 == 1:
        out[i, j, k] = steps
        return
    out[i, j, k] = total + 1000


@wp.kernel
def sums(
    values: wp.array(dtype=int), floats: wp.array(dtype=float), totals: wp.array(dtype=int), f: wp.array(dtype=float)
):
    i = wp.tid()
    x = values[i]
    wp.atomic_add(totals, x % 4, x)
    wp.atomic_max(totals, 4, x)
    wp.atomic_min(totals, 5, -x)
    wp.atomic_add(f, 0, floats[i])
    wp.atomic_max(f, 1, floats[i])


@wp.kernel
def large_angles(x: wp.array(dtype=wp.float64), out: wp.array2d(dtype=wp.float64)):
    i = wp.tid()
    out[0, i] = wp.sin(x[i])
    out[1, i] = wp.cos(x[i])
    out[2, i] = wp.float64(wp.sin(wp.float32(x[i])))


@wp.kernel
def bodies(x: wp.array(dtype=wp.vec3), body: Body, out: wp.array(dtype=wp.vec3)):
    i = wp.tid()
    out[i] = x[i] * float(body.weight) + body.offset * float(body.index)


@wp.kernel
def squares(x: wp.array(dtype=float), y: wp.array(dtype=float)):
    i = wp.tid()
    y[i] = x[i] * x[i] + 3.0 * x[i]


@wp.kernel
def randoms(out: wp.array2d(dtype=float)):
    i = wp.tid()
    state = wp.rand_init(42, i)
    out[0, i] = wp.randf(state)
    out[1, i] = wp.noise(state, wp.vec2(0.37 * float(i), 0.11 * float(i)))
    out[2, i] = wp.randn(state)


@wp.kernel
def tiles(a: wp.array2d(dtype=int), total: wp.array(dtype=int), scan: wp.array2d(dtype=int)):
    i = wp.tid()
    t = wp.tile_load(a[i], shape=TILE)
    wp.tile_store(total, wp.tile_sum(t), offset=i)
    wp.tile_store(scan[i], wp.tile_scan_exclusive(t))


@pytest.fixture(scope="module", params=[1, 2, 3])
def module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ptx.Module]:
    """This file's kernels at one of NVRTC's optimisation levels."""
    folder = tmp_path_factory.mktemp(f"level{request.param}")
    options = {"optimization_level": request.param, "fuse_fp": False, "fast_math": False, "block_dim": TILE}
    wp.set_module_options(options, module=sys.modules[__name__])
    wp.compile_aot_module(sys.modules[__name__], device=None, arch=75, module_dir=str(folder), use_ptx=True)
    (text,) = Path(folder).glob("*.ptx")
    yield ptx.Module(text.read_text())


class Device:
    """Arrays in emulated memory and launches on them."""

    def __init__(self, module: ptx.Module) -> None:
        self.module = module
        self.memory = ptx.GlobalMemory()
        self.places: dict[int, tuple[int, Array]] = {}

    def array(self, host: Array, elements: int = 0, gradient: int = 0) -> bytes:
        """The descriptor of a copy of `host`, whose last `elements` axes belong to the element type."""
        address = self.memory.allocate(host)
        self.places[id(host)] = (address, host)
        axes = host.ndim - elements
        return array_descriptor(address, gradient, host.shape[:axes], host.strides[axes - 1])

    def read(self, host: Array) -> Array:
        """The emulator's copy of `host`."""
        address, _ = self.places[id(host)]
        return np.frombuffer(self.memory.read(address, host.nbytes), host.dtype).reshape(host.shape)

    def launch(
        self, kernel: Any, shape: tuple[int, ...], *params: bytes, block: int = 32, backward: bool = False
    ) -> None:
        """Launch over `shape` threads, in blocks of `block`."""
        self.launch_blocks(
            kernel, -(-int(np.prod(shape)) // block), block, launch_bounds(shape), *params, backward=backward
        )

    def launch_blocks(self, kernel: Any, grid: int, block: int, *params: bytes, backward: bool = False) -> None:
        """Launch `grid` blocks."""
        ending = "backward" if backward else "forward"
        (entry,) = (e for e in self.module.entries if e.startswith(kernel.key + "_") and e.endswith(ending))
        ptx.launch(self.module, entry, (grid, 1, 1), (block, 1, 1), params, self.memory, shared_bytes=8192)


@pytest.fixture
def device(module: ptx.Module) -> Device:
    return Device(module)


def test_integers_of_all_widths_mix(device: Device) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(-(2**62), 2**62, N), rng.integers(0, 256, N).astype(np.uint8)
    out = np.zeros((N, 4), np.int64)
    device.launch(integers, (N,), device.array(a), device.array(b), device.array(out))
    y = b.astype(np.int64) + 1
    quotient = np.sign(a) * (np.abs(a) // y)
    expected = [quotient, a - quotient * y, b.astype(np.int8).astype(np.int64) ^ (a >> 3), np.clip(a, -y, y)]
    assert np.array_equal(device.read(out), np.stack(expected, axis=1))


def test_threads_go_their_own_ways(device: Device) -> None:
    out = np.zeros((3, 4, 5), np.int32)
    device.launch(control, out.shape, device.array(out))
    wp.launch(control, out.shape, inputs=[host := wp.zeros(out.shape, dtype=int, device="cpu")], device="cpu")
    assert np.array_equal(device.read(out), host.numpy())


def test_atomics_gather_all_threads(device: Device) -> None:
    values = np.random.default_rng(2).integers(0, 1000, N).astype(np.int32)
    floats, totals, f = (values / 7).astype(np.float32), np.zeros(6, np.int32), np.zeros(2, np.float32)
    arrays = [device.array(x) for x in (values, floats, totals, f)]
    device.launch(sums, (N,), *arrays)
    expected = [values[values % 4 == r].sum() for r in range(4)] + [values.max(), -values.max()]
    assert device.read(totals).tolist() == expected
    assert device.read(f).tolist() == [np.add.accumulate(floats)[-1], floats.max()]


def test_large_angles_are_reduced(device: Device) -> None:
    x = np.array([0.0, 1.0, -2.5, 1e5, 1e9, -1e15, 1e22, 3e38] * 9)
    out = np.zeros((3, len(x)))
    device.launch(large_angles, (len(x),), device.array(x), device.array(out))
    single = np.sin(x.astype(np.float32).astype(np.float64))
    np.testing.assert_allclose(device.read(out), [np.sin(x), np.cos(x), single], rtol=2e-7, atol=1e-7)
    np.testing.assert_allclose(device.read(out)[:2], [np.sin(x), np.cos(x)], rtol=4e-16)


def test_structures_and_vectors_are_passed_by_value(device: Device) -> None:
    x = np.random.default_rng(3).normal(size=(N, 3)).astype(np.float32)
    out = np.zeros_like(x)
    body = struct.pack("<db3x3f", 2.5, -3, 1.0, 2.0, 4.0)
    device.launch(bodies, (N,), device.array(x, 1), body, device.array(out, 1))
    expected = x * np.float32(2.5) + np.array([1, 2, 4], np.float32) * np.float32(-3)
    assert np.array_equal(device.read(out), expected)


def test_a_backward_kernel_gives_the_derivative(device: Device) -> None:
    x = np.linspace(-3, 3, N, dtype=np.float32)
    y, adj_x, adj_y = np.zeros_like(x), np.zeros_like(x), np.full_like(x, 0.5)
    adjoints = [device.array(adj_x), device.array(adj_y)]
    forward = [
        device.array(x, gradient=device.places[id(adj_x)][0]),
        device.array(y, gradient=device.places[id(adj_y)][0]),
    ]
    device.launch(squares, (N,), *forward, *adjoints, backward=True)
    np.testing.assert_allclose(device.read(adj_x), 0.5 * (2 * x + 3), rtol=1e-6)


def test_random_numbers_are_the_cpu_s_but_for_the_last_places_of_normal_ones(device: Device) -> None:
    """`randn` goes through log and cos, which CUDA promises to 1 and 2 ulp; the product has been 3 ulp off at most."""
    out = np.zeros((3, 4096), np.float32)
    device.launch(randoms, (out.shape[1],), device.array(out))
    wp.launch(randoms, out.shape[1], inputs=[host := wp.zeros(out.shape, dtype=float, device="cpu")], device="cpu")
    emulated, expected = device.read(out), host.numpy()
    assert np.array_equal(emulated[:2], expected[:2])
    np.testing.assert_array_max_ulp(emulated[2], expected[2], maxulp=4)


def test_tiles_reduce_and_scan(device: Device) -> None:
    a = np.random.default_rng(4).integers(0, 99, (3, TILE)).astype(np.int32)
    total, scan = np.zeros(3, np.int32), np.zeros_like(a)
    params = [device.array(x) for x in (a, total, scan)]
    device.launch_blocks(tiles, 3, TILE, launch_bounds((3,), TILE), *params)
    assert device.read(total).tolist() == a.sum(axis=1).tolist()
    assert np.array_equal(device.read(scan), a.cumsum(axis=1) - a)
