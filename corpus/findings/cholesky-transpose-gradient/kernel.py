import warp as wp


@wp.kernel
def factor(a: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    i = wp.tid()
    lower = wp.tile_cholesky(wp.tile_load(a, shape=(2, 2)))
    wp.tile_store(out, wp.tile_transpose(lower))
