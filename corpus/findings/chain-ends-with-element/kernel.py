import warp as wp


@wp.kernel
def between(low: float, x: wp.array(dtype=float), out: wp.array(dtype=bool)):
    i = wp.tid()
    middle = x[i] * 0.5
    out[i] = low < middle < x[i]
