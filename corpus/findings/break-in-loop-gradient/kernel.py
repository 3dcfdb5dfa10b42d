import warp as wp


@wp.kernel
def sum_until(x: wp.array(dtype=float), n: int, out: wp.array(dtype=float)):
    total = float(0.0)
    for i in range(n):
        total += x[i] * x[i]
        if x[i] > 1.5:
            break
    out[0] = total
