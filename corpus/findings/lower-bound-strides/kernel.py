import warp as wp


@wp.kernel
def find(ascending: wp.array(dtype=float), out: wp.array(dtype=int)):
    out[0] = wp.lower_bound(ascending, 3.0)
