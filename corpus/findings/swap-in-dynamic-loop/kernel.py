import warp as wp


@wp.kernel
def swap(n: int, out: wp.array(dtype=float)):
    a = float(1.0)
    b = float(2.0)
    for i in range(n):
        a, b = b, a
    out[0] = a
    out[1] = b
