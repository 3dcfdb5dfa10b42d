import warp as wp


@wp.kernel
def scale_sum(values: wp.array(dtype=float), weights: wp.array(dtype=float), n: int, out: wp.array(dtype=float)):
    i = wp.tid()
    scale = values[i] * values[i]
    total = wp.float32(0.0)
    for k in range(n):
        total += weights[i] * float(k)
    out[i] = total + scale * 3.0
