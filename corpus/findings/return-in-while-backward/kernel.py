import warp as wp


@wp.kernel
def total(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    s = float(0.0)
    i = int(0)
    while i < 5:
        s += x[0]
        i += 1
        if i == 3:
            out[0] = s
            return
