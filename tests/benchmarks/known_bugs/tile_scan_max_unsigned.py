import warp as wp


@wp.kernel
def scan_rows(values: wp.array2d(dtype=wp.uint32), out: wp.array2d(dtype=wp.uint32)):
    i = wp.tid()
    row = wp.tile_load(values[i], shape=8)
    wp.tile_store(out[i], wp.tile_scan_max_inclusive(row))
