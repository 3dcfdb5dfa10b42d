import warp as wp


@wp.kernel
def sums(a: wp.array(dtype=float), b: wp.array(dtype=float), first: wp.array(dtype=float), last: wp.array(dtype=float)):
    x = wp.tile_load(a, shape=64)
    y = wp.tile_load(b, shape=64)
    wp.tile_store(first, wp.tile_sum(x))
    wp.tile_store(last, wp.tile_sum(y))
