import warp as wp


@wp.kernel
def scale(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    pair = (x[0] * 2.0, x[1])
    a, b = pair
    out[0] = a + b
