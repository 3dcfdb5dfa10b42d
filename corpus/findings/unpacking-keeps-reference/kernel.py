import warp as wp


@wp.kernel
def sort(x: wp.array(dtype=float)):
    a, b = x[0], x[1]
    x[0] = wp.min(a, b)
    x[1] = wp.max(a, b)
