import warp as wp


@wp.kernel
def total(out: wp.array(dtype=float)):
    i = wp.tid()
    for k in range(2):
        pair = (float(i), float(k))
        a, b = pair
        out[i] += a + b
