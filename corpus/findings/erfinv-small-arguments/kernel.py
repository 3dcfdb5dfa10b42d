import warp as wp


@wp.kernel
def inverse(z: wp.array(dtype=float), x: wp.array(dtype=float), a: wp.array(dtype=float), b: wp.array(dtype=float)):
    i = wp.tid()
    a[i] = wp.erfinv(z[i])
    b[i] = wp.erfcinv(x[i])
