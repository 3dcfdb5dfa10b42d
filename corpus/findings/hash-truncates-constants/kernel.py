import warp as wp


STEP = 4294967301


@wp.kernel
def store(out: wp.array(dtype=wp.int64)):
    out[0] = wp.int64(STEP)
