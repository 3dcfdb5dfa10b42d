"""Run on the virtual device by `test_virtual_device`, in a process of its own, since it changes Warp's runtime."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import warp as wp

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import virtual_device

from oracle import ptx


@wp.kernel
def weigh(points: wp.array(dtype=wp.vec3), weights: wp.array2d(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = weights[i, 1] * wp.dot(points[i], points[i])


@wp.kernel
def sum_rows(rows: wp.array2d(dtype=float), sums: wp.array(dtype=float)):
    i = wp.tid()
    row = wp.tile_load(rows[i], shape=64)
    wp.tile_store(sums, wp.tile_sum(row), offset=i)


@wp.kernel
def write_past_the_end(out: wp.array(dtype=float)):
    out[wp.tid() + 1] = 1.0


def arrays_and_gradients() -> None:
    generator = np.random.default_rng(0)
    x, w = generator.random((300, 3), np.float32), generator.random((300, 2), np.float32)
    points = wp.array(x, dtype=wp.vec3, requires_grad=True)
    weights = wp.array(w, requires_grad=True)
    out = wp.zeros(300, dtype=float, requires_grad=True)
    assert str(out.device) == "cuda:0"
    with wp.Tape() as tape:
        wp.launch(weigh, dim=300, inputs=[points, weights], outputs=[out])
    out.grad.fill_(2.0)
    tape.backward()
    assert np.allclose(out.numpy(), w[:, 1] * (x * x).sum(axis=1), rtol=1e-6)
    assert np.allclose(points.grad.numpy(), 4.0 * w[:, 1:] * x, rtol=1e-6)
    expected = np.stack([np.zeros(300), 2.0 * (x * x).sum(axis=1)], axis=1)
    assert np.allclose(weights.grad.numpy(), expected, rtol=1e-6)


def tiles_and_graphs() -> None:
    rows = np.arange(5 * 64, dtype=np.float32).reshape(5, 64)
    given, sums = wp.array(rows), wp.zeros(5, dtype=float)
    with wp.ScopedCapture() as capture:
        wp.launch_tiled(sum_rows, dim=[5], inputs=[given], outputs=[sums], block_dim=64)
    assert not sums.numpy().any()
    wp.capture_launch(capture.graph)
    assert np.array_equal(sums.numpy(), rows.sum(axis=1))


def copies_of_strided_arrays() -> None:
    numbers = np.arange(24, dtype=np.int32).reshape(4, 6)
    column = wp.array(numbers)[:, 1]
    assert np.array_equal(wp.clone(column).numpy(), numbers[:, 1])
    column.fill_(7)
    assert np.array_equal(column.numpy(), [7, 7, 7, 7])


def wrong_accesses() -> None:
    try:
        wp.launch(write_past_the_end, dim=4, inputs=[wp.zeros(4, dtype=float)])
    except ptx.Fault as fault:
        assert "0 bytes past the end of a 16-byte allocation" in str(fault), fault
        assert fault.report.thread == ((0, 0, 0), (3, 0, 0)), fault
    else:
        raise AssertionError("a write out of bounds went through")


def what_is_missing() -> None:
    try:
        wp.HashGrid(4, 4, 4)
    except virtual_device.NotOnVirtualDevice as error:
        assert "wp_hash_grid_create_device is not on the virtual device" in str(error)
    else:
        raise AssertionError("a hash grid was made without a GPU")


if __name__ == "__main__":
    wp.config.kernel_cache_dir = sys.argv[1]
    wp.config.optimization_level = 1
    virtual_device.install()
    with wp.ScopedDevice("cuda:0"):
        for check in (
            arrays_and_gradients,
            tiles_and_graphs,
            copies_of_strided_arrays,
            wrong_accesses,
            what_is_missing,
        ):
            check()
            print(check.__name__)
