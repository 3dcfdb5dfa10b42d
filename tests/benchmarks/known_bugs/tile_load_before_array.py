import warp as wp


@wp.kernel
def load_before(values: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    i = wp.tid()
    row = wp.tile_load(values[i], shape=8, offset=-4)
    wp.tile_store(out[i], row)
