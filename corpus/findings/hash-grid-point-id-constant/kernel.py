import warp as wp


@wp.kernel
def first(grid: wp.uint64, out: wp.array(dtype=int)):
    out[0] = wp.hash_grid_point_id(grid, 0)
