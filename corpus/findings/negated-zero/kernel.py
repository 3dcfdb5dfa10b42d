import warp as wp


@wp.kernel
def negate(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = -x[i]
