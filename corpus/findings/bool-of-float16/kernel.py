import warp as wp


@wp.kernel
def is_set(x: wp.array(dtype=wp.float16), out: wp.array(dtype=bool)):
    i = wp.tid()
    out[i] = bool(x[i])
