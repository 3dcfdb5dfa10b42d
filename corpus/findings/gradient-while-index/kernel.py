import warp as wp


@wp.kernel
def total(rows: wp.array2d(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    s = float(0.0)
    k = int(0)
    while k < 4:
        s += rows[i, k]
        k += 1
    out[i] = s
