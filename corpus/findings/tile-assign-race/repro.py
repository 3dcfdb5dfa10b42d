import numpy as np
import warp as wp


@wp.kernel
def overwrite(before: wp.array(dtype=int), after: wp.array(dtype=int)):
    i, lane = wp.tid()
    slots = wp.tile_scan_inclusive(wp.tile(lane - lane + 1))
    own = wp.untile(slots)
    slots[13:45] = wp.tile_zeros(shape=(32,), dtype=int)
    wp.tile_store(before, wp.tile(own))
    wp.tile_store(after, slots)


wrong = 0
for _ in range(1000):
    before, after = (wp.zeros(64, dtype=int, device="cuda:0") for _ in range(2))
    wp.launch_tiled(overwrite, dim=[1], inputs=[before, after], block_dim=64, device="cuda:0")
    wrong += not np.array_equal(before.numpy(), np.arange(1, 65))
print(f"what was read before the assignment is wrong in {wrong} of 1000 runs")
assert not wrong
