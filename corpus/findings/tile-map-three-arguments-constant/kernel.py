import warp as wp


@wp.func
def blend(x: float, y: float, z: float):
    return x * y + z


@wp.kernel
def shift(a: wp.array(dtype=float), out: wp.array(dtype=float)):
    x = wp.tile_load(a, shape=2)
    wp.tile_store(out, wp.tile_map(blend, x, x, 2.0))
