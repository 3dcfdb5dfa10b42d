import warp as wp


@wp.kernel
def shift(values: wp.array(dtype=wp.float64), out: wp.array(dtype=wp.float64)):
    i = wp.tid()
    u = wp.float64(0.0)
    for l in range(1, 7, 2):
        u = values[l] - wp.float64(l)
    out[i] = u
