import warp as wp


@wp.kernel
def tile_sum_axis(values: wp.array2d(dtype=int), out: wp.array2d(dtype=int)):
    i = wp.tid()
    tile = wp.tile_load(values[i], shape=8)
    total = wp.tile_sum(tile, axis=0)
    wp.tile_store(out[i], total)
