import warp as wp


@wp.kernel
def count(n: int, out: wp.array(dtype=int)):
    last = int(1)
    first, step = last, 2
    for i in range(n):
        last += step
    out[0] = first
