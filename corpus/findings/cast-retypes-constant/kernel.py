import warp as wp


@wp.kernel
def divide(out: wp.array(dtype=wp.float64)):
    a = 7
    b = 2
    ratio = wp.float64(a) / wp.float64(b)
    out[0] = wp.float64(a / b)
    out[1] = ratio
