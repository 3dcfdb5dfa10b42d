import numpy as np
import warp as wp

wp.config.enable_cpu_blocks = True  # else a block of the cpu is one thread


@wp.kernel
def change(before: wp.array(dtype=int)):
    i, lane = wp.tid()
    slots = wp.tile_arange(64, dtype=int, storage="shared")
    negated = wp.tile_map(wp.neg, slots)
    slots[(lane + 17) % 64] += 1000
    wp.tile_store(before, negated)


before = wp.zeros(64, dtype=int, device="cpu")
wp.launch_tiled(change, dim=[1], inputs=[before], block_dim=64, device="cpu")
print(before.numpy())
assert np.array_equal(before.numpy(), -np.arange(64))
