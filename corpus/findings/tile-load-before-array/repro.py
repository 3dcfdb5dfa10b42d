import numpy as np
import warp as wp


@wp.kernel
def load_before(values: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    wp.tile_store(out, wp.tile_load(values, shape=8, offset=-4))


whole = wp.array(np.arange(1, 17, dtype=np.float32), dtype=float, device="cpu")
out = wp.zeros(8, dtype=float, device="cpu")
wp.launch_tiled(load_before, dim=[1], inputs=[whole[8:], out], block_dim=64, device="cpu")
print("expected [0 0 0 0 9 10 11 12] (zeros out of bounds), observed", out.numpy())
assert (out.numpy()[:4] == 0).all()
