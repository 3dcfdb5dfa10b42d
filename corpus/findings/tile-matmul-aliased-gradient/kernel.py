import warp as wp

M, N = wp.constant(32), wp.constant(16)


@wp.kernel
def gram(x: wp.array2d(dtype=float), out: wp.array2d(dtype=float)):
    a = wp.tile_load(x, shape=(M, N))
    c = wp.tile_zeros(dtype=float, shape=(N, N))
    wp.tile_matmul(wp.tile_transpose(a), a, c)
    wp.tile_store(out, c)
