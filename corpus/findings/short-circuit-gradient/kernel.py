import warp as wp


@wp.func
def add(x: wp.array(dtype=float), i: int, out: wp.array(dtype=float)):
    wp.atomic_add(out, 0, x[i] * 2.0)
    return x[i] > 1.0


@wp.kernel
def both(x: wp.array(dtype=float), out: wp.array(dtype=float)):
    if add(x, 0, out) and add(x, 1, out):
        out[1] = 1.0
