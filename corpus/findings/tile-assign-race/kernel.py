import warp as wp


@wp.kernel
def overwrite(before: wp.array(dtype=int), after: wp.array(dtype=int)):
    i, lane = wp.tid()
    slots = wp.tile_scan_inclusive(wp.tile(lane - lane + 1))
    own = wp.untile(slots)
    slots[13:45] = wp.tile_zeros(shape=(32,), dtype=int)
    wp.tile_store(before, wp.tile(own))
    wp.tile_store(after, slots)
