import warp as wp


@wp.kernel
def largest(weights: wp.array(dtype=float), values: wp.array(dtype=float), out: wp.array(dtype=float)):
    i = wp.tid()
    best = wp.float32(-1000.0)
    for k in range(5):
        if weights[k] == 0.0:
            continue
        candidate = values[i] * float(k + 1)
        if candidate > best:
            best = candidate
    out[i] = best
