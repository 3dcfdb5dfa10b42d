import numpy as np
import warp as wp

wp.config.enable_mathdx_gemm = False
M, N = wp.constant(32), wp.constant(16)


@wp.kernel
def gram(x: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    a = wp.tile_load(x, shape=(M, N))
    c = wp.tile_zeros(dtype=float, shape=(N, N))
    wp.tile_matmul(wp.tile_transpose(a), a, c)
    wp.tile_store(out, c)


host = np.random.default_rng(1).integers(-8, 9, (32, 16)).astype(np.float32)  # sums of integers are exact
expected = 2 * np.repeat(host.sum(axis=1, keepdims=True), 16, axis=1)
wrong = 0
for _ in range(1000):
    x = wp.array(host, dtype=float, requires_grad=True, device="cuda:0")
    out = wp.zeros((16, 16), dtype=float, requires_grad=True, device="cuda:0")
    with wp.Tape() as tape:
        wp.launch_tiled(gram, dim=[1], inputs=[x, out], block_dim=64, device="cuda:0")
    out.grad = wp.ones_like(out)
    tape.backward()
    wrong += not np.array_equal(x.grad.numpy(), expected)
print(f"gradient wrong in {wrong} of 1000 runs")
assert not wrong
