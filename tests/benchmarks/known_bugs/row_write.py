import warp as wp


@wp.kernel
def write_row(values: wp.array(dtype=wp.vec3), out: wp.array(dtype=wp.mat33)):
    i = wp.tid()
    out[i][1] = values[i]
