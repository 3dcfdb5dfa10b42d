import warp as wp


@wp.kernel
def load_before(values: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    wp.tile_store(out, wp.tile_load(values, shape=8, offset=-4))
