import numpy as np
import warp as wp


@wp.kernel
def factor(a: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    i = wp.tid()
    lower = wp.tile_cholesky(wp.tile_load(a, shape=(2, 2)))
    wp.tile_store(out, wp.tile_transpose(lower))


wp.config.enable_mathdx_solver = False
a = wp.array([[4.0, 0.0], [0.0, 4.0]], dtype=float, device="cpu", requires_grad=True)
out = wp.zeros((2, 2), dtype=float, device="cpu", requires_grad=True)
tape = wp.Tape()
with tape:
    wp.launch_tiled(factor, dim=[1], inputs=[a], outputs=[out], block_dim=32, device="cpu")
out.grad.fill_(1.0)
tape.backward()
print("expected 0.25 on the diagonal, where out = sqrt(a); observed", np.diag(a.grad.numpy()))
assert np.allclose(np.diag(a.grad.numpy()), 0.25)
