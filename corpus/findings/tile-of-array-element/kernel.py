import warp as wp


@wp.kernel
def copy(a: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    wp.tile_store(out, wp.tile(a[i]), offset=i)
