import warp as wp


@wp.kernel
def change(before: wp.array(dtype=int)):
    i, lane = wp.tid()
    slots = wp.tile_arange(64, dtype=int, storage="shared")
    negated = wp.tile_map(wp.neg, slots)
    slots[(lane + 17) % 64] += 1000
    wp.tile_store(before, negated)
