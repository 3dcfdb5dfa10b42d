import warp as wp


@wp.kernel
def wrap(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    out[0] = x[0] % x[1]
