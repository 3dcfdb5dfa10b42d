import warp as wp


@wp.kernel
def second(q: wp.array(dtype=wp.quat), out: wp.array(dtype=float)):
    i = wp.tid()
    value = q[i]
    out[i] = value[wp.int16(1)]
