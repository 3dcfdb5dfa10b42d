import warp as wp


@wp.kernel
def second(a: wp.indexedarray2d(dtype=float), out: wp.array(dtype=float)):
    row = a[0, 0:2]
    out[0] = row[1]
