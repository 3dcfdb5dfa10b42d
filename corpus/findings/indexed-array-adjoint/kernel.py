import warp as wp


@wp.kernel
def scale(a: wp.indexedarray(dtype=float), b: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    out[i] = a[i] * b[i]
