import warp as wp


@wp.kernel
def first_quotient(x: wp.array(dtype=wp.vec3ul), d: wp.array(dtype=wp.uint64), out: wp.array(dtype=float)):
    i = wp.tid()
    v = x[i] / d[i]
    out[i] = float(v[0])
