import warp as wp


@wp.kernel
def square(x: wp.array(dtype=float), n: int, out: wp.array(dtype=float)):
    s = x[0] * 1.0
    out[0] = s * s
    for i in range(n):
        s += 10.0
